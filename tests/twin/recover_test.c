/* A board rebuilt from nothing but its wires, cut at any point of it. `recover_test --all [FILTER]` runs
 * many more cuts. */
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
#include "port_twin/noisy_link.h"
#include "recover/recover.h"

enum { SAMPLES = 24, ALL_SAMPLES = 1000, RUNNING_SAMPLES = 3, ALL_RUNNING_SAMPLES = 60, PROGRESS_STEP = 50 };

static bool runs_all;

/* --- a recovery -------------------------------------------------------------------------------------- */

static struct recover_plan make_plan(unsigned release, unsigned slot)
{
    struct recover_plan plan;
    const struct recover_parts parts = {.bootloader = desk_bootloader,
                                        .n_bootloader = desk_n_bootloader,
                                        .loader = desk_loader.bytes,
                                        .n_loader = desk_loader.n_bytes,
                                        .image = desk_release[release].image[slot],
                                        .n_image = desk_release[release].n_image[slot]};
    assert_int_equal(recover_plan_make(&parts, &plan, NULL), FOTA_OK);
    return plan;
}

/** The sectors as a recovery leaves them when it lets go of the board. */
static void assert_rebuilt(const struct twin *t, const struct recover_plan *p)
{
    static uint8_t got[FLASH_MAP_BYTES];
    static uint8_t want[FLASH_SLOT_BYTES];
    uint32_t slot_off = (p->slot == SLOT_B ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE) - FLASH_MAP_BASE;
    assert_true(twin_peek(t, FLASH_MAP_BASE, got, sizeof got));
    assert_int_equal(twin_stats(t)->flash_suspect_words, 0); /* it reads so, and it will tomorrow */
    memset(want, 0xFF, sizeof want);
    memcpy(want, p->parts.bootloader, p->parts.n_bootloader);
    assert_memory_equal(got, want, FLASH_BOOT_BYTES);
    memset(want, 0xFF, sizeof want);
    memcpy(want, p->parts.loader, p->parts.n_loader);
    assert_memory_equal(got + (FLASH_LOADER_BASE - FLASH_MAP_BASE), want, FLASH_LOADER_BYTES);
    memset(want, 0xFF, sizeof want);
    assert_memory_equal(got + (FLASH_J0_BASE - FLASH_MAP_BASE), want, FLASH_J0_BYTES);
    assert_memory_equal(got + (FLASH_J1_BASE - FLASH_MAP_BASE), want, FLASH_J1_BYTES);
    memcpy(want, p->parts.image, p->parts.n_image);
    assert_memory_equal(got + slot_off, want, FLASH_SLOT_BYTES);
}

static void assert_confirmed(const struct desk *d, const struct recover_plan *p,
                             const struct recover_result *result)
{
    const struct boot_info *b = &result->info.boot;
    (void)d;
    assert_int_equal(result->step, RECOVER_CONFIRM);
    assert_int_equal(result->info.loader, LINK_LOADER_AGENT);
    assert_int_equal(b->running_slot, p->slot);
    assert_int_equal(b->slot_state[p->slot], SLOT_STATE_CONFIRMED);
    assert_memory_equal(b->slot_hash[p->slot], p->image.image_hash, 8);
}

static void recover_and_see_it_confirm(struct desk *d, const struct recover_plan *plan, const char *name)
{
    struct recover_result result;
    const struct recover_config config = {0};
    uint64_t start_ns = twin_now_ns(d->twin);
    enum fota_err err = recover_run(&d->link, plan, &config, &result);
    print_message("%s: %s after %u ms, %u restarts, %u SPI bytes\n", name, fota_err_name(err),
                  (unsigned)((twin_now_ns(d->twin) - start_ns) / 1000000U), result.n_restarts,
                  (unsigned)twin_stats(d->twin)->spi_bytes);
    assert_int_equal(err, FOTA_OK);
    assert_confirmed(d, plan, &result);
}

static void power_up(const struct desk *d)
{
    twin_set_power(d->twin, true);
    desk_run_ms(d, 10);
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void board_with_erased_sector_0_is_rebuilt(void **state)
{
    (void)state;
    static uint8_t erased[FLASH_BOOT_BYTES];
    struct desk d;
    struct recover_plan plan = make_plan(1, 1);
    memset(erased, 0xFF, sizeof erased);
    desk_open_healthy(&d);
    d.is_strict = false;
    twin_set_power(d.twin, false);
    assert_true(twin_flash_store(d.twin, FLASH_BOOT_BASE, erased, sizeof erased));
    twin_set_power(d.twin, true);
    recover_and_see_it_confirm(&d, &plan, "sector 0 erased, journal and slot A as they were");
    desk_close(&d);
}

static void board_with_garbage_in_every_sector_is_rebuilt(void **state)
{
    (void)state;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct desk d;
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1_EARLY, TWIN_FLASH_MAXIMUM, false);
    desk_fill(garbage, sizeof garbage, 1);
    assert_true(twin_flash_store(d.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&d);
    recover_and_see_it_confirm(&d, &plan, "garbage, slowest flash, ROM with early ACKs");
    desk_close(&d);
}

static void board_that_runs_is_left_alone(void **state)
{
    (void)state;
    struct desk d;
    struct recover_result result;
    const struct recover_config config = {0};
    struct recover_plan plan = make_plan(1, 1);
    desk_open_healthy(&d);
    uint64_t ops = twin_stats(d.twin)->flash_ops;
    uint64_t resets = twin_stats(d.twin)->resets_pin;
    assert_int_equal(recover_run(&d.link, &plan, &config, &result), E_SLOT_HEALTHY);
    assert_int_equal(result.ladder.rung, LINK_RUNG_STANDING);
    assert_int_equal(twin_stats(d.twin)->flash_ops, ops);
    assert_int_equal(twin_stats(d.twin)->resets_pin, resets);
    desk_close(&d);
}

/** The parts are refused, and the right one is blamed. */
static void assert_refused(const struct recover_parts *parts, enum recover_part part, enum fota_err err)
{
    struct recover_plan plan;
    enum recover_part at = RECOVER_PART_BOOTLOADER;
    assert_int_equal(recover_plan_make(parts, &plan, &at), err);
    assert_int_equal(at, part);
}

/** Copies that a test may damage. */
struct good_parts {
    struct recover_parts parts;
    uint8_t boot[DESK_BOOTLOADER_BYTES];
    uint8_t image[TEST_IMAGE_MAX_BYTES];
};

static struct good_parts *copy_parts(void)
{
    static struct good_parts good;
    memcpy(good.image, desk_release[0].image[0], sizeof good.image);
    memcpy(good.boot, desk_bootloader, sizeof good.boot);
    good.parts = (struct recover_parts){.bootloader = good.boot,
                                        .n_bootloader = desk_n_bootloader,
                                        .loader = desk_loader.bytes,
                                        .n_loader = desk_loader.n_bytes,
                                        .image = good.image,
                                        .n_image = desk_release[0].n_image[0]};
    return &good;
}

static void parts_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct recover_plan plan;
    struct good_parts *good = copy_parts();
    struct recover_parts *parts = &good->parts;
    assert_int_equal(recover_plan_make(parts, &plan, NULL), FOTA_OK);
    assert_string_equal(plan.hw_id, "f407-disco");
    good->image[0x300] ^= 1;
    assert_refused(parts, RECOVER_PART_IMAGE, E_IMAGE_HASH);
    good->image[0x300] ^= 1;
    for (uint32_t i = 0; i + 65 < desk_n_bootloader; i++) { /* a bootloader with other keys */
        good->boot[i] ^= good->boot[i] == 4 ? 1 : 0;
    }
    good->boot[4] = desk_bootloader[4];
    assert_refused(parts, RECOVER_PART_IMAGE, E_IMAGE_KEY);
    memcpy(good->boot, desk_bootloader, sizeof good->boot);
    for (uint32_t i = 0; i + 10 < desk_n_bootloader; i++) { /* for another board */
        if (memcmp(good->boot + i, "f407-disco", 10) == 0) {
            good->boot[i] = 'g';
        }
    }
    assert_refused(parts, RECOVER_PART_IMAGE, E_IMAGE_HARDWARE);
    memcpy(good->boot, desk_bootloader, sizeof good->boot);
    good->boot[FLASH_SERVICES_ADDR - FLASH_BOOT_BASE] ^= 1;
    assert_refused(parts, RECOVER_PART_BOOTLOADER, E_LINK_BOOT_MISSING);
    good->boot[FLASH_SERVICES_ADDR - FLASH_BOOT_BASE] ^= 1;
    good->boot[7] = 0x20;
    assert_refused(parts, RECOVER_PART_BOOTLOADER, E_IMAGE_VECTORS);
    good->boot[7] = desk_bootloader[7];
    parts->n_bootloader = FLASH_BOOT_BYTES + 1;
    assert_refused(parts, RECOVER_PART_BOOTLOADER, E_IMAGE_SIZE);
}

static void loader_that_the_bootloader_would_refuse_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct firmware_loader_plan plan;
        enum fota_err err;
    } row[] = {{{.load_addr = FLASH_SLOT_A_BASE}, E_IMAGE_SLOT}, {{.hw = "f407-other"}, E_IMAGE_HARDWARE}};
    static struct firmware_loader loader;
    struct recover_parts *parts = &copy_parts()->parts;
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        firmware_make_loader(&row[i].plan, &loader);
        parts->loader = loader.bytes;
        parts->n_loader = loader.n_bytes;
        assert_refused(parts, RECOVER_PART_LOADER, row[i].err);
    }
    struct key foreign; /* a key that no bootloader has */
    assert_int_equal(key_read_private(FOTA_SOURCE_DIR "/build/keys/" KEY_CHANNEL ".pem", &foreign), FOTA_OK);
    firmware_make_loader(&(struct firmware_loader_plan){.key = &foreign}, &loader);
    key_forget(&foreign);
    parts->n_loader = loader.n_bytes;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_KEY);
    loader = desk_loader;
    loader.bytes[0x300] ^= 1;
    parts->n_loader = loader.n_bytes;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_HASH);
    parts->loader = parts->image; /* an image for a slot is no loader */
    parts->n_loader = parts->n_image;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_SIZE);
    parts->n_loader = 0;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_SIZE);
}

/** Sectors 0 and 1, each protected or not, holding the right bytes or garbage: `mask` says which. */
static void recover_protected(uint32_t protected_mask, uint32_t garbage_mask)
{
    static const uint8_t garbage[64] = {0};
    static const uint32_t base[2] = {FLASH_BOOT_BASE, FLASH_LOADER_BASE};
    struct desk d;
    struct recover_result result;
    const struct recover_config config = {.is_forced = true};
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_HASTY, false);
    desk_load_bootloader(&d);
    for (unsigned i = 0; i < 2; i++) {
        if ((garbage_mask >> i & 1U) != 0) {
            assert_true(twin_flash_store(d.twin, base[i] + 0x1000, garbage, sizeof garbage));
        }
    }
    twin_set_options(d.twin, 0x0FFFAAED & ~(protected_mask << 16));
    power_up(&d);
    uint32_t blocked = protected_mask & garbage_mask;
    enum fota_err err = recover_run(&d.link, &plan, &config, &result);
    assert_int_equal(err, blocked ? E_FLASH_PROTECTED : FOTA_OK);
    assert_int_equal(result.blocked_sectors, blocked);
    const struct twin_stats *stats = twin_stats(d.twin);
    for (unsigned i = 0; i < 2; i++) {
        bool is_kept = i == 0 ? result.is_bootloader_kept : result.is_loader_kept;
        bool is_protected = (protected_mask >> i & 1U) != 0;
        assert_int_equal(is_kept, is_protected && (garbage_mask >> i & 1U) == 0);
        assert_int_equal(stats->flash_erases[i], blocked || is_protected ? 0 : 1);
    }
    if (blocked) { /* nothing else was touched either */
        assert_int_equal(stats->flash_erases[FLASH_SLOT_A_SECTOR] + stats->flash_erases[FLASH_J0_SECTOR], 0);
    } else {
        assert_confirmed(&d, &plan, &result);
    }
    desk_close(&d);
}

static void protected_sectors_are_kept_if_right_and_refused_if_not(void **state)
{
    (void)state;
    for (uint32_t protected_mask = 0; protected_mask < 4; protected_mask++) {
        for (uint32_t garbage_mask = 0; garbage_mask < 4; garbage_mask++) {
            recover_protected(protected_mask, garbage_mask);
        }
    }
}

static void image_below_the_epoch_of_the_chip_is_not_written(void **state)
{
    (void)state;
    static const uint8_t two_steps[4] = {0x00, 0x00, 0xFF, 0xFF}; /* the image's counter is 1 */
    struct desk d;
    struct link_rom rom;
    struct recover_result result;
    const struct recover_config config = {.is_forced = true};
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    power_up(&d);
    assert_int_equal(link_rom_enter(&d.link, &rom), FOTA_OK);
    assert_int_equal(link_client_write_checked(&d.link, OTP_EPOCH_BASE, two_steps, sizeof two_steps),
                     FOTA_OK);
    assert_int_equal(recover_run(&d.link, &plan, &config, &result), E_IMAGE_COUNTER);
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        assert_int_equal(twin_stats(d.twin)->flash_erases[i], 0);
    }
    desk_close(&d);
}

static void newer_image_in_the_other_slot_gives_way(void **state)
{
    (void)state;
    struct desk d;
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    assert_true(
        twin_flash_store(d.twin, FLASH_SLOT_B_BASE, desk_release[1].image[1], desk_release[1].n_image[1]));
    power_up(&d);
    recover_and_see_it_confirm(&d, &plan, "2.0.0 in slot B, 1.0.0 wanted in A");
    desk_close(&d);
}

/* --- cut at any point -------------------------------------------------------------------------------- */

/** One run of the host. */
struct host_run {
    struct breaker wires;
    struct recover_result result;
    bool is_written; /* the recovery let go of the board: it stops here, what follows is always the same */
    bool is_found_running; /* an earlier run had got so far */
};

static void stop_at_confirm(void *ctx, const struct recover_event *event)
{
    struct host_run *h = ctx;
    if (event->kind == RECOVER_EVENT_STEP && event->step == RECOVER_CONFIRM) {
        h->is_found_running = h->result.rom.chip_id == 0;
        h->is_written = true;
        h->wires.is_dead = true;
    }
}

/** One run of the host, from its start to its death. @return true if the board is rebuilt */
static bool run_once(struct desk *d, const struct recover_plan *plan, struct break_point point,
                     bool is_forced, struct host_run *h)
{
    const struct recover_config config = {.is_forced = is_forced, .on_event = stop_at_confirm, .ctx = h};
    memset(h, 0, sizeof *h);
    breaker_init(&h->wires, d, point);
    link_client_init(&d->link, &h->wires.io, NULL);
    enum fota_err err = recover_run(&d->link, plan, &config, &h->result);
    twin_forget_cuts(d->twin);
    if (!h->is_written && point.kind != BREAK_HOST) { /* a host that lives goes on by itself */
        fail_msg("kind %d at %llu, cut %d: the run ended with %s in step %s", (int)point.kind,
                 (unsigned long long)point.at, (int)point.cut, fota_err_name(err),
                 recover_step_name(h->result.step));
    }
    return h->is_written;
}

/** How long a recovery from here is, without a cut. */
struct extent {
    uint64_t n_bytes, n_ops;
};

static struct extent measure(struct desk *d, const struct twin_snapshot *start,
                             const struct recover_plan *plan, bool is_forced)
{
    struct host_run h;
    twin_restore(d->twin, start);
    uint64_t ops = twin_stats(d->twin)->flash_ops;
    assert_true(run_once(d, plan, (struct break_point){.kind = BREAK_NONE}, is_forced, &h));
    assert_rebuilt(d->twin, plan);
    return (struct extent){.n_bytes = h.wires.n_bytes, .n_ops = twin_stats(d->twin)->flash_ops - ops};
}

static void vectors_of_the_bootloader_come_last(void **state)
{
    (void)state;
    enum { JUST_BEFORE_BYTES = 1200 }; /* the last block is written, echoed and read back */
    uint8_t front[LINK_WRITE_MAX_BYTES];
    static uint8_t rest[DESK_BOOTLOADER_BYTES];
    struct desk d;
    struct host_run h;
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    power_up(&d);
    struct twin_snapshot *start = twin_save(d.twin);
    const struct extent e = measure(&d, start, &plan, true);
    twin_restore(d.twin, start);
    const struct break_point late = {.kind = BREAK_HOST, .at = e.n_bytes - JUST_BEFORE_BYTES};
    assert_false(run_once(&d, &plan, late, true, &h));
    assert_int_equal(h.result.step, RECOVER_BOOTLOADER);
    assert_true(twin_peek(d.twin, FLASH_BOOT_BASE, front, sizeof front));
    assert_true(twin_peek(d.twin, FLASH_BOOT_BASE, rest, desk_n_bootloader));
    for (unsigned i = 0; i < sizeof front; i++) {
        assert_int_equal(front[i], 0xFF);
    }
    assert_memory_equal(rest + sizeof front, desk_bootloader + sizeof front,
                        desk_n_bootloader - sizeof front);
    twin_snapshot_free(start);
    desk_close(&d);
}

static void sector_that_merely_reads_blank_is_erased_again(void **state)
{
    (void)state;
    static const enum twin_cut cuts[] = {TWIN_CUT_BLANK, TWIN_CUT_COMPLETE, TWIN_CUT_FADES};
    struct desk d;
    struct host_run whole;
    struct host_run h;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    desk_fill(garbage, sizeof garbage, 4);
    assert_true(twin_flash_store(d.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&d);
    struct twin_snapshot *start = twin_save(d.twin);
    assert_true(run_once(&d, &plan, (struct break_point){.kind = BREAK_NONE}, true, &whole));
    assert_int_equal(whole.wires.n_erases, 7);
    for (unsigned i = 0; i < whole.wires.n_erases; i++) {
        for (unsigned k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
            const struct break_point point = {
                .kind = BREAK_TORN, .at = whole.wires.erase_at[i], .cut = cuts[k]};
            twin_restore(d.twin, start);
            assert_true(run_once(&d, &plan, point, true, &h));
            assert_rebuilt(d.twin, &plan);
            assert_true(twin_stats(d.twin)->flash_torn > 0);
        }
    }
    twin_snapshot_free(start);
    desk_close(&d);
}

static struct break_point draw(uint64_t *seed, const struct extent *e, unsigned kind)
{
    struct break_point p = {.kind = (enum break_kind)kind};
    p.at = kind == BREAK_TORN ? 1 + breaker_random(seed) % e->n_ops : breaker_random(seed) % e->n_bytes;
    p.cut = (enum twin_cut)(breaker_random(seed) % TWIN_CUTS);
    return p;
}

/** @param n_breaks  runs that are cut, one after another; the next one must do. @return cuts that came about:
 * a host that lives through one goes on, and is done before the next */
static unsigned cut_and_recover(struct desk *d, const struct twin_snapshot *start,
                                const struct recover_plan *plan, const struct break_point *breaks,
                                unsigned n_breaks, bool is_forced)
{
    struct host_run h;
    unsigned n_cuts = 0;
    twin_restore(d->twin, start);
    for (unsigned i = 0; i <= n_breaks; i++) {
        const struct break_point none = {.kind = BREAK_NONE};
        bool is_done = run_once(d, plan, i < n_breaks ? breaks[i] : none, is_forced, &h);
        n_cuts += h.wires.has_struck;
        assert_true(n_cuts > 0);
        if (is_done) {
            if (!h.is_found_running) {
                assert_rebuilt(d->twin, plan);
            }
            return n_cuts;
        }
    }
    fail_msg("not rebuilt: kind %d at %llu, cut %d", (int)breaks[0].kind, (unsigned long long)breaks[0].at,
             (int)breaks[0].cut);
    return 0;
}

static void cut_everywhere(struct desk *d, const struct recover_plan *plan, bool is_forced,
                           unsigned n_samples, const char *name)
{
    uint64_t seed = 7;
    struct twin_snapshot *start = twin_save(d->twin);
    const struct extent e = measure(d, start, plan, is_forced);
    unsigned n_cuts = 0;
    for (unsigned i = 0; i < n_samples; i++) {
        struct break_point breaks[3];
        unsigned n_breaks = 1 + i % 3;
        for (unsigned k = 0; k < n_breaks; k++) {
            breaks[k] = draw(&seed, &e, 1 + (i + k) % (BREAK_KINDS - 1));
        }
        n_cuts += cut_and_recover(d, start, plan, breaks, n_breaks, is_forced);
        if ((i + 1) % PROGRESS_STEP == 0) {
            print_message("%s: %u of %u boards\n", name, i + 1, n_samples);
        }
    }
    print_message(
        "%s: %u bytes on the wire, %u flash operations; %u boards cut %u times, all rebuilt (seed 7)\n", name,
        (unsigned)e.n_bytes, (unsigned)e.n_ops, n_samples, n_cuts);
    twin_snapshot_free(start);
}

static void recovery_cut_while_the_image_is_on_trial_ends_well(void **state)
{
    (void)state;
    struct desk d;
    struct host_run h;
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    power_up(&d);
    assert_true(run_once(&d, &plan, (struct break_point){.kind = BREAK_NONE}, true, &h));
    desk_run_ms(&d, 500); /* it boots, and is not confirmed yet */
    uint64_t erases = twin_stats(d.twin)->flash_erases[5];
    link_client_init(&d.link, &d.wires.io, NULL);
    recover_and_see_it_confirm(&d, &plan, "host died before the confirm");
    assert_int_equal(twin_stats(d.twin)->flash_erases[5], erases);
    desk_close(&d);
}

/** @param flip_ppb  chance that a bit arrives as the other one, on either wire */
static void recover_through_noise(uint32_t flip_ppb, uint64_t seed)
{
    struct desk d;
    struct host_run h = {0};
    struct noisy_link noise;
    const struct noise_plan bit_errors = {.seed = seed, .flip_ppb = flip_ppb};
    const struct recover_config config = {.is_forced = true, .on_event = stop_at_confirm, .ctx = &h};
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, false);
    power_up(&d);
    noisy_link_init(&noise, &d.wires, &bit_errors);
    breaker_init(&h.wires, &d, (struct break_point){.kind = BREAK_NONE});
    h.wires.under = &noise.io;
    link_client_init(&d.link, &h.wires.io, NULL);
    enum fota_err err = recover_run(&d.link, &plan, &config, &h.result);
    print_message("seed %u, %u ppb: %u flips, %u repeats, %u restarts, %u s\n", (unsigned)seed,
                  (unsigned)flip_ppb, (unsigned)noise.counts.flips, (unsigned)d.link.stats.repeats,
                  h.result.n_restarts, (unsigned)(twin_now_ns(d.twin) / 1000000000U));
    assert_true(noise.counts.flips > 0);
    if (!h.is_written) {
        fail_msg("%s in step %s", fota_err_name(err), recover_step_name(h.result.step));
    }
    assert_rebuilt(d.twin, &plan);
    desk_close(&d);
}

static void recovery_survives_bit_errors_of_1e_5_and_1e_4(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (runs_all ? 50 : 1); seed++) {
        recover_through_noise(10000, seed);
        recover_through_noise(100000, seed);
    }
}

static unsigned samples(void)
{
    return runs_all ? ALL_SAMPLES : SAMPLES;
}

static void recovery_from_erased_sector_0_may_be_cut_anywhere(void **state)
{
    (void)state;
    static uint8_t erased[FLASH_BOOT_BYTES];
    struct desk d;
    struct recover_plan plan = make_plan(1, 1);
    memset(erased, 0xFF, sizeof erased);
    desk_open_healthy(&d);
    d.is_strict = false;
    twin_set_power(d.twin, false);
    assert_true(twin_flash_store(d.twin, FLASH_BOOT_BASE, erased, sizeof erased));
    twin_set_power(d.twin, true);
    cut_everywhere(&d, &plan, false, samples(), "sector 0 erased");
    desk_close(&d);
}

static void recovery_from_garbage_may_be_cut_anywhere(void **state)
{
    (void)state;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct desk d;
    struct recover_plan plan = make_plan(0, 0);
    desk_open(&d, TWIN_ROM_V9_1_EARLY, TWIN_FLASH_TYPICAL, false);
    desk_fill(garbage, sizeof garbage, 3);
    assert_true(twin_flash_store(d.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&d);
    cut_everywhere(&d, &plan, false, samples(), "garbage in every sector, ROM with early ACKs");
    desk_close(&d);
}

static void recovery_over_a_running_bootloader_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct desk d;
    struct recover_plan plan = make_plan(1, 0);
    desk_open_healthy(&d);
    d.is_strict = false;
    cut_everywhere(&d, &plan, true, runs_all ? ALL_RUNNING_SAMPLES : RUNNING_SAMPLES,
                   "forced on a board that runs");
    desk_close(&d);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(board_with_erased_sector_0_is_rebuilt),
        cmocka_unit_test(board_with_garbage_in_every_sector_is_rebuilt),
        cmocka_unit_test(board_that_runs_is_left_alone),
        cmocka_unit_test(parts_that_do_not_fit_are_refused),
        cmocka_unit_test(loader_that_the_bootloader_would_refuse_is_refused),
        cmocka_unit_test(protected_sectors_are_kept_if_right_and_refused_if_not),
        cmocka_unit_test(image_below_the_epoch_of_the_chip_is_not_written),
        cmocka_unit_test(newer_image_in_the_other_slot_gives_way),
        cmocka_unit_test(sector_that_merely_reads_blank_is_erased_again),
        cmocka_unit_test(vectors_of_the_bootloader_come_last),
        cmocka_unit_test(recovery_cut_while_the_image_is_on_trial_ends_well),
        cmocka_unit_test(recovery_survives_bit_errors_of_1e_5_and_1e_4),
        cmocka_unit_test(recovery_from_erased_sector_0_may_be_cut_anywhere),
        cmocka_unit_test(recovery_from_garbage_may_be_cut_anywhere),
        cmocka_unit_test(recovery_over_a_running_bootloader_may_be_cut_anywhere),
    };
    runs_all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    return cmocka_run_group_tests(tests, desk_set_up, NULL);
}
