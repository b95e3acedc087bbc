/**
 * The gateway's end of the wires: SPI master, NRST, BOOT0, and the clock that goes with them.
 * Implemented by port/twin (an in-process STM32F407), port/linux (spidev, GPIO lines), port/esp_idf.
 *
 * Time belongs to the implementation: on the twin it is virtual and moves only inside these calls, so nothing
 * in the gateway may look at another clock while it talks to a target.
 */
#ifndef PORT_LINK_IO_H
#define PORT_LINK_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct link_io;

struct link_io_ops {
    enum fota_err (*transfer)(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes);
    enum fota_err (*select)(struct link_io *io, bool selected);
    enum fota_err (*set_nrst)(struct link_io *io, bool low);
    enum fota_err (*set_boot0)(struct link_io *io, bool high);
    enum fota_err (*set_clock)(struct link_io *io, uint32_t hz, uint32_t byte_gap_us);
    void (*delay_us)(struct link_io *io, uint32_t us);
    uint64_t (*now_us)(struct link_io *io);
};

/** Embed as first member of the concrete port. */
struct link_io {
    const struct link_io_ops *ops;
};

/**
 * Full-duplex transfer, mode 0, MSB first, at the clock and inter-byte gap of link_io_set_clock.
 *
 * @param mosi  bytes to send; NULL sends 00
 * @param miso  where received bytes go; NULL drops them
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err link_io_transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso,
                                             size_t n_bytes)
{
    return io->ops->transfer(io, mosi, miso, n_bytes);
}

/**
 * Drive NSS: selected = low.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err link_io_select(struct link_io *io, bool selected)
{
    return io->ops->select(io, selected);
}

/**
 * Drive NRST, open drain: low resets the target, else released.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err link_io_set_nrst(struct link_io *io, bool low)
{
    return io->ops->set_nrst(io, low);
}

/**
 * Drive BOOT0; sampled by the target after reset: high starts ST's ROM loader.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err link_io_set_boot0(struct link_io *io, bool high)
{
    return io->ops->set_boot0(io, high);
}

/**
 * @param hz           SPI clock; the implementation rounds down
 * @param byte_gap_us  pause between bytes (AN4286: 15 us for ST's ROM, 0 for our loaders)
 * @return FOTA_OK · E_ARG (0 Hz)
 */
FOTA_MUST_CHECK
static inline enum fota_err link_io_set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return io->ops->set_clock(io, hz, byte_gap_us);
}

/** Let `us` microseconds pass. */
static inline void link_io_delay_us(struct link_io *io, uint32_t us)
{
    io->ops->delay_us(io, us);
}

/** Monotonic microseconds. */
static inline uint64_t link_io_now_us(struct link_io *io)
{
    return io->ops->now_us(io);
}

#endif
