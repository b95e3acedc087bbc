#include "link/link_pump.h"

#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"

enum { PUMP_MAX_CHUNKS = 64, QUIET_MS = 5, ANSWER_WORDS = LINK_INFO_BLOCK_BYTES / 4 };

/* Body of a vendor reply. */
struct answer {
    uint32_t words[ANSWER_WORDS];
    uint8_t n_words; /* numbers, in the order of the wire; 0: bytes */
    uint8_t n_bytes;
};

_Static_assert(LINK_SESSION_BLOCK_BYTES == 6 * 4 && LINK_PROGRESS_BLOCK_BYTES == 3 * 4,
               "blocks are made of words");

/* --- what the machine asks for ----------------------------------------------------------------------- */

static void present(struct link_pump *pump, enum link_out out)
{
    const struct link_port_ops *port = pump->config.port;
    void *ctx = pump->config.port_ctx;
    struct link_slave *slave = &pump->slave;
    /* Send one filler byte after the data. If the transmitter underruns, it repeats its last byte, and a
     * repeated data byte could be taken for ACK or NACK. */
    uint32_t n_bytes = slave->n_data_bytes > 0 ? slave->n_data_bytes + 1U : 0;
    if (out == LINK_OUT_NONE) {
        return;
    }
    if (out == LINK_OUT_WORK) {
        pump->has_work = true;
        pump->n_steps = 0;
        pump->n_agains = 0;
        pump->since_ms = pump->now_ms;
    }
    if (n_bytes > 0) {
        slave->buffer[n_bytes - 1] = LINK_FILLER;
    }
    if (out == LINK_OUT_DATA) {
        port->send(ctx, slave->buffer, n_bytes);
    } else if (slave->answer != LINK_ANSWER_NONE && port->arm != NULL) {
        port->arm(ctx, slave->answer, slave->buffer, n_bytes);
    } else {
        port->present(ctx, slave->answer);
    }
}

/* --- flash work in small pieces ---------------------------------------------------------------------- */

static void step_job(struct link_pump *pump)
{
    struct link_job *job = &pump->job;
    uint32_t n_words = job->n_words < pump->config.chunk_words ? job->n_words : pump->config.chunk_words;
    /* Who answers the echo from a handler need not wait for it. */
    bool is_host_due = pump->config.port->arm == NULL && link_slave_awaits_echo(&pump->slave) &&
                       pump->now_ms - pump->heard_ms < LINK_ECHO_GRACE_MS;
    if (n_words == 0 || is_host_due) {
        return;
    }
    enum fota_err err = pump->config.ops->program(pump->config.ops_ctx, job->addr, job->words, n_words);
    if (err == E_UPDATE_BUSY || err == LINK_PUMP_AGAIN) {
        return;
    }
    if (err) {
        pump->failed = (uint16_t)err;
        job->n_words = 0;
        return;
    }
    job->addr += 4 * n_words;
    job->words += n_words;
    job->n_words -= n_words;
    pump->flashed_off = job->n_words > 0 ? job->addr - pump->session_base : pump->accepted_off;
}

/* Words are programmed after their block was answered, so a failure is found too late for its own reply. The
 * next request reports it. The stream goes back to the start of the sector, since cells that a failed write
 * has touched need an erase. */
static enum fota_err take_failure(struct link_pump *pump)
{
    enum fota_err err = (enum fota_err)pump->failed;
    if (err) {
        pump->accepted_off = pump->flashed_off - pump->flashed_off % FLASH_SLOT_SECTOR_BYTES;
        pump->flashed_off = pump->accepted_off;
        pump->failed = FOTA_OK;
    }
    return err;
}

/* --- sessions ---------------------------------------------------------------------------------------- */

static void close_session(struct link_pump *pump)
{
    pump->session_id = 0;
    pump->accepted_off = 0;
    pump->flashed_off = 0;
    pump->failed = FOTA_OK;
    pump->slot = SLOT_NONE;
    pump->own_sectors = 0;
    pump->is_plain = false;
    pump->is_finished = false;
}

static bool is_loader_session(const struct link_pump *pump)
{
    return pump->session_id != 0 && pump->slot == SLOT_LOADER;
}

/* Only what this session brought may be read back: the previous firmware of the slot is nobody's business. */
static bool is_own(const struct link_pump *pump, uint32_t off, uint32_t n_bytes)
{
    uint32_t last = n_bytes > 0 ? off + n_bytes - 1 : off;
    for (uint32_t k = off / FLASH_SLOT_SECTOR_BYTES; k <= last / FLASH_SLOT_SECTOR_BYTES; k++) {
        if ((pump->own_sectors >> k & 1U) == 0) {
            return false;
        }
    }
    return true;
}

/* Erase the sector with this number (RM0090 table 5), and remember that its content is this session's. */
static enum fota_err erase(struct link_pump *pump, uint32_t sector)
{
    enum fota_err err = pump->config.ops->erase(pump->config.ops_ctx, sector);
    if (!err) {
        pump->own_sectors |= (uint8_t)(1U << (sector - link_slave_first_sector(&pump->slave)));
    }
    return err;
}

/* Also the session of an AN4286 host, which has no statement: it opens by itself. */
static enum fota_err open_session(struct link_pump *pump, const uint8_t *statement, uint32_t n_bytes)
{
    struct update_target target;
    enum fota_err err = pump->config.ops->begin(pump->config.ops_ctx, statement, n_bytes, &target);
    if (err) {
        return err;
    }
    /* If the session id is the same, the host repeats BEGIN because our reply was lost. Continue at the
     * current stream position then, which is never before resume_off. */
    if (pump->session_id != target.session_id || pump->failed) {
        close_session(pump);
        pump->accepted_off = target.resume_off;
        pump->flashed_off = target.resume_off;
    }
    pump->session_id = target.session_id;
    pump->image_bytes = target.image_bytes;
    pump->session_base = target.base;
    pump->slot = (uint8_t)target.slot;
    if (!is_loader_session(pump)) {
        uint32_t n_resumed = (target.resume_off + FLASH_SLOT_SECTOR_BYTES - 1) / FLASH_SLOT_SECTOR_BYTES;
        pump->own_sectors |= (uint8_t)((1U << n_resumed) - 1U);
        link_slave_set_base(&pump->slave, target.base);
    }
    return FOTA_OK;
}

static enum fota_err need_plain_session(struct link_pump *pump)
{
    if (pump->is_plain) {
        return FOTA_OK;
    }
    if (pump->session_id != 0) {
        return E_UPDATE_SESSION;
    }
    enum fota_err err = open_session(pump, NULL, 0);
    pump->is_plain = err == FOTA_OK;
    return err;
}

static enum fota_err check_session(const struct link_pump *pump, const uint8_t *body)
{
    if (pump->session_id == 0) {
        return E_UPDATE_NO_SESSION;
    }
    return bytes_load_be32(body) == pump->session_id ? FOTA_OK : E_UPDATE_SESSION;
}

/* --- work of AN4286 ---------------------------------------------------------------------------------- */

static void store_info(struct link_pump *pump, uint8_t block[LINK_INFO_BLOCK_BYTES])
{
    struct link_info info = {
        .loader = (uint8_t)pump->config.loader,
        .protocol = LINK_PROTOCOL_VERSION,
        .vendor_version = LINK_VENDOR_VERSION,
        .chip_id = LINK_CHIP_ID,
        .last_link_reason = (enum fota_err)pump->slave.reason,
    };
    enum fota_err err = pump->config.ops->info(pump->config.ops_ctx, &info.boot);
    if (err) {
        info.last_link_reason = err;
    }
    link_info_store(block, &info);
}

static enum fota_err do_read(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    if (work->addr >= LINK_INFO_ADDR) {
        uint8_t block[LINK_INFO_BLOCK_BYTES];
        store_info(pump, block);
        memcpy(work->bytes, block + (work->addr - LINK_INFO_ADDR), work->n_bytes);
        return FOTA_OK;
    }
    if (!is_own(pump, work->addr - pump->slave.base, work->n_bytes)) {
        return E_LINK_ADDRESS;
    }
    pump->config.ops->read(pump->config.ops_ctx, work->addr, work->bytes, work->n_bytes);
    return FOTA_OK;
}

/* At most 64 words: not worth chopping. Erases are: one sector per call. */
static enum fota_err do_write_or_erase(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    const struct link_pump_ops *ops = pump->config.ops;
    enum fota_err err = need_plain_session(pump);
    if (err) {
        return err;
    }
    pump->is_finished = false;
    if (work->op == LINK_OP_WRITE) {
        return ops->program(pump->config.ops_ctx, work->addr, (const uint32_t *)(const void *)work->bytes,
                            work->n_bytes / 4);
    }
    err = erase(pump, work->bytes[pump->n_steps]);
    if (err) {
        return err;
    }
    pump->n_steps++;
    return pump->n_steps < work->n_bytes ? LINK_PUMP_AGAIN : FOTA_OK;
}

static enum fota_err finish(struct link_pump *pump)
{
    if (pump->is_finished) {
        return FOTA_OK;
    }
    enum fota_err err = pump->config.ops->finish(pump->config.ops_ctx);
    pump->is_finished = err == FOTA_OK;
    bool is_over = err != E_UPDATE_BUSY && err != LINK_PUMP_AGAIN;
    if (err && is_over && is_loader_session(pump)) { /* it is in RAM: received again from its start */
        pump->accepted_off = 0;
        pump->flashed_off = 0;
    }
    return err;
}

static enum fota_err activate(struct link_pump *pump)
{
    enum fota_err err = FOTA_OK;
    if (is_loader_session(pump)) { /* the loader is in its place since FINISH: nothing starts anew */
        if (!pump->is_finished) {
            return E_STATE;
        }
        err = pump->config.ops->abort(pump->config.ops_ctx); /* the owner's session ends too */
        if (!err) {
            close_session(pump);
        }
        return err;
    }
    if (!pump->wants_restart) {
        err = pump->config.ops->activate(pump->config.ops_ctx);
    }
    pump->wants_restart = err == FOTA_OK;
    return err;
}

/* Go ends a plain session: what was written must verify. Without
 * one it is a reset into the verified image. */
static enum fota_err do_go(struct link_pump *pump)
{
    if (!pump->is_plain) {
        pump->wants_restart = true;
        return FOTA_OK;
    }
    enum fota_err err = finish(pump);
    if (err) {
        return err;
    }
    return activate(pump);
}

/* --- vendor requests. Each runs only when no words are under way to flash ---------------------------- */

static enum fota_err do_begin(struct link_pump *pump, struct answer *answer)
{
    const struct link_work *work = &pump->slave.work;
    enum fota_err err = FOTA_OK;
    answer->n_words = LINK_SESSION_BLOCK_BYTES / 4;
    if (pump->is_plain) { /* a statement outranks a host that had none */
        err = pump->config.ops->abort(pump->config.ops_ctx);
        if (!err) {
            close_session(pump);
        }
    }
    if (!err) {
        err = open_session(pump, work->bytes, work->n_bytes);
    }
    if (err) {
        return err;
    }
    answer->words[0] = (uint32_t)pump->slot << 8;
    answer->words[1] = pump->session_id;
    answer->words[2] = pump->session_base;
    answer->words[3] = pump->image_bytes;
    answer->words[4] = pump->accepted_off;
    answer->words[5] = LINK_BLOCK_MAX_BYTES;
    return FOTA_OK;
}

/* If a sector starts in [off, off + n_bytes), erase it: the stream has come to its first byte. */
static enum fota_err erase_when_due(struct link_pump *pump, uint32_t off, uint32_t n_bytes)
{
    uint32_t last = off + n_bytes - 1;
    if (is_loader_session(pump) || last % FLASH_SLOT_SECTOR_BYTES >= n_bytes) {
        return FOTA_OK;
    }
    return erase(pump, link_slave_first_sector(&pump->slave) + last / FLASH_SLOT_SECTOR_BYTES);
}

/* The block's bytes stay where they were received; the machine goes on with the other buffer. */
static void start_block(struct link_pump *pump, uint8_t *data, uint32_t n_bytes)
{
    pump->job.addr = pump->session_base + pump->accepted_off;
    pump->job.words = (const uint32_t *)(const void *)data;
    pump->accepted_off += n_bytes;
    while (n_bytes % 4 != 0) {
        data[n_bytes++] = 0xFF; /* over the checked CRC */
    }
    pump->job.n_words = n_bytes / 4;
    uint8_t *first = (uint8_t *)pump->buffer[0];
    pump->slave.buffer = pump->slave.buffer == first ? (uint8_t *)pump->buffer[1] : first;
}

static enum fota_err do_block(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    uint32_t off = bytes_load_be32(work->bytes + 4);
    uint32_t n_bytes = work->n_bytes - 8;
    uint32_t n_left_bytes = pump->image_bytes - off;
    enum fota_err err = take_failure(pump);
    if (err || off != pump->accepted_off) {
        return err;
    }
    if (pump->is_finished) {
        return E_STATE;
    }
    if (n_bytes > n_left_bytes || (n_bytes % 4 != 0 && n_bytes != n_left_bytes)) {
        return E_LINK_LENGTH;
    }
    err = erase_when_due(pump, off, n_bytes);
    if (err) {
        return err;
    }
    start_block(pump, work->bytes + 8, n_bytes);
    /* A sector's last block is answered when it is in flash: so no more than a sector is ever sent again. */
    return pump->accepted_off % FLASH_SLOT_SECTOR_BYTES == 0 ? LINK_PUMP_AGAIN : FOTA_OK;
}

static enum fota_err do_finish(struct link_pump *pump)
{
    enum fota_err err = take_failure(pump);
    if (err) {
        return err;
    }
    return pump->accepted_off == pump->image_bytes ? finish(pump) : E_UPDATE_INCOMPLETE;
}

static enum fota_err do_abort(struct link_pump *pump)
{
    enum fota_err err = pump->config.ops->abort(pump->config.ops_ctx);
    if (!err) {
        close_session(pump);
    }
    return err;
}

/* BLOCK, FINISH, ACTIVATE, ABORT: session[4] in, progress out. */
static enum fota_err do_in_session(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    enum fota_err err = check_session(pump, work->bytes);
    if (err) {
        /* the reply to an ABORT was lost */
        return err == E_UPDATE_NO_SESSION && work->op == LINK_OP_ABORT ? FOTA_OK : err;
    }
    switch (work->op) {
    case LINK_OP_BLOCK:
        return do_block(pump);
    case LINK_OP_FINISH:
        return do_finish(pump);
    case LINK_OP_ACTIVATE:
        return activate(pump);
    default:
        return do_abort(pump);
    }
}

static enum fota_err do_hash(struct link_pump *pump, struct answer *answer)
{
    const uint8_t *range = pump->slave.work.bytes;
    uint32_t off = bytes_load_be32(range);
    uint32_t n_bytes = bytes_load_be32(range + 4);
    if (off > FLASH_SLOT_BYTES || n_bytes > FLASH_SLOT_BYTES - off) {
        return E_LINK_LENGTH;
    }
    if (!is_own(pump, off, n_bytes)) { /* the hash of one byte is that byte */
        return E_LINK_ADDRESS;
    }
    enum fota_err err = pump->config.ops->hash(pump->config.ops_ctx, off, n_bytes, (uint8_t *)answer->words);
    if (!err) {
        answer->n_words = 0;
        answer->n_bytes = LINK_HASH_BLOCK_BYTES;
    }
    return err;
}

static enum fota_err do_retry(struct link_pump *pump)
{
    const struct link_pump_ops *ops = pump->config.ops;
    return ops->retry ? ops->retry(pump->config.ops_ctx, bytes_load_be32(pump->slave.work.bytes))
                      : E_UNSUPPORTED;
}

/* --- one work item ----------------------------------------------------------------------------------- */

static enum fota_err carry_out(struct link_pump *pump, struct answer *answer)
{
    switch (pump->slave.work.op) {
    case LINK_OP_READ:
        return do_read(pump);
    case LINK_OP_WRITE:
    case LINK_OP_ERASE:
        return do_write_or_erase(pump);
    case LINK_OP_GO:
        return do_go(pump);
    case LINK_OP_INFO:
        answer->n_words = 0;
        answer->n_bytes = LINK_INFO_BLOCK_BYTES;
        store_info(pump, (uint8_t *)answer->words);
        return FOTA_OK;
    case LINK_OP_BEGIN:
        return do_begin(pump, answer);
    case LINK_OP_HASH:
        return do_hash(pump, answer);
    case LINK_OP_RETRY:
        return do_retry(pump);
    default:
        return do_in_session(pump);
    }
}

/* A vendor reply: the reason, and the numbers of the block. */
static enum link_out reply(struct link_pump *pump, struct answer *answer, enum fota_err err)
{
    uint8_t *bytes = (uint8_t *)answer->words;
    size_t n_bytes = answer->n_bytes;
    if (answer->n_words == LINK_PROGRESS_BLOCK_BYTES / 4) {
        answer->words[1] = pump->accepted_off;
        answer->words[2] = pump->flashed_off;
    }
    if (answer->n_words > 0) {
        n_bytes = 4U * answer->n_words;
        answer->words[0] |= (uint32_t)err << 16;
        for (size_t i = 0; i < answer->n_words; i++) {
            bytes_store_be32(bytes + 4 * i, answer->words[i]);
        }
    }
    return link_slave_reply(&pump->slave, bytes, n_bytes);
}

static void work(struct link_pump *pump)
{
    struct answer answer;
    enum link_out out;
    if (pump->job.n_words > 0) {
        return; /* one thing after another: words of the block before are still under way */
    }
    memset(&answer, 0, sizeof answer);
    answer.n_words = LINK_PROGRESS_BLOCK_BYTES / 4;
    enum fota_err err = carry_out(pump, &answer);
    bool is_patient = pump->now_ms - pump->since_ms < LINK_BUSY_MAX_MS;
    if (err == LINK_PUMP_AGAIN) { /* something was done: patience begins anew, but not for ever */
        if (pump->n_agains < LINK_AGAIN_MAX) {
            pump->n_agains++;
            pump->since_ms = pump->now_ms;
            pump->is_clock_late = true;
            return;
        }
        err = E_UPDATE_BUSY;
    } else if (err == E_UPDATE_BUSY && is_patient) {
        return;
    }
    if (pump->slave.work.op >= LINK_OP_INFO) {
        out = reply(pump, &answer, err);
    } else {
        out = err ? link_slave_nack(&pump->slave, err) : link_slave_ack(&pump->slave);
    }
    /* What the host clocked meanwhile were polls; the ring may have run over with them. */
    pump->has_work = false;
    pump->is_clock_late = true;
    pump->since_ms =
        pump->now_ms; /* a restart is waited for from now on, however long the owner said "busy" */
    pump->config.port->discard(pump->config.port_ctx);
    present(pump, out);
}

/* --- the line ---------------------------------------------------------------------------------------- */

/*
 * Take some of the bytes that the port has received.
 *
 * If the machine waits for a known number of bytes (the data of WRITE or BLOCK), they are copied straight to
 * where they belong. All other bytes may end a stage, so the machine looks at them one by one.
 *
 * @return true: call again, there may be more. false: the port had no byte, or fewer than were expected. In
 * the second case the host is still sending, and waiting for it here would keep the owner from its own work.
 */
static bool hear_some(struct link_pump *pump)
{
    uint8_t bytes[LINK_RX_CHUNK_BYTES];
    uint8_t *to;
    size_t run_bytes = link_slave_room(&pump->slave, &to);
    size_t n_bytes = pump->config.port->receive(pump->config.port_ctx, run_bytes ? to : bytes,
                                                run_bytes ? run_bytes : sizeof bytes);
    if (n_bytes == 0) {
        return false;
    }
    pump->heard_ms = pump->now_ms;
    pump->has_silence = false;
    if (run_bytes) {
        present(pump, link_slave_filled(&pump->slave, n_bytes));
        return n_bytes == run_bytes;
    }
    enum link_out out = LINK_OUT_NONE;
    for (size_t at = 0; at < n_bytes && !pump->has_work && !pump->slave.is_slipped;) {
        size_t n_used;
        out = link_slave_rx(&pump->slave, bytes + at, n_bytes - at, &n_used);
        present(pump, out);
        at += n_used;
        out = at == n_bytes ? out : LINK_OUT_NONE;
    }
    if (out == LINK_OUT_GREET && pump->config.port->greet != NULL) {
        pump->config.port->greet(pump->config.port_ctx);
    }
    return true;
}

static void hear(struct link_pump *pump)
{
    for (unsigned i = 0; i < PUMP_MAX_CHUNKS && !pump->has_work && !pump->slave.is_slipped && hear_some(pump);
         i++) {
    }
}

/* A sync was heard whose bits lie across bytes. The bit counter is reset when no byte is on the wires; until
 * then what comes is no byte either. */
static void mind_slip(struct link_pump *pump)
{
    const struct link_port_ops *port = pump->config.port;
    void *ctx = pump->config.port_ctx;
    bool is_quiet = pump->now_ms - pump->heard_ms >= LINK_SLIP_QUIET_MS ||
                    (port->is_selected != NULL && !port->is_selected(ctx));
    if (pump->slave.is_slipped && is_quiet) {
        port->resync(ctx);
        port->discard(ctx);
        pump->slave.is_slipped = false;
    }
}

static void mind_silence(struct link_pump *pump)
{
    uint32_t quiet_ms = pump->now_ms - pump->heard_ms;
    bool is_gone = quiet_ms >= LINK_GONE_MS && pump->slave.is_synced;
    if (pump->has_work || (!is_gone && (pump->has_silence || quiet_ms < LINK_SILENCE_MS))) {
        return;
    }
    pump->has_silence = true;
    present(pump, link_slave_silence(&pump->slave, is_gone));
    pump->config.port->resync(pump->config.port_ctx);
}

/* The host has its answer when it stops to clock; a host that clocks on is not waited for. */
static void mind_restart(struct link_pump *pump)
{
    bool is_answered = link_slave_is_idle(&pump->slave) && pump->now_ms - pump->heard_ms >= QUIET_MS &&
                       !pump->config.port->is_sending(pump->config.port_ctx);
    if (pump->wants_restart && (is_answered || pump->now_ms - pump->since_ms >= LINK_RESTART_MAX_MS)) {
        pump->config.ops->restart(pump->config.ops_ctx);
    }
}

enum fota_err link_pump_init(struct link_pump *pump, const struct link_pump_config *config)
{
    bool is_usable = config->chunk_words >= 1 && config->chunk_words <= LINK_BLOCK_MAX_BYTES / 4 &&
                     (config->inactive == SLOT_A || config->inactive == SLOT_B);
    if (!is_usable) {
        return E_ARG;
    }
    memset(pump, 0, sizeof *pump);
    pump->config = *config;
    link_slave_init(&pump->slave, (uint8_t *)pump->buffer[0],
                    config->inactive == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE);
    config->port->present(config->port_ctx, LINK_ANSWER_NONE);
    return FOTA_OK;
}

void link_pump_poll(struct link_pump *pump, uint32_t now_ms)
{
    pump->now_ms = now_ms;
    if (pump->is_clock_late) { /* the work may have taken seconds: what is waited for now starts now */
        pump->is_clock_late = false;
        pump->heard_ms = now_ms;
        pump->since_ms = now_ms;
    }
    hear(pump);
    mind_slip(pump);
    if (pump->has_work) {
        work(pump);
    }
    step_job(pump);
    mind_silence(pump);
    mind_restart(pump);
}

bool link_pump_is_idle(const struct link_pump *pump)
{
    return link_slave_is_idle(&pump->slave) && !pump->has_work && pump->job.n_words == 0 &&
           !pump->wants_restart && !pump->config.port->is_sending(pump->config.port_ctx);
}

bool link_pump_is_synced(const struct link_pump *pump)
{
    return pump->slave.is_synced;
}
