/*
 * The interrupt half of the SPI slave, for owners whose main loop is too slow for the byte after the echo.
 * The handler runs from RAM: it must answer while the flash is busy, and a fetch from flash would stall it
 * (RM0090 3.6).
 */
#include "spi_slave_regs.h"

#define RAM_CODE __attribute__((section(".ram_code"), noinline))

void spi_slave_arm(void *ctx, uint8_t verdict, const uint8_t *answer, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    spi_slave_level(spi, SPI_FILLER); /* no answer of before is under way */
    spi->n_data_bytes = 0;
    if (n_bytes > 0) {
        spi_slave_stage(spi, answer, n_bytes);
    }
    /* From ring to handler, in this order: the host sends no echo before it has seen the verdict. */
    SPI1->CR2 = SPI_CR2_TXDMAEN;
    spi->echo_pos = spi_write_pos();
    spi->is_armed = true;
    spi->pattern[1] = verdict;
    SPI1->CR2 = SPI_CR2_TXDMAEN | SPI_CR2_RXNEIE;
}

void spi_slave_irq_init(struct spi_slave *spi, uint32_t priority)
{
    (void)spi;
    NVIC_SetPriority(SPI1_IRQn, priority);
    NVIC_SetPriority(DMA2_Stream3_IRQn, priority);
    NVIC_EnableIRQ(SPI1_IRQn);
    NVIC_EnableIRQ(DMA2_Stream3_IRQn);
}

/* A byte while a verdict is presented: a poll, or the echo that ends it. */
SPI_SLAVE_INLINE void take_byte(struct spi_slave *spi)
{
    uint8_t byte = (uint8_t)SPI1->DR;
    (void)SPI1->SR; /* DR then SR clears an overrun: polls may be lost, they all say the same */
    spi->has_heard = true;
    if (byte != SPI_ACK && !(byte == SPI_SOF && spi->pattern[1] == SPI_NACK)) {
        return;
    }
    spi->pattern[1] = SPI_FILLER;
    if (spi->n_data_bytes > 0) {
        spi_tx_data(spi);
        spi->has_answered = true;
    }
    spi_rx_to_ring(spi);
    spi->echo = byte;
    spi->has_echo = true;
}

RAM_CODE void spi_slave_irq(struct spi_slave *spi)
{
    if (spi->is_armed && (SPI1->SR & SPI_SR_RXNE)) {
        take_byte(spi);
    }
    if (DMA2->LISR & DMA_LISR_TCIF3) {
        DMA2->LIFCR = DMA_LIFCR_CTCIF3; /* always, else it would come back for ever */
        if (spi->is_sending) {
            spi_tx_pattern(spi);
        }
    }
    __DSB(); /* the cleared flag must reach the NVIC before the return (ES0182, erratum 838869) */
}
