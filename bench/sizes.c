/* What the firmware's build has found about sector 0 (tools/sizes.py), and the stack as the twin sees it. */
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "bench.h"
#include "release/file.h"
#include "symbol.h"

#define SIZES      FOTA_BUILD_DIR "/f407/sizes.json"
#define BOOTLOADER FOTA_BUILD_DIR "/f407/bootloader/bootloader.elf"

enum {
    SIZES_MAX_BYTES = 4096,
    STACK_MAX_BYTES = 8192,
    FIRST_BOOT_MAX_US = 5000000,
    STACK_PAINT = 0x57ACC0DE
};

static struct bench_image image;
static struct board board;

static double number_of(const char *json, const char *key)
{
    const char *at = strstr(json, key);
    at = at ? strchr(at, ':') : NULL;
    if (!at) {
        bench_fail(SIZES " lacks %s; run `make fw` again", key);
    }
    return strtod(at + 1, NULL);
}

/* The reset handler paints the stack. @return bytes that a first boot has used when it leaves for the
 * application */
static uint32_t stack_seen(void)
{
    static uint32_t words[STACK_MAX_BYTES / 4];
    struct symbol top;
    struct symbol bottom;
    uint32_t entry = 0;
    if (!symbol_find(BOOTLOADER, "boot_stack_top", &top) ||
        !symbol_find(BOOTLOADER, "boot_stack_bottom", &bottom) || top.addr - bottom.addr > STACK_MAX_BYTES) {
        bench_fail("%s does not say where its stack is", BOOTLOADER);
    }
    board_make_image("1.0.0", 'a', 0, &image);
    board_open(&board, &image, 0);
    (void)twin_peek(board.twin, FLASH_SLOT_A_BASE + FLASH_IMAGE_HEADER_AREA_BYTES + 4, &entry, sizeof entry);
    twin_set_breakpoint(board.twin, entry);
    if (twin_run_until(board.twin, FIRST_BOOT_MAX_US * 1000ULL) != TWIN_STOP_BREAKPOINT) {
        bench_fail("the first boot did not reach the application");
    }
    (void)twin_peek(board.twin, bottom.addr, words, top.addr - bottom.addr);
    uint32_t i = 0;
    while (4 * i < top.addr - bottom.addr && words[i] == STACK_PAINT) {
        i++;
    }
    board_close(&board);
    return top.addr - bottom.addr - 4 * i;
}

void sizes_measure(void)
{
    uint8_t *json = NULL;
    size_t n_bytes = 0;
    char text[SIZES_MAX_BYTES] = "";
    if (file_read(SIZES, sizeof text - 1, &json, &n_bytes, NULL)) {
        bench_fail("cannot read %s; run `make fw` first", SIZES);
    }
    memcpy(text, json, n_bytes);
    free(json);
    figure_add("root_bytes", number_of(text, "root_bytes"), 0, "root, bytes of 14,336 in sector 0");
    figure_add("loader_bytes", number_of(text, "loader_bytes"), 0,
               "loader, image bytes of 14,336 in sector 1");
    figure_add("boot_stack_bytes", number_of(text, "boot_stack_bytes"), 0,
               "  stack, bytes: the deepest path in the code");
    figure_add("boot_stack_seen_bytes", stack_seen(), 0, "  as deep as a boot went on the twin");
}
