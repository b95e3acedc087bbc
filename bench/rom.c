/* An image by ST's ROM loader: the slowest rung of the ladder, and what its rules cost. */
#include "base/flash_map.h"
#include "bench.h"
#include "link_client/link_rom.h"

enum { SMALL_BYTES = 100 * 1024 };

static struct bench_image image;
static double rom_hz;

static void store_image(struct board *b)
{
    for (uint16_t i = 0; i < FLASH_SLOT_SECTORS; i++) {
        const uint32_t off = i * (uint32_t)FLASH_SLOT_SECTOR_BYTES;
        const uint32_t left = image.n_bytes > off ? image.n_bytes - off : 0;
        const struct link_rom_area area = {
            .addr = FLASH_SLOT_A_BASE + off,
            .span_bytes = FLASH_SLOT_SECTOR_BYTES,
            .bytes = image.bytes + off,
            .n_bytes = left < FLASH_SLOT_SECTOR_BYTES ? left : FLASH_SLOT_SECTOR_BYTES};
        const enum fota_err err = link_rom_store(&b->link, (uint16_t)(FLASH_SLOT_A_SECTOR + i), &area, NULL);
        if (err) {
            bench_fail("ROM, sector %d: %s", FLASH_SLOT_A_SECTOR + i, fota_err_text(err));
        }
    }
}

/* @return seconds of virtual time */
static double store(uint32_t image_bytes)
{
    static struct board b;
    struct link_rom rom;
    board_make_image("1.0.0", 'a', image_bytes, &image);
    board_open(&b, NULL, 0);
    board_run_us(&b, 1000);
    const uint64_t start_ns = twin_now_ns(b.twin);
    if (link_rom_enter(&b.link, &rom)) {
        bench_fail("ST's ROM does not answer");
    }
    store_image(&b);
    const double seconds = (double)(twin_now_ns(b.twin) - start_ns) / 1e9;
    rom_hz = b.link.config.rom_clock_hz;
    board_close(&b);
    return seconds;
}

void rom_measure(void)
{
    figure_add("rom_100k_s", store(SMALL_BYTES), 3,
               "100 KB by ST's ROM, the whole slot erased, written and read back, seconds");
    figure_add("rom_384k_s", store(IMAGE_MAX_BYTES), 3, "384 KB, the same, seconds");
    figure_add("rom_clock_hz", rom_hz, 0, "  SPI clock, Hz (15 us between bytes)");
}
