#include "option_bytes.h"

#include <stdio.h>

#include "base/flash_map.h"

enum { RDP_LEVEL_0 = 0xAA, RDP_LEVEL_2 = 0xCC, BOR_HIGHEST = 3, WARNINGS = 4 };

static unsigned rdp_level(uint32_t optcr)
{
    uint32_t byte = optcr >> 8 & 0xFF;
    return byte == RDP_LEVEL_0 ? 0 : byte == RDP_LEVEL_2 ? 2 : 1;
}

/** BOR_LEV is 0 for level 3 (2.70 V and more) and 3 for "off". */
static unsigned brown_out_level(uint32_t optcr)
{
    return BOR_HIGHEST - (optcr >> 2 & 3);
}

static bool is_protected(uint32_t optcr, unsigned sector)
{
    return (optcr >> (16 + sector) & 1) == 0;
}

void option_bytes_text(uint32_t optcr, char *out, size_t n_bytes)
{
    int n = snprintf(out, n_bytes, "RDP level %u, brown-out level %u, ", rdp_level(optcr),
                     brown_out_level(optcr));
    size_t at = n > 0 ? (size_t)n : 0;
    unsigned n_sectors = 0;
    for (unsigned i = 0; i < FLASH_SECTORS && at < n_bytes; i++) {
        if (is_protected(optcr, i)) {
            at += (size_t)snprintf(out + at, n_bytes - at, "%s%u", n_sectors++ ? " " : "sectors ", i);
        }
    }
    if (at < n_bytes) {
        (void)snprintf(out + at, n_bytes - at, n_sectors ? " write-protected" : "nothing write-protected");
    }
}

const char *option_bytes_warning(uint32_t optcr, unsigned i)
{
    const char *const sentences[WARNINGS] = {
        brown_out_level(optcr) < BOR_HIGHEST
            ? "brown-out level is below 3: at a falling supply the chip runs on below what flash writes need"
            : NULL,
        is_protected(optcr, FLASH_BOOT_SECTOR)
            ? NULL
            : "sector 0 is not write-protected: a fault can erase the bootloader",
        is_protected(optcr, FLASH_LOADER_SECTOR)
            ? NULL
            : "sector 1 is not write-protected: a fault can erase the loader",
        rdp_level(optcr) == 0
            ? "readout protection is at level 0: whoever holds BOOT0 and NRST can read and write what is not "
              "write-protected (level 1 shuts that door, and `fota recover` with it)"
            : NULL};
    for (unsigned k = 0; k < WARNINGS; k++) {
        if (sentences[k] != NULL && i-- == 0) {
            return sentences[k];
        }
    }
    return NULL;
}

void option_bytes_json(struct cli_json *j, uint32_t optcr)
{
    cli_json_open(j, "option_bytes", '{');
    cli_json_number(j, "optcr", optcr);
    cli_json_number(j, "rdp_level", rdp_level(optcr));
    cli_json_number(j, "brown_out_level", brown_out_level(optcr));
    cli_json_open(j, "write_protected", '[');
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        if (is_protected(optcr, i)) {
            cli_json_number(j, NULL, i);
        }
    }
    cli_json_close(j, ']');
    cli_json_open(j, "warnings", '[');
    for (unsigned i = 0; option_bytes_warning(optcr, i) != NULL; i++) {
        cli_json_text(j, NULL, option_bytes_warning(optcr, i));
    }
    cli_json_close(j, ']');
    cli_json_close(j, '}');
}
