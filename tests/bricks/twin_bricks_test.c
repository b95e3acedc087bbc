/*
 * Bricks that need the chip: the real bootloader and the demo application in the twin, with sectors that are
 * worn out, the host's hand on NRST while flash works, and option bytes that nobody may touch. README.md has
 * the stories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "cuts_judge.h"
#include "firmware.h"
#include "port_twin/twin_link.h"

enum {
    SETTLE_MS = 30000, /* what a repair after a loss of power waits for (journal rule R10) */
    BOOT_MAX_MS = SETTLE_MS + 4000,
    STEP_MS = 2,
    OPTION_BYTES = 16,
    OTP_BYTES = 528,
    NRST_US = 50,
    ROLLBACK_MAX_S = 60
};
#define OPTION_BASE 0x1FFFC000U
#define OTP_BASE    0x1FFF7800U

static struct twin_board boards[3]; /* by timing */
static struct twin_snapshot *confirmed[3];
static struct twin_board *board;
static struct twin_link wires;

static void run_ms(unsigned ms)
{
    (void)twin_run_until(board->twin, twin_now_ns(board->twin) + (uint64_t)ms * 1000000U);
}

/* Until the console says it. */
static bool wait_for(const char *text, unsigned max_ms)
{
    for (unsigned ms = 0; ms < max_ms && !twin_board_said(board, text); ms += STEP_MS) {
        run_ms(STEP_MS);
        twin_board_listen(board);
    }
    return twin_board_said(board, text);
}

/* Until an application has introduced itself. @return its major version; 0: none did */
static unsigned started(void)
{
    for (unsigned ms = 0; ms < BOOT_MAX_MS && !twin_board_last_start(board).is_there; ms += STEP_MS) {
        run_ms(STEP_MS);
        twin_board_listen(board);
    }
    return twin_board_last_start(board).version;
}

static unsigned power_cycle(void)
{
    twin_board_clear_console(board);
    twin_set_power(board->twin, false);
    twin_set_power(board->twin, true);
    return started();
}

/* 1.0.0 confirmed, as it was before any story. */
static void open_board(enum twin_flash_timing timing)
{
    const struct twin_config config = {.flash_timing = timing, .seed = 7};
    board = &boards[timing];
    if (!confirmed[timing]) {
        twin_board_open_with(board, &config, demo_release(1));
        twin_set_pin(board->twin, TWIN_PIN_NRST, true);
        assert_int_equal(power_cycle(), 1);
        assert_true(wait_for("app: confirmed", BOOT_MAX_MS));
        confirmed[timing] = twin_save(board->twin);
        assert_non_null(confirmed[timing]);
    }
    twin_restore(board->twin, confirmed[timing]);
    twin_board_clear_console(board);
    twin_link_init(&wires, board->twin);
}

/* At the end of a story. */
static void must_be_sound(void)
{
    const struct twin_start start = twin_board_last_start(board);
    const char *broken = cuts_judge(board, &start);
    if (broken) {
        fail_msg("%s\n%s", broken, board->console);
    }
    struct twin_violation violation;
    if (twin_violation(board->twin, 0, &violation) != 0) {
        fail_msg("%s", violation.text);
    }
}

static int close_boards(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        if (confirmed[i]) {
            twin_snapshot_free(confirmed[i]);
            twin_board_close(&boards[i]);
        }
    }
    return 0;
}

static void lose(uint32_t sector)
{
    static uint8_t junk[FLASH_J0_BYTES];
    bool is_j0 = sector == FLASH_J0_SECTOR;
    memset(junk, 0xA5, sizeof junk);
    assert_true(twin_flash_store(board->twin, is_j0 ? FLASH_J0_BASE : FLASH_J1_BASE, junk,
                                 is_j0 ? FLASH_J0_BYTES : FLASH_J1_BYTES));
}

static void journal_sector_that_cannot_be_erased_costs_the_mirror_and_nothing_else(void **state)
{
    (void)state;
    static const uint32_t SECTORS[] = {FLASH_J0_SECTOR, FLASH_J1_SECTOR};
    for (unsigned i = 0; i < 4; i += 3) { /* J0 with a stuck bit, J1 that hears nothing */
        open_board(TWIN_FLASH_HASTY);
        lose(SECTORS[i % 2]);
        assert_true(twin_wear_out(board->twin, SECTORS[i % 2], i < 2 ? TWIN_WEAR_STUCK : TWIN_WEAR_DEAF));
        assert_int_equal(power_cycle(), 1);
        assert_int_equal(host_install(&wires.io, demo_release(2)), FOTA_OK);
        twin_board_clear_console(board);
        assert_int_equal(started(), 2);
        assert_true(wait_for("app: confirmed", BOOT_MAX_MS));
        for (unsigned boot = 0; boot < 2; boot++) {
            assert_int_equal(power_cycle(), 2);
            assert_string_equal(twin_board_last_start(board).state, "confirmed");
        }
        must_be_sound();
    }
}

static void with_both_journal_sectors_dead_the_application_runs_and_an_update_is_refused(void **state)
{
    (void)state;
    open_board(TWIN_FLASH_HASTY);
    assert_true(twin_wear_out(board->twin, FLASH_J0_SECTOR, TWIN_WEAR_DEAF));
    assert_true(twin_wear_out(board->twin, FLASH_J1_SECTOR, TWIN_WEAR_DEAF));
    assert_int_equal(power_cycle(), 1);
    uint64_t erases = twin_stats(board->twin)->flash_erases[FLASH_SLOT_B_SECTOR];
    enum fota_err err = host_install(&wires.io, demo_release(2));
    print_message("update refused: %s\n", fota_err_name(err));
    assert_int_not_equal(err, FOTA_OK);
    assert_int_equal(twin_stats(board->twin)->flash_erases[FLASH_SLOT_B_SECTOR], erases);
    assert_int_equal(power_cycle(), 1);
    assert_string_equal(twin_board_last_start(board).state, "confirmed");
    must_be_sound();
}

static void sector_of_a_slot_that_cannot_be_erased_ends_the_update_with_a_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        static const uint8_t junk[64] = {0};
        open_board(TWIN_FLASH_HASTY);
        assert_true(twin_flash_store(board->twin, FLASH_SLOT_B_BASE, junk, sizeof junk));
        assert_true(
            twin_wear_out(board->twin, FLASH_SLOT_B_SECTOR, i == 0 ? TWIN_WEAR_STUCK : TWIN_WEAR_DEAF));
        enum fota_err err = host_install(&wires.io, demo_release(2));
        print_message("update refused: %s\n", fota_err_name(err));
        assert_int_not_equal(err, FOTA_OK);
        for (unsigned boot = 0; boot < 2; boot++) {
            assert_int_equal(power_cycle(), 1);
            assert_string_equal(twin_board_last_start(board).state, "confirmed");
        }
        must_be_sound();
    }
}

/* The host resets the target whenever it likes: here in several places of a repair that erases both
 * sectors. */
static void host_reset_while_flash_works_is_a_cut_like_any_other(void **state)
{
    (void)state;
    unsigned n_torn = 0;
    for (unsigned at_ms = 4; at_ms < 1400; at_ms += 231) {
        open_board(TWIN_FLASH_TYPICAL);
        lose(FLASH_J1_SECTOR);
        twin_board_clear_console(board);
        twin_set_power(board->twin, false);
        twin_set_power(board->twin, true);
        run_ms(SETTLE_MS + at_ms);
        twin_set_pin(board->twin, TWIN_PIN_NRST, false);
        (void)twin_run_until(board->twin, twin_now_ns(board->twin) + NRST_US * 1000U);
        twin_board_clear_console(board);
        twin_set_pin(board->twin, TWIN_PIN_NRST, true);
        n_torn += twin_stats(board->twin)->flash_torn != 0;
        assert_int_equal(started(), 1);
        assert_string_equal(twin_board_last_start(board).state, "confirmed");
        must_be_sound();
    }
    print_message("%u resets tore an operation\n", n_torn);
    assert_true(n_torn >= 4);
}

/* First key of FLASH_OPTKEYR (RM0090 3.9.4): whoever has it could unlock the option bytes. */
static bool has_option_key(void)
{
    static const uint8_t KEY[] = {0x3B, 0x2A, 0x19, 0x08};
    static uint8_t root[FIRMWARE_ROOT_MAX_BYTES];
    const uint32_t n_root = firmware_read_root(root);
    bool is_there = false;
    for (size_t i = 0; i + sizeof KEY <= n_root; i++) {
        is_there = is_there || memcmp(root + i, KEY, sizeof KEY) == 0;
    }
    return is_there;
}

static void option_bytes_and_one_time_area_are_as_the_factory_left_them(void **state)
{
    (void)state;
    uint8_t before[2][OTP_BYTES], after[2][OTP_BYTES];
    open_board(TWIN_FLASH_HASTY);
    assert_true(twin_peek(board->twin, OPTION_BASE, before[0], OPTION_BYTES));
    assert_true(twin_peek(board->twin, OTP_BASE, before[1], OTP_BYTES));
    assert_int_equal(host_install(&wires.io, demo_release(3)),
                     FOTA_OK); /* never confirms: three runs and back */
    for (unsigned second = 0; second < ROLLBACK_MAX_S && twin_board_last_start(board).version != 1;
         second++) {
        run_ms(1000); /* it resets itself when its time to confirm is over: a failed run, three in all */
        twin_board_listen(board);
    }
    assert_int_equal(twin_board_last_start(board).version, 1);
    assert_int_equal(host_install(&wires.io, demo_release(2)), FOTA_OK);
    twin_board_clear_console(board);
    assert_int_equal(started(), 2);
    assert_true(twin_peek(board->twin, OPTION_BASE, after[0], OPTION_BYTES));
    assert_true(twin_peek(board->twin, OTP_BASE, after[1], OTP_BYTES));
    assert_memory_equal(before[0], after[0], OPTION_BYTES);
    assert_memory_equal(before[1], after[1], OTP_BYTES);
    assert_false(has_option_key());
    must_be_sound();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal_sector_that_cannot_be_erased_costs_the_mirror_and_nothing_else),
        cmocka_unit_test(with_both_journal_sectors_dead_the_application_runs_and_an_update_is_refused),
        cmocka_unit_test(sector_of_a_slot_that_cannot_be_erased_ends_the_update_with_a_reason),
        cmocka_unit_test(host_reset_while_flash_works_is_a_cut_like_any_other),
        cmocka_unit_test(option_bytes_and_one_time_area_are_as_the_factory_left_them),
    };
    return cmocka_run_group_tests(tests, NULL, close_boards);
}
