/* The SPI slave driver of both loaders (f407/spi_slave.h), and the other end of its wires. */
#include <string.h>

#include "f407/spi_slave.h"
#include "fuzz.h"
#include "link/link_proto.h"

enum { RING_BYTES = SPI_SLAVE_RING_BYTES, BYTE_US = 1 };

static struct {
    uint8_t pattern[2];
    unsigned phase;
    uint8_t ready;
    const uint8_t *data; /* the caller's; read when it is clocked, as the DMA does */
    size_t n_data, data_at;
    const uint8_t *answer;
    size_t n_answer;
    bool is_armed, has_answered, has_greeting;
    uint8_t rx[RING_BYTES];
    size_t n_rx, rx_at;
} wire;

void wire_reset(void)
{
    memset(&wire, 0, sizeof wire);
    memset(wire.pattern, LINK_FILLER, sizeof wire.pattern);
    wire.ready = LINK_FILLER;
}

static void play(const uint8_t *bytes, size_t n_bytes)
{
    wire.data = bytes;
    wire.n_data = n_bytes;
    wire.data_at = 0;
    wire.pattern[1] = LINK_FILLER;
    wire.phase = 0;
}

/* The interrupt handler's part: the echo ends the verdict at once, and starts the answer. */
static void hear_armed(uint8_t mosi)
{
    bool is_echo = mosi == LINK_ACK || (mosi == LINK_SOF && wire.pattern[1] == LINK_NACK);
    if (!wire.is_armed || !is_echo) {
        return;
    }
    wire.is_armed = false;
    wire.pattern[1] = LINK_FILLER;
    if (wire.n_answer > 0) {
        play(wire.answer, wire.n_answer);
        wire.has_answered = true;
    }
}

static uint8_t next_of_pattern(void)
{
    if (wire.has_greeting) {
        wire.has_greeting = false;
        return LINK_ACK;
    }
    return wire.pattern[wire.phase++ % 2];
}

void wire_clock(const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t out = wire.ready; /* one byte waits in the transmit register */
        wire.ready = wire.data_at < wire.n_data ? wire.data[wire.data_at++] : next_of_pattern();
        if (miso) {
            miso[i] = out;
        }
        if (wire.n_rx == RING_BYTES) { /* the ring runs over: what it held is gone */
            wire.n_rx = wire.rx_at = 0;
        }
        wire.rx[wire.n_rx++] = mosi[i];
        hear_armed(mosi[i]);
    }
    chip_pass_us((uint32_t)n_bytes * BYTE_US);
}

/* --- the driver --------------------------------------------------------------------------------------------
 */

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
    }
    return n;
}

void spi_slave_discard(void *ctx)
{
    (void)ctx;
    wire.rx_at = wire.n_rx = 0;
}

void spi_slave_level(void *ctx, uint8_t level)
{
    (void)ctx;
    wire.pattern[1] = level;
    wire.n_data = wire.data_at = 0;
    wire.is_armed = wire.has_answered = wire.has_greeting = false;
}

void spi_slave_greet(void *ctx)
{
    (void)ctx;
    wire.has_greeting = wire.rx_at == wire.n_rx; /* the byte that waits is the first one after the 5A */
}

bool spi_slave_is_selected(void *ctx)
{
    (void)ctx;
    return false; /* each run of bytes is a transfer, and it is over when the driver is asked */
}

void spi_slave_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    play(bytes, n_bytes);
}

bool spi_slave_is_sending(void *ctx)
{
    (void)ctx;
    return wire.data_at < wire.n_data;
}

void spi_slave_resync(void *ctx)
{
    (void)ctx;
    wire.data_at = 0;
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

void spi_slave_irq_level(void *ctx, uint8_t level)
{
    spi_slave_level(ctx, level);
}

void spi_slave_irq_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    bool has_answered = wire.has_answered;
    wire.has_answered = false;
    if (!has_answered) {
        spi_slave_send(ctx, bytes, n_bytes);
    }
}

void spi_slave_irq_arm(void *ctx, uint8_t verdict, const uint8_t *answer, size_t n_bytes)
{
    spi_slave_level(ctx, verdict);
    wire.answer = answer;
    wire.n_answer = n_bytes;
    wire.is_armed = true;
}
