/*
 * Sector 0's own crypto: the functions of the bootloader's ELF are called one by one on the twin, among them
 * the assembler that the host never runs (lib/crypto/number_m4.S, sha256_m4.S), and judged against the
 * portable C and against BearSSL. That the inputs are sharp enough is shown by leaving out every instruction
 * of the assembler in turn, and every step of the formulas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bearssl.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "crypto/crypto.h"
#include "number.h"
#include "sha256.h"
#include "symbol.h"
#include "twin/twin.h"

static const char bootloader[] = FOTA_FIRMWARE_DIR "/bootloader/bootloader.elf";

enum {
    INPUT_ADDR = FLASH_SLOT_A_BASE,
    RETURN_ADDR = 0x08004000, /* nobody's code: calls come back to a breakpoint there */
    RAM_ADDR = 0x20008000,
    RESULT_ADDR = 0x20009000,
    STACK_ADDR = 0x2001E000,
    SAVED = 0x5A5A0000,     /* in r4 to r11, with their number */
    LEFT_OVER = 0x7EF70FE5, /* in r3, which is nobody's argument */
    NUMBER_BYTES = 32,
    CALL_MAX_MS = 3000, /* at 16 MHz */
    LIMB_CALL_MAX_US = 200,
    RANDOM_PAIRS = 4000,
    SIGNATURES = 60,
    HASH_MAX_BYTES = 300,
    NOP = 0xBF00
};

static uint64_t random_state = 0x5EED;

static uint32_t random_word(void)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(random_state >> 32);
}

static void fill_random(uint8_t *out, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        out[i] = (uint8_t)(random_word() >> 24);
    }
}

/* --- calls into sector 0 ----------------------------------------------------------------------------- */

static struct symbol symbol_of(const char *name)
{
    struct symbol symbol;
    if (!symbol_find(bootloader, name, &symbol)) {
        fail_msg("%s has no %s", bootloader, name);
    }
    return symbol;
}

/* At the first instruction after power-on. */
static struct twin *open_board(void)
{
    char why[256] = "";
    const struct twin_config config = {.seed = 1, .strict = false};
    struct twin *t = twin_create(&config, why, sizeof why);
    if (!t || !twin_load_elf(t, bootloader, why, sizeof why)) {
        fail_msg("%s", why);
    }
    twin_set_power(t, true);
    twin_set_breakpoint(t, symbol_of("reset_handler").addr);
    assert_int_equal(twin_run_until(t, twin_now_ns(t) + CALL_MAX_MS * 1000000ULL), TWIN_STOP_BREAKPOINT);
    twin_set_breakpoint(t, RETURN_ADDR);
    return t;
}

/* AAPCS: arguments in r0 to r3, r4 to r11 and sp are the caller's. @return false: it did not come back, or
 * with another caller's registers */
static bool call(struct twin *t, uint32_t addr, const uint32_t argument[4], uint32_t max_us, uint32_t *result)
{
    for (unsigned i = 0; i < 4; i++) {
        twin_set_reg(t, i, argument[i]);
    }
    for (unsigned i = 4; i <= 11; i++) {
        twin_set_reg(t, i, SAVED + i);
    }
    twin_set_reg(t, 13, STACK_ADDR);
    twin_set_reg(t, 14, RETURN_ADDR | 1);
    twin_set_reg(t, 15, addr);
    if (twin_run_until(t, twin_now_ns(t) + max_us * 1000ULL) != TWIN_STOP_BREAKPOINT) {
        return false;
    }
    bool is_kept = twin_reg(t, 13) == STACK_ADDR;
    for (unsigned i = 4; i <= 11; i++) {
        is_kept = is_kept && twin_reg(t, i) == SAVED + i;
    }
    *result = twin_reg(t, 0);
    return is_kept;
}

static uint32_t must_call(struct twin *t, const char *name, const uint32_t argument[4])
{
    uint32_t result = 0;
    if (!call(t, symbol_of(name).addr, argument, CALL_MAX_MS * 1000U, &result)) {
        fail_msg("%s did not return as it should", name);
    }
    return result;
}

static void store(struct twin *t, uint32_t addr, const void *bytes, size_t n_bytes)
{
    assert_true(twin_flash_store(t, addr, bytes, n_bytes));
}

/* --- numbers ----------------------------------------------------------------------------------------- */

static const number FIELD = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 1, 0xFFFFFFFF};

enum operation { MULTIPLY, ADD, SUBTRACT, OPERATIONS };
static const char *const names[OPERATIONS] = {"number_multiply", "number_add", "number_subtract"};

struct pair {
    number a, b;
};

enum { EDGES = 12, EDGE_PAIRS = EDGES * EDGES, MIXED_PAIRS = 1000, CHOSEN_PAIRS = 400, PAIRS_MAX = 6000 };

struct pairs {
    unsigned n;
    struct pair pair[PAIRS_MAX];
};

/* Below the field if it has to be: what number_multiply asks of its caller. */
static void add_pair(struct pairs *pairs, const number a, const number b, bool is_below_field)
{
    struct pair *pair = &pairs->pair[pairs->n++];
    assert_true(pairs->n <= PAIRS_MAX);
    memcpy(pair->a, a, sizeof pair->a);
    memcpy(pair->b, b, sizeof pair->b);
    for (int k = 0; k < 2 && is_below_field; k++) {
        uint32_t *x = k == 0 ? pair->a : pair->b;
        number less;
        if (number_subtract(less, x, FIELD) == 0) {
            memcpy(x, less, sizeof less);
        }
    }
}

static const number ONE = {1};
static const number ZERO = {0};

static void make_edges(number edge[EDGES])
{
    number x;
    memset(edge, 0, EDGES * sizeof edge[0]);
    edge[1][0] = 1;
    (void)number_subtract(edge[2], FIELD, ONE);
    (void)number_subtract(edge[3], edge[2], ONE);
    (void)number_subtract(edge[4], ZERO, FIELD); /* 2^256 mod p: one in form */
    (void)number_subtract(edge[5], FIELD, edge[4]);
    memset(edge[6], 0xFF, sizeof x);
    (void)number_add(edge[7], edge[4], ONE);
    edge[8][7] = 0x80000000;
    edge[9][3] = 1;
    memset(edge[10], 0x55, sizeof x);
    memset(edge[11], 0xFF, sizeof x / 2);
}

/* Limbs that are zero, all ones, next to it, or anything. */
static void mix(number out)
{
    static const uint32_t LIMBS[] = {0, 1, 2, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
    for (unsigned k = 0; k < NUMBER_LIMBS; k++) {
        const uint32_t dice = random_word() >> 29;
        out[k] = dice < sizeof LIMBS / sizeof LIMBS[0] ? LIMBS[dice] : random_word();
    }
}

/* a^(p - 2): what a has to be multiplied with to give one in form. */
static void invert(number out, const number a)
{
    number exponent;
    number power;
    (void)number_subtract(exponent, FIELD, (const number){2});
    (void)number_subtract(out, ZERO, FIELD);
    memcpy(power, a, sizeof power);
    for (unsigned i = 0; i < 256; i++) {
        if ((exponent[i / 32] >> i % 32 & 1) != 0) {
            number_multiply(out, out, power);
        }
        number_multiply(power, power, power);
    }
}

/* Any a, and b so that the product is what we want: a number with a pattern in its limbs, small ones among
 * them, which are above the field before the last subtraction. */
static void add_chosen_product(struct pairs *pairs)
{
    number wanted;
    number a;
    number b;
    mix(wanted);
    if (wanted[0] % 2 == 0) {
        wanted[7] = 0;
    }
    for (unsigned k = 0; k < NUMBER_LIMBS; k++) {
        a[k] = random_word();
    }
    a[7] &= 0x7FFFFFFF;
    invert(b, a);
    number_multiply(b, b, wanted);
    add_pair(pairs, a, b, true);
}

/* Every pair of edges, numbers with edges in their limbs, chosen products, and random ones. */
static void make_pairs(struct pairs *pairs, enum operation operation)
{
    number edge[EDGES];
    number x[2];
    make_edges(edge);
    pairs->n = 0;
    for (unsigned i = 0; i < EDGE_PAIRS; i++) {
        add_pair(pairs, edge[i % EDGES], edge[i / EDGES], operation == MULTIPLY);
    }
    for (unsigned i = 0; i < CHOSEN_PAIRS && operation == MULTIPLY; i++) {
        add_chosen_product(pairs);
    }
    for (unsigned i = 0; i < MIXED_PAIRS; i++) {
        mix(x[0]);
        mix(x[1]);
        add_pair(pairs, x[0], x[1], operation == MULTIPLY);
    }
    for (unsigned i = 0; i < RANDOM_PAIRS; i++) {
        for (unsigned k = 0; k < 2 * NUMBER_LIMBS; k++) {
            x[k / NUMBER_LIMBS][k % NUMBER_LIMBS] = random_word();
        }
        add_pair(pairs, x[0], x[1], operation == MULTIPLY);
    }
}

static uint32_t expected(enum operation operation, number out, const struct pair *pair)
{
    if (operation == MULTIPLY) {
        number_multiply(out, pair->a, pair->b);
        return 0;
    }
    return operation == ADD ? number_add(out, pair->a, pair->b) : number_subtract(out, pair->a, pair->b);
}

/* The pairs are in flash already. @return index of the first that comes out wrong, pairs->n if none does */
static unsigned first_wrong(struct twin *t, enum operation operation, const struct pairs *pairs)
{
    const uint32_t addr = symbol_of(names[operation]).addr;
    unsigned i = 0;
    for (bool is_right = true; i < pairs->n; i++) {
        const uint32_t at = INPUT_ADDR + i * (uint32_t)sizeof(struct pair);
        const uint32_t argument[4] = {RESULT_ADDR, at, at + NUMBER_BYTES, LEFT_OVER};
        number wanted;
        number got;
        uint32_t carry = 0;
        const uint32_t wanted_carry = expected(operation, wanted, &pairs->pair[i]);
        is_right = call(t, addr, argument, LIMB_CALL_MAX_US, &carry) &&
                   twin_peek(t, RESULT_ADDR, got, sizeof got) && memcmp(got, wanted, sizeof got) == 0 &&
                   (operation == MULTIPLY || carry == wanted_carry);
        if (!is_right) {
            break;
        }
    }
    return i;
}

static void assembler_of_sector_0_agrees_with_portable_c_on_edges_and_random_numbers(void **state)
{
    (void)state;
    static struct pairs pairs;
    struct twin *t = open_board();
    for (enum operation operation = MULTIPLY; operation < OPERATIONS; operation++) {
        make_pairs(&pairs, operation);
        store(t, INPUT_ADDR, pairs.pair, pairs.n * sizeof pairs.pair[0]);
        const unsigned wrong = first_wrong(t, operation, &pairs);
        if (wrong != pairs.n) {
            fail_msg("%s is wrong for pair %u of %u, seed 0x5EED", names[operation], wrong, pairs.n);
        }
    }
    twin_destroy(t);
}

/* number.h lets the result lie where an operand was. */
static void result_may_lie_over_either_operand(void **state)
{
    (void)state;
    static struct pairs pairs;
    struct twin *t = open_board();
    const uint32_t copy = symbol_of("memcpy").addr;
    for (enum operation operation = MULTIPLY; operation < OPERATIONS; operation++) {
        make_pairs(&pairs, operation);
        store(t, INPUT_ADDR, pairs.pair, pairs.n * sizeof pairs.pair[0]);
        for (unsigned i = 0; i < pairs.n; i += 13) {
            const uint32_t at = INPUT_ADDR + i * (uint32_t)sizeof(struct pair);
            const uint32_t out = i % 2 == 0 ? RAM_ADDR : RAM_ADDR + NUMBER_BYTES;
            const uint32_t moved[4] = {RAM_ADDR, at, sizeof(struct pair), 0};
            const uint32_t argument[4] = {out, RAM_ADDR, RAM_ADDR + NUMBER_BYTES, 0};
            uint32_t unused;
            number wanted;
            number got;
            (void)expected(operation, wanted, &pairs.pair[i]);
            assert_true(call(t, copy, moved, LIMB_CALL_MAX_US, &unused));
            assert_true(call(t, symbol_of(names[operation]).addr, argument, LIMB_CALL_MAX_US, &unused));
            assert_true(twin_peek(t, out, got, sizeof got));
            assert_memory_equal(got, wanted, sizeof got);
        }
    }
    twin_destroy(t);
}

/* --- what is left out must be missed ----------------------------------------------------------------- */

/* Does the twin, with the code that lies in its flash now, do everything right? */
typedef bool is_right_fn(struct twin *t, const void *input);

/* Leave out each instruction of a function, which lies in flash at `stored_at`. @return how many there are */
static unsigned leave_out_each(struct twin *t, const char *name, uint32_t stored_at, is_right_fn *is_right,
                               const void *input)
{
    const uint32_t n_bytes = symbol_of(name).n_bytes;
    struct twin_snapshot *const good = twin_save(t);
    unsigned n = 0;
    assert_true(is_right(t, input));
    for (uint32_t at = 0; at < n_bytes; n++) {
        const uint16_t nops[2] = {NOP, NOP};
        uint16_t first = 0;
        assert_true(twin_peek(t, stored_at + at, &first, sizeof first));
        const uint32_t size = first >> 11 >= 0x1D ? 4 : 2; /* ARMv7-M A5.1 */
        store(t, stored_at + at, nops, size);
        if (is_right(t, input)) {
            fail_msg("%s: nobody misses the instruction at +0x%X", name, (unsigned)at);
        }
        twin_restore(t, good);
        at += size;
    }
    twin_snapshot_free(good);
    return n;
}

struct number_input {
    enum operation operation;
    const struct pairs *pairs;
};

static bool are_numbers_right(struct twin *t, const void *input)
{
    const struct number_input *in = input;
    return first_wrong(t, in->operation, in->pairs) == in->pairs->n;
}

static void every_instruction_on_numbers_is_missed_when_it_is_left_out(void **state)
{
    (void)state;
    static struct pairs pairs;
    static const enum operation OF[] = {MULTIPLY, ADD, SUBTRACT};
    struct twin *t = open_board();
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof OF / sizeof OF[0]; i++) {
        make_pairs(&pairs, OF[i]);
        store(t, INPUT_ADDR, pairs.pair, pairs.n * sizeof pairs.pair[0]);
        const struct number_input input = {OF[i], &pairs};
        n += leave_out_each(t, names[OF[i]], symbol_of(names[OF[i]]).addr, are_numbers_right, &input);
    }
    print_message("%u instructions left out, each was missed\n", n);
    twin_destroy(t);
}

/* The hash of a block runs from RAM. */
static struct twin *open_board_with_ram_code(void)
{
    struct twin *t = open_board();
    (void)must_call(t, "f407_flash_load_ram_code", (const uint32_t[4]){0});
    return t;
}

/* --- a block of SHA-256 ------------------------------------------------------------------------------ */

enum {
    BLOCKS = 64,
    BLOCK_CALL_MAX_US = 400,
    BLOCK_STEPS_MAX = 4000,
    BLOCK_STACK_ADDR = STACK_ADDR - 0x200, /* what calls in between push lies above */
    STATE_BYTES = 4 * (SHA256_STATE_WORDS + 1),
    DISTURBED_BYTES = 64
};

/* A hash under way, and its next block, which may start at any address. */
struct block_case {
    uint32_t state[SHA256_STATE_WORDS + 1]; /* and n_bytes */
    uint8_t data[CRYPTO_SHA256_BLOCK_BYTES + 4];
};

static void make_blocks(struct twin *t, struct block_case cases[BLOCKS])
{
    fill_random((uint8_t *)cases, BLOCKS * sizeof cases[0]);
    memset(&cases[0], 0, sizeof cases[0]);
    memset(&cases[1], 0xFF, sizeof cases[1]);
    store(t, INPUT_ADDR, cases, BLOCKS * sizeof cases[0]);
}

static void block_in_c(const struct block_case *c, unsigned i, uint32_t out[SHA256_STATE_WORDS + 1])
{
    struct sha256 s;
    memcpy(s.h, c->state, sizeof s.h);
    s.n_bytes = c->state[SHA256_STATE_WORDS];
    crypto_sha256_block(&s, c->data + i % 4);
    memcpy(out, s.h, sizeof s.h);
    out[SHA256_STATE_WORDS] = s.n_bytes;
}

static uint32_t put_case(struct twin *t, unsigned i)
{
    const uint32_t at = INPUT_ADDR + i * (uint32_t)sizeof(struct block_case);
    must_call(t, "memcpy", (const uint32_t[4]){RAM_ADDR, at, STATE_BYTES, 0});
    return at + (uint32_t)offsetof(struct block_case, data) + i % 4;
}

static bool is_state_as_in_c(struct twin *t, const struct block_case *c, unsigned i)
{
    uint32_t wanted[SHA256_STATE_WORDS + 1];
    uint32_t got[SHA256_STATE_WORDS + 1];
    block_in_c(c, i, wanted);
    return twin_peek(t, RAM_ADDR, got, sizeof got) && memcmp(got, wanted, sizeof got) == 0;
}

/* Copies the code to RAM first, as a boot does. */
static bool are_blocks_right(struct twin *t, const void *input)
{
    const struct block_case *cases = input;
    (void)must_call(t, "f407_flash_load_ram_code", (const uint32_t[4]){0});
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint32_t unused;
        const uint32_t data = put_case(t, i);
        if (!call(t, symbol_of("crypto_sha256_block").addr, (const uint32_t[4]){RAM_ADDR, data},
                  BLOCK_CALL_MAX_US, &unused) ||
            !is_state_as_in_c(t, &cases[i], i)) {
            return false;
        }
    }
    return true;
}

static void block_of_sector_0_agrees_with_portable_c_and_misses_every_instruction_left_out(void **state)
{
    (void)state;
    static struct block_case cases[BLOCKS];
    struct twin *t = open_board();
    make_blocks(t, cases);
    assert_true(are_blocks_right(t, cases));
    const uint32_t in_ram = symbol_of("crypto_sha256_block").addr - symbol_of("ram_code_start").addr;
    const unsigned n = leave_out_each(t, "crypto_sha256_block", symbol_of("ram_code_load").addr + in_ram,
                                      are_blocks_right, cases);
    print_message("%u instructions left out, each was missed\n", n);
    twin_destroy(t);
}

/* What an interrupt does to the stack: `above` bytes more than it may are overwritten. */
static void overwrite_below_sp(struct twin *t, uint32_t above)
{
    enum { REGISTERS = 17 };
    uint32_t saved[REGISTERS];
    uint32_t unused;
    for (unsigned i = 0; i < REGISTERS; i++) {
        saved[i] = twin_reg(t, i);
    }
    const uint32_t to = saved[13] - DISTURBED_BYTES + above;
    assert_true(call(t, symbol_of("memcpy").addr, (const uint32_t[4]){to, INPUT_ADDR, DISTURBED_BYTES},
                     LIMB_CALL_MAX_US, &unused));
    for (unsigned i = 0; i < REGISTERS; i++) {
        twin_set_reg(t, i, saved[i]);
    }
}

/* One block; before its instruction `first` and every 11th after it the stack is overwritten. */
static bool is_disturbed_block_right(struct twin *t, const struct block_case *cases, unsigned first,
                                     uint32_t above)
{
    enum { CASE = 7 };
    const uint32_t data = put_case(t, CASE);
    twin_set_reg(t, 0, RAM_ADDR);
    twin_set_reg(t, 1, data);
    twin_set_reg(t, 13, BLOCK_STACK_ADDR);
    twin_set_reg(t, 14, RETURN_ADDR | 1);
    twin_set_reg(t, 15, symbol_of("crypto_sha256_block").addr);
    for (unsigned i = 0; i < BLOCK_STEPS_MAX && twin_reg(t, 15) != RETURN_ADDR; i++) {
        if (i % 11 == first) {
            overwrite_below_sp(t, above);
        }
        (void)twin_step(t);
    }
    return twin_reg(t, 15) == RETURN_ADDR && is_state_as_in_c(t, &cases[CASE], CASE);
}

static void interrupt_anywhere_in_a_block_does_not_change_its_hash(void **state)
{
    (void)state;
    static struct block_case cases[BLOCKS];
    struct twin *t = open_board_with_ram_code();
    make_blocks(t, cases);
    for (unsigned first = 0; first < 11; first++) {
        assert_true(is_disturbed_block_right(t, cases, first, 0));
    }
    assert_false(is_disturbed_block_right(t, cases, 10, 4)); /* one word more is missed */
    twin_destroy(t);
}

/* --- hash and signatures ----------------------------------------------------------------------------- */

static void hash_on_twin(struct twin *t, uint32_t n_bytes, uint32_t split, uint8_t out[CRYPTO_SHA256_BYTES])
{
    must_call(t, "crypto_sha256_init", (const uint32_t[4]){RAM_ADDR});
    must_call(t, "crypto_sha256_update", (const uint32_t[4]){RAM_ADDR, INPUT_ADDR, split});
    must_call(t, "crypto_sha256_update", (const uint32_t[4]){RAM_ADDR, INPUT_ADDR + split, n_bytes - split});
    must_call(t, "crypto_sha256_final", (const uint32_t[4]){RAM_ADDR, RESULT_ADDR});
    assert_true(twin_peek(t, RESULT_ADDR, out, CRYPTO_SHA256_BYTES));
}

static void sha256_of_sector_0_agrees_with_bearssl_at_every_length_and_split(void **state)
{
    (void)state;
    uint8_t data[HASH_MAX_BYTES];
    struct twin *t = open_board_with_ram_code();
    fill_random(data, sizeof data);
    store(t, INPUT_ADDR, data, sizeof data);
    for (uint32_t n = 0; n <= sizeof data; n++) {
        uint8_t ours[CRYPTO_SHA256_BYTES];
        uint8_t theirs[CRYPTO_SHA256_BYTES];
        br_sha256_context oracle;
        hash_on_twin(t, n, n == 0 ? 0 : data[n - 1] % n, ours);
        br_sha256_init(&oracle);
        br_sha256_update(&oracle, data, n);
        br_sha256_out(&oracle, theirs);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
    twin_destroy(t);
}

enum { POINT_AT = 0, HASH_AT = 128, DER_AT = 256 };

static uint32_t verify_on_twin(struct twin *t, const uint8_t *point, const uint8_t *hash, const uint8_t *der,
                               uint32_t n_bytes)
{
    store(t, INPUT_ADDR + POINT_AT, point, CRYPTO_POINT_BYTES);
    store(t, INPUT_ADDR + HASH_AT, hash, CRYPTO_SHA256_BYTES);
    store(t, INPUT_ADDR + DER_AT, der, n_bytes);
    return must_call(
        t, "crypto_p256_verify",
        (const uint32_t[4]){INPUT_ADDR + POINT_AT, INPUT_ADDR + HASH_AT, INPUT_ADDR + DER_AT, n_bytes});
}

/* A bit turned over anywhere: in the signature, the hash or the key. BearSSL says what that is worth. */
static void spoil(uint8_t *point, uint8_t *hash, uint8_t *der, size_t n_bytes)
{
    const uint32_t dice = random_word();
    uint8_t *const what = dice % 3 == 0 ? point : dice % 3 == 1 ? hash : der;
    const size_t n = dice % 3 == 0 ? CRYPTO_POINT_BYTES : dice % 3 == 1 ? CRYPTO_SHA256_BYTES : n_bytes;
    what[(dice >> 8) % n] ^= (uint8_t)(1U << (dice >> 4) % 8);
}

static void sector_0_judges_signatures_of_random_keys_as_bearssl_does(void **state)
{
    (void)state;
    struct twin *t = open_board_with_ram_code();
    unsigned n_accepted = 0;
    for (int i = 0; i < SIGNATURES; i++) {
        unsigned char x[NUMBER_BYTES];
        uint8_t point[CRYPTO_POINT_BYTES];
        uint8_t hash[CRYPTO_SHA256_BYTES];
        uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
        fill_random(x, sizeof x);
        fill_random(hash, sizeof hash);
        x[0] = (unsigned char)(x[0] & 0x7F); /* below the order */
        if (i % 6 == 0) {
            memset(x, 0, sizeof x - 1); /* small keys, a hash above the order; BearSSL does not know zero */
            x[31] = (unsigned char)(i / 6 + 1);
            memset(hash, 0xFF, sizeof hash);
        }
        const br_ec_private_key secret = {BR_EC_secp256r1, x, sizeof x};
        br_ec_public_key key;
        (void)br_ec_compute_pub(&br_ec_p256_m31, &key, point, &secret);
        const size_t n = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, hash, &secret, der);
        if (i % 2 == 1) {
            spoil(point, hash, der, n);
        }
        const bool is_good = br_ecdsa_i31_vrfy_asn1(&br_ec_p256_m31, hash, sizeof hash, &key, der, n) == 1;
        assert_int_equal(verify_on_twin(t, point, hash, der, (uint32_t)n),
                         is_good ? (uint32_t)CRYPTO_ACCEPT : (uint32_t)CRYPTO_REJECT);
        n_accepted += is_good;
    }
    assert_int_equal(n_accepted, SIGNATURES / 2);
    print_message("%d signatures, %u good, seed 0x5EED\n", SIGNATURES, n_accepted);
    twin_destroy(t);
}

/* --- formulas ---------------------------------------------------------------------------------------- */

/* A signature of BearSSL's, and a key off the curve with all else as it should be: hash = 0, r = s = x. */
struct formula_input {
    uint8_t point[CRYPTO_POINT_BYTES];
    uint8_t hash[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    uint32_t n_bytes;
};

static void make_formula_input(struct formula_input *in)
{
    unsigned char x[NUMBER_BYTES];
    br_ec_public_key key;
    fill_random(x, sizeof x);
    fill_random(in->hash, sizeof in->hash);
    x[0] = (unsigned char)(x[0] & 0x7F);
    const br_ec_private_key secret = {BR_EC_secp256r1, x, sizeof x};
    (void)br_ec_compute_pub(&br_ec_p256_m31, &key, in->point, &secret);
    in->n_bytes =
        (uint32_t)br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, in->hash, &secret, in->der);
}

static bool are_verdicts_right(struct twin *t, const struct formula_input *in)
{
    static const uint8_t OFF_CURVE[CRYPTO_POINT_BYTES] = {[0] = 4, [32] = 5, [64] = 1};
    static const uint8_t NO_HASH[CRYPTO_SHA256_BYTES] = {0};
    static const uint8_t FIVES[] = {0x30, 6, 2, 1, 5, 2, 1, 5};
    return verify_on_twin(t, in->point, in->hash, in->der, in->n_bytes) == (uint32_t)CRYPTO_ACCEPT &&
           verify_on_twin(t, OFF_CURVE, NO_HASH, FIVES, sizeof FIVES) == (uint32_t)CRYPTO_REJECT;
}

/* A step that changes nothing (p256.c): base point's x minus 0. */
static void every_step_of_the_formulas_is_missed_when_it_is_left_out(void **state)
{
    (void)state;
    static const char *const formulas[] = {"POINT_DOUBLE", "POINT_ADD", "POINT_COPY",
                                           "POINT_LOAD",   "COMPARE_X", "FORM_LOAD"};
    static const uint16_t NOTHING = 0x1AA0;
    struct formula_input input;
    struct twin *t = open_board_with_ram_code();
    struct twin_snapshot *const good = twin_save(t);
    unsigned n = 0;
    make_formula_input(&input);
    assert_true(are_verdicts_right(t, &input));
    for (unsigned i = 0; i < sizeof formulas / sizeof formulas[0]; i++) {
        const struct symbol formula = symbol_of(formulas[i]);
        for (uint32_t at = 0; at + sizeof NOTHING < formula.n_bytes; at += sizeof NOTHING) { /* not its end */
            twin_restore(t, good);
            store(t, formula.addr + at, &NOTHING, sizeof NOTHING);
            if (are_verdicts_right(t, &input)) {
                fail_msg("%s: nobody misses step %u", formulas[i], (unsigned)at / 2);
            }
            n++;
        }
    }
    print_message("%u steps left out, each was missed\n", n);
    twin_snapshot_free(good);
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assembler_of_sector_0_agrees_with_portable_c_on_edges_and_random_numbers),
        cmocka_unit_test(result_may_lie_over_either_operand),
        cmocka_unit_test(every_instruction_on_numbers_is_missed_when_it_is_left_out),
        cmocka_unit_test(block_of_sector_0_agrees_with_portable_c_and_misses_every_instruction_left_out),
        cmocka_unit_test(interrupt_anywhere_in_a_block_does_not_change_its_hash),
        cmocka_unit_test(sha256_of_sector_0_agrees_with_bearssl_at_every_length_and_split),
        cmocka_unit_test(sector_0_judges_signatures_of_random_keys_as_bearssl_does),
        cmocka_unit_test(every_step_of_the_formulas_is_missed_when_it_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
