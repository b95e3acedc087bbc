/* SPI1: the lines of interrupts and DMA, for slave and master alike. */
#include "spi_priv.h"

static const unsigned dma_rx_streams[2] = {0, 2};
static const unsigned dma_tx_streams[2] = {3, 5};

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
