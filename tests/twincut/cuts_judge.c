#include "cuts_judge.h"

#include <string.h>

#include "base/flash_map.h"
#include "firmware.h"

/* Sector 0 is what was programmed. */
static bool has_root(const struct twin_board *b)
{
    static uint8_t root[FIRMWARE_ROOT_MAX_BYTES];
    static uint32_t n_root;
    uint8_t now[FIRMWARE_ROOT_MAX_BYTES];
    if (n_root == 0) {
        memset(root, 0xFF, sizeof root);
        n_root = firmware_read_root(root);
    }
    return twin_peek(b->twin, FLASH_BOOT_BASE, now, sizeof now) && memcmp(now, root, sizeof now) == 0;
}

const char *cuts_judge(const struct twin_board *b, const struct twin_start *start)
{
    if (!has_root(b)) {
        return "sector 0 changed";
    }
    if (!twin_board_holds(b, SLOT_A, demo_release(1))) {
        return "the active slot changed";
    }
    if (!start->is_there) {
        return "no application started";
    }
    if (start->version < 1 || start->version > DEMO_VERSIONS) {
        return "an unknown version runs";
    }
    enum slot slot = start->slot == 'B' ? SLOT_B : SLOT_A;
    bool is_rebuilt = start->version == 2 && twin_board_holds(b, slot, demo_release(DEMO_REBUILT));
    if (!twin_board_holds(b, slot, demo_release(start->version)) && !is_rebuilt) {
        return "the running image is not the release, byte for byte";
    }
    if (strcmp(start->state, "confirmed") != 0 && strcmp(start->state, "trial") != 0) {
        return "the running image is neither confirmed nor on trial";
    }
    return NULL;
}

uint64_t cuts_flash_hash(const struct twin_board *b)
{
    static uint64_t words[FLASH_MAP_BYTES / 8];
    uint64_t h[4] = {1, 2, 3, 4};
    (void)twin_peek(b->twin, FLASH_MAP_BASE, words, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        uint64_t *lane = &h[i & 3];
        *lane = (*lane ^ words[i]) * 0x9E3779B97F4A7C15U;
        *lane ^= *lane >> 32;
    }
    return (h[0] ^ h[1] * 3 ^ h[2] * 5 ^ h[3] * 7 ^ twin_cells_hash(b->twin)) | 1U;
}

bool cuts_is_asked_for(const char *name, int argc, char **argv)
{
    bool is_any = false;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            is_any = true;
            if (strcmp(argv[i], name) == 0) {
                return true;
            }
        }
    }
    return !is_any;
}
