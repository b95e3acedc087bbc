/* Vendor commands against the pump: a stream into the slot, idempotence, failures, noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "test_link.h"

enum { SEED_IMAGE = 0x1234567, BLOCK = LINK_BLOCK_MAX_BYTES };

static uint8_t image[FLASH_SLOT_BYTES];

static struct test_link *start(uint32_t image_bytes)
{
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, true, 3);
    b->image_bytes = image_bytes;
    host_fill(image, sizeof image, SEED_IMAGE);
    return b;
}

static void stop(struct test_link *b)
{
    assert_int_equal(b->outside, 0);
    free(b);
}

static void assert_reason(enum fota_err got, enum fota_err expected)
{
    assert_string_equal(fota_err_name(got), fota_err_name(expected));
}

static uint32_t block_bytes(const struct test_link *b, uint32_t off)
{
    return b->image_bytes - off < BLOCK ? b->image_bytes - off : BLOCK;
}

static struct link_progress send_block(struct test_link *b, uint32_t off)
{
    return host_block(b, b->session_id, off, image + off, block_bytes(b, off));
}

static struct link_progress session_request(struct test_link *b, uint8_t op)
{
    uint8_t body[4];
    bytes_store_be32(body, b->session_id);
    return host_exchange(b, op, body, sizeof body);
}

/* Follow accepted_off until the image is in, as the gateway does. @return blocks sent */
static unsigned stream(struct test_link *b, uint32_t off)
{
    unsigned n_blocks = 0;
    for (; off < b->image_bytes && n_blocks < 1000; n_blocks++) {
        struct link_progress p = send_block(b, off);
        assert_reason(p.reason, FOTA_OK);
        assert_true(p.accepted_off > off);
        assert_true(p.flashed_off <= p.accepted_off && p.accepted_off - p.flashed_off <= BLOCK);
        off = p.accepted_off;
    }
    return n_blocks;
}

static void info_tells_loader_chip_and_boot_facts(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    struct link_info info = host_info(b);
    assert_int_equal(info.loader, LINK_LOADER_AGENT);
    assert_int_equal(info.protocol, 0x11);
    assert_int_equal(info.vendor_version, LINK_VENDOR_VERSION);
    assert_int_equal(info.chip_id, 0x413);
    assert_int_equal(info.boot.bootloader_version, 0x01020003);
    assert_int_equal(info.boot.slot_version[0], 0x01000000);
    assert_reason((enum fota_err)info.boot.last_reason, E_IMAGE_HASH);
    stop(b);
}

static void a_refused_statement_erases_nothing_and_says_why(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    b->begin_err = E_STATEMENT_SIGNATURE;
    struct link_session session = host_begin(b);
    assert_reason(session.reason, E_STATEMENT_SIGNATURE);
    assert_int_equal(session.session_id | session.base | session.image_bytes, 0);
    assert_reason(send_block(b, 0).reason, E_UPDATE_NO_SESSION);
    assert_int_equal(b->n_erases[8] + b->n_programs, 0);
    stop(b);
}

static void a_stream_fills_the_slot_with_one_erase_per_sector_and_activates(void **state)
{
    (void)state;
    struct test_link *b = start(FLASH_SLOT_BYTES - 1021);
    struct link_session session = host_begin(b);
    assert_reason(session.reason, FOTA_OK);
    assert_int_equal(session.slot, SLOT_B);
    assert_int_equal(session.base, FLASH_SLOT_B_BASE);
    assert_int_equal(session.block_max_bytes, BLOCK);
    stream(b, session.resume_off);
    struct link_progress p = session_request(b, LINK_OP_FINISH);
    assert_reason(p.reason, FOTA_OK);
    assert_int_equal(p.flashed_off, b->image_bytes);
    assert_memory_equal(b->slot, image, b->image_bytes);
    for (unsigned sector = 0; sector < 12; sector++) {
        assert_int_equal(b->n_erases[sector], sector >= 8 && sector <= 10);
    }
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, FOTA_OK);
    assert_int_equal(b->n_restarts, 0); /* the reply comes first */
    host_wait_ms(b, 20);
    assert_true(b->n_restarts > 0);
    assert_int_equal(b->n_activates, 1);
    stop(b);
}

/* The owner kept the host waiting longer than a restart would: the reply is still first. */
static void a_restart_after_a_long_wait_still_lets_the_reply_out(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    b->busy_answers = 300 * TEST_STEPS_PER_MS; /* asked at each byte */
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, FOTA_OK);
    assert_int_equal(b->n_activates, 1);
    assert_int_equal(b->n_restarts, 0);
    host_wait_ms(b, 20);
    assert_true(b->n_restarts > 0);
    stop(b);
}

static void a_restart_does_not_wait_for_ever_for_a_host_that_clocks_on(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    stream(b, 0);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, FOTA_OK);
    for (unsigned i = 0; i < (LINK_RESTART_MAX_MS + 2) * TEST_STEPS_PER_MS; i++) {
        host_clock(b, 0);
    }
    assert_true(b->n_restarts > 0);
    stop(b);
}

static void a_resumed_stream_erases_only_what_it_still_needs(void **state)
{
    (void)state;
    struct test_link *b = start(FLASH_SLOT_BYTES);
    b->resume_off = 2 * FLASH_SLOT_SECTOR_BYTES;
    memcpy(b->slot, image, b->resume_off);
    struct link_session session = host_begin(b);
    assert_int_equal(session.resume_off, b->resume_off);
    stream(b, session.resume_off);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_memory_equal(b->slot, image, b->image_bytes);
    assert_int_equal(b->n_erases[8] + b->n_erases[9], 0);
    assert_int_equal(b->n_erases[10], 1);
    stop(b);
}

static void blocks_in_any_order_dropped_and_repeated_give_the_same_bytes(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct test_link *b = start(40 * BLOCK - 52);
        uint32_t random = seed, accepted = 0;
        assert_reason(host_begin(b).reason, FOTA_OK);
        for (unsigned n_sent = 0; accepted < b->image_bytes; n_sent++) {
            assert_true(n_sent < 4000);
            uint32_t pick = host_random(&random);
            uint32_t off = pick % 3 ? accepted : pick % 40 * BLOCK; /* right, or anywhere */
            off = off < b->image_bytes ? off : 0;
            struct link_progress p = send_block(b, off);
            assert_reason(p.reason, FOTA_OK);
            assert_int_equal(p.accepted_off, off == accepted ? off + block_bytes(b, off) : accepted);
            accepted = p.accepted_off;
            if (pick % 11 == 0) {
                assert_int_equal(host_begin(b).resume_off, accepted); /* a lost reply to BEGIN */
            }
        }
        assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
        assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
        assert_int_equal(b->n_finishes, 1);
        assert_memory_equal(b->slot, image, b->image_bytes);
        assert_int_equal(b->n_erases[8] + b->n_erases[9], 2);
        printf("seed %u: ok\n", (unsigned)seed);
        stop(b);
    }
}

static void a_lost_reply_is_cured_by_repeating_the_request(void **state)
{
    (void)state;
    static uint8_t body[8 + BLOCK];
    struct test_link *b = start(4 * BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    for (uint32_t off = 0; off < b->image_bytes; off += BLOCK) {
        bytes_store_be32(body, b->session_id);
        bytes_store_be32(body + 4, off);
        memcpy(body + 8, image + off, BLOCK);
        assert_int_equal(host_request(b, LINK_OP_BLOCK, body, sizeof body), LINK_ACK);
        for (unsigned i = 0; i < off / BLOCK * 9; i++) {
            host_clock(b, 0); /* part of the reply is read, and lost */
        }
        host_wait_ms(b, 5);
        struct link_progress p = send_block(b, off);
        assert_reason(p.reason, FOTA_OK);
        assert_int_equal(p.accepted_off, off + BLOCK);
    }
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_memory_equal(b->slot, image, b->image_bytes);
    stop(b);
}

static void a_wrong_crc_is_nacked_and_nothing_is_written(void **state)
{
    (void)state;
    static uint8_t packet[LINK_REQUEST_MAX_BYTES + LINK_PACKET_OVERHEAD_BYTES];
    struct test_link *b = start(BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    size_t n_bytes = link_packet_store(packet, image, 8 + 64);
    bytes_store_be32(packet + 2, b->session_id);
    for (size_t flip = 2; flip < n_bytes; flip += 5) {
        assert_int_equal(host_command(b, LINK_OP_BLOCK), LINK_ACK);
        bytes_store_be32(packet + n_bytes - 4, crc32_update(0, packet, n_bytes - 4) ^ 1U << flip % 32);
        host_write(b, packet, n_bytes);
        assert_int_equal(host_ack(b), LINK_NACK);
        assert_reason(host_info(b).last_link_reason, E_LINK_CHECKSUM);
    }
    assert_int_equal(b->n_programs, 0);
    stream(b, 0);
    stop(b);
}

static void lengths_that_a_command_does_not_have_are_nacked_before_the_body(void **state)
{
    (void)state;
    static const struct {
        uint8_t op;
        uint16_t lo, hi;
    } limits[] = {{0xC0, 0, 0}, {0xC1, 1, 1024}, {0xC2, 9, 4104}, {0xC3, 8, 8},
                  {0xC4, 4, 4}, {0xC5, 4, 4},    {0xC6, 4, 4}};
    struct test_link *b = start(BLOCK);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (unsigned n = 0; n < 0x10000; n += n < 4200 ? 1 : 1013) {
            if (n >= limits[i].lo && n <= limits[i].hi) {
                continue;
            }
            uint8_t head[] = {(uint8_t)(n >> 8), (uint8_t)n};
            assert_int_equal(host_command(b, limits[i].op), LINK_ACK);
            host_write(b, head, sizeof head);
            assert_int_equal(host_ack(b), LINK_NACK);
        }
    }
    assert_reason(host_info(b).last_link_reason, E_LINK_LENGTH);
    stop(b);
}

static void blocks_of_another_session_past_the_end_or_not_in_words_are_refused(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_reason(send_block(b, 0).reason, E_UPDATE_NO_SESSION);
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_reason(host_block(b, b->session_id ^ 1, 0, image, BLOCK).reason, E_UPDATE_SESSION);
    assert_reason(host_block(b, b->session_id, 0, image, 6).reason, E_LINK_LENGTH);
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    b->image_bytes = 3 * BLOCK; /* the host thinks it is longer than the statement said */
    assert_reason(host_block(b, b->session_id, BLOCK, image + BLOCK, BLOCK).reason, FOTA_OK);
    assert_reason(host_block(b, b->session_id, 2 * BLOCK, image, BLOCK).reason, E_LINK_LENGTH);
    assert_int_equal(b->n_erases[9], 0);
    stop(b);
}

static void a_failed_write_is_told_in_the_next_reply_and_the_sector_is_sent_again(void **state)
{
    (void)state;
    struct test_link *b = start(FLASH_SLOT_SECTOR_BYTES + 8 * BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    uint32_t off = 0;
    for (unsigned i = 0; i < 35; i++, off += BLOCK) {
        assert_reason(send_block(b, off).reason, FOTA_OK);
    }
    host_wait_ms(b, 5); /* the block before is in flash */
    b->fail_program = 5;
    assert_reason(send_block(b, off).reason, FOTA_OK);
    struct link_progress p = send_block(b, off + BLOCK);
    assert_reason(p.reason, E_FLASH_PROGRAM);
    assert_int_equal(p.accepted_off, FLASH_SLOT_SECTOR_BYTES);
    stream(b, p.accepted_off);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_memory_equal(b->slot, image, b->image_bytes);
    assert_int_equal(b->n_erases[8], 1);
    assert_int_equal(b->n_erases[9], 2);
    stop(b);
}

static void finish_wants_every_byte_and_reports_what_the_verifier_says(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, E_UPDATE_NO_SESSION);
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, E_UPDATE_INCOMPLETE);
    stream(b, BLOCK);
    b->finish_err = E_IMAGE_HASH;
    assert_reason(session_request(b, LINK_OP_FINISH).reason, E_IMAGE_HASH);
    assert_int_equal(b->n_activates, 0);
    stop(b);
}

static void abort_closes_the_session_and_may_be_repeated(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_ABORT).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_ABORT).reason, FOTA_OK);
    assert_int_equal(b->n_aborts, 1);
    assert_reason(send_block(b, BLOCK).reason, E_UPDATE_NO_SESSION);
    stop(b);
}

static void a_plain_host_cannot_disturb_a_signed_session_but_a_statement_ends_a_plain_one(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_int_equal(host_erase_sector(b, 8), LINK_ACK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_int_equal(b->n_aborts, 1);
    assert_int_equal(host_erase_sector(b, 9), LINK_NACK);
    assert_int_equal(host_write_memory(b, FLASH_SLOT_B_BASE, image, 64), LINK_NACK);
    assert_reason(host_info(b).last_link_reason, E_UPDATE_SESSION);
    stream(b, 0);
    assert_int_equal(b->n_erases[9], 0);
    stop(b);
}

static void hash_covers_what_the_session_brought_and_refuses_all_else(void **state)
{
    (void)state;
    uint8_t range[8], digest[32], back[8];
    struct test_link *b = start(BLOCK);
    bytes_store_be32(range, 256);
    bytes_store_be32(range + 4, FLASH_SLOT_BYTES - 256);
    assert_int_equal(host_request(b, LINK_OP_HASH, range, sizeof range), LINK_ACK);
    assert_int_equal(host_reply(b, digest, sizeof digest), LINK_PROGRESS_BLOCK_BYTES);
    assert_reason((enum fota_err)bytes_load_be16(digest), E_LINK_ADDRESS); /* nothing was erased yet */
    for (uint32_t k = 0; k < FLASH_SLOT_SECTORS; k++) {
        assert_int_equal(host_erase_sector(b, (uint8_t)(FLASH_SLOT_B_SECTOR + k)), LINK_ACK);
    }
    assert_int_equal(host_request(b, LINK_OP_HASH, range, sizeof range), LINK_ACK);
    assert_int_equal(host_reply(b, digest, sizeof digest), 32);
    memcpy(back, digest, sizeof back);
    assert_memory_equal(back, range, sizeof range); /* the set-up's hash repeats its arguments */
    bytes_store_be32(range, 257);
    assert_int_equal(host_request(b, LINK_OP_HASH, range, sizeof range), LINK_ACK);
    assert_int_equal(host_reply(b, digest, sizeof digest), LINK_PROGRESS_BLOCK_BYTES);
    assert_reason((enum fota_err)bytes_load_be16(digest), E_LINK_LENGTH);
    stop(b);
}

/* A statement is public: whoever has one must not read out the image that it names. */
static void what_was_received_before_a_reset_is_not_read_out(void **state)
{
    (void)state;
    uint8_t range[8] = {0, 0, 0, 0, 0, 0, 0, 1}, digest[32];
    struct test_link *b = start(FLASH_SLOT_BYTES);
    b->resume_off = FLASH_SLOT_BYTES;
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_int_equal(host_request(b, LINK_OP_HASH, range, sizeof range), LINK_ACK);
    assert_int_equal(host_reply(b, digest, sizeof digest), LINK_PROGRESS_BLOCK_BYTES);
    assert_reason((enum fota_err)bytes_load_be16(digest), E_LINK_ADDRESS);
    stop(b);
}

/* Every byte value of a one-byte hash would be a read-out of the firmware before. */
static void hash_of_a_sector_that_the_session_did_not_erase_is_refused(void **state)
{
    (void)state;
    uint8_t range[8] = {0}, digest[32];
    struct test_link *b = start(FLASH_SLOT_SECTOR_BYTES + BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    for (uint32_t k = 0; k < FLASH_SLOT_SECTORS; k++) {
        bytes_store_be32(range, k * FLASH_SLOT_SECTOR_BYTES);
        bytes_store_be32(range + 4, 1);
        assert_int_equal(host_request(b, LINK_OP_HASH, range, sizeof range), LINK_ACK);
        assert_int_equal(host_reply(b, digest, sizeof digest), k == 0 ? 32 : LINK_PROGRESS_BLOCK_BYTES);
    }
    stop(b);
}

static void retry_reaches_the_owner_with_its_number(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    static const uint8_t number[] = {0, 0, 1, 2};
    assert_reason(host_exchange(b, LINK_OP_RETRY, number, sizeof number).reason, FOTA_OK);
    assert_int_equal(b->n_retries, 1);
    assert_int_equal(b->retry_number, 0x102);
    b->busy_answers = 100;
    assert_reason(host_exchange(b, LINK_OP_RETRY, number, sizeof number).reason, FOTA_OK);
    assert_int_equal(b->n_retries, 2);
    stop(b);
}

/* A loader goes to the owner's RAM: no sector is erased, FINISH installs, ACTIVATE restarts nothing. */
static void a_loader_session_streams_to_ram_and_finish_installs_it(void **state)
{
    (void)state;
    struct test_link *b = start(FLASH_LOADER_BYTES - 6);
    b->is_loader = true;
    struct link_session session = host_begin(b);
    assert_reason(session.reason, FOTA_OK);
    assert_int_equal(session.slot, SLOT_LOADER);
    assert_int_equal(session.base, FLASH_LOADER_BASE);
    stream(b, session.resume_off);
    host_wait_ms(b, 1);
    assert_memory_equal(b->loader, image, b->image_bytes);
    assert_int_equal(host_erase_sector(b, 8), LINK_NACK); /* a plain host has no place in it */
    b->finish_err = E_UPDATE_DIGEST;
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, E_STATE);
    struct link_progress p = session_request(b, LINK_OP_FINISH);
    assert_reason(p.reason, E_UPDATE_DIGEST);
    assert_int_equal(p.accepted_off, 0); /* all again */
    b->finish_err = FOTA_OK;
    stream(b, 0);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, FOTA_OK);
    host_wait_ms(b, 300);
    assert_int_equal(b->n_finishes, 2);
    assert_int_equal(b->n_activates + b->n_restarts + b->n_programs, 0);
    assert_int_equal(b->n_erases[8] + b->n_erases[9] + b->n_erases[10], 0);
    stop(b);
}

/* Erases of FINISH take longer than the owner's patience; each of them is progress. */
static void work_that_goes_on_is_not_given_up_as_busy(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    stream(b, 0);
    b->again_answers = 3;
    b->again_ms = LINK_BUSY_MAX_MS / 2 + 100;
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_int_equal(b->n_finishes, 1);
    stop(b);
}

/* An owner that is never done, whatever the cause, must not keep the line: the host hears of it, and is
 * heard. */
static void a_host_gets_its_answer_though_the_work_never_ends(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    stream(b, 0);
    b->again_answers = 1000000000;
    assert_reason(session_request(b, LINK_OP_FINISH).reason, E_UPDATE_BUSY);
    host_wait_ms(b, LINK_SILENCE_MS + 100);
    assert_int_equal(host_info(b).chip_id, 0x413);
    b->again_answers = LINK_PROGRESSES_MAX;
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    assert_int_equal(b->n_finishes, 1);
    stop(b);
}

static void an_application_that_says_not_now_holds_the_reply_back_and_is_told(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    assert_reason(host_begin(b).reason, FOTA_OK);
    b->busy_answers = 500;
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    stream(b, BLOCK);
    assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
    b->busy_answers = 1000000000;
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, E_UPDATE_BUSY);
    host_wait_ms(b, 1000);
    assert_int_equal(b->n_restarts, 0);
    b->busy_answers = 0;
    assert_reason(session_request(b, LINK_OP_ACTIVATE).reason, FOTA_OK);
    stop(b);
}

/* One step of a host on a noisy line: silence first if the step before went wrong (docs/spec/link.md,
 * recovery). */
static uint32_t noisy_step(struct test_link *b, uint32_t off, bool *is_lost)
{
    if (*is_lost) {
        host_wait_ms(b, LINK_SILENCE_MS + 50);
        struct link_session session = host_begin(b);
        *is_lost = session.reason != FOTA_OK || session.session_id != b->session_id;
        return *is_lost ? off : session.resume_off;
    }
    struct link_progress p = send_block(b, off);
    *is_lost = p.reason == E_LINK_REPLY || p.reason == E_LINK_NACK || p.reason == E_UPDATE_NO_SESSION;
    return *is_lost ? off : p.accepted_off;
}

static void noise_on_both_wires_costs_time_but_never_a_byte(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct test_link *b = start(24 * BLOCK);
        bool is_lost = true;
        uint32_t off = 0;
        unsigned n_steps = 0;
        b->flip_every = 40000; /* bits: a bit error rate of 2.5e-5 */
        b->flip_seed = seed;
        for (; n_steps < 3000 && off < b->image_bytes; n_steps++) {
            off = noisy_step(b, off, &is_lost);
        }
        b->flip_every = 0;
        host_wait_ms(b, LINK_SILENCE_MS + 50);
        assert_int_equal(off, b->image_bytes);
        assert_reason(session_request(b, LINK_OP_FINISH).reason, FOTA_OK);
        assert_memory_equal(b->slot, image, b->image_bytes);
        printf("seed %u: 24 blocks in %u steps, %u bits flipped\n", (unsigned)seed, n_steps, b->n_flips);
        stop(b);
    }
}

/* A frame cut short, garbled or out of place, or a well-formed command with any address, sector or length. */
static void random_command(struct test_link *b, uint32_t *random)
{
    uint8_t stage[12];
    uint32_t addr = FLASH_MAP_BASE + (host_random(random) & 0x1FFFFF);
    switch (host_random(random) % 6) {
    case 0:
        (void)host_erase_sector(b, (uint16_t)(host_random(random) % 14));
        break;
    case 1:
    case 2:
        (void)host_write_memory(b, addr & ~(host_random(random) % 4), image + addr % 4096,
                                1 + host_random(random) % 256);
        break;
    case 3:
        link_frame_store(stage, (uint8_t)host_random(random));
        host_write(b, stage, host_random(random) % 4);
        break;
    case 4:
        host_fill(stage, sizeof stage, *random | 1);
        host_write(b, stage, host_random(random) % sizeof stage);
        break;
    default:
        (void)host_block(b, b->session_id, addr & 0x7FFFF, image, 1 + host_random(random) % 600);
        break;
    }
}

static void random_frames_never_reach_outside_the_slot_and_the_loader_still_answers(void **state)
{
    (void)state;
    struct test_link *b = start(BLOCK);
    uint32_t random = 0xF022;
    b->polls_max = 600; /* a host that is lost gives up soon, and goes on with something else */
    for (unsigned n = 0; n < 300000; n++) {
        random_command(b, &random);
        if (n % 1000 == 0) {
            (void)host_begin(b);
        } else if (n % 1000 == 500) {
            host_wait_ms(b, LINK_SILENCE_MS + 50);
            (void)session_request(b, LINK_OP_ABORT);
        }
    }
    host_wait_ms(b, LINK_SILENCE_MS + 50);
    host_clock(b, LINK_ACK);
    host_wait_ms(b, LINK_SILENCE_MS + 50);
    assert_int_equal(host_info(b).chip_id, 0x413);
    unsigned n_erases = b->n_erases[8] + b->n_erases[9] + b->n_erases[10];
    printf("300000 commands: %u erases, %u programs, %u outside\n", n_erases, b->n_programs, b->outside);
    assert_true(n_erases > 100 && b->n_programs > 1000);
    stop(b);
}

/* --- the set-up proves itself: bugs that it must see -------------------------------------------------- */

static void host_sees_a_sector_that_was_not_erased(void **state)
{
    (void)state;
    struct test_link *b = start(2 * BLOCK);
    b->plant_no_erase = true;
    assert_reason(host_begin(b).reason, FOTA_OK);
    assert_reason(send_block(b, 0).reason, FOTA_OK);
    assert_reason(send_block(b, BLOCK).reason, E_FLASH_VERIFY);
    stop(b);
}

static void host_sees_the_stale_answer_of_a_slow_loader_without_its_handler(void **state)
{
    (void)state;
    unsigned n_wrong = 0;
    for (unsigned with_handler = 0; with_handler < 2; with_handler++) {
        struct test_link *b = start(BLOCK);
        host_start(b, with_handler == 1, 37);
        for (unsigned i = 0; i < 20; i++) {
            uint8_t id[4] = {0};
            host_command(b, LINK_OP_GET_ID);
            host_read(b, id, sizeof id);
            host_ack(b);
            n_wrong += id[1] != 1 || id[2] != 4 || id[3] != 0x13;
        }
        assert_true(with_handler ? n_wrong == 0 : n_wrong > 0);
        n_wrong = 0;
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_tells_loader_chip_and_boot_facts),
        cmocka_unit_test(a_refused_statement_erases_nothing_and_says_why),
        cmocka_unit_test(a_stream_fills_the_slot_with_one_erase_per_sector_and_activates),
        cmocka_unit_test(a_restart_after_a_long_wait_still_lets_the_reply_out),
        cmocka_unit_test(a_restart_does_not_wait_for_ever_for_a_host_that_clocks_on),
        cmocka_unit_test(a_resumed_stream_erases_only_what_it_still_needs),
        cmocka_unit_test(blocks_in_any_order_dropped_and_repeated_give_the_same_bytes),
        cmocka_unit_test(a_lost_reply_is_cured_by_repeating_the_request),
        cmocka_unit_test(a_wrong_crc_is_nacked_and_nothing_is_written),
        cmocka_unit_test(lengths_that_a_command_does_not_have_are_nacked_before_the_body),
        cmocka_unit_test(blocks_of_another_session_past_the_end_or_not_in_words_are_refused),
        cmocka_unit_test(a_failed_write_is_told_in_the_next_reply_and_the_sector_is_sent_again),
        cmocka_unit_test(finish_wants_every_byte_and_reports_what_the_verifier_says),
        cmocka_unit_test(abort_closes_the_session_and_may_be_repeated),
        cmocka_unit_test(a_plain_host_cannot_disturb_a_signed_session_but_a_statement_ends_a_plain_one),
        cmocka_unit_test(hash_of_a_sector_that_the_session_did_not_erase_is_refused),
        cmocka_unit_test(what_was_received_before_a_reset_is_not_read_out),
        cmocka_unit_test(retry_reaches_the_owner_with_its_number),
        cmocka_unit_test(a_loader_session_streams_to_ram_and_finish_installs_it),
        cmocka_unit_test(work_that_goes_on_is_not_given_up_as_busy),
        cmocka_unit_test(a_host_gets_its_answer_though_the_work_never_ends),
        cmocka_unit_test(hash_covers_what_the_session_brought_and_refuses_all_else),
        cmocka_unit_test(an_application_that_says_not_now_holds_the_reply_back_and_is_told),
        cmocka_unit_test(noise_on_both_wires_costs_time_but_never_a_byte),
        cmocka_unit_test(random_frames_never_reach_outside_the_slot_and_the_loader_still_answers),
        cmocka_unit_test(host_sees_a_sector_that_was_not_erased),
        cmocka_unit_test(host_sees_the_stale_answer_of_a_slow_loader_without_its_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
