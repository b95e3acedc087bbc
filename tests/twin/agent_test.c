/*
 * The agent in the running application, on the twin: a host of AN4286 and the vendor client write slot B over
 * the wires while the 1 kHz control loop of the demo application goes on. Real ARM binaries; the console is
 * the witness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "link_client/link_client.h"
#include "twin_board.h"

enum { START_MAX_MS = 12000, POLLS_MAX = 4000000, FRAME_BYTES = 258 };

/* A board, and the host that talks to it. */
struct host {
    struct twin_board board;
    struct twin *twin;
    uint32_t hz;
    uint32_t gap_ns;
    uint32_t base; /* of the slot that the loader writes */
};

/* --- set-up ------------------------------------------------------------------------------------------ */

/* Run until the console has said it from now on. A first start writes both mirrors of the journal. */
static void wait_for(struct host *h, const char *text)
{
    if (!twin_board_wait_for(&h->board, text, START_MAX_MS)) {
        fail_msg("console did not say '%s':\n%s", text, h->board.console);
    }
}

/* A board with the bootloader and, if `release` is not NULL, an application in slot A; not powered yet. */
static struct host *open_host(enum twin_flash_timing timing, const struct test_release *release)
{
    struct host *h = calloc(1, sizeof *h);
    const struct twin_config config = {
        .flash_timing = timing, .rom = TWIN_ROM_V9_1, .seed = 7, .strict = true};
    assert_non_null(h);
    twin_board_open_with(&h->board, &config, release);
    h->twin = h->board.twin;
    h->hz = 1000000;
    h->gap_ns = 15000;
    h->base = FLASH_SLOT_B_BASE;
    return h;
}

static struct host *start(enum twin_flash_timing timing)
{
    struct host *h = open_host(timing, demo_release(1));
    twin_set_power(h->twin, true);
    wait_for(h, "app: confirmed\r\n");
    return h;
}

static void stop(struct host *h)
{
    twin_board_close(&h->board);
    free(h);
}

static void assert_console(struct host *h, const char *text)
{
    twin_board_listen(&h->board);
    if (!twin_board_said(&h->board, text)) {
        fail_msg("console does not say '%s':\n%s", text, h->board.console);
    }
}

/* Every report so far: no tick missed. @return worst lateness in tenths of a microsecond */
static unsigned assert_no_tick_missed(struct host *h)
{
    twin_board_listen(&h->board);
    const struct twin_board_ticks ticks = twin_board_ticks(&h->board);
    assert_true(ticks.n_reports > 0);
    assert_int_equal(ticks.missed, 0);
    return ticks.worst_tenths_us;
}

static void assert_slot_b_holds(const struct host *h, const struct test_release *release)
{
    assert_true(twin_board_holds(&h->board, SLOT_B, release));
}

/* --- a host of AN4286, by hand ----------------------------------------------------------------------- */

static void transfer(struct host *h, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    if (twin_spi_transfer(h->twin, mosi, miso, n_bytes, h->hz, h->gap_ns) != TWIN_STOP_TIME) {
        twin_board_must_be_clean(&h->board);
        fail_msg("the twin stopped during a transfer");
    }
}

/* First poll counts: the strictest habit there is about stale answers. */
static uint8_t ack(struct host *h)
{
    static const uint8_t echo = LINK_ACK;
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint8_t byte;
        transfer(h, NULL, &byte, 1);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            transfer(h, &echo, NULL, 1);
            return byte;
        }
    }
    return 0;
}

static void stage(struct host *h, const void *bytes, size_t n_bytes, uint8_t answer)
{
    transfer(h, bytes, NULL, n_bytes);
    assert_int_equal(ack(h), answer);
}

static void command_at(struct host *h, const char *frame, uint32_t addr)
{
    uint8_t bytes[5];
    stage(h, frame, 3, LINK_ACK);
    link_address_store(bytes, addr);
    stage(h, bytes, sizeof bytes, LINK_ACK);
}

static void plain_erase(struct host *h, uint8_t sector)
{
    uint8_t list[] = {0, sector, sector};
    stage(h, "\x5A\x44\xBB", 3, LINK_ACK);
    stage(h, "\0\0\0", 3, LINK_ACK);
    stage(h, list, sizeof list, LINK_ACK);
}

static void plain_write(struct host *h, uint32_t off, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t frame[FRAME_BYTES];
    command_at(h, "\x5A\x31\xCE", h->base + off);
    frame[0] = (uint8_t)(n_bytes - 1);
    memcpy(frame + 1, bytes, n_bytes);
    frame[1 + n_bytes] = link_xor(frame, 1 + n_bytes);
    stage(h, frame, n_bytes + 2, LINK_ACK);
}

static void plain_read(struct host *h, uint32_t off, const uint8_t *expected, uint32_t n_bytes)
{
    uint8_t length[] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)}, bytes[1 + LINK_WRITE_MAX_BYTES];
    command_at(h, "\x5A\x11\xEE", h->base + off);
    stage(h, length, sizeof length, LINK_ACK);
    transfer(h, NULL, bytes, 1 + n_bytes);
    assert_memory_equal(bytes + 1, expected, n_bytes);
}

static uint32_t part_bytes(uint32_t off, uint32_t end)
{
    return end - off < LINK_WRITE_MAX_BYTES ? end - off : LINK_WRITE_MAX_BYTES;
}

static void plain_update(struct host *h, const struct test_release *release)
{
    uint32_t end = release->n_image[1];
    twin_set_pin(h->twin, TWIN_PIN_NSS, false);
    stage(h, "\x5A", 1, LINK_ACK);
    for (uint8_t sector = FLASH_SLOT_B_SECTOR; sector < FLASH_SLOT_B_SECTOR + FLASH_SLOT_SECTORS; sector++) {
        plain_erase(h, sector);
    }
    for (uint32_t off = 0; off < end; off += LINK_WRITE_MAX_BYTES) {
        plain_write(h, off, release->image[1] + off, part_bytes(off, end));
    }
    for (uint32_t off = 0; off < end; off += LINK_WRITE_MAX_BYTES) {
        plain_read(h, off, release->image[1] + off, part_bytes(off, end));
    }
}

/* --- tests ------------------------------------------------------------------------------------------- */

static void application_starts_confirms_and_its_loop_runs(void **state)
{
    (void)state;
    struct host *h = start(TWIN_FLASH_TYPICAL);
    assert_console(h, "app: version 1.0.0 slot A ");
    assert_console(h, "app: confirmed\r\n");
    printf("first start to confirmed: %u ms\n", (unsigned)(twin_now_ns(h->twin) / 1000000));
    twin_board_run_ms(&h->board, 1100);
    unsigned worst = assert_no_tick_missed(h);
    printf("undisturbed: worst jitter %u.%u us\n", worst / 10, worst % 10);
    assert_true(worst < 20);
    stop(h);
}

static void an4286_host_updates_the_running_application(void **state)
{
    (void)state;
    struct host *h = start(TWIN_FLASH_TYPICAL);
    uint64_t start_ns = twin_now_ns(h->twin);
    plain_update(h, demo_release(2));
    printf("AN4286, 1 MHz with 15 us gaps: %u bytes in %u ms\n", (unsigned)demo_release(2)->n_image[1],
           (unsigned)((twin_now_ns(h->twin) - start_ns) / 1000000));
    assert_slot_b_holds(h, demo_release(2));
    twin_board_run_ms(&h->board, 1100);
    unsigned worst = assert_no_tick_missed(h);
    printf("during the update: worst jitter %u.%u us\n", worst / 10, worst % 10);
    command_at(h, "\x5A\x21\xDE", 0x08000000);
    start_ns = twin_now_ns(h->twin);
    wait_for(h, "app: confirmed\r\n");
    assert_console(h, "app: version 2.0.0 slot B trial ");
    printf("from Go to confirmed: %u ms\n", (unsigned)((twin_now_ns(h->twin) - start_ns) / 1000000));
    (void)assert_no_tick_missed(h);
    stop(h);
}

static void an4286_host_at_8_mhz_sends_258_bytes_without_a_gap(void **state)
{
    (void)state;
    struct host *h = start(TWIN_FLASH_TYPICAL);
    h->hz = 8000000;
    h->gap_ns = 2000; /* between transfers the host thinks; inside a frame below it does not */
    twin_set_pin(h->twin, TWIN_PIN_NSS, false);
    stage(h, "\x5A", 1, LINK_ACK);
    plain_erase(h, FLASH_SLOT_B_SECTOR);
    for (uint32_t off = 0; off + LINK_WRITE_MAX_BYTES <= demo_release(2)->n_image[1];
         off += LINK_WRITE_MAX_BYTES) {
        uint8_t frame[FRAME_BYTES] = {0xFF};
        command_at(h, "\x5A\x31\xCE", h->base + off);
        memcpy(frame + 1, demo_release(2)->image[1] + off, LINK_WRITE_MAX_BYTES);
        frame[FRAME_BYTES - 1] = link_xor(frame, FRAME_BYTES - 1);
        assert_int_equal(twin_spi_transfer(h->twin, frame, NULL, FRAME_BYTES, h->hz, 0), TWIN_STOP_TIME);
        assert_int_equal(ack(h), LINK_ACK);
        plain_read(h, off, demo_release(2)->image[1] + off, LINK_WRITE_MAX_BYTES);
    }
    twin_board_run_ms(&h->board, 1100);
    (void)assert_no_tick_missed(h);
    stop(h);
}

/* Follow what the target wants. @return progress of the last block */
static struct link_progress stream(struct host *h, const struct link_session *session, const uint8_t *image)
{
    struct link_progress p = {.accepted_off = session->resume_off};
    while (p.accepted_off < session->image_bytes) {
        uint32_t n_left = session->image_bytes - p.accepted_off;
        uint32_t n_bytes = n_left < session->block_max_bytes ? n_left : session->block_max_bytes;
        enum fota_err err = link_client_block(&h->board.link, session->session_id, p.accepted_off,
                                              image + p.accepted_off, n_bytes, &p);
        if (err) {
            twin_board_must_be_clean(&h->board);
            fail_msg("block at %u: %s", (unsigned)p.accepted_off, fota_err_name(err));
        }
    }
    return p;
}

static void vendor_update(enum twin_flash_timing timing)
{
    struct host *h = start(timing);
    struct link_peer peer;
    struct link_session session;
    struct link_progress p;
    assert_int_equal(link_client_detect(&h->board.link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    uint64_t start_ns = twin_now_ns(h->twin), busy_ns = twin_stats(h->twin)->flash_busy_ns;
    enum fota_err err = link_client_begin(&h->board.link, (const uint8_t *)demo_release(2)->statement,
                                          (uint32_t)demo_release(2)->n_statement, &session);
    if (err) {
        fail_msg("begin: %s", fota_err_name(err));
    }
    assert_int_equal(session.slot, SLOT_B);
    (void)stream(h, &session, demo_release(2)->image[1]);
    assert_int_equal(link_client_finish(&h->board.link, session.session_id, &p), FOTA_OK);
    assert_int_equal(p.flashed_off, session.image_bytes);
    assert_slot_b_holds(h, demo_release(2));
    printf("vendor, 8 MHz: %u bytes in %u ms, flash busy %u ms\n", (unsigned)session.image_bytes,
           (unsigned)((twin_now_ns(h->twin) - start_ns) / 1000000),
           (unsigned)((twin_stats(h->twin)->flash_busy_ns - busy_ns) / 1000000));
    twin_board_run_ms(&h->board, 1100);
    unsigned worst = assert_no_tick_missed(h);
    printf("during the update: worst jitter %u.%u us\n", worst / 10, worst % 10);
    assert_int_equal(link_client_activate(&h->board.link, session.session_id, &p), FOTA_OK);
    wait_for(h, "app: confirmed\r\n");
    assert_console(h, "app: version 2.0.0 slot B trial ");
    (void)assert_no_tick_missed(h);
    assert_int_equal(link_client_detect(&h->board.link, &peer), FOTA_OK);
    assert_int_equal(peer.info.boot.running_slot, SLOT_B);
    assert_int_equal(peer.info.boot.active_slot, SLOT_B);
    stop(h);
}

static void vendor_client_updates_the_running_application(void **state)
{
    (void)state;
    vendor_update(TWIN_FLASH_TYPICAL);
}

static void no_tick_is_missed_with_the_slowest_flash_the_datasheet_allows(void **state)
{
    (void)state;
    vendor_update(TWIN_FLASH_MAXIMUM);
}

/* The timer's handler comes between at any moment; the host's clock is as fast as it gets. */
static void answers_come_in_time_at_every_phase_of_the_control_loop(void **state)
{
    (void)state;
    struct host *h = start(TWIN_FLASH_TYPICAL);
    struct link_peer peer;
    struct link_info info;
    uint16_t chip_id;
    assert_int_equal(link_client_detect(&h->board.link, &peer), FOTA_OK);
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(link_client_get_id(&h->board.link, &chip_id), FOTA_OK);
        assert_int_equal(chip_id, LINK_CHIP_ID);
        assert_int_equal(link_client_info(&h->board.link, &info), FOTA_OK);
        (void)twin_run_until(h->twin, twin_now_ns(h->twin) + 13777);
    }
    printf("800 commands at 8 MHz: %u NACKs, %u repeats\n", (unsigned)h->board.link.stats.nacks,
           (unsigned)h->board.link.stats.repeats);
    assert_int_equal(h->board.link.stats.nacks + h->board.link.stats.repeats + h->board.link.stats.timeouts,
                     0);
    stop(h);
}

static void bootloader_without_a_slot_to_boot_takes_an_update(void **state)
{
    (void)state;
    struct host *h = open_host(TWIN_FLASH_TYPICAL, NULL);
    struct link_peer peer;
    struct link_session session;
    struct link_progress p;
    twin_set_power(h->twin, true);
    twin_board_run_ms(&h->board, 3000);
    assert_int_equal(link_client_detect(&h->board.link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_BOOTLOADER);
    assert_int_equal(peer.info.boot.running_slot, SLOT_NONE);
    assert_int_equal(link_client_begin(&h->board.link, (const uint8_t *)demo_release(2)->statement,
                                       (uint32_t)demo_release(2)->n_statement, &session),
                     FOTA_OK);
    (void)stream(h, &session, demo_release(2)->image[session.slot]);
    assert_int_equal(link_client_finish(&h->board.link, session.session_id, &p), FOTA_OK);
    assert_int_equal(link_client_activate(&h->board.link, session.session_id, &p), FOTA_OK);
    wait_for(h, "app: confirmed\r\n");
    assert_console(h, "app: version 2.0.0 slot ");
    stop(h);
}

/* The loader's answers must come in time for a host that leaves 15 us, and for 258 bytes without
 * a gap. */
static void loader_speaks_an4286_at_full_speed(void **state)
{
    (void)state;
    /* Get as the ROM of V1.1 answers it (AN4286 2.2), after a dummy. */
    static const uint8_t get_expected[] = {11,   0x11, 0x00, 0x01, 0x02, 0x11, 0x21,
                                           0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    uint8_t reply[1 + sizeof get_expected], frame[FRAME_BYTES] = {0xFF};
    struct host *h = open_host(TWIN_FLASH_TYPICAL, NULL);
    twin_set_power(h->twin, true);
    twin_board_run_ms(&h->board, 3000);
    twin_set_pin(h->twin, TWIN_PIN_NSS, false);
    stage(h, "\x5A", 1, LINK_ACK);
    stage(h, "\x5A\x00\xFF", 3, LINK_ACK);
    transfer(h, NULL, reply, sizeof reply);
    assert_memory_equal(reply + 1, get_expected, sizeof get_expected);
    assert_int_equal(ack(h), LINK_ACK);
    h->base = FLASH_SLOT_A_BASE; /* nothing is confirmed: A comes first */
    plain_erase(h, FLASH_SLOT_A_SECTOR);
    command_at(h, "\x5A\x31\xCE", h->base);
    memcpy(frame + 1, demo_release(2)->image[1], LINK_WRITE_MAX_BYTES);
    frame[FRAME_BYTES - 1] = link_xor(frame, FRAME_BYTES - 1);
    assert_int_equal(twin_spi_transfer(h->twin, frame, NULL, FRAME_BYTES, 8000000, 0), TWIN_STOP_TIME);
    assert_int_equal(ack(h), LINK_ACK);
    plain_read(h, 0, demo_release(2)->image[1], LINK_WRITE_MAX_BYTES);
    stop(h);
}

static void agent_refuses_what_is_outside_the_inactive_slot(void **state)
{
    (void)state;
    static const uint32_t outside[] = {0x08000000, 0x0800C000, 0x08020000,
                                       0x080E0000, 0x1FFFC000, 0x20000000};
    struct host *h = start(TWIN_FLASH_TYPICAL);
    uint64_t n_erases = 0;
    twin_set_pin(h->twin, TWIN_PIN_NSS, false);
    stage(h, "\x5A", 1, LINK_ACK);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        uint8_t addr[5];
        link_address_store(addr, outside[i]);
        stage(h, "\x5A\x31\xCE", 3, LINK_ACK);
        stage(h, addr, sizeof addr, LINK_NACK);
    }
    for (uint8_t sector = 0; sector < FLASH_SLOT_B_SECTOR; sector++) {
        uint8_t list[] = {0, sector, sector};
        stage(h, "\x5A\x44\xBB", 3, LINK_ACK);
        stage(h, "\0\0\0", 3, LINK_ACK);
        stage(h, list, sizeof list, LINK_NACK);
    }
    stage(h, "\x5A\x63\x9C", 3, LINK_NACK);
    for (unsigned sector = 4; sector < 11; sector++) {
        n_erases += twin_stats(h->twin)->flash_erases[sector];
    }
    assert_int_equal(n_erases, 0);
    twin_board_run_ms(&h->board, 1100);
    (void)assert_no_tick_missed(h);
    stop(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(application_starts_confirms_and_its_loop_runs),
        cmocka_unit_test(an4286_host_updates_the_running_application),
        cmocka_unit_test(an4286_host_at_8_mhz_sends_258_bytes_without_a_gap),
        cmocka_unit_test(vendor_client_updates_the_running_application),
        cmocka_unit_test(no_tick_is_missed_with_the_slowest_flash_the_datasheet_allows),
        cmocka_unit_test(answers_come_in_time_at_every_phase_of_the_control_loop),
        cmocka_unit_test(bootloader_without_a_slot_to_boot_takes_an_update),
        cmocka_unit_test(loader_speaks_an4286_at_full_speed),
        cmocka_unit_test(agent_refuses_what_is_outside_the_inactive_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
