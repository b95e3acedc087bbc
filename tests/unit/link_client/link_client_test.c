/* Link client: bytes on the wire against AN4286's examples, traps of real loaders, and the real slave over
 * bad wires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "site.h"

/* --- a wire with a script ---------------------------------------------------------------------------- */

enum { WIRE_MAX_BYTES = 4096 };

/* Records MOSI. MISO: the script, then `rest` for ever. */
struct wire {
    struct link_io io; /* first member */
    uint64_t now_us;
    uint8_t mosi[WIRE_MAX_BYTES];
    size_t n_mosi;
    const uint8_t *miso;
    size_t n_miso, miso_at;
    uint8_t rest;
    unsigned n_nrst, n_boot0;
    uint64_t nrst_low_us, boot0_high_us, boot0_us;
    bool is_boot0_high_at_release;
    uint64_t longest_delay_us;
};

static struct wire wire;
static struct link_client client;

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    (void)io;
    for (size_t i = 0; i < n_bytes; i++) {
        if (wire.n_mosi < WIRE_MAX_BYTES) {
            wire.mosi[wire.n_mosi++] = mosi ? mosi[i] : 0;
        }
        uint8_t in = wire.miso_at < wire.n_miso ? wire.miso[wire.miso_at++] : wire.rest;
        if (miso) {
            miso[i] = in;
        }
        wire.now_us += 10;
    }
    return FOTA_OK;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    (void)io;
    (void)selected;
    return FOTA_OK;
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    (void)io;
    wire.n_nrst++;
    wire.is_boot0_high_at_release = wire.boot0_us != 0;
    wire.nrst_low_us = low ? wire.now_us : wire.now_us - wire.nrst_low_us;
    return FOTA_OK;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    (void)io;
    wire.n_boot0++;
    wire.boot0_high_us = high || !wire.boot0_us ? 0 : wire.now_us - wire.boot0_us;
    wire.boot0_us = high ? wire.now_us : 0;
    return FOTA_OK;
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    (void)io;
    (void)byte_gap_us;
    return hz ? FOTA_OK : E_ARG;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    (void)io;
    wire.now_us += us;
    wire.longest_delay_us = us > wire.longest_delay_us ? us : wire.longest_delay_us;
}

static uint64_t now_us(struct link_io *io)
{
    (void)io;
    return wire.now_us;
}

static void wire_start(const uint8_t *miso, size_t n_miso, uint8_t rest)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    memset(&wire, 0, sizeof wire);
    wire.io.ops = &ops;
    wire.now_us = 1;
    wire.miso = miso;
    wire.n_miso = n_miso;
    wire.rest = rest;
    link_client_init(&client, &wire.io, NULL);
}

#define ASSERT_MOSI(...)                                                                                     \
    do {                                                                                                     \
        const uint8_t expected[] = {__VA_ARGS__};                                                            \
        assert_int_equal(wire.n_mosi, sizeof expected);                                                      \
        assert_memory_equal(wire.mosi, expected, sizeof expected);                                           \
    } while (0)

/* --- bytes: AN4286's sequences (facts of the ROM: MISO keeps the last byte) -------------------------- */

/* `00 00 79` is the ACK procedure: dummy, one poll that meets 79, echo. */
#define A 0x00, 0x00, 0x79

static void get_id_is_sent_as_an4286_says(void **state)
{
    (void)state;
    static const uint8_t miso[] = {0xA5, 0xA5, 0xA5, 0xA5, 0x79, 0xA5, 0xA5,
                                   0x01, 0x04, 0x13, 0xA5, 0x79, 0xA5};
    uint16_t id = 0;
    wire_start(miso, sizeof miso, 0xA5);
    assert_int_equal(link_client_get_id(&client, &id), FOTA_OK);
    assert_int_equal(id, 0x413);
    ASSERT_MOSI(0x5A, 0x02, 0xFD, A, 0x00, 0x00, 0x00, 0x00, A);
}

static void write_is_sent_as_an4286_says(void **state)
{
    (void)state;
    const uint8_t data[] = {0x11, 0x22, 0x33, 0x44};
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_write(&client, 0x08020000, data, sizeof data), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x31, 0xCE, A, 0x08, 0x02, 0x00, 0x00, 0x0A, A, 0x03, 0x11, 0x22, 0x33, 0x44, 0x47, A);
}

static void read_is_sent_as_an4286_says(void **state)
{
    (void)state;
    uint8_t data[16];
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_read(&client, 0x08004000, data, sizeof data), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x11, 0xEE, A, 0x08, 0x00, 0x40, 0x00, 0x48, A, 0x0F, 0xF0, A, 0, /* then 16 */ 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static void erase_and_its_cross_check_are_sent_as_an4286_says(void **state)
{
    (void)state;
    static const uint8_t miso[] = {/* 5A 44 BB A, 00 00 00 A, 00 05 05 A */
                                   0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79,
                                   0x79, 0x79, 0x79, 0x79, 0x79, 0x79,
                                   /* Get ID */
                                   0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x79, 0x01, 0x04, 0x13, 0x79, 0x79,
                                   0x79};
    wire_start(miso, sizeof miso, 0x79);
    assert_int_equal(link_client_erase(&client, 5), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x44, 0xBB, A, 0x00, 0x00, 0x00, A, 0x00, 0x05, 0x05, A, /* Get ID */ 0x5A, 0x02, 0xFD,
                A, 0, 0, 0, 0, A);
}

static void go_and_protection_are_sent_as_an4286_says(void **state)
{
    (void)state;
    const uint8_t sector0 = 0;
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_go(&client, 0x08008000), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x21, 0xDE, A, 0x08, 0x00, 0x80, 0x00, 0x88, A);
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_write_protect(&client, &sector0, 1), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x63, 0x9C, A, 0x00, 0xFF, A, 0x00, 0x00, A);
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_write_unprotect(&client), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x73, 0x8C, A, A);
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_readout_protect(&client), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x82, 0x7D, A, A);
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_readout_unprotect(&client), FOTA_OK);
    ASSERT_MOSI(0x5A, 0x92, 0x6D, A, A);
}

static void wrong_arguments_send_nothing(void **state)
{
    (void)state;
    uint8_t bytes[260] = {0};
    struct link_session session;
    struct link_progress progress;
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_write(&client, 0x08020002, bytes, 4), E_ARG);
    assert_int_equal(link_client_write(&client, 0x08020000, bytes, 6), E_ARG);
    assert_int_equal(link_client_write(&client, 0x08020000, bytes, 260), E_ARG);
    assert_int_equal(link_client_write(&client, 0x08020000, bytes, 0), E_ARG);
    assert_int_equal(link_client_read(&client, 0x08020000, bytes, 257), E_ARG);
    assert_int_equal(link_client_write_protect(&client, bytes, 13), E_ARG);
    assert_int_equal(link_client_begin(&client, bytes, 0, &session), E_ARG);
    assert_int_equal(link_client_block(&client, 1, 0, bytes, 4097, &progress), E_ARG);
    assert_int_equal(link_client_finish(&client, 1, &progress), E_LINK_NO_VENDOR);
    assert_int_equal(wire.n_mosi, 0);
}

/* --- traps ------------------------------------------------------------------------------------------- */

static void first_poll_byte_is_thrown_away(void **state)
{
    (void)state;
    /* A stale 79 meets the dummy, then the answer is NACK: a client that counted the first byte would see
     * ACK. */
    static const uint8_t miso[] = {0x79, 0x79, 0x79, 0x79, 0x1F};
    const uint8_t data[4] = {0};
    wire_start(miso, sizeof miso, 0xA5);
    assert_int_equal(link_client_write(&client, 0x08020000, data, sizeof data), E_LINK_NACK);
    ASSERT_MOSI(0x5A, 0x31, 0xCE, A); /* and the NACK was echoed */
}

static void wire_that_shows_ack_for_ever_is_no_loader(void **state)
{
    (void)state;
    wire_start(NULL, 0, 0x79);
    assert_int_equal(link_client_sync(&client), E_LINK_NO_LOADER);
}

static void loader_of_another_chip_is_named(void **state)
{
    (void)state;
    const struct link_client_config once = {.sync_attempts = 1};
    static const uint8_t miso[] = {0xA5, 0x00, 0x79, 0x79, /* 5A, A */
                                   0xA5, 0xA5, 0xA5, 0xA5, 0x79, 0x79, 0x79,
                                   0x01, 0x04, 0x31, 0x79, 0x79, 0x79}; /* Get ID: an F411 */
    wire_start(miso, sizeof miso, 0x79);
    link_client_init(&client, &wire.io, &once);
    assert_int_equal(link_client_sync(&client), E_LINK_CHIP);
}

static void silent_or_stuck_wire_is_given_up_in_bounded_time(void **state)
{
    (void)state;
    static const uint8_t stuck[] = {0x00, 0xFF, 0xA5};
    for (size_t i = 0; i < sizeof stuck; i++) {
        wire_start(NULL, 0, stuck[i]);
        assert_int_equal(link_client_sync(&client), E_LINK_NO_LOADER);
        assert_true(wire.now_us < 10 * 1000000);
        assert_int_equal(client.stats.syncs, 5);
    }
}

static void polls_slow_down_to_one_a_millisecond(void **state)
{
    (void)state;
    wire_start(NULL, 0, 0xA5);
    const uint8_t data[4] = {0};
    assert_int_equal(link_client_write(&client, 0x08020000, data, sizeof data), E_TIMEOUT);
    assert_true(wire.now_us >= 4000 * 1000); /* the whole budget of a command */
    assert_true(wire.n_mosi < 4000 + 150);   /* one byte for each of its milliseconds, and the quick ones */
}

/* A frame that noise took is not waited for as long as a core that an erase stalls. */
static void first_try_of_a_command_is_short_if_the_loader_has_vendor_commands(void **state)
{
    (void)state;
    static const struct link_client_config once = {.attempts = 1};
    uint16_t chip_id;
    for (unsigned has_vendor = 0; has_vendor < 2; has_vendor++) {
        wire_start(NULL, 0, 0xA5);
        link_client_init(&client, &wire.io, &once);
        client.has_vendor = has_vendor == 1;
        assert_int_equal(link_client_get_id(&client, &chip_id), E_TIMEOUT);
        assert_true(has_vendor ? wire.now_us < 300 * 1000 : wire.now_us >= 4000 * 1000);
    }
}

/* docs/spec/link.md 2: only 500 ms without a byte make a loader count bits anew. */
static void last_tries_of_a_sync_follow_a_silence_that_resets_bit_counters(void **state)
{
    (void)state;
    wire_start(NULL, 0, 0xA5);
    client.config.sync_attempts = 3;
    assert_int_equal(link_client_sync(&client), E_LINK_NO_LOADER);
    assert_true(wire.longest_delay_us < 500000);
    wire_start(NULL, 0, 0xA5);
    assert_int_equal(link_client_sync(&client), E_LINK_NO_LOADER);
    assert_true(wire.longest_delay_us > 500000);
}

#define TAKE_STEP 0xA5, 0x00, 0x79, 0x79 /* 5A, and the ACK */
#define TELL_ID   0xA5, 0xA5, 0xA5, 0xA5, 0x79, 0x79, 0x79, 0x01, 0x04, 0x13, 0x79, 0x79, 0x79
#define REFUSE    0xA5, 0xA5, 0xA5, 0xA5, 0x1F, 0x1F

/* ST's ROM is told from ours by INFO alone, since Get is the same: three refusals are believed. */
static void plain_loader_has_no_vendor_commands(void **state)
{
    (void)state;
    static const uint8_t miso[] = {TAKE_STEP, TELL_ID, TELL_ID, 0xA5,      0xA5,    0xA5,  0xA5,
                                   0x79,      0x79,    0x79,    0x0B,      0x11,    0x00, /* Get */
                                   0x01,      0x02,    0x11,    0x21,      0x31,    0x44,  0x63,
                                   0x73,      0x82,    0x92,    0x79,      0x79,    0x79,  REFUSE,
                                   TAKE_STEP, TELL_ID, REFUSE,  TAKE_STEP, TELL_ID, REFUSE};
    struct link_peer peer;
    struct link_info info;
    wire_start(miso, sizeof miso, 0x1F); /* and INFO is refused */
    assert_int_equal(link_client_detect(&client, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_PLAIN);
    assert_int_equal(peer.protocol, 0x11);
    assert_int_equal(link_client_info(&client, &info), E_LINK_NO_VENDOR);
}

static void reset_into_the_rom_keeps_the_budgets(void **state)
{
    (void)state;
    wire_start(NULL, 0, 0);
    assert_int_equal(link_client_reset(&client, LINK_BOOT_ROM), FOTA_OK);
    assert_int_equal(wire.n_nrst, 2);
    assert_true(wire.nrst_low_us >= 1000);
    assert_true(wire.is_boot0_high_at_release);
    assert_true(wire.boot0_high_us >= 1000 + 10000 + 150000);
    wire_start(NULL, 0, 0);
    assert_int_equal(link_client_reset(&client, LINK_BOOT_FLASH), FOTA_OK);
    assert_false(wire.is_boot0_high_at_release);
}

/* --- against the real slave -------------------------------------------------------------------------- */

static struct site *site;
static struct test_release release;

static int set_up(void **state)
{
    (void)state;
    site = malloc(sizeof *site);
    assert_non_null(site);
    site_init(site);
    struct test_spec spec = test_spec(&site->release_key, &site->channel_key, 0x02000000, 2);
    test_release_make(&spec, &release);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(site);
    return 0;
}

static struct link_session begin(void)
{
    struct link_session session;
    assert_int_equal(link_client_begin(&site->link, (const uint8_t *)release.statement,
                                       (uint32_t)release.n_statement, &session),
                     FOTA_OK);
    return session;
}

/* Everything from `off` on, as a host would. @return number of blocks it took */
static unsigned stream(const struct link_session *session, uint32_t off, uint32_t block_bytes)
{
    unsigned n_blocks = 0;
    while (off < session->image_bytes) {
        struct link_progress progress;
        uint32_t left = session->image_bytes - off;
        uint32_t n = left < block_bytes ? left : block_bytes;
        assert_int_equal(
            link_client_block(&site->link, session->session_id, off, release.image[1] + off, n, &progress),
            FOTA_OK);
        off = progress.accepted_off;
        assert_true(++n_blocks < 1000);
    }
    return n_blocks;
}

static void agent_is_detected_and_tells_what_runs(void **state)
{
    (void)state;
    struct link_peer peer;
    assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    assert_int_equal(peer.chip_id, 0x413);
    assert_int_equal(peer.info.boot.running_slot, SLOT_A);
    assert_int_equal(peer.info.boot.active_slot, SLOT_A);
    assert_string_equal(peer.info.boot.hw_id, "f407-disco");
    assert_memory_equal(peer.info.boot.slot_hash[SLOT_A], site->factory.hash[0], 8);
}

static void whole_update_by_vendor_commands(void **state)
{
    (void)state;
    struct link_peer peer;
    struct link_progress progress;
    uint8_t sha256[32];
    assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
    struct link_session session = begin();
    assert_int_equal(session.slot, SLOT_B);
    stream(&session, session.resume_off, session.block_max_bytes);
    assert_int_equal(link_client_hash(&site->link, 0, session.image_bytes, sha256), FOTA_OK);
    assert_memory_equal(sha256, release.digest[1], 32);
    assert_int_equal(link_client_finish(&site->link, session.session_id, &progress), FOTA_OK);
    assert_int_equal(progress.flashed_off, session.image_bytes);
    assert_int_equal(link_client_activate(&site->link, session.session_id, &progress), FOTA_OK);
    target_fake_run_ms(&site->target, 1000);
    assert_int_equal(site->target.running, SLOT_B);
    assert_int_equal(site->link.stats.repeats, 0);
}

static void target_reasons_come_through(void **state)
{
    (void)state;
    struct link_peer peer;
    struct link_session session;
    struct link_progress progress;
    uint8_t sha256[32];
    assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
    release.statement[30] ^= 1;
    enum fota_err err = link_client_begin(&site->link, (const uint8_t *)release.statement,
                                          (uint32_t)release.n_statement, &session);
    assert_int_equal((unsigned)err >> 8, 0x03);
    assert_int_equal(link_client_finish(&site->link, 0x12345678, &progress), E_UPDATE_NO_SESSION);
    assert_true(link_client_hash(&site->link, 0xFFFFFF00, 16, sha256) != FOTA_OK);
    assert_int_equal(site->link.stats.damaged, 0);
    assert_int_equal(site->target.n_erases, 0);
}

static void damaged_bytes_are_repeated_until_right(void **state)
{
    (void)state;
    struct link_peer peer;
    uint8_t sha256[32];
    print_message("noise seeds 1..20, one damaged byte in 2,000 on each wire\n");
    for (uint32_t seed = 1; seed <= 20; seed++) {
        site_init(site);
        assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
        site->target.noise_period = 2000;
        site->target.noise_seed = seed;
        struct link_session session = begin();
        stream(&session, session.resume_off, 256);
        assert_int_equal(link_client_hash(&site->link, 0, session.image_bytes, sha256), FOTA_OK);
        assert_memory_equal(sha256, release.digest[1], 32);
        assert_true(site->target.n_damaged > 0);
    }
}

static void too_much_noise_is_a_clean_failure(void **state)
{
    (void)state;
    struct link_info info;
    struct link_peer peer;
    assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
    site->target.noise_period = 2;
    enum fota_err err = link_client_info(&site->link, &info);
    assert_true(link_client_is_transport(err));
    assert_true(site->link.stats.repeats <= 8);
}

static void host_that_vanished_in_any_byte_of_a_block_is_forgotten(void **state)
{
    (void)state;
    struct link_peer peer;
    struct link_info info;
    assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
    /* command frame and ACK, then a part of n[2] body crc */
    static const uint8_t frame[] = {0x5A, LINK_OP_BLOCK, (uint8_t)~LINK_OP_BLOCK, 0x00, 0x00, 0x00, 0x79,
                                    0x01, 0x08};
    uint8_t garbage[257];
    memset(garbage, 0x5A, sizeof garbage); /* worst: every byte looks like a start of frame */
    for (size_t cut = 0; cut <= sizeof garbage; cut++) {
        assert_int_equal(link_io_select(&site->target.io, true), FOTA_OK);
        assert_int_equal(link_io_transfer(&site->target.io, frame, NULL, sizeof frame), FOTA_OK);
        assert_int_equal(link_io_transfer(&site->target.io, garbage, NULL, cut), FOTA_OK);
        assert_int_equal(link_io_select(&site->target.io, false), FOTA_OK);
        link_client_init(&site->link, &site->target.io, NULL);
        assert_int_equal(link_client_detect(&site->link, &peer), FOTA_OK);
        assert_int_equal(link_client_info(&site->link, &info), FOTA_OK);
    }
}

static void plain_an4286_erases_writes_and_reads_back_the_inactive_slot(void **state)
{
    (void)state;
    uint8_t back[256];
    assert_int_equal(link_client_sync(&site->link), FOTA_OK);
    assert_int_equal(link_client_erase(&site->link, FLASH_SLOT_B_SECTOR), FOTA_OK);
    for (uint32_t off = 0; off < 4096; off += 256) {
        assert_int_equal(
            link_client_write_checked(&site->link, FLASH_SLOT_B_BASE + off, release.image[1] + off, 256),
            FOTA_OK);
    }
    assert_int_equal(link_client_read(&site->link, FLASH_SLOT_B_BASE + 256, back, 256), FOTA_OK);
    assert_memory_equal(back, release.image[1] + 256, 256);
}

static void plain_an4286_is_refused_outside_the_inactive_slot(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    assert_int_equal(link_client_sync(&site->link), FOTA_OK);
    assert_int_equal(link_client_read(&site->link, FLASH_BOOT_BASE, bytes, 4), E_LINK_NACK);
    assert_int_equal(link_client_write(&site->link, FLASH_SLOT_A_BASE, bytes, 4), E_LINK_NACK);
    assert_int_equal(link_client_erase(&site->link, FLASH_BOOT_SECTOR), E_LINK_NACK);
    assert_int_equal(link_client_readout_unprotect(&site->link), E_LINK_NACK);
    assert_int_equal(site->target.n_erases, 0);
}

#define WITH_RIG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_id_is_sent_as_an4286_says),
        cmocka_unit_test(write_is_sent_as_an4286_says),
        cmocka_unit_test(read_is_sent_as_an4286_says),
        cmocka_unit_test(erase_and_its_cross_check_are_sent_as_an4286_says),
        cmocka_unit_test(go_and_protection_are_sent_as_an4286_says),
        cmocka_unit_test(wrong_arguments_send_nothing),
        cmocka_unit_test(first_poll_byte_is_thrown_away),
        cmocka_unit_test(wire_that_shows_ack_for_ever_is_no_loader),
        cmocka_unit_test(loader_of_another_chip_is_named),
        cmocka_unit_test(silent_or_stuck_wire_is_given_up_in_bounded_time),
        cmocka_unit_test(polls_slow_down_to_one_a_millisecond),
        cmocka_unit_test(first_try_of_a_command_is_short_if_the_loader_has_vendor_commands),
        cmocka_unit_test(last_tries_of_a_sync_follow_a_silence_that_resets_bit_counters),
        cmocka_unit_test(plain_loader_has_no_vendor_commands),
        cmocka_unit_test(reset_into_the_rom_keeps_the_budgets),
        WITH_RIG(agent_is_detected_and_tells_what_runs),
        WITH_RIG(whole_update_by_vendor_commands),
        WITH_RIG(target_reasons_come_through),
        WITH_RIG(damaged_bytes_are_repeated_until_right),
        WITH_RIG(too_much_noise_is_a_clean_failure),
        WITH_RIG(host_that_vanished_in_any_byte_of_a_block_is_forgotten),
        WITH_RIG(plain_an4286_erases_writes_and_reads_back_the_inactive_slot),
        WITH_RIG(plain_an4286_is_refused_outside_the_inactive_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
