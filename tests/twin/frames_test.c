/*
 * Frames at random, well formed and broken, to the real bootloader and to the agent in the running demo
 * application: nothing crashes, nothing is written outside the inactive slot and the journal, the control
 * loop misses no tick, and the loader still answers. frames_test [--frames N] [--seed N]: more of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "link/link_codec.h"
#include "twin_board.h"

enum { POLLS = 400, TRIES = 10, SILENCE_MS = 600, REPORT_MS = 1100, CHUNK_MAX_BYTES = 320, SLOT_SECTORS = 7 };

static uint32_t n_frames = 1500;
static uint64_t first_seed = 1;

/* A board under fire. */
struct fire {
    struct twin_board board;
    uint64_t random;
    uint32_t allowed; /* sectors that may be written */
    struct twin_stats before;
    uint32_t n_frames, n_acks, n_nacks;
    bool is_careful;
};

static uint32_t draw(struct fire *f, uint32_t n)
{
    f->random = f->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(f->random >> 33) % n;
}

/* --- the promises ------------------------------------------------------------------------------------ */

/* What was written where it must not be, in words; NULL: nothing. */
static const char *written_elsewhere(struct fire *f)
{
    static char text[80];
    const struct twin_stats *now = twin_stats(f->board.twin);
    for (unsigned s = 0; s < FLASH_SECTORS; s++) {
        uint64_t n = now->flash_programs_in[s] - f->before.flash_programs_in[s] + now->flash_erases[s] -
                     f->before.flash_erases[s];
        if (n > 0 && !(f->allowed >> s & 1)) {
            (void)snprintf(text, sizeof text, "%llu flash operations in sector %u", (unsigned long long)n, s);
            return text;
        }
    }
    return NULL;
}

/* Broken rules and resets that nobody asked for, in words; NULL: none. */
static const char *crashed(struct fire *f)
{
    static char text[240];
    struct twin_violation v;
    const struct twin_stats *now = twin_stats(f->board.twin);
    if (twin_violation(f->board.twin, 0, &v) > 0) {
        (void)snprintf(text, sizeof text, "violation at pc 0x%08X: %s", (unsigned)v.pc, v.text);
        return text;
    }
    if (now->resets_iwdg != f->before.resets_iwdg || now->resets_software != f->before.resets_software) {
        (void)snprintf(text, sizeof text, "the chip was reset: %llu times by the watchdog, %llu by software",
                       (unsigned long long)(now->resets_iwdg - f->before.resets_iwdg),
                       (unsigned long long)(now->resets_software - f->before.resets_software));
        return text;
    }
    return NULL;
}

/* Ticks that the control loop says it missed; UINT32_MAX: it says nothing any more. */
static uint32_t missed_ticks(struct fire *f)
{
    twin_board_clear_console(&f->board);
    twin_board_run_ms(&f->board, REPORT_MS);
    twin_board_listen(&f->board);
    const struct twin_board_ticks ticks = twin_board_ticks(&f->board);
    return ticks.n_reports > 0 ? ticks.missed : UINT32_MAX;
}

/* --- the wires --------------------------------------------------------------------------------------- */

static void transfer(struct fire *f, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    static const uint32_t HZ[] = {10500000, 8000000, 1000000};
    if (f->is_careful) { /* as AN4286 wants it */
        (void)twin_spi_transfer(f->board.twin, mosi, miso, n_bytes, 1000000, 15000);
    } else {
        (void)twin_spi_transfer(f->board.twin, mosi, miso, n_bytes, HZ[draw(f, 8) % 3], draw(f, 4) * 1000);
    }
}

static uint8_t ack(struct fire *f, unsigned n_polls)
{
    static const uint8_t ECHO = LINK_ACK;
    uint8_t byte = 0;
    transfer(f, NULL, &byte, 1);
    for (unsigned i = 0; i < n_polls; i++) {
        (void)twin_spi_transfer(f->board.twin, NULL, &byte, 1, 1000000, 10000);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            f->n_acks += byte == LINK_ACK;
            f->n_nacks += byte == LINK_NACK;
            transfer(f, &ECHO, NULL, 1);
            return byte;
        }
    }
    return 0;
}

/* Silence and Get, as long as it takes. */
static bool answers_get(struct fire *f, unsigned n_tries)
{
    f->is_careful = true;
    for (unsigned i = 0; i < n_tries; i++) {
        uint8_t answer[22];
        twin_board_run_ms(&f->board, SILENCE_MS);
        transfer(f, (const uint8_t *)"\x5A\x00\xFF", NULL, 3);
        if (ack(f, POLLS) != LINK_ACK) {
            continue;
        }
        transfer(f, NULL, answer, sizeof answer);
        if (answer[2] == LINK_PROTOCOL_VERSION && ack(f, POLLS) == LINK_ACK) {
            return true;
        }
    }
    return false;
}

/* --- frames ------------------------------------------------------------------------------------------ */

/* Break one of so many stages, or leave them. */
static uint8_t stage(struct fire *f, uint8_t *bytes, size_t n_bytes)
{
    unsigned n_polls = POLLS;
    switch (draw(f, 24)) {
    case 0:
        bytes[draw(f, (uint32_t)n_bytes)] ^= (uint8_t)(1U << draw(f, 8));
        n_polls = 4;
        break;
    case 1:
        n_bytes = draw(f, (uint32_t)n_bytes);
        n_polls = draw(f, 40);
        break;
    case 2:
        transfer(f, bytes, NULL, draw(f, (uint32_t)n_bytes));
        n_polls = draw(f, 40);
        break;
    default:
        break;
    }
    transfer(f, bytes, NULL, n_bytes);
    return ack(f, n_polls);
}

static uint8_t command(struct fire *f, uint8_t op)
{
    uint8_t frame[LINK_FRAME_BYTES];
    link_frame_store(frame, op);
    return stage(f, frame, sizeof frame);
}

static uint8_t address(struct fire *f)
{
    static const uint32_t BASES[] = {FLASH_SLOT_B_BASE, FLASH_SLOT_B_BASE + FLASH_SLOT_BYTES,
                                     FLASH_SLOT_A_BASE, FLASH_MAP_BASE,
                                     FLASH_J0_BASE,     FLASH_J1_BASE,
                                     RAM_BASE,          LINK_INFO_ADDR};
    uint8_t bytes[5];
    link_address_store(bytes, draw(f, 4) ? FLASH_SLOT_B_BASE + 4 * draw(f, FLASH_SLOT_BYTES / 4)
                                         : BASES[draw(f, 8)] + draw(f, 600) - 300);
    return stage(f, bytes, sizeof bytes);
}

static void memory_command(struct fire *f)
{
    uint8_t bytes[LINK_WRITE_MAX_BYTES + 2];
    uint32_t n = draw(f, LINK_WRITE_MAX_BYTES) + 1;
    bool is_read = draw(f, 3) == 0;
    if (command(f, is_read ? LINK_OP_READ : LINK_OP_WRITE) != LINK_ACK || address(f) != LINK_ACK) {
        return;
    }
    bytes[0] = (uint8_t)(n - 1);
    if (is_read) {
        bytes[1] = (uint8_t)~bytes[0];
        if (stage(f, bytes, 2) == LINK_ACK) {
            transfer(f, NULL, bytes, n + 1);
        }
        return;
    }
    twin_board_fill(bytes + 1, n, f->random);
    bytes[n + 1] = link_xor(bytes, n + 1);
    (void)stage(f, bytes, n + 2);
}

/* Rarely of a sector that may be erased: that takes a second. */
static void erase_command(struct fire *f)
{
    uint8_t count[3] = {0, 0, 0}, list[3] = {0, (uint8_t)draw(f, 16), 0};
    if (draw(f, 6) == 0) {
        count[0] = count[1] = 0xFF;
        count[2] = (uint8_t)draw(f, 2);
    }
    if (list[1] >= FLASH_SLOT_B_SECTOR && list[1] < FLASH_SLOT_B_SECTOR + FLASH_SLOT_SECTORS && draw(f, 4)) {
        list[1] = FLASH_SLOT_A_SECTOR;
    }
    list[2] = list[1];
    if (command(f, LINK_OP_ERASE) == LINK_ACK && stage(f, count, sizeof count) == LINK_ACK) {
        transfer(f, list, NULL, sizeof list);
        (void)ack(f, 10 * POLLS);
    }
}

static void vendor_command(struct fire *f)
{
    static uint8_t body[LINK_REQUEST_MAX_BYTES], packet[LINK_REQUEST_MAX_BYTES + LINK_PACKET_OVERHEAD_BYTES];
    uint8_t op = (uint8_t)(LINK_OP_INFO + draw(f, 5)), reply[CHUNK_MAX_BYTES];
    static const uint16_t SIZES[] = {0, 1, 4, 8, 9, 300, 1024, 1025, 4104};
    size_t n_bytes = SIZES[draw(f, 9)];
    twin_board_fill(body, n_bytes, f->random);
    if (op == LINK_OP_BEGIN && draw(f, 3)) {
        n_bytes = demo_release(2)->n_statement;
        memcpy(body, demo_release(2)->statement, n_bytes);
    }
    if (draw(f, 2)) { /* the session that is open, and its first bytes */
        memcpy(body, demo_release(2)->digest[1], 4);
        memset(body + 4, 0, 4);
    }
    if (command(f, op) == LINK_ACK &&
        stage(f, packet, link_packet_store(packet, body, n_bytes)) == LINK_ACK) {
        for (unsigned i = 0; i < 4; i++) {
            transfer(f, NULL, reply, sizeof reply);
        }
    }
}

static void other_command(struct fire *f)
{
    static const uint8_t OPS[] = {LINK_OP_GET,
                                  LINK_OP_GET_VERSION,
                                  LINK_OP_GET_ID,
                                  LINK_OP_WRITE_PROTECT,
                                  LINK_OP_WRITE_UNPROTECT,
                                  LINK_OP_READOUT_PROTECT,
                                  LINK_OP_READOUT_UNPROTECT,
                                  0x50};
    uint8_t bytes[24];
    if (command(f, OPS[draw(f, 8)]) == LINK_ACK) {
        transfer(f, NULL, bytes, draw(f, sizeof bytes));
        (void)ack(f, 8);
    }
}

static void noise(struct fire *f)
{
    uint8_t bytes[CHUNK_MAX_BYTES];
    uint32_t n = draw(f, 40) + 1;
    twin_board_fill(bytes, n, f->random);
    for (uint32_t i = 0; i < n; i += 8) {
        bytes[i] = draw(f, 2) ? LINK_SOF : LINK_ACK;
    }
    transfer(f, bytes, NULL, n);
}

static void one_frame(struct fire *f)
{
    uint32_t kind = draw(f, 100);
    f->n_frames++;
    if (kind < 30) {
        memory_command(f);
    } else if (kind < 38) {
        erase_command(f);
    } else if (kind < 65) {
        vendor_command(f);
    } else if (kind < 85) {
        other_command(f);
    } else if (kind < 98 || draw(f, 3)) {
        noise(f);
    } else {
        twin_board_run_ms(&f->board, SILENCE_MS);
    }
}

/* --- boards ------------------------------------------------------------------------------------------ */

static void aim(struct fire *f, uint64_t seed)
{
    f->random = seed;
    f->allowed = 1U << FLASH_J0_SECTOR | 1U << FLASH_J1_SECTOR | SLOT_SECTORS << FLASH_SLOT_B_SECTOR;
    f->before = *twin_stats(f->board.twin);
    twin_set_pin(f->board.twin, TWIN_PIN_NSS, false);
}

/* The application runs in slot A. */
static struct fire *open_agent(uint64_t seed)
{
    struct fire *f = calloc(1, sizeof *f);
    assert_non_null(f);
    twin_board_open_confirmed(&f->board);
    aim(f, seed);
    return f;
}

/* The same board with a bit of its image gone: the bootloader answers. */
static struct fire *open_bootloader(uint64_t seed)
{
    struct fire *f = calloc(1, sizeof *f);
    uint8_t byte;
    assert_non_null(f);
    twin_board_open_confirmed(&f->board);
    assert_true(twin_peek(f->board.twin, FLASH_SLOT_A_BASE + 0x400, &byte, 1));
    byte ^= 1;
    assert_true(twin_flash_store(f->board.twin, FLASH_SLOT_A_BASE + 0x400, &byte, 1));
    twin_set_pin(f->board.twin, TWIN_PIN_NRST, false);
    twin_board_run_ms(&f->board, 1);
    twin_set_pin(f->board.twin, TWIN_PIN_NRST, true);
    twin_board_run_ms(&f->board, 2000);
    aim(f, seed);
    return f;
}

static void close_board(struct fire *f)
{
    twin_destroy(f->board.twin);
    free(f);
}

static void must_be_nothing(const char *what, const struct fire *f)
{
    if (what) {
        fail_msg("seed %llu, frame %u: %s", (unsigned long long)first_seed, (unsigned)f->n_frames, what);
    }
}

static void fire_at(struct fire *f)
{
    for (uint32_t i = 0; i < n_frames; i++) {
        one_frame(f);
        if (i % 64 == 0) {
            must_be_nothing(crashed(f), f);
            must_be_nothing(written_elsewhere(f), f);
        }
    }
    if (!answers_get(f, TRIES)) {
        fail_msg("seed %llu: Get is not answered any more", (unsigned long long)first_seed);
    }
    must_be_nothing(crashed(f), f);
    must_be_nothing(written_elsewhere(f), f);
    const struct twin_stats *now = twin_stats(f->board.twin);
    printf("%u frames, seed %llu: %u ACK, %u NACK, %llu programs, %llu erases, %.1f s of virtual time\n",
           (unsigned)f->n_frames, (unsigned long long)first_seed, (unsigned)f->n_acks, (unsigned)f->n_nacks,
           (unsigned long long)(now->flash_programs - f->before.flash_programs),
           (unsigned long long)(now->flash_erases[8] + now->flash_erases[9] + now->flash_erases[10] -
                                f->before.flash_erases[8] - f->before.flash_erases[9] -
                                f->before.flash_erases[10]),
           (double)twin_now_ns(f->board.twin) / 1e9);
    assert_true(f->n_acks >
                n_frames /
                    8); /* the agent acknowledges less: it reads out nothing that is not of its session */
    assert_true(f->n_nacks > n_frames / 40);
}

/* --- tests ------------------------------------------------------------------------------------------- */

static void frames_to_the_bootloader_write_nothing_elsewhere(void **state)
{
    (void)state;
    struct fire *f = open_bootloader(first_seed);
    fire_at(f);
    close_board(f);
}

static void frames_to_the_agent_write_nothing_elsewhere_and_cost_no_tick(void **state)
{
    (void)state;
    struct fire *f = open_agent(first_seed);
    fire_at(f);
    assert_int_equal(missed_ticks(f), 0);
    close_board(f);
}

/* Planted: the slot is taken for forbidden. What every run does is then what must not be. */
static void a_write_elsewhere_is_noticed(void **state)
{
    (void)state;
    static uint8_t erase[] = {0, FLASH_SLOT_B_SECTOR, FLASH_SLOT_B_SECTOR};
    struct fire *f = open_agent(1);
    f->allowed &= ~(1U << FLASH_SLOT_B_SECTOR);
    assert_null(written_elsewhere(f));
    transfer(f, (const uint8_t *)"\x5A\x44\xBB", NULL, 3);
    assert_int_equal(ack(f, POLLS), LINK_ACK);
    transfer(f, (const uint8_t *)"\0\0\0", NULL, 3);
    assert_int_equal(ack(f, POLLS), LINK_ACK);
    transfer(f, erase, NULL, sizeof erase);
    (void)ack(f, POLLS);
    twin_board_run_ms(&f->board, 2000);
    assert_string_equal(written_elsewhere(f), "1 flash operations in sector 8");
    close_board(f);
}

/* Planted: the core is sent into erased flash. */
static void a_crash_is_noticed(void **state)
{
    (void)state;
    struct fire *f = open_bootloader(1);
    assert_null(crashed(f));
    assert_true(answers_get(f, TRIES));
    twin_set_reg(f->board.twin, 15, 0x08018000);
    twin_board_run_ms(&f->board, 100);
    assert_true(crashed(f) || !answers_get(f, 1));
    close_board(f);
}

/* Planted: the handler of the control loop is held in a loop for two periods and a half. */
static void a_lost_tick_is_noticed(void **state)
{
    (void)state;
    enum { TIM2_VECTOR = 16 + 28, BRANCH_TO_ITSELF = 0xE7FE };
    struct fire *f = open_agent(1);
    const uint8_t *image = demo_release(1)->image[0];
    uint32_t handler = bytes_load_le32(image + FLASH_IMAGE_HEADER_AREA_BYTES + 4 * TIM2_VECTOR);
    uint32_t off = FLASH_IMAGE_HEADER_AREA_BYTES + 4 * 98;
    assert_int_equal(missed_ticks(f), 0);
    while (off < demo_release(1)->n_image[0] && bytes_load_le16(image + off) != BRANCH_TO_ITSELF) {
        off += 2;
    }
    assert_true(off < demo_release(1)->n_image[0]);
    twin_set_breakpoint(f->board.twin, handler);
    assert_int_equal(twin_run_until(f->board.twin, twin_now_ns(f->board.twin) + 5000000),
                     TWIN_STOP_BREAKPOINT);
    twin_set_breakpoint(f->board.twin, 0);
    twin_set_reg(f->board.twin, 15, FLASH_SLOT_A_BASE + off);
    (void)twin_run_until(f->board.twin, twin_now_ns(f->board.twin) + 2500000);
    twin_set_reg(f->board.twin, 15, handler & ~1U);
    assert_in_range(missed_ticks(f), 1, 3);
    close_board(f);
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--frames") == 0) {
            n_frames = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            first_seed = strtoull(argv[i + 1], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: frames_test [--frames N] [--seed N]\n");
            return EXIT_FAILURE;
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_to_the_bootloader_write_nothing_elsewhere),
        cmocka_unit_test(frames_to_the_agent_write_nothing_elsewhere_and_cost_no_tick),
        cmocka_unit_test(a_write_elsewhere_is_noticed),
        cmocka_unit_test(a_crash_is_noticed),
        cmocka_unit_test(a_lost_tick_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
