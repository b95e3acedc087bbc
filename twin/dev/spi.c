#include "dev/spi.h"

#include <string.h>

#include "regs.h"

enum spi_reg {
    CR1 = 0x00,
    CR2 = 0x04,
    SR = 0x08,
    DR = 0x0C,
    CRCPR = 0x10,
    RXCRCR = 0x14,
    TXCRCR = 0x18,
    I2SCFGR = 0x1C,
    I2SPR = 0x20
};

enum spi_cr1 {
    CR1_CPHA = 1 << 0,
    CR1_CPOL = 1 << 1,
    CR1_MSTR = 1 << 2,
    CR1_SPE = 1 << 6,
    CR1_LSBFIRST = 1 << 7,
    CR1_SSI = 1 << 8,
    CR1_SSM = 1 << 9,
    CR1_RXONLY = 1 << 10,
    CR1_DFF = 1 << 11,
    CR1_CRCNEXT = 1 << 12,
    CR1_CRCEN = 1 << 13,
    CR1_BIDIMODE = 1 << 15,
    CR1_UNMODELLED = CR1_RXONLY | CR1_CRCNEXT | CR1_CRCEN | CR1_BIDIMODE,
    CR1_FROZEN = CR1_CPHA | CR1_CPOL | CR1_MSTR | CR1_LSBFIRST | CR1_DFF /* while SPE = 1 */
};

enum spi_cr2 {
    CR2_RXDMAEN = 1 << 0,
    CR2_TXDMAEN = 1 << 1,
    CR2_SSOE = 1 << 2,
    CR2_FRF = 1 << 4,
    CR2_ERRIE = 1 << 5,
    CR2_RXNEIE = 1 << 6,
    CR2_TXEIE = 1 << 7,
    CR2_ALL = 0xF7
};

enum spi_sr { SR_RXNE = 1 << 0, SR_TXE = 1 << 1, SR_MODF = 1 << 5, SR_OVR = 1 << 6, SR_BSY = 1 << 7 };

enum {
    SPI1_BASE = 0x40013000,
    SPI1_IRQ = 35,
    SPI1_CLOCK_BUS = 3, /* RCC_APB2ENR.SPI1EN */
    SPI1_CLOCK_BIT = 12,
    DMA_CONTROLLER = 2, /* RM0090 table 43 */
    DMA_CHANNEL = 3,
    PIN_NSS = 4,
    PIN_SCK = 5,
    PIN_MISO = 6,
    PIN_MOSI = 7,
    PIN_FUNCTION = 5,
    CRCPR_RESET = 7,
    BSY_STUCK_EVERY = 16 /* frames; see frame_done */
};

static const unsigned dma_rx_streams[2] = {0, 2};
static const unsigned dma_tx_streams[2] = {3, 5};

struct spi_state {
    uint64_t begin_ps;  /* first edge of the byte on the wires */
    uint64_t opened_ps; /* since when this slave hears the clock */
    uint64_t closed_ps; /* until when; UINT64_MAX: still does */
    uint32_t cr1, cr2, sr, crcpr;
    uint32_t frames;
    uint8_t tx_buffer, rx_buffer;
    uint8_t tx_shift; /* byte going out, or the last that went */
    uint8_t rx_shift;
    uint8_t n_bits; /* bits of the present frame done: 0 between bytes unless the slave slipped */
    bool loaded;    /* tx_shift holds this frame's byte */
    bool in_byte;
    bool hears;   /* SPE, NSS and pins let the clock in */
    bool dr_read; /* first half of clearing OVR */
    bool sr_read; /* first half of clearing MODF */
    bool bsy_stuck;
    bool disabled_full; /* SPE went 0 with a byte in the transmit buffer */
    bool told_mode, told_speed;
    bool dma_rx, dma_tx;
};

struct spi {
    struct dev dev;
    struct spi_state state;
};

static bool has_pin(const struct spi *p, unsigned pin)
{
    unsigned function = 0;
    return chip_pin_function(p->dev.chip, 'A', pin, &function) && function == PIN_FUNCTION;
}

static bool nss_low(const struct spi *p)
{
    if (p->state.cr1 & CR1_SSM) {
        return !(p->state.cr1 & CR1_SSI);
    }
    return has_pin(p, PIN_NSS) && !chip_pin_level(p->dev.chip, 'A', PIN_NSS);
}

static bool hears_clock(const struct spi *p)
{
    return (p->state.cr1 & CR1_SPE) && !(p->state.cr1 & CR1_MSTR) && has_pin(p, PIN_SCK) && nss_low(p) &&
           chip_is_clocked(p->dev.chip, SPI1_CLOCK_BUS, SPI1_CLOCK_BIT);
}

/* Interrupt and DMA lines follow the flags. A request may be served inside the call, which comes back in
 * here. */
static void update(struct spi *p)
{
    struct spi_state *s = &p->state;
    struct chip *chip = p->dev.chip;
    bool rx = (s->cr2 & CR2_RXDMAEN) && (s->sr & SR_RXNE);
    if (rx != s->dma_rx) {
        s->dma_rx = rx;
        for (size_t i = 0; i < 2; i++) {
            chip_dma_request(chip, DMA_CONTROLLER, dma_rx_streams[i], DMA_CHANNEL, s->dma_rx);
        }
    }
    bool tx = (s->cr2 & CR2_TXDMAEN) && (s->sr & SR_TXE);
    if (tx != s->dma_tx) {
        s->dma_tx = tx;
        for (size_t i = 0; i < 2; i++) {
            chip_dma_request(chip, DMA_CONTROLLER, dma_tx_streams[i], DMA_CHANNEL, s->dma_tx);
        }
    }
    chip_irq(chip, SPI1_IRQ,
             ((s->cr2 & CR2_TXEIE) && (s->sr & SR_TXE)) || ((s->cr2 & CR2_RXNEIE) && (s->sr & SR_RXNE)) ||
                 ((s->cr2 & CR2_ERRIE) && (s->sr & (SR_OVR | SR_MODF))));
}

static uint8_t reversed(uint8_t byte)
{
    unsigned out = 0;
    for (unsigned i = 0; i < 8; i++) {
        out = out << 1 | ((unsigned)byte >> i & 1U);
    }
    return (uint8_t)out;
}

/* A slave in the wrong mode samples on the wrong edge: it reads each bit one late, and is read one late. */
static uint8_t seen_through_mode(const struct spi_state *s, uint8_t byte)
{
    if (s->cr1 & (CR1_CPOL | CR1_CPHA)) {
        byte = (uint8_t)(byte >> 1 | byte << 7);
    }
    return s->cr1 & CR1_LSBFIRST ? reversed(byte) : byte;
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

/* Transmit buffer to shift register. Nothing new: the old byte goes out again. */
static void load_shift(struct spi_state *s)
{
    if (!(s->sr & SR_TXE)) {
        s->tx_shift = s->tx_buffer;
        s->sr |= SR_TXE;
        s->disabled_full = false;
    }
    s->loaded = true;
}

static void frame_done(struct spi_state *s)
{
    if (s->sr & SR_RXNE) {
        s->sr |= SR_OVR; /* DR keeps the old byte (RM0090 28.3.10) */
        s->dr_read = false;
    } else {
        s->rx_buffer = seen_through_mode(s, s->rx_shift);
        s->sr |= SR_RXNE;
    }
    /* Erratum: in slave mode BSY may stay high after a frame. Here it does after every 16th, until the next
     * one, so that code which waits for BSY hangs on the first long test instead of in the field. */
    s->frames++;
    s->bsy_stuck = s->frames % BSY_STUCK_EVERY == 0;
}

static void shift_bit(struct spi_state *s, unsigned bit)
{
    if (!s->loaded) {
        load_shift(s);
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
        load_shift(s);
    }
    uint8_t miso = has_pin(p, PIN_MISO) ? miso_byte(s) : 0xFF;
    update(p);
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
    if (!has_pin(p, PIN_MOSI)) {
        mosi = 0; /* the input is not connected */
    }
    if (s->opened_ps < s->closed_ps) {
        check_speed(p, byte_ps);
        shift_byte(s, mosi, byte_ps);
    }
    s->sr = s->bsy_stuck ? s->sr | SR_BSY : s->sr & ~(uint32_t)SR_BSY;
    update(p);
}

/* A master whose NSS is pulled low by somebody else gives up (RM0090 28.3.10). */
static void check_mode_fault(struct spi *p)
{
    struct spi_state *s = &p->state;
    bool is_input = (s->cr1 & CR1_SSM) || !(s->cr2 & CR2_SSOE);
    if ((s->cr1 & CR1_MSTR) && (s->cr1 & CR1_SPE) && is_input && nss_low(p)) {
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
        update(p);
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
    update(p);
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
    if (s->cr1 & CR1_DFF) {
        chip_violation(p->dev.chip, "SPI1: 16-bit frames (CR1.DFF) are not modelled");
    }
    if ((s->cr1 & CR1_MSTR)) {
        chip_violation(p->dev.chip, "SPI1: master mode is not modelled");
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

static void write_cr1(struct spi *p, uint32_t value)
{
    struct spi_state *s = &p->state;
    uint32_t old = s->cr1;
    regs_reserved(&p->dev, "CR1", value, 0xFFFF);
    regs_unmodelled(&p->dev, "receive-only, bidirectional or CRC mode (CR1)", value & CR1_UNMODELLED);
    if ((old & CR1_SPE) && (value & CR1_SPE) && ((old ^ value) & CR1_FROZEN)) {
        chip_violation(p->dev.chip, "SPI1: clock mode, format or role changed while SPE = 1 (RM0090 28.5.1)");
    }
    if (s->sr_read) {
        s->sr &= ~(uint32_t)SR_MODF;
        s->sr_read = false;
    }
    s->cr1 = value & 0xFFFFU;
    if ((old & CR1_SPE) && !(value & CR1_SPE)) {
        disable(s);
    } else if (!(old & CR1_SPE) && (value & CR1_SPE)) {
        enable(p);
    }
    check_mode_fault(p);
    follow_gate(p);
}

static void write_dr(struct spi_state *s, uint32_t value)
{
    s->tx_buffer = (uint8_t)value; /* TXE = 0: overwritten (RM0090 28.3.9) */
    s->sr &= ~(uint32_t)SR_TXE;
    s->disabled_full = false;
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
        break; /* only CRCERR can be written, and it never stands */
    case DR:
        write_dr(s, value);
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
    update(p);
    return true;
}

static void spi_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct spi *p = (struct spi *)dev;
    memset(&p->state, 0, sizeof p->state);
    p->state.sr = SR_TXE;
    p->state.crcpr = CRCPR_RESET;
    for (size_t i = 0; i < 2; i++) {
        chip_dma_request(dev->chip, DMA_CONTROLLER, dma_rx_streams[i], DMA_CHANNEL, false);
        chip_dma_request(dev->chip, DMA_CONTROLLER, dma_tx_streams[i], DMA_CHANNEL, false);
    }
    update(p);
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
}
