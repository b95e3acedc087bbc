#include "option_bytes.h"

#include <stdio.h>

enum { RDP_LEVEL_0 = 0xAA, RDP_LEVEL_2 = 0xCC, BOR_HIGHEST = 3 };

static unsigned rdp_level(uint32_t optcr)
{
    uint32_t byte = optcr >> 8 & 0xFF;
    return byte == RDP_LEVEL_0 ? 0 : byte == RDP_LEVEL_2 ? 2 : 1;
}

/* BOR_LEV is 0 for level 3 (2.70 V and more) and 3 for "off". */
static unsigned brown_out_level(uint32_t optcr)
{
    return BOR_HIGHEST - (optcr >> 2 & 3);
}

static bool is_protected(uint32_t optcr, unsigned sector)
{
    return (optcr >> (16 + sector) & 1) == 0;
}

const struct board_layout *option_bytes_board(const char *hw_id)
{
    const struct board_layout *board = board_layout_find(hw_id);
    return board ? board : &BOARD_OWN;
}

void option_bytes_text(const struct board_layout *board, uint32_t optcr, char *out, size_t n_bytes)
{
    int n = snprintf(out, n_bytes, "RDP level %u, brown-out level %u, ", rdp_level(optcr),
                     brown_out_level(optcr));
    size_t at = n > 0 ? (size_t)n : 0;
    unsigned n_sectors = 0;
    for (unsigned i = 0; i < board->flash.n_sectors && at < n_bytes; i++) {
        if (is_protected(optcr, i)) {
            at += (size_t)snprintf(out + at, n_bytes - at, "%s%u", n_sectors++ ? " " : "sectors ", i);
        }
    }
    if (at < n_bytes) {
        (void)snprintf(out + at, n_bytes - at, n_sectors ? " write-protected" : "nothing write-protected");
    }
}

/* What a fault could do to a sector that the board should protect. */
static void sector_text(const struct board_layout *board, unsigned sector, char *out)
{
    const char *loss = "what stands there";
    if (sector == board->root.first_sector) {
        loss = "the bootloader";
    } else if (sector == board->loader.first_sector) {
        loss = "the loader";
    }
    (void)snprintf(out, OPTION_BYTES_WARNING_BYTES, "sector %u is not write-protected: a fault can erase %s",
                   sector, loss);
}

bool option_bytes_warning(const struct board_layout *board, uint32_t optcr, unsigned i,
                          char out[OPTION_BYTES_WARNING_BYTES])
{
    if (brown_out_level(optcr) < board->brown_out_level && i-- == 0) {
        (void)snprintf(out, OPTION_BYTES_WARNING_BYTES,
                       "brown-out level is below %u: at a falling supply the chip runs on below what flash "
                       "writes need",
                       (unsigned)board->brown_out_level);
        return true;
    }
    for (unsigned sector = 0; sector < board->flash.n_sectors; sector++) {
        bool is_open = (board->write_protect >> sector & 1) != 0 && !is_protected(optcr, sector);
        if (is_open && i-- == 0) {
            sector_text(board, sector, out);
            return true;
        }
    }
    if (rdp_level(optcr) == 0 && i == 0) {
        (void)snprintf(
            out, OPTION_BYTES_WARNING_BYTES,
            "readout protection is at level 0: whoever holds BOOT0 and NRST can read and write what "
            "is not write-protected (level 1 shuts that door, and `fota recover` with it)");
        return true;
    }
    return false;
}

void option_bytes_json(struct cli_json *j, const struct board_layout *board, uint32_t optcr)
{
    char sentence[OPTION_BYTES_WARNING_BYTES];
    cli_json_open(j, "option_bytes", '{');
    cli_json_number(j, "optcr", optcr);
    cli_json_number(j, "rdp_level", rdp_level(optcr));
    cli_json_number(j, "brown_out_level", brown_out_level(optcr));
    cli_json_open(j, "write_protected", '[');
    for (unsigned i = 0; i < board->flash.n_sectors; i++) {
        if (is_protected(optcr, i)) {
            cli_json_number(j, NULL, i);
        }
    }
    cli_json_close(j, ']');
    cli_json_open(j, "warnings", '[');
    for (unsigned i = 0; option_bytes_warning(board, optcr, i, sentence); i++) {
        cli_json_text(j, NULL, sentence);
    }
    cli_json_close(j, ']');
    cli_json_close(j, '}');
}
