/* What the boards say of their parts, against the twin's own table, which was written from RM0090 and not from boards/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/board_layout.h"
#include "twin/part.h"
#include "twin/twin.h"

enum { FLASH_BASE = 0x08000000 };

/* The twin's base of a sector; of the first that is not there: the end. */
static uint32_t sector_base(const struct twin_part *part, uint32_t sector)
{
    uint32_t base = FLASH_BASE;
    for (uint32_t i = 0; i < sector && i < part->n_sectors; i++) {
        base += part->sector_bytes[i];
    }
    return base;
}

static void assert_whole_sectors(const struct twin_part *part, const struct board_area *area)
{
    uint32_t end = area->first_sector + area->n_sectors;
    assert_true(area->n_sectors > 0 && end <= part->n_sectors);
    assert_int_equal(area->base, sector_base(part, area->first_sector));
    assert_int_equal(area->n_bytes, sector_base(part, end) - area->base);
}

static void the_twin_knows_the_part_of_each_board_and_agrees(void **state)
{
    (void)state;
    assert_true(BOARD_N_LAYOUTS >= 3);
    for (uint32_t i = 0; i < BOARD_N_LAYOUTS; i++) {
        const struct board_layout *b = &BOARD_LAYOUTS[i];
        const struct twin_part *part = twin_part_find(b->part);
        assert_non_null(part);
        assert_int_equal(b->flash.n_bytes, part->flash_bytes);
        assert_int_equal(b->flash.n_sectors, part->n_sectors);
        assert_int_equal(b->ram.n_bytes, part->sram_bytes);
        assert_int_equal(b->ccm.n_bytes, part->ccm_bytes);
        const struct board_area *const areas[] = {&b->flash,      &b->root,    &b->loader, &b->journal[0],
                                                  &b->journal[1], &b->slot[0], &b->slot[1]};
        for (size_t k = 0; k < sizeof areas / sizeof areas[0]; k++) {
            assert_whole_sectors(part, areas[k]);
        }
        for (uint32_t k = 0; k < b->slot[0].n_sectors; k++) {
            assert_int_equal(part->sector_bytes[b->slot[0].first_sector + k], b->slot_sector_bytes);
            assert_int_equal(part->sector_bytes[b->slot[1].first_sector + k], b->slot_sector_bytes);
        }
    }
}

static void a_part_has_the_flash_of_its_table(void **state)
{
    static const char *const names[] = {"STM32F405RG", "STM32F407VG", "STM32F407VE"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char why[256] = "";
        uint8_t byte = 0;
        const struct twin_part *part = twin_part_find(names[i]);
        struct twin *t = twin_create(&(struct twin_config){.part = names[i], .seed = 1}, why, sizeof why);
        assert_non_null(part);
        assert_non_null(t);
        assert_int_equal(sector_base(part, part->n_sectors), FLASH_BASE + part->flash_bytes);
        assert_true(twin_flash_store(t, FLASH_BASE + part->flash_bytes - 1, &byte, 1));
        assert_false(twin_flash_store(t, FLASH_BASE + part->flash_bytes, &byte, 1));
        assert_true(twin_peek(t, FLASH_BASE + part->flash_bytes - 1, &byte, 1));
        assert_false(twin_peek(t, FLASH_BASE + part->flash_bytes, &byte, 1));
        uint8_t kilobytes[2];
        assert_true(twin_peek(t, 0x1FFF7A22, kilobytes, sizeof kilobytes)); /* RM0090 39.2 */
        assert_int_equal((kilobytes[1] << 8 | kilobytes[0]) * 1024, part->flash_bytes);
        twin_destroy(t);
    }
}

static void another_part_is_refused_in_words(void **state)
{
    char why[256] = "";
    (void)state;
    assert_null(twin_create(&(struct twin_config){.part = "STM32F411RE"}, why, sizeof why));
    assert_non_null(strstr(why, "STM32F411RE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_twin_knows_the_part_of_each_board_and_agrees),
        cmocka_unit_test(a_part_has_the_flash_of_its_table),
        cmocka_unit_test(another_part_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
