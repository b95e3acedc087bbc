/*
 * One implementation of lib/crypto's seam on a bare core, for bench/crypto.c: hashes bytes and judges
 * signatures that the host left in flash, and comes through guest_mark where the host looks.
 */
#include "crypto_guest.h"

#include "crypto/crypto.h"

enum { STACK_WORDS = 3072, PAINT = 0x5AFEC0DE };

void guest_reset(void);
void guest_main(void);
void guest_mark(uint32_t value);

static uint32_t stack[STACK_WORDS];
static uint8_t digest[CRYPTO_SHA256_BYTES];

__attribute__((section(".vectors"), used)) static const uintptr_t VECTORS[16] = {
    (uintptr_t)(stack + STACK_WORDS), (uintptr_t)guest_reset};

/* The host has a breakpoint here and reads r0. */
__attribute__((noinline, noclone)) void guest_mark(uint32_t value)
{
    __asm volatile("" ::"r"(value));
}

/* Before anything is on the stack but this, paint it. */
__attribute__((naked)) void guest_reset(void)
{
    __asm volatile("ldr r0, =%0\n"
                   "ldr r1, =%1\n"
                   "mov r2, sp\n"
                   "1: str r1, [r0], #4\n"
                   "cmp r0, r2\n"
                   "bne 1b\n"
                   "b guest_main\n" ::"i"(stack),
                   "i"(PAINT));
}

/* Deepest use of the stack below this frame, in bytes; paints it again. */
static uint32_t stack_used(void)
{
    volatile uint32_t *const here = (volatile uint32_t *)__builtin_frame_address(0);
    volatile uint32_t *deepest = stack;
    while (deepest < here && *deepest == PAINT) {
        deepest++;
    }
    const uint32_t n_bytes = (uint32_t)(here - deepest) * sizeof *deepest;
    for (volatile uint32_t *p = deepest; p < here - 32; p++) {
        *p = PAINT;
    }
    return n_bytes;
}

static uint32_t hash_payload(void)
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, (const uint8_t *)GUEST_PAYLOAD_ADDR, GUEST_INPUT->payload_bytes);
    crypto_sha256_final(&ctx, digest);
    return (uint32_t)(uintptr_t)digest;
}

void guest_main(void)
{
    guest_mark(0);
    guest_mark(hash_payload());
    guest_mark(stack_used());
    for (uint32_t i = 0; i < GUEST_INPUT->n_signatures; i++) {
        const struct guest_signature *s = &GUEST_INPUT->signature[i];
        guest_mark(crypto_p256_verify(s->point, s->hash, s->der, s->n_bytes));
    }
    guest_mark(stack_used());
    for (;;) {
    }
}
