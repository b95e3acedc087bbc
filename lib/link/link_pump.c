#include "link/link_pump.h"

#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"

enum { PUMP_MAX_CHUNKS = 64, QUIET_MS = 5 };

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- what the machine asks for ---------------------------------------------------------------------------
 */

static void present(struct link_pump *pump, enum link_out out)
{
    const struct link_port_ops *port = pump->config.port;
    void *ctx = pump->config.port_ctx;
    const struct link_slave *slave = &pump->slave;
    switch (out) {
    case LINK_OUT_LEVEL:
        if (slave->level != LINK_LEVEL_FILLER && port->arm != NULL) {
            port->arm(ctx, slave->level, slave->data, slave->n_data_bytes);
        } else {
            port->level(ctx, slave->level);
        }
        break;
    case LINK_OUT_DATA:
        port->send(ctx, slave->data, slave->n_data_bytes);
        break;
    case LINK_OUT_WORK:
        pump->has_work = true;
        pump->n_steps = 0;
        pump->since_ms = pump->now_ms;
        break;
    default:
        break;
    }
}

/* The work is done. What the host clocked meanwhile were polls; the ring may have run over with them. */
static void conclude(struct link_pump *pump, enum link_out out)
{
    pump->has_work = false;
    pump->heard_ms = pump->now_ms;
    pump->config.port->discard(pump->config.port_ctx);
    present(pump, out);
}

static void verdict(struct link_pump *pump, enum fota_err err)
{
    conclude(pump, err ? link_slave_nack(&pump->slave, err) : link_slave_ack(&pump->slave));
}

static void reply(struct link_pump *pump, const uint8_t *block, size_t n_bytes)
{
    conclude(pump, link_slave_reply(&pump->slave, block, n_bytes));
}

static void reply_progress(struct link_pump *pump, enum fota_err reason)
{
    uint8_t block[LINK_PROGRESS_BLOCK_BYTES];
    struct link_progress progress = {
        .reason = reason, .accepted_off = pump->accepted_off, .flashed_off = pump->flashed_off};
    link_progress_store(block, &progress);
    reply(pump, block, sizeof block);
}

/* Does the owner ask for patience, and is there some left? Then the work item is tried again at the next
 * poll. */
static bool must_wait(const struct link_pump *pump, enum fota_err err)
{
    return err == E_UPDATE_BUSY && pump->now_ms - pump->since_ms < LINK_BUSY_MAX_MS;
}

/* --- flash work in small pieces --------------------------------------------------------------------------
 */

static void step_job(struct link_pump *pump)
{
    struct link_job *job = &pump->job;
    uint32_t n_words = min_u32(job->n_words, pump->config.chunk_words);
    bool is_host_due =
        link_slave_awaits_echo(&pump->slave) && pump->now_ms - pump->heard_ms < LINK_ECHO_GRACE_MS;
    if (n_words == 0 || is_host_due) {
        return;
    }
    enum fota_err err = pump->config.ops->program(pump->config.ops_ctx, job->addr, job->words, n_words);
    if (err) {
        pump->failed = (uint16_t)err;
        job->n_words = 0;
        return;
    }
    job->addr += 4 * n_words;
    job->words += n_words;
    job->n_words -= n_words;
    pump->flashed_off = min_u32(job->addr - pump->slave.base, pump->accepted_off);
}

/* A write failed: the sector must be erased and sent again. */
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

/* --- sessions --------------------------------------------------------------------------------------------
 */

static void close_session(struct link_pump *pump)
{
    pump->session_id = 0;
    pump->image_bytes = 0;
    pump->accepted_off = 0;
    pump->flashed_off = 0;
    pump->failed = FOTA_OK;
    pump->is_plain = false;
    pump->is_finished = false;
}

static void open_session(struct link_pump *pump, const struct update_target *target, bool is_plain)
{
    /* The same session again: a lost reply. Go on where the stream stands, which is at or behind resume_off.
     */
    bool is_same = pump->session_id == target->session_id && !is_plain && !pump->failed;
    if (!is_same) {
        close_session(pump);
        pump->accepted_off = target->resume_off;
        pump->flashed_off = target->resume_off;
    }
    pump->session_id = target->session_id;
    pump->image_bytes = target->image_bytes;
    pump->is_plain = is_plain;
    link_slave_set_base(&pump->slave, target->base);
}

/* An AN4286 host writes or erases: it has no statement, its session opens by itself. */
static enum fota_err need_plain_session(struct link_pump *pump)
{
    struct update_target target = {0};
    if (pump->session_id != 0) {
        return pump->is_plain ? FOTA_OK : E_UPDATE_SESSION;
    }
    enum fota_err err = pump->config.ops->begin(pump->config.ops_ctx, NULL, 0, &target);
    if (err) {
        return err;
    }
    open_session(pump, &target, true);
    return FOTA_OK;
}

static enum fota_err check_session(const struct link_pump *pump, const uint8_t *body)
{
    if (pump->session_id == 0) {
        return E_UPDATE_NO_SESSION;
    }
    return bytes_load_be32(body) == pump->session_id ? FOTA_OK : E_UPDATE_SESSION;
}

/* --- AN4286 work. Each: true when the verdict was given ----------------------------------------------------
 */

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

static void do_read(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    if (work->addr >= LINK_INFO_ADDR) {
        uint8_t block[LINK_INFO_BLOCK_BYTES];
        store_info(pump, block);
        memcpy(work->bytes, block + (work->addr - LINK_INFO_ADDR), work->n_bytes);
    } else {
        pump->config.ops->read(pump->config.ops_ctx, work->addr, work->bytes, work->n_bytes);
    }
    verdict(pump, FOTA_OK);
}

static void do_write(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    if (pump->n_steps == 0) {
        enum fota_err err = need_plain_session(pump);
        if (must_wait(pump, err)) {
            return;
        }
        if (err) {
            verdict(pump, err);
            return;
        }
        pump->is_finished = false;
        pump->n_steps = 1;
        pump->job = (struct link_job){.addr = work->addr,
                                      .n_words = work->n_bytes / 4,
                                      .words = (const uint32_t *)(const void *)work->bytes};
    }
    if (pump->job.n_words == 0) {
        verdict(pump, take_failure(pump));
    }
}

static void do_erase(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    enum fota_err err = need_plain_session(pump);
    if (!err) {
        pump->is_finished = false;
        err = pump->config.ops->erase(pump->config.ops_ctx, work->bytes[pump->n_steps]);
    }
    if (must_wait(pump, err)) {
        return;
    }
    pump->n_steps++;
    if (err || pump->n_steps == work->n_bytes) {
        verdict(pump, err);
    }
}

/* Go ends a plain session: what was written must verify. Without one it is a reset into the verified image.
 */
static enum fota_err finish_plain(struct link_pump *pump)
{
    if (!pump->is_plain) {
        return FOTA_OK;
    }
    if (!pump->is_finished) {
        enum fota_err err = pump->config.ops->finish(pump->config.ops_ctx);
        if (err) {
            return err;
        }
        pump->is_finished = true;
    }
    return pump->config.ops->activate(pump->config.ops_ctx);
}

static void do_go(struct link_pump *pump)
{
    enum fota_err err = finish_plain(pump);
    if (must_wait(pump, err)) {
        return;
    }
    pump->wants_restart = err == FOTA_OK;
    pump->since_ms = pump->now_ms;
    verdict(pump, err);
}

/* --- vendor requests. Each runs only when no words are under way to flash
 * ------------------------------------ */

static void do_info(struct link_pump *pump)
{
    uint8_t block[LINK_INFO_BLOCK_BYTES];
    store_info(pump, block);
    reply(pump, block, sizeof block);
}

static void do_begin(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    struct update_target target = {0};
    struct link_session session = {0};
    uint8_t block[LINK_SESSION_BLOCK_BYTES];
    enum fota_err err = FOTA_OK;
    if (pump->is_plain) { /* a statement outranks a host that had none */
        close_session(pump);
        err = pump->config.ops->abort(pump->config.ops_ctx);
    }
    if (!err) {
        err = pump->config.ops->begin(pump->config.ops_ctx, work->bytes, work->n_bytes, &target);
    }
    if (must_wait(pump, err)) {
        return;
    }
    session.reason = err;
    if (!err) {
        open_session(pump, &target, false);
        session.slot = (uint8_t)target.slot;
        session.session_id = target.session_id;
        session.base = target.base;
        session.image_bytes = target.image_bytes;
        session.resume_off = pump->accepted_off;
        session.block_max_bytes = LINK_BLOCK_MAX_BYTES;
    }
    link_session_store(block, &session);
    reply(pump, block, sizeof block);
}

/* If a sector starts in [off, off + n_bytes), erase it: the stream has come to its first byte. */
static enum fota_err erase_when_due(struct link_pump *pump, uint32_t off, uint32_t n_bytes)
{
    uint32_t first = pump->slave.base == FLASH_SLOT_A_BASE ? FLASH_SLOT_A_SECTOR : FLASH_SLOT_B_SECTOR;
    uint32_t sector = (off + FLASH_SLOT_SECTOR_BYTES - 1) / FLASH_SLOT_SECTOR_BYTES;
    if (sector * FLASH_SLOT_SECTOR_BYTES >= off + n_bytes) {
        return FOTA_OK;
    }
    return pump->config.ops->erase(pump->config.ops_ctx, first + sector);
}

/* The block's bytes stay where they were received; the machine goes on with the other buffer. */
static void start_block(struct link_pump *pump, uint8_t *data, uint32_t n_bytes)
{
    uint32_t n_padded = (n_bytes + 3U) & ~3U;
    memset(data + n_bytes, 0xFF, n_padded - n_bytes); /* over the checked CRC */
    pump->job = (struct link_job){.addr = pump->slave.base + pump->accepted_off,
                                  .n_words = n_padded / 4,
                                  .words = (const uint32_t *)(const void *)data};
    pump->accepted_off += n_bytes;
    uint8_t *first = (uint8_t *)pump->buffer[0];
    pump->slave.buffer = pump->slave.buffer == first ? (uint8_t *)pump->buffer[1] : first;
}

static enum fota_err check_block(const struct link_pump *pump, uint32_t off, uint32_t n_bytes)
{
    bool is_last = off + n_bytes == pump->image_bytes;
    bool is_over = n_bytes > pump->image_bytes - off;
    return is_over || (n_bytes % 4 != 0 && !is_last) ? E_LINK_LENGTH : FOTA_OK;
}

static void do_block(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    uint32_t off = bytes_load_be32(work->bytes + 4);
    uint32_t n_bytes = work->n_bytes - 8;
    enum fota_err err = check_session(pump, work->bytes);
    if (!err) {
        err = take_failure(pump);
    }
    if (!err && pump->is_finished) {
        err = E_STATE;
    }
    if (!err && off == pump->accepted_off) {
        err = check_block(pump, off, n_bytes);
        if (!err) {
            err = erase_when_due(pump, off, n_bytes);
        }
        if (must_wait(pump, err)) {
            return;
        }
        if (!err) {
            start_block(pump, work->bytes + 8, n_bytes);
        }
    }
    reply_progress(pump, err);
}

static void do_hash(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    uint32_t off = bytes_load_be32(work->bytes);
    uint32_t n_bytes = bytes_load_be32(work->bytes + 4);
    uint8_t block[LINK_HASH_BLOCK_BYTES];
    size_t n_block = sizeof block;
    enum fota_err err = E_LINK_LENGTH;
    if (off <= FLASH_SLOT_BYTES && n_bytes <= FLASH_SLOT_BYTES - off) {
        err = pump->config.ops->hash(pump->config.ops_ctx, off, n_bytes, block);
    }
    if (err) { /* a reply of two bytes is a reason */
        bytes_store_be16(block, (uint16_t)err);
        n_block = 2;
    }
    reply(pump, block, n_block);
}

static enum fota_err finish(struct link_pump *pump)
{
    if (pump->is_finished) {
        return FOTA_OK;
    }
    enum fota_err err = take_failure(pump);
    if (err) {
        return err;
    }
    if (pump->accepted_off != pump->image_bytes) {
        return E_UPDATE_INCOMPLETE;
    }
    err = pump->config.ops->finish(pump->config.ops_ctx);
    pump->is_finished = err == FOTA_OK;
    return err;
}

/* FINISH, ACTIVATE, ABORT: session[4] in, progress out. */
static void do_session_request(struct link_pump *pump)
{
    const struct link_work *work = &pump->slave.work;
    enum fota_err err = check_session(pump, work->bytes);
    if (work->op == LINK_OP_ABORT && err == E_UPDATE_NO_SESSION) {
        reply_progress(pump, FOTA_OK); /* the reply to an ABORT was lost */
        return;
    }
    if (!err && work->op == LINK_OP_FINISH) {
        err = finish(pump);
    } else if (!err && work->op == LINK_OP_ACTIVATE) {
        err = pump->wants_restart ? FOTA_OK : pump->config.ops->activate(pump->config.ops_ctx);
    } else if (!err) {
        err = pump->config.ops->abort(pump->config.ops_ctx);
    }
    if (must_wait(pump, err)) {
        return;
    }
    if (!err && work->op == LINK_OP_ACTIVATE) {
        pump->wants_restart = true;
        pump->since_ms = pump->now_ms;
    }
    if (!err && work->op == LINK_OP_ABORT) {
        close_session(pump);
    }
    reply_progress(pump, err);
}

static void do_request(struct link_pump *pump)
{
    switch (pump->slave.work.op) {
    case LINK_OP_INFO:
        do_info(pump);
        break;
    case LINK_OP_BEGIN:
        do_begin(pump);
        break;
    case LINK_OP_BLOCK:
        do_block(pump);
        break;
    case LINK_OP_HASH:
        do_hash(pump);
        break;
    default:
        do_session_request(pump);
        break;
    }
}

static void do_work(struct link_pump *pump)
{
    bool is_own_job = pump->slave.work.kind == LINK_WORK_WRITE && pump->n_steps > 0;
    if (pump->job.n_words > 0 && !is_own_job && pump->slave.work.op != LINK_OP_INFO) {
        return; /* one thing after another: words of the block before are still under way */
    }
    switch (pump->slave.work.kind) {
    case LINK_WORK_READ:
        do_read(pump);
        break;
    case LINK_WORK_WRITE:
        do_write(pump);
        break;
    case LINK_WORK_ERASE:
        do_erase(pump);
        break;
    case LINK_WORK_GO:
        do_go(pump);
        break;
    default:
        do_request(pump);
        break;
    }
}

/* --- the line --------------------------------------------------------------------------------------------
 */

static void hear(struct link_pump *pump)
{
    uint8_t bytes[LINK_RX_CHUNK_BYTES];
    for (unsigned i = 0; i < PUMP_MAX_CHUNKS && !pump->has_work; i++) {
        size_t n_bytes = pump->config.port->receive(pump->config.port_ctx, bytes, sizeof bytes);
        if (n_bytes == 0) {
            return;
        }
        pump->heard_ms = pump->now_ms;
        pump->has_silence = false;
        for (size_t at = 0; at < n_bytes && !pump->has_work;) {
            size_t n_used;
            present(pump, link_slave_rx(&pump->slave, bytes + at, n_bytes - at, &n_used));
            at += n_used;
        }
    }
}

static void mind_silence(struct link_pump *pump)
{
    if (pump->has_work || pump->has_silence || pump->now_ms - pump->heard_ms < LINK_SILENCE_MS) {
        return;
    }
    pump->has_silence = true;
    present(pump, link_slave_silence(&pump->slave));
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
    config->port->level(config->port_ctx, LINK_LEVEL_FILLER);
    return FOTA_OK;
}

void link_pump_poll(struct link_pump *pump, uint32_t now_ms)
{
    pump->now_ms = now_ms;
    step_job(pump);
    hear(pump);
    if (pump->has_work) {
        do_work(pump);
    }
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
