/* ECDSA verification on P-256, made for sector 0: small, no table, no heap. Works on public values only (key,
 * hash, signature), so it does not hide its timing; it must never be used to sign. Checked against BearSSL in
 * tests/unit/boot/crypto_test.c. Numbers are eight 32-bit limbs, least significant first. */
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"

enum { LIMBS = 8, NUMBER_BYTES = 32, DER_SEQUENCE = 0x30, DER_INTEGER = 0x02 };

typedef uint32_t number[LIMBS]; /* an array type, so that [4][3] of them stays readable */

/* A prime above 2^255 and -1 / prime mod 2^32. */
struct prime {
    number m;
    uint32_t m_inverse;
};

/* Field and order of the curve (SEC 2 2.4.2). */
static const struct prime FIELD = {
    {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0x00000000, 0x00000000, 0x00000001, 0xFFFFFFFF},
    0x00000001};
static const struct prime ORDER = {
    {0xFC632551, 0xF3B9CAC2, 0xA7179E84, 0xBCE6FAAD, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0xFFFFFFFF},
    0xEE00BC4F};

/* In form (see to_form): b of y^2 = x^3 - 3x + b, and the base point (x, y, 1). */
static const number CURVE_B = {0x29C4BDDF, 0xD89CDF62, 0x78843090, 0xACF005CD,
                               0xF7212ED6, 0xE5A220AB, 0x04874834, 0xDC30061D};
static const number BASE[3] = {
    {0x18A9143C, 0x79E730D4, 0x5FEDB601, 0x75BA95FC, 0x77622510, 0x79FB732B, 0xA53755C6, 0x18905F76},
    {0xCE95560A, 0xDDF25357, 0xBA19E45C, 0x8B4AB8E4, 0xDD21F325, 0xD2E88688, 0x25885D85, 0x8571FF18},
    {0x00000001, 0x00000000, 0x00000000, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x00000000}};

static uint32_t add(number out, const number a, const number b)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LIMBS; i++) {
        sum = (sum >> 32) + a[i] + b[i];
        out[i] = (uint32_t)sum;
    }
    return (uint32_t)(sum >> 32);
}

static uint32_t subtract(number out, const number a, const number b)
{
    uint64_t difference = 0;
    for (unsigned i = 0; i < LIMBS; i++) {
        difference = (uint64_t)a[i] - b[i] - (difference >> 63);
        out[i] = (uint32_t)difference;
    }
    return (uint32_t)(difference >> 63);
}

/* out = carry * 2^256 + a, which is below 2m, mod m. */
static void reduce(number out, const number a, uint32_t carry, const struct prime *p)
{
    if (carry < subtract(out, a, p->m)) {
        (void)add(out, out, p->m);
    }
}

static void add_mod(number out, const number a, const number b, const struct prime *p)
{
    uint32_t carry = add(out, a, b);
    reduce(out, out, carry, p);
}

static void subtract_mod(number out, const number a, const number b, const struct prime *p)
{
    if (subtract(out, a, b) != 0) {
        (void)add(out, out, p->m);
    }
}

/* out = a * b / 2^256 mod m (Montgomery), for a < 2^256 and b < m. `out` may be a or b. */
static void multiply(number out, const number a, const number b, const struct prime *p)
{
    uint32_t t[LIMBS + 1] = {0};
    for (unsigned i = 0; i < LIMBS; i++) {
        uint64_t sum = 0;
        uint64_t fold = 0;
        uint32_t factor = (t[0] + a[i] * b[0]) * p->m_inverse;
        for (unsigned k = 0; k < LIMBS; k++) {
            sum = (uint64_t)a[i] * b[k] + t[k] + (sum >> 32);
            fold = (uint64_t)factor * p->m[k] + (uint32_t)sum + (fold >> 32);
            if (k > 0) {
                t[k - 1] = (uint32_t)fold;
            }
        }
        uint64_t top = (sum >> 32) + (fold >> 32) + t[LIMBS];
        t[LIMBS - 1] = (uint32_t)top;
        t[LIMBS] = (uint32_t)(top >> 32);
    }
    reduce(out, t, t[LIMBS], p);
}

/* out = 2^256 * a mod m: the form that multiply works on. */
static void to_form(number out, const number a, const struct prime *p)
{
    reduce(out, a, 0, p);
    for (unsigned i = 0; i < 32 * LIMBS; i++) {
        add_mod(out, out, out, p);
    }
}

/* out = 1 / a mod m by Fermat: a^(m - 2), whose highest bit is 1. In form. */
static void invert(number out, const number a, const struct prime *p)
{
    memcpy(out, a, sizeof(number));
    for (unsigned i = 32 * LIMBS - 1; i-- > 0;) {
        multiply(out, out, out, p);
        uint32_t limb = p->m[i / 32] - (i < 32 ? 2 : 0); /* both primes end in a limb above 1 */
        if ((limb >> i % 32 & 1) != 0) {
            multiply(out, out, a, p);
        }
    }
}

static void load(number out, const uint8_t bytes[NUMBER_BYTES])
{
    for (size_t i = 0; i < LIMBS; i++) {
        out[i] = bytes_load_be32(bytes + NUMBER_BYTES - 4 - 4 * i);
    }
}

static bool is_below(const number a, const number m)
{
    number unused;
    return subtract(unused, a, m) != 0;
}

/* Formulas are lists of steps over registers: registers 0-2 and 3-5 are the points P and Q (X:Y:Z), 6-8 the
 * result. */
enum { PX, PY, PZ, QX, QY, QZ, RX, RY, RZ, T0, T1, T2, T3, T4, B, REGISTERS };
enum { MUL = 0, ADD = 1, SUB = 2 };
#define STEP(op, out, a, b) ((op) << 12 | (out) << 8 | (a) << 4 | (b))

/* R = P + Q, complete: holds for P = Q, for the point at infinity (0:1:0) and for P = -Q as well, so that
 * there is no special case to forget. Renes, Costello, Batina: "Complete addition formulas for prime order
 * elliptic curves", Eurocrypt 2016, algorithm 4. */
static const uint16_t POINT_ADD[] = {
    STEP(MUL, T0, PX, QX), STEP(MUL, T1, PY, QY), STEP(MUL, T2, PZ, QZ), STEP(ADD, T3, PX, PY),
    STEP(ADD, T4, QX, QY), STEP(MUL, T3, T3, T4), STEP(ADD, T4, T0, T1), STEP(SUB, T3, T3, T4),
    STEP(ADD, T4, PY, PZ), STEP(ADD, RX, QY, QZ), STEP(MUL, T4, T4, RX), STEP(ADD, RX, T1, T2),
    STEP(SUB, T4, T4, RX), STEP(ADD, RX, PX, PZ), STEP(ADD, RY, QX, QZ), STEP(MUL, RX, RX, RY),
    STEP(ADD, RY, T0, T2), STEP(SUB, RY, RX, RY), STEP(MUL, RZ, B, T2),  STEP(SUB, RX, RY, RZ),
    STEP(ADD, RZ, RX, RX), STEP(ADD, RX, RX, RZ), STEP(SUB, RZ, T1, RX), STEP(ADD, RX, T1, RX),
    STEP(MUL, RY, B, RY),  STEP(ADD, T1, T2, T2), STEP(ADD, T2, T1, T2), STEP(SUB, RY, RY, T2),
    STEP(SUB, RY, RY, T0), STEP(ADD, T1, RY, RY), STEP(ADD, RY, T1, RY), STEP(ADD, T1, T0, T0),
    STEP(ADD, T0, T1, T0), STEP(SUB, T0, T0, T2), STEP(MUL, T1, T4, RY), STEP(MUL, T2, T0, RY),
    STEP(MUL, RY, RX, RZ), STEP(ADD, RY, RY, T2), STEP(MUL, RX, T3, RX), STEP(SUB, RX, RX, T1),
    STEP(MUL, RZ, T4, RZ), STEP(MUL, T1, T3, T0), STEP(ADD, RZ, RZ, T1)};

/* T0 = Px^3 - 3Px + b - Py^2: 0 on the curve. */
static const uint16_t CURVE_EQUATION[] = {STEP(MUL, T0, PX, PX), STEP(MUL, T0, T0, PX), STEP(SUB, T0, T0, PX),
                                          STEP(SUB, T0, T0, PX), STEP(SUB, T0, T0, PX), STEP(ADD, T0, T0, B),
                                          STEP(MUL, T1, PY, PY), STEP(SUB, T0, T0, T1)};

static void run(number registers[REGISTERS], const uint16_t *steps, unsigned n_steps)
{
    for (unsigned i = 0; i < n_steps; i++) {
        uint32_t *out = registers[steps[i] >> 8 & 0xF];
        const uint32_t *a = registers[steps[i] >> 4 & 0xF];
        const uint32_t *b = registers[steps[i] & 0xF];
        if (steps[i] >> 12 == MUL) {
            multiply(out, a, b, &FIELD);
        } else if (steps[i] >> 12 == ADD) {
            add_mod(out, a, b, &FIELD);
        } else {
            subtract_mod(out, a, b, &FIELD);
        }
    }
}

enum { POINT_BYTES_IN_FORM = 3 * sizeof(number) };

/* P = P + point */
static void add_point(number registers[REGISTERS], const number *point)
{
    memcpy(registers[QX], point, POINT_BYTES_IN_FORM);
    run(registers, POINT_ADD, sizeof POINT_ADD / sizeof POINT_ADD[0]);
    memcpy(registers[PX], registers[RX], POINT_BYTES_IN_FORM);
}

/* P = the key, and is it a point of the curve? Expects b in its register. */
static bool load_key(number registers[REGISTERS], const uint8_t *key)
{
    bool is_in_field = true;
    for (size_t i = 0; i < 2; i++) {
        number coordinate;
        load(coordinate, key + i * NUMBER_BYTES);
        is_in_field = is_in_field && is_below(coordinate, FIELD.m);
        to_form(registers[PX + i], coordinate, &FIELD);
    }
    memcpy(registers[PZ], BASE[2], sizeof(number));
    run(registers, CURVE_EQUATION, sizeof CURVE_EQUATION / sizeof CURVE_EQUATION[0]);
    return is_in_field && bytes_all_equal((const uint8_t *)registers[T0], sizeof(number), 0);
}

/* P = u * base point + v * key. False: the key is not on the curve. */
static bool multiply_points(number registers[REGISTERS], const number u, const number v, const uint8_t *key)
{
    number sums[3][3]; /* base point, key, both */
    memcpy(registers[B], CURVE_B, sizeof(number));
    if (!load_key(registers, key)) {
        return false;
    }
    memcpy(sums[0], BASE, sizeof BASE);
    memcpy(sums[1], registers[PX], POINT_BYTES_IN_FORM);
    add_point(registers, BASE);
    memcpy(sums[2], registers[PX], POINT_BYTES_IN_FORM);
    memset(registers[PX], 0, POINT_BYTES_IN_FORM);
    memcpy(registers[PY], BASE[2], sizeof(number)); /* infinity is (0:1:0) */
    for (unsigned i = 32 * LIMBS; i-- > 0;) {
        add_point(registers, (const number *)&registers[PX]);
        unsigned which = (u[i / 32] >> i % 32 & 1) | (v[i / 32] >> i % 32 & 1) << 1;
        if (which != 0) {
            add_point(registers, (const number *)sums[which - 1]);
        }
    }
    return true;
}

/* FIPS 186-4 6.4. The x of a point may exceed the order by chance, once in 2^128 signatures: that one is
 * refused. */
static bool is_signature(const uint8_t *key, const uint8_t *hash, const number r, const number s)
{
    number registers[REGISTERS];
    number u;
    number v;
    number inverse;
    if (!is_below(r, ORDER.m) || !is_below(s, ORDER.m)) {
        return false;
    }
    to_form(v, s, &ORDER);
    invert(inverse, v, &ORDER);
    load(u, hash);
    multiply(u, u, inverse, &ORDER);
    multiply(v, r, inverse, &ORDER);
    if (!multiply_points(registers, u, v, key)) {
        return false;
    }
    to_form(u, r, &FIELD);
    multiply(u, u, registers[PZ], &FIELD);
    return !bytes_all_equal((const uint8_t *)registers[PZ], sizeof(number), 0) &&
           memcmp(u, registers[PX], sizeof u) == 0;
}

/* One DER INTEGER at the front of `p`: positive, not zero, minimal (X.690 8.3.2), at most 32 bytes of value.
 * Returns how many bytes it takes, 0 if it is anything else. */
static size_t take_scalar(const uint8_t *p, size_t n_bytes, number out)
{
    if (n_bytes < 3 || p[0] != DER_INTEGER) {
        return 0;
    }
    size_t skip = p[2] == 0;
    size_t value_bytes = (size_t)p[1] - skip;
    if (p[1] <= skip || value_bytes > NUMBER_BYTES || 2 + (size_t)p[1] > n_bytes) {
        return 0;
    }
    const uint8_t *value = p + 2 + skip;
    if ((value[0] >= 0x80) != (skip == 1)) {
        return 0;
    }
    uint8_t wide[NUMBER_BYTES] = {0};
    memcpy(wide + NUMBER_BYTES - value_bytes, value, value_bytes);
    load(out, wide);
    return 2 + (size_t)p[1];
}

static bool take_signature(const uint8_t *der, size_t n_bytes, number r, number s)
{
    if (n_bytes < CRYPTO_SIGNATURE_MIN_BYTES || n_bytes > CRYPTO_SIGNATURE_MAX_BYTES ||
        der[0] != DER_SEQUENCE || der[1] != n_bytes - 2) {
        return false;
    }
    size_t r_bytes = take_scalar(der + 2, n_bytes - 2, r);
    if (r_bytes == 0) {
        return false;
    }
    size_t left = n_bytes - 2 - r_bytes;
    return left != 0 && take_scalar(der + 2 + r_bytes, left, s) == left;
}

enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    number r;
    number s;
    if (point[0] != 4 || !take_signature(signature, n_bytes, r, s) || !is_signature(point + 1, hash, r, s)) {
        return CRYPTO_REJECT;
    }
    return CRYPTO_ACCEPT;
}
