/* SPI1: its registers, and the slave. The master is in spi_master.c. */
#include "dev/spi.h"

#include <string.h>

#include "regs.h"
#include "spi_priv.h"

static bool hears_clock(const struct spi *p)
{
    return (p->state.cr1 & CR1_SPE) && !(p->state.cr1 & CR1_MSTR) && spi_has_pin(p, PIN_SCK) &&
           spi_nss_low(p) && chip_is_clocked(p->dev.chip, SPI1_CLOCK_BUS, SPI1_CLOCK_BIT);
}

/* A slave in the wrong mode samples on the wrong edge: it reads each bit one late, and is read one late. */
static uint8_t seen_through_mode(const struct spi_state *s, uint8_t byte)
{
    if (s->cr1 & (CR1_CPOL | CR1_CPHA)) {
        byte = (uint8_t)(byte >> 1 | byte << 7);
    }
    return s->cr1 & CR1_LSBFIRST ? spi_reversed(byte) : byte;
}

static void check_mode(struct spi *p)
{
    struct spi_state *s = &p->state;
    if (!s->told_mode && (s->cr1 & (CR1_CPOL | CR1_CPHA | CR1_LSBFIRST))) {
        chip_violation(p->dev.chip, "SPI1: CR1 = 0x%04X, but the master speaks mode 0, MSB first",
                       (unsigned)s->cr1);
        s->told_mode = true;
    }
}

static void frame_done(struct spi_state *s)
{
    spi_receive(s, seen_through_mode(s, s->rx_shift));
    /* Erratum: in slave mode BSY may stay high after a frame. Here it does after every 16th, until the next
     * one, so that code which waits for BSY hangs on the first long test instead of in the field. */
    s->frames++;
    s->bsy_stuck = s->frames % BSY_STUCK_EVERY == 0;
}

static void shift_bit(struct spi_state *s, unsigned bit)
{
    if (!s->loaded) {
        spi_load_shift(s);
    }
    s->rx_shift = (uint8_t)((unsigned)s->rx_shift << 1 | bit);
    s->n_bits++;
    if (s->n_bits == 8) {
        s->n_bits = 0;
        s->loaded = false;
        frame_done(s);
    }
}

/* Follow SPE, NSS and pins; inside a byte remember when the clock began or ceased to be heard. */
static void follow_gate(struct spi *p)
{
    struct spi_state *s = &p->state;
    bool hears = hears_clock(p);
    if (hears == s->hears) {
        return;
    }
    s->hears = hears;
    if (hears) {
        s->opened_ps = chip_now_ps(p->dev.chip);
        s->closed_ps = UINT64_MAX;
    } else {
        s->closed_ps = chip_now_ps(p->dev.chip);
    }
}

static uint8_t miso_byte(const struct spi_state *s)
{
    unsigned slip = s->n_bits;
    uint8_t now = seen_through_mode(s, s->tx_shift);
    if (slip == 0) {
        return now;
    }
    uint8_t next = s->sr & SR_TXE ? now : seen_through_mode(s, s->tx_buffer);
    return (uint8_t)(now << slip | next >> (8U - slip));
}

static uint8_t on_byte_begin(void *ctx)
{
    struct spi *p = ctx;
    struct spi_state *s = &p->state;
    follow_gate(p);
    s->in_byte = true;
    s->begin_ps = chip_now_ps(p->dev.chip);
    s->opened_ps = s->begin_ps;
    s->closed_ps = s->hears ? UINT64_MAX : s->begin_ps;
    if (!s->hears) {
        return 0xFF;
    }
    check_mode(p);
    s->bsy_stuck = false;
    s->sr |= SR_BSY;
    if (s->n_bits == 0 && !s->loaded) {
        spi_load_shift(s);
    }
    uint8_t miso = spi_has_pin(p, PIN_MISO) ? miso_byte(s) : 0xFF;
    spi_update(p);
    return miso;
}

/* RM0090 28.3.3: the slave needs a peripheral clock of at least twice SCK. */
static void check_speed(struct spi *p, uint64_t byte_ps)
{
    struct spi_state *s = &p->state;
    uint64_t pclk_hz = chip_clock_hz(p->dev.chip, CHIP_PCLK2);
    uint64_t shortest_ps = pclk_hz ? 16ULL * 1000000000000ULL / pclk_hz : 0;
    if (!s->told_speed && byte_ps + 16U < shortest_ps) { /* 16: rounding of the bit time to whole ps */
        chip_violation(p->dev.chip, "SPI1: SCK is faster than half of PCLK2 = %u Hz", (unsigned)pclk_hz);
        s->told_speed = true;
    }
}

/* The sampling edge of bit i is in the middle of the bit; only edges while the clock was heard count. */
static void shift_byte(struct spi_state *s, uint8_t mosi, uint64_t byte_ps)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t edge_ps = s->begin_ps + byte_ps * (2U * i + 1U) / 16U;
        if (edge_ps >= s->opened_ps && edge_ps < s->closed_ps) {
            shift_bit(s, (unsigned)mosi >> (7U - i) & 1U);
        }
    }
}

static void on_byte_end(void *ctx, uint8_t mosi)
{
    struct spi *p = ctx;
    struct spi_state *s = &p->state;
    if (!s->in_byte) {
        return;
    }
    follow_gate(p);
    s->in_byte = false;
    uint64_t byte_ps = chip_now_ps(p->dev.chip) - s->begin_ps;
    if (!spi_has_pin(p, PIN_MOSI)) {
        mosi = 0; /* the input is not connected */
    }
    if (s->opened_ps < s->closed_ps) {
        check_speed(p, byte_ps);
        shift_byte(s, mosi, byte_ps);
    }
    s->sr = s->bsy_stuck ? s->sr | SR_BSY : s->sr & ~(uint32_t)SR_BSY;
    spi_update(p);
}

/* A master whose NSS is pulled low by somebody else gives up (RM0090 28.3.10). */
static void check_mode_fault(struct spi *p)
{
    struct spi_state *s = &p->state;
    bool is_input = (s->cr1 & CR1_SSM) || !(s->cr2 & CR2_SSOE);
    if ((s->cr1 & CR1_MSTR) && (s->cr1 & CR1_SPE) && is_input && spi_nss_low(p)) {
        spi_master_stop(p);
        s->cr1 &= ~(uint32_t)(CR1_MSTR | CR1_SPE);
        s->sr |= SR_MODF;
        s->sr_read = false;
    }
}

static void on_pin(void *ctx, char port, unsigned pin, bool level)
{
    (void)level;
    struct spi *p = ctx;
    if (port == 'A' && pin == PIN_NSS) {
        check_mode_fault(p);
        follow_gate(p);
        spi_update(p);
    }
}

static uint32_t read_sr(struct spi_state *s)
{
    uint32_t sr = s->sr;
    if (s->dr_read) { /* DR, then SR: clears OVR, after this read */
        s->sr &= ~(uint32_t)SR_OVR;
        s->dr_read = false;
    }
    s->sr_read = (sr & SR_MODF) != 0;
    return sr;
}

static uint32_t read_dr(struct spi_state *s)
{
    s->sr &= ~(uint32_t)SR_RXNE;
    s->dr_read = (s->sr & SR_OVR) != 0;
    return s->rx_buffer;
}

static bool is_narrow(struct dev *dev, uint32_t off, unsigned n_bytes)
{
    if (n_bytes == 1 && off != DR) {
        chip_violation(dev->chip, "SPI1: byte access at offset 0x%02X (RM0090 28.5: half-words or words)",
                       (unsigned)off);
        return true;
    }
    return false;
}

static bool spi_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct spi *p = (struct spi *)dev;
    struct spi_state *s = &p->state;
    uint32_t reg = 0;
    (void)is_narrow(dev, off, n_bytes);
    switch (off & ~3U) {
    case CR1:
        reg = s->cr1;
        break;
    case CR2:
        reg = s->cr2;
        break;
    case SR:
        reg = read_sr(s);
        break;
    case DR:
        reg = read_dr(s);
        break;
    case CRCPR:
        reg = s->crcpr;
        break;
    case RXCRCR:
    case TXCRCR:
    case I2SCFGR:
        break;
    case I2SPR:
        reg = 2;
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    spi_update(p);
    *value = regs_extract(reg, off, n_bytes);
    return true;
}

static void disable(struct spi_state *s)
{
    s->n_bits = 0;
    s->loaded = false;
    s->opened_ps = UINT64_MAX; /* the bits of a byte under way are lost too */
    s->bsy_stuck = false;
    s->sr &= ~(uint32_t)SR_BSY;
    s->disabled_full = !(s->sr & SR_TXE);
}

static void enable(struct spi *p)
{
    struct spi_state *s = &p->state;
    s->told_mode = false;
    s->told_speed = false;
    s->told_pins = false;
    if (s->cr1 & CR1_DFF) {
        chip_violation(p->dev.chip, "SPI1: 16-bit frames (CR1.DFF) are not modelled");
    }
    if (s->cr1 & CR1_MSTR) {
        spi_master_check(p);
    }
    if (s->disabled_full && !(s->sr & SR_TXE)) {
        /* Whether the byte survives SPE = 0 is not documented. It does
         * here: nothing may depend on its loss. */
        chip_violation(p->dev.chip,
                       "SPI1: enabled again with byte 0x%02X left in the transmit buffer; "
                       "reset SPI1 in RCC_APB2RSTR to empty it",
                       s->tx_buffer);
        s->disabled_full = false;
    }
}

/* What must not change now (RM0090 28.3.8, 28.5.1). */
static void check_cr1_change(struct spi *p, uint32_t value)
{
    const struct spi_state *s = &p->state;
    uint32_t old = s->cr1;
    if ((old & CR1_SPE) && (value & CR1_SPE) && ((old ^ value) & CR1_FROZEN)) {
        chip_violation(p->dev.chip, "SPI1: clock mode, format or role changed while SPE = 1 (RM0090 28.5.1)");
    }
    if (s->is_sending && !(value & CR1_SPE)) {
        chip_violation(p->dev.chip, "SPI1: SPE cleared while BSY = 1, byte 0x%02X is cut (RM0090 28.3.8)",
                       s->tx_shift);
    } else if (s->is_sending && ((old ^ value) & CR1_BR)) {
        chip_violation(p->dev.chip, "SPI1: BR changed while a byte is on the wires (RM0090 28.5.1)");
    }
}

/* SR was read or written while MODF stood: this write clears it. Until then the peripheral stays off
 * (RM0090 28.3.10). @return CR1 as it will be */
static uint32_t clear_mode_fault(struct spi *p, uint32_t value)
{
    struct spi_state *s = &p->state;
    if (!(s->sr & SR_MODF)) {
        return value;
    }
    if (value & (CR1_SPE | CR1_MSTR)) {
        chip_violation(p->dev.chip, "SPI1: SPE or MSTR set while MODF stands (RM0090 28.3.10)");
    }
    if (s->sr_read) {
        s->sr &= ~(uint32_t)SR_MODF;
        s->sr_read = false;
    }
    return value & ~(uint32_t)(CR1_SPE | CR1_MSTR);
}

static void write_cr1(struct spi *p, uint32_t value)
{
    struct spi_state *s = &p->state;
    uint32_t old = s->cr1;
    regs_reserved(&p->dev, "CR1", value, 0xFFFF);
    regs_unmodelled(&p->dev, "receive-only, bidirectional or CRC mode (CR1)", value & CR1_UNMODELLED);
    check_cr1_change(p, value);
    value = clear_mode_fault(p, value);
    s->cr1 = value & 0xFFFFU;
    if (!(value & CR1_SPE) || !(value & CR1_MSTR)) {
        spi_master_stop(p);
    }
    if ((old & CR1_SPE) && !(value & CR1_SPE)) {
        disable(s);
    } else if (!(old & CR1_SPE) && (value & CR1_SPE)) {
        enable(p);
    }
    check_mode_fault(p);
    follow_gate(p);
    spi_master_start(p);
}

static void write_dr(struct spi *p, uint32_t value)
{
    struct spi_state *s = &p->state;
    if ((s->cr1 & CR1_MSTR) && !(s->sr & SR_TXE)) {
        chip_violation(p->dev.chip, "SPI1: DR written while TXE = 0, byte 0x%02X is lost (RM0090 28.3.5)",
                       s->tx_buffer);
    }
    s->tx_buffer = (uint8_t)value; /* TXE = 0: overwritten (RM0090 28.3.9) */
    s->sr &= ~(uint32_t)SR_TXE;
    s->disabled_full = false;
    if (s->cr1 & CR1_MSTR) {
        spi_master_start(p);
    }
}

static bool spi_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct spi *p = (struct spi *)dev;
    struct spi_state *s = &p->state;
    if (is_narrow(dev, off, n_bytes)) {
        return true;
    }
    value = regs_merge(0, off, n_bytes, value);
    switch (off & ~3U) {
    case CR1:
        write_cr1(p, value);
        break;
    case CR2:
        regs_reserved(dev, "CR2", value, CR2_ALL);
        regs_unmodelled(dev, "TI mode (CR2.FRF)", value & CR2_FRF);
        s->cr2 = value & CR2_ALL;
        break;
    case SR:
        s->sr_read = (s->sr & SR_MODF) != 0; /* only CRCERR can be written, and it never stands */
        break;
    case DR:
        write_dr(p, value);
        break;
    case CRCPR:
        s->crcpr = value & 0xFFFFU;
        break;
    case RXCRCR:
    case TXCRCR:
        regs_read_only(dev, "a CRC register");
        break;
    case I2SCFGR:
        regs_unmodelled(dev, "I2S mode", value);
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    spi_update(p);
    return true;
}

static void spi_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct spi *p = (struct spi *)dev;
    spi_master_stop(p);
    memset(&p->state, 0, sizeof p->state);
    p->state.sr = SR_TXE;
    p->state.crcpr = CRCPR_RESET;
    spi_drop_requests(p);
    spi_update(p);
}

static const struct dev_ops spi_ops = {.read = spi_read, .write = spi_write, .reset = spi_reset};
static const struct chip_spi_slave spi_wires = {on_byte_begin, on_byte_end};

void spi_attach(struct chip *chip)
{
    struct spi *p = chip_alloc(chip, sizeof *p);
    p->dev = (struct dev){.ops = &spi_ops,
                          .name = "SPI1",
                          .base = SPI1_BASE,
                          .n_bytes = 0x400,
                          .chip = chip,
                          .state = &p->state,
                          .state_bytes = sizeof p->state};
    p->state.sr = SR_TXE;
    p->state.crcpr = CRCPR_RESET;
    chip_add_dev(chip, &p->dev);
    chip_on_pin(chip, on_pin, p);
    chip_on_spi(chip, &spi_wires, p);
    spi_master_attach(p);
}
