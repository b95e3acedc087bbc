/* lib/base: the promises that every other layer leans on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/flash_map.h"

static void crc_check_values_of_the_catalogue(void **state)
{
    (void)state;
    assert_int_equal(crc32_update(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(crc32c_update(0, "123456789", 9), 0xE3069283);
}

/* lib/base/crc_small.c under other names (CMakeLists.txt). */
uint32_t crc32_small_update(uint32_t crc, const void *data, size_t n_bytes);
uint32_t crc32c_small_update(uint32_t crc, const void *data, size_t n_bytes);

static void crc_of_sector_0_is_the_same(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(x >> 24);
    }
    for (size_t n = 0; n < sizeof bytes; n++) {
        assert_int_equal(crc32_update(x, bytes, n), crc32_small_update(x, bytes, n));
        assert_int_equal(crc32c_update(x, bytes + n, 1), crc32c_small_update(x, bytes + n, 1));
    }
}

static void crc_of_parts_equals_crc_of_whole(void **state)
{
    (void)state;
    const char text[] = "the quick brown fox jumps over the lazy dog";
    const size_t n = sizeof text - 1;
    for (size_t cut = 0; cut <= n; cut++) {
        assert_int_equal(crc32_update(crc32_update(0, text, cut), text + cut, n - cut),
                         crc32_update(0, text, n));
        assert_int_equal(crc32c_update(crc32c_update(0, text, cut), text + cut, n - cut),
                         crc32c_update(0, text, n));
    }
}

static void crc_sees_every_single_bit_flip(void **state)
{
    (void)state;
    uint8_t bytes[48];
    memset(bytes, 0x5C, sizeof bytes);
    const uint32_t good = crc32_update(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(crc32_update(0, bytes, sizeof bytes), good);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void integers_come_back_in_both_byte_orders(void **state)
{
    (void)state;
    uint8_t b[4];
    bytes_store_le32(b, 0x11223344);
    assert_memory_equal(b, "\x44\x33\x22\x11", 4);
    assert_int_equal(bytes_load_le32(b), 0x11223344);
    assert_int_equal(bytes_load_be32(b), 0x44332211);
    bytes_store_be32(b, 0xFFEEDDCC);
    assert_memory_equal(b, "\xFF\xEE\xDD\xCC", 4);
    assert_int_equal(bytes_load_be32(b), 0xFFEEDDCC);
    bytes_store_le16(b, 0xA1B2);
    assert_memory_equal(b, "\xB2\xA1", 2);
    assert_int_equal(bytes_load_le16(b), 0xA1B2);
    bytes_store_be16(b, 0xA1B2);
    assert_memory_equal(b, "\xA1\xB2", 2);
    assert_int_equal(bytes_load_be16(b), 0xA1B2);
}

static void all_equal_sees_one_odd_byte_anywhere(void **state)
{
    (void)state;
    uint8_t b[33];
    memset(b, 0xFF, sizeof b);
    assert_true(bytes_all_equal(b, sizeof b, 0xFF));
    assert_true(bytes_all_equal(b, 0, 0x00));
    for (size_t i = 0; i < sizeof b; i++) {
        b[i] = 0xFE;
        assert_false(bytes_all_equal(b, sizeof b, 0xFF));
        b[i] = 0xFF;
    }
}

static void every_error_has_a_text_and_a_name_of_its_own(void **state)
{
    (void)state;
#define CHECK_ERR(id, number, text)                                                                          \
    assert_string_equal(fota_err_name(id), #id);                                                             \
    assert_true(strlen(fota_err_text(id)) > 1);                                                              \
    assert_int_equal(id, number);
    FOTA_ERR_LIST(CHECK_ERR)
#undef CHECK_ERR
    assert_string_equal(fota_err_name((enum fota_err)0x7F7F), "E_UNKNOWN");
    assert_string_equal(fota_err_text((enum fota_err)0x7F7F), "unknown error");
}

static void the_map_tiles_the_flash_without_overlap(void **state)
{
    (void)state;
    assert_int_equal(FLASH_BOOT_BASE, FLASH_MAP_BASE);
    assert_int_equal(FLASH_SLOT_BYTES, FLASH_SLOT_SECTORS * FLASH_SLOT_SECTOR_BYTES);
    assert_int_equal(FLASH_SLOT_A_BASE + FLASH_SLOT_BYTES, FLASH_SLOT_B_BASE);
    assert_int_equal(FLASH_SLOT_B_BASE + FLASH_SLOT_BYTES, FLASH_J0_BASE);
    assert_int_equal(FLASH_J0_BASE + FLASH_J0_BYTES, FLASH_MAP_BASE + FLASH_MAP_BYTES);
    assert_true(FLASH_J1_BASE >= FLASH_BOOT_BASE + FLASH_BOOT_BYTES);
    assert_true(FLASH_J1_BASE + FLASH_J1_BYTES <= FLASH_SLOT_A_BASE);
    /* The 16 vectors of the core end before the services table; VTOR wants images on 512 bytes. */
    assert_true(FLASH_SERVICES_ADDR >= FLASH_BOOT_BASE + 16 * 4);
    assert_int_equal((FLASH_SLOT_A_BASE + FLASH_IMAGE_HEADER_AREA_BYTES) % 512, 0);
    assert_int_equal(RAM_APP_BASE + RAM_APP_BYTES, RAM_SERVICES_BASE);
    assert_int_equal(RAM_SERVICES_BASE + RAM_SERVICES_BYTES, RAM_BASE + RAM_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_check_values_of_the_catalogue),
        cmocka_unit_test(crc_of_sector_0_is_the_same),
        cmocka_unit_test(crc_of_parts_equals_crc_of_whole),
        cmocka_unit_test(crc_sees_every_single_bit_flip),
        cmocka_unit_test(integers_come_back_in_both_byte_orders),
        cmocka_unit_test(all_equal_sees_one_odd_byte_anywhere),
        cmocka_unit_test(every_error_has_a_text_and_a_name_of_its_own),
        cmocka_unit_test(the_map_tiles_the_flash_without_overlap),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
