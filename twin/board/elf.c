/* ELF files for ARM: the loadable segments, and nothing else. Every offset is checked against the file's
 * size. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EHDR_BYTES = 52,
    PHDR_BYTES = 32,
    EM_ARM = 40,
    PT_LOAD = 1,
    MAX_SEGMENTS = 32,
    MAX_FILE_BYTES = 64 << 20
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

static bool check_header(const uint8_t *f, size_t n_bytes, char *why, size_t why_bytes)
{
    static const uint8_t magic[4] = {0x7F, 'E', 'L', 'F'};
    if (n_bytes < EHDR_BYTES || memcmp(f, magic, 4) != 0) {
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

static uint8_t *read_file(const char *path, size_t *n_bytes, char *why, size_t why_bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        (void)snprintf(why, why_bytes, "%s: cannot open it; was the firmware built (make fw)?", path);
        return NULL;
    }
    uint8_t *bytes = NULL;
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (size > 0 && size <= MAX_FILE_BYTES && fseek(f, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)size);
    }
    if (!bytes || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
        (void)snprintf(why, why_bytes, "%s: cannot read it (empty, a folder, or above 64 MB)", path);
        free(bytes);
        bytes = NULL;
    }
    *n_bytes = (size_t)size;
    (void)fclose(f);
    return bytes;
}

static bool load(struct twin *t, const char *path, const uint8_t *file, size_t n_bytes, char *why,
                 size_t why_bytes)
{
    struct elf_segment segments[MAX_SEGMENTS];
    char reason[160];
    int n = elf_segments(file, n_bytes, segments, MAX_SEGMENTS, reason, sizeof reason);
    if (n < 0) {
        (void)snprintf(why, why_bytes, "%s: %s", path, reason);
        return false;
    }
    for (int i = 0; i < n; i++) {
        uint32_t off = segments[i].addr - FLASH_BASE;
        if (off > FLASH_BYTES || segments[i].n_bytes > FLASH_BYTES - off) {
            (void)snprintf(why, why_bytes, "%s: segment at 0x%08X (%u bytes) is outside the flash", path,
                           (unsigned)segments[i].addr, (unsigned)segments[i].n_bytes);
            return false;
        }
    }
    for (int i = 0; i < n; i++) {
        (void)twin_flash_store(t, segments[i].addr, file + segments[i].off, segments[i].n_bytes);
    }
    return true;
}

bool twin_load_elf(struct twin *t, const char *path, char *why, size_t why_bytes)
{
    size_t n_bytes = 0;
    uint8_t *file = read_file(path, &n_bytes, why, why_bytes);
    if (!file) {
        return false;
    }
    bool ok = load(t, path, file, n_bytes, why, why_bytes);
    free(file);
    return ok;
}
