/* The SPI slave driver of both loaders (f407/spi_slave.h), and the other end of its wires. */
#include <string.h>

#include "f407/spi_slave.h"
#include "fuzz.h"
#include "link/link_proto.h"

enum { RING_BYTES = SPI_SLAVE_RING_BYTES, BYTE_US = 1, PATTERN_BYTES = 5, TAIL_BYTES = 3 };

/* Each run of bytes is a transfer, and it is over when the driver
 * is asked: it never finds itself in a byte. */
static struct {
    uint8_t pattern[PATTERN_BYTES];
    unsigned phase;
    uint8_t verdict;
    uint8_t ready;       /* waits in the transmit register */
    const uint8_t *data; /* the caller's; read when it is clocked, as the DMA does */
    size_t n_data, data_at;
    const uint8_t *answer;
    size_t n_answer;
    bool is_armed, has_heard, has_answered;
    uint8_t tail[TAIL_BYTES]; /* what the handler heard last */
    uint8_t rx[RING_BYTES];
    size_t n_rx, rx_at;
} wire;

static void play(const uint8_t *bytes, size_t n_bytes)
{
    wire.data = bytes;
    wire.n_data = n_bytes;
    wire.data_at = 0;
    wire.phase = 0;
}

/* spi_fill */
static void fill(void)
{
    if (wire.verdict != LINK_FILLER) {
        wire.ready = LINK_FILLER;
    }
    wire.verdict = LINK_FILLER;
    memset(wire.pattern, LINK_FILLER, sizeof wire.pattern);
}

void wire_reset(void)
{
    memset(&wire, 0, sizeof wire);
    memset(wire.pattern, LINK_FILLER, sizeof wire.pattern);
    wire.verdict = wire.ready = LINK_FILLER;
}

static void to_ring(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (wire.n_rx == RING_BYTES) { /* the ring runs over: what it held is gone */
            wire.n_rx = wire.rx_at = 0;
        }
        wire.rx[wire.n_rx++] = bytes[i];
    }
}

/* A sync whose bits lie across bytes. */
static bool has_slipped(void)
{
    uint32_t bits = (uint32_t)wire.tail[0] << 16 | (uint32_t)wire.tail[1] << 8 | wire.tail[2];
    for (unsigned shift = 9; shift < 16; shift++) {
        if ((bits & ((1U << (shift + 8)) - 1U)) == (uint32_t)LINK_SOF << shift) {
            return true;
        }
    }
    return false;
}

/* The interrupt handler's part: polls are dropped, one stands for all. The echo ends the verdict at once, and
 * starts the answer. */
static void hear_armed(uint8_t mosi)
{
    memmove(wire.tail, wire.tail + 1, sizeof wire.tail - 1);
    wire.tail[TAIL_BYTES - 1] = mosi;
    bool is_echo = mosi == LINK_ACK || (mosi == LINK_SOF && wire.verdict == LINK_NACK);
    bool is_slipped = !is_echo && has_slipped();
    if (!is_echo && !is_slipped) {
        if (!wire.has_heard) {
            to_ring((const uint8_t[]){LINK_DUMMY}, 1);
        }
        wire.has_heard = true;
        return;
    }
    wire.is_armed = false;
    wire.has_answered = is_echo && wire.n_answer > 0;
    fill();
    play(wire.answer, wire.has_answered ? wire.n_answer : 0);
    to_ring(is_echo ? &mosi : wire.tail, is_echo ? 1 : sizeof wire.tail);
}

static uint8_t next(void)
{
    return wire.data_at < wire.n_data ? wire.data[wire.data_at++]
                                      : wire.pattern[wire.phase++ % PATTERN_BYTES];
}

void wire_clock(const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t out = wire.ready;
        wire.ready = next();
        if (miso) {
            miso[i] = out;
        }
        if (wire.is_armed) {
            hear_armed(mosi[i]);
        } else {
            to_ring(mosi + i, 1);
        }
    }
    chip_pass_us((uint32_t)n_bytes * BYTE_US);
}

/* --- the driver -------------------------------------------------------------------------------------- */

void spi_slave_init(struct spi_slave *spi)
{
    (void)spi;
    wire_reset();
}

void spi_slave_irq_init(struct spi_slave *spi, uint32_t priority)
{
    (void)spi;
    (void)priority;
}

void spi_slave_irq(struct spi_slave *spi)
{
    (void)spi;
}

size_t spi_slave_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    size_t n = wire.n_rx - wire.rx_at < n_bytes ? wire.n_rx - wire.rx_at : n_bytes;
    memcpy(bytes, wire.rx + wire.rx_at, n);
    wire.rx_at += n;
    if (wire.rx_at == wire.n_rx) {
        wire.rx_at = wire.n_rx = 0;
        wire.has_heard = false;
    }
    return n;
}

void spi_slave_discard(void *ctx)
{
    (void)ctx;
    wire.rx_at = wire.n_rx = 0;
    wire.has_heard = false;
}

void spi_slave_present(void *ctx, uint8_t level)
{
    (void)ctx;
    fill();
    wire.verdict = level;
    wire.pattern[0] = wire.pattern[2] = level;
    play(NULL, 0);
}

void spi_slave_greet(void *ctx)
{
    (void)ctx;
    if (wire.rx_at == wire.n_rx) { /* the byte that waits is the first one after the 5A */
        wire.pattern[0] = LINK_ACK;
        play(NULL, 0);
    }
}

bool spi_slave_is_selected(void *ctx)
{
    (void)ctx;
    return false; /* each run of bytes is a transfer, and it is over when the driver is asked */
}

void spi_slave_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    fill();
    play(bytes, n_bytes);
}

bool spi_slave_is_sending(void *ctx)
{
    (void)ctx;
    return wire.data_at < wire.n_data;
}

/* SPI1 starts anew: data from its first byte, if it has not all left. */
void spi_slave_resync(void *ctx)
{
    bool is_sending = spi_slave_is_sending(ctx);
    play(is_sending ? wire.data : NULL, is_sending ? wire.n_data : 0);
    wire.ready = next();
    if (!is_sending) {
        spi_slave_present(ctx, wire.verdict);
    }
}

void spi_slave_irq_resync(void *ctx)
{
    spi_slave_resync(ctx);
}

size_t spi_slave_irq_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    return spi_slave_receive(ctx, bytes, n_bytes);
}

void spi_slave_irq_discard(void *ctx)
{
    spi_slave_discard(ctx);
}

void spi_slave_irq_present(void *ctx, uint8_t level)
{
    wire.is_armed = wire.has_answered = false;
    spi_slave_present(ctx, level);
}

void spi_slave_irq_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    wire.is_armed = false;
    if (!wire.has_answered) {
        spi_slave_send(ctx, bytes, n_bytes);
    }
    wire.has_answered = false;
}

void spi_slave_irq_arm(void *ctx, uint8_t verdict, const uint8_t *answer, size_t n_bytes)
{
    spi_slave_irq_present(ctx, LINK_FILLER);
    wire.answer = answer;
    wire.n_answer = n_bytes;
    memset(wire.tail, 0, sizeof wire.tail);
    wire.has_heard = false;
    wire.is_armed = true;
    spi_slave_present(ctx, verdict);
}
