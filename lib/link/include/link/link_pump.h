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
#include "link/link_slave.h"
#include "update/boot_services.h"

enum {
    LINK_SILENCE_MS = 500, /* no byte for so long: the slave is idle again and its bit counter is reset */
    LINK_GONE_MS = 16000,  /* no byte for so long: the host is gone; the slowest known pauses for 11 s */
    LINK_BUSY_MAX_MS =
        2000,            /* how long E_UPDATE_BUSY of the owner is waited out before the host hears of it */
    LINK_AGAIN_MAX = 32, /* how often one request may say LINK_PUMP_AGAIN before the host hears E_UPDATE_BUSY:
                            no request needs half as many erases */
    LINK_RESTART_MAX_MS =
        200,                 /* after ACTIVATE or Go: restart when the reply is out, or then at the latest */
    LINK_ECHO_GRACE_MS = 10, /* flash work waits so long for the echo of a verdict */
    LINK_RX_CHUNK_BYTES = 64,
    LINK_SLIP_QUIET_MS = 2 /* a bit counter that is off is reset when NSS is high, or after so much silence */
};

/** From an operation that has done a part of its work, and is to be called again: no error, never told. After
 * LINK_AGAIN_MAX of them the request is answered by E_UPDATE_BUSY: a host always gets an answer. */
#define LINK_PUMP_AGAIN ((enum fota_err)0xFFFF)

/**
 * Update operations, the owner's. They mean what boot_services.h says of their namesakes (range checks,
 * read-back, power cut); the owner adds what it knows (options, permission of the application). All but info,
 * read and hash may return E_UPDATE_BUSY (not now, ask again) or LINK_PUMP_AGAIN.
 */
struct link_pump_ops {
    enum fota_err (*info)(void *ctx, struct boot_info *out);
    /**
     * n_bytes 0: the session of a plain AN4286 host, without statement (see boot_services.h, update_begin).
     */
    enum fota_err (*begin)(void *ctx, const uint8_t *statement, uint32_t n_bytes, struct update_target *out);
    enum fota_err (*erase)(void *ctx, uint32_t sector);
    /** In a loader session addr counts from FLASH_LOADER_BASE, and the words go to the owner's RAM. */
    enum fota_err (*program)(void *ctx, uint32_t addr, const uint32_t *words, uint32_t n_words);
    /** Copy bytes of the inactive slot, from sectors that this session erased. */
    void (*read)(void *ctx, uint32_t addr, uint8_t *bytes, uint32_t n_bytes);
    enum fota_err (*hash)(void *ctx, uint32_t off, uint32_t n_bytes, uint8_t sha256[32]);
    /** In a loader session: install what was received. */
    enum fota_err (*finish)(void *ctx);
    enum fota_err (*activate)(void *ctx);
    enum fota_err (*abort)(void *ctx);
    /**
     * Reset the chip: it then boots what the journal says. Called from link_pump_poll, may return in tests.
     */
    void (*restart)(void *ctx);
    /** NULL: E_UNSUPPORTED. */
    enum fota_err (*retry)(void *ctx, uint32_t number);
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
    const struct link_pump_ops *ops;
    void *ops_ctx;
    const struct link_port_ops *port;
    void *port_ctx;
    enum link_loader loader;
    enum slot inactive;   /* slot the host may write: SLOT_A or SLOT_B */
    uint32_t chunk_words; /* words programmed per poll, 1..1024: 16 us typical, 100 us at most each */
};

/** A run of words under way to flash. */
struct link_job {
    uint32_t addr;
    uint32_t n_words; /* left; 0 none */
    const uint32_t *words;
};

/** Private to link_pump.c; the owner keeps one, in any RAM. */
struct link_pump {
    struct link_pump_config config;
    struct link_slave slave;
    struct link_job job;
    uint32_t session_id; /* 0 none */
    uint32_t session_base;
    uint32_t image_bytes;
    uint32_t accepted_off;
    uint32_t flashed_off;
    uint32_t now_ms;     /* as the owner told in this poll */
    uint32_t heard_ms;   /* when the last byte came */
    uint32_t since_ms;   /* when the work, or the wait for a restart, began */
    uint16_t failed;     /* enum fota_err of a background write, told in the next reply */
    uint8_t n_steps;     /* of the work item: sectors erased, or 1 while its words are programmed */
    uint8_t n_agains;    /* of the work item: how often it said LINK_PUMP_AGAIN */
    uint8_t slot;        /* of the session, enum slot */
    uint8_t own_sectors; /* of the slot, one bit each: erased in this session, or before it was resumed */
    bool is_plain;       /* session of an AN4286 host */
    bool is_finished;    /* update_finish went well in this session */
    bool has_work;       /* slave.work waits to be carried out */
    bool has_silence;    /* the silence since the last byte was acted upon */
    bool is_clock_late;  /* work was done since the owner told the time */
    bool wants_restart;  /* as soon as the host has what it waits for */
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
 * Takes:      chunk_words programs, or one operation of link_pump_ops (erase: up to 2 s)
 * Power cut:  as the operation of boot_services.h that runs; this layer keeps nothing in flash
 */
void link_pump_poll(struct link_pump *pump, uint32_t now_ms);

/** True if nothing is under way: no command, no flash work, no reply. The loader may leave. */
bool link_pump_is_idle(const struct link_pump *pump);

/** True once a host has talked to this loader (a complete valid command was heard). */
bool link_pump_is_synced(const struct link_pump *pump);

#endif
