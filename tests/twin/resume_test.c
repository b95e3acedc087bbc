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
#include "desk.h"
#include "link_client/link_ladder.h"

enum { SAMPLES = 2, ALL_SAMPLES = 40, SESSIONS_MAX = 20, SHORT_BYTES = 0x20000 + 20000 };

static bool runs_all;

/* A release of images that reach into the second sector, in the long run into the third. */
static struct desk_large large;

/* --- a host ------------------------------------------------------------------------------------------ */

/** What one update cost, over all sessions of all hosts. */
struct tally {
    uint32_t sent_bytes;     /* of the image, by sessions; a block whose answer did not come counts once */
    uint32_t repeated_bytes; /* blocks that went out again at once because of that */
    unsigned n_sessions;
};

static enum fota_err stream(struct desk *d, const struct link_session *s, struct tally *t)
{
    uint32_t off = s->resume_off;
    enum fota_err err = FOTA_OK;
    while (off < s->image_bytes && !err) {
        struct link_progress progress;
        uint32_t left = s->image_bytes - off;
        uint32_t most = link_client_block_bytes(&d->link, off, s->block_max_bytes);
        uint32_t n = left < most ? left : most;
        uint32_t repeats = d->link.stats.repeats;
        err = link_client_block(&d->link, s->session_id, off, large.image[s->slot] + off, n, &progress);
        t->sent_bytes += n;
        t->repeated_bytes += n * (d->link.stats.repeats - repeats);
        off = err ? off : progress.accepted_off;
    }
    return err;
}

/** One session: from whatever state the board is in to a pending image. */
static enum fota_err session(struct desk *d, struct tally *t)
{
    struct link_peer peer;
    struct link_session s;
    struct link_progress progress;
    enum fota_err err = link_client_detect(&d->link, &peer);
    if (!err) {
        err = link_client_begin(&d->link, (const uint8_t *)large.statement, large.n_statement, &s);
    }
    if (!err) {
        t->n_sessions++;
        err = stream(d, &s, t);
    }
    return err ? err : link_client_finish(&d->link, s.session_id, &progress);
}

/** A host that tries again until it is done or dead. @return true if the image is pending */
static bool host(struct desk *d, struct break_point point, struct tally *t, uint64_t *n_bytes)
{
    struct breaker b;
    enum fota_err err = E_TIMEOUT;
    breaker_init(&b, d, point);
    link_client_init(&d->link, &b.io, NULL);
    for (unsigned i = 0; i < SESSIONS_MAX && err && err != E_IO; i++) {
        err = session(d, t);
    }
    *n_bytes = b.n_bytes;
    assert_int_equal(b.has_struck, point.kind != BREAK_NONE);
    if (err && err != E_IO) {
        fail_msg("the update ended with %s", fota_err_name(err));
    }
    return err == FOTA_OK;
}

static void assert_received(const struct desk *d, unsigned slot)
{
    static uint8_t got[FLASH_SLOT_BYTES];
    assert_true(twin_peek(d->twin, slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE, got, large.n_image[slot]));
    assert_memory_equal(got, large.image[slot], large.n_image[slot]);
}

/** Somebody is reset at `n_samples` places of the update; it ends well each time, and cheaply. */
static void reset_somebody(struct desk *d, unsigned n_samples, unsigned slot, const char *name)
{
    struct twin_snapshot *start = twin_save(d->twin);
    struct tally whole = {0};
    uint64_t seed = 11;
    uint64_t n_bytes = 0;
    uint32_t most_bytes = 0;
    assert_true(host(d, (struct break_point){.kind = BREAK_NONE}, &whole, &n_bytes));
    assert_received(d, slot);
    assert_int_equal(whole.sent_bytes, large.n_image[slot]);
    for (unsigned i = 0; i < n_samples; i++) {
        const struct break_point point = {.kind = i % 2 ? BREAK_HOST : BREAK_RESET,
                                          .at = breaker_random(&seed) % n_bytes};
        struct tally tally = {0};
        uint64_t ignored = 0;
        twin_restore(d->twin, start);
        if (!host(d, point, &tally, &ignored)) {
            assert_true(host(d, (struct break_point){.kind = BREAK_NONE}, &tally, &ignored));
        }
        assert_received(d, slot);
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

/** The short run has flash that takes no time: only the order of things counts. */
static enum twin_flash_timing timing(void)
{
    return runs_all ? TWIN_FLASH_TYPICAL : TWIN_FLASH_HASTY;
}

static void update_by_the_agent_resumes_after_the_last_sector(void **state)
{
    (void)state;
    struct desk d;
    desk_open(&d, TWIN_ROM_V9_1, timing(), true);
    desk_load_bootloader(&d);
    assert_true(
        twin_flash_store(d.twin, FLASH_SLOT_A_BASE, desk_release[0].image[0], desk_release[0].n_image[0]));
    twin_set_power(d.twin, true);
    desk_run_ms(&d, DESK_SETTLE_MS);
    reset_somebody(&d, samples(), 1, "agent");
    desk_close(&d);
}

static void update_by_the_bootloader_resumes_after_the_last_sector(void **state)
{
    (void)state;
    struct desk d;
    desk_open(&d, TWIN_ROM_V9_1, timing(), true);
    desk_load_bootloader(&d);
    twin_set_power(d.twin, true);
    desk_run_ms(&d, 100);
    reset_somebody(&d, samples(), 0, "bootloader");
    desk_close(&d);
}

static int set_up(void **state)
{
    int result = desk_set_up(state);
    desk_make_large(&large, runs_all ? DESK_LARGE_BYTES : SHORT_BYTES);
    return result;
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
