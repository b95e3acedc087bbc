/* AN4286 V1.1 commands against the pump: each command, each malformed frame, each address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "test_link.h"

static struct test_link *start(bool uses_arm)
{
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, uses_arm, 1);
    assert_int_equal(host_clock(b, LINK_SOF), LINK_FILLER);
    assert_int_equal(host_ack(b), LINK_ACK);
    return b;
}

static void stop(struct test_link *b)
{
    assert_int_equal(b->outside, 0);
    free(b);
}

/* The frame after a refusal works: the loader is never stuck. */
static void assert_alive(struct test_link *b)
{
    uint8_t id[4];
    assert_int_equal(host_command(b, LINK_OP_GET_ID), LINK_ACK);
    host_read(b, id, sizeof id);
    static const uint8_t expected[] = {1, 0x04, 0x13};
    assert_memory_equal(id + 1, expected, 3);
    assert_int_equal(host_ack(b), LINK_ACK);
}

static void assert_last_reason(struct test_link *b, enum fota_err reason)
{
    struct link_info info = host_info(b);
    assert_int_equal(info.loader, LINK_LOADER_AGENT);
    assert_string_equal(fota_err_name(info.last_link_reason), fota_err_name(reason));
}

static void a_sync_is_acked_at_any_time(void **state)
{
    (void)state;
    for (unsigned uses_arm = 0; uses_arm < 2; uses_arm++) {
        struct test_link *b = start(uses_arm);
        for (unsigned i = 0; i < 3; i++) {
            host_clock(b, LINK_SOF);
            assert_int_equal(host_ack(b), LINK_ACK);
            assert_alive(b);
        }
        static const uint8_t other[] = {LINK_SOF, 0,
                                        0xA5}; /* two polls of a host that polls with A5: only once */
        host_write(b, other, sizeof other);
        assert_int_equal(host_ack(b), LINK_NACK);
        assert_alive(b);
        stop(b);
    }
}

/* ST's ROM shows the ACK of a sync in the second byte after its
 * 5A, and nowhere in a frame after its third. */
static void the_ack_of_a_sync_stands_in_the_second_byte_after_its_5a(void **state)
{
    (void)state;
    for (unsigned uses_arm = 0; uses_arm < 2; uses_arm++) {
        struct test_link *b = start(uses_arm);
        assert_int_equal(host_clock(b, LINK_SOF), LINK_FILLER);
        assert_int_equal(host_clock(b, 0), LINK_FILLER);
        assert_int_equal(host_clock(b, 0), LINK_ACK);
        assert_int_equal(host_clock(b, LINK_ACK), LINK_FILLER);
        assert_int_equal(host_clock(b, LINK_SOF), LINK_FILLER);
        host_clock(b, 0x31);
        host_clock(b, 0xCF); /* no complement: refused */
        assert_int_equal(host_clock(b, 0), LINK_FILLER);
        assert_int_equal(host_clock(b, 0), LINK_NACK);
        host_clock(b, LINK_ACK);
        assert_alive(b);
        stop(b);
    }
}

/* A host that steps with the pattern still meets the answer: every 2nd, 3rd or 4th byte, from any phase. */
static void a_host_that_looks_at_every_nth_byte_finds_the_answer(void **state)
{
    (void)state;
    for (unsigned step = 1; step <= 4; step++) {
        for (unsigned phase = 0; phase < 5; phase++) {
            struct test_link *b = start(true);
            uint8_t frame[LINK_FRAME_BYTES];
            unsigned n_looks = 0;
            link_frame_store(frame, LINK_OP_GET_ID);
            host_write(b, frame, sizeof frame);
            for (unsigned i = 0; i < phase; i++) {
                host_clock(b, 0);
            }
            for (uint8_t seen = 0; seen != LINK_ACK; n_looks++) {
                for (unsigned i = 0; i < step; i++) {
                    seen = host_clock(b, 0);
                }
                assert_in_range(n_looks, 0, 8);
            }
            stop(b);
        }
    }
}

static void a_host_that_skips_the_sync_is_understood(void **state)
{
    (void)state;
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, false, 1);
    assert_alive(b);
    stop(b);
}

static void check_get(bool uses_arm)
{
    static const uint8_t expected[] = {11,   0x11, 0x00, 0x01, 0x02, 0x11, 0x21,
                                       0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    struct test_link *b = start(uses_arm);
    uint8_t reply[1 + sizeof expected];
    assert_int_equal(host_command(b, LINK_OP_GET), LINK_ACK);
    host_read(b, reply, sizeof reply);
    assert_memory_equal(reply + 1, expected, sizeof expected);
    assert_int_equal(host_ack(b), LINK_ACK);
    assert_int_equal(host_command(b, LINK_OP_GET_VERSION), LINK_ACK);
    host_read(b, reply, 2);
    assert_int_equal(reply[1], 0x11);
    assert_int_equal(host_ack(b), LINK_ACK);
    assert_alive(b);
    stop(b);
}

static void get_version_and_id_answer_after_one_dummy_and_get_as_the_rom_of_v1_1(void **state)
{
    (void)state;
    check_get(false);
    check_get(true);
}

static void busy_owner_answers_in_time_because_the_echo_starts_the_data(void **state)
{
    (void)state;
    struct test_link *b = start(true);
    b->poll_every = 37; /* the main loop comes by every 37 bytes */
    for (unsigned i = 0; i < 50; i++) {
        assert_alive(b);
    }
    stop(b);
}

static void write_then_read_gives_the_bytes_back(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    uint8_t data[256], back[257];
    host_fill(data, sizeof data, 7);
    for (uint16_t sector = 8; sector < 11; sector++) {
        assert_int_equal(host_erase_sector(b, sector), LINK_ACK);
    }
    for (uint32_t off = 0; off < 4096; off += 256) {
        assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE + off, data, sizeof data), LINK_ACK);
    }
    assert_int_equal(host_command(b, LINK_OP_READ), LINK_ACK);
    assert_int_equal(host_address(b, FLASH_SLOT_B_BASE + 256), LINK_ACK);
    static const uint8_t all[] = {0xFF, 0x00};
    host_write(b, all, sizeof all);
    assert_int_equal(host_ack(b), LINK_ACK);
    host_read(b, back, sizeof back);
    assert_memory_equal(back + 1, data, sizeof data);
    assert_alive(b); /* Read ends without an ACK */
    assert_int_equal(b->n_begins, 1);
    stop(b);
}

static void odd_lengths_are_padded_with_ff_to_words(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    static const uint8_t data[] = {1, 2, 3, 4, 5};
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 0xFF, 0xFF, 0xFF};
    assert_int_equal(host_erase_sector(b, 10), LINK_ACK);
    uint32_t last = FLASH_SLOT_B_BASE + FLASH_SLOT_BYTES - 8;
    assert_int_equal(host_write_memory(b, last, data, sizeof data), LINK_ACK);
    assert_memory_equal(b->slot + FLASH_SLOT_BYTES - 8, expected, sizeof expected);
    stop(b);
}

static void a_write_that_does_not_stick_is_nacked(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    static const uint8_t data[] = {0xFF, 0xFF, 0xFF, 0xFF};
    assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE, data, sizeof data), LINK_NACK);
    assert_last_reason(b, E_FLASH_VERIFY);
    assert_alive(b);
    stop(b);
}

static void protect_commands_are_nacked_always(void **state)
{
    (void)state;
    static const uint8_t ops[] = {0x63, 0x73, 0x82, 0x92};
    struct test_link *b = start(false);
    for (size_t i = 0; i < sizeof ops; i++) {
        assert_int_equal(host_command(b, ops[i]), LINK_NACK);
        assert_last_reason(b, E_UNSUPPORTED);
        assert_alive(b);
    }
    stop(b);
}

static void every_opcode_with_every_complement_is_acked_or_nacked_and_the_next_frame_works(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    unsigned n_acked = 0;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t frame[] = {LINK_SOF, (uint8_t)(pair >> 8), (uint8_t)pair};
        bool is_complement = (frame[1] ^ frame[2]) == 0xFF;
        if (is_complement && strchr("\x01\x02\x11\x21\x31\x44\xC0\xC1\xC2\xC3\xC4\xC5\xC6\xC7", frame[1])) {
            n_acked++; /* and the zero byte: Get; their tests are elsewhere */
            continue;
        }
        host_write(b, frame, sizeof frame);
        assert_int_equal(host_ack(b), pair == 0 ? LINK_ACK : LINK_NACK); /* 00 00: a sync */
        if (pair % 251 == 0) {
            assert_alive(b);
        }
    }
    assert_int_equal(n_acked, 15);
    assert_alive(b);
    assert_int_equal(b->n_begins + b->n_programs, 0);
    stop(b);
}

static void bad_checksums_are_nacked_at_each_stage_and_the_next_frame_works(void **state)
{
    (void)state;
    static const uint8_t bad_addr[] = {0x08, 0x08, 0, 0, 1}, bad_count[] = {0, 0, 1}, bad_list[] = {0, 8, 9};
    static const uint8_t good_count[] = {0, 0, 0}, bad_data[] = {3, 1, 2, 3, 4, 0}, bad_length[] = {3, 3};
    struct test_link *b = start(false);
    static const uint8_t with_addr[] = {LINK_OP_READ, LINK_OP_WRITE, LINK_OP_GO};
    for (size_t i = 0; i < sizeof with_addr; i++) {
        assert_int_equal(host_command(b, with_addr[i]), LINK_ACK);
        host_write(b, bad_addr, sizeof bad_addr);
        assert_int_equal(host_ack(b), LINK_NACK);
        assert_last_reason(b, E_LINK_CHECKSUM);
    }
    assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
    host_write(b, bad_count, sizeof bad_count);
    assert_int_equal(host_ack(b), LINK_NACK);
    assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
    host_write(b, good_count, sizeof good_count);
    assert_int_equal(host_ack(b), LINK_ACK);
    host_write(b, bad_list, sizeof bad_list);
    assert_int_equal(host_ack(b), LINK_NACK);
    assert_int_equal(host_command(b, LINK_OP_WRITE), LINK_ACK);
    assert_int_equal(host_address(b, FLASH_SLOT_B_BASE), LINK_ACK);
    host_write(b, bad_data, sizeof bad_data);
    assert_int_equal(host_ack(b), LINK_NACK);
    assert_int_equal(host_command(b, LINK_OP_READ), LINK_ACK);
    assert_int_equal(host_address(b, FLASH_SLOT_B_BASE), LINK_ACK);
    host_write(b, bad_length, sizeof bad_length);
    assert_int_equal(host_ack(b), LINK_NACK);
    assert_alive(b);
    assert_int_equal(b->n_begins + b->n_programs + b->n_erases[8], 0);
    stop(b);
}

static void
every_sector_outside_the_slot_and_every_bank_code_is_refused_and_mass_erase_is_the_slot(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    for (unsigned sector = 0; sector < 0x10000; sector += sector < 20 || sector > 0xFFE0 ? 1 : 97) {
        bool is_inside = sector >= 8 && sector <= 10;
        assert_int_equal(host_erase_sector(b, (uint16_t)sector), is_inside ? LINK_ACK : LINK_NACK);
    }
    for (unsigned count = 3; count < 0x10000; count += count < 300 || count > 0xFE00 ? 1 : 211) {
        uint8_t stage[] = {(uint8_t)(count >> 8), (uint8_t)count, (uint8_t)(count >> 8 ^ count)};
        assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
        host_write(b, stage, sizeof stage);
        assert_int_equal(host_ack(b), count == LINK_ERASE_MASS ? LINK_ACK : LINK_NACK);
    }
    for (unsigned sector = 0; sector < 12; sector++) {
        assert_int_equal(b->n_erases[sector], sector >= 8 && sector <= 10 ? 2 : 0);
    }
    assert_alive(b);
    stop(b);
}

static void three_sectors_in_one_command_are_erased_and_one_bad_one_spoils_all(void **state)
{
    (void)state;
    static const uint8_t three[] = {0, 2, 2}, good[] = {0, 8, 0, 9, 0, 10, 8 ^ 9 ^ 10};
    static const uint8_t bad[] = {0, 8, 0, 9, 0, 11, 8 ^ 9 ^ 11};
    struct test_link *b = start(false);
    assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
    host_write(b, three, sizeof three);
    assert_int_equal(host_ack(b), LINK_ACK);
    host_write(b, bad, sizeof bad);
    assert_int_equal(host_ack(b), LINK_NACK);
    assert_int_equal(b->n_erases[8], 0);
    assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
    host_write(b, three, sizeof three);
    assert_int_equal(host_ack(b), LINK_ACK);
    host_write(b, good, sizeof good);
    assert_int_equal(host_ack(b), LINK_ACK);
    assert_int_equal(b->n_erases[8] + b->n_erases[9] + b->n_erases[10], 3);
    stop(b);
}

/* AN4286 2.8 can be read either way, and hosts do. */
static void a_list_whose_checksum_includes_n_is_taken_and_no_other_wrong_sum(void **state)
{
    (void)state;
    for (unsigned wrong = 0; wrong < 256; wrong++) {
        static const uint8_t three[] = {0, 2, 2};
        const uint8_t list[] = {0, 8, 0, 9, 0, 10, (uint8_t)(8 ^ 9 ^ 10 ^ wrong)};
        struct test_link *b = start(false);
        bool is_right = wrong == 0 || wrong == 2; /* N is 2 */
        assert_int_equal(host_command(b, LINK_OP_ERASE), LINK_ACK);
        host_write(b, three, sizeof three);
        assert_int_equal(host_ack(b), LINK_ACK);
        host_write(b, list, sizeof list);
        assert_int_equal(host_ack(b), is_right ? LINK_ACK : LINK_NACK);
        assert_int_equal(b->n_erases[8] + b->n_erases[9] + b->n_erases[10], is_right ? 3 : 0);
        stop(b);
    }
}

static uint8_t read_length(struct test_link *b, uint32_t addr, unsigned n_bytes)
{
    uint8_t stage[] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)};
    if (host_command(b, LINK_OP_READ) != LINK_ACK || host_address(b, addr) != LINK_ACK) {
        return LINK_NACK;
    }
    host_write(b, stage, sizeof stage);
    uint8_t answer = host_ack(b);
    for (unsigned i = 0; answer == LINK_ACK && i < 1 + n_bytes; i++) {
        host_clock(b, 0);
    }
    return answer;
}

static void reads_and_writes_outside_the_inactive_slot_are_refused_at_every_boundary(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0,          0x08000000, 0x0800C000, 0x08010000, FLASH_SLOT_A_BASE,
                                     0x0807FFFC, 0x080E0000, 0x1FFF0000, 0x1FFFC000, 0x20000000,
                                     0x40023C00, 0xE000ED00, 0xFFFF0000, 0xFFFFFFFC, 0x08080000 - 4};
    uint8_t data[8] = {0};
    struct test_link *b = start(false);
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_int_equal(host_write_memory(b, edges[i], data, 4), LINK_NACK);
        assert_last_reason(b, E_LINK_ADDRESS);
        assert_int_equal(read_length(b, edges[i], 4), LINK_NACK);
        assert_last_reason(b, E_LINK_ADDRESS);
    }
    uint32_t end = FLASH_SLOT_B_BASE + FLASH_SLOT_BYTES;
    assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE + 2, data, 4), LINK_NACK);
    assert_int_equal(host_write_memory(b, end - 4, data, 8), LINK_NACK);
    assert_last_reason(b, E_LINK_LENGTH);
    assert_int_equal(read_length(b, end - 1, 2), LINK_NACK);
    assert_last_reason(b, E_LINK_LENGTH);
    assert_int_equal(host_erase_sector(b, 10), LINK_ACK);
    assert_int_equal(read_length(b, end - 1, 1), LINK_ACK);
    assert_int_equal(b->n_programs, 0);
    assert_alive(b);
    stop(b);
}

/* What stood in the slot before is nobody's business; what this session erased is. */
static void read_memory_serves_only_sectors_that_this_session_erased(void **state)
{
    (void)state;
    static const uint8_t word[4] = {0xA5, 0xA5, 0xA5, 0xA5};
    struct test_link *b = start(false);
    assert_int_equal(read_length(b, FLASH_SLOT_B_BASE, 1), LINK_NACK);
    assert_last_reason(b, E_LINK_ADDRESS);
    assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE, word, sizeof word), LINK_ACK); /* stood there */
    assert_int_equal(read_length(b, FLASH_SLOT_B_BASE, 4), LINK_NACK); /* nor does guessing open it */
    assert_int_equal(host_erase_sector(b, 9), LINK_ACK);
    uint32_t start_of_9 = FLASH_SLOT_B_BASE + FLASH_SLOT_SECTOR_BYTES;
    assert_int_equal(read_length(b, start_of_9, 256), LINK_ACK);
    assert_int_equal(read_length(b, start_of_9 + FLASH_SLOT_SECTOR_BYTES - 1, 1), LINK_ACK);
    assert_int_equal(read_length(b, start_of_9 - 1, 2), LINK_NACK);
    assert_int_equal(read_length(b, start_of_9 + FLASH_SLOT_SECTOR_BYTES - 1, 2), LINK_NACK);
    assert_alive(b);
    stop(b);
}

static void read_memory_shows_the_info_block_and_nothing_after_it(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    uint8_t block[1 + LINK_INFO_BLOCK_BYTES];
    struct link_info info;
    uint8_t stage[] = {LINK_INFO_BLOCK_BYTES - 1, (uint8_t) ~(LINK_INFO_BLOCK_BYTES - 1)};
    assert_int_equal(host_command(b, LINK_OP_READ), LINK_ACK);
    assert_int_equal(host_address(b, LINK_INFO_ADDR), LINK_ACK);
    host_write(b, stage, sizeof stage);
    assert_int_equal(host_ack(b), LINK_ACK);
    host_read(b, block, sizeof block);
    assert_int_equal(link_info_load(block + 1, LINK_INFO_BLOCK_BYTES, &info), FOTA_OK);
    assert_int_equal(info.boot.bootloader_version, 0x01020003);
    assert_int_equal(info.boot.last_reason, E_IMAGE_HASH);
    assert_string_equal(info.boot.hw_id, "bench");
    assert_int_equal(read_length(b, LINK_INFO_ADDR + 1, LINK_INFO_BLOCK_BYTES), LINK_NACK);
    stop(b);
}

static void go_restarts_after_its_ack_whatever_the_address(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    assert_int_equal(host_command(b, LINK_OP_GO), LINK_ACK);
    assert_int_equal(host_address(b, 0x20001234), LINK_ACK);
    assert_int_equal(b->n_restarts, 0);
    host_wait_ms(b, 20);
    assert_true(b->n_restarts > 0);
    assert_int_equal(b->n_finishes + b->n_activates, 0);
    stop(b);
}

static void go_after_plain_writes_finishes_and_activates_or_nacks(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4};
    struct test_link *b = start(false);
    assert_int_equal(host_erase_sector(b, 8), LINK_ACK);
    assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE, data, 4), LINK_ACK);
    b->finish_err = E_IMAGE_SIGNATURE;
    assert_int_equal(host_command(b, LINK_OP_GO), LINK_ACK);
    assert_int_equal(host_address(b, FLASH_SLOT_B_BASE), LINK_NACK);
    host_wait_ms(b, 300);
    assert_int_equal(b->n_restarts, 0);
    assert_last_reason(b, E_IMAGE_SIGNATURE);
    b->finish_err = FOTA_OK;
    assert_int_equal(host_command(b, LINK_OP_GO), LINK_ACK);
    assert_int_equal(host_address(b, FLASH_SLOT_B_BASE), LINK_ACK);
    host_wait_ms(b, 300);
    assert_int_equal(b->n_activates, 1);
    assert_true(b->n_restarts > 0);
    stop(b);
}

/* Its answer would stand in the way of a host that insists on A5,
 * its sync in that of one that wants an ACK. */
static void host_that_left_is_forgotten_after_a_long_silence_and_its_work_is_not(void **state)
{
    (void)state;
    static const uint8_t sync[] = {LINK_SOF};
    static const uint8_t frame[] = {LINK_SOF, LINK_OP_GET_ID, (uint8_t)~LINK_OP_GET_ID};
    struct test_link *b = start(false);
    uint8_t back[3];
    assert_int_equal(host_erase_sector(b, 8), LINK_ACK);
    uint32_t session_id = b->pump.session.id;
    host_write(b, frame, sizeof frame);
    host_wait_ms(b, LINK_GONE_MS - 100);
    host_read(b, back, sizeof back); /* the answer stands for the slowest host */
    assert_true(back[1] == LINK_ACK || back[2] == LINK_ACK);
    host_wait_ms(b, LINK_GONE_MS + 10);
    host_read(b, back, sizeof back);
    for (unsigned i = 1; i < sizeof back; i++) { /* the first one stood in the shift register */
        assert_int_equal(back[i], LINK_FILLER);
    }
    host_write(b, sync, sizeof sync);
    assert_int_equal(host_ack(b), LINK_ACK);
    static const uint8_t polls_with_a5[] = {LINK_SOF, LINK_FILLER, LINK_FILLER};
    host_write(b, polls_with_a5, sizeof polls_with_a5);
    assert_int_equal(host_ack(b), LINK_NACK); /* of a host that is there */
    assert_int_equal(b->pump.session.id, session_id);
    assert_alive(b);
    stop(b);
}

static void silence_inside_a_frame_gives_it_up_and_an_answer_survives_it(void **state)
{
    (void)state;
    static const uint8_t half[] = {LINK_SOF, LINK_OP_WRITE};
    struct test_link *b = start(false);
    host_write(b, half, sizeof half);
    host_wait_ms(b, LINK_SILENCE_MS + 10);
    assert_int_equal(b->wire.n_resyncs, 1);
    assert_alive(b);
    static const uint8_t frame[] = {LINK_SOF, LINK_OP_GET_ID, (uint8_t)~LINK_OP_GET_ID};
    host_write(b, frame, sizeof frame);
    host_wait_ms(b, 5000); /* a host that sleeps before it polls */
    assert_int_equal(host_ack(b), LINK_ACK);
    uint8_t id[4];
    host_read(b, id, sizeof id);
    assert_int_equal(id[3], 0x13);
    assert_int_equal(host_ack(b), LINK_ACK);
    stop(b);
}

static void an_application_that_says_not_now_is_waited_for_and_then_the_host_hears_of_it(void **state)
{
    (void)state;
    struct test_link *b = start(false);
    b->busy_answers = 100;
    assert_int_equal(host_erase_sector(b, 8), LINK_ACK);
    assert_int_equal(b->n_erases[8], 1);
    b->busy_answers = 1000000000;
    assert_int_equal(host_erase_sector(b, 9), LINK_NACK);
    b->busy_answers = 0;
    assert_last_reason(b, E_UPDATE_BUSY);
    stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_is_acked_at_any_time),
        cmocka_unit_test(the_ack_of_a_sync_stands_in_the_second_byte_after_its_5a),
        cmocka_unit_test(a_host_that_looks_at_every_nth_byte_finds_the_answer),
        cmocka_unit_test(a_host_that_skips_the_sync_is_understood),
        cmocka_unit_test(get_version_and_id_answer_after_one_dummy_and_get_as_the_rom_of_v1_1),
        cmocka_unit_test(busy_owner_answers_in_time_because_the_echo_starts_the_data),
        cmocka_unit_test(write_then_read_gives_the_bytes_back),
        cmocka_unit_test(odd_lengths_are_padded_with_ff_to_words),
        cmocka_unit_test(a_write_that_does_not_stick_is_nacked),
        cmocka_unit_test(protect_commands_are_nacked_always),
        cmocka_unit_test(every_opcode_with_every_complement_is_acked_or_nacked_and_the_next_frame_works),
        cmocka_unit_test(bad_checksums_are_nacked_at_each_stage_and_the_next_frame_works),
        cmocka_unit_test(
            every_sector_outside_the_slot_and_every_bank_code_is_refused_and_mass_erase_is_the_slot),
        cmocka_unit_test(three_sectors_in_one_command_are_erased_and_one_bad_one_spoils_all),
        cmocka_unit_test(a_list_whose_checksum_includes_n_is_taken_and_no_other_wrong_sum),
        cmocka_unit_test(reads_and_writes_outside_the_inactive_slot_are_refused_at_every_boundary),
        cmocka_unit_test(read_memory_serves_only_sectors_that_this_session_erased),
        cmocka_unit_test(read_memory_shows_the_info_block_and_nothing_after_it),
        cmocka_unit_test(go_restarts_after_its_ack_whatever_the_address),
        cmocka_unit_test(go_after_plain_writes_finishes_and_activates_or_nacks),
        cmocka_unit_test(silence_inside_a_frame_gives_it_up_and_an_answer_survives_it),
        cmocka_unit_test(host_that_left_is_forgotten_after_a_long_silence_and_its_work_is_not),
        cmocka_unit_test(an_application_that_says_not_now_is_waited_for_and_then_the_host_hears_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
