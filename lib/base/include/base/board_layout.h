/**
 * Where things are on a board, for code that works with any of them: the link and the host side. Made of
 * boards/NAME/board.json by tools/board.py. Firmware is built for one board, BOARD_OWN; its other layers
 * take the same numbers as macros from base/flash_map.h.
 */
#ifndef BASE_BOARD_LAYOUT_H
#define BASE_BOARD_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/slot.h"

/** A run of whole sectors (RM0090 table 5), or RAM, whose sectors are 0. */
struct board_area {
    uint32_t base; /* bus address */
    uint32_t n_bytes;
    uint16_t first_sector;
    uint16_t n_sectors;
};

struct board_layout {
    char hw_id[16]; /* name of the board, as INFO, images and statements give it */
    char part[16];
    struct board_area flash;
    struct board_area root;
    struct board_area loader;
    struct board_area journal[2]; /* J0, J1 */
    struct board_area slot[2];    /* A, B: of one size */
    uint32_t slot_sector_bytes;
    struct board_area ram;
    struct board_area ccm;
    uint32_t reason_addr;     /* where the root leaves the reason why it could start nothing */
    uint32_t request_addr;    /* where a host leaves a boot request */
    uint32_t brown_out_level; /* option bytes that the board should have: BOR level 0..3 */
    uint32_t write_protect;   /* and the sectors that should be write-protected, one bit each */
};

/** The board that this build is for (FOTA_BOARD). */
extern const struct board_layout BOARD_OWN;

/** @return the place of an image: slot A for SLOT_A and SLOT_NONE, slot B, or the loader's sector */
const struct board_area *board_place(const struct board_layout *board, enum slot slot);

/** All boards that this build knows, by name. On the host side only. */
extern const struct board_layout BOARD_LAYOUTS[];
extern const uint32_t BOARD_N_LAYOUTS;

/**
 * On the host side only.
 * @param hw_id  NUL-terminated
 * @return the layout of the board with this hardware id; NULL if there is none
 */
const struct board_layout *board_layout_find(const char *hw_id);

#endif
