/**
 * What a host's operations do with the update session: one work item of the slave in, its result out.
 *
 * No bytes are read or sent here and no clock is looked at; link_pump.h does that. The operations and the
 * states in which they are allowed stand in link_ops.h.
 */
#ifndef LINK_LINK_SESSION_H
#define LINK_LINK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "link/link_codec.h"
#include "link/link_slave.h"
#include "update/boot_services.h"

/**
 * Update operations, the owner's. They mean what boot_services.h says of their namesakes (range checks,
 * read-back, power cut); the owner adds what it knows (options, permission of the application). All but info,
 * read and hash may return E_UPDATE_BUSY: not now, call again. An operation that got a part of its work done
 * all the same calls link_pump_progressed before it returns.
 */
struct link_session_ops {
    enum fota_err (*info)(void *ctx, struct boot_info *out);
    /**
     * n_bytes 0: the session of a plain AN4286 host, without statement (see boot_services.h, update_begin).
     */
    enum fota_err (*begin)(void *ctx, const uint8_t *statement, uint32_t n_bytes, struct update_target *out);
    enum fota_err (*erase)(void *ctx, uint32_t sector);
    /** In a loader session addr counts from the loader's base, and the words go to the owner's RAM. */
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

/** Who has a session open. */
enum link_session_kind {
    LINK_SESSION_NONE,
    LINK_SESSION_PLAIN, /* a host of AN4286, which has no statement: it opens at the first erase or write */
    LINK_SESSION_SIGNED /* a host that sent a statement by BEGIN */
};

/** A run of words under way to flash: the block that was accepted last. */
struct link_job {
    uint32_t addr;
    uint32_t n_words; /* left; 0 none */
    const uint32_t *words;
};

/** Private to link_session.c, but job, has_progressed, wants_restart and kind, which the pump reads. */
struct link_session_state {
    const struct link_session_ops *ops;
    void *ops_ctx;
    struct link_slave *slave;
    uint8_t *spare; /* LINK_BUFFER_BYTES: the slave receives here while the words of its other buffer go to
                       flash */
    struct link_job job;
    uint32_t id; /* of the session, if there is one */
    uint32_t base;
    uint32_t image_bytes;
    uint32_t accepted_off;
    uint32_t flashed_off;
    uint16_t failed;     /* enum fota_err of a background write, told in the next reply */
    uint8_t loader;      /* enum link_loader: what this loader is */
    uint8_t kind;        /* enum link_session_kind */
    uint8_t slot;        /* of the session, enum slot */
    uint8_t n_erased;    /* sectors of the work item that are erased */
    uint8_t own_sectors; /* of the slot, one bit each: erased in this session */
    bool is_finished;    /* update_finish went well in this session */
    bool has_progressed; /* the operation that said E_UPDATE_BUSY got a part of its work done */
    bool wants_restart;  /* as soon as the host has what it waits for */
};

/** What became of a work item. */
struct link_result {
    enum fota_err err;
    enum link_reply reply; /* NONE: answered by ACK or NACK; otherwise what stands in body */
    size_t n_bytes;        /* of body */
    uint8_t body[LINK_INFO_BLOCK_BYTES];
};

/**
 * No session is open.
 * @param spare  LINK_BUFFER_BYTES, aligned to 4; stays the caller's
 */
void link_session_init(struct link_session_state *session, const struct link_session_ops *ops, void *ops_ctx,
                       enum link_loader loader, struct link_slave *slave, uint8_t *spare);

/** A new work item: forget how far the one before it came. */
void link_session_start_work(struct link_session_state *session);

/**
 * Carry out slave->work. Only when no words are under way (job.n_words 0).
 *
 * With E_UPDATE_BUSY in out->err it is to be called again with the same work item, or its result sent;
 * has_progressed says whether something was done.
 * Takes:      one operation of link_session_ops (erase: up to 2 s)
 * Power cut:  as the operation of boot_services.h that runs; nothing is kept in flash here
 * @param out  err: FOTA_OK · E_INTERNAL (an opcode without a row in link_ops.h: nothing was done) ·
 * E_UPDATE_NO_SESSION, E_UPDATE_SESSION (not allowed in this state of the session) · what the operation says
 */
void link_session_work(struct link_session_state *session, struct link_result *out);

/** Program at most `chunk_words` of the words under way. A failure is kept and told in the next reply. */
void link_session_program_some(struct link_session_state *session, uint32_t chunk_words);

#endif
