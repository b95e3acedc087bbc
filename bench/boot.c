/* The cost of a boot: instructions from reset to the application's first, and what they are spent on. */
#include <time.h>

#include "base/flash_map.h"
#include "bench.h"
#include "symbol.h"

#define BOOTLOADER FOTA_BUILD_DIR "/f407/bootloader/bootloader.elf"

enum { BOOT_IMAGE_BYTES = 200 * 1024, RESET_US = 1000, BOOT_MAX_US = 5000000 };

static struct bench_image image;
static struct board board;

/* Run to `addr` or until `end_ns`. @return false: it did not come there */
static bool run_to(uint32_t addr, uint64_t end_ns)
{
    twin_set_breakpoint(board.twin, addr);
    const enum twin_stop stop = twin_run_until(board.twin, end_ns);
    twin_set_breakpoint(board.twin, 0);
    board_check(&board);
    return stop == TWIN_STOP_BREAKPOINT;
}

/* A board that was confirmed, at the first instruction after a reset by the pin. */
static void open_at_reset(void)
{
    board_make_image("1.0.0", 'a', BOOT_IMAGE_BYTES, &image);
    board_open(&board, &image, 0);
    board_wait(&board, "app: confirmed", CONFIRM_MS);
    twin_set_pin(board.twin, TWIN_PIN_NRST, false);
    board_run_us(&board, RESET_US);
    twin_set_pin(board.twin, TWIN_PIN_NRST, true);
}

static uint32_t entry_of_slot_a(void)
{
    uint32_t entry = 0;
    (void)twin_peek(board.twin, FLASH_SLOT_A_BASE + FLASH_IMAGE_HEADER_AREA_BYTES + 4, &entry, sizeof entry);
    return entry & ~1U;
}

static double wall_s(void)
{
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Instructions between the calls and returns of a function, from a reset to the start of the application. */
static uint64_t inside(const struct twin_snapshot *at_reset, uint64_t end_ns, const char *name)
{
    struct symbol function;
    uint64_t sum = 0;
    if (!symbol_find(BOOTLOADER, name, &function)) {
        bench_fail("%s has no function %s", BOOTLOADER, name);
    }
    twin_restore(board.twin, at_reset);
    while (run_to(function.addr, end_ns)) {
        const uint64_t before = twin_stats(board.twin)->instructions;
        if (!run_to(twin_reg(board.twin, 14), end_ns)) {
            bench_fail("%s did not return", name);
        }
        sum += twin_stats(board.twin)->instructions - before;
    }
    return sum;
}

void boot_measure(void)
{
    open_at_reset();
    struct twin_snapshot *const at_reset = twin_save(board.twin);
    const struct twin_stats before = *twin_stats(board.twin);
    const double start_s = wall_s();
    if (!run_to(entry_of_slot_a(), twin_now_ns(board.twin) + BOOT_MAX_US * 1000ULL)) {
        bench_fail("the boot did not reach the application");
    }
    const double seconds = wall_s() - start_s;
    const struct twin_stats after = *twin_stats(board.twin);
    const double total = (double)(after.instructions - before.instructions);
    const uint64_t end_ns = twin_now_ns(board.twin);
    const double hash = (double)inside(at_reset, end_ns, "crypto_sha256_update");
    const double signature = (double)inside(at_reset, end_ns, "crypto_p256_verify");
    figure_add("boot_200k_instructions", total, 0, "boot of a 200 KB image, instructions");
    figure_add("boot_hash_instructions", hash, 0, "  hash");
    figure_add("boot_signature_instructions", signature, 0, "  signature");
    figure_add("boot_rest_instructions", total - hash - signature, 0, "  the rest");
    figure_add("boot_flash_writes", (double)(after.flash_programs - before.flash_programs), 0,
               "  flash words written");
    figure_add("twin_mips", total / 1e6 / seconds, 0, "twin, million instructions a second on this machine");
    twin_snapshot_free(at_reset);
    board_close(&board);
}
