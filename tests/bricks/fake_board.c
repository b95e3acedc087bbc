#include "fake_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"

enum { CHUNK_WORDS = 16, BOOTS_TO_SETTLE = 12, OPS_MAX = 3000 };

const struct fixture_release *board_release(uint32_t version)
{
    static struct fixture_release release[3] = {
        {.version = V1, .counter = 1, .key = FIX_KEY_A, .payload_bytes = 100},
        {.version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 200},
        {.version = V3, .counter = 3, .key = FIX_KEY_B, .payload_bytes = 20}};
    struct fixture_release *r = &release[(version >> 24) - 1];
    if (r->n_text == 0) {
        fixture_release(r);
    }
    return r;
}

bool board_boot(struct fake_board *d)
{
    flash_fake_power_up(&d->fix.fake, ++d->seed);
    memset(&d->u, 0xA5, sizeof d->u);
    const struct update_reset reset = {.cause = d->has_failed_run ? RESET_IWDG : RESET_POWER_ON,
                                       .is_run_failed = d->has_failed_run,
                                       .n_crashes = d->n_crashes};
    d->has_failed_run = false;
    enum fota_err err = update_open(&d->u, &d->fix.config, &reset);
    if (d->fix.fake.is_cut) {
        return false;
    }
    if (err) {
        d->u.record.last_reason = (uint16_t)err; /* as the bootloader: nothing will be written */
    }
    update_choose(&d->u, BOOT_REQUEST_NONE, &d->choice, d->images);
    return !d->fix.fake.is_cut && d->choice.action == SLOTS_BOOT;
}

uint32_t board_runs(const struct fake_board *d)
{
    return d->choice.action == SLOTS_BOOT ? d->images[d->choice.slot].image.version_packed : 0;
}

uint32_t board_ops(const struct fake_board *d)
{
    return d->fix.fake.n_ops;
}

void board_copy(struct fake_board *to, const struct fake_board *from)
{
    *to = *from;
    fixture_repoint(&to->fix);
    to->u.config = &to->fix.config;
    to->u.journal.flash = &to->fix.fake.flash;
    to->u.journal.areas = to->fix.config.journal;
}

void board_factory(struct fake_board *d, uint32_t version, enum slot slot)
{
    memset(d, 0, sizeof *d);
    fixture_init(&d->fix);
    fixture_factory(&d->fix, board_release(version), slot);
}

void board_confirmed(struct fake_board *d)
{
    board_factory(d, V1, SLOT_A);
    assert_true(board_boot(d));
    assert_int_equal(update_confirm(&d->u), FOTA_OK);
}

void board_updated(struct fake_board *d, uint32_t version)
{
    board_confirmed(d);
    assert_true(board_boot(d));
    assert_int_equal(board_install(d, board_release(version)), FOTA_OK);
    assert_true(board_boot(d));
    assert_int_equal(board_runs(d), version);
    assert_int_equal(update_confirm(&d->u), FOTA_OK);
}

enum fota_err board_stream(struct fake_board *d, const struct fixture_release *release,
                           const struct update_target *target)
{
    const struct fixture_image *image = &release->image[target->slot];
    for (uint32_t off = target->resume_off; off < target->image_bytes; off += 4 * CHUNK_WORDS) {
        uint32_t words[CHUNK_WORDS];
        uint32_t n_bytes = target->image_bytes - off;
        n_bytes = n_bytes < sizeof words ? n_bytes : (uint32_t)sizeof words;
        memset(words, 0xFF, sizeof words);
        memcpy(words, image->bytes + off, n_bytes);
        enum fota_err err = FOTA_OK;
        if (off % FIX_SECTOR_BYTES == 0) {
            err = update_erase(&d->u, d->fix.config.first_sector[target->slot] + off / FIX_SECTOR_BYTES);
        }
        if (err == FOTA_OK) {
            err = update_program(&d->u, target->base + off, words, (n_bytes + 3) / 4);
        }
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

enum fota_err board_install(struct fake_board *d, const struct fixture_release *release)
{
    struct update_target target;
    enum fota_err err = update_begin(&d->u, release->text, (uint32_t)release->n_text, &target);
    if (err == FOTA_OK) {
        err = board_stream(d, release, &target);
    }
    if (err == FOTA_OK) {
        err = update_finish(&d->u);
    }
    return err ? err : update_activate(&d->u);
}

/* Is what runs verified in this boot, and the release byte for byte? */
static void must_be_intact(const struct fake_board *d, const char *where)
{
    enum slot slot = d->choice.slot;
    const struct fixture_release *release = board_release(board_runs(d));
    if (d->images[slot].verdict != CRYPTO_ACCEPT ||
        memcmp(d->fix.config.slot[slot], release->image[slot].bytes, release->image[slot].n_bytes) != 0) {
        fail_msg("%s: boots what is not the release, byte for byte", where);
    }
}

/* Boot until nothing changes any more; a trial that runs here never confirms. */
static void settle(struct fake_board *d, uint32_t a, uint32_t b, const char *where)
{
    uint32_t last = 0;
    for (unsigned i = 0; i < BOOTS_TO_SETTLE; i++) {
        if (!board_boot(d)) {
            fail_msg("%s: bricked: stays in the loader with %s", where,
                     fota_err_name((enum fota_err)d->u.record.last_reason));
        }
        must_be_intact(d, where);
        last = board_runs(d);
        d->has_failed_run = d->choice.is_trial; /* it never confirms: the watchdog ends it */
        if (last != a && last != b) {
            fail_msg("%s: boots %u.0.0", where, (unsigned)(last >> 24));
        }
    }
    if (d->choice.is_trial) {
        fail_msg("%s: a trial that never confirms still runs", where);
    }
}

void board_must_be_well(struct fake_board *d, uint32_t a, uint32_t b, uint32_t next, const char *where)
{
    settle(d, a, b, where);
    memset(d->u.record.rejected, 0, sizeof d->u.record.rejected);
    enum fota_err err = board_runs(d) == next ? FOTA_OK : board_install(d, board_release(next));
    if (err == E_SLOT_REJECTED) {
        return; /* three runs without a word: it is not taken again, rightly */
    }
    if (err) {
        fail_msg("%s: the next update ends with %s", where, fota_err_name(err));
    }
    if (!board_boot(d) || board_runs(d) != next || update_confirm(&d->u) != FOTA_OK) {
        fail_msg("%s: the next update does not run", where);
    }
    /* Where whole sectors are upset, that cannot be told from the array. */
    if (d->fix.fake.n_suspect_programs != 0 && !d->fix.fake.is_disturbing) {
        fail_msg("%s: a word that only looked blank was programmed", where);
    }
}

void board_cut_everywhere(const struct fake_board *start, board_step step, bool boots_first, uint32_t a,
                          uint32_t b, uint32_t next)
{
    static struct fake_board d;
    for (uint32_t cut = FLASH_CUT_OLD; cut < FLASH_CUTS; cut++) {
        for (uint32_t op = 1; op < OPS_MAX; op++) {
            char where[64];
            (void)snprintf(where, sizeof where, "operation %u, cut %u", (unsigned)op, (unsigned)cut);
            board_copy(&d, start);
            d.seed = 100 + op;
            if (boots_first) {
                assert_true(board_boot(&d));
                flash_fake_cut_at(&d.fix.fake, op, (enum flash_cut)cut);
                step(&d);
            } else {
                /* board_boot would forget the plan. */
                flash_fake_power_up(&d.fix.fake, ++d.seed);
                flash_fake_cut_at(&d.fix.fake, op, (enum flash_cut)cut);
                memset(&d.u, 0xA5, sizeof d.u);
                enum fota_err err =
                    update_open(&d.u, &d.fix.config, &(struct update_reset){.cause = RESET_POWER_ON});
                if (err == FOTA_OK && !d.fix.fake.is_cut) {
                    update_choose(&d.u, BOOT_REQUEST_NONE, &d.choice, d.images);
                }
                if (!d.fix.fake.is_cut && step) {
                    step(&d);
                }
            }
            if (!d.fix.fake.is_cut) {
                break;
            }
            board_must_be_well(&d, a, b, next, where);
        }
    }
}
