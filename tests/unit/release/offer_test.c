/* Offers: what the publisher signs is verified as a device does it, keys survive their files, and the example
 * of docs/spec/statement.md is a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "release/file.h"
#include "release/offer.h"

enum {
    SPEC_MAX_BYTES = 65536,
    SEQ = 5,
#ifdef __SANITIZE_ADDRESS__
    FLIP_STRIDE = 13 /* a signature check is slow under the sanitizers; each byte gets its turn */
#else
    FLIP_STRIDE = 1
#endif
};

#define SPAN(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof literal - 1                                                                          \
    }

static struct release sample_release(void)
{
    return (struct release){.product = SPAN("demo"),
                            .hw = SPAN("f407-disco"),
                            .version = 0x02000000,
                            .security_counter = 1,
                            .image = {{.n_bytes = 1, .blob = SPAN("a")}, {.n_bytes = 2, .blob = SPAN("b")}},
                            .codec = SPAN("none"),
                            .confirm_within_s = 600,
                            .activate = SPAN("idle"),
                            .notes = SPAN("-")};
}

static struct channel sample_channel(void)
{
    return (struct channel){.product = SPAN("demo"),
                            .hw = SPAN("f407-disco"),
                            .name = SPAN("stable"),
                            .seq = SEQ,
                            .issued_s = 1795507200,
                            .expires_s = 1798099200,
                            .root = 1,
                            .rollout_start_s = 1795507200,
                            .rollout_max_pct = 100,
                            .poll_s = 3600};
}

static struct trust trust_in(const struct key *key)
{
    return (struct trust){.key = {key}, .n_keys = 1};
}

static void an_offer_is_read_as_written_and_only_with_the_right_keys(void **state)
{
    (void)state;
    struct key image;
    struct key channel;
    assert_int_equal(key_generate(&image), FOTA_OK);
    assert_int_equal(key_generate(&channel), FOTA_OK);
    const struct release release = sample_release();
    const struct channel terms = sample_channel();
    const struct key *signer[1] = {&image};
    struct signed_text inner;
    struct signed_text outer;
    struct signed_text again;
    assert_int_equal(offer_write_release(&release, signer, 1, &inner), FOTA_OK);
    assert_int_equal(offer_write_release(&release, signer, 1, &again), FOTA_OK);
    assert_int_equal(inner.n_bytes,
                     again.n_bytes); /* no randomness: a repeated publication is the same bytes */
    assert_memory_equal(inner.text, again.text, inner.n_bytes);
    assert_int_equal(offer_write_channel(&terms, &channel, &inner, &outer), FOTA_OK);
    struct trust in_channel = trust_in(&channel);
    struct trust in_image = trust_in(&image);
    struct offer offer;
    const uint8_t *text = (const uint8_t *)outer.text;
    assert_int_equal(offer_read(text, outer.n_bytes, &in_channel, &in_image, &offer), FOTA_OK);
    assert_int_equal(offer.channel.seq, SEQ);
    assert_int_equal(offer.release.version, release.version);
    assert_ptr_equal(in_channel.accepted, &channel);
    assert_int_equal(offer_read(text, outer.n_bytes, &in_image, &in_image, &offer), E_STATEMENT_KEY);
    assert_int_equal(offer_read(text, outer.n_bytes, &in_channel, &in_channel, &offer), E_STATEMENT_KEY);
    struct trust in_nobody = {.n_keys = 0};
    assert_int_equal(offer_read(text, outer.n_bytes, &in_nobody, &in_image, &offer), E_STATEMENT_KEY);
}

static void a_release_from_elsewhere_is_not_believed_inside_a_good_channel(void **state)
{
    (void)state;
    struct key key;
    assert_int_equal(key_generate(&key), FOTA_OK);
    struct release release = sample_release();
    const struct channel terms = sample_channel();
    const struct key *signer[1] = {&key};
    struct signed_text inner;
    struct signed_text other;
    struct signed_text outer;
    struct trust trust = trust_in(&key);
    struct offer offer;
    assert_int_equal(offer_write_release(&release, signer, 1, &inner), FOTA_OK);
    assert_int_equal(offer_write_channel(&terms, &key, &inner, &outer), FOTA_OK);
    /* Well signed, but not the one that the channel names. */
    release.version++;
    assert_int_equal(offer_write_release(&release, signer, 1, &other), FOTA_OK);
    const size_t n_outer = outer.n_bytes - inner.n_bytes;
    memcpy(outer.text + n_outer, other.text, other.n_bytes);
    assert_int_equal(offer_read((const uint8_t *)outer.text, n_outer + other.n_bytes, &trust, &trust, &offer),
                     E_STATEMENT_MISMATCH);
    /* Named by the channel, but for another board. */
    release.hw = (struct statement_span)SPAN("f407-other");
    assert_int_equal(offer_write_release(&release, signer, 1, &other), FOTA_OK);
    assert_int_equal(offer_write_channel(&terms, &key, &other, &outer), FOTA_OK);
    assert_int_equal(offer_read((const uint8_t *)outer.text, outer.n_bytes, &trust, &trust, &offer),
                     E_STATEMENT_PRODUCT);
}

static void a_loader_is_read_as_written_and_only_with_an_image_key(void **state)
{
    (void)state;
    struct key image;
    struct key release;
    assert_int_equal(key_generate(&image), FOTA_OK);
    assert_int_equal(key_generate(&release), FOTA_OK);
    const struct loader_release loader = {.hw = SPAN("f407-disco"),
                                          .version = 0x01010000,
                                          .security_counter = 7,
                                          .image_bytes = 12000,
                                          .blob = SPAN("v1/blobs/l.bin"),
                                          .notes = SPAN("-")};
    struct signed_text text;
    struct signed_text again;
    struct loader_release read;
    struct trust in_image = trust_in(&image);
    struct trust in_release = trust_in(&release);
    assert_int_equal(offer_write_loader(&loader, &image, &text), FOTA_OK);
    assert_int_equal(offer_write_loader(&loader, &image, &again), FOTA_OK);
    assert_int_equal(text.n_bytes, again.n_bytes);
    assert_memory_equal(text.text, again.text, text.n_bytes);
    uint8_t *bytes = (uint8_t *)text.text;
    assert_int_equal(offer_read_loader(bytes, text.n_bytes, &in_image, "f407-disco", &read), FOTA_OK);
    assert_int_equal(read.version, loader.version);
    assert_int_equal(offer_read_loader(bytes, text.n_bytes, &in_release, NULL, &read), E_STATEMENT_KEY);
    assert_int_equal(offer_read_loader(bytes, text.n_bytes, &in_image, "f407-other", &read),
                     E_STATEMENT_PRODUCT);
    for (size_t bit = 0; bit < text.n_bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (offer_read_loader(bytes, text.n_bytes, &in_image, NULL, &read) == FOTA_OK) {
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_flipped_bit_of_an_offer_is_refused(void **state)
{
    (void)state;
    struct key key;
    assert_int_equal(key_generate(&key), FOTA_OK);
    const struct release release = sample_release();
    const struct channel terms = sample_channel();
    const struct key *signer[1] = {&key};
    struct signed_text inner;
    struct signed_text outer;
    struct trust trust = trust_in(&key);
    struct offer offer;
    assert_int_equal(offer_write_release(&release, signer, 1, &inner), FOTA_OK);
    assert_int_equal(offer_write_channel(&terms, &key, &inner, &outer), FOTA_OK);
    uint8_t *text = (uint8_t *)outer.text;
    assert_int_equal(offer_read(text, outer.n_bytes, &trust, &trust, &offer), FOTA_OK);
    for (size_t bit = 0; bit < outer.n_bytes * 8; bit += FLIP_STRIDE) {
        text[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (offer_read(text, outer.n_bytes, &trust, &trust, &offer) == FOTA_OK) {
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        }
        text[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void keys_survive_their_files(void **state)
{
    (void)state;
    char folder[] = "offer_test_XXXXXX";
    char path[64];
    struct key key;
    struct key read;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(key_generate(&key), FOTA_OK);
    assert_int_equal(key_write_pair(&key, folder, "k"), FOTA_OK);
    assert_int_equal(key_write_pair(&key, folder, "k"), E_EXISTS);
    (void)snprintf(path, sizeof path, "%s/k.pem", folder);
    assert_int_equal(key_read_private(path, &read), FOTA_OK);
    assert_memory_equal(read.secret, key.secret, sizeof key.secret);
    assert_memory_equal(read.point, key.point, sizeof key.point);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(key_read_private(path, &read), E_KEY_MODE);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/k.pub.pem", folder);
    assert_int_equal(key_read_private(path, &read), E_KEY_FILE);
    assert_int_equal(key_read_public(path, &read), FOTA_OK);
    assert_memory_equal(read.point, key.point, sizeof key.point);
    assert_false(read.has_secret);
    const uint8_t hash[CRYPTO_SHA256_BYTES] = {1};
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    assert_int_equal(key_sign(&read, hash, der, &n_der), E_ARG);
    assert_int_equal(key_sign(&key, hash, der, &n_der), FOTA_OK);
    assert_int_equal(crypto_p256_verify(read.point, hash, der, n_der), CRYPTO_ACCEPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The n-th ```text block of a page. */
static struct statement_span text_block(const uint8_t *page, size_t n_page, unsigned n)
{
    static const char fence[] = "\n```";
    const char *at = (const char *)page;
    const char *end = at + n_page;
    struct statement_span block = {NULL, 0};
    for (unsigned i = 0; i <= n; i++) {
        at = strstr(at, "\n```text\n");
        assert_non_null(at);
        at += 9;
        const char *stop = strstr(at - 1, fence);
        assert_true(stop && stop < end);
        block = (struct statement_span){at, (size_t)(stop + 1 - at)};
        at = stop;
    }
    return block;
}

static void key_of_block(const struct statement_span *block, struct key *out)
{
    char path[] = "offer_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, block->at, block->n_bytes), block->n_bytes);
    assert_int_equal(close(fd), 0);
    assert_int_equal(key_read_public(path, out), FOTA_OK);
    assert_int_equal(unlink(path), 0);
}

static void the_example_of_the_specification_verifies(void **state)
{
    (void)state;
    uint8_t *page = NULL;
    size_t n_page = 0;
    struct key image;
    struct key channel;
    struct offer offer;
    assert_int_equal(
        file_read(FOTA_SOURCE_DIR "/docs/spec/statement.md", SPEC_MAX_BYTES, &page, &n_page, NULL), FOTA_OK);
    page[n_page] = '\0'; /* file_read leaves room for it */
    const struct statement_span text = text_block(page, n_page, 0);
    const struct statement_span loader_text = text_block(page, n_page, 1);
    const struct statement_span image_pem = text_block(page, n_page, 2);
    const struct statement_span channel_pem = text_block(page, n_page, 3);
    key_of_block(&image_pem, &image);
    key_of_block(&channel_pem, &channel);
    struct trust in_image = trust_in(&image);
    struct trust in_channel = trust_in(&channel);
    assert_int_equal(offer_read((const uint8_t *)text.at, text.n_bytes, &in_channel, &in_image, &offer),
                     FOTA_OK);
    assert_int_equal(offer.release.security_counter, 7);
    struct loader_release loader;
    struct signed_text copy = {.n_bytes = loader_text.n_bytes};
    uint8_t sha256[CRYPTO_SHA256_BYTES];
    assert_int_equal(offer_read_loader((const uint8_t *)loader_text.at, loader_text.n_bytes, &in_image,
                                       "f407-disco", &loader),
                     FOTA_OK);
    memcpy(copy.text, loader_text.at, loader_text.n_bytes);
    offer_text_sha256(&copy, sha256);
    assert_true(offer.channel.has_loader);
    assert_memory_equal(offer.channel.loader_sha256, sha256, sizeof sha256);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_read_as_written_and_only_with_the_right_keys),
        cmocka_unit_test(a_release_from_elsewhere_is_not_believed_inside_a_good_channel),
        cmocka_unit_test(a_loader_is_read_as_written_and_only_with_an_image_key),
        cmocka_unit_test(every_flipped_bit_of_an_offer_is_refused),
        cmocka_unit_test(keys_survive_their_files),
        cmocka_unit_test(the_example_of_the_specification_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
