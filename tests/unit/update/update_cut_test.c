/* Whole updates with power cut at every flash operation, in every way: the device always runs a verified
 * image, the old one or the new one, and in the end what it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "boot_fixture.h"

enum {
    V1 = 0x01000000,
    V2 = 0x02000000, /* confirms itself */
    V3 = 0x03000000, /* never does */
    LIVES_MAX = 16,  /* powered sessions until the end must be reached */
    DRAWS = 2,
    CHUNK_WORDS = 16
};

/* Planted bugs of the gateway and the application, to see that the sweep sees. */
enum planted { PLANTED_NOTHING, PLANTED_NO_ERASE_ON_RESUME, PLANTED_FORGETS_CONFIRM };

struct device {
    struct fixture fix;
    const struct fixture_release *offer; /* what the gateway wants installed */
    enum planted planted;
    uint32_t n_runs_v3; /* that failed: power was on */
    bool has_failed_run;
    uint32_t n_cuts;  /* boots that power failed in */
    uint32_t version; /* that ran last */
    bool is_done;     /* nothing left to do: offer installed and confirmed, or refused as rejected */
    const char *broken;
    uint64_t seed;
};

static struct fixture_release v1;
static struct fixture_release v2;
static struct fixture_release v3;

static void copy_device(struct device *to, const struct device *from)
{
    *to = *from;
    fixture_repoint(&to->fix);
}

static bool is_intact(const struct device *d, enum slot slot, const struct fixture_release *release)
{
    return memcmp(d->fix.config.slot[slot], release->image[slot].bytes, release->image[slot].n_bytes) == 0;
}

/* The gateway streams from where the target says. */
static enum fota_err stream(struct device *d, struct update *u, const struct update_target *target)
{
    const struct fixture_image *image = &d->offer->image[target->slot];
    bool is_first = true;
    for (uint32_t off = target->resume_off; off < target->image_bytes; off += 4 * CHUNK_WORDS) {
        uint32_t words[CHUNK_WORDS];
        uint32_t n_bytes = target->image_bytes - off;
        n_bytes = n_bytes < sizeof words ? n_bytes : (uint32_t)sizeof words;
        memset(words, 0xFF, sizeof words);
        memcpy(words, image->bytes + off, n_bytes);
        if (off % FIX_SECTOR_BYTES == 0) {
            bool skips = d->planted == PLANTED_NO_ERASE_ON_RESUME && is_first && d->seed != 0;
            uint32_t sector = d->fix.config.first_sector[target->slot] + off / FIX_SECTOR_BYTES;
            enum fota_err err = skips ? FOTA_OK : update_erase(u, sector);
            if (err) {
                return err;
            }
        }
        is_first = false;
        enum fota_err err = update_program(u, target->base + off, words, (n_bytes + 3) / 4);
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

/* The gateway's part of one life: offer, stream, finish, activate. */
static void serve(struct device *d, struct update *u)
{
    struct update_target target;
    enum fota_err err = update_begin(u, d->offer->text, (uint32_t)d->offer->n_text, &target);
    if (err == E_SLOT_REJECTED) {
        d->is_done = true;
        return;
    }
    if (err == FOTA_OK) {
        err = stream(d, u, &target);
    }
    if (err == FOTA_OK) {
        err = update_finish(u);
    }
    if (err == FOTA_OK) {
        err = update_activate(u);
    }
    if (err && !d->fix.fake.is_cut && d->planted == PLANTED_NOTHING) {
        d->broken = "the update failed with power on";
    }
}

static void check_choice(struct device *d, const struct update *u, const struct slots_decision *decision,
                         const struct image_result images[2])
{
    if (decision->action != SLOTS_BOOT) {
        d->broken = "stays in the loader although 1.0.0 is confirmed (P1)";
    } else if (images[decision->slot].verdict != CRYPTO_ACCEPT) {
        d->broken = "boots what did not verify (P2)";
    } else if (!is_intact(d, SLOT_A, &v1)) {
        d->broken = "the confirmed image was touched (P3)";
    } else if (decision->slot == SLOT_B && !is_intact(d, SLOT_B, d->offer)) {
        d->broken = "boots a slot that is not the release";
    } else if (u->record.security_floor > v1.counter) {
        d->broken = "the floor locks out the fallback (P6)";
    }
}

/* One powered session: boot, application, gateway. Ends by reset or
 * by the cut. All of RAM is new each time. */
static void live(struct device *d)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    memset(&u, 0xA5, sizeof u);
    const struct update_reset reset = {.cause = d->has_failed_run ? RESET_IWDG : RESET_POWER_ON,
                                       .is_run_failed = d->has_failed_run};
    d->has_failed_run = false;
    enum fota_err err = update_open(&u, &d->fix.config, &reset);
    if (err == FOTA_OK) {
        update_choose(&u, BOOT_REQUEST_NONE, &decision, images);
    }
    if (d->fix.fake.is_cut) {
        d->n_cuts++;
        return;
    }
    if (err) {
        d->broken = "boot failed with power on";
        return;
    }
    check_choice(d, &u, &decision, images);
    if (d->broken) {
        return;
    }
    uint32_t version = images[decision.slot].image.version_packed;
    d->version = version;
    d->n_runs_v3 += version == V3;
    d->has_failed_run = version == V3;                /* it never confirms: the watchdog ends it */
    if (d->n_runs_v3 > BOOT_TRIAL_RUNS + d->n_cuts) { /* a cut boot forgets what its reset told */
        d->broken = "an image that never confirms failed more than three times (P5)";
    }
    if (version != V3 && d->planted != PLANTED_FORGETS_CONFIRM) {
        err = update_confirm(&u);
        if (d->fix.fake.is_cut) {
            return;
        }
        if (err) {
            d->broken = "confirm failed with power on";
            return;
        }
    }
    if (version == d->offer->version) {
        d->is_done = version != V3 && u.record.active == decision.slot;
    } else {
        serve(d, &u);
    }
}

/* Live on with power until done. */
static void live_on(struct device *d)
{
    for (uint32_t life = 0; life < LIVES_MAX && !d->is_done && !d->broken; life++) {
        d->seed++;
        flash_fake_power_up(&d->fix.fake, d->seed);
        live(d);
    }
    if (d->broken) {
        return;
    }
    if (!d->is_done) {
        d->broken = "did not reach the end (P4)";
    } else if (d->version != (d->offer->version == V3 ? V1 : d->offer->version)) {
        d->broken = "ended with the wrong image";
    } else if (d->fix.fake.n_suspect_programs != 0) {
        d->broken = "a suspect word was programmed (P7)";
    }
}

/* 1.0.0 confirmed in A, journals a few records old, `offer` on offer. */
static void new_device(struct device *d, const struct fixture_release *offer)
{
    if (v1.n_text == 0) {
        v1 = (struct fixture_release){.version = V1, .counter = 1, .key = FIX_KEY_A, .payload_bytes = 100};
        v2 = (struct fixture_release){.version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 500};
        v3 = (struct fixture_release){.version = V3, .counter = 3, .key = FIX_KEY_B, .payload_bytes = 20};
        fixture_release(&v1);
        fixture_release(&v2);
        fixture_release(&v3);
    }
    memset(d, 0, sizeof *d);
    fixture_init(&d->fix);
    fixture_factory(&d->fix, &v1, SLOT_A);
    d->offer = &v1;
    live(d);
    assert_true(d->is_done);
    d->is_done = false;
    d->offer = offer;
}

struct sweep {
    uint32_t n_cuts;
    uint32_t n_lives; /* the lives of the uncut run */
    uint32_t n_ops;   /* its flash operations */
    char broken[160];
};

/* Cut life number `life` of the run at each operation; the lives before it are those of the uncut run. */
static void cut_life(struct sweep *sweep, const struct device *before, uint32_t n_ops, uint32_t life,
                     const char *name)
{
    static struct device d;
    for (uint32_t op = 1; op <= n_ops && sweep->broken[0] == '\0'; op++) {
        for (uint32_t how = 0; how < FLASH_CUTS_OF_PROGRAM; how++) {
            for (uint32_t draw = 0; draw < (how == FLASH_CUT_FLAKY ? DRAWS : 1U); draw++) {
                copy_device(&d, before);
                flash_fake_cut_at(&d.fix.fake, op, (enum flash_cut)how);
                live(&d);
                d.seed = 100 + 50 * draw;
                live_on(&d);
                sweep->n_cuts++;
                if (d.broken && sweep->broken[0] == '\0') {
                    (void)snprintf(sweep->broken, sizeof sweep->broken, "pc/%s/%u:%u.%u: %s", name,
                                   (unsigned)life, (unsigned)op, (unsigned)how, d.broken);
                }
            }
        }
    }
}

static void sweep_update(struct sweep *sweep, const struct fixture_release *offer, enum planted planted,
                         const char *name)
{
    static struct device d;
    static struct device before;
    memset(sweep, 0, sizeof *sweep);
    new_device(&d, offer);
    d.planted = planted;
    for (uint32_t life = 0; life < LIVES_MAX && !d.is_done && sweep->broken[0] == '\0'; life++) {
        flash_fake_power_up(&d.fix.fake, 1);
        copy_device(&before, &d);
        live(&d);
        assert_true(planted != PLANTED_NOTHING || !d.broken);
        sweep->n_lives++;
        sweep->n_ops += d.fix.fake.n_ops;
        cut_life(sweep, &before, d.fix.fake.n_ops, life, name);
    }
}

static void must_hold(const struct sweep *sweep)
{
    print_message("%u operations in %u lives, %u cuts\n", (unsigned)sweep->n_ops, (unsigned)sweep->n_lives,
                  (unsigned)sweep->n_cuts);
    if (sweep->broken[0] != '\0') {
        fail_msg("%s", sweep->broken);
    }
}

static void cut_anywhere_in_a_good_update_ends_with_the_new_image(void **state)
{
    (void)state;
    struct sweep sweep;
    sweep_update(&sweep, &v2, PLANTED_NOTHING, "good");
    must_hold(&sweep);
}

static void cut_anywhere_in_a_bad_update_ends_with_the_old_image(void **state)
{
    (void)state;
    struct sweep sweep;
    sweep_update(&sweep, &v3, PLANTED_NOTHING, "bad");
    must_hold(&sweep);
}

/* Two cuts: the second in the life after the first, at random operations; seeds are fixed. */
static void two_cuts_at_random_end_with_the_new_image(void **state)
{
    (void)state;
    static struct device start;
    static struct device d;
    uint64_t random = 20;
    uint32_t n_runs = 0;
    new_device(&start, &v2);
    for (uint32_t i = 0; i < 20000; i++) {
        copy_device(&d, &start);
        d.seed = i;
        for (uint32_t cut = 0; cut < 2 && !d.is_done && !d.broken; cut++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            uint32_t op = 1 + (uint32_t)(random >> 40) % 600;
            uint32_t how = (uint32_t)(random >> 33) % FLASH_CUTS_OF_PROGRAM;
            flash_fake_power_up(&d.fix.fake, i + cut);
            flash_fake_cut_at(&d.fix.fake, op, (enum flash_cut)how);
            live(&d);
        }
        live_on(&d);
        n_runs++;
        if (d.broken) {
            fail_msg("pc/random/seed-20/%u: %s", (unsigned)i, d.broken);
        }
    }
    print_message("%u pairs of cuts, seed 20\n", (unsigned)n_runs);
}

static void sweep_catches_a_gateway_that_does_not_erase_again(void **state)
{
    (void)state;
    struct sweep sweep;
    sweep_update(&sweep, &v2, PLANTED_NO_ERASE_ON_RESUME, "planted");
    assert_true(sweep.broken[0] != '\0');
    print_message("planted: %s\n", sweep.broken);
}

static void sweep_catches_an_image_that_forgets_to_confirm(void **state)
{
    (void)state;
    struct sweep sweep;
    sweep_update(&sweep, &v2, PLANTED_FORGETS_CONFIRM, "planted");
    assert_true(sweep.broken[0] != '\0');
    print_message("planted: %s\n", sweep.broken);
}

static int set_up(void **state)
{
    (void)state;
    static struct device d;
    new_device(&d, &v1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere_in_a_good_update_ends_with_the_new_image),
        cmocka_unit_test(cut_anywhere_in_a_bad_update_ends_with_the_old_image),
        cmocka_unit_test(two_cuts_at_random_end_with_the_new_image),
        cmocka_unit_test(sweep_catches_a_gateway_that_does_not_erase_again),
        cmocka_unit_test(sweep_catches_an_image_that_forgets_to_confirm),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
