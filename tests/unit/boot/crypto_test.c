/* ECDSA and SHA-256 behind lib/crypto: what must be accepted, and every way a signature may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot_fixture.h"

/* Order of P-256 (SEC 2, 2.4.2). */
static const uint8_t ORDER[32] = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
                                  0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

struct sig {
    uint8_t der[96];
    size_t n_bytes;
};

static const uint8_t HASH[CRYPTO_SHA256_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};

static void sign_hash(struct sig *sig)
{
    uint32_t key = FIX_KEY_A;
    sig->n_bytes = CRYPTO_SIGNATURE_MAX_BYTES;
    assert_int_equal(fixture_sign(&key, HASH, sig->der, &sig->n_bytes), FOTA_OK);
}

static enum crypto_verdict check(const struct sig *sig)
{
    return crypto_p256_verify(fixture_point(FIX_KEY_A), HASH, sig->der, sig->n_bytes);
}

/* SEQUENCE of two INTEGERs, each minimal. */
static void make_sig(struct sig *sig, const uint8_t *r, size_t n_r, const uint8_t *s, size_t n_s)
{
    size_t at = 2;
    sig->der[0] = 0x30;
    for (int i = 0; i < 2; i++) {
        const uint8_t *v = i == 0 ? r : s;
        size_t n = i == 0 ? n_r : n_s;
        bool has_pad = (v[0] & 0x80) != 0;
        sig->der[at++] = 0x02;
        sig->der[at++] = (uint8_t)(n + has_pad);
        if (has_pad) {
            sig->der[at++] = 0;
        }
        memcpy(sig->der + at, v, n);
        at += n;
    }
    sig->der[1] = (uint8_t)(at - 2);
    sig->n_bytes = at;
}

static void sha256_of_abc_is_the_published_one(void **state)
{
    (void)state;
    /* FIPS 180-4, example B.1 */
    static const uint8_t WANTED[32] = {0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA, 0x41, 0x41, 0x40,
                                       0xDE, 0x5D, 0xAE, 0x22, 0x23, 0xB0, 0x03, 0x61, 0xA3, 0x96, 0x17,
                                       0x7A, 0x9C, 0xB4, 0x10, 0xFF, 0x61, 0xF2, 0x00, 0x15, 0xAD};
    uint8_t out[32];
    struct crypto_sha256 ctx;
    struct crypto_sha256 branch;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, "a", 1);
    branch = ctx;
    crypto_sha256_update(&branch, "xyz", 3);
    crypto_sha256_update(&ctx, "bc", 2);
    crypto_sha256_final(&ctx, out);
    assert_memory_equal(out, WANTED, sizeof out);
}

static void good_signature_is_accepted(void **state)
{
    (void)state;
    struct sig sig;
    sign_hash(&sig);
    assert_int_equal(check(&sig), CRYPTO_ACCEPT);
}

static void any_flipped_bit_of_signature_hash_or_key_is_refused(void **state)
{
    (void)state;
    struct sig sig;
    sign_hash(&sig);
    for (size_t bit = 0; bit < 8 * sig.n_bytes; bit++) {
        struct sig bad = sig;
        bad.der[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(check(&bad), CRYPTO_REJECT);
    }
    for (size_t bit = 0; bit < 8 * sizeof HASH; bit += 5) {
        uint8_t hash[sizeof HASH];
        memcpy(hash, HASH, sizeof hash);
        hash[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(crypto_p256_verify(fixture_point(FIX_KEY_A), hash, sig.der, sig.n_bytes),
                         CRYPTO_REJECT);
    }
    for (size_t bit = 0; bit < 8 * CRYPTO_POINT_BYTES; bit += 7) {
        uint8_t point[CRYPTO_POINT_BYTES];
        memcpy(point, fixture_point(FIX_KEY_A), sizeof point);
        point[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(crypto_p256_verify(point, HASH, sig.der, sig.n_bytes), CRYPTO_REJECT);
    }
}

static void signature_by_another_key_is_refused(void **state)
{
    (void)state;
    struct sig sig;
    sign_hash(&sig);
    assert_int_equal(crypto_p256_verify(fixture_point(FIX_KEY_B), HASH, sig.der, sig.n_bytes), CRYPTO_REJECT);
}

static void scalars_outside_1_to_n_minus_1_are_refused(void **state)
{
    (void)state;
    uint8_t order_plus_1[32];
    uint8_t all_ones[32];
    static const uint8_t ZERO[1] = {0};
    static const uint8_t ONE[1] = {1};
    memcpy(order_plus_1, ORDER, sizeof ORDER);
    order_plus_1[31]++;
    memset(all_ones, 0xFF, sizeof all_ones);
    const struct {
        const uint8_t *v;
        size_t n;
    } scalar[] = {{ZERO, 1}, {ONE, 1}, {ORDER, 32}, {order_plus_1, 32}, {all_ones, 32}};
    for (size_t r = 0; r < 5; r++) {
        for (size_t s = 0; s < 5; s++) {
            struct sig sig;
            make_sig(&sig, scalar[r].v, scalar[r].n, scalar[s].v, scalar[s].n);
            assert_int_equal(check(&sig), CRYPTO_REJECT);
        }
    }
    /* One good scalar beside a bad one. */
    struct sig good;
    sign_hash(&good);
    size_t skip = good.der[3] == 33;
    for (size_t i = 0; i < 5; i++) {
        struct sig sig;
        make_sig(&sig, good.der + 4 + skip, 32, scalar[i].v, scalar[i].n);
        assert_int_equal(check(&sig), CRYPTO_REJECT);
    }
}

static void all_lengths_of_a_cut_signature_are_refused(void **state)
{
    (void)state;
    struct sig sig;
    sign_hash(&sig);
    for (size_t n = 0; n < sig.n_bytes; n++) {
        assert_int_equal(crypto_p256_verify(fixture_point(FIX_KEY_A), HASH, sig.der, n), CRYPTO_REJECT);
    }
    for (size_t n = sig.n_bytes + 1; n <= sizeof sig.der; n++) {
        sig.der[n - 1] = 0;
        assert_int_equal(crypto_p256_verify(fixture_point(FIX_KEY_A), HASH, sig.der, n), CRYPTO_REJECT);
    }
}

static void der_that_is_not_minimal_is_refused(void **state)
{
    (void)state;
    struct sig sig;
    sign_hash(&sig);
    struct sig padded = {{0x30, (uint8_t)(sig.der[1] + 1), 0x02, (uint8_t)(sig.der[3] + 1), 0x00},
                         sig.n_bytes + 1};
    memcpy(padded.der + 5, sig.der + 4, sig.n_bytes - 4);
    assert_int_equal(check(&padded), CRYPTO_REJECT); /* a zero too many before r */
    struct sig long_form = {{0x30, 0x81, sig.der[1]}, sig.n_bytes + 1};
    memcpy(long_form.der + 3, sig.der + 2, sig.n_bytes - 2);
    assert_int_equal(check(&long_form), CRYPTO_REJECT); /* length in two bytes */
    struct sig negative = sig;
    size_t skip = negative.der[3] == 33;
    if (skip == 1) {
        memmove(negative.der + 4, negative.der + 5, negative.n_bytes - 5);
        negative.n_bytes--;
        negative.der[1]--;
        negative.der[3]--;
        assert_int_equal(check(&negative), CRYPTO_REJECT); /* r without its sign byte */
    }
}

static void short_hash_does_not_verify_in_any_padding(void **state)
{
    (void)state;
    /* A signer that was given 20 bytes (left-aligned or right-aligned in 32) has not signed our 32 (cf.
     * truncated digests). */
    uint8_t left[CRYPTO_SHA256_BYTES] = {0};
    uint8_t right[CRYPTO_SHA256_BYTES] = {0};
    uint8_t full[CRYPTO_SHA256_BYTES];
    memset(full, 0xC3, sizeof full);
    memcpy(left, full, 20);
    memcpy(right + 12, full, 20);
    uint32_t key = FIX_KEY_A;
    struct sig sig = {{0}, CRYPTO_SIGNATURE_MAX_BYTES};
    assert_int_equal(fixture_sign(&key, full, sig.der, &sig.n_bytes), FOTA_OK);
    assert_int_equal(crypto_p256_verify(fixture_point(key), full, sig.der, sig.n_bytes), CRYPTO_ACCEPT);
    assert_int_equal(crypto_p256_verify(fixture_point(key), left, sig.der, sig.n_bytes), CRYPTO_REJECT);
    assert_int_equal(crypto_p256_verify(fixture_point(key), right, sig.der, sig.n_bytes), CRYPTO_REJECT);
}

static void verdicts_are_far_apart(void **state)
{
    (void)state;
    unsigned differ = (unsigned)CRYPTO_ACCEPT ^ (unsigned)CRYPTO_REJECT;
    assert_true(__builtin_popcount(differ) >= 6);
    assert_true(__builtin_popcount((unsigned)CRYPTO_ACCEPT) >= 6);
    assert_true(__builtin_popcount((unsigned)CRYPTO_REJECT) >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_abc_is_the_published_one),
        cmocka_unit_test(good_signature_is_accepted),
        cmocka_unit_test(any_flipped_bit_of_signature_hash_or_key_is_refused),
        cmocka_unit_test(signature_by_another_key_is_refused),
        cmocka_unit_test(scalars_outside_1_to_n_minus_1_are_refused),
        cmocka_unit_test(all_lengths_of_a_cut_signature_are_refused),
        cmocka_unit_test(der_that_is_not_minimal_is_refused),
        cmocka_unit_test(short_hash_does_not_verify_in_any_padding),
        cmocka_unit_test(verdicts_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
