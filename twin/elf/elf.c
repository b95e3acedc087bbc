/* System V ABI, chapters 4 and 5. Every number of the file is compared with its size before it is used: files come
 * from whoever runs the command. */
#include "elf/elf.h"

#include <stdio.h>
#include <string.h>

enum {
    EHDR_BYTES = 52,
    PHDR_BYTES = 32,
    SECTION_BYTES = 40,
    SYMBOL_BYTES = 16,
    EM_ARM = 40,
    PT_LOAD = 1,
    SHT_SYMTAB = 2,
    STT_FUNC = 2,
    STT_MASK = 15
};

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static bool fail(char *why, size_t why_bytes, const char *text)
{
    (void)snprintf(why, why_bytes, "%s", text);
    return false;
}

bool elf_is(const uint8_t *file, size_t n_bytes)
{
    static const uint8_t magic[4] = {0x7F, 'E', 'L', 'F'};
    return n_bytes >= EHDR_BYTES && memcmp(file, magic, sizeof magic) == 0;
}

static bool check_header(const uint8_t *f, size_t n_bytes, char *why, size_t why_bytes)
{
    if (!elf_is(f, n_bytes)) {
        return fail(why, why_bytes,
                    "not an ELF file; give the .elf that the linker wrote, not a .bin or .hex");
    }
    if (f[4] != 1 || f[5] != 1 || le16(f + 18) != EM_ARM) {
        return fail(why, why_bytes, "an ELF file, but not for 32-bit little-endian ARM");
    }
    if (le16(f + 16) != 2) {
        return fail(why, why_bytes, "an ELF file, but not a linked executable (ET_EXEC)");
    }
    uint64_t end = (uint64_t)le32(f + 28) + (uint64_t)le16(f + 44) * PHDR_BYTES;
    if (le16(f + 42) != PHDR_BYTES || end > n_bytes) {
        return fail(why, why_bytes, "the ELF file is cut off: its program headers lie beyond its end");
    }
    return true;
}

int elf_segments(const uint8_t *file, size_t n_bytes, struct elf_segment *segments, size_t room, char *why,
                 size_t why_bytes)
{
    if (!check_header(file, n_bytes, why, why_bytes)) {
        return -1;
    }
    int n = 0;
    for (uint32_t i = 0; i < le16(file + 44); i++) {
        const uint8_t *ph = file + le32(file + 28) + (size_t)i * PHDR_BYTES;
        struct elf_segment s = {.off = le32(ph + 4), .addr = le32(ph + 12), .n_bytes = le32(ph + 16)};
        if (le32(ph) != PT_LOAD || s.n_bytes == 0) {
            continue;
        }
        if ((uint64_t)s.off + s.n_bytes > n_bytes) {
            (void)fail(why, why_bytes, "the ELF file is cut off: a segment lies beyond its end");
            return -1;
        }
        if ((size_t)n == room) {
            (void)fail(why, why_bytes, "the ELF file has more segments than any firmware has");
            return -1;
        }
        segments[n++] = s;
    }
    if (n == 0) {
        (void)fail(why, why_bytes, "the ELF file has nothing to load (no PT_LOAD segment with contents)");
        return -1;
    }
    return n;
}

/* --- symbols ----------------------------------------------------------------------------------------- */

struct section {
    uint32_t type, off, n_bytes, link;
};

static bool read_section(const uint8_t *file, size_t n_bytes, uint32_t index, struct section *out)
{
    const uint64_t at = (uint64_t)le32(file + 32) + (uint64_t)index * SECTION_BYTES;
    if (index >= le16(file + 48) || at + SECTION_BYTES > n_bytes) {
        return false;
    }
    const uint8_t *s = file + at;
    *out = (struct section){le32(s + 4), le32(s + 16), le32(s + 20), le32(s + 24)};
    return (uint64_t)out->off + out->n_bytes <= n_bytes;
}

/* @return true: `take` has seen enough */
static bool walk(const uint8_t *file, const struct section *symbols, const struct section *names,
                 elf_take_symbol *take, void *ctx)
{
    for (uint32_t i = 0; i + SYMBOL_BYTES <= symbols->n_bytes; i += SYMBOL_BYTES) {
        const uint8_t *s = file + symbols->off + i;
        const uint32_t at = le32(s);
        /* The name must end within its section. */
        if (at >= names->n_bytes || !memchr(file + names->off + at, 0, names->n_bytes - at)) {
            continue;
        }
        const struct elf_symbol symbol = {.name = (const char *)file + names->off + at,
                                          .addr = le32(s + 4) & ~1U,
                                          .n_bytes = le32(s + 8),
                                          .is_function = (s[12] & STT_MASK) == STT_FUNC};
        if (take(ctx, &symbol)) {
            return true;
        }
    }
    return false;
}

bool elf_symbols(const uint8_t *file, size_t n_bytes, elf_take_symbol *take, void *ctx)
{
    struct section symbols;
    struct section names;
    if (!elf_is(file, n_bytes)) {
        return false;
    }
    for (uint32_t i = 0; read_section(file, n_bytes, i, &symbols); i++) {
        if (symbols.type == SHT_SYMTAB && read_section(file, n_bytes, symbols.link, &names) &&
            walk(file, &symbols, &names, take, ctx)) {
            return true;
        }
    }
    return false;
}
