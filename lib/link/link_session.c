#include "link/link_session.h"

#include <string.h>

#include "base/bytes.h"

/* --- the state of the session --------------------------------------------------------------------------- */

/* Everything that a session may read back or go on with is forgotten: the next one inherits nothing. */
static void close_session(struct link_session_state *session)
{
    session->kind = LINK_SESSION_NONE;
    session->accepted_off = 0;
    session->flashed_off = 0;
    session->failed = FOTA_OK;
    session->slot = SLOT_NONE;
    session->own_sectors = 0;
    session->is_finished = false;
}

static bool is_loader_session(const struct link_session_state *session)
{
    return session->kind != LINK_SESSION_NONE && session->slot == SLOT_LOADER;
}

static uint32_t sector_bytes(const struct link_session_state *session)
{
    return session->slave->board->slot_sector_bytes;
}

/* Only what this session brought may be read back: the previous firmware of the slot is nobody's business. */
static bool is_own(const struct link_session_state *session, uint32_t off, uint32_t n_bytes)
{
    uint32_t last = n_bytes > 0 ? off + n_bytes - 1 : off;
    for (uint32_t k = off / sector_bytes(session); k <= last / sector_bytes(session); k++) {
        if ((session->own_sectors >> k & 1U) == 0) {
            return false;
        }
    }
    return true;
}

/* The sector has its number of RM0090. */
static enum fota_err erase(struct link_session_state *session, uint32_t sector)
{
    /* The sector becomes the session's own only when the erase has ended well: until then the old image may
     * be in it, which this host may not read. */
    enum fota_err err = session->ops->erase(session->ops_ctx, sector);
    if (!err) {
        session->own_sectors |= (uint8_t)(1U << (sector - link_slave_first_sector(session->slave)));
    }
    return err;
}

static enum fota_err open_session(struct link_session_state *session, enum link_session_kind kind,
                                  const uint8_t *statement, uint32_t n_bytes)
{
    struct update_target target;
    enum fota_err err = session->ops->begin(session->ops_ctx, statement, n_bytes, &target);
    if (err) {
        return err;
    }
    /* The same session again means that a reply was lost. The stream stands at resume_off or after it, and
     * goes on there. */
    bool is_same = session->kind == (uint8_t)kind && session->id == target.session_id;
    if (!is_same || session->failed) {
        close_session(session);
        session->accepted_off = target.resume_off;
        session->flashed_off = target.resume_off;
    }
    session->kind = (uint8_t)kind;
    session->id = target.session_id;
    session->image_bytes = target.image_bytes;
    session->base = target.base;
    session->slot = (uint8_t)target.slot;
    if (!is_loader_session(session)) {
        /* A session that goes on after a reset may not read what was received before it: a statement is
         * public, and whoever has one could otherwise read out the image that it names. */
        link_slave_set_base(session->slave, target.base);
    }
    return FOTA_OK;
}

static enum fota_err abort_session(struct link_session_state *session)
{
    enum fota_err err = session->ops->abort(session->ops_ctx);
    if (!err) {
        close_session(session);
    }
    return err;
}

/* A part of the work is done: call again. */
static enum fota_err progressed(struct link_session_state *session)
{
    session->has_progressed = true;
    return E_UPDATE_BUSY;
}

static enum fota_err finish(struct link_session_state *session)
{
    /* The host repeats FINISH if our reply was lost. Verifying takes half a second and would find the
     * same. */
    if (session->is_finished) {
        return FOTA_OK;
    }
    enum fota_err err = session->ops->finish(session->ops_ctx);
    session->is_finished = err == FOTA_OK;
    if (err && err != E_UPDATE_BUSY && is_loader_session(session)) {
        /* It is in RAM, and a part of it may be wrong: the host sends it again from its start. */
        session->accepted_off = 0;
        session->flashed_off = 0;
    }
    return err;
}

static enum fota_err activate(struct link_session_state *session)
{
    enum fota_err err = FOTA_OK;
    if (is_loader_session(session)) { /* the loader is in its place since FINISH: nothing starts anew */
        /* The owner's session ends too. */
        return session->is_finished ? abort_session(session) : E_STATE;
    }
    /* A second ACTIVATE, while the restart is already waited for, writes no second record. */
    if (!session->wants_restart) {
        err = session->ops->activate(session->ops_ctx);
    }
    session->wants_restart = err == FOTA_OK;
    return err;
}

/* --- words under way to flash --------------------------------------------------------------------------- */

void link_session_program_some(struct link_session_state *session, uint32_t chunk_words)
{
    struct link_job *job = &session->job;
    uint32_t n_words = job->n_words < chunk_words ? job->n_words : chunk_words;
    if (n_words == 0) {
        return;
    }
    /* A failure is remembered and told in the reply to the next block: the one that these words belong to
     * has been answered already (docs/spec/link.md 4). */
    enum fota_err err = session->ops->program(session->ops_ctx, job->addr, job->words, n_words);
    if (err == E_UPDATE_BUSY) {
        return;
    }
    if (err) {
        session->failed = (uint16_t)err;
        job->n_words = 0;
        return;
    }
    job->addr += 4 * n_words;
    job->words += n_words;
    job->n_words -= n_words;
    session->flashed_off = job->n_words > 0 ? job->addr - session->base : session->accepted_off;
}

/* A write failed: the sector must be erased and sent again. */
static enum fota_err take_failure(struct link_session_state *session)
{
    enum fota_err err = (enum fota_err)session->failed;
    if (err) {
        /* To the start of the sector: words that were refused cannot be programmed again without an erase
         * (RM0090 3.6.4). */
        session->accepted_off = session->flashed_off - session->flashed_off % sector_bytes(session);
        session->flashed_off = session->accepted_off;
        session->failed = FOTA_OK;
    }
    return err;
}

/* --- handlers: one per row of link_ops.h. `body` is the reply's; progress blocks are written by the caller --- */

/* The slave answers these by itself: they are never handed out as work. */
static enum fota_err no_work(struct link_session_state *session, uint8_t *body)
{
    (void)session;
    (void)body;
    return E_INTERNAL;
}

static enum fota_err do_info(struct link_session_state *session, uint8_t *body)
{
    struct link_info info = {
        .loader = session->loader,
        .protocol = LINK_PROTOCOL_VERSION,
        .vendor_version = LINK_VENDOR_VERSION,
        .chip_id = LINK_CHIP_ID,
        .last_link_reason = (enum fota_err)session->slave->reason,
    };
    enum fota_err err = session->ops->info(session->ops_ctx, &info.boot);
    if (err) { /* the block is sent all the same, and says why it tells nothing of the boot */
        info.last_link_reason = err;
    }
    link_info_store(body, &info);
    return FOTA_OK;
}

static enum fota_err do_read(struct link_session_state *session, uint8_t *body)
{
    const struct link_work *work = &session->slave->work;
    if (work->addr >= LINK_INFO_ADDR) {
        (void)do_info(session, body); /* cannot fail */
        memcpy(work->bytes, body + (work->addr - LINK_INFO_ADDR), work->n_bytes);
        return FOTA_OK;
    }
    if (!is_own(session, work->addr - session->slave->base, work->n_bytes)) {
        return E_LINK_ADDRESS;
    }
    session->ops->read(session->ops_ctx, work->addr, work->bytes, work->n_bytes);
    return FOTA_OK;
}

/* Write and Extended Erase come from a host of AN4286, which has
 * no statement: its session opens by itself. */
static enum fota_err need_plain_session(struct link_session_state *session)
{
    enum fota_err err = session->kind == LINK_SESSION_SIGNED ? E_UPDATE_SESSION : FOTA_OK;
    if (session->kind == LINK_SESSION_NONE) {
        err = open_session(session, LINK_SESSION_PLAIN, NULL, 0);
    }
    if (!err) {
        session->is_finished = false; /* the slot is about to change */
    }
    return err;
}

/* At most 64 words are programmed in one go. */
static enum fota_err do_write(struct link_session_state *session, uint8_t *body)
{
    const struct link_work *work = &session->slave->work;
    enum fota_err err = need_plain_session(session);
    (void)body;
    if (err) {
        return err;
    }
    return session->ops->program(session->ops_ctx, work->addr, (const uint32_t *)(const void *)work->bytes,
                                 work->n_bytes / 4);
}

/* One sector per call, since the application is asked before each. */
static enum fota_err do_erase(struct link_session_state *session, uint8_t *body)
{
    const struct link_work *work = &session->slave->work;
    enum fota_err err = need_plain_session(session);
    (void)body;
    if (!err) {
        err = erase(session, work->bytes[session->n_erased]);
    }
    if (err) {
        return err;
    }
    session->n_erased++;
    return session->n_erased < work->n_bytes ? progressed(session) : FOTA_OK;
}

/* Go ends a plain session: what was written must verify. Without
 * one it is a reset into the verified image. */
static enum fota_err do_go(struct link_session_state *session, uint8_t *body)
{
    (void)body;
    if (session->kind != LINK_SESSION_PLAIN) {
        session->wants_restart = true;
        return FOTA_OK;
    }
    enum fota_err err = finish(session);
    return err ? err : activate(session);
}

static enum fota_err do_begin(struct link_session_state *session, uint8_t *body)
{
    const struct link_work *work = &session->slave->work;
    enum fota_err err = FOTA_OK;
    if (session->kind == LINK_SESSION_PLAIN) { /* a statement outranks a host that had none */
        err = abort_session(session);
    }
    if (!err) {
        err = open_session(session, LINK_SESSION_SIGNED, work->bytes, work->n_bytes);
    }
    if (err) {
        return err;
    }
    const struct link_session block = {.slot = session->slot,
                                       .session_id = session->id,
                                       .base = session->base,
                                       .image_bytes = session->image_bytes,
                                       .resume_off = session->accepted_off,
                                       .block_max_bytes = LINK_BLOCK_MAX_BYTES};
    link_session_store(body, &block);
    return FOTA_OK;
}

/* If a sector starts in [off, off + n_bytes), erase it: the stream has come to its first byte. */
static enum fota_err erase_when_due(struct link_session_state *session, uint32_t off, uint32_t n_bytes)
{
    uint32_t last = off + n_bytes - 1;
    if (is_loader_session(session) || last % sector_bytes(session) >= n_bytes) {
        return FOTA_OK;
    }
    return erase(session, link_slave_first_sector(session->slave) + last / sector_bytes(session));
}

/* The block's bytes stay where they were received; the slave goes on with the other buffer. */
static void start_block(struct link_session_state *session, uint8_t *data, uint32_t n_bytes)
{
    uint8_t *kept = session->slave->buffer;
    session->slave->buffer = session->spare;
    session->spare = kept;
    session->job.addr = session->base + session->accepted_off;
    session->job.words = (const uint32_t *)(const void *)data;
    session->accepted_off += n_bytes;
    while (n_bytes % 4 != 0) {
        data[n_bytes++] = 0xFF; /* over the CRC, which was checked before */
    }
    session->job.n_words = n_bytes / 4;
}

static enum fota_err do_block(struct link_session_state *session, uint8_t *body)
{
    const struct link_work *work = &session->slave->work;
    uint32_t off = bytes_load_be32(work->bytes + 4);
    uint32_t n_bytes = work->n_bytes - 8;
    uint32_t n_left_bytes = session->image_bytes - off;
    enum fota_err err = take_failure(session);
    (void)body;
    if (err || off != session->accepted_off) { /* another offset is no error: the reply says where to go on */
        return err;
    }
    /* The image is verified and recorded. Another block would change what was verified. */
    if (session->is_finished) {
        return E_STATE;
    }
    /* Flash is written in words, so only the last block may end within one. */
    if (n_bytes > n_left_bytes || (n_bytes % 4 != 0 && n_bytes != n_left_bytes)) {
        return E_LINK_LENGTH;
    }
    err = erase_when_due(session, off, n_bytes);
    if (err) {
        return err;
    }
    start_block(session, work->bytes + 8, n_bytes);
    /* A sector's last block is answered when it is in flash: so no more than a sector is ever sent again. */
    return session->accepted_off % sector_bytes(session) == 0 ? progressed(session) : FOTA_OK;
}

static enum fota_err do_hash(struct link_session_state *session, uint8_t *body)
{
    const uint8_t *range = session->slave->work.bytes;
    uint32_t off = bytes_load_be32(range);
    uint32_t n_bytes = bytes_load_be32(range + 4);
    uint32_t slot_bytes = session->slave->board->slot[SLOT_A].n_bytes;
    if (off > slot_bytes || n_bytes > slot_bytes - off) {
        return E_LINK_LENGTH;
    }
    if (!is_own(session, off, n_bytes)) { /* the hash of one byte is that byte */
        return E_LINK_ADDRESS;
    }
    return session->ops->hash(session->ops_ctx, off, n_bytes, body);
}

static enum fota_err do_finish(struct link_session_state *session, uint8_t *body)
{
    enum fota_err err = take_failure(session);
    (void)body;
    if (err) {
        return err;
    }
    return session->accepted_off == session->image_bytes ? finish(session) : E_UPDATE_INCOMPLETE;
}

static enum fota_err do_activate(struct link_session_state *session, uint8_t *body)
{
    (void)body;
    return activate(session);
}

/* Without a session this is an ABORT again, whose reply was lost: nothing is left to do. */
static enum fota_err do_abort(struct link_session_state *session, uint8_t *body)
{
    (void)body;
    return session->kind == LINK_SESSION_NONE ? FOTA_OK : abort_session(session);
}

static enum fota_err do_retry(struct link_session_state *session, uint8_t *body)
{
    (void)body;
    return session->ops->retry
               ? session->ops->retry(session->ops_ctx, bytes_load_be32(session->slave->work.bytes))
               : E_UNSUPPORTED;
}

/* --- dispatch ------------------------------------------------------------------------------------------- */

struct op_row {
    uint8_t op;    /* enum link_op */
    uint8_t reply; /* enum link_reply */
    uint8_t when;  /* enum link_when */
};

#define COMMAND_ROW(id, opcode, name, step, at, n, work)                                                     \
    {.op = LINK_OP_##id, .reply = LINK_REPLY_NONE, .when = LINK_WHEN_ALWAYS},
#define REQUEST_ROW(id, opcode, name, least, most, what, state, text, work)                                  \
    {.op = LINK_OP_##id, .reply = LINK_REPLY_##what, .when = LINK_WHEN_##state},

static const struct op_row op_rows[] = {LINK_COMMANDS(COMMAND_ROW) LINK_REQUESTS(REQUEST_ROW)};

#define REPLY_FITS(id, n_bytes, name)                                                                        \
    _Static_assert((n_bytes) <= sizeof(((struct link_result *)0)->body), "room for the reply " #id);
LINK_REPLIES(REPLY_FITS)

/* A search and not an index: opcodes have gaps, and a table with holes would need a check for them anyway. */
static const struct op_row *find_row(uint8_t op)
{
    for (size_t i = 0; i < sizeof op_rows / sizeof op_rows[0]; i++) {
        if (op_rows[i].op == op) {
            return &op_rows[i];
        }
    }
    return NULL;
}

static enum fota_err run_handler(struct link_session_state *session, uint8_t *body)
{
    switch (session->slave->work.op) {
#define COMMAND_CASE(id, opcode, name, step, at, n, work)                                                    \
    case LINK_OP_##id:                                                                                       \
        return work(session, body);
#define REQUEST_CASE(id, opcode, name, least, most, what, state, text, work)                                 \
    case LINK_OP_##id:                                                                                       \
        return work(session, body);
        LINK_COMMANDS(COMMAND_CASE)
        LINK_REQUESTS(REQUEST_CASE)
    default:
        return E_INTERNAL;
    }
}

/* A request names its session, so one that was delayed cannot act on a session that was opened after it.
 * ABORT is also accepted when none is open, because that is what its repetition finds. */
static enum fota_err check_state(const struct link_session_state *session, enum link_when when)
{
    if (when == LINK_WHEN_ALWAYS) {
        return FOTA_OK;
    }
    if (session->kind == LINK_SESSION_NONE) {
        return when == LINK_WHEN_SESSION_OR_AFTER ? FOTA_OK : E_UPDATE_NO_SESSION;
    }
    return bytes_load_be32(session->slave->work.bytes) == session->id ? FOTA_OK : E_UPDATE_SESSION;
}

static uint16_t reply_bytes(enum link_reply reply)
{
    static const uint16_t n_bytes[] = {
#define REPLY_BYTES(id, n_bytes, name) [LINK_REPLY_##id] = (n_bytes),
        LINK_REPLIES(REPLY_BYTES)
#undef REPLY_BYTES
    };
    return n_bytes[reply];
}

/* Session and progress blocks have a field for the reason; for any other reply a progress block with the
 * reason is sent instead. */
static void complete_reply(const struct link_session_state *session, struct link_result *out)
{
    if (out->reply == LINK_REPLY_SESSION) {
        bytes_store_be16(out->body, (uint16_t)out->err);
    } else if (out->err && out->reply != LINK_REPLY_NONE) {
        out->reply = LINK_REPLY_PROGRESS;
    }
    if (out->reply == LINK_REPLY_PROGRESS) {
        const struct link_progress block = {
            .reason = out->err, .accepted_off = session->accepted_off, .flashed_off = session->flashed_off};
        link_progress_store(out->body, &block);
    }
    out->n_bytes = reply_bytes(out->reply);
}

void link_session_work(struct link_session_state *session, struct link_result *out)
{
    const struct link_work *work = &session->slave->work;
    const struct op_row *row = find_row(work->op);
    memset(out, 0, sizeof *out);
    session->has_progressed = false;
    /* The slave has a row for each opcode that it hands out, from the same list: without one here the program
     * contradicts itself, and nothing is done. */
    if (!row || (row->reply != LINK_REPLY_NONE) != work->is_request) {
        out->err = E_INTERNAL;
        out->reply = work->is_request ? LINK_REPLY_PROGRESS : LINK_REPLY_NONE;
    } else {
        out->reply = (enum link_reply)row->reply;
        out->err = check_state(session, (enum link_when)row->when);
        if (!out->err) {
            out->err = run_handler(session, out->body);
        }
    }
    complete_reply(session, out);
}

/* --- the owner's side ----------------------------------------------------------------------------------- */

void link_session_start_work(struct link_session_state *session)
{
    session->n_erased = 0;
}

void link_session_init(struct link_session_state *session, const struct link_session_ops *ops, void *ops_ctx,
                       enum link_loader loader, struct link_slave *slave, uint8_t *spare)
{
    memset(session, 0, sizeof *session);
    session->ops = ops;
    session->ops_ctx = ops_ctx;
    session->loader = (uint8_t)loader;
    session->slave = slave;
    session->spare = spare;
    close_session(session);
}
