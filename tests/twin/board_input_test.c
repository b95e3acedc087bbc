/* Configurations and firmware files that the twin refuses, each with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "twin/twin.h"

static void bad_configurations_are_refused_with_the_field(void **state)
{
    (void)state;
    char why[128];
    assert_null(twin_create(&(struct twin_config){.lsi_hz = 16000}, why, sizeof why));
    assert_non_null(strstr(why, "lsi_hz is 16000"));
    assert_null(twin_create(&(struct twin_config){.vdd_mv = 5000}, why, sizeof why));
    assert_non_null(strstr(why, "vdd_mv is 5000"));
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static size_t read_guest(uint8_t *bytes, size_t room)
{
    FILE *f = fopen(GUEST_ELF, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    (void)fclose(f);
    return n;
}

static void refuse(struct twin *t, const char *path, const char *part)
{
    char why[256] = "";
    assert_false(twin_load_elf(t, path, why, sizeof why));
    if (!strstr(why, part)) {
        fail_msg("reason is '%s'; expected '%s'", why, part);
    }
}

static void files_that_are_no_firmware_are_refused_with_words(void **state)
{
    (void)state;
    static uint8_t elf[1 << 20];
    size_t n = read_guest(elf, sizeof elf);
    char why[256];
    struct twin *t = twin_create(&(struct twin_config){0}, why, sizeof why);
    const char *path = "board_input_test_bad.elf";
    refuse(t, "no-such-file.elf", "cannot open");
    write_file(path, "hello", 5);
    refuse(t, path, "not an ELF file");
    write_file(path, "", 0);
    refuse(t, path, "cannot read");
    write_file(path, elf, 60);
    refuse(t, path, "cut off");
    write_file(path, elf, n / 3);
    refuse(t, path, "cut off");
    elf[18] = 0x3E;
    write_file(path, elf, n);
    refuse(t, path, "not for 32-bit little-endian ARM");
    elf[18] = 0x28;
    uint32_t paddr = 52 + 12; /* first program header, physical address */
    elf[paddr + 3] = 0x20;
    write_file(path, elf, n);
    refuse(t, path, "outside the flash");
    uint8_t still[4];
    assert_true(twin_peek(t, 0x08000000U, still, 4));
    assert_int_equal(still[0] & still[1] & still[2] & still[3], 0xFF); /* nothing was loaded */
    assert_int_equal(remove(path), 0);
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configurations_are_refused_with_the_field),
        cmocka_unit_test(files_that_are_no_firmware_are_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
