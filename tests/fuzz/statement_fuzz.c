/* Release, channel and loader statements. First byte: bit 0 a
 * channel, else bit 1 a loader, else a release. */
#include <stdlib.h>
#include <string.h>

#include "format/channel_statement.h"
#include "format/image.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "fuzz.h"
#include "model.h"

enum { IS_CHANNEL = 1, IS_LOADER = 2 };

const char *const device_name = "statement";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static enum fota_err check_signature(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                     const uint8_t *text, size_t n_bytes, const uint8_t *der,
                                     size_t n_der_bytes)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    struct crypto_sha256 sha;
    (void)ctx;
    image_keyhash(model_points[0], hash);
    if (memcmp(hash, key_id, STATEMENT_KEY_ID_BYTES) != 0) {
        return E_STATEMENT_KEY;
    }
    crypto_sha256_init(&sha);
    crypto_sha256_update(&sha, text, n_bytes);
    crypto_sha256_final(&sha, hash);
    return crypto_p256_verify(model_points[0], hash, der, n_der_bytes) == CRYPTO_ACCEPT
               ? FOTA_OK
               : E_STATEMENT_SIGNATURE;
}

static bool is_known(const char *text, size_t n_bytes)
{
    for (unsigned i = 0; i < RELEASES; i++) {
        const struct fuzz_release *r = &releases[i];
        if (n_bytes <= r->n_text && memcmp(text, r->text, n_bytes) == 0) {
            return true;
        }
        if (n_bytes <= r->n_loader_text && memcmp(text, r->loader_text, n_bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void check_spans(const struct statement *s, const char *text, size_t n_bytes)
{
    bool is_inside = s->signed_bytes <= s->n_bytes && s->n_bytes <= n_bytes && s->n_sigs >= 1 &&
                     s->n_sigs <= STATEMENT_SIGS_MAX;
    for (size_t i = 0; i < s->n_sigs && is_inside; i++) {
        is_inside =
            s->sig[i].at >= text + s->signed_bytes && s->sig[i].at + s->sig[i].n_bytes <= text + s->n_bytes;
    }
    for (size_t i = 0; i < STATEMENT_FIELDS_MAX && s->field[i].at && is_inside; i++) {
        is_inside = s->field[i].n_bytes >= 1 && s->field[i].at >= text &&
                    s->field[i].at + s->field[i].n_bytes <= text + s->signed_bytes;
    }
    if (!is_inside) {
        fuzz_fail("a value is outside of its statement");
    }
}

/* What was read, written again, is the same text: nothing is read in two ways. */
static void check_same(const char *again, size_t n_again, const struct statement *s, const char *text)
{
    if (n_again <= s->signed_bytes && memcmp(again, text, n_again) != 0) {
        fuzz_fail("a statement reads as another one");
    }
}

static void try_release(const char *text, size_t n_bytes)
{
    const struct statement_verifier verifier = {check_signature, NULL};
    struct statement s;
    struct release release;
    struct release_slot slot;
    char again[STATEMENT_RELEASE_MAX_BYTES];
    size_t n_again = 0;
    memset(&s, 0, sizeof s);
    if (release_parse((const uint8_t *)text, n_bytes, &s) != FOTA_OK) {
        return;
    }
    check_spans(&s, text, n_bytes);
    bool is_signed = statement_verify(&s, (const uint8_t *)text, &verifier) == FOTA_OK;
    if (is_signed && !is_known(text, s.signed_bytes)) {
        fuzz_fail("a release that nobody signed verifies");
    }
    for (unsigned i = 0; i < 2; i++) {
        if (release_slot_read(&s, i, "f407-disco", &slot) == FOTA_OK &&
            !statement_is(&s.field[RELEASE_HW], "f407-disco")) {
            fuzz_fail("a release for another board is taken");
        }
    }
    if (release_read(&s, &release) == FOTA_OK && release_print(&release, again, &n_again) == FOTA_OK) {
        check_same(again, n_again, &s, text);
    }
}

static void try_loader(const char *text, size_t n_bytes)
{
    const struct statement_verifier verifier = {check_signature, NULL};
    struct statement s;
    struct loader_release loader;
    struct release_slot slot;
    char again[STATEMENT_RELEASE_MAX_BYTES];
    size_t n_again = 0;
    memset(&s, 0, sizeof s);
    if (loader_parse((const uint8_t *)text, n_bytes, &s) != FOTA_OK) {
        return;
    }
    check_spans(&s, text, n_bytes);
    bool is_signed = statement_verify(&s, (const uint8_t *)text, &verifier) == FOTA_OK;
    if (is_signed && !is_known(text, s.signed_bytes)) {
        fuzz_fail("a loader that nobody signed verifies");
    }
    bool is_ours = statement_is(&s.field[LOADER_HW], "f407-disco");
    if (loader_slot_read(&s, "f407-disco", &slot) == FOTA_OK && !is_ours) {
        fuzz_fail("a loader for another board is taken");
    }
    if (loader_read(&s, NULL, &loader) != FOTA_OK) {
        return;
    }
    /* Both readers say the same of a text that both accept: the target's, and the publisher's. */
    if (is_ours && (loader_slot_read(&s, "f407-disco", &slot) != FOTA_OK || slot.version != loader.version ||
                    slot.image_bytes != loader.image_bytes ||
                    memcmp(slot.sha256, loader.sha256, sizeof slot.sha256) != 0)) {
        fuzz_fail("a loader reads in two ways");
    }
    if (loader_print(&loader, again, &n_again) == FOTA_OK) {
        check_same(again, n_again, &s, text);
    }
}

static void try_channel(const char *text, size_t n_bytes)
{
    struct statement s;
    struct statement_span inner;
    struct channel channel;
    char again[STATEMENT_MAX_BYTES];
    size_t n_again = 0;
    memset(&s, 0, sizeof s);
    if (channel_parse((const uint8_t *)text, n_bytes, &s, &inner) != FOTA_OK) {
        return;
    }
    check_spans(&s, text, n_bytes);
    if (inner.at < text || inner.at + inner.n_bytes != text + n_bytes || inner.n_bytes == 0) {
        fuzz_fail("the release is not the rest of its channel statement");
    }
    if (channel_read(&s, &channel) == FOTA_OK && channel_print(&channel, again, &n_again) == FOTA_OK) {
        check_same(again, n_again, &s, text);
    }
    try_release(inner.at, inner.n_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static bool is_ready;
    if (!is_ready) {
        releases_make();
        is_ready = true;
    }
    if (n_bytes < 1) {
        return 0;
    }
    char *text = malloc(n_bytes); /* of the input's size: one byte too far is seen */
    if (!text) {
        abort();
    }
    memcpy(text, bytes + 1, n_bytes - 1);
    text = realloc(text, n_bytes > 1 ? n_bytes - 1 : 1);
    if (bytes[0] & IS_CHANNEL) {
        try_channel(text, n_bytes - 1);
    } else if (bytes[0] & IS_LOADER) {
        try_loader(text, n_bytes - 1);
    } else {
        try_release(text, n_bytes - 1);
    }
    free(text);
    return 0;
}
