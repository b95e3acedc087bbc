/**
 * SPI1 as a slave on PA4 (NSS), PA5 (SCK), PA6 (MISO), PA7 (MOSI), mode 0, by DMA2: bytes at full rate
 * without the core.
 *
 * Receiving: DMA2 stream 0 writes a ring. Sending: DMA2 stream 3 repeats a pattern, which is changed in
 * memory; or it sends data once and then goes back to the pattern. The transmit register holds one byte that
 * was loaded before (RM0090 28.3.3) and leaves first; where that byte must not be a stale one, it is replaced
 * (RM0090 28.3.9).
 *
 * The pattern is A5 throughout, or an answer V (79 or 1F) at two of five places: V A5 V A5 A5, in memory
 * twice. V is followed by A5, where strict hosts look for A5 during their echo; and five is no multiple of 2,
 * 3 or 4, so that a host which looks at every second byte only finds V too
 * (docs/adr/0016-answer-pattern.md).
 *
 * Two ways of use. A loader that does nothing else polls: spi_slave_present and spi_slave_send act within
 * microseconds of the echo. A busy application takes
 * spi_slave_irq_arm and its interrupt (spi_slave_irq.c): what follows the echo comes from the handler,
 * whatever the main loop does.
 *
 * The functions with `void *ctx` take a struct spi_slave; their signatures are those of the link pump's port
 * table. Errata (ES0182): BSY is never looked at in slave mode; a clock enable is read back before the
 * peripheral is touched; handlers end with DSB. The struct must be in SRAM: DMA does not reach CCM
 * (RM0090 2.3.1).
 */
#ifndef F407_SPI_SLAVE_H
#define F407_SPI_SLAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPI_SLAVE_RING_BYTES = 8192, /* 6.5 ms of bytes at 10 MHz */
    SPI_SLAVE_PATTERN_BYTES = 10 /* even: spi_is_in_byte */
};

/** All fields are private. Zero-initialised memory is fine; spi_slave_init sets everything. */
struct spi_slave {
    volatile uint8_t pattern[SPI_SLAVE_PATTERN_BYTES];
    volatile uint8_t answer; /* in the pattern: 79, 1F or A5 */
    uint32_t n_loaded;       /* bytes given to SPI1 before what plays now; its lowest bit counts */
    const uint8_t *data;     /* the caller's */
    uint16_t n_data_bytes;
    uint16_t read_pos;          /* in the ring */
    uint8_t tail[3];            /* what the handler heard last: the echo, or a sync out of its place */
    volatile uint8_t n_tail;    /* of them to be told: 0 none, 1 the echo, 3 all */
    uint16_t echo_pos;          /* where they belong in the stream of bytes */
    volatile bool is_sending;   /* stream 3 plays data */
    volatile bool is_armed;     /* the handler waits for the echo */
    volatile bool has_heard;    /* the handler took bytes since the last receive */
    volatile bool has_answered; /* the handler has begun to send; the send that follows is its echo */
    uint8_t ring[SPI_SLAVE_RING_BYTES];
};

/** Clocks, pins, DMA and SPI1; presents A5. Takes ≤ 20 us. Interrupts are left as they are. */
void spi_slave_init(struct spi_slave *spi);

/** Put SPI1, DMA2 streams 0 and 3 and PA4..PA7 back to their reset state, before another image takes over. */
void spi_slave_stop(struct spi_slave *spi);

/**
 * Take received bytes. Call it before the ring can run over: who cannot takes spi_slave_irq_receive.
 * @return 0..n_bytes
 */
size_t spi_slave_receive(void *ctx, uint8_t *bytes, size_t n_bytes);

/** Drop everything received so far. */
void spi_slave_discard(void *ctx);

/**
 * Repeat A5, or the answer 79 or 1F, from now on; ends data that is under way. The answer first leaves in
 * the second byte after this: if a byte is on the wires just now, that is the next one.
 */
void spi_slave_present(void *ctx, uint8_t answer);

/**
 * A 5A was heard between commands, and it may be a sync, whose ACK ST's ROM shows in the second byte after
 * it. Show 79 there, once; nothing if more bytes have come already.
 */
void spi_slave_greet(void *ctx);

/**
 * Send once, then repeat A5.
 * @param bytes  in SRAM; DMA reads them until the next level, send or arm
 */
void spi_slave_send(void *ctx, const uint8_t *bytes, size_t n_bytes);

/** True until the last data byte has left memory. */
bool spi_slave_is_sending(void *ctx);

/** True while NSS is low: the host is in a transfer. Its edges mean nothing; that it is high means that no
 * byte is on the wires. */
bool spi_slave_is_selected(void *ctx);

/**
 * Reset SPI1, and with it its bit counter. What is presented stays; data starts again from its first byte.
 */
void spi_slave_resync(void *ctx);

/* --- with the interrupt (spi_slave_irq.c): these instead of their namesakes; is_sending stays -------- */

/**
 * Enable the interrupts of SPI1 and DMA2 stream 3 in the NVIC.
 *
 * @param priority  NVIC priority value 0..15; must be more urgent than the BASEPRI used for flash work
 */
void spi_slave_irq_init(struct spi_slave *spi, uint32_t priority);

/** Handler of SPI1 (vector 35) and of DMA2 stream 3 (vector 59): runs from RAM, takes ≤ 2 us. */
void spi_slave_irq(struct spi_slave *spi);

/** As spi_slave_receive. If the ring ran over, what it holds is dropped. */
size_t spi_slave_irq_receive(void *ctx, uint8_t *bytes, size_t n_bytes);
/** As spi_slave_discard. */
void spi_slave_irq_discard(void *ctx);
/** As spi_slave_present; no answer is armed any more. */
void spi_slave_irq_present(void *ctx, uint8_t answer);
/** As spi_slave_send, unless the handler has sent these bytes already. */
void spi_slave_irq_send(void *ctx, const uint8_t *bytes, size_t n_bytes);
/** As spi_slave_resync. */
void spi_slave_irq_resync(void *ctx);

/**
 * Present an answer (79 or 1F); the handler reacts to the host's 79, or to 5A after 1F: A5 again, or the
 * answer if there is one. Bytes before the echo are dropped; `receive` delivers the echo in its place, and
 * the `level` or `send` that follows finds its work done.
 */
void spi_slave_irq_arm(void *ctx, uint8_t answer, const uint8_t *reply, size_t n_bytes);

#endif
