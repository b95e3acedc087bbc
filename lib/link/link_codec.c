#include "link/link_codec.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"

/* Made from the rows of link_ops.h, so an operation cannot be added without its name. */
const char *link_op_name(uint8_t op)
{
    switch (op) {
#define COMMAND_NAME(id, opcode, name, step, at, n, handler)                                                 \
    case LINK_OP_##id:                                                                                       \
        return name;
#define REQUEST_NAME(id, opcode, name, least, most, reply, when, body, handler)                              \
    case LINK_OP_##id:                                                                                       \
        return name;
        LINK_COMMANDS(COMMAND_NAME)
        LINK_REQUESTS(REQUEST_NAME)
    default:
        return "unknown";
    }
}

/* The complement makes the frame its own check (AN4286 2.1): a slave that has lost a bit refuses it
 * instead of running another command. */
void link_frame_store(uint8_t out[LINK_FRAME_BYTES], uint8_t op)
{
    out[0] = LINK_SOF;
    out[1] = op;
    out[2] = (uint8_t)~op;
}

uint8_t link_xor(const uint8_t *bytes, size_t n_bytes)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        sum = (uint8_t)(sum ^ bytes[i]);
    }
    return sum;
}

/* A block of one byte is closed by its complement (AN4286 2.1). XOR alone would be the same byte again,
 * and a line that is stuck sends every byte twice as well. */
uint8_t link_checksum(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes == 1 ? (uint8_t)~bytes[0] : link_xor(bytes, n_bytes);
}

void link_address_store(uint8_t out[5], uint32_t addr)
{
    bytes_store_be32(out, addr);
    out[4] = link_xor(out, 4);
}

/* Vendor packets have a CRC-32 instead of the XOR of AN4286: two errors in the same column of bits cancel
 * each other in a XOR, which is not good enough for blocks of 4 KB. */
size_t link_packet_store(uint8_t *out, const uint8_t *body, size_t n_bytes)
{
    /* The target builds a reply where it sends it from: then the body is in its place already. */
    if (n_bytes > 0 && body != out + 2) {
        memcpy(out + 2, body, n_bytes);
    }
    bytes_store_be16(out, (uint16_t)n_bytes);
    bytes_store_be32(out + 2 + n_bytes, crc32_run(out, 2 + n_bytes));
    return n_bytes + LINK_PACKET_OVERHEAD_BYTES;
}

/* The length is judged before the CRC, because it says where the CRC stands. */
enum fota_err link_packet_check(const uint8_t *packet, size_t n_bytes, size_t *n_body_bytes)
{
    if (n_bytes < LINK_PACKET_OVERHEAD_BYTES) {
        return E_LINK_LENGTH;
    }
    size_t n_body = bytes_load_be16(packet);
    if (n_body != n_bytes - LINK_PACKET_OVERHEAD_BYTES) {
        return E_LINK_LENGTH;
    }
    if (crc32_run(packet, 2 + n_body) != bytes_load_be32(packet + 2 + n_body)) {
        return E_LINK_CHECKSUM;
    }
    *n_body_bytes = n_body;
    return FOTA_OK;
}

/* Offsets as in docs/spec/link.md 4, "Session block". */
void link_session_store(uint8_t out[LINK_SESSION_BLOCK_BYTES], const struct link_session *session)
{
    bytes_store_be16(out, (uint16_t)session->reason);
    out[2] = session->slot;
    out[3] = 0;
    bytes_store_be32(out + 4, session->session_id);
    bytes_store_be32(out + 8, session->base);
    bytes_store_be32(out + 12, session->image_bytes);
    bytes_store_be32(out + 16, session->resume_off);
    bytes_store_be32(out + 20, session->block_max_bytes);
}

enum fota_err link_session_load(const uint8_t *bytes, size_t n_bytes, const struct board_layout *board,
                                struct link_session *out)
{
    if (n_bytes != LINK_SESSION_BLOCK_BYTES) {
        return E_LINK_REPLY;
    }
    /* The host does arithmetic with these numbers, so a reply is judged as strictly as a request: a target
     * that is broken, or another device on the wires, must not lead the host to a wrong block. */
    struct link_session session = {
        .reason = (enum fota_err)bytes_load_be16(bytes),
        .slot = bytes[2],
        .session_id = bytes_load_be32(bytes + 4),
        .base = bytes_load_be32(bytes + 8),
        .image_bytes = bytes_load_be32(bytes + 12),
        .resume_off = bytes_load_be32(bytes + 16),
        .block_max_bytes = bytes_load_be32(bytes + 20),
    };
    uint32_t room_bytes = board_place(board, (enum slot)session.slot)->n_bytes;
    bool is_usable = (session.slot < SLOT_NONE || session.slot == SLOT_LOADER) &&
                     session.image_bytes <= room_bytes && session.resume_off <= session.image_bytes &&
                     session.block_max_bytes >= 4 && session.block_max_bytes <= LINK_BLOCK_MAX_BYTES &&
                     session.block_max_bytes % 4 == 0;
    /* A refusal has no numbers, only its reason. */
    if (session.reason == FOTA_OK && !is_usable) {
        return E_LINK_REPLY;
    }
    *out = session;
    return FOTA_OK;
}

/* Offsets as in docs/spec/link.md 4, "Progress block". */
void link_progress_store(uint8_t out[LINK_PROGRESS_BLOCK_BYTES], const struct link_progress *progress)
{
    bytes_store_be16(out, (uint16_t)progress->reason);
    bytes_store_be16(out + 2, 0);
    bytes_store_be32(out + 4, progress->accepted_off);
    bytes_store_be32(out + 8, progress->flashed_off);
}

enum fota_err link_progress_load(const uint8_t *bytes, size_t n_bytes, struct link_progress *out)
{
    if (n_bytes != LINK_PROGRESS_BLOCK_BYTES) {
        return E_LINK_REPLY;
    }
    out->reason = (enum fota_err)bytes_load_be16(bytes);
    out->accepted_off = bytes_load_be32(bytes + 4);
    out->flashed_off = bytes_load_be32(bytes + 8);
    return FOTA_OK;
}
