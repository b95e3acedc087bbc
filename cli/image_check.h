/**
 * Verifying an image file as the bootloader would, with a sentence for every way it can fail. Shared by
 * inspect and publish.
 */
#ifndef CLI_IMAGE_CHECK_H
#define CLI_IMAGE_CHECK_H

#include "cli.h"
#include "format/image.h"
#include "release/key.h"

/** What an image file must satisfy. */
struct image_check {
    const struct key *key[IMAGE_KEYS]; /* NULL: none; without any the signature is not checked */
    const char *hw;                    /* NULL: whatever the image says */
    char slot;                         /* 'a', 'b', or 0: whatever the image says */
    uint32_t counter_min;
};

/** What an image file says, once it passed. */
struct image_facts {
    struct image_result result;
    char slot; /* 'a' or 'b' */
    char hw[IMAGE_HW_ID_MAX_BYTES + 1];
    bool is_verified;      /* the signature was checked with a key */
    const struct key *key; /* that made it, NULL if not checked */
};

/**
 * Check an image file. On failure a sentence was printed that names the file, what is wrong and what to do.
 * @return CLI_OK · CLI_REFUSED
 */
FOTA_MUST_CHECK
enum cli_exit image_check(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                          const struct image_check *wanted, struct image_facts *out);

/** Advice for a refused statement, one sentence's end; never NULL. */
const char *statement_advice(enum fota_err err);

#endif
