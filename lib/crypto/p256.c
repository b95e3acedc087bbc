/* ECDSA verification on P-256, made for sector 0: small, no table, no heap. Works on public values only (key,
 * hash, signature), so it does not hide its timing; it must never be used to sign. Checked against BearSSL in
 * tests/unit/crypto/crypto_test.c. */
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "number.h"

enum { LIMB_BITS = 32, NUMBER_BYTES = 32, NUMBER_BITS = 256, DER_SEQUENCE = 0x30, DER_INTEGER = 0x02 };

/* Field and order of the curve (SEC 2 2.4.2), both primes above 2^255. */
static const number FIELD = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000000,
                             0x00000000, 0x00000000, 0x00000001, 0xFFFFFFFF};
static const number ORDER = {0xFC632551, 0xF3B9CAC2, 0xA7179E84, 0xBCE6FAAD,
                             0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0xFFFFFFFF};

/* x and y of the base point. */
static const uint8_t BASE[2 * NUMBER_BYTES] = {
    0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
    0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
    0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};

/* Big-endian bytes, at most 32. Keys, hashes and signatures have their most significant byte first,
 * numbers here their least significant limb. */
static void load(number out, const uint8_t *bytes, size_t n_bytes)
{
    memset(out, 0, sizeof(number));
    for (size_t i = 0; n_bytes-- > 0; i++) {
        out[i / 4] |= (uint32_t)bytes[n_bytes] << 8 * (i % 4);
    }
}

/* a < m exactly if the subtraction has to borrow. */
static uint32_t is_below(const number a, const number m)
{
    number unused;
    return number_subtract(unused, a, m);
}

static bool is_zero(const number a)
{
    return bytes_all_equal((const uint8_t *)a, sizeof(number), 0);
}

/* Both are below m, so a negative difference is above -m, and one addition of m mends it. */
static void subtract_mod(number out, const number a, const number b, const number m)
{
    if (number_subtract(out, a, b) != 0) {
        (void)number_add(out, out, m);
    }
}

/* a = (top * 2^256 + a) / 2, rounded down */
static void halve(number a, uint32_t top)
{
    for (size_t i = NUMBER_LIMBS; i-- > 0;) {
        uint32_t limb = a[i];
        a[i] = limb >> 1 | top << 31;
        top = limb & 1;
    }
}

/* A divisor, and two numbers that shrink with it. The topmost limb of each stays 0. */
enum { HASH, SIGNED_R, DIVISOR, RATIO_NUMBERS };
typedef uint32_t number_and_carry[NUMBER_LIMBS + 1];
typedef number_and_carry ratio[RATIO_NUMBERS];

/* Divide both numbers by the divisor, mod the order: binary extended Euclid on (divisor, order), where a
 * number of either ratio is its divisor times the quotient. Divisors lose a bit together in each turn, so 512
 * turns end at 0 and 1. They need no reduction: the larger one loses the smaller one, and what is halved is
 * even. The quotients are below 2^256, not always below the order. @return where they are: p or q */
static const number_and_carry *divide(ratio p, ratio q)
{
    memset(q, 0, sizeof(ratio));
    (void)number_add(q[DIVISOR], q[DIVISOR], ORDER);
    for (unsigned i = 0; i < 2 * NUMBER_BITS; i++) {
        bool is_odd = (p[DIVISOR][0] & 1) != 0;
        /* Of two odd divisors the larger one loses the smaller one. That p is the larger one is done by
         * exchanging the names, not by moving the numbers. */
        if (is_odd && is_below(p[DIVISOR], q[DIVISOR])) {
            number_and_carry *other = p;
            p = q;
            q = other;
        }
        for (unsigned k = 0; k < RATIO_NUMBERS; k++) {
            uint32_t *x = p[k];
            if (is_odd) {
                subtract_mod(x, x, q[k], ORDER);
            }
            /* An odd number becomes even by adding the odd order, which changes nothing mod the order. The
             * sum may need one bit more: it is the carry, which halve() shifts in again. */
            halve(x, (x[0] & 1) != 0 ? number_add(x, x, ORDER) : 0);
        }
    }
    return q;
}

/* Formulas are lists of steps over registers, all in form. P is the sum so far, in Jacobian coordinates (x =
 * PX / PZ^2, y = PY / PZ^3; PZ = 0 is the point at infinity); Q is what is added. A sum takes two steps: what
 * is added is taken from 0, and that from the rest. */
enum {
    ZERO,
    PX,
    PY,
    PZ,
    QX,
    QY,
    T0,
    T1,
    T2,
    T3,
    BASE_X,
    BASE_Y,
    KEY_X,
    KEY_Y,
    FORM,
    THREE_HALVES,
    R, /* out of a step's reach, but for a formula that runs one register further up */
    REGISTERS
};
enum { MUL = 0, SUB = 1 };
#define STEP(op, out, a, b)    ((op) << 12 | (out) << 8 | (a) << 4 | (b))
#define STEP_UP(op, out, a, b) STEP(op, (out)-1, (a)-1, (b)-1)
enum { END = 0 }; /* a step that would change ZERO */

/* P = 2P, with Z = YZ and not 2YZ, which takes two doublings less. Infinity stays what it is, and no point of
 * this curve is its own opposite. */
static const uint16_t POINT_DOUBLE[] = {STEP(MUL, T1, PZ, PZ),
                                        STEP(MUL, PZ, PZ, PY),
                                        STEP(SUB, T3, ZERO, T1),
                                        STEP(SUB, T3, PX, T3),
                                        STEP(SUB, T1, PX, T1),
                                        STEP(MUL, T1, T1, T3),
                                        STEP(MUL, T1, T1, THREE_HALVES),
                                        STEP(MUL, T2, PY, PY),
                                        STEP(MUL, T0, PX, T2),
                                        STEP(MUL, T2, T2, T2),
                                        STEP(MUL, PX, T1, T1),
                                        STEP(SUB, PX, PX, T0),
                                        STEP(SUB, PX, PX, T0),
                                        STEP(SUB, T0, T0, PX),
                                        STEP(MUL, T0, T0, T1),
                                        STEP(SUB, PY, T0, T2),
                                        END};

/* P = P + Q, unless P is infinity or Q. P = -Q gives infinity. */
static const uint16_t POINT_ADD[] = {STEP(MUL, T0, PZ, PZ),
                                     STEP(MUL, T1, T0, PZ),
                                     STEP(MUL, T0, T0, QX),
                                     STEP(MUL, T1, T1, QY),
                                     STEP(SUB, T0, T0, PX),
                                     STEP(SUB, T1, T1, PY),
                                     STEP(MUL, PZ, PZ, T0),
                                     STEP(MUL, T2, T0, T0),
                                     STEP(MUL, T0, T0, T2),
                                     STEP(MUL, T2, T2, PX),
                                     STEP(MUL, PX, T1, T1),
                                     STEP(SUB, PX, PX, T0),
                                     STEP(SUB, PX, PX, T2),
                                     STEP(SUB, PX, PX, T2),
                                     STEP(SUB, T2, T2, PX),
                                     STEP(MUL, T2, T2, T1),
                                     STEP(MUL, T0, T0, PY),
                                     STEP(SUB, PY, T2, T0),
                                     END};

/* PX, PY = Q */
static const uint16_t POINT_COPY[] = {STEP(SUB, PX, QX, ZERO), STEP(SUB, PY, QY, ZERO), END};

/* Q in form; T1 = y^2 - x^3 + 3x, which is b on the curve; T3 = T1 - T2; T2 = T1. */
static const uint16_t POINT_LOAD[] = {STEP(MUL, QX, QX, FORM), STEP(MUL, QY, QY, FORM), STEP(MUL, T0, QX, QX),
                                      STEP(MUL, T0, T0, QX),   STEP(SUB, T0, T0, QX),   STEP(SUB, T0, T0, QX),
                                      STEP(SUB, T0, T0, QX),   STEP(MUL, T1, QY, QY),   STEP(SUB, T1, T1, T0),
                                      STEP(SUB, T3, T1, T2),   STEP(SUB, T2, T1, ZERO), END};

/* T0 = R * PZ^2 - PX: 0 if R, which is not in form, is the x coordinate of P. */
static const uint16_t COMPARE_X[] = {STEP_UP(MUL, T0, PZ, PZ), STEP_UP(MUL, T0, T0, FORM),
                                     STEP_UP(MUL, T0, T0, R), STEP_UP(SUB, T0, T0, PX), END};

/* FORM from 1 in form, which is 2^256, to 2^512 mod the field: 2^(256 + 1), squared 8 times. THREE_HALVES
 * from 2^255 to 3/2 in form. */
static const uint16_t FORM_LOAD[] = {STEP(SUB, T0, ZERO, FORM),   STEP(SUB, THREE_HALVES, THREE_HALVES, T0),
                                     STEP(SUB, FORM, FORM, T0),   STEP(MUL, FORM, FORM, FORM),
                                     STEP(MUL, FORM, FORM, FORM), STEP(MUL, FORM, FORM, FORM),
                                     STEP(MUL, FORM, FORM, FORM), STEP(MUL, FORM, FORM, FORM),
                                     STEP(MUL, FORM, FORM, FORM), STEP(MUL, FORM, FORM, FORM),
                                     STEP(MUL, FORM, FORM, FORM), END};

/* Carry out a list of steps. A step is two bytes, where a call with three arguments takes several
 * instructions, and sector 0 has only 16 KB for everything. */
static void run(number *registers, const uint16_t *step)
{
    for (; *step != END; step++) {
        uint32_t *out = registers[*step >> 8 & 0xF];
        const uint32_t *a = registers[*step >> 4 & 0xF];
        const uint32_t *b = registers[*step & 0xF];
        if (*step >> 12 == MUL) {
            number_multiply(out, a, b);
        } else {
            subtract_mod(out, a, b, FIELD);
        }
    }
}

/* P = P + Q. The formula of the sum yields PZ = 0 in three cases, and only one of them is a correct
 * infinity. If P was infinity, the sum is Q. If P and Q have the same x, T0 is 0, and PX becomes the
 * square of the difference of their y: 0 means that P and Q are the same point, which has to be doubled;
 * anything else means that they are opposites, whose sum is infinity. */
static void add_point(number registers[REGISTERS])
{
    bool is_infinity = is_zero(registers[PZ]);
    run(registers, POINT_ADD);
    if (is_zero(registers[PZ]) && (is_infinity || is_zero(registers[PX]))) {
        run(registers, POINT_COPY);
        (void)number_subtract(registers[PZ], registers[PZ],
                              FIELD); /* 0 - field is 2^256 mod field: 1 in form */
        if (!is_infinity) {
            run(registers, POINT_DOUBLE);
        }
    }
}

static uint32_t bit(const uint32_t *limbs, unsigned i)
{
    return limbs[i / LIMB_BITS] >> i % LIMB_BITS & 1;
}

/* P = the two scalars times base point and key. Their digits are -1, 0 and 1, two thirds of them 0: digit i
 * of u is bit i + 1 of 3u minus bit i + 1 of u (non-adjacent form). */
static void multiply_points(number registers[REGISTERS], const ratio scalar)
{
    ratio thrice;
    for (unsigned k = 0; k < RATIO_NUMBERS;
         k++) { /* the divisor too: a loop of two turns would be unrolled */
        thrice[k][NUMBER_LIMBS] = number_add(thrice[k], scalar[k], scalar[k]);
        thrice[k][NUMBER_LIMBS] += number_add(thrice[k], thrice[k], scalar[k]);
    }
    /* From the highest digit down, both scalars in one loop: the doublings, which are most of the work,
     * are needed once and not twice. */
    for (unsigned i = NUMBER_BITS + 1; i > 0; i--) {
        run(registers, POINT_DOUBLE);
        for (unsigned k = 0; k < 2; k++) {
            uint32_t is_plus = bit(thrice[k], i);
            if (is_plus != bit(scalar[k], i)) {
                bytes_copy(registers[QX], registers[BASE_X + 2 * k], 2 * sizeof(number));
                /* A digit of -1: the opposite of a point has the negative y. */
                if (!is_plus) {
                    (void)number_subtract(registers[QY], FIELD, registers[QY]);
                }
                add_point(registers);
            }
        }
    }
}

/* Base point or key into its registers. @return not 0 if its coordinates are below the field */
static uint32_t load_point(number registers[REGISTERS], unsigned to, const uint8_t *bytes)
{
    load(registers[QX], bytes, NUMBER_BYTES);
    load(registers[QY], bytes + NUMBER_BYTES, NUMBER_BYTES);
    uint32_t is_in_field = is_below(registers[QX], FIELD) & is_below(registers[QY], FIELD);
    /* The base point is loaded first and leaves b of the curve in T2. For the key, T3 is the difference to
     * its own b, so T3 = 0 says that the key is on the curve. Without that check the calculation would run
     * on another curve, which may be an easy one. */
    run(registers, POINT_LOAD);
    bytes_copy(registers[to], registers[QX], 2 * sizeof(number));
    return is_in_field;
}

/* FIPS 186-4 6.4: `p` holds hash, r and s. Whatever is wrong is found at the end. */
static bool is_signature(const uint8_t *key, ratio p)
{
    number registers[REGISTERS];
    ratio q;
    uint32_t is_valid = is_below(p[DIVISOR], ORDER) & is_below(p[SIGNED_R], ORDER);
    /* What is out of range is noted in is_valid and refused after the calculation, which takes any 256
     * bits: one test takes less flash than a return for each check. */
    subtract_mod(p[HASH], p[HASH], ORDER, ORDER); /* a hash may be above the order */
    memset(registers, 0, sizeof registers);
    bytes_copy(registers[R], p[SIGNED_R], sizeof(number));
    (void)number_subtract(registers[FORM], registers[FORM], FIELD);
    registers[THREE_HALVES][NUMBER_LIMBS - 1] = 0x80000000;
    run(registers, FORM_LOAD);
    (void)load_point(registers, BASE_X, BASE);
    is_valid &= load_point(registers, KEY_X, key);
    is_valid &= is_zero(registers[T3]);
    multiply_points(registers, divide(p, q));
    if (is_valid == 0 || is_zero(registers[PZ])) {
        return false;
    }
    /* r is the x coordinate mod the order, and the field is a little larger than the order. So x may be r
     * or r + order, as long as that is below the field. */
    do {
        run(registers + 1, COMPARE_X);
        if (is_zero(registers[T0])) {
            return true;
        }
    } while (number_add(registers[R], registers[R], ORDER) == 0 && is_below(registers[R], FIELD));
    return false;
}

/* Strict DER: a SEQUENCE of two INTEGERs, each positive, not 0, minimal (X.690 8.3.2) and of at most 32 bytes
 * of value, and nothing after them. */
static bool take_signature(const uint8_t *der, size_t n_bytes, number r, number s)
{
    if (n_bytes < CRYPTO_SIGNATURE_MIN_BYTES || der[0] != DER_SEQUENCE || der[1] != n_bytes - 2) {
        return false;
    }
    const uint8_t *end = der + n_bytes;
    der += 2;
    for (unsigned k = 0; k < 2; k++) {
        size_t left = (size_t)(end - der);
        if (left < 3 || der[0] != DER_INTEGER || der[1] > left - 2) {
            return false;
        }
        /* The top bit of the first byte is the sign. A positive number whose own top bit is set has a zero
         * byte in front, and only such a number may: other forms would be a second encoding of the same
         * signature. */
        size_t skip = der[2] == 0;
        size_t value_bytes = der[1] - skip;
        der += 2 + skip;
        if (value_bytes - 1 >= NUMBER_BYTES || der[0] >> 7 != skip) {
            return false;
        }
        load(k == 0 ? r : s, der, value_bytes);
        der += value_bytes;
    }
    return der == end;
}

/* Only the uncompressed form of a point, which begins with 4, is known here: the other one would need a
 * square root. */
enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    ratio p;
    memset(p, 0, sizeof p);
    load(p[HASH], hash, CRYPTO_SHA256_BYTES);
    if (point[0] != 4 || !take_signature(signature, n_bytes, p[SIGNED_R], p[DIVISOR]) ||
        !is_signature(point + 1, p)) {
        return CRYPTO_REJECT;
    }
    return CRYPTO_ACCEPT;
}
