/*
 * The interrupt half of the SPI slave, for owners whose main loop is too slow for the byte after the echo.
 * The handler runs from RAM: it must answer while the flash is busy, and a fetch from flash would stall it
 * (RM0090 3.6).
 */
#include "spi_slave_regs.h"

#define RAM_CODE __attribute__((section(".ram_code"), noinline))

/*
 * Did the ring run over? The transfer-complete flag of stream 0 tells of one wrap. It is expected if the
 * write position went back, and it may belong to a wrap a moment after `pos` was read, which shows in the
 * position, too.
 */
static bool has_run_over(const struct spi_slave *spi, uint16_t pos)
{
    if ((DMA2->LISR & DMA_LISR_TCIF0) == 0) {
        return false;
    }
    if (pos >= spi->read_pos) {
        return spi_write_pos() >= pos;
    }
    DMA2->LIFCR = DMA_LIFCR_CTCIF0;
    return false;
}

/* What the handler took off the stream: polls (one stands for
 * all), and then what ended them, in its place. */
static size_t receive_from_handler(struct spi_slave *spi, uint8_t *bytes, size_t n_bytes)
{
    size_t n_tail = spi->n_tail; /* first: it comes after the polls */
    if (spi->echo_pos < spi->read_pos) {
        DMA2->LIFCR =
            DMA_LIFCR_CTCIF0; /* the wrap that these bytes went through: not to be taken for a second one */
    }
    size_t n_done = spi_copy_ring(spi, bytes, n_bytes, spi->echo_pos);
    if (n_done > 0 || n_bytes < sizeof spi->tail) {
        return n_done;
    }
    spi->has_heard = false;
    if (n_tail == 0) {
        bytes[0] = 0;
        return 1;
    }
    for (size_t i = 0; i < n_tail; i++) {
        bytes[i] = spi->tail[sizeof spi->tail - n_tail + i];
    }
    spi->n_tail = 0;
    return n_tail;
}

size_t spi_slave_irq_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    if (spi->n_tail > 0 || spi->has_heard) {
        return receive_from_handler(spi, bytes, n_bytes);
    }
    uint16_t pos =
        spi_write_pos(); /* one look: what comes later, with or without a wrap, is for the next call */
    if (has_run_over(spi, pos)) {
        spi_slave_irq_discard(spi);
        return 0;
    }
    return spi_copy_ring(spi, bytes, n_bytes, pos);
}

void spi_slave_irq_discard(void *ctx)
{
    struct spi_slave *spi = ctx;
    spi_slave_discard(spi);
    DMA2->LIFCR = SPI_RX_FLAGS; /* in this order: a wrap in between must not look like a second one */
    spi->n_tail = 0;
    spi->has_heard = false;
}

/* Streams and SPI1 are set up in several steps, which the handler must not come between. What it is called
 * for meanwhile it does after them. */
static void hold_handler(bool is_held)
{
    if (is_held) {
        NVIC_DisableIRQ(SPI1_IRQn);
        NVIC_DisableIRQ(DMA2_Stream3_IRQn);
    } else {
        NVIC_EnableIRQ(SPI1_IRQn);
        NVIC_EnableIRQ(DMA2_Stream3_IRQn);
    }
}

void spi_slave_irq_present(void *ctx, uint8_t answer)
{
    struct spi_slave *spi = ctx;
    spi_rx_to_ring(spi);
    spi->has_answered = false;
    hold_handler(true);
    spi_slave_present(spi, answer);
    hold_handler(false);
}

void spi_slave_irq_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    spi_rx_to_ring(spi);
    if (!spi->has_answered) {
        hold_handler(true);
        spi_slave_send(spi, bytes, n_bytes);
        hold_handler(false);
    }
    spi->has_answered = false;
}

void spi_slave_irq_resync(void *ctx)
{
    hold_handler(true);
    spi_slave_resync(ctx);
    hold_handler(false);
}

void spi_slave_irq_arm(void *ctx, uint8_t answer, const uint8_t *reply, size_t n_bytes)
{
    struct spi_slave *spi = ctx;
    spi_slave_irq_present(spi, SPI_FILLER); /* no answer of before is under way */
    spi->data = reply;
    spi->n_data_bytes = (uint16_t)n_bytes;
    /* From ring to handler, in this order: the host sends no echo before it has seen the answer. */
    SPI1->CR2 = SPI_CR2_TXDMAEN;
    spi->echo_pos = spi_write_pos();
    memset(spi->tail, 0, sizeof spi->tail);
    spi->is_armed = true;
    spi_slave_present(spi, answer);
    SPI1->CR2 = SPI_CR2_TXDMAEN | SPI_CR2_RXNEIE;
}

void spi_slave_irq_init(struct spi_slave *spi, uint32_t priority)
{
    (void)spi;
    NVIC_SetPriority(SPI1_IRQn, priority);
    NVIC_SetPriority(DMA2_Stream3_IRQn, priority);
    hold_handler(false);
}

/* A sync whose bits lie across bytes (link_slave.c, has_slipped):
 * a clock edge was lost or is one too many. */
SPI_SLAVE_INLINE bool has_slipped(const uint8_t tail[3])
{
    uint32_t bits = (uint32_t)tail[0] << 16 | (uint32_t)tail[1] << 8 | tail[2];
    uint32_t n_zeros = (uint32_t)__builtin_ctz(bits | 1U << 24);
    return n_zeros >= 10 && n_zeros <= 16 && (bits >> (n_zeros - 1) & 0xFFU) == SPI_SOF;
}

/* A byte while an answer is presented: a poll, or the echo that ends it. */
SPI_SLAVE_INLINE void take_byte(struct spi_slave *spi)
{
    uint8_t byte = (uint8_t)SPI1->DR;
    (void)SPI1->SR; /* DR then SR clears an overrun: polls may be lost, they all say the same */
    spi->has_heard = true;
    spi->tail[0] = spi->tail[1];
    spi->tail[1] = spi->tail[2];
    spi->tail[2] = byte;
    bool is_echo = byte == SPI_ACK || (byte == SPI_SOF && spi->answer == SPI_NACK);
    bool is_slipped = !is_echo && has_slipped(spi->tail);
    if (!is_echo && !is_slipped) {
        return;
    }
    bool has_answer = is_echo && spi->n_data_bytes > 0;
    spi_fill(spi); /* the next byte too: no stale answer as the dummy before data, or later */
    spi_tx_play(spi, has_answer);
    spi->has_answered = has_answer;
    spi_rx_to_ring(spi);
    spi_is_between_bytes(spi);
    spi->n_tail = is_echo ? 1 : sizeof spi->tail;
}

RAM_CODE void spi_slave_irq(struct spi_slave *spi)
{
    if (spi->is_armed && (SPI1->SR & SPI_SR_RXNE)) {
        take_byte(spi);
    }
    if (DMA2->LISR & DMA_LISR_TCIF3) {
        DMA2->LIFCR = DMA_LIFCR_CTCIF3; /* always, else it would come back for ever */
        if (spi->is_sending) {
            spi_tx_play(spi, false);
        }
    }
    __DSB(); /* the cleared flag must reach the NVIC before the return (ES0182, erratum 838869) */
}
