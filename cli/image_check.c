#include "image_check.h"

#include <stdio.h>
#include <string.h>

/* No flash is larger. */
enum { IMAGE_FILE_MAX_BYTES = 1 << 20 };

/* What is wrong and what to do, after "<file> is refused: ". */
static const char *advice(enum fota_err err)
{
    switch (err) {
    case E_IMAGE_MAGIC:
        return "it does not begin with an image header; make images with: fota sign";
    case E_IMAGE_BLANK:
        return "it is blank; make images with: fota sign";
    case E_IMAGE_HEADER:
        return "its header is damaged or not for this chip; sign the binary again";
    case E_IMAGE_SIZE:
        return "it is truncated or larger than a slot; copy it again or make the program smaller";
    case E_IMAGE_TLV_UNKNOWN:
        return "it carries a TLV that this format does not have, so no board takes it; it is not damaged: "
               "sign "
               "the binary with: fota sign, or leave out what imgtool added (docs/spec/image.md)";
    case E_IMAGE_REVOKED:
        return "it is signed with a key that was revoked; sign it with the next key";
    case E_IMAGE_REVOKES:
        return "it ends a key and may not: only an image signed with the next key may end the image key; "
               "sign "
               "with --key next-key.pem --revokes image-key.pub.pem, and check with both keys (--keys)";
    case E_IMAGE_TLV:
        return "the area after the program is damaged; copy the file again or sign again";
    case E_IMAGE_UNSIGNED:
        return "it is not signed; sign it with: fota sign";
    case E_IMAGE_HASH:
        return "its content does not match its own digest; it was changed after signing: copy it again or "
               "sign again";
    case E_IMAGE_KEY:
        return "it is signed with a key that is not trusted here; sign it with the product's image key";
    case E_IMAGE_SIGNATURE:
        return "its signature is wrong; it was changed after signing: copy it again or sign again";
    case E_IMAGE_SLOT:
        return "it is linked for another place (slot a, slot b or loader); give the right image";
    case E_IMAGE_HARDWARE:
        return "it is for another hardware id; give the image of this product's hardware or the right --hw";
    case E_IMAGE_COUNTER:
        return "its security counter is lower than allowed; sign again with a higher --counter";
    case E_IMAGE_VECTORS:
        return "its vector table does not fit RAM and slot; link it with fota_add_application()";
    case E_IMAGE_TRAILING:
        return "bytes follow the image; cut the file at its end, or sign again";
    default:
        return "it does not pass; sign again";
    }
}

const char *statement_advice(enum fota_err err)
{
    switch (err) {
    case E_STATEMENT_SYNTAX:
        return "a line is malformed, unknown, repeated or out of order; statements are written by: fota "
               "publish";
    case E_STATEMENT_FORMAT:
        return "it has a format that this fota does not know: it was written by an older or newer one; "
               "publish "
               "again with the fota that gateways and boards use";
    case E_STATEMENT_SIZE:
        return "it is longer than a statement may be; statements are written by: fota publish";
    case E_STATEMENT_KEY:
        return "it is signed with a key that is not trusted here; give the right --keys";
    case E_STATEMENT_SIGNATURE:
        return "its signature is wrong; it was changed after signing";
    case E_STATEMENT_MISMATCH:
        return "the release inside is not the one that the channel signed; publish again";
    case E_STATEMENT_PRODUCT:
        return "channel and release name different products or hardware; publish again";
    default:
        return "it does not pass; publish again";
    }
}

/* Where a board and two numbers, or two boards, say more than the advice, they follow it. */
static enum cli_exit refuse(struct cli *cli, const char *path, enum fota_err err, size_t n_bytes,
                            const struct image_check *wanted, const struct image_facts *f)
{
    char numbers[128] = "";
    const enum image_place place = wanted->place != IMAGE_ANYWHERE ? wanted->place : f->place;
    if (f->board) {
        const struct board_area *area = image_place_area(f->board, place);
        if (err == E_IMAGE_SLOT) {
            (void)snprintf(numbers, sizeof numbers, " (it begins at 0x%08x, %s of board %s at 0x%08x)",
                           (unsigned)f->result.image.load_addr, image_place_text(place), f->board->hw_id,
                           (unsigned)area->base);
        } else if (err == E_IMAGE_SIZE && n_bytes > area->n_bytes) {
            (void)snprintf(numbers, sizeof numbers, " (it has %zu bytes, %s of board %s holds %u)", n_bytes,
                           image_place_text(place), f->board->hw_id, (unsigned)area->n_bytes);
        } else if (err == E_IMAGE_HARDWARE) {
            (void)snprintf(numbers, sizeof numbers, " (it is for %s, wanted is %s)", f->hw,
                           wanted->hw ? wanted->hw : "a board that this fota knows");
        }
    }
    (void)cli_fail(cli, err, "%s is refused: %s%s", path, advice(err), numbers);
    return CLI_REFUSED;
}

/* Without a key: structure, digest, place and board. */
static enum fota_err check_unsigned_facts(const uint8_t *bytes, const struct image_policy *policy,
                                          const struct image *image, uint8_t hash[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 sha;
    crypto_sha256_init(&sha);
    crypto_sha256_update(&sha, bytes, image->signed_bytes);
    crypto_sha256_final(&sha, hash);
    if (memcmp(hash, bytes + image->hash_off, CRYPTO_SHA256_BYTES) != 0) {
        return E_IMAGE_HASH;
    }
    return image_check_fit(bytes, policy, image);
}

enum image_place image_place_of(const char *text)
{
    if (strcmp(text, "loader") == 0) {
        return IMAGE_PLACE_LOADER;
    }
    if (strcmp(text, "a") == 0) {
        return IMAGE_PLACE_A;
    }
    return strcmp(text, "b") == 0 ? IMAGE_PLACE_B : IMAGE_ANYWHERE;
}

const char *image_place_text(enum image_place place)
{
    if (place == IMAGE_PLACE_LOADER) {
        return "the loader";
    }
    return place == IMAGE_PLACE_B ? "slot b" : "slot a";
}

const struct board_area *image_place_area(const struct board_layout *board, enum image_place place)
{
    if (place == IMAGE_PLACE_LOADER) {
        return &board->loader;
    }
    return &board->slot[place == IMAGE_PLACE_B ? SLOT_B : SLOT_A];
}

bool image_warn_counter(struct cli *cli, const char *path, uint32_t security_counter)
{
    if (security_counter < IMAGE_COUNTER_WARN) {
        return false;
    }
    cli_warn(cli,
             "%s: security counter %u leaves little room: it grows by one for each release that must not be "
             "taken back, and a board that confirmed it never goes below it again; give a small number "
             "(imgtool's 'auto' makes one of the version)",
             path, (unsigned)security_counter);
    return true;
}

static enum image_place place_of(const struct board_layout *board, const struct image *image)
{
    if (image->load_addr == board->loader.base) {
        return IMAGE_PLACE_LOADER;
    }
    return image->load_addr == board->slot[SLOT_B].base ? IMAGE_PLACE_B : IMAGE_PLACE_A;
}

/* The board that the image names decides where things are. */
static void find_board(struct image_facts *f)
{
    const struct board_layout *board = board_layout_find(f->hw);
    f->board = board ? board : &BOARD_OWN;
}

static enum fota_err check(const uint8_t *bytes, size_t n_bytes, const struct image_check *wanted,
                           struct image_facts *f)
{
    const uint32_t limit_bytes = n_bytes > IMAGE_FILE_MAX_BYTES ? IMAGE_FILE_MAX_BYTES : (uint32_t)n_bytes;
    struct image image;
    enum fota_err err = image_parse(bytes, limit_bytes, &image);
    if (err) {
        return err;
    }
    memcpy(f->hw, bytes + image.hw_id_off, image.hw_id_bytes);
    f->result.image = image;
    find_board(f);
    f->place = place_of(f->board, &image);
    const enum image_place place = wanted->place != IMAGE_ANYWHERE ? wanted->place : f->place;
    const struct board_area *area = image_place_area(f->board, place);
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {
        .base = area->base,
        .slot_bytes = area->n_bytes,
        .ram_bytes = f->board->ram.n_bytes,
        .ccm_bytes = f->board->ccm.n_bytes,
        .security_floor = wanted->counter_min,
        .hw_id = wanted->hw ? wanted->hw : f->hw,
        .keys = {wanted->key[0] ? wanted->key[0]->point : NULL,
                 wanted->key[1] ? wanted->key[1]->point : NULL},
        .hash = &hash,
    };
    if (policy.keys[0] || policy.keys[1]) {
        err = image_verify(bytes, limit_bytes, &policy, &f->result);
        f->is_verified = !err && f->result.verdict == CRYPTO_ACCEPT;
        if (!err && !f->is_verified) {
            err = E_INTERNAL;
        }
    } else {
        err = check_unsigned_facts(bytes, &policy, &image, f->result.image_hash);
        f->result.image = image;
    }
    if (!err && image.total_bytes > area->n_bytes) {
        err = E_IMAGE_SIZE;
    }
    if (!err && strcmp(f->hw, f->board->hw_id) != 0) {
        err = E_IMAGE_HARDWARE;
    }
    return err ? err : image_check_trailing(bytes, image.total_bytes, limit_bytes);
}

enum cli_exit image_check(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                          const struct image_check *wanted, struct image_facts *out)
{
    memset(out, 0, sizeof *out);
    enum fota_err err = check(bytes, n_bytes, wanted, out);
    if (!err && n_bytes > out->board->slot[SLOT_A].n_bytes) {
        err = E_IMAGE_SIZE;
    }
    /* On the target a slot's rest is erased; a file has no rest. */
    if (!err && out->result.image.total_bytes != n_bytes) {
        err = E_IMAGE_TRAILING;
    }
    if (err) {
        return refuse(cli, path, err, n_bytes, wanted, out);
    }
    if (!out->is_verified) {
        struct crypto_sha256 sha;
        crypto_sha256_init(&sha);
        crypto_sha256_update(&sha, bytes, n_bytes);
        crypto_sha256_final(&sha, out->result.file_sha256);
        return CLI_OK;
    }
    for (size_t i = 0; i < IMAGE_KEYS; i++) {
        const struct key *key = wanted->key[i];
        if (key &&
            memcmp(key->spki_sha256, bytes + out->result.image.keyhash_off, sizeof key->spki_sha256) == 0) {
            out->key = key;
        }
    }
    return CLI_OK;
}
