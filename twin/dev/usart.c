#include "dev/usart.h"

#include <string.h>

#include "regs.h"

enum usart_reg { SR = 0x00, DR = 0x04, BRR = 0x08, CR1 = 0x0C, CR2 = 0x10, CR3 = 0x14, GTPR = 0x18 };

enum usart_sr {
    SR_PE = 1 << 0,
    SR_FE = 1 << 1,
    SR_NF = 1 << 2,
    SR_ORE = 1 << 3,
    SR_IDLE = 1 << 4,
    SR_RXNE = 1 << 5,
    SR_TC = 1 << 6,
    SR_TXE = 1 << 7,
    SR_LBD = 1 << 8,
    SR_CTS = 1 << 9,
    SR_RESET = SR_TXE | SR_TC,
    SR_CLEARED_BY_ZERO = SR_RXNE | SR_TC | SR_LBD | SR_CTS,
    SR_CLEARED_BY_DR_READ = SR_PE | SR_FE | SR_NF | SR_ORE | SR_IDLE
};

enum usart_cr1 {
    CR1_SBK = 1 << 0,
    CR1_RWU = 1 << 1,
    CR1_RE = 1 << 2,
    CR1_TE = 1 << 3,
    CR1_IDLEIE = 1 << 4,
    CR1_RXNEIE = 1 << 5,
    CR1_TCIE = 1 << 6,
    CR1_TXEIE = 1 << 7,
    CR1_PEIE = 1 << 8,
    CR1_PS = 1 << 9,
    CR1_PCE = 1 << 10,
    CR1_WAKE = 1 << 11,
    CR1_M = 1 << 12,
    CR1_UE = 1 << 13,
    CR1_OVER8 = 1 << 15,
    CR1_ALL = 0xBFFF
};

enum usart_cr2 {
    CR2_CLKEN = 1 << 11,
    CR2_STOP_SHIFT = 12,
    CR2_LBDIE = 1 << 6,
    CR2_LINEN = 1 << 14,
    CR2_ALL = 0x7F6F
};

enum usart_cr3 {
    CR3_EIE = 1 << 0,
    CR3_DMAR = 1 << 6,
    CR3_DMAT = 1 << 7,
    CR3_ONEBIT = 1 << 11,
    CR3_ALL = 0xFFF,
    CR3_UNMODELLED = CR3_ALL & ~(CR3_EIE | CR3_DMAR | CR3_DMAT | CR3_ONEBIT)
};

enum {
    USART2_BASE = 0x40004400,
    USART2_IRQ = 38,
    DMA_CONTROLLER = 1, /* RM0090 table 42 */
    DMA_RX_STREAM = 5,
    DMA_TX_STREAM = 6,
    DMA_CHANNEL = 4,
    PIN_TX = 2,
    PIN_RX = 3,
    PIN_FUNCTION = 7,
    DEFAULT_BAUD = 115200 /* pace of bytes that come in while the receiver is off */
};

struct usart_state {
    uint32_t sr, brr, cr1, cr2, cr3, gtpr;
    uint32_t sr_seen; /* flags that were 1 at the last read of SR */
    uint8_t rdr, tdr, shift;
    bool tx_active; /* a frame is on the wire */
    bool tx_idle;   /* and it is the idle frame that TE sends first */
    bool rx_active; /* a frame time is running at RX */
};

struct usart {
    struct dev dev;
    struct usart_state state;
    unsigned tx_event, rx_event;
};

static bool has_pin(const struct usart *u, unsigned pin)
{
    unsigned function = 0;
    return chip_pin_function(u->dev.chip, 'A', pin, &function) && function == PIN_FUNCTION;
}

/* Clock periods per bit: RM0090 30.3.4, baud = fCK / (8 × (2 − OVER8) × USARTDIV). */
static uint32_t clocks_per_bit(const struct usart_state *s)
{
    return s->cr1 & CR1_OVER8 ? (s->brr >> 4) * 8U + (s->brr & 7U) : s->brr;
}

static uint64_t frame_ps(const struct usart *u)
{
    static const unsigned half_stop_bits[4] = {2, 1, 4, 3};
    const struct usart_state *s = &u->state;
    uint64_t half_bits = 18U + half_stop_bits[(s->cr2 >> CR2_STOP_SHIFT) & 3U];
    uint64_t clocks = clocks_per_bit(s);
    uint64_t hz = chip_clock_hz(u->dev.chip, CHIP_PCLK1);
    if (!(s->cr1 & CR1_UE) || clocks == 0 || hz == 0) {
        return 10ULL * 1000000000000ULL / DEFAULT_BAUD;
    }
    return half_bits * clocks * 500000000000ULL / hz;
}

static void update(struct usart *u)
{
    struct usart_state *s = &u->state;
    bool enabled = (s->cr1 & CR1_UE) != 0;
    bool rx = enabled && (s->cr3 & CR3_DMAR) && (s->sr & SR_RXNE);
    chip_dma_request(u->dev.chip, DMA_CONTROLLER, DMA_RX_STREAM, DMA_CHANNEL, rx);
    bool tx = enabled && (s->cr3 & CR3_DMAT) && (s->cr1 & CR1_TE) && (s->sr & SR_TXE);
    chip_dma_request(u->dev.chip, DMA_CONTROLLER, DMA_TX_STREAM, DMA_CHANNEL, tx);

    uint32_t sr = s->sr; /* the DMA may have changed it just now */
    bool irq = ((s->cr1 & CR1_TXEIE) && (sr & SR_TXE)) || ((s->cr1 & CR1_TCIE) && (sr & SR_TC)) ||
               ((s->cr1 & CR1_RXNEIE) && (sr & (SR_RXNE | SR_ORE))) ||
               ((s->cr1 & CR1_IDLEIE) && (sr & SR_IDLE)) || ((s->cr1 & CR1_PEIE) && (sr & SR_PE)) ||
               ((s->cr3 & CR3_EIE) && (s->cr3 & CR3_DMAR) && (sr & (SR_FE | SR_ORE | SR_NF)));
    chip_irq(u->dev.chip, USART2_IRQ, irq && (s->cr1 & CR1_UE));
}

static void start_frame(struct usart *u, bool idle)
{
    u->state.tx_active = true;
    u->state.tx_idle = idle;
    chip_event_at(u->dev.chip, u->tx_event, chip_now_ps(u->dev.chip) + frame_ps(u));
}

static void load_shift(struct usart *u)
{
    u->state.shift = u->state.tdr;
    u->state.sr |= SR_TXE;
    start_frame(u, false);
}

static void on_tx_end(void *ctx)
{
    struct usart *u = ctx;
    struct usart_state *s = &u->state;
    s->tx_active = false;
    if (!s->tx_idle) {
        if (has_pin(u, PIN_TX)) {
            chip_console_put(u->dev.chip, s->shift);
        } else {
            chip_violation(u->dev.chip, "USART2: byte 0x%02X sent while PA2 is not alternate function 7",
                           s->shift);
        }
    }
    if (!(s->sr & SR_TXE)) {
        load_shift(u);
    } else if (!s->tx_idle) {
        s->sr |= SR_TC;
    }
    update(u);
}

static void receive(struct usart *u, uint8_t byte)
{
    struct usart_state *s = &u->state;
    if (!(s->cr1 & CR1_UE) || !(s->cr1 & CR1_RE) || !has_pin(u, PIN_RX)) {
        return;
    }
    if (s->sr & SR_RXNE) {
        s->sr |= SR_ORE; /* DR keeps the old byte (RM0090 30.3.3) */
    } else {
        s->rdr = byte;
        s->sr |= SR_RXNE;
    }
    update(u);
}

/* End of a frame time at RX: a byte if the outside typed one, else the line was idle for a whole frame. */
static void on_rx_end(void *ctx)
{
    struct usart *u = ctx;
    struct usart_state *s = &u->state;
    uint8_t byte = 0;
    if (chip_console_take(u->dev.chip, &byte)) {
        chip_event_at(u->dev.chip, u->rx_event, chip_now_ps(u->dev.chip) + frame_ps(u));
        receive(u, byte);
        return;
    }
    s->rx_active = false;
    if ((s->cr1 & CR1_UE) && (s->cr1 & CR1_RE)) {
        s->sr |= SR_IDLE;
        update(u);
    }
}

static void on_input(void *ctx)
{
    struct usart *u = ctx;
    if (!u->state.rx_active) {
        u->state.rx_active = true;
        chip_event_at(u->dev.chip, u->rx_event, chip_now_ps(u->dev.chip) + frame_ps(u));
    }
}

static uint32_t read_dr(struct usart *u)
{
    struct usart_state *s = &u->state;
    s->sr &= ~(uint32_t)SR_RXNE;
    s->sr &= ~(s->sr_seen & SR_CLEARED_BY_DR_READ);
    s->sr_seen = 0;
    uint8_t byte = s->rdr;
    update(u);
    return byte;
}

static bool usart_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct usart *u = (struct usart *)dev;
    struct usart_state *s = &u->state;
    uint32_t reg = 0;
    if (n_bytes == 1 && off != DR) {
        chip_violation(dev->chip, "USART2: byte access at offset 0x%02X (RM0090 30.6: half-words or words)",
                       (unsigned)off);
    }
    switch (off & ~3U) {
    case SR:
        reg = s->sr;
        s->sr_seen = s->sr;
        break;
    case DR:
        reg = read_dr(u);
        break;
    case BRR:
        reg = s->brr;
        break;
    case CR1:
        reg = s->cr1;
        break;
    case CR2:
        reg = s->cr2;
        break;
    case CR3:
        reg = s->cr3;
        break;
    case GTPR:
        reg = s->gtpr;
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    *value = regs_extract(reg, off, n_bytes);
    return true;
}

static void write_dr(struct usart *u, uint32_t value)
{
    struct usart_state *s = &u->state;
    if (!(s->cr1 & CR1_UE) || !(s->cr1 & CR1_TE)) {
        chip_violation(u->dev.chip, "USART2: DR written while the transmitter is off (CR1.UE, CR1.TE)");
        return;
    }
    if (clocks_per_bit(s) < 8) {
        chip_violation(u->dev.chip, "USART2: DR written with BRR = 0x%X, no baud rate (RM0090 30.3.4)",
                       (unsigned)s->brr);
        return;
    }
    if (!(s->sr & SR_TXE)) {
        chip_violation(u->dev.chip, "USART2: DR written while TXE = 0, byte 0x%02X is lost", s->tdr);
    }
    s->tdr = (uint8_t)value;
    s->sr &= ~(uint32_t)SR_TXE;
    if (s->sr_seen & SR_TC) { /* read of SR, then write of DR */
        s->sr &= ~(uint32_t)SR_TC;
        s->sr_seen &= ~(uint32_t)SR_TC;
    }
    if (!s->tx_active) {
        load_shift(u);
    }
}

static void write_cr1(struct usart *u, uint32_t value)
{
    struct usart_state *s = &u->state;
    uint32_t old = s->cr1;
    regs_reserved(&u->dev, "CR1", value, CR1_ALL);
    regs_unmodelled(&u->dev, "break, mute mode, parity or 9-bit words (CR1)",
                    value & (CR1_SBK | CR1_RWU | CR1_WAKE | CR1_PCE | CR1_M));
    s->cr1 = value & CR1_ALL;
    if (!(s->cr1 & CR1_UE)) {
        chip_event_cancel(u->dev.chip, u->tx_event); /* stops at once (RM0090 30.6.4) */
        s->tx_active = false;
        s->sr |= SR_TXE;
    } else if (!((old & CR1_TE) && (old & CR1_UE)) && (s->cr1 & CR1_TE) && !s->tx_active) {
        start_frame(u, true); /* TE sends an idle frame first (RM0090 30.3.2) */
    }
}

static void write_reg(struct usart *u, uint32_t reg, uint32_t value)
{
    struct usart_state *s = &u->state;
    switch (reg) {
    case SR:
        s->sr &= value | ~(uint32_t)SR_CLEARED_BY_ZERO;
        break;
    case DR:
        write_dr(u, value);
        break;
    case BRR:
        regs_reserved(&u->dev, "BRR", value, 0xFFFF);
        s->brr = value & 0xFFFFU;
        break;
    case CR1:
        write_cr1(u, value);
        break;
    case CR2:
        regs_reserved(&u->dev, "CR2", value, CR2_ALL);
        regs_unmodelled(&u->dev, "synchronous or LIN mode (CR2)",
                        value & (CR2_CLKEN | CR2_LBDIE | CR2_LINEN));
        s->cr2 = value & CR2_ALL;
        break;
    case CR3:
        regs_reserved(&u->dev, "CR3", value, CR3_ALL);
        regs_unmodelled(&u->dev, "flow control, half-duplex, IrDA or smartcard mode (CR3)",
                        value & CR3_UNMODELLED);
        s->cr3 = value & CR3_ALL;
        break;
    case GTPR:
        s->gtpr = value & 0xFFFFU;
        break;
    default:
        regs_hole(&u->dev, reg);
        break;
    }
}

static bool usart_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct usart *u = (struct usart *)dev;
    if (n_bytes == 1 && off != DR) {
        chip_violation(dev->chip, "USART2: byte access at offset 0x%02X (RM0090 30.6: half-words or words)",
                       (unsigned)off);
        return true;
    }
    write_reg(u, off & ~3U, regs_merge(0, off, n_bytes, value));
    update(u);
    return true;
}

static void usart_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct usart *u = (struct usart *)dev;
    bool rx_active = u->state.rx_active; /* the outside goes on typing */
    memset(&u->state, 0, sizeof u->state);
    u->state.sr = SR_RESET;
    u->state.rx_active = rx_active;
    chip_event_cancel(dev->chip, u->tx_event);
    update(u);
}

static const struct dev_ops usart_ops = {.read = usart_read, .write = usart_write, .reset = usart_reset};

void usart_attach(struct chip *chip)
{
    struct usart *u = chip_alloc(chip, sizeof *u);
    u->dev = (struct dev){.ops = &usart_ops,
                          .name = "USART2",
                          .base = USART2_BASE,
                          .n_bytes = 0x400,
                          .chip = chip,
                          .state = &u->state,
                          .state_bytes = sizeof u->state};
    u->state.sr = SR_RESET;
    u->tx_event = chip_event_add(chip, "USART2 TX", on_tx_end, u);
    u->rx_event = chip_event_add(chip, "USART2 RX", on_rx_end, u);
    chip_on_console_input(chip, on_input, u);
    chip_add_dev(chip, &u->dev);
}
