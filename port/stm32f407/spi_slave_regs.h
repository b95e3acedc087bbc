/**
 * The few register sequences that the driver and its interrupt handler share. Inline, because the handler
 * runs from RAM and must not call into flash.
 */
#ifndef SPI_SLAVE_REGS_H
#define SPI_SLAVE_REGS_H

#include <string.h>

#include "base/flash_map.h"
#include "f407/spi_slave.h"
#include "stm32f407xx.h"

#define SPI_SLAVE_INLINE static inline __attribute__((always_inline))

enum {
    WORD_BYTES = 4,
    SPI_FILLER = 0xA5,
    SPI_ACK = 0x79,
    SPI_NACK = 0x1F,
    SPI_SOF = 0x5A,
    NSS_PIN = 1 << BOARD_SPI_PIN,
    DMA_DISABLE_MAX_LOOPS = 1000 /* a stream stops after the access under way (RM0090 10.3.14) */
};

/* Both streams: channel 3, bytes, memory increments. Stream 3 is more urgent than stream 0: a late answer
 * costs more. */
#define SPI_RX_STREAM_CR (3U << DMA_SxCR_CHSEL_Pos | DMA_SxCR_MINC | DMA_SxCR_CIRC | DMA_SxCR_PL_1)
#define SPI_TX_STREAM_CR (3U << DMA_SxCR_CHSEL_Pos | DMA_SxCR_MINC | DMA_SxCR_PL | DMA_SxCR_DIR_0)
#define SPI_TX_FLAGS                                                                                         \
    (DMA_LIFCR_CTCIF3 | DMA_LIFCR_CHTIF3 | DMA_LIFCR_CTEIF3 | DMA_LIFCR_CDMEIF3 | DMA_LIFCR_CFEIF3)
#define SPI_RX_FLAGS                                                                                         \
    (DMA_LIFCR_CTCIF0 | DMA_LIFCR_CHTIF0 | DMA_LIFCR_CTEIF0 | DMA_LIFCR_CDMEIF0 | DMA_LIFCR_CFEIF0)

/* Without TCIE: a stream that is stopped sets its transfer-complete flag (RM0090 10.3.14), and that is no end
 * of data. */
SPI_SLAVE_INLINE void spi_stream_off(DMA_Stream_TypeDef *stream)
{
    stream->CR &= ~(DMA_SxCR_EN | DMA_SxCR_TCIE);
    for (unsigned i = 0; i < DMA_DISABLE_MAX_LOOPS && (stream->CR & DMA_SxCR_EN); i++) {
    }
}

SPI_SLAVE_INLINE uint16_t spi_write_pos(void)
{
    return (uint16_t)((SPI_SLAVE_RING_BYTES - DMA2_Stream0->NDTR) % SPI_SLAVE_RING_BYTES);
}

/* Bytes that stream 3 has handed to SPI1 since it was pointed at what it plays: one as each byte begins. */
SPI_SLAVE_INLINE uint32_t spi_n_loaded(const struct spi_slave *spi)
{
    uint32_t n_all_bytes = spi->is_sending ? spi->n_data_bytes : sizeof spi->pattern;
    return n_all_bytes - DMA2_Stream3->NDTR;
}

/*
 * Point stream 3 at the data or the pattern. What it had fetched ahead is lost with the disable; what SPI1
 * holds is not. Once the stream is off, the handler has no reason to come between. The end of the data raises
 * an interrupt; who polls leaves it disabled in the NVIC.
 */
SPI_SLAVE_INLINE void spi_tx_play(struct spi_slave *spi, bool is_data)
{
    spi_stream_off(DMA2_Stream3);
    DMA2->LIFCR = SPI_TX_FLAGS;
    spi->n_loaded += spi_n_loaded(spi);
    spi->is_sending = is_data;
    DMA2_Stream3->M0AR = (uint32_t)(is_data ? spi->data : (const volatile uint8_t *)spi->pattern);
    DMA2_Stream3->NDTR = is_data ? spi->n_data_bytes : sizeof spi->pattern;
    DMA2_Stream3->CR = SPI_TX_STREAM_CR | (is_data ? DMA_SxCR_TCIE : DMA_SxCR_CIRC) | DMA_SxCR_EN;
}

/*
 * Has a byte begun that has not ended? One more was loaded than received then. The lowest bit is enough: the
 * ring and the pattern have an even length.
 */
SPI_SLAVE_INLINE bool spi_is_in_byte(const struct spi_slave *spi)
{
    return ((spi->n_loaded + spi_n_loaded(spi) - spi_write_pos()) & 1U) != 0;
}

/* No byte is on the wires: from here it is counted. */
SPI_SLAVE_INLINE void spi_is_between_bytes(struct spi_slave *spi)
{
    spi->n_loaded = spi_write_pos() - spi_n_loaded(spi);
}

/* Replace the byte that waits in the transmit register (RM0090 28.3.9): it is the next that leaves. None
 * waits if stream 3 is off and a byte has begun since; then what plays next comes in time. */
SPI_SLAVE_INLINE void spi_put_next(uint8_t byte)
{
    if ((SPI1->SR & SPI_SR_TXE) == 0) {
        SPI1->DR = byte;
    }
}

/* Nothing but A5 from the next byte on. Stream 3 is off then: spi_tx_play comes next. */
SPI_SLAVE_INLINE void spi_fill(struct spi_slave *spi)
{
    spi_stream_off(DMA2_Stream3);
    if (spi->answer != SPI_FILLER) { /* else A5 waits already, and a byte may begin just now */
        spi_put_next(SPI_FILLER);
    }
    spi->answer = SPI_FILLER;
    for (unsigned i = 0; i < sizeof spi->pattern; i++) {
        spi->pattern[i] = SPI_FILLER;
    }
}

/* Bytes go to the ring again, not to the handler. In this order: a byte in between would call a handler that
 * does not take it, for ever. */
SPI_SLAVE_INLINE void spi_rx_to_ring(struct spi_slave *spi)
{
    SPI1->CR2 = SPI_CR2_RXDMAEN | SPI_CR2_TXDMAEN;
    spi->is_armed = false;
}

/* @return bytes copied, up to position `end` or the ring's own end */
SPI_SLAVE_INLINE size_t spi_copy_ring(struct spi_slave *spi, uint8_t *bytes, size_t n_bytes, uint16_t end)
{
    uint16_t pos = spi->read_pos;
    size_t n_run = (size_t)(end >= pos ? end : SPI_SLAVE_RING_BYTES) - pos;
    if (n_run > n_bytes) {
        n_run = n_bytes;
    }
    const uint8_t *from = spi->ring + pos;
    size_t i = 0;
    for (; i + WORD_BYTES <= n_run; i += WORD_BYTES) {
        memcpy(bytes + i, from + i, WORD_BYTES); /* one load and one store, aligned or not */
    }
    for (; i < n_run; i++) {
        bytes[i] = from[i];
    }
    spi->read_pos = (uint16_t)((pos + n_run) % SPI_SLAVE_RING_BYTES);
    return n_run;
}

#endif
