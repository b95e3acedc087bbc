/* The info block. struct boot_info goes over the wire field by
 * field; its fields are listed once, as widths. */
#include "base/bytes.h"
#include "link/link_codec.h"

enum { INFO_HEAD_BYTES = 8 };

/* Widths of the fields of struct boot_info in order: 4 and 2 are integers, 1 a run of single bytes. */
struct field_run {
    uint8_t width_bytes;
    uint8_t n_bytes;
};

static const struct field_run boot_info_fields[] = {
    {4, 8},  /* bootloader_version, loader_version */
    {1, 12}, /* running_slot .. n_crashes */
    {4, 12}, /* security_floor, slot_version[2] */
    {1, 40}, /* slot_hash[2][8], rejected_hash[2][8], loader_hash[8] */
    {2, 4},  /* last_reason, session_state */
    {4, 16}, /* session_id, session_flashed, retry, option_bytes */
    {1, 16}, /* hw_id */
};

enum { N_FIELD_RUNS = sizeof boot_info_fields / sizeof boot_info_fields[0] };

_Static_assert(offsetof(struct boot_info, security_floor) == 20, "boot_info_fields follows struct boot_info");
_Static_assert(offsetof(struct boot_info, slot_hash) == 32, "boot_info_fields follows struct boot_info");
_Static_assert(offsetof(struct boot_info, last_reason) == 72, "boot_info_fields follows struct boot_info");
_Static_assert(offsetof(struct boot_info, session_id) == 76, "boot_info_fields follows struct boot_info");
_Static_assert(offsetof(struct boot_info, hw_id) == 92, "boot_info_fields follows struct boot_info");

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are turned from or to little-endian");

/* Turn the bytes of each field round: the same for both directions. */
static void turn_fields(uint8_t *to, const uint8_t *from)
{
    for (size_t run = 0, at = 0; run < N_FIELD_RUNS; run++) {
        size_t width = boot_info_fields[run].width_bytes;
        size_t end = at + boot_info_fields[run].n_bytes;
        for (; at < end; at += width) {
            for (size_t i = 0; i < width; i++) {
                to[at + i] = from[at + width - 1 - i];
            }
        }
    }
}

void link_info_store(uint8_t out[LINK_INFO_BLOCK_BYTES], const struct link_info *info)
{
    out[0] = info->loader;
    out[1] = info->protocol;
    out[2] = info->vendor_version;
    out[3] = 0;
    bytes_store_be16(out + 4, info->chip_id);
    bytes_store_be16(out + 6, (uint16_t)info->last_link_reason);
    turn_fields(out + INFO_HEAD_BYTES, (const uint8_t *)&info->boot);
}

enum fota_err link_info_load(const uint8_t *bytes, size_t n_bytes, struct link_info *out)
{
    bool is_info = n_bytes >= INFO_HEAD_BYTES &&
                   (bytes[0] == LINK_LOADER_LOADER || bytes[0] == LINK_LOADER_AGENT) && bytes[2] != 0;
    if (is_info && bytes[2] != LINK_VENDOR_VERSION) {
        return E_LINK_VERSION; /* its block and its commands may mean anything */
    }
    if (!is_info || n_bytes != LINK_INFO_BLOCK_BYTES) {
        return E_LINK_REPLY;
    }
    out->loader = bytes[0];
    out->protocol = bytes[1];
    out->vendor_version = bytes[2];
    out->chip_id = bytes_load_be16(bytes + 4);
    out->last_link_reason = (enum fota_err)bytes_load_be16(bytes + 6);
    turn_fields((uint8_t *)&out->boot, bytes + INFO_HEAD_BYTES);
    return FOTA_OK;
}
