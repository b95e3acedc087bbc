/*
 * lib/crypto/p256.c at the places where a sum of points has no ordinary case, with signatures made for them.
 * Key d * G and scalars u1, u2 are chosen, so the sum is (u1 + u2 * d) * G, which BearSSL computes as one
 * multiple of the base point: no additions of ours are in the oracle. Copies of p256.c with a planted bug
 * each (planted_crypto.json) run the same cases and must fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bearssl.h>

#include "crypto/crypto.h"
#include "number.h"

enum { NUMBER_BYTES = 32, NUMBER_BITS = 256, LIMB_BITS = 32, DER_MAX_BYTES = 72 };

/* SEC 2, 2.4.2 */
static const number ORDER = {0xFC632551, 0xF3B9CAC2, 0xA7179E84, 0xBCE6FAAD,
                             0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0xFFFFFFFF};
static const number ZERO = {0};
static const number ONE = {1};

/* --- arithmetic mod the order: slow, plain ----------------------------------------------------------- */

static void add_mod(number out, const number a, const number b)
{
    number less;
    uint32_t carry = number_add(out, a, b);
    if (carry >= number_subtract(less, out, ORDER)) {
        memcpy(out, less, sizeof less);
    }
}

static void multiply_mod(number out, const number a, const number b)
{
    number sum = {0};
    for (unsigned i = NUMBER_BITS; i-- > 0;) {
        add_mod(sum, sum, sum);
        if ((a[i / LIMB_BITS] >> i % LIMB_BITS & 1) != 0) {
            add_mod(sum, sum, b);
        }
    }
    memcpy(out, sum, sizeof sum);
}

/* a^(n - 2) */
static void invert_mod(number out, const number a)
{
    number exponent;
    number power = {1};
    (void)number_subtract(exponent, ORDER, (const number){2});
    for (unsigned i = NUMBER_BITS; i-- > 0;) {
        multiply_mod(power, power, power);
        if ((exponent[i / LIMB_BITS] >> i % LIMB_BITS & 1) != 0) {
            multiply_mod(power, power, a);
        }
    }
    memcpy(out, power, sizeof power);
}

static void to_bytes(uint8_t out[NUMBER_BYTES], const number a)
{
    for (unsigned i = 0; i < NUMBER_BYTES; i++) {
        out[NUMBER_BYTES - 1 - i] = (uint8_t)(a[i / 4] >> 8 * (i % 4));
    }
}

static void from_bytes(number out, const uint8_t bytes[NUMBER_BYTES])
{
    memset(out, 0, sizeof(number));
    for (unsigned i = 0; i < NUMBER_BYTES; i++) {
        out[i / 4] |= (uint32_t)bytes[NUMBER_BYTES - 1 - i] << 8 * (i % 4);
    }
}

/* --- signatures -------------------------------------------------------------------------------------- */

/* point = k * G, k in 1..n-1 */
static void multiple_of_base(uint8_t point[CRYPTO_POINT_BYTES], const number k)
{
    uint8_t bytes[NUMBER_BYTES];
    to_bytes(bytes, k);
    assert_int_equal(br_ec_p256_m31.mulgen(point, bytes, sizeof bytes, BR_EC_secp256r1), CRYPTO_POINT_BYTES);
}

static size_t put_integer(uint8_t *der, const number value)
{
    uint8_t bytes[1 + NUMBER_BYTES] = {0};
    size_t skip = 0;
    to_bytes(bytes + 1, value);
    while (bytes[skip] == 0 && bytes[skip + 1] < 0x80) {
        skip++;
    }
    der[0] = 2;
    der[1] = (uint8_t)(sizeof bytes - skip);
    memcpy(der + 2, bytes + skip, sizeof bytes - skip);
    return 2 + sizeof bytes - skip;
}

static enum crypto_verdict verify(const uint8_t point[CRYPTO_POINT_BYTES], const number hash, const number r,
                                  const number s)
{
    uint8_t bytes[NUMBER_BYTES];
    uint8_t der[DER_MAX_BYTES] = {0x30};
    size_t n_bytes = 2;
    to_bytes(bytes, hash);
    n_bytes += put_integer(der + n_bytes, r);
    n_bytes += put_integer(der + n_bytes, s);
    der[1] = (uint8_t)(n_bytes - 2);
    return crypto_p256_verify(point, bytes, der, n_bytes);
}

/* --- scalars ----------------------------------------------------------------------------------------- */

enum { KEYS = 8, SCALARS = 16 };

/* 1, 2, 3, -1, -2, -3, 1/2, and any */
static void make_keys(number d[KEYS])
{
    memset(d, 0, KEYS * sizeof d[0]);
    for (uint32_t i = 0; i < 3; i++) {
        d[i][0] = i + 1;
        (void)number_subtract(d[3 + i], ORDER, d[i]);
    }
    invert_mod(d[6], d[1]);
    for (uint32_t i = 0; i < NUMBER_LIMBS; i++) {
        d[7][i] = 0x9E3779B9 * (i + 1);
    }
}

/* Small ones; far up with small ends, so that a special sum comes first and a long way follows it; the same
 * near the order; patterns. */
static void make_scalars(number u[SCALARS])
{
    memset(u, 0, SCALARS * sizeof u[0]);
    for (uint32_t i = 0; i < 4; i++) {
        u[i][0] = i; /* 0 is for u1 alone */
    }
    for (uint32_t i = 0; i < 3; i++) {
        u[4 + i][4] = 1;
        u[4 + i][0] = i;
        (void)number_subtract(u[7 + i], ORDER, (const number){i + 1});
    }
    u[10][7] = 0x80000000;
    u[11][7] = 0x80000000;
    u[11][0] = 3;
    memset(u[12], 0x55, sizeof u[12]);
    memset(u[13], 0xAA, sizeof u[13]);
    invert_mod(u[14], (const number){2});
    (void)number_subtract(u[15], ORDER, u[6]);
}

/* Verdict on (u1, u2) for the key d * G, and now and then on an r that is one more. */
static void check_scalars(const uint8_t point[CRYPTO_POINT_BYTES], const number d, const number u1,
                          const number u2, const number u2_inverted)
{
    number k;
    number r = {1};
    number s;
    number hash;
    multiply_mod(k, u2, d);
    add_mod(k, k, u1);
    const bool is_infinity = memcmp(k, ZERO, sizeof k) == 0;
    if (!is_infinity) {
        uint8_t sum[CRYPTO_POINT_BYTES];
        multiple_of_base(sum, k);
        from_bytes(r, sum + 1);
        add_mod(r, r, ZERO);
    }
    multiply_mod(s, r, u2_inverted);
    multiply_mod(hash, u1, s);
    const enum crypto_verdict wanted = is_infinity ? CRYPTO_REJECT : CRYPTO_ACCEPT;
    if (verify(point, hash, r, s) != wanted) {
        fail_msg("key %08X..%08X, u1 %08X..%08X, u2 %08X..%08X", (unsigned)d[7], (unsigned)d[0],
                 (unsigned)u1[7], (unsigned)u1[0], (unsigned)u2[7], (unsigned)u2[0]);
    }
    if ((u1[0] ^ u2[0]) % 4 == 2) {
        add_mod(r, r, ONE);
        assert_int_equal(verify(point, hash, r, s), CRYPTO_REJECT);
    }
}

static void chosen_scalars_meet_every_case_of_a_sum_and_are_judged_right(void **state)
{
    (void)state;
    number d[KEYS];
    number u[SCALARS];
    number inverted[SCALARS];
    make_keys(d);
    make_scalars(u);
    for (unsigned j = 1; j < SCALARS; j++) {
        invert_mod(inverted[j], u[j]);
    }
    for (unsigned k = 0; k < KEYS; k++) {
        uint8_t point[CRYPTO_POINT_BYTES];
        multiple_of_base(point, d[k]);
        for (unsigned i = 0; i < SCALARS; i++) {
            for (unsigned j = 1; j < SCALARS; j++) {
                check_scalars(point, d[k], u[i], u[j], inverted[j]);
            }
        }
    }
    print_message("%u keys, scalars and scalars\n", KEYS * SCALARS * (SCALARS - 1));
}

/* --- keys and sums that hardly exist ----------------------------------------------------------------- */

/* hash = 0 and s = r: the sum is the key itself. */
static enum crypto_verdict verify_key_itself(const uint8_t point[CRYPTO_POINT_BYTES], const number r)
{
    return verify(point, ZERO, r, r);
}

/* The point whose x is the order and 3: r is 3 (FIPS 186-4 6.4.2 takes x mod n). */
static void sum_with_x_above_the_order_is_accepted_for_its_rest(void **state)
{
    (void)state;
    static const uint8_t POINT[CRYPTO_POINT_BYTES] = {
        4,    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x54, 0x48,
        0x4F, 0x0C, 0x0F, 0xDA, 0x43, 0x4E, 0xF0, 0xA8, 0x08, 0x45, 0x89, 0x14, 0xF3, 0x28, 0x71, 0x5D, 0x7A,
        0x54, 0x5E, 0x19, 0x8A, 0xC7, 0xEE, 0xE3, 0x1D, 0xFF, 0xE8, 0x61, 0xB5, 0xD2, 0x3F};
    assert_int_equal(verify_key_itself(POINT, (const number){3}), CRYPTO_ACCEPT);
    assert_int_equal(verify_key_itself(POINT, (const number){4}), CRYPTO_REJECT);
}

/* x = 5, then the same x written as 5 more than the field: only the
 * range of the coordinate tells them apart. */
static void key_with_a_coordinate_above_the_field_is_refused_though_the_signature_fits(void **state)
{
    (void)state;
    static const number FIVE = {5};
    static const uint8_t FIELD_AND_5[NUMBER_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04};
    uint8_t point[CRYPTO_POINT_BYTES] = {
        4,    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x45,
        0x92, 0x43, 0xB9, 0xAA, 0x58, 0x18, 0x06, 0xFE, 0x91, 0x3B, 0xCE, 0x99, 0x81, 0x7A, 0xDE, 0x11, 0xCA,
        0x50, 0x3C, 0x64, 0xD9, 0xA3, 0xC5, 0x33, 0x41, 0x5C, 0x08, 0x32, 0x48, 0xFB, 0xCC};
    assert_int_equal(verify_key_itself(point, FIVE), CRYPTO_ACCEPT);
    memcpy(point + 1, FIELD_AND_5, sizeof FIELD_AND_5);
    assert_int_equal(verify_key_itself(point, FIVE), CRYPTO_REJECT);
}

/* Any y beside x = 5: only the equation of the curve tells. */
static void key_off_the_curve_is_refused_though_the_signature_fits(void **state)
{
    (void)state;
    uint8_t point[CRYPTO_POINT_BYTES] = {4};
    point[NUMBER_BYTES] = 5;
    for (uint8_t y = 1; y < 20; y++) {
        point[2 * NUMBER_BYTES] = y;
        assert_int_equal(verify_key_itself(point, (const number){5}), CRYPTO_REJECT);
    }
}

/* scalars_test [NAME OF A CASE] */
int main(int n_args, char **args)
{
    if (n_args > 1) {
        cmocka_set_test_filter(args[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_scalars_meet_every_case_of_a_sum_and_are_judged_right),
        cmocka_unit_test(sum_with_x_above_the_order_is_accepted_for_its_rest),
        cmocka_unit_test(key_with_a_coordinate_above_the_field_is_refused_though_the_signature_fits),
        cmocka_unit_test(key_off_the_curve_is_refused_though_the_signature_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
