/**
 * The pump: moves bytes between an SPI slave driver and the state machine, and turns work items into update
 * operations. Written once, used by the bootloader's loader and by the agent; both give it two tables of
 * functions.
 *
 * Flash work is chopped: a block is programmed `chunk_words` words per call of link_pump_poll while the next
 * block is received into the second buffer. A sector is erased when the stream reaches its first byte, before
 * the reply to that block, so that the host waits for a reply (and not for an ACK) while the chip stands
 * still.
 *
 * Everything is idempotent by (session, offset): any request may be repeated after a lost reply.
 */
#ifndef LINK_LINK_PUMP_H
#define LINK_LINK_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/link_codec.h"
#include "link/link_session.h"
#include "link/link_slave.h"
#include "update/boot_services.h"

enum {
    LINK_SILENCE_MS = 500, /* no byte for so long: the slave is idle again and its bit counter is reset */
    LINK_GONE_MS = 16000,  /* no byte for so long: the host is gone; the slowest known pauses for 11 s */
    LINK_BUSY_MAX_MS =
        2000, /* how long E_UPDATE_BUSY of the owner is waited out before the host hears of it */
    LINK_PROGRESSES_MAX = 32, /* how often one request may say link_pump_progressed before the host hears
                                 E_UPDATE_BUSY: no request needs half as many erases */
    LINK_RESTART_MAX_MS =
        200,                 /* after ACTIVATE or Go: restart when the reply is out, or then at the latest */
    LINK_ECHO_GRACE_MS = 10, /* flash work waits so long for the echo of an answer */
    LINK_RX_CHUNK_BYTES = 64,
    LINK_SLIP_QUIET_MS = 2 /* a bit counter that is off is reset when NSS is high, or after so much silence */
};

/** SPI slave driver: on the chip the functions of f407/spi_slave.h, one for one. */
struct link_port_ops {
    /**
     * Take received bytes.
     * @return number of bytes, 0..n_bytes
     */
    size_t (*receive)(void *ctx, uint8_t *bytes, size_t n_bytes);
    /** Drop everything received so far. */
    void (*discard)(void *ctx);
    /** Repeat A5, or this answer (79 or 1F) with A5 in between, on MISO from now on; ends data that is under
     * way. */
    void (*present)(void *ctx, uint8_t answer);
    /** A 5A was heard, and nothing after it: show 79 once, in the second byte after it. NULL: do not. */
    void (*greet)(void *ctx);
    /**
     * Send bytes, then repeat A5. One byte of the pattern leaves first: it meets the host's dummy. The bytes
     * stay as they are until the next `present`, `send` or `arm`: nothing has to be copied before the first
     * one leaves.
     */
    void (*send)(void *ctx, const uint8_t *bytes, size_t n_bytes);
    /**
     * For owners that cannot poll within microseconds: present an answer (79 or 1F), and let an interrupt
     * handler react to the host's echo (79; after 1F also 5A, the next command): A5 again at once, or the
     * reply if n_bytes is not 0. An answer that stays a moment too long is taken for the next one by a host
     * that is fast. The echo is still delivered by `receive`; a `present` or `send` for it follows and finds
     * its work done. NULL: the owner polls fast enough.
     */
    void (*arm)(void *ctx, uint8_t answer, const uint8_t *reply, size_t n_bytes);
    /** True until the last byte given to `send` has left memory. */
    bool (*is_sending)(void *ctx);
    /** NSS is low: a byte may be on the wires. NULL: not known. */
    bool (*is_selected)(void *ctx);
    /**
     * The line is silent: reset the bit counter of the receiver (a lost or extra clock edge shifts every byte
     * that follows). What `present`, `send` or `arm` asked for stays; data that is under way starts again
     * from its first byte.
     */
    void (*resync)(void *ctx);
};

struct link_pump_config {
    const struct link_session_ops *ops;
    void *ops_ctx;
    const struct link_port_ops *port;
    void *port_ctx;
    const struct board_layout *board; /* this board's; must outlive the pump */
    enum link_loader loader;
    enum slot inactive;   /* slot the host may write: SLOT_A or SLOT_B */
    uint32_t chunk_words; /* words programmed per poll, 1..1024: 16 us typical, 100 us at most each */
};

/** Private to link_pump.c; the owner keeps one, in any RAM. */
struct link_pump {
    struct link_pump_config config;
    struct link_slave slave;
    struct link_session_state session;
    uint32_t now_ms;      /* as the owner told in this poll */
    uint32_t heard_ms;    /* when the last byte came */
    uint32_t since_ms;    /* when the work, or the wait for a restart, began */
    uint8_t n_progresses; /* of the work item: how often a part of it was done */
    bool has_work;        /* slave.work waits to be carried out */
    bool has_silence;     /* the silence since the last byte was acted upon */
    bool is_clock_late;   /* work was done since the owner told the time */
    uint32_t buffer[2][LINK_BUFFER_BYTES / 4];
};

/**
 * Start. Presents filler; the port must be running.
 *
 * @return FOTA_OK · E_ARG (chunk_words or inactive out of range)
 */
FOTA_MUST_CHECK
enum fota_err link_pump_init(struct link_pump *pump, const struct link_pump_config *config);

/**
 * Move on: call as often as possible (at least once per LINK_RX ring time of the port: 8 KB last 6 ms at 10
 * MHz).
 *
 * @param now_ms  any millisecond counter that wraps at 2^32
 * Takes:      chunk_words programs, or one operation of link_session_ops (erase: up to 2 s)
 * Power cut:  as the operation of boot_services.h that runs; this layer keeps nothing in flash
 */
void link_pump_poll(struct link_pump *pump, uint32_t now_ms);

/** True if nothing is under way: no command, no flash work, no reply. The loader may leave. */
bool link_pump_is_idle(const struct link_pump *pump);

/** True while a host has a session open, with or without a statement. */
bool link_pump_has_session(const struct link_pump *pump);

/**
 * For an operation of link_session_ops that is about to return E_UPDATE_BUSY and has done a part of its work:
 * the wait for the owner begins anew, LINK_PROGRESSES_MAX times for one request at most.
 */
void link_pump_progressed(struct link_pump *pump);

/** True once a host has talked to this loader (a complete valid command was heard). */
bool link_pump_is_synced(const struct link_pump *pump);

#endif
