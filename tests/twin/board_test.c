/* The board as a whole: guest programs (guest/guest.c) on the emulated chip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twin/twin.h"

#define MS(n)    ((uint64_t)(n)*1000000U)
#define US(n)    ((uint64_t)(n)*1000U)
#define LOG      0x080E0000U
#define SECTOR_5 0x08020000U

enum command {
    CMD_COUNT = 1,
    CMD_ERASE,
    CMD_ERASE_FROM_RAM,
    CMD_ERASE_UNDER_WATCHDOG,
    CMD_SOFT_RESET,
    CMD_LOG,
    CMD_TICK_168,
    CMD_LOCKUP,
    CMD_UNMODELLED,
    CMD_HELLO,
    CMD_IDENTITY,
    CMD_BACKUP,
    CMD_STALE_CACHE,
    CMD_FLUSHED_CACHE
};

enum { OUT_MAGIC, OUT_BOOTS, OUT_CSR, OUT_TICKS, OUT_LOOPS, OUT_DONE, OUT_VALUE, OUT_SR };
enum { CSR_BOR = 1 << 25, CSR_PIN = 1 << 26, CSR_POR = 1 << 27, CSR_SFT = 1 << 28, CSR_IWDG = 1 << 29 };

static uint32_t out(const struct twin *t, unsigned i)
{
    uint32_t v = 0;
    assert_true(twin_peek(t, 0x20010000U + 4 * i, &v, 4));
    return v;
}

static struct twin *make(const struct twin_config *config, enum command command)
{
    char why[256] = "";
    struct twin *t = twin_create(config, why, sizeof why);
    if (!t || !twin_load_elf(t, GUEST_ELF, why, sizeof why)) {
        fail_msg("%s", why);
    }
    uint32_t word = command;
    assert_true(twin_flash_store(t, 0x08010000U, &word, 4));
    return t;
}

/* A board with the guest's program, power on. */
static struct twin *board(enum command command)
{
    struct twin *t = make(&(struct twin_config){.seed = 1}, command);
    twin_set_power(t, true);
    return t;
}

static void run_ms(struct twin *t, unsigned ms)
{
    assert_int_equal(twin_run_until(t, twin_now_ns(t) + MS(ms)), TWIN_STOP_TIME);
}

static void clean(const struct twin *t)
{
    struct twin_violation v;
    if (twin_violation(t, 0, &v) != 0) {
        fail_msg("violation at %llu ns, pc %08x: %s", (unsigned long long)v.time_ns, (unsigned)v.pc, v.text);
    }
}

static void assert_same(const struct twin_snapshot *a, const struct twin_snapshot *b)
{
    char why[256];
    if (!twin_snapshot_equal(a, b, why, sizeof why)) {
        fail_msg("%s", why);
    }
}

/* --- start and reset --- */

static void power_on_boots_from_flash_with_the_flags_of_power_on(void **state)
{
    (void)state;
    struct twin *t = board(CMD_COUNT);
    run_ms(t, 1);
    assert_int_equal(twin_stats(t)->instructions, 0); /* reset temporisation, DS8626: 1.5 ms */
    run_ms(t, 20);
    assert_int_equal(out(t, OUT_BOOTS), 1);
    assert_int_equal(out(t, OUT_CSR), CSR_POR | CSR_BOR | CSR_PIN);
    assert_in_range(out(t, OUT_TICKS), 18, 20);
    assert_true(out(t, OUT_LOOPS) > 1000);
    assert_int_equal(twin_stats(t)->resets_power, 1);
    clean(t);
    twin_destroy(t);
}

static void without_power_time_passes_and_nothing_else(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 1}, CMD_COUNT);
    assert_int_equal(twin_run_until(t, MS(5)), TWIN_STOP_POWER);
    assert_int_equal(twin_now_ns(t), MS(5));
    assert_int_equal(twin_stats(t)->instructions, 0);
    uint8_t miso[2] = {0, 0};
    assert_int_equal(twin_spi_transfer(t, NULL, miso, 2, 1000000, 0), TWIN_STOP_POWER);
    assert_int_equal(miso[0] & miso[1], 0xFF);
    assert_int_equal(twin_now_ns(t), MS(5) + US(16));
    twin_destroy(t);
}

static void nrst_resets_holds_and_keeps_ram(void **state)
{
    (void)state;
    struct twin *t = board(CMD_COUNT);
    run_ms(t, 10);
    twin_set_pin(t, TWIN_PIN_NRST, false);
    run_ms(t, 1);
    uint64_t instructions = twin_stats(t)->instructions;
    uint32_t loops = out(t, OUT_LOOPS);
    run_ms(t, 5);
    assert_int_equal(twin_stats(t)->instructions, instructions);
    assert_int_equal(out(t, OUT_LOOPS), loops);
    twin_set_pin(t, TWIN_PIN_NRST, true);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_BOOTS), 2);
    assert_int_equal(out(t, OUT_CSR), CSR_PIN);
    assert_true(out(t, OUT_LOOPS) > loops);
    assert_int_equal(twin_stats(t)->resets_pin, 1);
    clean(t);
    twin_destroy(t);
}

static void pulses_of_100_ns_on_nrst_are_filtered(void **state)
{
    (void)state;
    struct twin *t = board(CMD_COUNT);
    run_ms(t, 10);
    for (unsigned ns = 50; ns <= 300; ns += 250) {
        twin_set_pin(t, TWIN_PIN_NRST, false);
        (void)twin_run_until(t, twin_now_ns(t) + ns);
        twin_set_pin(t, TWIN_PIN_NRST, true);
        run_ms(t, 5);
        assert_int_equal(out(t, OUT_BOOTS), ns == 50 ? 1 : 2);
    }
    twin_destroy(t);
}

static void software_reset_sets_its_flag_and_keeps_ram(void **state)
{
    (void)state;
    struct twin *t = board(CMD_SOFT_RESET);
    run_ms(t, 10);
    assert_int_equal(out(t, OUT_BOOTS), 3);
    assert_int_equal(out(t, OUT_CSR), CSR_SFT | CSR_PIN);
    assert_int_equal(twin_stats(t)->resets_software, 2);
    clean(t);
    twin_destroy(t);
}

static void ram_reads_as_garbage_by_seed_and_power_on(void **state)
{
    (void)state;
    uint8_t first[64];
    uint8_t again[64];
    struct twin *t = board(CMD_COUNT);
    assert_true(twin_peek(t, 0x2001C000U, first, sizeof first));
    twin_set_power(t, false);
    twin_set_power(t, true);
    assert_true(twin_peek(t, 0x2001C000U, again, sizeof again));
    assert_memory_not_equal(first, again, sizeof first);
    twin_destroy(t);
    t = board(CMD_COUNT);
    assert_true(twin_peek(t, 0x2001C000U, again, sizeof again));
    assert_memory_equal(first, again, sizeof first);
    twin_destroy(t);
}

static void backup_registers_survive_nrst_but_not_power(void **state)
{
    (void)state;
    struct twin *t = board(CMD_BACKUP);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_VALUE), 0);
    for (uint32_t i = 1; i < 4; i++) {
        twin_set_pin(t, TWIN_PIN_NRST, false);
        run_ms(t, 1);
        twin_set_pin(t, TWIN_PIN_NRST, true);
        run_ms(t, 5);
        assert_int_equal(out(t, OUT_VALUE), i);
    }
    twin_set_power(t, false);
    twin_set_power(t, true);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_VALUE), 0);
    clean(t);
    twin_destroy(t);
}

static void brown_out_level_3_holds_the_chip_below_2_8_v(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 1}, CMD_COUNT);
    twin_set_options(t, 0x0FFFAAE0U);
    twin_set_power(t, true);
    run_ms(t, 10);
    uint32_t loops = out(t, OUT_LOOPS);
    assert_true(loops > 0);
    twin_set_supply(t, 2900);
    run_ms(t, 1);
    assert_true(out(t, OUT_LOOPS) > loops);
    twin_set_supply(t, 2700);
    loops = out(t, OUT_LOOPS);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_LOOPS), loops);
    twin_set_supply(t, 3300);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_BOOTS), 2);
    assert_int_equal(out(t, OUT_CSR), CSR_BOR | CSR_PIN);
    twin_set_supply(t, 1500);
    assert_int_equal(twin_run_until(t, twin_now_ns(t) + 1), TWIN_STOP_POWER);
    twin_destroy(t);
}

/* A board that is switched on at a low supply: below power-down it does not start, below its brown-out level
 * it is held in reset. */
static void low_supply_at_power_on_holds_the_board_by_its_option_bytes(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 1}, CMD_COUNT);
    twin_set_supply(t, 1600);
    twin_set_power(t, true);
    assert_int_equal(twin_run_until(t, twin_now_ns(t) + 5000000), TWIN_STOP_POWER);
    twin_set_supply(t, 2500);
    twin_set_power(t, true); /* brown-out reset is off in the factory's option bytes */
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_BOOTS), 1);
    twin_set_power(t, false);
    twin_set_options(t, 0x0FFFAAE1U); /* level 3: 2.81 V */
    assert_int_equal(twin_options(t), 0x0FFFAAE0U);
    twin_set_power(t, true);
    uint64_t instructions = twin_stats(t)->instructions;
    run_ms(t, 5);
    assert_int_equal(twin_stats(t)->instructions, instructions);
    twin_set_supply(t, 3000);
    run_ms(t, 5);
    assert_true(twin_stats(t)->instructions > instructions);
    clean(t);
    twin_destroy(t);
}

static void boot0_high_runs_the_rom_loader_and_low_the_flash(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 1}, CMD_COUNT);
    twin_set_pin(t, TWIN_PIN_BOOT0, true);
    twin_set_power(t, true);
    run_ms(t, 200);
    assert_int_equal(twin_stats(t)->instructions, 0);
    static const uint8_t sync[6] = {0x5A, 0, 0, 0, 0, 0};
    uint8_t miso[6];
    twin_set_pin(t, TWIN_PIN_NSS, false);
    assert_int_equal(twin_spi_transfer(t, sync, miso, sizeof sync, 1000000, 15000), TWIN_STOP_TIME);
    assert_non_null(memchr(miso, 0x79, sizeof miso));
    twin_set_pin(t, TWIN_PIN_BOOT0, false);
    twin_set_pin(t, TWIN_PIN_NRST, false);
    run_ms(t, 1);
    twin_set_pin(t, TWIN_PIN_NRST, true);
    run_ms(t, 5);
    assert_true(twin_stats(t)->instructions > 0);
    assert_int_equal(out(t, OUT_MAGIC), 0x600DF00D);
    clean(t);
    twin_destroy(t);
}

static void rom_v3_1_has_no_spi_and_says_so_in_its_id_byte(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 1, .rom = TWIN_ROM_V3_1}, CMD_IDENTITY);
    twin_set_power(t, true);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_VALUE), 0x31);
    assert_int_equal(out(t, OUT_SR), 1024); /* flash size in KB */
    clean(t);
    twin_set_pin(t, TWIN_PIN_BOOT0, true);
    twin_set_pin(t, TWIN_PIN_NRST, false);
    run_ms(t, 1);
    twin_set_pin(t, TWIN_PIN_NRST, true);
    run_ms(t, 200);
    static const uint8_t sync[4] = {0x5A, 0, 0, 0};
    uint8_t miso[4];
    twin_set_pin(t, TWIN_PIN_NSS, false);
    (void)twin_spi_transfer(t, sync, miso, sizeof sync, 1000000, 15000);
    assert_null(memchr(miso, 0x79, sizeof miso));
    twin_destroy(t);
}

/* --- time, stalls, watchdog --- */

static void systick_at_168_mhz_is_exact(void **state)
{
    (void)state;
    struct twin *t = board(CMD_TICK_168);
    run_ms(t, 100);
    assert_int_equal(out(t, OUT_DONE), 1);
    uint32_t before = out(t, OUT_TICKS);
    run_ms(t, 1000);
    assert_in_range(out(t, OUT_TICKS) - before, 999, 1001);
    assert_true(twin_stats(t)->instructions < 200000); /* it sleeps in between */
    clean(t);
    twin_destroy(t);
}

static void code_in_flash_stands_still_during_an_erase(void **state)
{
    (void)state;
    struct twin *t = board(CMD_ERASE);
    run_ms(t, 500);
    assert_int_equal(out(t, OUT_DONE), 0);
    assert_int_equal(out(t, OUT_LOOPS), 0);
    uint32_t ticks = out(t, OUT_TICKS);
    run_ms(t, 400);
    assert_int_equal(out(t, OUT_TICKS), ticks);
    run_ms(t, 200);
    assert_int_equal(out(t, OUT_DONE), 1);
    assert_in_range(out(t, OUT_LOOPS), 0, 1);
    assert_in_range(out(t, OUT_TICKS), 1, 110); /* one pending tick, then those of the last 100 ms */
    assert_int_equal(out(t, OUT_SR), 0);
    assert_int_equal(twin_stats(t)->flash_busy_ns, MS(1000));
    assert_int_equal(twin_stats(t)->flash_erases[5], 1);
    clean(t);
    twin_destroy(t);
}

static void code_in_ram_runs_on_during_an_erase(void **state)
{
    (void)state;
    struct twin *t = board(CMD_ERASE_FROM_RAM);
    run_ms(t, 500);
    assert_int_equal(out(t, OUT_DONE), 0);
    assert_true(out(t, OUT_LOOPS) > 100000);
    run_ms(t, 600);
    assert_int_equal(out(t, OUT_DONE), 1);
    clean(t);
    twin_destroy(t);
}

static void maximum_timing_doubles_the_erase(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.flash_timing = TWIN_FLASH_MAXIMUM}, CMD_ERASE);
    twin_set_power(t, true);
    run_ms(t, 1990);
    assert_int_equal(out(t, OUT_DONE), 0);
    run_ms(t, 20);
    assert_int_equal(out(t, OUT_DONE), 1);
    assert_int_equal(twin_stats(t)->flash_busy_ns, MS(2000));
    twin_destroy(t);
}

static void watchdog_tears_an_erase_inside_the_stall(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 3}, CMD_ERASE_UNDER_WATCHDOG);
    uint8_t pattern[4096];
    memset(pattern, 0x55, sizeof pattern);
    for (uint32_t off = 0; off < 0x20000; off += sizeof pattern) {
        assert_true(twin_flash_store(t, SECTOR_5 + off, pattern, sizeof pattern));
    }
    twin_set_power(t, true);
    run_ms(t, 700);
    assert_int_equal(twin_stats(t)->resets_iwdg, 1);
    assert_int_equal(twin_stats(t)->flash_torn, 1);
    assert_int_equal(out(t, OUT_BOOTS), 2);
    assert_int_equal(out(t, OUT_CSR), CSR_IWDG | CSR_PIN);
    assert_in_range(twin_stats(t)->flash_busy_ns, MS(510),
                    MS(513)); /* the watchdog's 512 ms, not the erase's 1 s */
    clean(t);
    twin_destroy(t);
}

static void fast_lsi_bites_sooner(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 3, .lsi_hz = 47000}, CMD_ERASE_UNDER_WATCHDOG);
    twin_set_power(t, true);
    run_ms(t, 400);
    assert_int_equal(twin_stats(t)->resets_iwdg, 1);
    twin_destroy(t);
}

static void load_through_a_stale_data_cache_is_a_violation(void **state)
{
    (void)state;
    struct twin *t = board(CMD_STALE_CACHE);
    run_ms(t, 1100);
    assert_int_equal(out(t, OUT_DONE), 1);
    struct twin_violation v;
    assert_int_equal(twin_violation(t, 0, &v), 1); /* one for the sector, not one for each load */
    assert_non_null(strstr(v.text, "load from 0x08020000"));
    twin_destroy(t);
    t = board(CMD_FLUSHED_CACHE);
    run_ms(t, 1100);
    assert_int_equal(out(t, OUT_DONE), 1);
    clean(t);
    twin_destroy(t);
}

/* --- determinism and snapshots --- */

static struct twin_snapshot *snapshot_after(enum command command, uint64_t seed, unsigned ms)
{
    struct twin *t = make(&(struct twin_config){.seed = seed}, command);
    twin_set_power(t, true);
    for (unsigned i = 0; i < ms; i++) {
        (void)twin_run_until(t, twin_now_ns(t) + MS(1));
    }
    struct twin_snapshot *s = twin_save(t);
    twin_destroy(t);
    return s;
}

static void same_run_twice_is_the_same_to_the_byte(void **state)
{
    (void)state;
    static const enum command commands[] = {CMD_COUNT, CMD_ERASE_UNDER_WATCHDOG, CMD_TICK_168, CMD_LOG,
                                            CMD_HELLO};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct twin_snapshot *a = snapshot_after(commands[i], 5, 700);
        struct twin_snapshot *b = snapshot_after(commands[i], 5, 700);
        assert_same(a, b);
        twin_snapshot_free(a);
        twin_snapshot_free(b);
    }
}

static void another_seed_is_another_run_and_the_difference_is_named(void **state)
{
    (void)state;
    struct twin_snapshot *a = snapshot_after(CMD_COUNT, 5, 5);
    struct twin_snapshot *b = snapshot_after(CMD_COUNT, 6, 5);
    char why[256] = "";
    assert_false(twin_snapshot_equal(a, b, why, sizeof why));
    assert_non_null(strstr(why, "SRAM differs at byte 0x"));
    twin_snapshot_free(a);
    twin_snapshot_free(b);
}

/* Run to `split_us`, save, run on to the end: the same end after restore, here and on another board. */
static void check_split(enum command command, uint64_t split_us, uint64_t end_us)
{
    struct twin *t = board(command);
    (void)twin_run_until(t, US(split_us));
    struct twin_snapshot *split = twin_save(t);
    (void)twin_run_until(t, US(end_us));
    struct twin_snapshot *end = twin_save(t);
    twin_restore(t, split);
    struct twin_snapshot *back = twin_save(t);
    assert_same(split, back);
    (void)twin_run_until(t, US(end_us));
    struct twin_snapshot *end_again = twin_save(t);
    assert_same(end, end_again);
    struct twin *other = board(CMD_COUNT);
    run_ms(other, 3);
    twin_restore(other, split);
    (void)twin_run_until(other, US(end_us));
    struct twin_snapshot *end_elsewhere = twin_save(other);
    assert_same(end, end_elsewhere);
    twin_snapshot_free(split);
    twin_snapshot_free(end);
    twin_snapshot_free(back);
    twin_snapshot_free(end_again);
    twin_snapshot_free(end_elsewhere);
    twin_destroy(t);
    twin_destroy(other);
}

static void restored_run_goes_on_as_if_never_stopped(void **state)
{
    (void)state;
    for (uint64_t us = 100; us < 8000; us += 397) {
        check_split(CMD_HELLO, us, 9000);
        check_split(CMD_LOG, us, 9000);
    }
    check_split(CMD_ERASE, 300000, 1100000); /* inside the stall */
    check_split(CMD_ERASE_FROM_RAM, 300000, 1100000);
    check_split(CMD_ERASE_UNDER_WATCHDOG, 300000, 600000);
    check_split(CMD_TICK_168, 4500, 50000);
    check_split(CMD_STALE_CACHE, 500000, 1100000);
}

static void splitting_a_run_does_not_change_it(void **state)
{
    (void)state;
    struct twin *a = board(CMD_ERASE);
    struct twin *b = board(CMD_ERASE);
    assert_int_equal(twin_run_until(a, MS(1100)), TWIN_STOP_TIME);
    for (uint64_t us = 0; us <= 1100000; us += 730) {
        (void)twin_run_until(b, US(us));
    }
    (void)twin_run_until(b, MS(1100));
    assert_int_equal(out(a, OUT_DONE), out(b, OUT_DONE));
    assert_int_equal(out(a, OUT_TICKS), out(b, OUT_TICKS));
    assert_int_equal(twin_stats(a)->instructions, twin_stats(b)->instructions);
    assert_int_equal(twin_stats(a)->cycles, twin_stats(b)->cycles);
    twin_destroy(a);
    twin_destroy(b);
}

/* --- planned cuts --- */

static uint32_t log_word(const struct twin *t, unsigned i)
{
    uint32_t v;
    assert_true(twin_peek(t, LOG + 4 * i, &v, 4));
    return v;
}

static void check_cut_word(const struct twin *t, unsigned i, enum twin_cut cut)
{
    uint32_t v = log_word(t, i);
    uint32_t wanted = 0xA5A50000U + i;
    if (cut == TWIN_CUT_BEFORE || cut == TWIN_CUT_BLANK) {
        assert_int_equal(v, 0xFFFFFFFFU);
    } else if (cut == TWIN_CUT_COMPLETE) {
        assert_int_equal(v, wanted);
    } else {
        assert_int_equal(v & wanted, wanted);
    }
}

/* The guest goes on where it reads blank. If the cut word is
 * there, the twin says that this proves nothing. */
static void check_no_other_violation(const struct twin *t, enum twin_cut cut)
{
    struct twin_violation first;
    size_t n = twin_violation(t, 0, &first);
    if (n == 1 && cut == TWIN_CUT_BLANK && strstr(first.text, "reads blank but was not erased")) {
        return;
    }
    clean(t);
}

static void cut_at_operation_n_leaves_n_minus_1_whole_and_the_next_boot_goes_on(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 11}, CMD_LOG);
    struct twin_snapshot *start = twin_save(t);
    for (unsigned op = 1; op <= 64; op++) {
        for (enum twin_cut cut = TWIN_CUT_BEFORE; cut <= TWIN_CUT_FRONT; cut++) {
            twin_restore(t, start);
            assert_true(twin_plan_cut(t, op, cut));
            twin_set_power(t, true);
            assert_int_equal(twin_run_until(t, MS(20)), TWIN_STOP_POWER);
            assert_true(twin_now_ns(t) < MS(20));
            assert_int_equal(twin_stats(t)->flash_ops, op);
            for (unsigned i = 0; i + 1 < op; i++) {
                assert_int_equal(log_word(t, i), 0xA5A50000U + i);
            }
            check_cut_word(t, op - 1, cut);
            if (op < 64) {
                assert_int_equal(log_word(t, op), 0xFFFFFFFFU);
            }
            twin_set_power(t, true);
            run_ms(t, 10);
            assert_int_equal(out(t, OUT_DONE), 1);
            assert_int_equal(log_word(t, 63) & 0xA5A5003FU, 0xA5A5003FU);
            check_no_other_violation(t, cut);
        }
    }
    twin_snapshot_free(start);
    twin_destroy(t);
}

static void what_is_behind_torn_cells_comes_back_with_a_snapshot(void **state)
{
    (void)state;
    struct twin *t = make(&(struct twin_config){.seed = 11}, CMD_LOG);
    assert_true(twin_plan_cut(t, 3, TWIN_CUT_FLAKY));
    twin_set_power(t, true);
    assert_int_equal(twin_run_until(t, MS(20)), TWIN_STOP_POWER);
    assert_int_equal(twin_stats(t)->flash_suspect_words, 1);
    assert_int_equal(twin_stats(t)->flash_flaky_words, 1);
    struct twin_snapshot *torn = twin_save(t);
    uint64_t hash = twin_cells_hash(t);
    uint32_t reading[2][8];
    for (unsigned round = 0; round < 2; round++) {
        twin_restore(t, torn);
        assert_true(twin_cells_hash(t) == hash);
        for (unsigned boot = 0; boot < 8; boot++) {
            twin_set_power(t, false);
            twin_set_power(t, true);
            run_ms(t, 2); /* the core has started; the guest has not programmed anything yet */
            reading[round][boot] = log_word(t, 2);
        }
    }
    assert_memory_equal(reading[0], reading[1], sizeof reading[0]);
    twin_snapshot_free(torn);
    twin_destroy(t);
}

static void eight_cuts_fit_and_past_ones_are_refused(void **state)
{
    (void)state;
    struct twin *t = board(CMD_LOG);
    run_ms(t, 10);
    assert_int_equal(twin_stats(t)->flash_ops, 64);
    assert_false(twin_plan_cut(t, 64, TWIN_CUT_BEFORE));
    for (uint64_t i = 0; i < 8; i++) {
        assert_true(twin_plan_cut(t, 100 + i, TWIN_CUT_BEFORE));
    }
    assert_false(twin_plan_cut(t, 200, TWIN_CUT_BEFORE));
    twin_forget_cuts(t);
    assert_true(twin_plan_cut(t, 200, TWIN_CUT_BEFORE));
    twin_destroy(t);
}

/* --- what the outside sees --- */

static void console_and_led_show_outside(void **state)
{
    (void)state;
    struct twin *t = board(CMD_HELLO);
    assert_false(twin_gpio_level(t, 'D', 12));
    run_ms(t, 20);
    char text[64] = "";
    assert_int_equal(twin_console_read(t, text, sizeof text), 21);
    assert_memory_equal(text, "hello from the guest\n", 21);
    assert_true(twin_gpio_level(t, 'D', 12));
    twin_set_power(t, false);
    assert_false(twin_gpio_level(t, 'D', 12));
    clean(t);
    twin_destroy(t);
}

static void violation_is_named_counted_and_fatal_only_in_strict_mode(void **state)
{
    (void)state;
    struct twin *t = board(CMD_UNMODELLED);
    run_ms(t, 5);
    assert_int_equal(out(t, OUT_DONE), 1);
    struct twin_violation v;
    assert_int_equal(twin_violation(t, 0, &v), 1);
    assert_non_null(strstr(v.text, "I2C1"));
    assert_in_range(v.pc, 0x08000000U, 0x08004000U);
    assert_int_equal(twin_stats(t)->violations, 1);
    twin_destroy(t);
    t = make(&(struct twin_config){.strict = true}, CMD_UNMODELLED);
    twin_set_power(t, true);
    assert_int_equal(twin_run_until(t, MS(5)), TWIN_STOP_VIOLATION);
    assert_true(twin_now_ns(t) < MS(5));
    assert_int_equal(out(t, OUT_DONE), 0);
    twin_destroy(t);
}

static void fault_in_the_fault_handler_locks_up_until_reset(void **state)
{
    (void)state;
    struct twin *t = board(CMD_LOCKUP);
    assert_int_equal(twin_run_until(t, MS(5)), TWIN_STOP_LOCKUP);
    assert_int_equal(twin_now_ns(t), MS(5));
    uint32_t other = CMD_COUNT;
    assert_true(twin_flash_store(t, 0x08010000U, &other, 4));
    twin_set_pin(t, TWIN_PIN_NRST, false);
    (void)twin_run_until(t, MS(6));
    twin_set_pin(t, TWIN_PIN_NRST, true);
    run_ms(t, 5);
    assert_true(out(t, OUT_LOOPS) > 0);
    twin_destroy(t);
}

static void breakpoint_stops_before_its_instruction_and_the_run_goes_on(void **state)
{
    (void)state;
    struct twin *t = board(CMD_COUNT);
    uint32_t entry;
    assert_true(twin_peek(t, 0x08000004U, &entry, 4));
    twin_set_breakpoint(t, entry);
    assert_int_equal(twin_run_until(t, MS(10)), TWIN_STOP_BREAKPOINT);
    assert_int_equal(twin_reg(t, 15), entry & ~1U);
    assert_int_equal(twin_stats(t)->instructions, 0);
    assert_int_equal(twin_run_until(t, MS(10)), TWIN_STOP_TIME);
    assert_true(out(t, OUT_LOOPS) > 0);
    twin_destroy(t);
}

static void transfer_takes_8_bit_times_and_the_gap_for_each_byte(void **state)
{
    (void)state;
    struct twin *t = board(CMD_COUNT);
    run_ms(t, 5);
    uint64_t before_ns = twin_now_ns(t);
    assert_int_equal(twin_spi_transfer(t, NULL, NULL, 100, 1000000, 15000), TWIN_STOP_TIME);
    assert_in_range(twin_now_ns(t) - before_ns, 2300000, 2300400);
    assert_int_equal(twin_stats(t)->spi_bytes, 100);
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_on_boots_from_flash_with_the_flags_of_power_on),
        cmocka_unit_test(without_power_time_passes_and_nothing_else),
        cmocka_unit_test(nrst_resets_holds_and_keeps_ram),
        cmocka_unit_test(pulses_of_100_ns_on_nrst_are_filtered),
        cmocka_unit_test(software_reset_sets_its_flag_and_keeps_ram),
        cmocka_unit_test(ram_reads_as_garbage_by_seed_and_power_on),
        cmocka_unit_test(backup_registers_survive_nrst_but_not_power),
        cmocka_unit_test(brown_out_level_3_holds_the_chip_below_2_8_v),
        cmocka_unit_test(low_supply_at_power_on_holds_the_board_by_its_option_bytes),
        cmocka_unit_test(boot0_high_runs_the_rom_loader_and_low_the_flash),
        cmocka_unit_test(rom_v3_1_has_no_spi_and_says_so_in_its_id_byte),
        cmocka_unit_test(systick_at_168_mhz_is_exact),
        cmocka_unit_test(code_in_flash_stands_still_during_an_erase),
        cmocka_unit_test(code_in_ram_runs_on_during_an_erase),
        cmocka_unit_test(maximum_timing_doubles_the_erase),
        cmocka_unit_test(watchdog_tears_an_erase_inside_the_stall),
        cmocka_unit_test(fast_lsi_bites_sooner),
        cmocka_unit_test(load_through_a_stale_data_cache_is_a_violation),
        cmocka_unit_test(same_run_twice_is_the_same_to_the_byte),
        cmocka_unit_test(another_seed_is_another_run_and_the_difference_is_named),
        cmocka_unit_test(restored_run_goes_on_as_if_never_stopped),
        cmocka_unit_test(splitting_a_run_does_not_change_it),
        cmocka_unit_test(cut_at_operation_n_leaves_n_minus_1_whole_and_the_next_boot_goes_on),
        cmocka_unit_test(what_is_behind_torn_cells_comes_back_with_a_snapshot),
        cmocka_unit_test(eight_cuts_fit_and_past_ones_are_refused),
        cmocka_unit_test(console_and_led_show_outside),
        cmocka_unit_test(violation_is_named_counted_and_fatal_only_in_strict_mode),
        cmocka_unit_test(fault_in_the_fault_handler_locks_up_until_reset),
        cmocka_unit_test(breakpoint_stops_before_its_instruction_and_the_run_goes_on),
        cmocka_unit_test(transfer_takes_8_bit_times_and_the_gap_for_each_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
