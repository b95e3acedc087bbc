/* The ladder and the ROM as a programmer, on the twin: real binaries, and ST's ROM with its traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "link/link_pump.h"
#include "link_client/link_ladder.h"
#include "twin_board.h"

enum { SECTOR_5 = 5, K128 = 0x20000, SECTOR_3 = 3, K16 = 0x4000 };

/* --- the ladder -------------------------------------------------------------------------------------- */

static void agent_answers_and_nothing_is_disturbed(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_confirmed(&b);
    uint64_t resets = twin_stats(b.twin)->resets_pin;
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
    assert_int_equal(l.rung, LINK_RUNG_STANDING);
    assert_int_equal(l.peer.kind, LINK_PEER_AGENT);
    assert_int_equal(l.peer.info.boot.running_slot, SLOT_A);
    assert_int_equal(twin_stats(b.twin)->resets_pin, resets);
    assert_false(l.is_tried[LINK_RUNG_RESET]);
    twin_board_close(&b);
}

static void board_without_image_is_answered_by_its_loader(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_with(
        &b,
        &(struct twin_config){
            .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = true},
        NULL);
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 200);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
    assert_int_equal(l.rung, LINK_RUNG_STANDING);
    assert_int_equal(l.peer.kind, LINK_PEER_BOOTLOADER);
    assert_int_equal(l.peer.info.boot.last_reason, E_SLOT_NOT_BOOTABLE);
    twin_board_close(&b);
}

static void hung_application_is_reset_and_its_agent_answers(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_confirmed(&b);
    twin_set_pin(b.twin, TWIN_PIN_NRST, false); /* stands for a hang: nothing runs until somebody acts */
    twin_board_run_ms(&b, 1);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
    assert_int_equal(l.rung, LINK_RUNG_RESET);
    assert_int_equal(l.reason[LINK_RUNG_STANDING], E_LINK_AGENT_SILENT);
    assert_int_equal(l.peer.kind, LINK_PEER_AGENT);
    twin_board_close(&b);
}

static void loader_is_reached_although_an_image_boots(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_confirmed(&b);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &l), FOTA_OK);
    assert_int_equal(l.peer.kind, LINK_PEER_BOOTLOADER);
    assert_int_equal(l.peer.info.boot.active_slot, SLOT_A);
    assert_int_equal(l.rom.version, 0x91);
    /* Once: the next reset starts the application. */
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_RESET, LINK_RUNG_RESET, &l), FOTA_OK);
    assert_int_equal(l.peer.kind, LINK_PEER_AGENT);
    twin_board_close(&b);
}

static void loader_whose_host_is_gone_lets_the_image_boot(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_confirmed(&b);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &l), FOTA_OK);
    twin_board_run_ms(&b, LINK_GONE_MS - 1000);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_STANDING, &l), FOTA_OK);
    assert_int_equal(l.peer.kind, LINK_PEER_BOOTLOADER);
    twin_board_run_ms(&b, LINK_GONE_MS + TWIN_BOARD_SETTLE_MS);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_STANDING, &l), FOTA_OK);
    assert_int_equal(l.peer.kind, LINK_PEER_AGENT);
    twin_board_close(&b);
}

/* Sector 1 as an accident leaves it. */
enum loss { LOSS_ERASED, LOSS_HEADER, LOSS_CODE, LOSSES };

static void lose_the_loader(struct twin *t, enum loss loss)
{
    static const uint8_t garbage[8] = {0};
    static uint8_t blank[FLASH_LOADER_BYTES];
    memset(blank, 0xFF, sizeof blank);
    twin_set_power(t, false);
    if (loss == LOSS_ERASED) {
        assert_true(twin_flash_store(t, FLASH_LOADER_BASE, blank, sizeof blank));
    } else {
        uint32_t off = loss == LOSS_HEADER ? 0 : 0x1000;
        assert_true(twin_flash_store(t, FLASH_LOADER_BASE + off, garbage, sizeof garbage));
    }
    twin_set_power(t, true);
    twin_board_run_ms(&(struct twin_board){.twin = t}, TWIN_BOARD_SETTLE_MS);
}

/* The application below which sector 1 is lost runs on and is updated as ever; only whoever asks for the
 * loader hears of it, with the reason. */
static void lost_loader_is_named_and_disturbs_no_application(void **state)
{
    (void)state;
    static const uint8_t none[8];
    static const enum fota_err reason[LOSSES] = {E_IMAGE_BLANK, E_IMAGE_MAGIC, E_IMAGE_HASH};
    for (unsigned loss = 0; loss < LOSSES; loss++) {
        struct twin_board b;
        struct link_ladder l;
        twin_board_open_confirmed(&b);
        lose_the_loader(b.twin, (enum loss)loss);
        assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
        assert_int_equal(l.rung, LINK_RUNG_STANDING);
        assert_int_equal(l.peer.info.boot.running_slot, SLOT_A);
        assert_int_equal(memcmp(l.peer.info.boot.loader_hash, none, sizeof none) == 0, loss != LOSS_CODE);
        uint64_t ops = twin_stats(b.twin)->flash_ops;
        assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &l),
                         E_LINK_LOADER_MISSING);
        assert_int_equal(l.boot_reason, reason[loss]);
        assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_RESET, LINK_RUNG_RESET, &l), FOTA_OK);
        assert_int_equal(l.peer.kind, LINK_PEER_AGENT);
        assert_int_equal(l.peer.info.boot.n_crashes, 0); /* nor is it blamed */
        assert_int_equal(twin_stats(b.twin)->flash_ops, ops);
        twin_board_close(&b);
    }
}

static void board_without_image_and_loader_says_so_through_the_rom(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_with(
        &b,
        &(struct twin_config){
            .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = true},
        NULL);
    lose_the_loader(b.twin, LOSS_CODE);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
    assert_int_equal(l.rung, LINK_RUNG_ROM);
    assert_int_equal(l.reason[LINK_RUNG_REQUEST], E_LINK_LOADER_MISSING);
    assert_int_equal(l.boot_reason, E_IMAGE_HASH);
    twin_board_close(&b);
}

static void erased_board_is_answered_by_the_rom(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 10);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), FOTA_OK);
    assert_int_equal(l.rung, LINK_RUNG_ROM);
    assert_int_equal(l.reason[LINK_RUNG_STANDING], E_LINK_AGENT_SILENT);
    assert_int_equal(l.reason[LINK_RUNG_RESET], E_LINK_RESET_SILENT);
    assert_int_equal(l.reason[LINK_RUNG_REQUEST], E_LINK_BOOT_MISSING);
    assert_int_equal(l.rom.version, 0x91);
    assert_int_equal(l.rom.protocol, 0x11);
    assert_int_equal(l.rom.protected_sectors, 0);
    assert_true(l.rom.is_x32);
    twin_board_close(&b);
}

static void rom_without_spi_is_known_by_its_silence_in_bounded_time(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V3_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 10);
    uint64_t start_ns = twin_now_ns(b.twin);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l), E_LINK_ROM_SILENT);
    assert_false(l.is_found);
    assert_int_equal(l.reason[LINK_RUNG_REQUEST], E_LINK_ROM_SILENT);
    assert_int_equal(l.reason[LINK_RUNG_ROM], E_LINK_ROM_SILENT);
    uint64_t took_ms = (twin_now_ns(b.twin) - start_ns) / 1000000U;
    print_message("four silent rungs took %u ms\n", (unsigned)took_ms);
    assert_true(took_ms < 60000);
    twin_board_close(&b);
}

/* Wires whose BOOT0 goes nowhere. */
static enum fota_err lost_boot0(struct link_io *io, bool high)
{
    (void)io;
    (void)high;
    return FOTA_OK;
}

static void boot0_that_is_not_wired_is_named(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open_confirmed(&b);
    struct link_io_ops ops = *b.wires.io.ops;
    ops.set_boot0 = lost_boot0;
    b.wires.io.ops = &ops;
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_ROM, LINK_RUNG_ROM, &l), E_LINK_BOOT0);
    twin_board_close(&b);
}

static void read_protected_chip_is_named(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_set_options(b.twin, 0x0FFF55ED);
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 10);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_ROM, LINK_RUNG_ROM, &l), E_LINK_PROTECTED);
    twin_board_close(&b);
}

static void unpowered_board_is_silent_on_every_rung(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder l;
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    enum fota_err err = link_ladder_climb(&b.link, LINK_RUNG_STANDING, LINK_RUNG_ROM, &l);
    print_message("without power: %s\n", fota_err_name(err));
    assert_true(err == E_IO || err == E_LINK_ROM_SILENT);
    twin_destroy(b.twin);
}

/* --- the ROM as a programmer ------------------------------------------------------------------------- */

static void enter(struct twin_board *b, enum twin_rom rom, enum twin_flash_timing timing,
                  struct link_rom *out)
{
    twin_board_open(b, &(struct twin_config){.rom = rom, .flash_timing = timing, .seed = 1, .strict = false});
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 10);
    assert_int_equal(link_rom_enter(&b->link, out), FOTA_OK);
}

static void assert_sector(const struct twin_board *b, uint32_t addr, uint32_t span, const uint8_t *bytes,
                          uint32_t n)
{
    static uint8_t got[K128];
    assert_true(twin_peek(b->twin, addr, got, span));
    assert_memory_equal(got, bytes, n);
    for (uint32_t i = n; i < span; i++) {
        assert_int_equal(got[i], 0xFF);
    }
}

static void store_over_garbage(enum twin_rom kind, enum twin_flash_timing timing, const char *name)
{
    static uint8_t bytes[K16];
    static uint8_t garbage[K16];
    struct twin_board b;
    struct link_rom rom;
    twin_board_fill(bytes, 9001, 1);
    twin_board_fill(garbage, sizeof garbage, 2);
    enter(&b, kind, timing, &rom);
    assert_true(twin_flash_store(b.twin, FLASH_J1_BASE, garbage, sizeof garbage));
    const struct link_rom_area area = {FLASH_J1_BASE, K16, bytes, 9001};
    uint64_t start_ns = twin_now_ns(b.twin);
    assert_int_equal(link_rom_store(&b.link, SECTOR_3, &area, NULL), FOTA_OK);
    print_message("%s: 16 KB sector with 9,001 bytes in %u ms, %u repeats, %u erases\n", name,
                  (unsigned)((twin_now_ns(b.twin) - start_ns) / 1000000U), (unsigned)b.link.stats.repeats,
                  (unsigned)twin_stats(b.twin)->flash_erases[SECTOR_3]);
    assert_sector(&b, FLASH_J1_BASE, K16, bytes, 9001);
    assert_int_equal(twin_stats(b.twin)->flash_erases[SECTOR_3], 1);
    twin_board_close(&b);
}

static void sector_is_erased_written_and_read_back(void **state)
{
    (void)state;
    store_over_garbage(TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, "typical flash");
    store_over_garbage(TWIN_ROM_V9_1, TWIN_FLASH_MAXIMUM, "slowest flash");
}

static void early_acks_of_erase_and_write_are_not_believed(void **state)
{
    (void)state;
    store_over_garbage(TWIN_ROM_V9_1_EARLY, TWIN_FLASH_TYPICAL, "early ACK, typical flash");
    store_over_garbage(TWIN_ROM_V9_1_EARLY, TWIN_FLASH_MAXIMUM, "early ACK, slowest flash");
}

/* What a host sees that believes the first ACK after an erase. @return its time in ms */
static uint32_t believe_first_ack(struct twin_board *b, uint16_t sector)
{
    static const uint8_t start[] = {0x5A, 0x44, 0xBB, 0, 0, 0x79, 0x00, 0x00, 0x00, 0, 0, 0x79};
    const uint8_t code[] = {0, (uint8_t)sector, (uint8_t)sector};
    struct link_io *io = &b->wires.io;
    uint8_t miso = 0;
    assert_int_equal(link_io_select(io, true), FOTA_OK);
    assert_int_equal(link_io_transfer(io, start, NULL, sizeof start), FOTA_OK);
    assert_int_equal(link_io_transfer(io, code, NULL, sizeof code), FOTA_OK);
    uint64_t start_ns = twin_now_ns(b->twin);
    assert_int_equal(link_io_transfer(io, NULL, NULL, 1), FOTA_OK);
    while (miso != 0x79) {
        assert_int_equal(link_io_transfer(io, NULL, &miso, 1), FOTA_OK);
    }
    return (uint32_t)((twin_now_ns(b->twin) - start_ns) / 1000000U);
}

static void early_ack_of_a_long_erase_is_waited_out(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_rom rom;
    enter(&b, TWIN_ROM_V9_1_EARLY, TWIN_FLASH_MAXIMUM, &rom);
    assert_true(believe_first_ack(&b, SECTOR_5) < 10); /* the trap is there: the erase takes 2 s */
    twin_board_run_ms(&b, 3000);
    assert_int_equal(link_client_sync(&b.link), FOTA_OK);
    uint64_t start_ns = twin_now_ns(b.twin);
    assert_int_equal(link_client_erase(&b.link, SECTOR_5), FOTA_OK);
    assert_true(twin_now_ns(b.twin) - start_ns >= 2000000000U); /* DS8626: 2 s at x32 */
    twin_board_close(&b);
}

static void protected_sector_is_noticed_though_every_command_is_acknowledged(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {1};
    static uint8_t old[K16];
    struct twin_board b;
    struct link_rom rom;
    twin_board_fill(old, sizeof old, 3);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_set_options(b.twin, 0x0FFFAAED & ~(1U << (16 + SECTOR_3)));
    assert_true(twin_flash_store(b.twin, FLASH_J1_BASE, old, sizeof old));
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 10);
    assert_int_equal(link_rom_enter(&b.link, &rom), FOTA_OK);
    assert_int_equal(rom.protected_sectors, 1 << SECTOR_3);
    const struct link_rom_area area = {FLASH_J1_BASE, K16, bytes, sizeof bytes};
    assert_int_equal(link_rom_store(&b.link, SECTOR_3, &area, NULL), E_FLASH_NOT_BLANK);
    assert_sector(&b, FLASH_J1_BASE, K16, old, sizeof old);
    twin_board_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_answers_and_nothing_is_disturbed),
        cmocka_unit_test(board_without_image_is_answered_by_its_loader),
        cmocka_unit_test(hung_application_is_reset_and_its_agent_answers),
        cmocka_unit_test(loader_is_reached_although_an_image_boots),
        cmocka_unit_test(loader_whose_host_is_gone_lets_the_image_boot),
        cmocka_unit_test(lost_loader_is_named_and_disturbs_no_application),
        cmocka_unit_test(board_without_image_and_loader_says_so_through_the_rom),
        cmocka_unit_test(erased_board_is_answered_by_the_rom),
        cmocka_unit_test(rom_without_spi_is_known_by_its_silence_in_bounded_time),
        cmocka_unit_test(boot0_that_is_not_wired_is_named),
        cmocka_unit_test(read_protected_chip_is_named),
        cmocka_unit_test(unpowered_board_is_silent_on_every_rung),
        cmocka_unit_test(sector_is_erased_written_and_read_back),
        cmocka_unit_test(early_acks_of_erase_and_write_are_not_believed),
        cmocka_unit_test(early_ack_of_a_long_erase_is_waited_out),
        cmocka_unit_test(protected_sector_is_noticed_though_every_command_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
