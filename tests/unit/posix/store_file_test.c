/* The store in a file keeps the contract of port/store.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/store_file.h"

static char folder[64];
static char path[128];
static struct store_file file;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "store_file_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/state", folder);
    store_file_init(&file, path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void nothing_saved_is_not_found(void **state)
{
    (void)state;
    uint8_t bytes[8];
    assert_int_equal(store_load(&file.store, 0, bytes, sizeof bytes), E_NOT_FOUND);
    assert_int_equal(store_load(&file.store, 1, bytes, sizeof bytes), E_NOT_FOUND);
}

static void cells_are_apart_and_survive_reopening(void **state)
{
    (void)state;
    uint8_t a[STORE_CELL_BYTES];
    uint8_t b[STORE_CELL_BYTES];
    uint8_t got[STORE_CELL_BYTES];
    memset(a, 0xAA, sizeof a);
    memset(b, 0xBB, sizeof b);
    assert_int_equal(store_save(&file.store, 1, b, sizeof b), FOTA_OK);
    assert_int_equal(store_save(&file.store, 0, a, sizeof a), FOTA_OK);
    struct store_file again;
    store_file_init(&again, path);
    assert_int_equal(store_load(&again.store, 0, got, sizeof got), FOTA_OK);
    assert_memory_equal(got, a, sizeof a);
    assert_int_equal(store_load(&again.store, 1, got, sizeof got), FOTA_OK);
    assert_memory_equal(got, b, sizeof b);
}

static void cell_that_was_written_in_part_is_not_found_beyond_it(void **state)
{
    (void)state;
    uint8_t bytes[100] = {1};
    uint8_t more[101];
    assert_int_equal(store_save(&file.store, 1, bytes, sizeof bytes), FOTA_OK);
    assert_int_equal(store_load(&file.store, 1, more, sizeof bytes), FOTA_OK);
    assert_int_equal(store_load(&file.store, 1, more, sizeof more), E_NOT_FOUND);
}

static void file_is_private_to_its_owner(void **state)
{
    (void)state;
    struct stat st;
    uint8_t byte = 1;
    assert_int_equal(store_save(&file.store, 0, &byte, 1), FOTA_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void wrong_cell_and_length_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[STORE_CELL_BYTES + 1];
    assert_int_equal(store_save(&file.store, STORE_CELLS, bytes, 1), E_ARG);
    assert_int_equal(store_save(&file.store, 0, bytes, 0), E_ARG);
    assert_int_equal(store_save(&file.store, 0, bytes, sizeof bytes), E_ARG);
    assert_int_equal(store_load(&file.store, STORE_CELLS, bytes, 1), E_ARG);
    assert_int_equal(store_load(&file.store, 0, bytes, sizeof bytes), E_ARG);
}

static void folder_that_is_not_there_is_an_io_error(void **state)
{
    (void)state;
    struct store_file elsewhere;
    uint8_t byte = 1;
    store_file_init(&elsewhere, "no-such-folder/state");
    assert_int_equal(store_save(&elsewhere.store, 0, &byte, 1), E_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_saved_is_not_found),
        TEST(cells_are_apart_and_survive_reopening),
        TEST(cell_that_was_written_in_part_is_not_found_beyond_it),
        TEST(file_is_private_to_its_owner),
        TEST(wrong_cell_and_length_are_refused),
        TEST(folder_that_is_not_there_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
