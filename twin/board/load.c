/* The firmware into the flash of the board, as a programmer would do it. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

#include "elf/elf.h"

enum { MAX_FILE_BYTES = 64 << 20 };

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
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    char reason[160];
    int n = elf_segments(file, n_bytes, segments, ELF_SEGMENTS_MAX, reason, sizeof reason);
    if (n < 0) {
        (void)snprintf(why, why_bytes, "%s: %s", path, reason);
        return false;
    }
    for (int i = 0; i < n; i++) {
        uint32_t off = segments[i].addr - FLASH_BASE;
        if (off > t->part->flash_bytes || segments[i].n_bytes > t->part->flash_bytes - off) {
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
