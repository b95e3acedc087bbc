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
#include "firmware.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "release/file.h"
#include "release/key.h"
#include "release_maker.h"
#include "twin/twin.h"

enum {
    STEP_MS = 100,
    START_MAX_MS = 12000,
    CONSOLE_MAX_BYTES = 1 << 18,
    POLLS_MAX = 4000000,
    FRAME_BYTES = 258
};

struct bench {
    struct twin *twin;
    struct twin_link wires;
    struct link_client client;
    uint32_t hz;
    uint32_t gap_ns;
    uint32_t base; /* of the slot that the loader writes */
    size_t n_console;
    char console[CONSOLE_MAX_BYTES];
};

static struct test_key image_key, channel_key;
static struct test_release v1, v2;

/* --- bench ------------------------------------------------------------------------------------------- */

static void make_release(const char *name, uint32_t version, struct test_release *out)
{
    uint8_t *payload[2];
    struct test_spec spec = test_spec(&image_key, &channel_key, version, 1);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        size_t n_bytes;
        (void)snprintf(path, sizeof path, FOTA_FIRMWARE_DIR "/app/demo-%s-%c.bin", name, slot ? 'b' : 'a');
        enum fota_err err = file_read(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes, NULL);
        if (err) {
            fail_msg("%s: %s; build the firmware first (make fw)", path, fota_err_text(err));
        }
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes;
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

static int make_releases(void **state)
{
    (void)state;
    struct key key;
    if (key_read_private(FOTA_SOURCE_DIR "/build/keys/" KEY_IMAGE ".pem", &key) != FOTA_OK) {
        fail_msg("build/keys/" KEY_IMAGE ".pem is missing; build the firmware first (make fw)");
    }
    memcpy(image_key.secret, key.secret, sizeof image_key.secret);
    memcpy(image_key.point, key.point, sizeof image_key.point);
    key_forget(&key);
    test_key_make(&channel_key, 2);
    make_release("1.0.0", 0x01000000, &v1);
    make_release("2.0.0", 0x02000000, &v2);
    return 0;
}

static void listen(struct bench *b)
{
    b->n_console +=
        twin_console_read(b->twin, b->console + b->n_console, CONSOLE_MAX_BYTES - 1 - b->n_console);
    b->console[b->n_console] = '\0';
}

static void assert_no_violation(struct bench *b)
{
    struct twin_violation first;
    listen(b);
    if (twin_violation(b->twin, 0, &first) > 0) {
        fail_msg("at %llu us, pc %08x: %s\nconsole:\n%s", (unsigned long long)first.time_ns / 1000,
                 (unsigned)first.pc, first.text, b->console);
    }
}

static void run_ms(struct bench *b, uint32_t ms)
{
    enum twin_stop stop = twin_run_until(b->twin, twin_now_ns(b->twin) + (uint64_t)ms * 1000000U);
    assert_no_violation(b);
    assert_int_equal(stop, TWIN_STOP_TIME);
}

/* Run until the console has said it from now on. A first start writes both mirrors of the journal. */
static void wait_for(struct bench *b, const char *text)
{
    const char *from = b->console + b->n_console;
    for (unsigned ms = 0; ms < START_MAX_MS && strstr(from, text) == NULL; ms += STEP_MS) {
        run_ms(b, STEP_MS);
    }
    if (strstr(from, text) == NULL) {
        fail_msg("console did not say '%s':\n%s", text, b->console);
    }
}

/* A board with the bootloader and, if `release` is not NULL, an application in slot A; not powered yet. */
static struct bench *make_board(enum twin_flash_timing timing, const struct test_release *release)
{
    char why[256] = "";
    struct bench *b = calloc(1, sizeof *b);
    const struct twin_config config = {
        .flash_timing = timing, .rom = TWIN_ROM_V9_1, .seed = 7, .strict = true};
    assert_non_null(b);
    b->twin = twin_create(&config, why, sizeof why);
    if (b->twin == NULL) {
        fail_msg("%s", why);
    }
    firmware_program(b->twin);
    if (release != NULL) {
        assert_true(twin_flash_store(b->twin, FLASH_SLOT_A_BASE, release->image[0], release->n_image[0]));
    }
    b->hz = 1000000;
    b->gap_ns = 15000;
    b->base = FLASH_SLOT_B_BASE;
    twin_link_init(&b->wires, b->twin);
    link_client_init(&b->client, &b->wires.io, NULL);
    return b;
}

static struct bench *start(enum twin_flash_timing timing)
{
    struct bench *b = make_board(timing, &v1);
    twin_set_power(b->twin, true);
    wait_for(b, "app: confirmed\r\n");
    return b;
}

static void stop(struct bench *b)
{
    assert_no_violation(b);
    twin_destroy(b->twin);
    free(b);
}

static void assert_console(struct bench *b, const char *text)
{
    listen(b);
    if (strstr(b->console, text) == NULL) {
        fail_msg("console does not say '%s':\n%s", text, b->console);
    }
}

/* Every report so far: no tick missed. @return worst lateness in tenths of a microsecond */
static unsigned assert_no_tick_missed(struct bench *b)
{
    unsigned n_reports = 0, worst = 0;
    listen(b);
    for (const char *line = strstr(b->console, "app: ticks "); line; line = strstr(line + 1, "app: ticks ")) {
        unsigned ticks, missed, us, tenths;
        if (sscanf(line, "app: ticks %u missed %u worst jitter %u.%u us", &ticks, &missed, &us, &tenths) !=
            4) {
            continue; /* still being printed */
        }
        assert_int_equal(missed, 0);
        n_reports++;
        worst = us * 10 + tenths > worst ? us * 10 + tenths : worst;
    }
    assert_true(n_reports > 0);
    return worst;
}

static void assert_slot_b_holds(const struct bench *b, const struct test_release *release)
{
    static uint8_t bytes[TEST_IMAGE_MAX_BYTES];
    assert_true(twin_peek(b->twin, FLASH_SLOT_B_BASE, bytes, release->n_image[1]));
    assert_memory_equal(bytes, release->image[1], release->n_image[1]);
}

/* --- a host of AN4286, by hand ----------------------------------------------------------------------- */

static void transfer(struct bench *b, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    if (twin_spi_transfer(b->twin, mosi, miso, n_bytes, b->hz, b->gap_ns) != TWIN_STOP_TIME) {
        assert_no_violation(b);
        fail_msg("the twin stopped during a transfer");
    }
}

/* First poll counts: the strictest habit there is about stale verdicts. */
static uint8_t ack(struct bench *b)
{
    static const uint8_t echo = LINK_ACK;
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint8_t byte;
        transfer(b, NULL, &byte, 1);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            transfer(b, &echo, NULL, 1);
            return byte;
        }
    }
    return 0;
}

static void stage(struct bench *b, const void *bytes, size_t n_bytes, uint8_t verdict)
{
    transfer(b, bytes, NULL, n_bytes);
    assert_int_equal(ack(b), verdict);
}

static void command_at(struct bench *b, const char *frame, uint32_t addr)
{
    uint8_t bytes[5];
    stage(b, frame, 3, LINK_ACK);
    link_address_store(bytes, addr);
    stage(b, bytes, sizeof bytes, LINK_ACK);
}

static void plain_erase(struct bench *b, uint8_t sector)
{
    uint8_t list[] = {0, sector, sector};
    stage(b, "\x5A\x44\xBB", 3, LINK_ACK);
    stage(b, "\0\0\0", 3, LINK_ACK);
    stage(b, list, sizeof list, LINK_ACK);
}

static void plain_write(struct bench *b, uint32_t off, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t frame[FRAME_BYTES];
    command_at(b, "\x5A\x31\xCE", b->base + off);
    frame[0] = (uint8_t)(n_bytes - 1);
    memcpy(frame + 1, bytes, n_bytes);
    frame[1 + n_bytes] = link_xor(frame, 1 + n_bytes);
    stage(b, frame, n_bytes + 2, LINK_ACK);
}

static void plain_read(struct bench *b, uint32_t off, const uint8_t *expected, uint32_t n_bytes)
{
    uint8_t length[] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)}, bytes[1 + LINK_WRITE_MAX_BYTES];
    command_at(b, "\x5A\x11\xEE", b->base + off);
    stage(b, length, sizeof length, LINK_ACK);
    transfer(b, NULL, bytes, 1 + n_bytes);
    assert_memory_equal(bytes + 1, expected, n_bytes);
}

static uint32_t part_bytes(uint32_t off, uint32_t end)
{
    return end - off < LINK_WRITE_MAX_BYTES ? end - off : LINK_WRITE_MAX_BYTES;
}

static void plain_update(struct bench *b, const struct test_release *release)
{
    uint32_t end = release->n_image[1];
    twin_set_pin(b->twin, TWIN_PIN_NSS, false);
    stage(b, "\x5A", 1, LINK_ACK);
    for (uint8_t sector = FLASH_SLOT_B_SECTOR; sector < FLASH_SLOT_B_SECTOR + FLASH_SLOT_SECTORS; sector++) {
        plain_erase(b, sector);
    }
    for (uint32_t off = 0; off < end; off += LINK_WRITE_MAX_BYTES) {
        plain_write(b, off, release->image[1] + off, part_bytes(off, end));
    }
    for (uint32_t off = 0; off < end; off += LINK_WRITE_MAX_BYTES) {
        plain_read(b, off, release->image[1] + off, part_bytes(off, end));
    }
}

/* --- tests ------------------------------------------------------------------------------------------- */

static void application_starts_confirms_and_its_loop_runs(void **state)
{
    (void)state;
    struct bench *b = start(TWIN_FLASH_TYPICAL);
    assert_console(b, "app: version 1.0.0 slot A ");
    assert_console(b, "app: confirmed\r\n");
    printf("first start to confirmed: %u ms\n", (unsigned)(twin_now_ns(b->twin) / 1000000));
    run_ms(b, 1100);
    unsigned worst = assert_no_tick_missed(b);
    printf("undisturbed: worst jitter %u.%u us\n", worst / 10, worst % 10);
    assert_true(worst < 20);
    stop(b);
}

static void an4286_host_updates_the_running_application(void **state)
{
    (void)state;
    struct bench *b = start(TWIN_FLASH_TYPICAL);
    uint64_t start_ns = twin_now_ns(b->twin);
    plain_update(b, &v2);
    printf("AN4286, 1 MHz with 15 us gaps: %u bytes in %u ms\n", (unsigned)v2.n_image[1],
           (unsigned)((twin_now_ns(b->twin) - start_ns) / 1000000));
    assert_slot_b_holds(b, &v2);
    run_ms(b, 1100);
    unsigned worst = assert_no_tick_missed(b);
    printf("during the update: worst jitter %u.%u us\n", worst / 10, worst % 10);
    command_at(b, "\x5A\x21\xDE", 0x08000000);
    start_ns = twin_now_ns(b->twin);
    wait_for(b, "app: confirmed\r\n");
    assert_console(b, "app: version 2.0.0 slot B trial ");
    printf("from Go to confirmed: %u ms\n", (unsigned)((twin_now_ns(b->twin) - start_ns) / 1000000));
    (void)assert_no_tick_missed(b);
    stop(b);
}

static void an4286_host_at_8_mhz_sends_258_bytes_without_a_gap(void **state)
{
    (void)state;
    struct bench *b = start(TWIN_FLASH_TYPICAL);
    b->hz = 8000000;
    b->gap_ns = 2000; /* between transfers the host thinks; inside a frame below it does not */
    twin_set_pin(b->twin, TWIN_PIN_NSS, false);
    stage(b, "\x5A", 1, LINK_ACK);
    plain_erase(b, FLASH_SLOT_B_SECTOR);
    for (uint32_t off = 0; off + LINK_WRITE_MAX_BYTES <= v2.n_image[1]; off += LINK_WRITE_MAX_BYTES) {
        uint8_t frame[FRAME_BYTES] = {0xFF};
        command_at(b, "\x5A\x31\xCE", b->base + off);
        memcpy(frame + 1, v2.image[1] + off, LINK_WRITE_MAX_BYTES);
        frame[FRAME_BYTES - 1] = link_xor(frame, FRAME_BYTES - 1);
        assert_int_equal(twin_spi_transfer(b->twin, frame, NULL, FRAME_BYTES, b->hz, 0), TWIN_STOP_TIME);
        assert_int_equal(ack(b), LINK_ACK);
        plain_read(b, off, v2.image[1] + off, LINK_WRITE_MAX_BYTES);
    }
    run_ms(b, 1100);
    (void)assert_no_tick_missed(b);
    stop(b);
}

/* Follow what the target wants. @return progress of the last block */
static struct link_progress stream(struct bench *b, const struct link_session *session, const uint8_t *image)
{
    struct link_progress p = {.accepted_off = session->resume_off};
    while (p.accepted_off < session->image_bytes) {
        uint32_t n_left = session->image_bytes - p.accepted_off;
        uint32_t n_bytes = n_left < session->block_max_bytes ? n_left : session->block_max_bytes;
        enum fota_err err = link_client_block(&b->client, session->session_id, p.accepted_off,
                                              image + p.accepted_off, n_bytes, &p);
        if (err) {
            assert_no_violation(b);
            fail_msg("block at %u: %s", (unsigned)p.accepted_off, fota_err_name(err));
        }
    }
    return p;
}

static void vendor_update(enum twin_flash_timing timing)
{
    struct bench *b = start(timing);
    struct link_peer peer;
    struct link_session session;
    struct link_progress p;
    assert_int_equal(link_client_detect(&b->client, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    uint64_t start_ns = twin_now_ns(b->twin), busy_ns = twin_stats(b->twin)->flash_busy_ns;
    enum fota_err err =
        link_client_begin(&b->client, (const uint8_t *)v2.statement, (uint32_t)v2.n_statement, &session);
    if (err) {
        fail_msg("begin: %s", fota_err_name(err));
    }
    assert_int_equal(session.slot, SLOT_B);
    (void)stream(b, &session, v2.image[1]);
    assert_int_equal(link_client_finish(&b->client, session.session_id, &p), FOTA_OK);
    assert_int_equal(p.flashed_off, session.image_bytes);
    assert_slot_b_holds(b, &v2);
    printf("vendor, 8 MHz: %u bytes in %u ms, flash busy %u ms\n", (unsigned)session.image_bytes,
           (unsigned)((twin_now_ns(b->twin) - start_ns) / 1000000),
           (unsigned)((twin_stats(b->twin)->flash_busy_ns - busy_ns) / 1000000));
    run_ms(b, 1100);
    unsigned worst = assert_no_tick_missed(b);
    printf("during the update: worst jitter %u.%u us\n", worst / 10, worst % 10);
    assert_int_equal(link_client_activate(&b->client, session.session_id, &p), FOTA_OK);
    wait_for(b, "app: confirmed\r\n");
    assert_console(b, "app: version 2.0.0 slot B trial ");
    (void)assert_no_tick_missed(b);
    assert_int_equal(link_client_detect(&b->client, &peer), FOTA_OK);
    assert_int_equal(peer.info.boot.running_slot, SLOT_B);
    assert_int_equal(peer.info.boot.active_slot, SLOT_B);
    stop(b);
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
    struct bench *b = start(TWIN_FLASH_TYPICAL);
    struct link_peer peer;
    struct link_info info;
    uint16_t chip_id;
    assert_int_equal(link_client_detect(&b->client, &peer), FOTA_OK);
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(link_client_get_id(&b->client, &chip_id), FOTA_OK);
        assert_int_equal(chip_id, LINK_CHIP_ID);
        assert_int_equal(link_client_info(&b->client, &info), FOTA_OK);
        (void)twin_run_until(b->twin, twin_now_ns(b->twin) + 13777);
    }
    printf("800 commands at 8 MHz: %u NACKs, %u repeats\n", (unsigned)b->client.stats.nacks,
           (unsigned)b->client.stats.repeats);
    assert_int_equal(b->client.stats.nacks + b->client.stats.repeats + b->client.stats.timeouts, 0);
    stop(b);
}

static void bootloader_without_a_slot_to_boot_takes_an_update(void **state)
{
    (void)state;
    struct bench *b = make_board(TWIN_FLASH_TYPICAL, NULL);
    struct link_peer peer;
    struct link_session session;
    struct link_progress p;
    twin_set_power(b->twin, true);
    run_ms(b, 3000);
    assert_int_equal(link_client_detect(&b->client, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_BOOTLOADER);
    assert_int_equal(peer.info.boot.running_slot, SLOT_NONE);
    assert_int_equal(
        link_client_begin(&b->client, (const uint8_t *)v2.statement, (uint32_t)v2.n_statement, &session),
        FOTA_OK);
    (void)stream(b, &session, v2.image[session.slot]);
    assert_int_equal(link_client_finish(&b->client, session.session_id, &p), FOTA_OK);
    assert_int_equal(link_client_activate(&b->client, session.session_id, &p), FOTA_OK);
    wait_for(b, "app: confirmed\r\n");
    assert_console(b, "app: version 2.0.0 slot ");
    stop(b);
}

/* The loader's answers must come in time for a host that leaves 15 us, and for 258 bytes without
 * a gap. */
static void loader_speaks_an4286_at_full_speed(void **state)
{
    (void)state;
    /* Get as the ROM of V1.1 answers it (AN4286 2.2), after a dummy. */
    static const uint8_t get_expected[] = {11,   0x11, 0x00, 0x01, 0x02, 0x11, 0x21,
                                           0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    uint8_t answer[1 + sizeof get_expected], frame[FRAME_BYTES] = {0xFF};
    struct bench *b = make_board(TWIN_FLASH_TYPICAL, NULL);
    twin_set_power(b->twin, true);
    run_ms(b, 3000);
    twin_set_pin(b->twin, TWIN_PIN_NSS, false);
    stage(b, "\x5A", 1, LINK_ACK);
    stage(b, "\x5A\x00\xFF", 3, LINK_ACK);
    transfer(b, NULL, answer, sizeof answer);
    assert_memory_equal(answer + 1, get_expected, sizeof get_expected);
    assert_int_equal(ack(b), LINK_ACK);
    b->base = FLASH_SLOT_A_BASE; /* nothing is confirmed: A comes first */
    plain_erase(b, FLASH_SLOT_A_SECTOR);
    command_at(b, "\x5A\x31\xCE", b->base);
    memcpy(frame + 1, v2.image[1], LINK_WRITE_MAX_BYTES);
    frame[FRAME_BYTES - 1] = link_xor(frame, FRAME_BYTES - 1);
    assert_int_equal(twin_spi_transfer(b->twin, frame, NULL, FRAME_BYTES, 8000000, 0), TWIN_STOP_TIME);
    assert_int_equal(ack(b), LINK_ACK);
    plain_read(b, 0, v2.image[1], LINK_WRITE_MAX_BYTES);
    stop(b);
}

static void agent_refuses_what_is_outside_the_inactive_slot(void **state)
{
    (void)state;
    static const uint32_t outside[] = {0x08000000, 0x0800C000, 0x08020000,
                                       0x080E0000, 0x1FFFC000, 0x20000000};
    struct bench *b = start(TWIN_FLASH_TYPICAL);
    uint64_t n_erases = 0;
    twin_set_pin(b->twin, TWIN_PIN_NSS, false);
    stage(b, "\x5A", 1, LINK_ACK);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        uint8_t addr[5];
        link_address_store(addr, outside[i]);
        stage(b, "\x5A\x31\xCE", 3, LINK_ACK);
        stage(b, addr, sizeof addr, LINK_NACK);
    }
    for (uint8_t sector = 0; sector < FLASH_SLOT_B_SECTOR; sector++) {
        uint8_t list[] = {0, sector, sector};
        stage(b, "\x5A\x44\xBB", 3, LINK_ACK);
        stage(b, "\0\0\0", 3, LINK_ACK);
        stage(b, list, sizeof list, LINK_NACK);
    }
    stage(b, "\x5A\x63\x9C", 3, LINK_NACK);
    for (unsigned sector = 4; sector < 11; sector++) {
        n_erases += twin_stats(b->twin)->flash_erases[sector];
    }
    assert_int_equal(n_erases, 0);
    run_ms(b, 1100);
    (void)assert_no_tick_missed(b);
    stop(b);
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
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
