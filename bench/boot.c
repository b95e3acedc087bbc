/* The cost of a boot: instructions from reset to the application's first, and what they are spent on. */
#include <time.h>

#include "base/flash_map.h"
#include "bench.h"

#define BOOTLOADER FOTA_BUILD_DIR "/f407/bootloader/bootloader.elf"

enum { BOOT_IMAGE_BYTES = 200 * 1024, SMALL_IMAGE_BYTES = 40 * 1024, RESET_US = 1000, BOOT_MAX_US = 5000000 };

static struct bench_image image;

/* Stop at `addr`. @return instructions since power-on */
static uint64_t run_to(struct board *b, uint32_t addr)
{
    twin_set_breakpoint(b->twin, addr);
    if (twin_run_until(b->twin, twin_now_ns(b->twin) + BOOT_MAX_US * 1000ULL) != TWIN_STOP_BREAKPOINT) {
        board_check(b);
        bench_fail("the boot did not reach 0x%08X", (unsigned)addr);
    }
    twin_set_breakpoint(b->twin, 0);
    return twin_stats(b->twin)->instructions;
}

/* A board that was confirmed, at the first instruction after a reset by the pin. */
static void open_at_reset(struct board *b, uint32_t image_bytes)
{
    board_make_image("1.0.0", 'a', image_bytes, &image);
    board_open(b, &image, 0);
    board_wait(b, "app: confirmed", CONFIRM_MS);
    twin_set_pin(b->twin, TWIN_PIN_NRST, false);
    board_run_us(b, RESET_US);
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
}

static uint32_t entry_of_slot_a(const struct board *b)
{
    uint32_t entry = 0;
    (void)twin_peek(b->twin, FLASH_SLOT_A_BASE + FLASH_IMAGE_HEADER_AREA_BYTES + 4, &entry, sizeof entry);
    return entry & ~1U;
}

static double wall_s(void)
{
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Instructions of a whole boot, and of the signature in it. */
static uint64_t boot(uint32_t image_bytes, uint64_t *signature, uint64_t *writes, double *mips)
{
    static struct board b;
    open_at_reset(&b, image_bytes);
    const uint64_t start = twin_stats(b.twin)->instructions;
    const uint64_t programs = twin_stats(b.twin)->flash_programs;
    const double start_s = wall_s();
    const uint32_t verify = symbol_address(BOOTLOADER, "crypto_ecdsa_verify");
    *signature = 0;
    if (verify) {
        const uint64_t before = run_to(&b, verify);
        *signature = run_to(&b, twin_reg(b.twin, 14) & ~1U) - before;
    }
    const uint64_t end = run_to(&b, entry_of_slot_a(&b));
    *mips = (double)(end - start) / 1e6 / (wall_s() - start_s);
    *writes = twin_stats(b.twin)->flash_programs - programs;
    board_close(&b);
    return end - start;
}

void boot_measure(void)
{
    uint64_t signature;
    uint64_t writes;
    double mips;
    double mips_small;
    const uint64_t large = boot(BOOT_IMAGE_BYTES, &signature, &writes, &mips);
    const uint64_t small = boot(SMALL_IMAGE_BYTES, &signature, &writes, &mips_small);
    const double per_byte = (double)(large - small) / (BOOT_IMAGE_BYTES - SMALL_IMAGE_BYTES);
    const double hash = per_byte * BOOT_IMAGE_BYTES;
    figure_add("boot_200k_instructions", (double)large, 0, "boot of a 200 KB image, instructions");
    figure_add("boot_hash_instructions", hash, 0, "  hash (by the slope between two sizes)");
    if (signature) {
        figure_add("boot_signature_instructions", (double)signature, 0, "  signature");
        figure_add("boot_rest_instructions", (double)large - hash - (double)signature, 0, "  the rest");
    } else {
        figure_add("boot_rest_instructions", (double)large - hash, 0, "  signature and the rest");
    }
    figure_add("twin_mips", mips, 0, "twin, million instructions a second on this machine");
    figure_add("boot_flash_writes", (double)writes, 0, "  flash words written");
}
