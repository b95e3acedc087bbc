/* The ROM loader on the FLASH model: a host repairs a board through it, and the loader breaks no rule of the
 * flash. */
#include "real_bus.h"

#include "dev/flash_if.h"
#include "dev/iwdg.h"
#include "dev/rcc.h"
#include "dev/rom_loader.h"

enum { ACK = 0x79, NACK = 0x1F, SLOT = 0x08020000, SECTOR = 5, SRAM_BYTES = 0x20000 };

#define BYTE_TIME (8 * REAL_US) /* SCK 1 MHz */
#define GAP       (15 * REAL_US)
#define STARTUP   (74 * REAL_MS)

static struct {
    struct chip *chip;
    struct dev *flash;
    uint8_t array[FLASH_IF_BYTES];
    uint8_t sram[SRAM_BYTES];
} board;

static int setup(void **state)
{
    (void)state;
    struct chip *chip = real_chip();
    memset(board.array, 0xFF, sizeof board.array);
    chip_add_memory(chip,
                    &(struct chip_memory){
                        .name = "SRAM", .base = 0x20000000, .bytes = board.sram, .n_bytes = SRAM_BYTES});
    rcc_attach(chip);
    board.chip = chip;
    board.flash = flash_if_attach(chip, board.array, &(struct flash_if_config){.seed = 1});
    iwdg_attach(chip);
    rom_loader_attach(chip, &(struct rom_loader_config){.has_spi = true});
    real_reset(chip, CHIP_RESET_POWER);
    chip_pin_outside(chip, 'A', 4, false);
    chip_rom_start(chip);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_destroy(board.chip);
    return 0;
}

static uint8_t xfer(uint8_t mosi)
{
    uint8_t miso = chip_spi_begin(board.chip);
    (void)real_pass(board.chip, BYTE_TIME);
    chip_spi_end(board.chip, mosi);
    (void)real_pass(board.chip, GAP);
    return miso;
}

static void send(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)xfer(bytes[i]);
    }
}

static int answer(unsigned polls)
{
    (void)xfer(0);
    for (unsigned i = 0; i < polls; i++) {
        uint8_t byte = xfer(0);
        if (byte == ACK || byte == NACK) {
            (void)xfer(ACK);
            return byte;
        }
    }
    return -1;
}

static void command(uint8_t op)
{
    uint8_t frame[] = {0x5A, op, (uint8_t)~op};
    send(frame, sizeof frame);
    assert_int_equal(answer(3), ACK);
}

static void address(uint32_t addr)
{
    uint8_t a[] = {(uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr, 0};
    a[4] = (uint8_t)(a[0] ^ a[1] ^ a[2] ^ a[3]);
    send(a, sizeof a);
    assert_int_equal(answer(3), ACK);
}

static void synchronise(void)
{
    (void)real_pass(board.chip, STARTUP);
    (void)xfer(0x5A);
    assert_int_equal(answer(3), ACK);
}

static void erase_sector(uint8_t sector)
{
    uint8_t list[] = {0, sector, sector};
    command(0x44);
    send((const uint8_t *)"\0\0\0", 3);
    assert_int_equal(answer(3), ACK);
    send(list, sizeof list);
    assert_int_equal(answer(200000), ACK);
}

static void write_block(uint32_t addr, const uint8_t *bytes, unsigned n)
{
    uint8_t sum = (uint8_t)(n - 1);
    command(0x31);
    address(addr);
    (void)xfer(sum);
    for (unsigned i = 0; i < n; i++) {
        sum ^= bytes[i];
        (void)xfer(bytes[i]);
    }
    (void)xfer(sum);
    (void)real_pass(board.chip, 30 * REAL_MS);
    assert_int_equal(answer(3), ACK);
}

static void read_block(uint32_t addr, uint8_t *bytes, unsigned n)
{
    uint8_t length[] = {(uint8_t)(n - 1), (uint8_t) ~(n - 1)};
    command(0x11);
    address(addr);
    send(length, sizeof length);
    assert_int_equal(answer(3), ACK);
    (void)xfer(0);
    for (unsigned i = 0; i < n; i++) {
        bytes[i] = xfer(0);
    }
}

static void fill(uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(i * 73U + 5U);
    }
}

static void erase_write_and_verify_a_slot_byte_wise(void **state)
{
    (void)state;
    uint8_t block[256];
    uint8_t back[256];
    fill(block, sizeof block);
    memset(&board.array[0x20000], 0, 0x20000);
    synchronise();
    uint64_t before_ps = chip_now_ps(board.chip);
    erase_sector(SECTOR);
    uint64_t took_ps = chip_now_ps(board.chip) - before_ps;
    assert_true(took_ps > 2000 * REAL_MS && took_ps < 2010 * REAL_MS); /* x8, typical */
    write_block(SLOT, block, 256);
    read_block(SLOT, back, 256);
    assert_memory_equal(back, block, 256);
    assert_memory_equal(&board.array[0x20000], block, 256);
    assert_int_equal(board.array[0x20100], 0xFF);
    assert_int_equal(flash_if_stats(board.flash)->programs, 256);
    real_clean(board.chip);
}

static void words_make_it_faster(void **state)
{
    (void)state;
    uint8_t block[256];
    fill(block, sizeof block);
    synchronise();
    write_block(0xFFFF0000, (const uint8_t *)"\3", 1);
    uint64_t before_ps = chip_now_ps(board.chip);
    erase_sector(SECTOR);
    uint64_t took_ps = chip_now_ps(board.chip) - before_ps;
    assert_true(took_ps > 1000 * REAL_MS && took_ps < 1010 * REAL_MS);
    write_block(SLOT, block, 256);
    assert_memory_equal(&board.array[0x20000], block, 256);
    assert_int_equal(flash_if_stats(board.flash)->programs, 64);
    real_clean(board.chip);
}

static void write_to_a_protected_sector_is_acknowledged_and_lost(void **state)
{
    (void)state;
    flash_if_set_options(board.flash, FLASH_IF_OPTCR_FACTORY & ~(1U << 16));
    real_reset(board.chip, CHIP_RESET_PIN);
    chip_pin_outside(board.chip, 'A', 4, false);
    chip_rom_start(board.chip);
    synchronise();
    write_block(0x08000000, (const uint8_t *)"\1\2\3\4", 4);
    assert_int_equal(board.array[0], 0xFF);
    write_block(SLOT, (const uint8_t *)"\1\2\3\4", 4); /* and the next one works */
    assert_memory_equal(&board.array[0x20000], "\1\2\3\4", 4);
}

static void readout_protection_and_its_removal_erase_the_flash(void **state)
{
    (void)state;
    enum chip_reset_cause cause;
    board.array[0] = 0x12;
    synchronise();
    command(0x82);
    (void)real_pass(board.chip, 500 * REAL_MS);
    assert_int_equal(answer(3), ACK);
    assert_true(chip_take_reset(board.chip, &cause));
    assert_int_equal(cause, CHIP_RESET_SOFTWARE);
    real_reset(board.chip, CHIP_RESET_SOFTWARE);
    chip_rom_start(board.chip);
    synchronise();
    send((const uint8_t *)"\x5A\x11\xEE", 3);
    assert_int_equal(answer(3), NACK);
    assert_int_equal(board.array[0], 0x12);
    command(0x92);
    (void)real_pass(board.chip, 40000 * REAL_MS);
    assert_int_equal(answer(3), ACK);
    assert_true(chip_take_reset(board.chip, &cause));
    assert_int_equal(board.array[0], 0xFF);
    real_clean(board.chip);
}

static void go_names_the_vector_table(void **state)
{
    (void)state;
    uint32_t vectors = 0;
    synchronise();
    command(0x21);
    address(SLOT + 0x200);
    assert_true(chip_take_rom_go(board.chip, &vectors));
    assert_int_equal(vectors, SLOT + 0x200);
}

static void reset_in_an_erase_leaves_a_loader_that_starts_again(void **state)
{
    (void)state;
    memset(&board.array[0x20000], 0, 0x20000);
    synchronise();
    command(0x44);
    send((const uint8_t *)"\0\0\0", 3);
    assert_int_equal(answer(3), ACK);
    send((const uint8_t *)"\0\5\5", 3);
    (void)real_pass(board.chip, 500 * REAL_MS);
    chip_rom_stop(board.chip);
    real_reset(board.chip, CHIP_RESET_PIN);
    chip_rom_start(board.chip);
    assert_int_equal(flash_if_stats(board.flash)->torn, 1);
    synchronise();
    erase_sector(SECTOR);
    for (unsigned i = 0; i < 0x20000; i++) {
        assert_int_equal(board.array[0x20000 + i], 0xFF);
    }
}

static void watchdog_that_runs_never_bites_in_the_loader(void **state)
{
    (void)state;
    chip_rom_stop(board.chip);
    flash_if_set_options(board.flash, 0x0FFFAAED & ~(1U << 5)); /* WDG_SW 0: it starts with the chip */
    real_reset(board.chip, CHIP_RESET_POWER);
    chip_rom_start(board.chip);
    assert_true(real_pass(board.chip, 120000 * REAL_MS));
    synchronise();
    erase_sector(SECTOR);
}

static void watchdog_that_stands_keeps_its_update_flag(void **state)
{
    (void)state;
    enum { IWDG_SR = 0x4000300C };
    assert_true(real_pass(board.chip, 1000 * REAL_MS));
    assert_int_equal(real_read(board.chip, IWDG_SR) & 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(erase_write_and_verify_a_slot_byte_wise, setup, teardown),
        cmocka_unit_test_setup_teardown(words_make_it_faster, setup, teardown),
        cmocka_unit_test_setup_teardown(write_to_a_protected_sector_is_acknowledged_and_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(readout_protection_and_its_removal_erase_the_flash, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_that_runs_never_bites_in_the_loader, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_that_stands_keeps_its_update_flag, setup, teardown),
        cmocka_unit_test_setup_teardown(go_names_the_vector_table, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_in_an_erase_leaves_a_loader_that_starts_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
