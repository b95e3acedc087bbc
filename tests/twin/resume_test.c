/* An update by vendor commands goes on where it was, whoever is reset at whatever byte: at most one sector is
 * sent again. `resume_test --all [FILTER]` runs 40 places for the agent and 40 for the bootloader, with
 * typical flash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "breaker.h"
#include "firmware.h"
#include "format/image_build.h"
#include "link_client/link_ladder.h"
#include "release/offer.h"
#include "release/publish.h"
#include "twin_board.h"

enum {
    SAMPLES = 2,
    ALL_SAMPLES = 40,
    SESSIONS_MAX = 20,
    SHORT_BYTES = 0x20000 + 20000,
    LONG_BYTES = 2 * 0x20000 + 40000,
    STATEMENT_BYTES = 1280
};

static bool runs_all;

/* Release 2.0.0 filled up, so that its images reach into the second sector, in the long run into the third. */
static struct {
    uint32_t n_image[2];
    uint8_t image[2][LONG_BYTES];
    uint32_t n_statement;
    char statement[STATEMENT_BYTES];
} large;

static void make_image(const struct key *key, unsigned slot, uint32_t n_bytes)
{
    static uint8_t payload[LONG_BYTES];
    const struct test_release *demo = demo_release(2);
    struct image parts;
    assert_int_equal(image_parse(demo->image[slot], demo->n_image[slot], &parts), FOTA_OK);
    twin_board_fill(payload, sizeof payload, slot);
    memcpy(payload, demo->image[slot] + IMAGE_HEADER_AREA_BYTES, parts.img_bytes);
    const struct image_spec spec = {.load_addr = twin_board_base((enum slot)slot),
                                    .version = {.major = 2},
                                    .security_counter = 1,
                                    .hw_id = BOARD_NAME};
    const struct image_signer signer = key_image_signer(key);
    large.n_image[slot] = sizeof large.image[slot];
    assert_int_equal(image_build(&spec, payload, n_bytes - IMAGE_OVERHEAD_MAX_BYTES, &signer,
                                 large.image[slot], &large.n_image[slot]),
                     FOTA_OK);
}

static void make_release(uint32_t n_bytes)
{
    static char blob[2][PUBLISH_KEY_MAX_BYTES];
    struct key key;
    struct signed_text text;
    const struct key *const signer[] = {&key};
    struct release release = {.product = {"demo", 4},
                              .hw = {BOARD_NAME, strlen(BOARD_NAME)},
                              .version = 2 << 24,
                              .security_counter = 1,
                              .codec = {"none", 4},
                              .confirm_within_s = 60,
                              .activate = {"now", 3},
                              .notes = {"-", 1}};
    firmware_read_key(&key);
    for (unsigned slot = 0; slot < 2; slot++) {
        make_image(&key, slot, n_bytes);
        assert_int_equal(release_image_describe(large.image[slot], large.n_image[slot], &release.image[slot]),
                         FOTA_OK);
        publish_blob_key(release.image[slot].sha256, blob[slot]);
        release.image[slot].blob = (struct statement_span){blob[slot], strlen(blob[slot])};
    }
    assert_int_equal(offer_write_release(&release, signer, 1, &text), FOTA_OK);
    assert_true(text.n_bytes <= sizeof large.statement);
    memcpy(large.statement, text.text, text.n_bytes);
    large.n_statement = (uint32_t)text.n_bytes;
    key_forget(&key);
}

/* --- a host ------------------------------------------------------------------------------------------ */

/* What one update cost, over all sessions of all hosts. */
struct tally {
    uint32_t sent_bytes;     /* of the image, by sessions; a block whose answer did not come counts once */
    uint32_t repeated_bytes; /* blocks that went out again at once because of that */
    unsigned n_sessions;
};

static enum fota_err stream(struct twin_board *b, const struct link_session *s, struct tally *t)
{
    uint32_t off = s->resume_off;
    enum fota_err err = FOTA_OK;
    while (off < s->image_bytes && !err) {
        struct link_progress progress;
        uint32_t left = s->image_bytes - off;
        uint32_t most = link_client_block_bytes(&b->link, off, s->block_max_bytes);
        uint32_t n = left < most ? left : most;
        uint32_t repeats = b->link.stats.repeats;
        err = link_client_block(&b->link, s->session_id, off, large.image[s->slot] + off, n, &progress);
        t->sent_bytes += n;
        t->repeated_bytes += n * (b->link.stats.repeats - repeats);
        off = err ? off : progress.accepted_off;
    }
    return err;
}

/* One session: from whatever state the board is in to a pending image. */
static enum fota_err session(struct twin_board *b, struct tally *t)
{
    struct link_peer peer;
    struct link_session s;
    struct link_progress progress;
    enum fota_err err = link_client_detect(&b->link, &peer);
    if (!err) {
        err = link_client_begin(&b->link, (const uint8_t *)large.statement, large.n_statement, &s);
    }
    if (!err) {
        t->n_sessions++;
        err = stream(b, &s, t);
    }
    return err ? err : link_client_finish(&b->link, s.session_id, &progress);
}

/* A host that tries again until it is done or dead. @return true if the image is pending */
static bool host(struct twin_board *b, struct break_point point, struct tally *t, uint64_t *n_bytes)
{
    struct breaker breaker;
    enum fota_err err = E_TIMEOUT;
    breaker_init(&breaker, b, point);
    link_client_init(&b->link, &breaker.io, NULL);
    for (unsigned i = 0; i < SESSIONS_MAX && err && err != E_IO; i++) {
        err = session(b, t);
    }
    *n_bytes = breaker.n_bytes;
    assert_int_equal(breaker.has_struck, point.kind != BREAK_NONE);
    if (err && err != E_IO) {
        fail_msg("the update ended with %s", fota_err_name(err));
    }
    return err == FOTA_OK;
}

static void assert_received(const struct twin_board *b, unsigned slot)
{
    static uint8_t got[FLASH_SLOT_BYTES];
    assert_true(twin_peek(b->twin, slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE, got, large.n_image[slot]));
    assert_memory_equal(got, large.image[slot], large.n_image[slot]);
}

/* Somebody is reset at `n_samples` places of the update; it ends well each time, and cheaply. */
static void reset_somebody(struct twin_board *b, unsigned n_samples, unsigned slot, const char *name)
{
    struct twin_snapshot *start = twin_save(b->twin);
    struct tally whole = {0};
    uint64_t seed = 11;
    uint64_t n_bytes = 0;
    uint32_t most_bytes = 0;
    assert_true(host(b, (struct break_point){.kind = BREAK_NONE}, &whole, &n_bytes));
    assert_received(b, slot);
    assert_int_equal(whole.sent_bytes, large.n_image[slot]);
    for (unsigned i = 0; i < n_samples; i++) {
        const struct break_point point = {.kind = i % 2 ? BREAK_HOST : BREAK_RESET,
                                          .at = breaker_random(&seed) % n_bytes};
        struct tally tally = {0};
        uint64_t ignored = 0;
        twin_restore(b->twin, start);
        if (!host(b, point, &tally, &ignored)) {
            assert_true(host(b, (struct break_point){.kind = BREAK_NONE}, &tally, &ignored));
        }
        assert_received(b, slot);
        uint32_t again_bytes = tally.sent_bytes - large.n_image[slot];
        if (again_bytes > FLASH_SLOT_SECTOR_BYTES || tally.repeated_bytes > LINK_BLOCK_MAX_BYTES) {
            fail_msg("%s reset at byte %llu: %u bytes sent again, and %u repeated",
                     point.kind == BREAK_HOST ? "host" : "target", (unsigned long long)point.at,
                     (unsigned)again_bytes, (unsigned)tally.repeated_bytes);
        }
        most_bytes = again_bytes > most_bytes ? again_bytes : most_bytes;
    }
    print_message(
        "%s: %u resets in %u bytes on the wire, at most %u of %u image bytes sent again (seed 11)\n", name,
        n_samples, (unsigned)n_bytes, (unsigned)most_bytes, (unsigned)large.n_image[slot]);
    twin_snapshot_free(start);
}

static unsigned samples(void)
{
    return runs_all ? ALL_SAMPLES : SAMPLES;
}

/* The short run has flash that takes no time: only the order of things counts. */
static enum twin_flash_timing timing(void)
{
    return runs_all ? TWIN_FLASH_TYPICAL : TWIN_FLASH_HASTY;
}

static void update_by_the_agent_resumes_after_the_last_sector(void **state)
{
    (void)state;
    struct twin_board b;
    twin_board_open_with(
        &b, &(struct twin_config){.rom = TWIN_ROM_V9_1, .flash_timing = timing(), .seed = 1, .strict = true},
        demo_release(1));
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, TWIN_BOARD_SETTLE_MS);
    reset_somebody(&b, samples(), 1, "agent");
    twin_board_close(&b);
}

static void update_by_the_bootloader_resumes_after_the_last_sector(void **state)
{
    (void)state;
    struct twin_board b;
    twin_board_open_with(
        &b, &(struct twin_config){.rom = TWIN_ROM_V9_1, .flash_timing = timing(), .seed = 1, .strict = true},
        NULL);
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, 100);
    reset_somebody(&b, samples(), 0, "bootloader");
    twin_board_close(&b);
}

static int set_up(void **state)
{
    (void)state;
    make_release(runs_all ? LONG_BYTES : SHORT_BYTES);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(update_by_the_agent_resumes_after_the_last_sector),
        cmocka_unit_test(update_by_the_bootloader_resumes_after_the_last_sector),
    };
    runs_all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
