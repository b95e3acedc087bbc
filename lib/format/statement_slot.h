/**
 * Private to lib/format: one reader for what the target needs of a release and of a loader statement. They
 * share it because both readers live in sector 0, where each byte counts.
 */
#ifndef FORMAT_STATEMENT_SLOT_H
#define FORMAT_STATEMENT_SLOT_H

#include "format/release_statement.h"

/** As release_parse(), by any list of keys. */
FOTA_MUST_CHECK
enum fota_err statement_parse_whole(const char *keys, const uint8_t *text, size_t n_bytes,
                                    struct statement *out);

/** Where the values stand: indices into statement.field. */
struct slot_fields {
    uint8_t hw;
    uint8_t version;
    uint8_t counter;
    uint8_t boot_min;
    uint8_t size;
    uint8_t sha256;
    uint8_t hash[2];
};

/** As release_slot_read(), with the fields told by the caller. */
FOTA_MUST_CHECK
enum fota_err statement_read_slot(const struct statement *s, const struct slot_fields *at, const char *hw,
                                  struct release_slot *out);

#endif
