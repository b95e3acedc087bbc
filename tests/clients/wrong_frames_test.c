/*
 * Frames that are wrong, too long, out of range or out of place, against the real bootloader and agent: each
 * is refused at its stage, not a bit of flash changes, and the next frame works. And how long an answer
 * takes, in the chip's own time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "link_client/link_client.h"
#include "loader_board.h"
#include "port_twin/twin_link.h"

enum { PAYLOAD_BYTES = 12 * 1024, STAGES_MAX = 3, ANSWER_MAX_US = 10000, LONG_BYTES = 5000 };

static struct loader_board boards[LOADER_KINDS];
static const struct habits habits = {
    .hz = 8000000, .poll_us = 10, .max_us = {100000, 1000000, 9000000}, .is_nss_tied = true};
static const struct habits patient = {
    .hz = 8000000, .poll_us = 200, .max_us = {100000, 1000000, 9000000}, .is_nss_tied = true};

static int open_boards(void **state)
{
    (void)state;
    loader_board_open_all(boards, TWIN_FLASH_MAXIMUM, PAYLOAD_BYTES);
    return 0;
}

static int close_boards(void **state)
{
    (void)state;
    loader_board_close_all(boards);
    return 0;
}

static struct wires sync_with(struct loader_board *board)
{
    struct wires w = {.twin = board->base.twin, .habits = &habits};
    loader_board_restore(board);
    (void)tell_stage(&w, "\x5A", 1, WAIT_COMMAND);
    return w;
}

/* --- refused ----------------------------------------------------------------------------------------- */

/* Bytes of each stage in hex; the last one is refused, those before it are not. */
struct wrong {
    const char *what;
    const char *stage[STAGES_MAX];
};

static const struct wrong wrongs[] = {
    {"wrong complement", {"5A 31 CF"}},
    {"unknown command", {"5A 50 AF"}},
    {"command of a later protocol", {"5A A1 5E"}},
    {"vendor command that is none", {"5A C8 37"}},
    {"write protect", {"5A 63 9C"}},
    {"write unprotect", {"5A 73 8C"}},
    {"readout protect", {"5A 82 7D"}},
    {"readout unprotect", {"5A 92 6D"}},
    {"read: checksum of the address", {"5A 11 EE", "08 08 00 00 01"}},
    {"read: bootloader", {"5A 11 EE", "08 00 00 00 08"}},
    {"read: running slot", {"5A 11 EE", "08 02 00 00 0A"}},
    {"read: journal", {"5A 11 EE", "08 0E 00 00 06"}},
    {"read: RAM", {"5A 11 EE", "20 00 00 00 20"}},
    {"read: option bytes", {"5A 11 EE", "1F FF C0 00 20"}},
    {"read: complement of the length", {"5A 11 EE", "FF FE 00 00 01", "03 FD"}},
    {"read: slot that no session erased", {"5A 11 EE", "08 08 00 00 00", "03 FC"}},
    {"read: over the end of the info block", {"5A 11 EE", "FF FE 00 70 71", "04 FB"}},
    {"read: after the info block", {"5A 11 EE", "FF FE 00 74 75"}},
    {"go: checksum of the address", {"5A 21 DE", "08 08 00 00 01"}},
    {"write: bootloader", {"5A 31 CE", "08 00 00 00 08"}},
    {"write: data of the application", {"5A 31 CE", "08 00 40 00 48"}},
    {"write: journal mirror", {"5A 31 CE", "08 00 C0 00 C8"}},
    {"write: running slot", {"5A 31 CE", "08 02 00 00 0A"}},
    {"write: journal", {"5A 31 CE", "08 0E 00 00 06"}},
    {"write: after the flash", {"5A 31 CE", "08 10 00 00 18"}},
    {"write: option bytes", {"5A 31 CE", "1F FF C0 00 20"}},
    {"write: flash registers", {"5A 31 CE", "40 02 3C 00 7E"}},
    {"write: virtual register of ST's ROM", {"5A 31 CE", "FF FF 00 00 00"}},
    {"write: not a multiple of 4", {"5A 31 CE", "08 08 00 02 02"}},
    {"write: checksum of the data", {"5A 31 CE", "08 08 00 00 00", "03 11 22 33 44 48"}},
    {"write: over the end of the slot", {"5A 31 CE", "08 0D FF FC 06", "07 01 02 03 04 05 06 07 08 0F"}},
    {"erase: checksum of the count", {"5A 44 BB", "00 00 01"}},
    {"erase: four sectors", {"5A 44 BB", "00 03 03"}},
    {"erase: bank 1", {"5A 44 BB", "FF FE 01"}},
    {"erase: bank 2", {"5A 44 BB", "FF FD 02"}},
    {"erase: reserved code", {"5A 44 BB", "FF F0 0F"}},
    {"erase: bootloader", {"5A 44 BB", "00 00 00", "00 00 00"}},
    {"erase: running slot", {"5A 44 BB", "00 00 00", "00 05 05"}},
    {"erase: journal", {"5A 44 BB", "00 00 00", "00 0B 0B"}},
    {"erase: no sector", {"5A 44 BB", "00 00 00", "01 08 09"}},
    {"erase: one of two outside", {"5A 44 BB", "00 01 01", "00 08 00 07 0F"}},
    {"erase: checksum of the list", {"5A 44 BB", "00 00 00", "00 08 09"}},
    {"vendor: INFO with a body", {"5A C0 3F", "00 01"}},
    {"vendor: BEGIN without a statement", {"5A C1 3E", "00 00"}},
    {"vendor: BEGIN too long", {"5A C1 3E", "04 01"}},
    {"vendor: BLOCK without data", {"5A C2 3D", "00 08"}},
    {"vendor: BLOCK too long", {"5A C2 3D", "10 09"}},
    {"vendor: BLOCK, CRC", {"5A C2 3D", "00 0C 51 51 51 51 00 00 00 00 11 22 33 44 30 A6 2E 34"}},
    {"vendor: HASH of another length", {"5A C3 3C", "00 07"}},
    {"vendor: RETRY of another length", {"5A C7 38", "00 05"}},
    {"vendor: FINISH of another length", {"5A C4 3B", "00 05"}},
    {"out of place: Get ID where an address belongs", {"5A 31 CE", "5A 02 FD 5A 02"}},
    {"out of place: a frame in a frame", {"5A 5A 02"}},
};

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
    size_t n = 0;
    for (char *end; *hex != '\0'; hex = end) {
        bytes[n++] = (uint8_t)strtoul(hex, &end, 16);
    }
    return n;
}

static void assert_untouched(struct loader_board *board, const char *what)
{
    static uint8_t now[LOADER_FLASH_BYTES];
    assert_true(twin_peek(board->base.twin, 0x08000000, now, sizeof now));
    if (memcmp(now, board->before, sizeof now) != 0) {
        fail_msg("%s: flash has changed", what);
    }
}

static void assert_refused(struct wires *w, const struct wrong *wrong)
{
    for (unsigned i = 0; i < STAGES_MAX && wrong->stage[i]; i++) {
        bool is_last = i + 1 == STAGES_MAX || !wrong->stage[i + 1];
        uint8_t bytes[32];
        size_t n = bytes_of(wrong->stage[i], bytes);
        wires_transfer(w, bytes, NULL, n);
        uint8_t answer = tell_ack(w, WAIT_FLASH);
        if (answer != (is_last ? NACK : ACK)) {
            fail_msg("%s: stage %u is answered by %02X", wrong->what, i + 1, answer);
        }
    }
    if (!tell_id(w)) {
        fail_msg("%s: the next frame does not work", wrong->what);
    }
}

static void wrong_frames_are_refused_change_nothing_and_the_next_one_works(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct wires w = sync_with(&boards[kind]);
        for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
            assert_refused(&w, &wrongs[i]);
        }
        assert_untouched(&boards[kind], "all of them");
        twin_board_run_ms(&boards[kind].base, 1);
    }
}

/* Bytes that belong to nothing: more than any buffer holds, without a 5A among them. */
static void bytes_out_of_place_and_far_too_many_are_dropped(void **state)
{
    (void)state;
    static uint8_t junk[LONG_BYTES];
    for (size_t i = 0; i < sizeof junk; i++) {
        junk[i] = (uint8_t)(i * 37U % 0x5A);
    }
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct wires w = sync_with(&boards[kind]);
        wires_transfer(&w, junk, NULL, sizeof junk);
        wires_wait_us(&w, 1000);
        assert_true(tell_id(&w));
        assert_true(tell_command(&w, 0x02)); /* the answer is not fetched but flooded */
        wires_transfer(&w, junk, NULL, sizeof junk);
        (void)wires_byte(&w, ACK);
        wires_wait_us(&w, 1000);
        assert_true(tell_id(&w));
        assert_untouched(&boards[kind], "junk");
    }
}

/* A frame that stops in the middle is forgotten after the silence. */
static void a_frame_that_ends_early_is_forgotten(void **state)
{
    (void)state;
    static const char *const early[] = {"5A", "5A 31"};
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct wires w = sync_with(&boards[kind]);
        for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
            uint8_t bytes[8];
            wires_transfer(&w, bytes, NULL, bytes_of(early[i], bytes));
            wires_wait_us(&w, 600000);
            assert_true(tell_id(&w));
        }
        assert_true(tell_address(&w, 0x31, 0x08080000));
        wires_transfer(&w, (const uint8_t *)"\xFF\x01\x02", NULL, 3);
        wires_wait_us(&w, 600000);
        assert_true(tell_id(&w));
        assert_untouched(&boards[kind], "early ends");
    }
}

/* --- how long an answer takes ------------------------------------------------------------------------ */

/* All that AN4286 V1.1 and we have, and two that nobody has. */
static const uint8_t ops[] = {0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82,
                              0x92, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xA1, 0x55};

static void every_command_has_its_answer_within_10_ms(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        uint64_t worst_us = 0;
        for (size_t i = 0; i < sizeof ops; i++) {
            struct wires w = sync_with(&boards[kind]);
            (void)tell_command(&w, ops[i]);
            worst_us = w.answer_max_us > worst_us ? w.answer_max_us : worst_us;
            assert_in_range(w.answer_max_us, 1, ANSWER_MAX_US);
        }
        printf("%s: worst of %u commands %u us\n", kind ? "agent" : "bootloader", (unsigned)sizeof ops,
               (unsigned)worst_us);
    }
}

/* The words of the block before are still on their way into the slowest flash the datasheet allows. A host
 * polls every 200 us then: the bootloader takes the polls of a stall one by one before it hears the
 * echo. */
static void commands_have_their_answer_within_10_ms_while_a_block_is_programmed(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct loader_board *board = &boards[kind];
        const struct test_release *v2 = &board->update;
        struct twin_link wires;
        struct link_client link;
        struct link_peer peer;
        struct link_session session;
        struct link_progress p;
        struct wires w = {.twin = board->base.twin, .habits = &patient};
        loader_board_restore(board);
        twin_link_init(&wires, board->base.twin);
        link_client_init(&link, &wires.io, NULL);
        assert_int_equal(link_client_detect(&link, &peer), FOTA_OK);
        assert_int_equal(
            link_client_begin(&link, (const uint8_t *)v2->statement, (uint32_t)v2->n_statement, &session),
            FOTA_OK);
        for (uint32_t off = 0; off < 8192; off += 4096) {
            assert_int_equal(link_client_block(&link, session.session_id, off, v2->image[1] + off, 4096, &p),
                             FOTA_OK);
        }
        assert_true(p.flashed_off < p.accepted_off); /* it is at it */
        for (unsigned i = 0; i < 8; i++) {
            assert_true(tell_id(&w));
        }
        printf("%s: while it programs, worst of 8 commands %u us\n", kind ? "agent" : "bootloader",
               (unsigned)w.answer_max_us);
        assert_in_range(w.answer_max_us, 1, ANSWER_MAX_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_frames_are_refused_change_nothing_and_the_next_one_works),
        cmocka_unit_test(bytes_out_of_place_and_far_too_many_are_dropped),
        cmocka_unit_test(a_frame_that_ends_early_is_forgotten),
        cmocka_unit_test(every_command_has_its_answer_within_10_ms),
        cmocka_unit_test(commands_have_their_answer_within_10_ms_while_a_block_is_programmed),
    };
    return cmocka_run_group_tests(tests, open_boards, close_boards);
}
