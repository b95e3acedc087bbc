/* Guest of cpu_bench: four loops of the kind that an updater spends its time in. */
#include <stdint.h>

enum { DEVICE = 0x40000000, POLLS = 1000000, ROUNDS = 200000, BLOCK_BYTES = 16384 };

extern uint32_t stack_top;
static uint8_t block[2][BLOCK_BYTES];
volatile uint32_t result;

static void start(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {&stack_top, (void *)start};

void bench_crc32(void)
{
    uint32_t crc = 0xFFFFFFFF;
    for (uint32_t pass = 0; pass < 8; pass++) {
        for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
            crc ^= block[0][i];
            for (unsigned bit = 0; bit < 8; bit++) {
                crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
            }
        }
    }
    result = crc;
}

static uint32_t rotate(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

/* Rounds like those of SHA-256, without its table. */
void bench_alu(void)
{
    uint32_t s[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const uint32_t e1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        const uint32_t t1 = s[7] + e1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + i;
        const uint32_t e0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        const uint32_t t2 = e0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6];
        s[6] = s[5];
        s[5] = s[4];
        s[4] = s[3] + t1;
        s[3] = s[2];
        s[2] = s[1];
        s[1] = s[0];
        s[0] = t1 + t2;
    }
    result = s[0];
}

void bench_copy(void)
{
    for (uint32_t pass = 0; pass < 128; pass++) {
        const volatile uint32_t *from = (const volatile uint32_t *)block[pass & 1];
        volatile uint32_t *to = (volatile uint32_t *)block[~pass & 1];
        for (uint32_t i = 0; i < BLOCK_BYTES / 4; i++) {
            to[i] = from[i];
        }
    }
}

void bench_poll(void)
{
    volatile const uint32_t *status = (volatile const uint32_t *)DEVICE;
    for (uint32_t i = 0; i < POLLS; i++) {
        if (*status & 1) {
            result++;
        }
    }
}
