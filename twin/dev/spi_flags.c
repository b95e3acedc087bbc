/* SPI1: pins, flags and lines, for slave and master alike. */
#include "spi_priv.h"

static const unsigned dma_rx_streams[2] = {0, 2};
static const unsigned dma_tx_streams[2] = {3, 5};

bool spi_has_pin(const struct spi *p, unsigned pin)
{
    unsigned function = 0;
    return chip_pin_function(p->dev.chip, 'A', pin, &function) && function == PIN_FUNCTION;
}

bool spi_nss_low(const struct spi *p)
{
    if (p->state.cr1 & CR1_SSM) {
        return !(p->state.cr1 & CR1_SSI);
    }
    return spi_has_pin(p, PIN_NSS) && !chip_pin_level(p->dev.chip, 'A', PIN_NSS);
}

void spi_update(struct spi *p)
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

void spi_drop_requests(struct spi *p)
{
    for (size_t i = 0; i < 2; i++) {
        chip_dma_request(p->dev.chip, DMA_CONTROLLER, dma_rx_streams[i], DMA_CHANNEL, false);
        chip_dma_request(p->dev.chip, DMA_CONTROLLER, dma_tx_streams[i], DMA_CHANNEL, false);
    }
}

uint8_t spi_reversed(uint8_t byte)
{
    unsigned out = 0;
    for (unsigned i = 0; i < 8; i++) {
        out = out << 1 | ((unsigned)byte >> i & 1U);
    }
    return (uint8_t)out;
}

void spi_load_shift(struct spi_state *s)
{
    if (!(s->sr & SR_TXE)) {
        s->tx_shift = s->tx_buffer;
        s->sr |= SR_TXE;
        s->disabled_full = false;
    }
    s->loaded = true;
}

void spi_receive(struct spi_state *s, uint8_t byte)
{
    if (s->sr & SR_RXNE) {
        s->sr |= SR_OVR; /* DR keeps the old byte (RM0090 28.3.10) */
        s->dr_read = false;
    } else {
        s->rx_buffer = byte;
        s->sr |= SR_RXNE;
    }
}
