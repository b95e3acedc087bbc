/* The table of boards for the host side (base/board_layout.h) against the header that firmware is built with,
 * and each board against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/board_layout.h"
#include "base/flash_map.h"

static void assert_area(const struct board_area *area, uint32_t base, uint32_t n_bytes, uint32_t first_sector,
                        uint32_t n_sectors)
{
    assert_int_equal(area->base, base);
    assert_int_equal(area->n_bytes, n_bytes);
    assert_int_equal(area->first_sector, first_sector);
    assert_int_equal(area->n_sectors, n_sectors);
}

static void the_table_and_the_header_agree(void **state)
{
    (void)state;
    const struct board_layout *b = board_layout_find(BOARD_NAME);
    assert_non_null(b);
    assert_string_equal(b->part, BOARD_PART);
    assert_area(&b->flash, FLASH_MAP_BASE, FLASH_MAP_BYTES, 0, FLASH_SECTORS);
    assert_area(&b->root, FLASH_BOOT_BASE, FLASH_BOOT_BYTES, FLASH_BOOT_SECTOR, 1);
    assert_area(&b->loader, FLASH_LOADER_BASE, FLASH_LOADER_BYTES, FLASH_LOADER_SECTOR, 1);
    assert_area(&b->journal[0], FLASH_J0_BASE, FLASH_J0_BYTES, FLASH_J0_SECTOR, 1);
    assert_area(&b->journal[1], FLASH_J1_BASE, FLASH_J1_BYTES, FLASH_J1_SECTOR, 1);
    assert_area(&b->slot[0], FLASH_SLOT_A_BASE, FLASH_SLOT_BYTES, FLASH_SLOT_A_SECTOR, FLASH_SLOT_SECTORS);
    assert_area(&b->slot[1], FLASH_SLOT_B_BASE, FLASH_SLOT_BYTES, FLASH_SLOT_B_SECTOR, FLASH_SLOT_SECTORS);
    assert_int_equal(b->slot_sector_bytes, FLASH_SLOT_SECTOR_BYTES);
    assert_area(&b->ram, RAM_BASE, RAM_BYTES, 0, 0);
    assert_area(&b->ccm, CCM_BASE, CCM_BYTES, 0, 0);
    assert_int_equal(b->reason_addr, RAM_REASON_ADDR);
    assert_int_equal(b->request_addr, RAM_REQUEST_ADDR);
    assert_int_equal(b->brown_out_level, BOARD_BROWN_OUT_LEVEL);
    assert_int_equal(b->write_protect, BOARD_WRITE_PROTECT);
}

static void a_slot_is_its_sectors_on_every_board(void **state)
{
    (void)state;
    assert_true(BOARD_N_LAYOUTS > 0);
    for (uint32_t i = 0; i < BOARD_N_LAYOUTS; i++) {
        const struct board_layout *b = &BOARD_LAYOUTS[i];
        assert_ptr_equal(board_layout_find(b->hw_id), b);
        for (unsigned slot = 0; slot < 2; slot++) {
            assert_int_equal(b->slot[slot].n_bytes, b->slot[slot].n_sectors * b->slot_sector_bytes);
        }
    }
}

static void an_unknown_board_has_no_layout(void **state)
{
    (void)state;
    assert_null(board_layout_find("f407-disc"));
    assert_null(board_layout_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_and_the_header_agree),
        cmocka_unit_test(a_slot_is_its_sectors_on_every_board),
        cmocka_unit_test(an_unknown_board_has_no_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
