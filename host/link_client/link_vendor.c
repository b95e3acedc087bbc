/* Vendor commands (link_proto.h): request with CRC, ACK, reply with CRC. All are idempotent, so damage is
 * repeated. */
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "link_sync.h"
#include "link_vendor.h"
#include "link_wire.h"

enum {
    REPLY_MAX_BYTES = LINK_INFO_BLOCK_BYTES,
    REFUSALS = 3,       /* of INFO's frame, until it is believed */
    OPENER_BYTES = 1792 /* first block of a sector: its erase waits for it, the next block for its words */
};

struct vendor_call {
    uint8_t op;
    uint8_t head[8]; /* session, offset, length: what goes before the data */
    uint32_t n_head;
    const uint8_t *data;
    uint32_t n_data;
    uint32_t request_max_ms;
    uint32_t n_reply;
    bool takes_less; /* than n_reply: the block of another version */
    uint8_t reply[REPLY_MAX_BYTES];
};

/* n[2] body[n] crc[4], sent from where the parts are: no buffer of a whole block. */
static enum fota_err send_request(struct link_client *c, const struct vendor_call *v)
{
    uint8_t n[2];
    uint8_t crc_bytes[4];
    bytes_store_be16(n, (uint16_t)(v->n_head + v->n_data));
    uint32_t crc = crc32_update(0, n, sizeof n);
    crc = crc32_update(crc, v->head, v->n_head);
    crc = crc32_update(crc, v->data, v->n_data);
    bytes_store_be32(crc_bytes, crc);
    enum fota_err err = wire_send(c, n, sizeof n);
    if (!err) {
        err = wire_send(c, v->head, v->n_head);
    }
    if (!err) {
        err = wire_send(c, v->data, v->n_data);
    }
    if (err) {
        return err;
    }
    return wire_send(c, crc_bytes, sizeof crc_bytes);
}

/*
 * 3C n[2] body[n] crc[4]. A progress block where another was asked for is the target's reason. Any other
 * length is damage; what is wrong is then not known, and the caller's sync gives the loader the clocks it may
 * still want.
 */
static enum fota_err receive_reply(struct link_client *c, struct vendor_call *v)
{
    uint8_t raw[2 + REPLY_MAX_BYTES + 4];
    uint8_t start = 0;
    enum fota_err err = wire_poll(c, LINK_REPLY, LINK_REPLY, v->request_max_ms, &start);
    if (!err) {
        err = wire_receive(c, raw, 2);
    }
    if (err) {
        return err;
    }
    uint32_t n = bytes_load_be16(raw);
    if (v->takes_less && n < v->n_reply) {
        v->n_reply = n;
    }
    if (n != v->n_reply && n != LINK_PROGRESS_BLOCK_BYTES) {
        c->stats.damaged++;
        return E_LINK_REPLY;
    }
    err = wire_receive(c, raw + 2, n + 4U);
    if (err) {
        return err;
    }
    if (bytes_load_be32(raw + 2U + n) != crc32_update(0, raw, 2U + n)) {
        c->stats.damaged++;
        return E_LINK_REPLY;
    }
    if (n != v->n_reply) {
        enum fota_err reason = (enum fota_err)bytes_load_be16(raw + 2);
        return reason ? reason : E_LINK_REPLY;
    }
    memcpy(v->reply, raw + 2, n);
    return FOTA_OK;
}

static enum fota_err exchange(struct link_client *c, void *arg)
{
    struct vendor_call *v = arg;
    enum fota_err err = wire_command(c, v->op, LINK_CLIENT_COMMAND_MAX_MS);
    if (err) {
        return err;
    }
    err = send_request(c, v);
    if (!err) {
        err = wire_ack(c, wire_patience_ms(c, v->request_max_ms)); /* the work comes after its echo */
    }
    if (err == E_LINK_NACK) {
        c->in_request = true;
    }
    if (err) {
        return err;
    }
    return receive_reply(c, v);
}

static struct vendor_call info_call(void)
{
    return (struct vendor_call){.op = LINK_OP_INFO,
                                .request_max_ms = LINK_CLIENT_COMMAND_MAX_MS,
                                .n_reply = LINK_INFO_BLOCK_BYTES,
                                .takes_less = true};
}

static enum fota_err load_info(struct link_client *c, const struct vendor_call *v, struct link_info *out)
{
    struct link_info info;
    enum fota_err err = link_info_load(v->reply, v->n_reply, &info);
    if (err) {
        return err;
    }
    *out = info;
    out->boot.hw_id[BOOT_HW_ID_MAX_BYTES - 1] = '\0';
    const struct board_layout *board = board_layout_find(out->boot.hw_id);
    c->board = board ? board : c->board;
    return FOTA_OK;
}

/*
 * Why the target refused the request just now: its own reason if it has one, E_LINK_NACK (worth repeating) if
 * the request was damaged on the way.
 */
static enum fota_err refusal(struct link_client *c)
{
    struct vendor_call v = info_call();
    struct link_info info;
    enum fota_err err = exchange(c, &v);
    if (err) {
        return err;
    }
    err = load_info(c, &v, &info);
    if (err) {
        return err;
    }
    enum fota_err reason = info.last_link_reason;
    return reason == FOTA_OK || link_client_is_transport(reason) ? E_LINK_NACK : reason;
}

static enum fota_err exchange_or_reason(struct link_client *c, void *arg)
{
    enum fota_err err = exchange(c, arg);
    if (err == E_LINK_NACK && c->in_request) {
        return refusal(c);
    }
    return err;
}

static enum fota_err vendor(struct link_client *c, struct vendor_call *v)
{
    if (!c->has_vendor) {
        return E_LINK_NO_VENDOR;
    }
    return sync_repeat(c, exchange_or_reason, v);
}

enum fota_err link_client_info(struct link_client *c, struct link_info *out)
{
    struct vendor_call v = info_call();
    enum fota_err err = c->has_vendor ? sync_repeat(c, exchange, &v) : E_LINK_NO_VENDOR;
    return err ? err : load_info(c, &v, out);
}

enum fota_err vendor_find(struct link_client *c, struct link_info *out)
{
    enum fota_err err = E_LINK_NO_LOADER;
    unsigned n_refused = 0;
    for (uint8_t i = 0; i < c->config.attempts && n_refused < REFUSALS; i++) {
        struct vendor_call v = info_call();
        enum fota_err sync_err =
            i > 0 && n_refused == 0 ? link_client_sync(c) : FOTA_OK; /* who refuses is in step */
        if (sync_err) {
            return sync_err;
        }
        err = wire_open(c);
        if (!err) {
            err = exchange(c, &v);
        }
        err = wire_close(c, err);
        if (!err) {
            return load_info(c, &v, out);
        }
        if (!wire_is_worth_repeating(err)) {
            return err;
        }
        n_refused = err == E_LINK_NACK && !c->in_request ? n_refused + 1 : 0;
    }
    return n_refused == REFUSALS ? E_LINK_NO_VENDOR : err;
}

enum fota_err link_client_begin(struct link_client *c, const uint8_t *statement, uint32_t n_bytes,
                                struct link_session *out)
{
    if (n_bytes == 0 || n_bytes > LINK_STATEMENT_MAX_BYTES) {
        return E_ARG;
    }
    struct vendor_call v = {.op = LINK_OP_BEGIN,
                            .data = statement,
                            .n_data = n_bytes,
                            .request_max_ms = LINK_CLIENT_BEGIN_MAX_MS,
                            .n_reply = LINK_SESSION_BLOCK_BYTES};
    enum fota_err err = vendor(c, &v);
    struct link_session session;
    if (!err) {
        err = link_session_load(v.reply, v.n_reply, c->board, &session);
    }
    if (!err) {
        err = session.reason;
    }
    if (err) {
        return err;
    }
    *out = session;
    return FOTA_OK;
}

/* The commands whose reply is a progress block. */
static enum fota_err progress_call(struct link_client *c, struct vendor_call *v, struct link_progress *out)
{
    v->n_reply = LINK_PROGRESS_BLOCK_BYTES;
    struct link_progress progress;
    enum fota_err err = vendor(c, v);
    if (!err) {
        err = link_progress_load(v->reply, v->n_reply, &progress);
    }
    if (!err) {
        err = progress.reason;
    }
    if (err) {
        return err;
    }
    *out = progress;
    return FOTA_OK;
}

uint32_t link_client_block_bytes(const struct link_client *c, uint32_t off, uint32_t block_max_bytes)
{
    uint32_t sector_bytes = c->board->slot_sector_bytes;
    uint32_t sector_left_bytes = sector_bytes - off % sector_bytes;
    uint32_t most = sector_left_bytes == sector_bytes ? OPENER_BYTES : sector_left_bytes;
    return most < block_max_bytes ? most : block_max_bytes;
}

enum fota_err link_client_block(struct link_client *c, uint32_t session_id, uint32_t off,
                                const uint8_t *bytes, uint32_t n_bytes, struct link_progress *out)
{
    if (n_bytes == 0 || n_bytes > LINK_BLOCK_MAX_BYTES) {
        return E_ARG;
    }
    struct vendor_call v = {.op = LINK_OP_BLOCK,
                            .n_head = 8,
                            .data = bytes,
                            .n_data = n_bytes,
                            .request_max_ms = LINK_CLIENT_BLOCK_MAX_MS};
    bytes_store_be32(v.head, session_id);
    bytes_store_be32(v.head + 4, off);
    return progress_call(c, &v, out);
}

enum fota_err link_client_hash(struct link_client *c, uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    struct vendor_call v = {
        .op = LINK_OP_HASH, .n_head = 8, .request_max_ms = LINK_CLIENT_FINISH_MAX_MS, .n_reply = 32};
    bytes_store_be32(v.head, off);
    bytes_store_be32(v.head + 4, n_bytes);
    enum fota_err err = vendor(c, &v);
    if (err) {
        return err;
    }
    memcpy(sha256, v.reply, 32);
    return FOTA_OK;
}

static enum fota_err session_call(struct link_client *c, uint8_t op, uint32_t session_id,
                                  struct link_progress *out)
{
    struct vendor_call v = {.op = op, .n_head = 4, .request_max_ms = LINK_CLIENT_FINISH_MAX_MS};
    bytes_store_be32(v.head, session_id);
    return progress_call(c, &v, out);
}

enum fota_err link_client_finish(struct link_client *c, uint32_t session_id, struct link_progress *out)
{
    return session_call(c, LINK_OP_FINISH, session_id, out);
}

enum fota_err link_client_activate(struct link_client *c, uint32_t session_id, struct link_progress *out)
{
    return session_call(c, LINK_OP_ACTIVATE, session_id, out);
}

enum fota_err link_client_retry(struct link_client *c, uint32_t number, struct link_progress *out)
{
    return session_call(c, LINK_OP_RETRY, number, out);
}

enum fota_err link_client_abort(struct link_client *c, uint32_t session_id, struct link_progress *out)
{
    return session_call(c, LINK_OP_ABORT, session_id, out);
}
