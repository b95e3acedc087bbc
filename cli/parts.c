#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image_check.h"
#include "keys.h"

enum { ELF_MAX_BYTES = 16 << 20 };

/** ELF of a 32-bit machine (System V ABI chapter 4). */
enum {
    ELF_HEADER_BYTES = 52,
    E_PHOFF = 28,
    E_PHENTSIZE = 42,
    E_PHNUM = 44,
    PH_BYTES = 32,
    P_OFFSET = 4,
    P_PADDR = 12,
    P_FILESZ = 16,
    PT_LOAD = 1
};

/* --- bootloader -------------------------------------------------------------------------------------- */

/** One loadable segment into the flat bytes. @return false: it lies outside sector 0 or the file */
static bool take_segment(struct cli_parts *p, const uint8_t *elf, size_t n_elf, const uint8_t *header)
{
    uint32_t off = bytes_load_le32(header + P_OFFSET);
    uint32_t addr = bytes_load_le32(header + P_PADDR);
    uint32_t n = bytes_load_le32(header + P_FILESZ);
    if (bytes_load_le32(header) != PT_LOAD || n == 0) {
        return true;
    }
    if (off > n_elf || n > n_elf - off || addr < FLASH_BOOT_BASE ||
        addr - FLASH_BOOT_BASE > FLASH_BOOT_BYTES || n > FLASH_BOOT_BYTES - (addr - FLASH_BOOT_BASE)) {
        return false;
    }
    memcpy(p->bootloader + (addr - FLASH_BOOT_BASE), elf + off, n);
    uint32_t end = addr - FLASH_BOOT_BASE + n;
    p->parts.n_bootloader = end > p->parts.n_bootloader ? end : p->parts.n_bootloader;
    return true;
}

static bool flatten(struct cli_parts *p, const uint8_t *elf, size_t n_elf)
{
    if (n_elf < ELF_HEADER_BYTES) {
        return false;
    }
    uint32_t table = bytes_load_le32(elf + E_PHOFF);
    uint32_t n_headers = bytes_load_le16(elf + E_PHNUM);
    if (bytes_load_le16(elf + E_PHENTSIZE) != PH_BYTES || table > n_elf ||
        n_headers > (n_elf - table) / PH_BYTES) {
        return false;
    }
    for (uint32_t i = 0; i < n_headers; i++) {
        if (!take_segment(p, elf, n_elf, elf + table + (size_t)i * PH_BYTES)) {
            return false;
        }
    }
    return true;
}

static enum cli_exit read_bootloader(struct cli *cli, const char *path, struct cli_parts *p)
{
    static const uint8_t elf_magic[4] = {0x7F, 'E', 'L', 'F'};
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, path, ELF_MAX_BYTES, &bytes, &n_bytes);
    if (result != CLI_OK) {
        return result;
    }
    memset(p->bootloader, 0xFF, sizeof p->bootloader);
    bool is_elf = n_bytes >= sizeof elf_magic && memcmp(bytes, elf_magic, sizeof elf_magic) == 0;
    bool fits = is_elf ? flatten(p, bytes, n_bytes) : n_bytes <= sizeof p->bootloader;
    if (fits && !is_elf) {
        memcpy(p->bootloader, bytes, n_bytes);
        p->parts.n_bootloader = (uint32_t)n_bytes;
    }
    free(bytes);
    p->parts.bootloader = p->bootloader;
    return fits ? CLI_OK
                : cli_fail(cli, E_IMAGE_SIZE,
                           "%s is no bootloader: it does not fit sector 0, which has %d bytes", path,
                           FLASH_BOOT_BYTES);
}

/* --- images ------------------------------------------------------------------------------------------ */

static enum cli_exit read_image(struct cli *cli, const struct cli_parts_paths *paths, struct cli_parts *p)
{
    const struct image_check wanted = {.place = (enum image_place)paths->slot};
    struct image_facts facts;
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, paths->image, FLASH_SLOT_BYTES, &p->image, &n_bytes);
    p->parts.image = p->image;
    p->parts.n_image = (uint32_t)n_bytes;
    return result == CLI_OK ? image_check(cli, paths->image, p->image, n_bytes, &wanted, &facts) : result;
}

static enum cli_exit read_loader(struct cli *cli, const char *path, struct cli_parts *p)
{
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(cli, path, FLASH_LOADER_BYTES, &p->loader, &n_bytes);
    p->parts.loader = p->loader;
    p->parts.n_loader = (uint32_t)n_bytes;
    return result;
}

/** Which of the files is to blame, and why. */
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
