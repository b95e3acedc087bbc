#include "base/board_layout.h"

const struct board_area *board_place(const struct board_layout *board, enum slot slot)
{
    if (slot == SLOT_LOADER) {
        return &board->loader;
    }
    return &board->slot[slot == SLOT_B ? SLOT_B : SLOT_A];
}
