/* SPI1 as a master (RM0090 28.3.3, 28.3.5): a byte in the transmit buffer moves to the shift register at once if
 * nothing is on the wires, else when the byte before it is over; then one follows the other without a gap. */
#include "spi_priv.h"

enum { FRAME_BITS = 8 };

static uint64_t byte_ps(const struct spi *p)
{
    uint64_t pclk_hz = chip_clock_hz(p->dev.chip, CHIP_PCLK2);
    uint64_t divider = 2ULL << ((p->state.cr1 & CR1_BR) >> CR1_BR_SHIFT);
    return FRAME_BITS * divider * 1000000000000ULL / (pclk_hz ? pclk_hz : 1);
}

static void check_pins(struct spi *p)
{
    struct spi_state *s = &p->state;
    if (!s->told_pins && (!spi_has_pin(p, PIN_SCK) || !spi_has_pin(p, PIN_MOSI))) {
        chip_violation(p->dev.chip,
                       "SPI1: a byte goes out while PA5 or PA7 is not alternate function 5 (DS8626 table 9)");
        s->told_pins = true;
    }
}

/* The wires carry the byte of the shift register; what the other side answers is known from the first edge on. */
static uint8_t put_on_wires(struct spi *p, uint64_t n_ps)
{
    struct spi_state *s = &p->state;
    bool is_reversed = (s->cr1 & CR1_LSBFIRST) != 0;
    uint8_t mosi = spi_has_pin(p, PIN_MOSI) ? s->tx_shift : 0;
    unsigned mode = (s->cr1 & CR1_CPOL ? 2U : 0U) | (s->cr1 & CR1_CPHA ? 1U : 0U);
    uint8_t miso = 0xFF; /* without a clock nobody answers */
    if (spi_has_pin(p, PIN_SCK)) {
        miso = chip_spi_master_byte(p->dev.chip, is_reversed ? spi_reversed(mosi) : mosi, n_ps, mode);
    }
    if (!spi_has_pin(p, PIN_MISO)) {
        miso = 0; /* the input is not connected */
    }
    return is_reversed ? spi_reversed(miso) : miso;
}

static void begin(struct spi *p)
{
    struct spi_state *s = &p->state;
    uint64_t n_ps = byte_ps(p);
    check_pins(p);
    spi_load_shift(s);
    s->sr |= SR_BSY;
    s->is_sending = true;
    s->begin_ps = chip_now_ps(p->dev.chip);
    chip_event_at(p->dev.chip, p->sent_event, s->begin_ps + n_ps);
    s->rx_shift = put_on_wires(p, n_ps);
}

/* The last bit is over. BSY stays high while one byte follows the other (RM0090 28.3.7). */
static void on_sent(void *ctx)
{
    struct spi *p = ctx;
    struct spi_state *s = &p->state;
    s->is_sending = false;
    spi_receive(s, s->rx_shift);
    if (s->sr & SR_TXE) {
        s->sr &= ~(uint32_t)SR_BSY;
    } else {
        begin(p);
    }
    spi_update(p);
}

void spi_master_attach(struct spi *p)
{
    p->sent_event = chip_event_add(p->dev.chip, "SPI1 byte sent", on_sent, p);
}

void spi_master_start(struct spi *p)
{
    const struct spi_state *s = &p->state;
    bool is_on = (s->cr1 & CR1_MSTR) && (s->cr1 & CR1_SPE);
    if (is_on && !s->is_sending && !(s->sr & SR_TXE)) {
        begin(p);
    }
}

void spi_master_stop(struct spi *p)
{
    if (p->state.is_sending) {
        p->state.is_sending = false;
        p->state.sr &= ~(uint32_t)SR_BSY;
        chip_event_cancel(p->dev.chip, p->sent_event);
    }
}

void spi_master_check(struct spi *p)
{
    const struct spi_state *s = &p->state;
    if (!(s->cr1 & CR1_SSM) && (s->cr2 & CR2_SSOE)) {
        chip_violation(
            p->dev.chip,
            "SPI1: NSS as an output (CR2.SSOE of a master) is not modelled: set SSM and SSI, and drive "
            "NSS as a GPIO");
    } else if (!(s->cr1 & CR1_SSM) && !spi_has_pin(p, PIN_NSS)) {
        chip_violation(p->dev.chip,
                       "SPI1: a master with SSM = 0 looks at NSS, but PA4 is not alternate function 5 "
                       "(RM0090 28.3.1)");
    }
}
