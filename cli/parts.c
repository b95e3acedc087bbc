#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf.h"
#include "image_check.h"
#include "keys.h"

/* What is read at most; the board that the image names has the last word. */
enum { ELF_MAX_BYTES = 16 << 20, IMAGE_FILE_MAX_BYTES = 1 << 20, WHY_BYTES = 160 };

/* --- bootloader -------------------------------------------------------------------------------------- */

/* One segment into the flat bytes. @return false: it lies outside sector 0 */
static bool take_segment(struct cli_parts *p, const uint8_t *elf, const struct elf_segment *segment)
{
    uint32_t off = segment->addr - FLASH_MAP_BASE; /* huge for an address before it */
    if (off > FLASH_SECTOR_0_BYTES || segment->n_bytes > FLASH_SECTOR_0_BYTES - off) {
        return false;
    }
    memcpy(p->bootloader + off, elf + segment->off, segment->n_bytes);
    uint32_t end = off + segment->n_bytes;
    p->parts.n_bootloader = end > p->parts.n_bootloader ? end : p->parts.n_bootloader;
    return true;
}

/* @return false: `why` says what is wrong with the file */
static bool flatten(struct cli_parts *p, const uint8_t *elf, size_t n_elf, char *why, size_t why_bytes)
{
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    int n = elf_segments(elf, n_elf, segments, ELF_SEGMENTS_MAX, why, why_bytes);
    for (int i = 0; i < n; i++) {
        if (!take_segment(p, elf, &segments[i])) {
            (void)snprintf(why, why_bytes, "it does not fit sector 0, which has %d bytes",
                           FLASH_SECTOR_0_BYTES);
            return false;
        }
    }
    return n > 0;
}

static bool take_flat(struct cli_parts *p, const uint8_t *bytes, size_t n_bytes, char *why, size_t why_bytes)
{
    if (n_bytes > sizeof p->bootloader) {
        (void)snprintf(why, why_bytes, "it does not fit sector 0, which has %d bytes", FLASH_SECTOR_0_BYTES);
        return false;
    }
    memcpy(p->bootloader, bytes, n_bytes);
    p->parts.n_bootloader = (uint32_t)n_bytes;
    return true;
}

static enum cli_exit read_bootloader(struct cli *cli, const char *path, struct cli_parts *p)
{
    char why[WHY_BYTES];
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, path, ELF_MAX_BYTES, &bytes, &n_bytes);
    if (result != CLI_OK) {
        return result;
    }
    memset(p->bootloader, 0xFF, sizeof p->bootloader);
    bool fits = elf_is(bytes, n_bytes) ? flatten(p, bytes, n_bytes, why, sizeof why)
                                       : take_flat(p, bytes, n_bytes, why, sizeof why);
    free(bytes);
    p->parts.bootloader = p->bootloader;
    return fits ? CLI_OK : cli_fail(cli, E_IMAGE_SIZE, "%s is no bootloader: %s", path, why);
}

/* --- images ------------------------------------------------------------------------------------------ */

static enum cli_exit read_image(struct cli *cli, const struct cli_parts_paths *paths, struct cli_parts *p)
{
    const struct image_check wanted = {.place = (enum image_place)paths->slot};
    struct image_facts facts;
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, paths->image, IMAGE_FILE_MAX_BYTES, &p->image, &n_bytes);
    p->parts.image = p->image;
    p->parts.n_image = (uint32_t)n_bytes;
    return result == CLI_OK ? image_check(cli, paths->image, p->image, n_bytes, &wanted, &facts) : result;
}

static enum cli_exit read_loader(struct cli *cli, const char *path, struct cli_parts *p)
{
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, path, IMAGE_FILE_MAX_BYTES, &p->loader, &n_bytes);
    p->parts.loader = p->loader;
    p->parts.n_loader = (uint32_t)n_bytes;
    return result;
}

/* Which of the files is to blame, and why. */
static enum cli_exit refuse(struct cli *cli, const struct cli_parts_paths *paths, enum recover_part part,
                            enum fota_err err)
{
    const char *boot = paths->bootloader;
    const char *file = part == RECOVER_PART_LOADER ? paths->loader : paths->image;
    if (part == RECOVER_PART_BOOTLOADER) {
        (void)cli_fail(cli, err, "%s is no bootloader of this system: %s", boot,
                       err == E_LINK_BOOT_MISSING ? "it has no table of boot services"
                                                  : "its vector table does not fit sector 0");
        return CLI_REFUSED;
    }
    switch (err) {
    case E_IMAGE_KEY:
        (void)cli_fail(cli, err, "%s would not boot: the key that signed it is not in %s", file, boot);
        break;
    case E_IMAGE_HARDWARE:
        (void)cli_fail(cli, err, "%s would not boot: %s is for other hardware", file,
                       part == RECOVER_PART_LOADER ? paths->image : boot);
        break;
    case E_IMAGE_SLOT:
        (void)cli_fail(cli, err, "%s would not boot: it is linked for another place", file);
        break;
    default:
        (void)cli_fail(cli, err, "%s would not boot with %s", file, boot);
        break;
    }
    return CLI_REFUSED;
}

enum cli_exit cli_parts_read(struct cli *cli, const struct cli_parts_paths *paths, struct cli_parts *out)
{
    enum recover_part part = RECOVER_PART_BOOTLOADER;
    enum cli_exit result = read_bootloader(cli, paths->bootloader, out);
    if (result == CLI_OK) {
        result = read_loader(cli, paths->loader, out);
    }
    if (result == CLI_OK) {
        result = read_image(cli, paths, out);
    }
    if (result != CLI_OK) {
        return result;
    }
    enum fota_err err = recover_plan_make(&out->parts, &out->plan, &part);
    return err ? refuse(cli, paths, part, err) : CLI_OK;
}

void cli_parts_free(struct cli_parts *parts)
{
    free(parts->loader);
    free(parts->image);
    *parts = (struct cli_parts){.loader = NULL};
}
