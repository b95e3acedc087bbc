/* ECDSA and SHA-256 behind lib/crypto: what must be accepted, and every way a signature may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bearssl.h>
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

/* The oracle: BearSSL's hash and signatures against ours. */
static uint64_t random_state = 0x5EED;

static void fill_random(uint8_t *out, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
        out[i] = (uint8_t)(random_state >> 56);
    }
}

static void sha256_agrees_with_bearssl_at_every_length_and_split(void **state)
{
    (void)state;
    uint8_t data[300];
    fill_random(data, sizeof data);
    for (size_t n = 0; n <= sizeof data; n++) {
        uint8_t ours[32];
        uint8_t theirs[32];
        struct crypto_sha256 ctx;
        br_sha256_context oracle;
        size_t split = n == 0 ? 0 : data[n - 1] % n;
        crypto_sha256_init(&ctx);
        crypto_sha256_update(&ctx, data, split);
        crypto_sha256_update(&ctx, data + split, n - split);
        crypto_sha256_final(&ctx, ours);
        br_sha256_init(&oracle);
        br_sha256_update(&oracle, data, n);
        br_sha256_out(&oracle, theirs);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
}

static void signatures_of_random_keys_and_hashes_agree_with_bearssl(void **state)
{
    (void)state;
    enum { RUNS = 400 };
    for (int i = 0; i < RUNS; i++) {
        unsigned char x[32];
        uint8_t point[CRYPTO_POINT_BYTES];
        uint8_t hash[32];
        uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
        fill_random(x, sizeof x);
        fill_random(hash, sizeof hash);
        x[0] = (unsigned char)(x[0] & 0x7F); /* below the order */
        if (i % 8 == 0) {
            memset(x, 0, 31); /* small keys: 1, 2, 3 ... times the base point */
            x[31] = (unsigned char)(i / 8 + 1);
        }
        if (i % 8 == 1) {
            memset(hash, i % 16 == 1 ? 0xFF : 0, sizeof hash); /* above the order; zero */
        }
        br_ec_private_key sk = {BR_EC_secp256r1, x, sizeof x};
        br_ec_public_key pk;
        assert_int_equal(br_ec_compute_pub(&br_ec_p256_m31, &pk, point, &sk), CRYPTO_POINT_BYTES);
        size_t n = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, hash, &sk, der);
        assert_int_equal(crypto_p256_verify(point, hash, der, n), CRYPTO_ACCEPT);
        size_t bit = random_state % (8 * n);
        der[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(crypto_p256_verify(point, hash, der, n), CRYPTO_REJECT);
    }
    print_message("%d random keys and signatures, seed 0x5EED\n", RUNS);
}

/* Big-endian a + b mod the order, for a + b below 2^256 or b small. */
static void add_small(uint8_t out[32], const uint8_t a[32], unsigned b)
{
    unsigned carry = b;
    for (int i = 31; i >= 0; i--) {
        carry += a[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
}

/* x coordinate of k times the base point, which is r of a signature with nonce k. */
static void x_of_multiple(uint8_t out[32], uint8_t k)
{
    uint8_t point[CRYPTO_POINT_BYTES];
    (void)br_ec_p256_m31.mulgen(point, &k, 1, BR_EC_secp256r1);
    memcpy(out, point + 1, 32);
}

static enum crypto_verdict verify_scalars(const uint8_t *point, const uint8_t *hash, const uint8_t *r,
                                          const uint8_t *s)
{
    struct sig sig;
    make_sig(&sig, r, 32, s, 32);
    return crypto_p256_verify(point, hash, sig.der, sig.n_bytes);
}

/* Sums that an incomplete addition gets wrong: a point plus itself, plus its opposite, plus infinity. */
static void special_cases_of_point_addition_are_right(void **state)
{
    (void)state;
    uint8_t base[CRYPTO_POINT_BYTES];
    uint8_t opposite[CRYPTO_POINT_BYTES];
    uint8_t one = 1;
    uint8_t minus_one[32];
    uint8_t r[32];
    uint8_t hash[32];
    memcpy(minus_one, ORDER, 32);
    minus_one[31]--;
    (void)br_ec_p256_m31.mulgen(base, &one, 1, BR_EC_secp256r1);
    (void)br_ec_p256_m31.mulgen(opposite, minus_one, 32, BR_EC_secp256r1);

    x_of_multiple(r, 2); /* hash = r = s: 1 * base + 1 * base */
    assert_int_equal(verify_scalars(base, r, r, r), CRYPTO_ACCEPT);
    x_of_multiple(r, 3);
    assert_int_equal(verify_scalars(base, r, r, r), CRYPTO_REJECT);

    x_of_multiple(r, 1); /* hash = 0: 0 * base + v * key */
    memset(hash, 0, sizeof hash);
    assert_int_equal(verify_scalars(base, hash, r, r), CRYPTO_ACCEPT);

    for (int i = 31, borrow = 0; i >= 0; i--) { /* hash = -r: infinity */
        int d = ORDER[i] - r[i] - borrow;
        borrow = d < 0;
        hash[i] = (uint8_t)d;
    }
    assert_int_equal(verify_scalars(base, hash, r, r), CRYPTO_REJECT);

    x_of_multiple(r, 3); /* key = -base, s = 1, hash = r + 3: (r + 3) - r; base + key is infinity */
    struct sig sig;
    add_small(hash, r, 3);
    make_sig(&sig, r, 32, &one, 1);
    assert_int_equal(crypto_p256_verify(opposite, hash, sig.der, sig.n_bytes), CRYPTO_ACCEPT);
    add_small(hash, r, 4);
    assert_int_equal(crypto_p256_verify(opposite, hash, sig.der, sig.n_bytes), CRYPTO_REJECT);

    for (unsigned e = 0; e < 20; e++) { /* nonce 1, key = base: s = hash + r */
        uint8_t s[32];
        memset(hash, 0, sizeof hash);
        hash[31] = (uint8_t)e;
        x_of_multiple(r, 1);
        add_small(s, r, e);
        assert_int_equal(verify_scalars(base, hash, r, s), CRYPTO_ACCEPT);
    }
}

/* A number near 0, near the order, or anywhere. */
static void draw_scalar(uint8_t out[32], uint8_t kind, uint8_t distance)
{
    memset(out, 0, 32);
    if (kind % 4 == 0) {
        memcpy(out, ORDER, 32);
        out[31] = (uint8_t)(out[31] - 1 - distance % 4);
    } else if (kind % 4 == 1) {
        fill_random(out, 32);
        out[0] |= 1;
    } else {
        out[31] = (uint8_t)(1 + distance % 4);
    }
}

/* sum = sum + a mod the order; both below it. */
static void add_mod_order(uint8_t sum[32], const uint8_t a[32])
{
    unsigned carry = 0;
    int borrow = 0;
    uint8_t less[32];
    for (int i = 31; i >= 0; i--) {
        carry += (unsigned)sum[i] + a[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
    for (int i = 31; i >= 0; i--) {
        int d = sum[i] - ORDER[i] - borrow;
        borrow = d < 0;
        less[i] = (uint8_t)d;
    }
    if (carry != 0 || borrow == 0) {
        memcpy(sum, less, 32);
    }
}

/* A true signature with the nonce 1: r is the x of the base point, s = hash + r * key. */
static void sign_with_nonce_1(uint8_t r[32], uint8_t s[32], const uint8_t hash[32], unsigned key)
{
    x_of_multiple(r, 1);
    memcpy(s, hash, 32);
    for (; key > 0; key--) {
        add_mod_order(s, r);
    }
}

static size_t leading_zeros(const uint8_t number[32])
{
    size_t n = 0;
    while (n < 31 && number[n] == 0) {
        n++;
    }
    return n;
}

/* Do both say the same of (r, s)? @return what they say */
static bool judge_as_bearssl(uint8_t key, const uint8_t hash[32], const uint8_t r[32], const uint8_t s[32])
{
    unsigned char x[32] = {0};
    uint8_t point[CRYPTO_POINT_BYTES];
    uint8_t raw[64];
    struct sig sig;
    x[31] = key;
    br_ec_private_key sk = {BR_EC_secp256r1, x, sizeof x};
    br_ec_public_key pk;
    (void)br_ec_compute_pub(&br_ec_p256_m31, &pk, point, &sk);
    memcpy(raw, r, 32);
    memcpy(raw + 32, s, 32);
    uint32_t theirs = br_ecdsa_i31_vrfy_raw(&br_ec_prime_i31, hash, 32, &pk, raw, sizeof raw);
    size_t skip_r = leading_zeros(r);
    size_t skip_s = leading_zeros(s);
    make_sig(&sig, r + skip_r, 32 - skip_r, s + skip_s, 32 - skip_s);
    assert_int_equal(crypto_p256_verify(point, hash, sig.der, sig.n_bytes) == CRYPTO_ACCEPT, theirs == 1);
    return theirs == 1;
}

/* Whatever the scalars are, accepted or not is what BearSSL says. Of random pairs none is ever a signature, so
 * every fourth is made to be one, and again every fourth of these is spoilt. */
static void any_scalars_are_judged_as_bearssl_judges_them(void **state)
{
    (void)state;
    enum { RUNS = 500, ACCEPTED_MIN = RUNS / 10 };
    unsigned n_accepted = 0;
    for (int i = 0; i < RUNS; i++) {
        uint8_t hash[32] = {0};
        uint8_t r[32], s[32];
        uint8_t dice[8];
        fill_random(dice, sizeof dice);
        const uint8_t key = (uint8_t)(1 + dice[0] % 3);
        hash[31] = dice[1] % 4;
        if (dice[6] % 4 == 0) {
            hash[31] |= 1; /* BearSSL refuses a hash of 0; special_cases_of_point_addition has it */
            sign_with_nonce_1(r, s, hash, key);
            s[31] = (uint8_t)(dice[7] % 4 == 0 ? s[31] ^ 1 : s[31]);
        } else {
            draw_scalar(r, dice[2], dice[4]);
            draw_scalar(s, dice[3], dice[5]);
        }
        n_accepted += judge_as_bearssl(key, hash, r, s);
    }
    print_message("%d scalar pairs, %u accepted by both\n", RUNS, n_accepted);
    assert_in_range(n_accepted, ACCEPTED_MIN, RUNS / 4);
}

static void point_off_the_curve_is_no_key(void **state)
{
    (void)state;
    uint8_t point[CRYPTO_POINT_BYTES] = {4};
    struct sig sig;
    sign_hash(&sig);
    assert_int_equal(crypto_p256_verify(point, HASH, sig.der, sig.n_bytes), CRYPTO_REJECT); /* (0, 0) */
    memset(point + 1, 0xFF, 64);
    assert_int_equal(crypto_p256_verify(point, HASH, sig.der, sig.n_bytes),
                     CRYPTO_REJECT); /* above the field */
    memcpy(point, fixture_point(FIX_KEY_A), sizeof point);
    point[0] = 6; /* hybrid form */
    assert_int_equal(crypto_p256_verify(point, HASH, sig.der, sig.n_bytes), CRYPTO_REJECT);
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
        cmocka_unit_test(sha256_agrees_with_bearssl_at_every_length_and_split),
        cmocka_unit_test(signatures_of_random_keys_and_hashes_agree_with_bearssl),
        cmocka_unit_test(special_cases_of_point_addition_are_right),
        cmocka_unit_test(any_scalars_are_judged_as_bearssl_judges_them),
        cmocka_unit_test(point_off_the_curve_is_no_key),
        cmocka_unit_test(verdicts_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
