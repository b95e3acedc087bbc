/*
 * The functions of string.h that are in use, four of which gcc calls on its own, so that the bootloader needs
 * no C library. Words where both sides are aligned: SHA-256 is fed through memcpy.
 *
 * Built without LTO and without the transformation that would turn these loops into calls of themselves.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n_bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 3) == 0) {
        for (; n_bytes >= 4; n_bytes -= 4) {
            *(uint32_t *)(void *)d = *(const uint32_t *)(const void *)s;
            d += 4;
            s += 4;
        }
    }
    for (; n_bytes > 0; n_bytes--) {
        *d++ = *s++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n_bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s) {
        return memcpy(to, from, n_bytes); /* ascending, so overlap in this direction is harmless */
    }
    while (n_bytes > 0) {
        n_bytes--;
        d[n_bytes] = s[n_bytes];
    }
    return to;
}

/* Bytes only: what is cleared in the root is small. */
void *memset(void *to, int value, size_t n_bytes)
{
    uint8_t *d = to;
    for (; n_bytes > 0; n_bytes--) {
        *d++ = (uint8_t)value;
    }
    return to;
}

/* Stops at the first difference. The time tells how many bytes are alike; nothing secret is compared in
 * the root. */
int memcmp(const void *a, const void *b, size_t n_bytes)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    for (; n_bytes > 0; n_bytes--, p++, q++) {
        int difference = *p - *q;
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

void *memchr(const void *from, int value, size_t n_bytes)
{
    const uint8_t *p = from;
    for (; n_bytes > 0; n_bytes--, p++) {
        if (*p == (uint8_t)value) {
            return (void *)(uintptr_t)p;
        }
    }
    return NULL;
}
