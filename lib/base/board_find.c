#include "base/board_layout.h"

#include <string.h>

const struct board_layout *board_layout_find(const char *hw_id)
{
    for (uint32_t i = 0; i < BOARD_N_LAYOUTS; i++) {
        if (strcmp(BOARD_LAYOUTS[i].hw_id, hw_id) == 0) {
            return &BOARD_LAYOUTS[i];
        }
    }
    return NULL;
}
