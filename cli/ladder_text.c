#include "ladder_text.h"

const char *ladder_advice(enum fota_err reason)
{
    switch (reason) {
    case E_LINK_ROM_SILENT:
        return "check power, NRST, BOOT0 and the four wires of SPI1; if they are right, the chip's ROM is "
               "V3.1, "
               "which has no SPI (0x1FFF77DE reads 0x31): wire USART1 (PA9, PA10), or program the board with "
               "a "
               "debugger";
    case E_LINK_BOOT0:
        return "wire BOOT0 to the gateway, and BOOT1 (PB2) low";
    case E_LINK_PROTECTED:
        return "readout protection can only be lifted by erasing the whole chip: with a debugger";
    case E_LINK_BOOT_MISSING:
    case E_LINK_REQUEST_IGNORED:
    case E_LINK_LOADER_MISSING:
        return "`fota recover` rebuilds the board";
    case E_LINK_CHIP:
    case E_LINK_REPLY:
        return "check what is wired to SPI1";
    case E_IO:
        return "the board has no power, or the port of this machine failed";
    default:
        return "check power and the wires of SPI1";
    }
}

const char *ladder_answer(const struct link_ladder *l)
{
    static const char *const names[] = {
        [LINK_PEER_PLAIN] = "rom", [LINK_PEER_BOOTLOADER] = "loader", [LINK_PEER_AGENT] = "agent"};
    return l->is_found ? names[l->peer.kind] : "nothing";
}

static const char *rung_text(enum link_rung rung)
{
    static const char *const texts[LINK_RUNGS] = {"as it stands", "after a reset",
                                                  "loader, by a boot request", "ST's ROM"};
    return texts[rung];
}

void ladder_note(struct cli *cli, const struct link_ladder *l)
{
    for (unsigned i = 0; i < LINK_RUNGS; i++) {
        if (l->is_tried[i]) {
            cli_note(cli, "%-26s %s", rung_text((enum link_rung)i),
                     l->reason[i] ? fota_err_text(l->reason[i]) : "answers");
        }
    }
    if (l->boot_reason) {
        cli_note(cli, "%-26s %s", "the bootloader says", fota_err_text(l->boot_reason));
    }
}

void ladder_json(struct cli_json *j, const struct link_ladder *l)
{
    cli_json_open(j, "tried", '[');
    for (unsigned i = 0; i < LINK_RUNGS; i++) {
        if (l->is_tried[i]) {
            cli_json_open(j, NULL, '{');
            cli_json_text(j, "rung", link_rung_name((enum link_rung)i));
            cli_json_text(j, "result", fota_err_name(l->reason[i]));
            cli_json_close(j, '}');
        }
    }
    cli_json_close(j, ']');
}

void ladder_rom_text(uint8_t version, char out[8])
{
    (void)snprintf(out, 8, "V%u.%u", version >> 4U, version & 15U);
}
