/**
 * The ladder: agent, loader, ST's ROM. Whatever state a board is in, one of them answers, and this finds
 * out which, from the friendliest to the rudest. Every rung that was tried leaves its reason.
 *
 *   STANDING    whatever answers as the target stands: the agent, or a loader that waits already. Disturbs
 *               nothing.
 *   RESET       NRST with BOOT0 low: an agent whose application hung, or the loader if no image boots.
 *   REQUEST     the loader although an image boots: a reset into the ROM, a boot request left in RAM through
 *               it (flash_map.h), and a reset into the root, which grants it once. The way to update a board
 *               whose application runs without a working agent. Needs a ROM with SPI. If no loader answers,
 *               the ROM is entered once more to read why: sector 1 may hold none.
 *   ROM         ST's ROM: sector 0 or 1 is gone. Only good for `recover`.
 *
 * RESET and above pulse NRST. They are tried only after the target was silent for longer than any flash
 * operation takes, since a reset within one leaves a sector suspect (RM0090 3.6).
 */
#ifndef LINK_CLIENT_LINK_LADDER_H
#define LINK_CLIENT_LINK_LADDER_H

#include "link_client/link_rom.h"

enum link_rung { LINK_RUNG_STANDING, LINK_RUNG_RESET, LINK_RUNG_REQUEST, LINK_RUNG_ROM, LINK_RUNGS };

/** What was tried, and what answers. */
struct link_ladder {
    bool is_found;
    enum link_rung rung; /* the one that answers */
    bool is_tried[LINK_RUNGS];
    enum fota_err reason[LINK_RUNGS]; /* why a rung that was tried did not hold */
    struct link_peer peer;            /* what answers; LINK_PEER_PLAIN on the rung ROM */
    struct link_rom rom;              /* if the ROM answered on the way; chip_id 0 otherwise */
    enum fota_err boot_reason;        /* with E_LINK_LOADER_MISSING: what the root has against sector 1 */
};

/**
 * Climb from `first` to `last` and stop at the first rung that holds.
 *
 * A ROM that answers on STANDING or RESET does not hold them (E_LINK_NO_VENDOR): our own code was not tried.
 * Takes:     1 ms when the agent answers; about 10 s for each rung that is silent
 * Power cut: as link_client_reset
 * @param out  filled in on failure too: `reason` of every rung tried
 * @return FOTA_OK · the last rung's reason: E_LINK_AGENT_SILENT (STANDING) · E_LINK_RESET_SILENT (RESET) ·
 *         E_LINK_BOOT_MISSING, E_LINK_LOADER_MISSING, E_LINK_REQUEST_IGNORED (REQUEST) · as link_rom_enter
 *         (REQUEST, ROM) · E_IO
 */
FOTA_MUST_CHECK
enum fota_err link_ladder_climb(struct link_client *c, enum link_rung first, enum link_rung last,
                                struct link_ladder *out);

/** Name of a rung, for messages: "standing", "reset", "request", "rom". */
const char *link_rung_name(enum link_rung rung);

#endif
