/* Our SHA-256 and P-256 verification beside BearSSL's: same core,
 * same options of the compiler, same bytes. */
#include <string.h>

#include "bench.h"
#include "guest/crypto_guest.h"
#include "symbol.h"

enum { PAYLOAD_BYTES = 65536, SIGNATURES = 8, MARK_MAX_S = 30 };

static const char *const KEY_FILE = FOTA_BUILD_DIR "/keys/image-key.pem";

/* One guest program, and the names of its figures. */
struct candidate {
    const char *elf, *text;
    const char *bytes, *stack, *hash, *verify;
};

#define CANDIDATE(name, text)                                                                                \
    {                                                                                                        \
        CRYPTO_GUESTS "/crypto_" name ".elf", text, "crypto_" name "_bytes", "crypto_" name "_stack_bytes",  \
            "crypto_" name "_instructions_per_byte", "crypto_" name "_verify_instructions"                   \
    }

static const struct candidate CANDIDATES[] = {
    CANDIDATE("own", "lib/crypto"),
    CANDIDATE("m31", "BearSSL ec_p256_m31"),
    CANDIDATE("i31", "BearSSL ec_prime_i31"),
};

static uint8_t payload[PAYLOAD_BYTES];
static uint8_t payload_sha256[CRYPTO_SHA256_BYTES];
static struct guest_input input;

/* Good signatures of different hashes by one key; the last one is of another hash. */
static void make_input(void)
{
    struct key key;
    struct crypto_sha256 ctx;
    uint32_t noise = 1;
    if (key_read_private(KEY_FILE, &key)) {
        bench_fail("no key in build/keys; run `make fw` first");
    }
    for (unsigned i = 0; i < sizeof payload; i++) {
        noise = noise * 1664525U + 1013904223U;
        payload[i] = (uint8_t)(noise >> 24);
    }
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, payload, sizeof payload);
    crypto_sha256_final(&ctx, payload_sha256);
    input.payload_bytes = sizeof payload;
    input.n_signatures = SIGNATURES;
    for (uint8_t i = 0; i < SIGNATURES; i++) {
        struct guest_signature *s = &input.signature[i];
        size_t n_bytes = sizeof s->der;
        memcpy(s->point, key.point, sizeof s->point);
        memcpy(s->hash, payload_sha256, sizeof s->hash);
        s->hash[0] = i;
        if (key_sign(&key, s->hash, s->der, &n_bytes)) {
            bench_fail("cannot sign with %s", KEY_FILE);
        }
        s->n_bytes = (uint8_t)n_bytes;
        s->hash[1] ^= (uint8_t)(i + 1 == SIGNATURES);
    }
}

/* Up to the next mark. @return its value */
static uint32_t next_mark(struct twin *t, const struct candidate *c, uint64_t *instructions)
{
    if (twin_run_until(t, twin_now_ns(t) + MARK_MAX_S * 1000000000ULL) != TWIN_STOP_BREAKPOINT) {
        bench_fail("%s did not come to its next mark", c->text);
    }
    *instructions = twin_stats(t)->instructions;
    return twin_reg(t, 0);
}

static struct twin *open_guest(const struct candidate *c, uint32_t *n_bytes)
{
    char why[256];
    struct symbol mark;
    struct symbol start;
    struct symbol end;
    const struct twin_config config = {.seed = 1, .strict = true};
    struct twin *t = twin_create(&config, why, sizeof why);
    if (!t || !twin_load_elf(t, c->elf, why, sizeof why)) {
        bench_fail("no guest: %s", why);
    }
    if (!symbol_find(c->elf, "guest_mark", &mark) || !symbol_find(c->elf, "crypto_start", &start) ||
        !symbol_find(c->elf, "crypto_end", &end)) {
        bench_fail("%s lacks a symbol", c->elf);
    }
    *n_bytes = end.addr - start.addr;
    (void)twin_flash_store(t, GUEST_INPUT_ADDR, &input, sizeof input);
    (void)twin_flash_store(t, GUEST_PAYLOAD_ADDR, payload, sizeof payload);
    twin_set_breakpoint(t, mark.addr);
    twin_set_power(t, true);
    return t;
}

static double hash_per_byte(struct twin *t, const struct candidate *c, uint32_t *stack_bytes)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    uint64_t before;
    uint64_t after;
    (void)next_mark(t, c, &before);
    const uint32_t at = next_mark(t, c, &after);
    const double per_byte = (double)(after - before) / PAYLOAD_BYTES;
    if (!twin_peek(t, at, digest, sizeof digest) || memcmp(digest, payload_sha256, sizeof digest) != 0) {
        bench_fail("%s hashes wrongly", c->text);
    }
    *stack_bytes = next_mark(t, c, &after);
    return per_byte;
}

/* Mean of the good signatures. */
static double per_verify(struct twin *t, const struct candidate *c, uint32_t *stack_bytes)
{
    uint64_t before = twin_stats(t)->instructions;
    uint64_t sum = 0;
    for (unsigned i = 0; i < SIGNATURES; i++) {
        uint64_t after;
        const bool is_good = i + 1 < SIGNATURES;
        if (next_mark(t, c, &after) != (uint32_t)(is_good ? CRYPTO_ACCEPT : CRYPTO_REJECT)) {
            bench_fail("%s judges signature %u wrongly", c->text, i);
        }
        sum += is_good ? after - before : 0;
        before = after;
    }
    const uint32_t used = next_mark(t, c, &before);
    *stack_bytes = used > *stack_bytes ? used : *stack_bytes;
    return (double)sum / (SIGNATURES - 1);
}

void crypto_measure(void)
{
    make_input();
    for (size_t i = 0; i < sizeof CANDIDATES / sizeof CANDIDATES[0]; i++) {
        const struct candidate *c = &CANDIDATES[i];
        uint32_t n_bytes;
        uint32_t stack_bytes;
        struct twin *t = open_guest(c, &n_bytes);
        const double hash = hash_per_byte(t, c, &stack_bytes);
        const double verify = per_verify(t, c, &stack_bytes);
        figure_text("%s: SHA-256 and verification", c->text);
        figure_add(c->bytes, n_bytes, 0, "  bytes of flash");
        figure_add(c->stack, stack_bytes, 0, "  bytes of stack");
        figure_add(c->hash, hash, 1, "  instructions a hashed byte");
        figure_add(c->verify, verify, 0, "  instructions a signature");
        twin_destroy(t);
    }
}
