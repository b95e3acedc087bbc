/* FLASH, register by register (RM0090 chapter 3, DS8626 tables 40 and 42). */
#include "real_bus.h"

#include "dev/flash_if.h"

#define R(off)   (0x40023C00U + (off))
#define ACR      R(0x00)
#define KEYR     R(0x04)
#define OPTKEYR  R(0x08)
#define SR       R(0x0C)
#define CR       R(0x10)
#define OPTCR    R(0x14)
#define CR_PG    0x1U
#define CR_SER   0x2U
#define CR_MER   0x4U
#define CR_STRT  0x10000U
#define CR_EOPIE 0x1000000U
#define CR_ERRIE 0x2000000U
#define CR_LOCK  0x80000000U
#define X8       (0U << 8)
#define X16      (1U << 8)
#define X32      (2U << 8)
#define SNB(n)   ((uint32_t)(n) << 3)
#define BSY      0x10000U
#define SLOT     0x08020000U
#define OTP      0x1FFF7800U

static uint8_t array[FLASH_IF_BYTES];
static struct dev *flash;

static bool is_revision_a;

static struct chip *make_chip(bool maximum)
{
    struct chip *chip = real_chip();
    flash = flash_if_attach(
        chip, array,
        &(struct flash_if_config){.maximum_timing = maximum, .is_revision_a = is_revision_a, .seed = 7});
    real_reset(chip, CHIP_RESET_POWER);
    return chip;
}

static void unlock(struct chip *chip)
{
    real_write(chip, KEYR, 0x45670123U);
    real_write(chip, KEYR, 0xCDEF89ABU);
}

/* How long BSY stands, by asking the event queue. */
static uint64_t busy_us(struct chip *chip)
{
    assert_true(real_read(chip, SR) & BSY);
    return (chip_next_event_ps(chip) - chip_now_ps(chip)) / REAL_US;
}

static void finish(struct chip *chip)
{
    assert_true(chip_advance(chip, chip_next_event_ps(chip)));
    assert_false(real_read(chip, SR) & BSY);
}

static uint32_t word_at(uint32_t addr)
{
    uint32_t v;
    memcpy(&v, array + (addr - 0x08000000U), 4);
    return v;
}

static void reset_values_are_the_manuals(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    assert_int_equal(real_read(chip, ACR), 0);
    assert_int_equal(real_read(chip, SR), 0);
    assert_int_equal(real_read(chip, CR), CR_LOCK);
    assert_int_equal(real_read(chip, OPTCR), 0x0FFFAAEDU);
    real_clean(chip);
    chip_destroy(chip);
}

static void keys_in_order_unlock_and_lock_bit_locks_again(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    assert_int_equal(real_read(chip, CR), 0);
    real_write(chip, CR, CR_LOCK);
    assert_int_equal(real_read(chip, CR), CR_LOCK);
    real_clean(chip);
    real_write(chip, CR, CR_PG);
    real_violated(chip, 0, "LOCK=1");
    assert_int_equal(real_read(chip, CR), CR_LOCK);
    chip_destroy(chip);
}

static void wrong_key_is_a_bus_error_and_locks_until_reset(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    assert_false(real_try(chip, KEYR, 4, 0x12345678U));
    real_violated(chip, 0, "wrong key");
    assert_false(real_try(chip, KEYR, 4, 0x45670123U));
    assert_false(real_try(chip, KEYR, 4, 0xCDEF89ABU));
    assert_int_equal(real_read(chip, CR), CR_LOCK);
    real_reset(chip, CHIP_RESET_PIN);
    unlock(chip);
    assert_int_equal(real_read(chip, CR), 0);
    chip_destroy(chip);
}

static void program_takes_16_us_closes_the_flash_and_clears_bits_only(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 0x12345678U);
    assert_int_equal(busy_us(chip), 16);
    assert_false(chip_flash_is_open(chip));
    assert_int_equal(word_at(SLOT), 0xFFFFFFFFU);
    finish(chip);
    assert_true(chip_flash_is_open(chip));
    assert_int_equal(word_at(SLOT), 0x12345678U);
    assert_int_equal(real_read(chip, SR), 0); /* EOP needs EOPIE */
    real_clean(chip);
    real_write(chip, SLOT, 0x0F0F0F0FU);
    real_violated(chip, 0, "not blank");
    finish(chip);
    assert_int_equal(word_at(SLOT), 0x02040608U);
    assert_int_equal(flash_if_stats(flash)->programs, 2);
    chip_destroy(chip);
}

static void zero_over_anything_is_allowed(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 0x12345678U);
    finish(chip);
    real_write(chip, SLOT, 0);
    finish(chip);
    assert_int_equal(word_at(SLOT), 0);
    real_clean(chip);
    chip_destroy(chip);
}

static void a_second_program_of_the_array_is_a_violation_and_which(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 0xFFFF0000U);
    finish(chip);
    real_clean(chip);
    real_write(chip, SLOT, 0xFF000000U);
    real_violated(chip, 0, "axiom F3");
    finish(chip);
    real_write(chip, SLOT, 0xFF0000FFU);
    real_violated(chip, 1, "RM0090 3.6.4");
    chip_destroy(chip);
}

static void one_time_memory_takes_cleared_bits_and_no_ones(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    for (uint32_t value = 0xFFFFFF00U; value; value <<= 8) {
        real_write(chip, OTP, value);
        finish(chip);
        real_write(chip, OTP, value); /* a run that was cut is repeated */
        finish(chip);
        assert_int_equal(real_read(chip, OTP), value);
    }
    real_clean(chip);
    real_write(chip, OTP, 0xFFFF0000U);
    real_violated(chip, 0, "writing 1 needs an erase");
    finish(chip);
    assert_int_equal(real_read(chip, OTP), 0xFF000000U);
    chip_destroy(chip);
}

static void store_without_pg_raises_pgserr_and_pgperr(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, SLOT, 0);
    real_violated(chip, 0, "without unlock");
    assert_int_equal(real_read(chip, SR), 0xC0);
    unlock(chip);
    real_write(chip, SR, 0xC0);
    assert_int_equal(real_read(chip, SR), 0);
    real_write(chip, SLOT, 0);
    real_violated(chip, 1, "PG=0");
    assert_int_equal(word_at(SLOT), 0xFFFFFFFFU);
    chip_destroy(chip);
}

static void width_other_than_psize_and_odd_address_raise_pgperr(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    assert_true(real_try(chip, SLOT, 1, 0));
    real_violated(chip, 0, "PSIZE");
    assert_int_equal(real_read(chip, SR), 0x40);
    real_write(chip, SR, 0x40);
    real_write(chip, SLOT + 2, 0);
    real_violated(chip, 1, "aligned");
    assert_int_equal(real_read(chip, SR), 0x40);
    assert_int_equal(flash_if_stats(flash)->ops, 0);
    chip_destroy(chip);
}

static void stale_error_flags_at_the_next_operation_are_a_violation(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, SLOT, 0);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 1);
    assert_int_equal(chip_violations(chip), 2);
    assert_non_null(strstr(chip_violation_at(chip, 1)->text, "error flags"));
    chip_destroy(chip);
}

static void byte_and_halfword_programs_work_with_their_psize(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X8);
    assert_true(real_try(chip, SLOT + 1, 1, 0x5A));
    finish(chip);
    real_write(chip, CR, CR_PG | X16);
    assert_true(real_try(chip, SLOT + 2, 2, 0xBEEF));
    finish(chip);
    assert_int_equal(word_at(SLOT), 0xBEEF5AFFU);
    real_clean(chip);
    chip_destroy(chip);
}

static void erase_times_follow_sector_size_psize_and_timing(void **state)
{
    (void)state;
    static const struct {
        bool maximum;
        unsigned sector;
        uint32_t psize;
        uint32_t ms;
    } row[] = {{false, 0, X8, 400},   {false, 3, X16, 300}, {false, 1, X32, 250}, {true, 2, X8, 800},
               {true, 0, X32, 500},   {false, 4, X32, 550}, {true, 4, X16, 1400}, {false, 11, X32, 1000},
               {true, 11, X32, 2000}, {true, 5, X8, 4000},  {false, 8, X16, 1300}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct chip *chip = make_chip(row[i].maximum);
        unlock(chip);
        memset(array, 0, sizeof array);
        real_write(chip, CR, CR_SER | SNB(row[i].sector) | row[i].psize);
        real_write(chip, CR, CR_SER | SNB(row[i].sector) | row[i].psize | CR_STRT);
        assert_int_equal(busy_us(chip), row[i].ms * 1000);
        assert_true(real_read(chip, CR) & CR_STRT);
        finish(chip);
        assert_false(real_read(chip, CR) & CR_STRT);
        for (uint32_t off = 0; off < FLASH_IF_BYTES; off += 4096) {
            bool inside = flash_if_sector(off) == row[i].sector;
            assert_int_equal(array[off], inside ? 0xFF : 0x00);
        }
        assert_int_equal(flash_if_stats(flash)->erases[row[i].sector], 1);
        assert_int_equal(flash_if_stats(flash)->busy_ps, row[i].ms * REAL_MS);
        real_clean(chip);
        chip_destroy(chip);
    }
}

static void mer_erases_all_and_ser_with_mer_too(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    memset(array, 0, sizeof array);
    real_write(chip, CR, CR_MER | CR_SER | SNB(3) | X32 | CR_STRT);
    real_violated(chip, 0, "erases everything");
    assert_int_equal(busy_us(chip), 8000000);
    finish(chip);
    assert_int_equal(array[0], 0xFF);
    assert_int_equal(array[FLASH_IF_BYTES - 1], 0xFF);
    chip_destroy(chip);
}

static void start_without_kind_and_sector_12_do_nothing(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, X32 | CR_STRT);
    real_violated(chip, 0, "unpredictable");
    real_write(chip, CR, CR_SER | SNB(12) | X32 | CR_STRT);
    real_violated(chip, 1, "sector 12");
    assert_int_equal(flash_if_stats(flash)->ops, 0);
    assert_false(real_read(chip, SR) & BSY);
    chip_destroy(chip);
}

static void write_protected_sector_raises_wrperr_for_both_operations(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    flash_if_set_options(flash, FLASH_IF_OPTCR_FACTORY & ~(1U << 16));
    real_reset(chip, CHIP_RESET_PIN);
    assert_int_equal(real_read(chip, OPTCR), 0x0FFEAAEDU);
    unlock(chip);
    real_write(chip, CR, CR_SER | SNB(0) | X32 | CR_STRT);
    real_violated(chip, 0, "write-protected");
    assert_int_equal(real_read(chip, SR), 0x10);
    real_write(chip, SR, 0x10);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, 0x08000000U, 0);
    real_violated(chip, 1, "write-protected");
    real_write(chip, SR, 0x10);
    real_write(chip, CR, CR_MER | X32 | CR_STRT);
    real_violated(chip, 2, "mass erase");
    real_write(chip, SR, 0x10);
    real_write(chip, CR, CR_SER | SNB(1) | X32 | CR_STRT);
    finish(chip);
    assert_int_equal(chip_violations(chip), 3);
    chip_destroy(chip);
}

static void eop_and_operr_come_only_with_their_interrupt_enables(void **state)
{
    (void)state;
    enum { FLASH_IRQ = 4 };
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32 | CR_EOPIE | CR_ERRIE);
    real_write(chip, SLOT, 1);
    finish(chip);
    assert_int_equal(real_read(chip, SR), 0x1);
    assert_true(chip_irq_level(chip, FLASH_IRQ));
    real_write(chip, SR, 0x1);
    assert_false(chip_irq_level(chip, FLASH_IRQ));
    assert_true(real_try(chip, SLOT + 8, 2, 0));
    assert_int_equal(real_read(chip, SR), 0x42);
    assert_true(chip_irq_level(chip, FLASH_IRQ));
    real_write(chip, SR, 0x42);
    assert_false(chip_irq_level(chip, FLASH_IRQ));
    chip_destroy(chip);
}

static void cr_and_array_writes_wait_while_busy(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 1);
    uint64_t before_ps = chip_now_ps(chip);
    real_write(chip, SLOT + 4, 2);
    assert_int_equal(chip_now_ps(chip) - before_ps, 16 * REAL_US);
    assert_int_equal(word_at(SLOT), 1);
    real_write(chip, CR, CR_LOCK);
    assert_int_equal(chip_now_ps(chip) - before_ps, 32 * REAL_US);
    assert_int_equal(word_at(SLOT + 4), 2);
    real_clean(chip);
    chip_destroy(chip);
}

static void wide_programs_at_low_supply_are_violations(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    chip_set_vdd_mv(chip, 2600);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, 1);
    real_violated(chip, 0, "2600 mV");
    finish(chip);
    real_write(chip, CR, CR_PG | X16);
    assert_true(real_try(chip, SLOT + 4, 2, 1));
    finish(chip);
    assert_int_equal(chip_violations(chip), 1);
    chip_destroy(chip);
}

static void too_few_wait_states_are_a_violation_by_clock_and_supply(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, ACR, 5);
    chip_set_clocks(chip, 168000000, 42000000, 84000000, 84000000, 168000000);
    real_clean(chip);
    real_write(chip, ACR, 4);
    real_violated(chip, 0, "wait states");
    real_write(chip, ACR, 5);
    chip_set_vdd_mv(chip, 2500);
    chip_set_clocks(chip, 150000000, 1, 1, 1, 1);
    real_violated(chip, 1, "2500 mV");
    chip_destroy(chip);
}

static void caches_may_be_reset_only_while_off(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, ACR, 0x700);
    real_write(chip, ACR, 0x300);
    real_write(chip, ACR, 0x1300);
    real_write(chip, ACR, 0x700);
    real_clean(chip);
    real_write(chip, ACR, 0x1700);
    real_violated(chip, 0, "DCRST");
    real_write(chip, ACR, 0x0F00);
    real_violated(chip, 1, "ICRST");
    chip_destroy(chip);
}

static void prefetch_is_a_violation_on_revision_a_only(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 2; a++) {
        is_revision_a = a != 0;
        struct chip *chip = make_chip(false);
        real_write(chip, ACR, 0x600); /* both caches */
        real_clean(chip);
        real_write(chip, ACR, 0x700);
        assert_int_equal(chip_violations(chip), a);
        assert_true(a == 0 || strstr(chip_violation_at(chip, 0)->text, "revision A"));
        chip_destroy(chip);
    }
    is_revision_a = false;
}

static void reserved_bits_and_holes_are_named(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, ACR, 0x8);
    real_violated(chip, 0, "ACR");
    real_write(chip, R(0x18), 0);
    real_violated(chip, 1, "0x18");
    unlock(chip);
    real_write(chip, CR, 1U << 20);
    real_violated(chip, 2, "CR");
    chip_destroy(chip);
}

static void reset_in_an_erase_tears_it_and_locks(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    memset(array, 0x55, sizeof array);
    unlock(chip);
    real_write(chip, CR, CR_SER | SNB(3) | X32 | CR_STRT);
    assert_true(real_pass(chip, 100 * REAL_MS));
    real_reset(chip, CHIP_RESET_IWDG);
    assert_int_equal(real_read(chip, CR), CR_LOCK);
    assert_int_equal(real_read(chip, SR), 0);
    assert_true(chip_flash_is_open(chip));
    assert_int_equal(flash_if_stats(flash)->torn, 1);
    assert_int_equal(flash_if_stats(flash)->busy_ps, 100 * REAL_MS);
    assert_int_equal(array[0x0BFFF], 0x55);
    assert_int_equal(array[0x10000], 0x55);
    assert_true(real_pass(chip, 1000 * REAL_MS)); /* no late end of the operation */
    assert_int_equal(flash_if_stats(flash)->torn, 1);
    chip_destroy(chip);
}

/* Run a planned cut of one program of `value` over `old`; @return the word afterwards. */
static uint32_t cut_program(enum flash_cut cut, uint32_t old, uint32_t value)
{
    const struct flash_cut_pair both = {cut, cut};
    struct chip *chip = make_chip(false);
    flash_if_store(flash, 0x20000, &old, 4);
    assert_true(flash_if_plan_cut(flash, 1, both));
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, SLOT, value);
    assert_false(real_pass(chip, 20 * REAL_US));
    assert_true(chip_take_power_cut(chip));
    real_reset(chip, CHIP_RESET_POWER);
    uint32_t left = word_at(SLOT);
    assert_int_equal(flash_cells_any_suspect(flash_if_cells(flash), 0x20000, 4), cut != FLASH_CUT_BEFORE);
    assert_false(flash_if_plan_cut(flash, 1, both)); /* that number has been */
    chip_destroy(chip);
    return left;
}

static void planned_cut_of_a_program_leaves_what_was_asked(void **state)
{
    (void)state;
    assert_int_equal(cut_program(FLASH_CUT_BEFORE, 0xFFFFFFFFU, 0), 0xFFFFFFFFU);
    assert_int_equal(cut_program(FLASH_CUT_OLD, 0xFFFFFFFFU, 0), 0xFFFFFFFFU);
    assert_int_equal(cut_program(FLASH_CUT_COMPLETE, 0xFFFFFFFFU, 0x1234), 0x1234);
    uint32_t torn = cut_program(FLASH_CUT_GARBAGE, 0xFFFFFFFFU, 0x00FF00FF);
    assert_int_equal(torn & 0x00FF00FF, 0x00FF00FF); /* no zero where none was wanted */
    assert_int_not_equal(torn, 0x00FF00FF);
    assert_int_not_equal(torn, 0xFFFFFFFFU);
}

/* Sector 3 full of 55, its erase cut. */
static struct chip *cut_erase(enum flash_cut cut)
{
    static uint8_t bytes[0x4000];
    struct chip *chip = make_chip(false);
    memset(bytes, 0x55, sizeof bytes);
    flash_if_store(flash, 0xC000, bytes, sizeof bytes);
    assert_true(flash_if_plan_cut(flash, 1, (struct flash_cut_pair){cut, cut}));
    unlock(chip);
    real_write(chip, CR, CR_SER | SNB(3) | X32 | CR_STRT);
    assert_false(real_pass(chip, 300 * REAL_MS));
    assert_true(chip_take_power_cut(chip));
    real_reset(chip, CHIP_RESET_POWER);
    return chip;
}

static void planned_cut_of_an_erase_makes_every_word_of_the_sector_suspect(void **state)
{
    (void)state;
    for (enum flash_cut cut = FLASH_CUT_OLD; cut < FLASH_CUTS; cut++) {
        struct chip *chip = cut_erase(cut);
        const struct flash_cells *cells = flash_if_cells(flash);
        assert_int_equal(cells->n_suspect, 0x1000);
        assert_int_equal(flash_cells_at(cells, 0x3000).kind, FLASH_CELL_SUSPECT);
        assert_int_equal(flash_cells_at(cells, 0x3FFF).kind, FLASH_CELL_SUSPECT);
        assert_true(flash_cells_hash(cells) != 0);
        unlock(chip);
        real_write(chip, CR, CR_SER | SNB(3) | X32 | CR_STRT);
        finish(chip);
        assert_int_equal(cells->n_suspect, 0);
        assert_true(flash_cells_hash(cells) == 0);
        real_clean(chip);
        chip_destroy(chip);
    }
}

/* A word that reads blank after a cut may be programmed with 0 and nothing else. */
static void non_zero_program_of_a_suspect_blank_is_a_violation(void **state)
{
    (void)state;
    struct chip *chip = cut_erase(FLASH_CUT_COMPLETE);
    assert_int_equal(word_at(0x0800C000), 0xFFFFFFFFU);
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, 0x0800C000, 0);
    finish(chip);
    real_clean(chip);
    real_write(chip, 0x0800C004, 5);
    finish(chip);
    real_violated(chip, 0, "proves nothing");
    assert_int_equal(flash_cells_at(flash_if_cells(flash), 0x3000).kind, FLASH_CELL_SOLID);
    assert_int_equal(flash_cells_at(flash_if_cells(flash), 0x3001).kind, FLASH_CELL_SUSPECT);
    chip_destroy(chip);
}

static void flaky_words_read_anew_at_each_boot_and_never_between(void **state)
{
    (void)state;
    struct chip *chip = cut_erase(FLASH_CUT_FLAKY);
    unsigned n_changes = 0;
    for (unsigned boot = 0; boot < 20; boot++) {
        static uint8_t before[0x4000];
        memcpy(before, array + 0xC000, sizeof before);
        real_reset(chip, CHIP_RESET_PIN);
        assert_memory_equal(array + 0xC000, before, sizeof before);
        flash_if_boot(flash);
        n_changes += memcmp(array + 0xC000, before, sizeof before) != 0;
    }
    assert_int_equal(n_changes, 20);
    chip_destroy(chip);
}

static void cut_program_upsets_its_sector_only_on_request(void **state)
{
    (void)state;
    for (unsigned on = 0; on < 2; on++) {
        uint32_t value = 0x12345678;
        struct chip *chip = make_chip(false);
        for (uint32_t off = 0xC000; off < 0x10000; off += 4) {
            flash_if_store(flash, off, &value, 4);
        }
        flash_if_store(flash, 0xC000, "\xFF\xFF\xFF\xFF", 4);
        flash_if_store(flash, 0x10000, &value, 4);
        flash_if_cells(flash)->is_disturbing = on != 0;
        assert_true(flash_if_plan_cut(flash, 1, (struct flash_cut_pair){FLASH_CUT_OLD, FLASH_CUT_OLD}));
        unlock(chip);
        real_write(chip, CR, CR_PG | X32);
        real_write(chip, 0x0800C000, 1);
        assert_false(real_pass(chip, 20 * REAL_US));
        real_reset(chip, CHIP_RESET_POWER);
        assert_int_equal(flash_if_cells(flash)->n_suspect, on ? 0x1000 : 1);
        assert_int_equal(flash_cells_at(flash_if_cells(flash), 0x4000).kind, FLASH_CELL_SOLID);
        chip_destroy(chip);
    }
}

/* Sector 3 worn by `wear`, a program of its word 0 at this supply. @return suspect words */
static uint32_t upset_by(enum flash_wear wear, uint32_t vdd_mv, bool is_disturbing)
{
    struct chip *chip = make_chip(false);
    flash_if_wear(flash, 3, wear);
    flash_if_cells(flash)->is_disturbing = is_disturbing;
    unlock(chip);
    real_write(chip, CR, CR_PG | X32);
    real_write(chip, 0x0800C000, 0x12345678);
    chip_set_vdd_mv(chip, vdd_mv);
    finish(chip);
    uint32_t n_suspect = flash_if_cells(flash)->n_suspect;
    chip_destroy(chip);
    return n_suspect;
}

static void failing_program_upsets_its_sector_only_on_request(void **state)
{
    (void)state;
    assert_int_equal(upset_by(FLASH_WEAR_NONE, 3300, true), 0);
    assert_int_equal(upset_by(FLASH_WEAR_DEAF, 3300, false), 0);
    assert_int_equal(upset_by(FLASH_WEAR_DEAF, 3300, true), 0x0FFF); /* all but the word itself */
    assert_int_equal(upset_by(FLASH_WEAR_NONE, 2600, false), 0);
    assert_int_equal(upset_by(FLASH_WEAR_NONE, 2600, true), 0x0FFF);
}

/* All four combinations of protection of sectors 0 and 1, and what option bytes say of it. */
static void each_sector_has_its_own_write_protection(void **state)
{
    (void)state;
    for (uint32_t mask = 0; mask < 4; mask++) {
        struct chip *chip = make_chip(false);
        flash_if_set_options(flash, FLASH_IF_OPTCR_FACTORY & ~(mask << 16));
        assert_int_equal(flash_if_options(flash), (FLASH_IF_OPTCR_FACTORY & ~(mask << 16)) & ~3U);
        real_reset(chip, CHIP_RESET_PIN);
        assert_int_equal(real_read(chip, OPTCR) >> 16, 0x0FFFU & ~mask);
        unlock(chip);
        for (unsigned sector = 0; sector < 3; sector++) {
            real_write(chip, CR, CR_SER | SNB(sector) | X32 | CR_STRT);
            bool is_refused = (real_read(chip, SR) & 0x10) != 0;
            assert_int_equal(is_refused, mask >> sector & 1);
            if (is_refused) {
                real_write(chip, SR, 0x10);
            } else {
                finish(chip);
            }
        }
        chip_destroy(chip);
    }
}

static void worn_sector_ends_operations_as_ever_but_does_not_verify(void **state)
{
    (void)state;
    for (enum flash_wear wear = FLASH_WEAR_STUCK; wear <= FLASH_WEAR_DEAF; wear++) {
        struct chip *chip = cut_erase(FLASH_CUT_BEFORE);
        flash_if_wear(flash, 3, wear);
        for (unsigned i = 0; i < 3; i++) {
            unlock(chip);
            real_write(chip, CR, CR_SER | SNB(3) | X32 | CR_STRT);
            finish(chip);
            unsigned n_blank = 0;
            for (uint32_t addr = 0x0800C000; addr < 0x08010000; addr += 4) {
                n_blank += word_at(addr) == 0xFFFFFFFFU;
            }
            assert_int_equal(n_blank, wear == FLASH_WEAR_STUCK ? 0x0FFF : 0);
            assert_int_equal(real_read(chip, SR), 0);
            real_reset(chip, CHIP_RESET_POWER);
        }
        real_clean(chip);
        chip_destroy(chip);
    }
}

static void same_seed_tears_alike(void **state)
{
    (void)state;
    uint32_t first = cut_program(FLASH_CUT_GARBAGE, 0xFFFFFFFFU, 0);
    assert_int_equal(cut_program(FLASH_CUT_GARBAGE, 0xFFFFFFFFU, 0), first);
}

static void locked_one_time_block_cannot_be_programmed(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    unlock(chip);
    real_write(chip, CR, CR_PG | X8);
    assert_true(real_try(chip, 0x1FFF7800U, 1, 0x42));
    finish(chip);
    assert_int_equal(real_read(chip, 0x1FFF7800U), 0xFFFFFF42U);
    assert_true(real_try(chip, 0x1FFF7A00U, 1, 0x00)); /* lock byte of block 0 */
    finish(chip);
    real_clean(chip);
    assert_true(real_try(chip, 0x1FFF7801U, 1, 0x00));
    real_violated(chip, 0, "locked");
    assert_int_equal(real_read(chip, SR), 0x10);
    assert_int_equal(real_read(chip, 0x1FFF7800U), 0xFFFFFF42U);
    chip_destroy(chip);
}

static void option_bytes_need_their_keys_and_last(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, OPTCR, 0);
    real_violated(chip, 0, "OPTLOCK");
    real_write(chip, OPTKEYR, 0x08192A3BU);
    real_write(chip, OPTKEYR, 0x4C5D6E7FU);
    real_write(chip, OPTCR, 0x0FFEAAE0U); /* BOR level 3, sector 0 protected */
    real_write(chip, OPTCR, 0x0FFEAAE2U);
    finish(chip);
    real_reset(chip, CHIP_RESET_POWER);
    assert_int_equal(real_read(chip, OPTCR), 0x0FFEAAE1U);
    assert_int_equal(real_read(chip, 0x1FFFC008U) & 0xFFFF, 0xFFFE);
    assert_int_equal(chip_violations(chip), 1);
    chip_destroy(chip);
}

static void cut_in_the_option_bytes_protects_the_chip_from_reading(void **state)
{
    (void)state;
    struct chip *chip = make_chip(false);
    real_write(chip, OPTKEYR, 0x08192A3BU);
    real_write(chip, OPTKEYR, 0x4C5D6E7FU);
    real_write(chip, OPTCR, 0x0FFEAAEEU);
    assert_true(real_pass(chip, REAL_MS));
    real_reset(chip, CHIP_RESET_POWER);
    assert_int_equal((real_read(chip, OPTCR) >> 8) & 0xFF, 0xFF); /* neither AA nor CC: level 1 */
    chip_destroy(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_are_the_manuals),
        cmocka_unit_test(keys_in_order_unlock_and_lock_bit_locks_again),
        cmocka_unit_test(wrong_key_is_a_bus_error_and_locks_until_reset),
        cmocka_unit_test(program_takes_16_us_closes_the_flash_and_clears_bits_only),
        cmocka_unit_test(zero_over_anything_is_allowed),
        cmocka_unit_test(a_second_program_of_the_array_is_a_violation_and_which),
        cmocka_unit_test(one_time_memory_takes_cleared_bits_and_no_ones),
        cmocka_unit_test(store_without_pg_raises_pgserr_and_pgperr),
        cmocka_unit_test(width_other_than_psize_and_odd_address_raise_pgperr),
        cmocka_unit_test(stale_error_flags_at_the_next_operation_are_a_violation),
        cmocka_unit_test(byte_and_halfword_programs_work_with_their_psize),
        cmocka_unit_test(erase_times_follow_sector_size_psize_and_timing),
        cmocka_unit_test(mer_erases_all_and_ser_with_mer_too),
        cmocka_unit_test(start_without_kind_and_sector_12_do_nothing),
        cmocka_unit_test(write_protected_sector_raises_wrperr_for_both_operations),
        cmocka_unit_test(eop_and_operr_come_only_with_their_interrupt_enables),
        cmocka_unit_test(cr_and_array_writes_wait_while_busy),
        cmocka_unit_test(wide_programs_at_low_supply_are_violations),
        cmocka_unit_test(too_few_wait_states_are_a_violation_by_clock_and_supply),
        cmocka_unit_test(caches_may_be_reset_only_while_off),
        cmocka_unit_test(prefetch_is_a_violation_on_revision_a_only),
        cmocka_unit_test(reserved_bits_and_holes_are_named),
        cmocka_unit_test(reset_in_an_erase_tears_it_and_locks),
        cmocka_unit_test(planned_cut_of_a_program_leaves_what_was_asked),
        cmocka_unit_test(planned_cut_of_an_erase_makes_every_word_of_the_sector_suspect),
        cmocka_unit_test(non_zero_program_of_a_suspect_blank_is_a_violation),
        cmocka_unit_test(flaky_words_read_anew_at_each_boot_and_never_between),
        cmocka_unit_test(cut_program_upsets_its_sector_only_on_request),
        cmocka_unit_test(failing_program_upsets_its_sector_only_on_request),
        cmocka_unit_test(each_sector_has_its_own_write_protection),
        cmocka_unit_test(worn_sector_ends_operations_as_ever_but_does_not_verify),
        cmocka_unit_test(same_seed_tears_alike),
        cmocka_unit_test(locked_one_time_block_cannot_be_programmed),
        cmocka_unit_test(option_bytes_need_their_keys_and_last),
        cmocka_unit_test(cut_in_the_option_bytes_protects_the_chip_from_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
