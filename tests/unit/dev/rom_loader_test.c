/* The ROM loader as a host sees it: AN4286 V1.1 byte by byte, AN2606's limits, and the traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/rom_loader.h"
#include "fake_chip.h"
#include "fake_flash.h"

enum {
    ACK = 0x79,
    NACK = 0x1F,
    FILLER = 0xA5,
    NO_ANSWER = -1,
    SECTOR_5 = 0x08020000,
    SRAM_FREE = 0x20003000
};

#define GAP     (15 * FAKE_US) /* AN4286 1: between two bytes */
#define STARTUP (74 * FAKE_MS)

struct fixture {
    struct chip *chip;
    struct fake_flash *flash;
};

static struct fixture fix;

static void attach(const struct rom_loader_config *config)
{
    fix.chip = fake_chip_create();
    fix.flash = fake_flash_attach(fix.chip);
    rom_loader_attach(fix.chip, config);
    chip_pin_outside(fix.chip, 'A', 4, false);
    fake_rom_start(fix.chip);
}

static int setup(void **state)
{
    attach(&(struct rom_loader_config){.has_spi = true});
    *state = fix.chip;
    return 0;
}

static int setup_stale(void **state)
{
    attach(&(struct rom_loader_config){.has_spi = true, .busy = ROM_LOADER_BUSY_STALE});
    *state = fix.chip;
    return 0;
}

static int setup_v3(void **state)
{
    attach(&(struct rom_loader_config){.has_spi = false});
    *state = fix.chip;
    return 0;
}

static int setup_min_gap(void **state)
{
    attach(&(struct rom_loader_config){.has_spi = true, .min_gap_ps = 8 * FAKE_US});
    *state = fix.chip;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    unsigned refused = fix.flash->refused;
    fake_chip_destroy(*state);
    return violations || refused ? -1 : 0;
}

/* --- a host that follows AN4286 ---------------------------------------------------------------------- */

static uint8_t xfer(uint8_t mosi)
{
    uint8_t miso = fake_spi(fix.chip, mosi);
    fake_run(fix.chip, GAP);
    return miso;
}

static void send(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)xfer((uint8_t)bytes[i]);
    }
}

/* Dummy byte, polls, echo. @return ACK, NACK or NO_ANSWER after `polls` */
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
    return NO_ANSWER;
}

static int command(uint8_t op)
{
    (void)xfer(0x5A);
    (void)xfer(op);
    (void)xfer((uint8_t)~op);
    return answer(10);
}

static void synchronise(void)
{
    fake_run(fix.chip, STARTUP);
    (void)xfer(0x5A);
    assert_int_equal(answer(10), ACK);
}

static int address(uint32_t addr)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t byte = (uint8_t)(addr >> (24 - 8 * i));
        sum ^= byte;
        (void)xfer(byte);
    }
    (void)xfer(sum);
    return answer(10);
}

static void receive(uint8_t *out, size_t n)
{
    (void)xfer(0);
    for (size_t i = 0; i < n; i++) {
        out[i] = xfer(0);
    }
}

static void read_memory(uint32_t addr, uint8_t *out, unsigned n)
{
    assert_int_equal(command(0x11), ACK);
    assert_int_equal(address(addr), ACK);
    (void)xfer((uint8_t)(n - 1));
    (void)xfer((uint8_t) ~(n - 1));
    assert_int_equal(answer(10), ACK);
    receive(out, n);
}

static void send_block(const uint8_t *bytes, unsigned n)
{
    uint8_t sum = (uint8_t)(n - 1);
    (void)xfer(sum);
    for (unsigned i = 0; i < n; i++) {
        sum ^= bytes[i];
        (void)xfer(bytes[i]);
    }
    (void)xfer(sum);
}

static int write_memory(uint32_t addr, const uint8_t *bytes, unsigned n)
{
    assert_int_equal(command(0x31), ACK);
    assert_int_equal(address(addr), ACK);
    send_block(bytes, n);
    fake_run(fix.chip, 30 * FAKE_MS);
    return answer(10);
}

static int erase_sector(uint8_t sector, unsigned polls)
{
    assert_int_equal(command(0x44), ACK);
    send("\0\0\0", 3);
    assert_int_equal(answer(10), ACK);
    (void)xfer(0);
    (void)xfer(sector);
    (void)xfer(sector);
    return answer(polls);
}

static void expect_id(void)
{
    uint8_t id[3];
    assert_int_equal(command(0x02), ACK);
    receive(id, sizeof id);
    assert_int_equal(answer(10), ACK);
    assert_memory_equal(id, "\x01\x04\x13", 3);
}

static void set_voltage_x32(void)
{
    assert_int_equal(write_memory(0xFFFF0000, (const uint8_t *)"\x03", 1), ACK);
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void deaf_until_started_up(void **state)
{
    struct chip *c = *state;
    assert_int_equal(xfer(0x5A), 0xFF);
    assert_int_equal(xfer(0), 0xFF);
    fake_run(c, STARTUP);
    assert_int_equal(xfer(0), FILLER);
    synchronise();
}

static void v3_1_never_answers(void **state)
{
    fake_run(*state, 1000 * FAKE_MS);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(xfer(0x5A), 0xFF);
    }
}

static void start_overwrites_the_first_12_kb_of_sram(void **state)
{
    struct chip *c = *state;
    fake_rom_stop(c);
    memset(fake_sram(c, FAKE_SRAM), 0xEE, 0x4000);
    fake_rom_start(c);
    unsigned kept = 0;
    for (uint32_t i = 0; i < 0x3000; i++) {
        kept += fake_sram(c, FAKE_SRAM)[i] == 0xEE;
    }
    assert_true(kept < 0x100); /* a pattern may hit EE by chance */
    assert_int_equal(fake_sram(c, SRAM_FREE)[0], 0xEE);
    assert_int_equal(fake_sram(c, SRAM_FREE)[0xFFF], 0xEE);
}

static void sync_is_acknowledged_once_and_refused_later(void **state)
{
    (void)state;
    synchronise();
    send("\x5A\x00\x00", 3); /* a second sync reads as a command with a bad complement */
    (void)xfer(0);
    assert_int_equal(xfer(0), NACK);
    expect_id(); /* and needs no echo */
}

static void get_lists_version_and_commands_of_v1_1(void **state)
{
    (void)state;
    uint8_t bytes[13];
    synchronise();
    assert_int_equal(command(0x00), ACK);
    receive(bytes, sizeof bytes);
    assert_int_equal(answer(10), ACK);
    assert_memory_equal(bytes, "\x0B\x11\x00\x01\x02\x11\x21\x31\x44\x63\x73\x82\x92", 13);
    assert_int_equal(command(0x01), ACK);
    receive(bytes, 1);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(bytes[0], 0x11);
    expect_id();
}

/* The bytes of a logic analyser on an F446: the answer line repeats
 * the last byte until something new comes. */
static void answers_match_the_trace_of_a_real_part(void **state)
{
    (void)state;
    static const char mosi[] = "\x5A\x01\xFE\0\0\x79\0\0\0\0\x79";
    static const uint8_t miso[] = {ACK, ACK, ACK, ACK, ACK, ACK, ACK, 0x11, ACK, ACK, ACK};
    synchronise();
    assert_int_equal(xfer(0x5A), FILLER); /* first command after the sync */
    assert_int_equal(xfer(0x01), FILLER);
    assert_int_equal(xfer(0xFE), FILLER);
    assert_int_equal(answer(10), ACK);
    uint8_t version = 0;
    receive(&version, 1);
    assert_int_equal(answer(10), ACK);
    for (size_t i = 0; i < sizeof miso; i++) {
        assert_int_equal(xfer((uint8_t)mosi[i]), miso[i]);
    }
}

static void stale_ack_fools_a_host_that_takes_the_first_poll(void **state)
{
    (void)state;
    synchronise();
    expect_id();
    send("\x5A\x99\x66", 3);         /* no such command */
    assert_int_equal(xfer(0), ACK);  /* still the ACK of Get ID */
    assert_int_equal(xfer(0), NACK); /* the real answer */
}

static void unknown_opcode_and_bad_complement_are_refused_without_echo(void **state)
{
    (void)state;
    synchronise();
    send("\x5A\x45\xBA", 3);
    (void)xfer(0);
    assert_int_equal(xfer(0), NACK);
    send("\x5A\x02\xFE", 3);
    (void)xfer(0);
    assert_int_equal(xfer(0), NACK);
    expect_id();
}

static void missing_echo_swallows_the_next_command(void **state)
{
    (void)state;
    synchronise();
    send("\x5A\x02\xFD\0\0", 5); /* Get ID, answer seen, no 79 */
    send("\x5A\x02\xFD", 3);     /* all of this is discarded */
    (void)xfer(0);
    assert_int_equal(xfer(0), ACK); /* the level still stands: the host believes it */
    (void)xfer(ACK);                /* and this echo closes the FIRST command */
    uint8_t id[3];
    receive(id, 3);
    assert_memory_equal(id, "\x01\x04\x13", 3); /* so its data come now, by luck */
}

static void nss_high_ignores_the_bus(void **state)
{
    struct chip *c = *state;
    synchronise();
    chip_pin_outside(c, 'A', 4, true);
    assert_int_equal(xfer(0x5A), 0xFF);
    chip_pin_outside(c, 'A', 4, false);
    expect_id();
}

static void nss_may_toggle_between_bytes(void **state)
{
    struct chip *c = *state;
    synchronise();
    static const char bytes[] = "\x5A\x02\xFD\0";
    for (size_t i = 0; i < 4; i++) {
        (void)xfer((uint8_t)bytes[i]);
        chip_pin_outside(c, 'A', 4, true);
        fake_run(c, GAP);
        chip_pin_outside(c, 'A', 4, false);
    }
    assert_int_equal(xfer(0), ACK);
    (void)xfer(ACK);
}

static void write_and_read_back_flash_byte_by_byte(void **state)
{
    (void)state;
    uint8_t block[256];
    uint8_t back[256];
    for (unsigned i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i * 37U + 1U);
    }
    synchronise();
    assert_int_equal(write_memory(SECTOR_5, block, 256), ACK);
    assert_int_equal(fix.flash->programs, 256);
    assert_int_equal(fix.flash->last_unit_bytes, 1);
    read_memory(SECTOR_5, back, 256);
    assert_memory_equal(back, block, 256);
    expect_id();
}

static void documented_vectors_work(void **state)
{
    (void)state;
    synchronise();
    assert_int_equal(command(0x31), ACK);
    send("\x08\x02\x00\x00\x0A", 5);
    assert_int_equal(answer(10), ACK);
    send("\x03\x11\x22\x33\x44\x47", 6);
    fake_run(fix.chip, FAKE_MS);
    assert_int_equal(answer(10), ACK);
    assert_memory_equal(&fix.flash->bytes[0x20000], "\x11\x22\x33\x44\xFF", 5);
    assert_int_equal(command(0x44), ACK);
    send("\0\1\1", 3);
    assert_int_equal(answer(10), ACK);
    send("\0\5\0\6\3", 5);
    fake_run(fix.chip, 3000 * FAKE_MS);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(fix.flash->erases, 2);
    assert_int_equal(fix.flash->bytes[0x20000], 0xFF);
}

static void voltage_register_switches_to_words(void **state)
{
    (void)state;
    synchronise();
    set_voltage_x32();
    assert_int_equal(write_memory(SECTOR_5, (const uint8_t *)"\1\2\3\4\5\6\7\10", 8), ACK);
    assert_int_equal(fix.flash->programs, 2);
    assert_int_equal(fix.flash->last_unit_bytes, 4);
    assert_memory_equal(&fix.flash->bytes[0x20000], "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(write_memory(0xFFFF0000, (const uint8_t *)"\7", 1), NACK);
}

static void misaligned_write_spoils_all_that_follow_and_is_acknowledged(void **state)
{
    (void)state;
    synchronise();
    assert_int_equal(write_memory(SECTOR_5, (const uint8_t *)"\1\2\3", 3), ACK);
    assert_int_equal(write_memory(SECTOR_5 + 4, (const uint8_t *)"\1\2\3\4", 4), ACK);
    assert_int_equal(fix.flash->programs, 0);
    assert_int_equal(fix.flash->bytes[0x20004], 0xFF);
}

static void sram_write_goes_above_the_loaders_own_memory_only(void **state)
{
    struct chip *c = *state;
    synchronise();
    assert_int_equal(write_memory(SRAM_FREE, (const uint8_t *)"\1\2\3\4", 4), ACK);
    assert_memory_equal(fake_sram(c, SRAM_FREE), "\1\2\3\4", 4);
    assert_int_equal(command(0x31), ACK);
    assert_int_equal(address(0x20000000), NACK);
    expect_id();
}

static void bad_addresses_checksums_and_lengths_are_refused(void **state)
{
    (void)state;
    synchronise();
    assert_int_equal(command(0x11), ACK);
    assert_int_equal(address(0x08100000), NACK);
    assert_int_equal(command(0x11), ACK);
    send("\x08\x00\x00\x00\x09", 5);
    assert_int_equal(answer(10), NACK);
    assert_int_equal(command(0x11), ACK);
    assert_int_equal(address(0x08000000), ACK);
    send("\x0F\x0F", 2);
    assert_int_equal(answer(10), NACK);
    assert_int_equal(command(0x11), ACK);
    assert_int_equal(address(0x080FFFFF), ACK);
    send("\x01\xFE", 2); /* two bytes from the last one */
    assert_int_equal(answer(10), NACK);
    assert_int_equal(command(0x31), ACK);
    assert_int_equal(address(SECTOR_5), ACK);
    send("\x03\x11\x22\x33\x44\x48", 6);
    assert_int_equal(answer(10), NACK);
    assert_int_equal(fix.flash->programs, 0);
    expect_id();
}

static void identity_byte_says_v9_1(void **state)
{
    (void)state;
    uint8_t version = 0;
    synchronise();
    read_memory(0x1FFF77DE, &version, 1);
    assert_int_equal(version, 0x91);
}

static void erase_shows_filler_until_it_is_done(void **state)
{
    struct chip *c = *state;
    synchronise();
    fix.flash->bytes[0x20000] = 0;
    uint64_t before_ps = chip_now_ps(c);
    assert_int_equal(erase_sector(5, 100000), ACK);
    assert_true(chip_now_ps(c) - before_ps > 1000 * FAKE_MS);
    assert_int_equal(fix.flash->bytes[0x20000], 0xFF);
    expect_id();
}

static void stale_busy_level_gives_a_false_ack_and_loses_the_echo(void **state)
{
    struct chip *c = *state;
    synchronise();
    uint64_t before_ps = chip_now_ps(c);
    assert_int_equal(erase_sector(5, 10), ACK); /* too early: the erase goes on */
    assert_true(chip_now_ps(c) - before_ps < 100 * FAKE_MS);
    send("\x5A\x02\xFD", 3); /* nobody listens */
    fake_run(c, 2000 * FAKE_MS);
    assert_int_equal(answer(10), ACK); /* closes the erase */
    expect_id();                       /* in step again */
}

static void mass_erase_and_reserved_codes(void **state)
{
    struct chip *c = *state;
    synchronise();
    assert_int_equal(command(0x44), ACK);
    send("\xFF\xFF\x00", 3);
    fake_run(c, 2000 * FAKE_MS);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(fix.flash->mass_erases, 1);
    static const char *const reserved[] = {"\xFF\xFE\x01", "\xFF\xFD\x02", "\xFF\xF0\x0F", "\x00\x0C\x0C"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(command(0x44), ACK);
        send(reserved[i], 3);
        assert_int_equal(answer(10), NACK);
    }
    assert_int_equal(erase_sector(12, 10), NACK);
    assert_int_equal(fix.flash->erases, 0);
}

static void go_starts_the_core_after_the_echo(void **state)
{
    struct chip *c = *state;
    synchronise();
    assert_int_equal(command(0x21), ACK);
    send("\x08\x00\x80\x00\x88", 5);
    (void)xfer(0);
    assert_int_equal(xfer(0), ACK);
    assert_int_equal(fake_rom_went(c), 0);
    (void)xfer(ACK);
    assert_int_equal(fake_rom_went(c), 0x08008000);
    fake_rom_stop(c);
}

static void readout_protection_leaves_identity_and_unprotect(void **state)
{
    static const uint8_t refused[] = {0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82};
    struct chip *c = *state;
    fix.flash->optcr = 0x0FFF55ED;
    synchronise();
    for (size_t i = 0; i < sizeof refused; i++) {
        assert_int_equal(command(refused[i]), NACK);
    }
    expect_id();
    assert_int_equal(command(0x92), ACK);
    fake_run(c, 2000 * FAKE_MS);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(fix.flash->optcr & 0xFF00, 0xAA00);
    assert_int_equal(fake_resets_asked(c), 1);
}

static void write_protect_replaces_the_set_and_resets(void **state)
{
    struct chip *c = *state;
    fix.flash->optcr = 0x0FFEAAED; /* sector 0 */
    synchronise();
    assert_int_equal(command(0x63), ACK);
    send("\x01\xFE", 2);
    assert_int_equal(answer(10), ACK);
    send("\x03\x04\x07", 3);
    fake_run(c, 2000 * FAKE_MS);
    assert_int_equal(fake_resets_asked(c), 0);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(fix.flash->optcr >> 16, 0x0FE7);
    assert_int_equal(fake_resets_asked(c), 1);
    assert_int_equal(fix.flash->option_writes, 1);
}

static void bytes_without_the_minimum_gap_are_lost(void **state)
{
    struct chip *c = *state;
    synchronise();
    (void)fake_spi(c, 0x5A);
    (void)fake_spi(c, 0x02); /* back to back */
    fake_run(c, GAP);
    (void)xfer(0xFD);
    send("\x02\xFD", 2); /* what arrived: 5A FD 02, a bad complement is FD ^ 02 = FF: opcode FD, unknown */
    fake_run(c, GAP);
    (void)xfer(0);
    assert_int_equal(xfer(0), NACK);
    expect_id();
}

static void stop_forgets_the_session(void **state)
{
    struct chip *c = *state;
    synchronise();
    (void)xfer(0x5A);
    fake_rom_stop(c);
    fake_rom_start(c);
    assert_int_equal(xfer(0), 0xFF);
    synchronise();
    expect_id();
}

static void readout_protect_sets_level_1_after_its_second_echo(void **state)
{
    struct chip *c = *state;
    synchronise();
    assert_int_equal(command(0x82), ACK);
    fake_run(c, 2000 * FAKE_MS);
    assert_int_equal(fake_resets_asked(c), 0);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(fix.flash->optcr, 0x0FFF55EC); /* all else as it was; OPTLOCK is open */
    assert_int_equal(fake_resets_asked(c), 1);
    assert_int_equal(xfer(0x5A), 0xFF); /* gone until the reset comes */
}

static void bad_protect_frames_are_refused(void **state)
{
    (void)state;
    synchronise();
    assert_int_equal(command(0x63), ACK);
    send("\x01\x01", 2);
    assert_int_equal(answer(10), NACK);
    assert_int_equal(command(0x63), ACK);
    send("\x00\xFF", 2);
    assert_int_equal(answer(10), ACK);
    send("\x03\x04", 2);
    assert_int_equal(answer(10), NACK);
    assert_int_equal(fix.flash->option_writes, 0);
    expect_id();
}

static void get_and_version_work_under_readout_protection(void **state)
{
    (void)state;
    uint8_t bytes[13];
    fix.flash->optcr = 0x0FFF00ED;
    synchronise();
    assert_int_equal(command(0x00), ACK);
    receive(bytes, sizeof bytes);
    assert_int_equal(answer(10), ACK);
    assert_int_equal(command(0x01), ACK);
    receive(bytes, 1);
    assert_int_equal(answer(10), ACK);
}

static void flash_control_is_idle_after_work(void **state)
{
    (void)state;
    synchronise();
    assert_int_equal(write_memory(SECTOR_5, (const uint8_t *)"\1\2\3\4", 4), ACK);
    assert_int_equal(fix.flash->cr, 0);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(deaf_until_started_up),
        cmocka_unit_test_setup_teardown(v3_1_never_answers, setup_v3, teardown),
        PROMISE(start_overwrites_the_first_12_kb_of_sram),
        PROMISE(sync_is_acknowledged_once_and_refused_later),
        PROMISE(get_lists_version_and_commands_of_v1_1),
        PROMISE(answers_match_the_trace_of_a_real_part),
        PROMISE(stale_ack_fools_a_host_that_takes_the_first_poll),
        PROMISE(unknown_opcode_and_bad_complement_are_refused_without_echo),
        PROMISE(missing_echo_swallows_the_next_command),
        PROMISE(nss_high_ignores_the_bus),
        PROMISE(nss_may_toggle_between_bytes),
        PROMISE(write_and_read_back_flash_byte_by_byte),
        PROMISE(documented_vectors_work),
        PROMISE(voltage_register_switches_to_words),
        PROMISE(misaligned_write_spoils_all_that_follow_and_is_acknowledged),
        PROMISE(sram_write_goes_above_the_loaders_own_memory_only),
        PROMISE(bad_addresses_checksums_and_lengths_are_refused),
        PROMISE(identity_byte_says_v9_1),
        PROMISE(erase_shows_filler_until_it_is_done),
        cmocka_unit_test_setup_teardown(stale_busy_level_gives_a_false_ack_and_loses_the_echo, setup_stale,
                                        teardown),
        PROMISE(mass_erase_and_reserved_codes),
        PROMISE(go_starts_the_core_after_the_echo),
        PROMISE(readout_protection_leaves_identity_and_unprotect),
        PROMISE(write_protect_replaces_the_set_and_resets),
        cmocka_unit_test_setup_teardown(bytes_without_the_minimum_gap_are_lost, setup_min_gap, teardown),
        PROMISE(stop_forgets_the_session),
        PROMISE(readout_protect_sets_level_1_after_its_second_echo),
        PROMISE(bad_protect_frames_are_refused),
        PROMISE(get_and_version_work_under_readout_protection),
        PROMISE(flash_control_is_idle_after_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
