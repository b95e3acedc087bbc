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
#include "firmware.h"
#include "port_twin/noisy_link.h"
#include "recover/recover.h"
#include "twin_board.h"

enum { SAMPLES = 24, ALL_SAMPLES = 1000, RUNNING_SAMPLES = 3, ALL_RUNNING_SAMPLES = 60, PROGRESS_STEP = 50 };

static bool runs_all;

/* The root as flat bytes, and the signed loader. */
static uint8_t root[FIRMWARE_ROOT_MAX_BYTES];
static uint32_t n_root;
static struct firmware_loader loader_file;

static int read_parts(void **state)
{
    (void)state;
    n_root = firmware_read_root(root);
    firmware_make_loader(&(struct firmware_loader_plan){.key = NULL}, &loader_file);
    return 0;
}

/* --- a recovery -------------------------------------------------------------------------------------- */

static struct recover_plan make_plan(unsigned release, unsigned slot)
{
    struct recover_plan plan;
    const struct recover_parts parts = {.bootloader = root,
                                        .n_bootloader = n_root,
                                        .loader = loader_file.bytes,
                                        .n_loader = loader_file.n_bytes,
                                        .image = demo_release(release + 1)->image[slot],
                                        .n_image = demo_release(release + 1)->n_image[slot]};
    assert_int_equal(recover_plan_make(&parts, &plan, NULL), FOTA_OK);
    return plan;
}

/* The sectors as a recovery leaves them when it lets go of the board. */
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

static void assert_confirmed(const struct recover_plan *p, const struct recover_result *result)
{
    const struct boot_info *b = &result->info.boot;
    assert_int_equal(result->step, RECOVER_CONFIRM);
    assert_int_equal(result->info.loader, LINK_LOADER_AGENT);
    assert_int_equal(b->running_slot, p->slot);
    assert_int_equal(b->slot_state[p->slot], SLOT_STATE_CONFIRMED);
    assert_memory_equal(b->slot_hash[p->slot], p->image.image_hash, 8);
}

static void recover_and_see_it_confirm(struct twin_board *b, const struct recover_plan *plan,
                                       const char *name)
{
    struct recover_result result;
    const struct recover_config config = {0};
    uint64_t start_ns = twin_now_ns(b->twin);
    enum fota_err err = recover_run(&b->link, plan, &config, &result);
    print_message("%s: %s after %u ms, %u restarts, %u SPI bytes\n", name, fota_err_name(err),
                  (unsigned)((twin_now_ns(b->twin) - start_ns) / 1000000U), result.n_restarts,
                  (unsigned)twin_stats(b->twin)->spi_bytes);
    assert_int_equal(err, FOTA_OK);
    assert_confirmed(plan, &result);
}

static void power_up(struct twin_board *b)
{
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 10);
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void board_with_erased_sector_0_is_rebuilt(void **state)
{
    (void)state;
    static uint8_t erased[FLASH_BOOT_BYTES];
    struct twin_board b;
    struct recover_plan plan = make_plan(1, 1);
    memset(erased, 0xFF, sizeof erased);
    twin_board_open_confirmed(&b);
    b.is_strict = false;
    twin_set_power(b.twin, false);
    assert_true(twin_flash_store(b.twin, FLASH_BOOT_BASE, erased, sizeof erased));
    twin_set_power(b.twin, true);
    recover_and_see_it_confirm(&b, &plan, "sector 0 erased, journal and slot A as they were");
    twin_board_close(&b);
}

static void board_with_garbage_in_every_sector_is_rebuilt(void **state)
{
    (void)state;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct twin_board b;
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1_EARLY, .flash_timing = TWIN_FLASH_MAXIMUM, .seed = 1, .strict = false});
    twin_board_fill(garbage, sizeof garbage, 1);
    assert_true(twin_flash_store(b.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&b);
    recover_and_see_it_confirm(&b, &plan, "garbage, slowest flash, ROM with early ACKs");
    twin_board_close(&b);
}

static void board_that_runs_is_left_alone(void **state)
{
    (void)state;
    struct twin_board b;
    struct recover_result result;
    const struct recover_config config = {0};
    struct recover_plan plan = make_plan(1, 1);
    twin_board_open_confirmed(&b);
    uint64_t ops = twin_stats(b.twin)->flash_ops;
    uint64_t resets = twin_stats(b.twin)->resets_pin;
    assert_int_equal(recover_run(&b.link, &plan, &config, &result), E_SLOT_HEALTHY);
    assert_int_equal(result.ladder.rung, LINK_RUNG_STANDING);
    assert_int_equal(twin_stats(b.twin)->flash_ops, ops);
    assert_int_equal(twin_stats(b.twin)->resets_pin, resets);
    twin_board_close(&b);
}

/* The parts are refused, and the right one is blamed. */
static void assert_refused(const struct recover_parts *parts, enum recover_part part, enum fota_err err)
{
    struct recover_plan plan;
    enum recover_part at = RECOVER_PART_BOOTLOADER;
    assert_int_equal(recover_plan_make(parts, &plan, &at), err);
    assert_int_equal(at, part);
}

/* Copies that a test may damage. */
struct good_parts {
    struct recover_parts parts;
    uint8_t boot[FIRMWARE_ROOT_MAX_BYTES];
    uint8_t image[TEST_IMAGE_MAX_BYTES];
};

static struct good_parts *copy_parts(void)
{
    static struct good_parts good;
    memcpy(good.image, demo_release(1)->image[0], sizeof good.image);
    memcpy(good.boot, root, sizeof good.boot);
    good.parts = (struct recover_parts){.bootloader = good.boot,
                                        .n_bootloader = n_root,
                                        .loader = loader_file.bytes,
                                        .n_loader = loader_file.n_bytes,
                                        .image = good.image,
                                        .n_image = demo_release(1)->n_image[0]};
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
    for (uint32_t i = 0; i + 65 < n_root; i++) { /* a bootloader with other keys */
        good->boot[i] ^= good->boot[i] == 4 ? 1 : 0;
    }
    good->boot[4] = root[4];
    assert_refused(parts, RECOVER_PART_IMAGE, E_IMAGE_KEY);
    memcpy(good->boot, root, sizeof good->boot);
    for (uint32_t i = 0; i + 10 < n_root; i++) { /* for another board */
        if (memcmp(good->boot + i, "f407-disco", 10) == 0) {
            good->boot[i] = 'g';
        }
    }
    assert_refused(parts, RECOVER_PART_IMAGE, E_IMAGE_HARDWARE);
    memcpy(good->boot, root, sizeof good->boot);
    good->boot[FLASH_SERVICES_ADDR - FLASH_BOOT_BASE] ^= 1;
    assert_refused(parts, RECOVER_PART_BOOTLOADER, E_LINK_BOOT_MISSING);
    good->boot[FLASH_SERVICES_ADDR - FLASH_BOOT_BASE] ^= 1;
    good->boot[7] = 0x20;
    assert_refused(parts, RECOVER_PART_BOOTLOADER, E_IMAGE_VECTORS);
    good->boot[7] = root[7];
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
    loader = loader_file;
    loader.bytes[0x300] ^= 1;
    parts->n_loader = loader.n_bytes;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_HASH);
    parts->loader = parts->image; /* an image for a slot is no loader */
    parts->n_loader = parts->n_image;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_SIZE);
    parts->n_loader = 0;
    assert_refused(parts, RECOVER_PART_LOADER, E_IMAGE_SIZE);
}

/* Sectors 0 and 1, each protected or not, holding the right bytes or garbage: `mask` says which. */
static void recover_protected(uint32_t protected_mask, uint32_t garbage_mask)
{
    static const uint8_t garbage[64] = {0};
    static const uint32_t base[2] = {FLASH_BOOT_BASE, FLASH_LOADER_BASE};
    struct twin_board b;
    struct recover_result result;
    const struct recover_config config = {.is_forced = true};
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open_with(
        &b,
        &(struct twin_config){
            .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_HASTY, .seed = 1, .strict = false},
        NULL);
    for (unsigned i = 0; i < 2; i++) {
        if ((garbage_mask >> i & 1U) != 0) {
            assert_true(twin_flash_store(b.twin, base[i] + 0x1000, garbage, sizeof garbage));
        }
    }
    twin_set_options(b.twin, 0x0FFFAAED & ~(protected_mask << 16));
    power_up(&b);
    uint32_t blocked = protected_mask & garbage_mask;
    enum fota_err err = recover_run(&b.link, &plan, &config, &result);
    assert_int_equal(err, blocked ? E_FLASH_PROTECTED : FOTA_OK);
    assert_int_equal(result.blocked_sectors, blocked);
    const struct twin_stats *stats = twin_stats(b.twin);
    for (unsigned i = 0; i < 2; i++) {
        bool is_kept = i == 0 ? result.is_bootloader_kept : result.is_loader_kept;
        bool is_protected = (protected_mask >> i & 1U) != 0;
        assert_int_equal(is_kept, is_protected && (garbage_mask >> i & 1U) == 0);
        assert_int_equal(stats->flash_erases[i], blocked || is_protected ? 0 : 1);
    }
    if (blocked) { /* nothing else was touched either */
        assert_int_equal(stats->flash_erases[FLASH_SLOT_A_SECTOR] + stats->flash_erases[FLASH_J0_SECTOR], 0);
    } else {
        assert_confirmed(&plan, &result);
    }
    twin_board_close(&b);
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
    struct twin_board b;
    struct link_rom rom;
    struct recover_result result;
    const struct recover_config config = {.is_forced = true};
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    power_up(&b);
    assert_int_equal(link_rom_enter(&b.link, &rom), FOTA_OK);
    assert_int_equal(link_client_write_checked(&b.link, OTP_EPOCH_BASE, two_steps, sizeof two_steps),
                     FOTA_OK);
    assert_int_equal(recover_run(&b.link, &plan, &config, &result), E_IMAGE_COUNTER);
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        assert_int_equal(twin_stats(b.twin)->flash_erases[i], 0);
    }
    twin_board_close(&b);
}

static void newer_image_in_the_other_slot_gives_way(void **state)
{
    (void)state;
    struct twin_board b;
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    assert_true(
        twin_flash_store(b.twin, FLASH_SLOT_B_BASE, demo_release(2)->image[1], demo_release(2)->n_image[1]));
    power_up(&b);
    recover_and_see_it_confirm(&b, &plan, "2.0.0 in slot B, 1.0.0 wanted in A");
    twin_board_close(&b);
}

/* --- cut at any point -------------------------------------------------------------------------------- */

/* One run of the host. */
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

/* One run of the host, from its start to its death. @return true if the board is rebuilt */
static bool run_once(struct twin_board *b, const struct recover_plan *plan, struct break_point point,
                     bool is_forced, struct host_run *h)
{
    const struct recover_config config = {.is_forced = is_forced, .on_event = stop_at_confirm, .ctx = h};
    memset(h, 0, sizeof *h);
    breaker_init(&h->wires, b, point);
    link_client_init(&b->link, &h->wires.io, NULL);
    enum fota_err err = recover_run(&b->link, plan, &config, &h->result);
    twin_forget_cuts(b->twin);
    if (!h->is_written && point.kind != BREAK_HOST) { /* a host that lives goes on by itself */
        fail_msg("kind %d at %llu, cut %d: the run ended with %s in step %s", (int)point.kind,
                 (unsigned long long)point.at, (int)point.cut, fota_err_name(err),
                 recover_step_name(h->result.step));
    }
    return h->is_written;
}

/* How long a recovery from here is, without a cut. */
struct extent {
    uint64_t n_bytes, n_ops;
};

static struct extent measure(struct twin_board *b, const struct twin_snapshot *start,
                             const struct recover_plan *plan, bool is_forced)
{
    struct host_run h;
    twin_restore(b->twin, start);
    uint64_t ops = twin_stats(b->twin)->flash_ops;
    assert_true(run_once(b, plan, (struct break_point){.kind = BREAK_NONE}, is_forced, &h));
    assert_rebuilt(b->twin, plan);
    return (struct extent){.n_bytes = h.wires.n_bytes, .n_ops = twin_stats(b->twin)->flash_ops - ops};
}

static void vectors_of_the_bootloader_come_last(void **state)
{
    (void)state;
    enum { JUST_BEFORE_BYTES = 1200 }; /* the last block is written, echoed and read back */
    uint8_t front[LINK_WRITE_MAX_BYTES];
    static uint8_t rest[FIRMWARE_ROOT_MAX_BYTES];
    struct twin_board b;
    struct host_run h;
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    power_up(&b);
    struct twin_snapshot *start = twin_save(b.twin);
    const struct extent e = measure(&b, start, &plan, true);
    twin_restore(b.twin, start);
    const struct break_point late = {.kind = BREAK_HOST, .at = e.n_bytes - JUST_BEFORE_BYTES};
    assert_false(run_once(&b, &plan, late, true, &h));
    assert_int_equal(h.result.step, RECOVER_BOOTLOADER);
    assert_true(twin_peek(b.twin, FLASH_BOOT_BASE, front, sizeof front));
    assert_true(twin_peek(b.twin, FLASH_BOOT_BASE, rest, n_root));
    for (unsigned i = 0; i < sizeof front; i++) {
        assert_int_equal(front[i], 0xFF);
    }
    assert_memory_equal(rest + sizeof front, root + sizeof front, n_root - sizeof front);
    twin_snapshot_free(start);
    twin_board_close(&b);
}

static void sector_that_merely_reads_blank_is_erased_again(void **state)
{
    (void)state;
    static const enum twin_cut cuts[] = {TWIN_CUT_BLANK, TWIN_CUT_COMPLETE, TWIN_CUT_FADES};
    struct twin_board b;
    struct host_run whole;
    struct host_run h;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_board_fill(garbage, sizeof garbage, 4);
    assert_true(twin_flash_store(b.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&b);
    struct twin_snapshot *start = twin_save(b.twin);
    assert_true(run_once(&b, &plan, (struct break_point){.kind = BREAK_NONE}, true, &whole));
    assert_int_equal(whole.wires.n_erases, 7);
    for (unsigned i = 0; i < whole.wires.n_erases; i++) {
        for (unsigned k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
            const struct break_point point = {
                .kind = BREAK_TORN, .at = whole.wires.erase_at[i], .cut = cuts[k]};
            twin_restore(b.twin, start);
            assert_true(run_once(&b, &plan, point, true, &h));
            assert_rebuilt(b.twin, &plan);
            assert_true(twin_stats(b.twin)->flash_torn > 0);
        }
    }
    twin_snapshot_free(start);
    twin_board_close(&b);
}

static struct break_point draw(uint64_t *seed, const struct extent *e, unsigned kind)
{
    struct break_point p = {.kind = (enum break_kind)kind};
    p.at = kind == BREAK_TORN ? 1 + breaker_random(seed) % e->n_ops : breaker_random(seed) % e->n_bytes;
    p.cut = (enum twin_cut)(breaker_random(seed) % TWIN_CUTS);
    return p;
}

/* @param n_breaks  runs that are cut, one after another; the next one must do. @return cuts that came about:
 * a host that lives through one goes on, and is done before the next */
static unsigned cut_and_recover(struct twin_board *b, const struct twin_snapshot *start,
                                const struct recover_plan *plan, const struct break_point *breaks,
                                unsigned n_breaks, bool is_forced)
{
    struct host_run h;
    unsigned n_cuts = 0;
    twin_restore(b->twin, start);
    for (unsigned i = 0; i <= n_breaks; i++) {
        const struct break_point none = {.kind = BREAK_NONE};
        bool is_done = run_once(b, plan, i < n_breaks ? breaks[i] : none, is_forced, &h);
        n_cuts += h.wires.has_struck;
        assert_true(n_cuts > 0);
        if (is_done) {
            if (!h.is_found_running) {
                assert_rebuilt(b->twin, plan);
            }
            return n_cuts;
        }
    }
    fail_msg("not rebuilt: kind %d at %llu, cut %d", (int)breaks[0].kind, (unsigned long long)breaks[0].at,
             (int)breaks[0].cut);
    return 0;
}

static void cut_everywhere(struct twin_board *b, const struct recover_plan *plan, bool is_forced,
                           unsigned n_samples, const char *name)
{
    uint64_t seed = 7;
    struct twin_snapshot *start = twin_save(b->twin);
    const struct extent e = measure(b, start, plan, is_forced);
    unsigned n_cuts = 0;
    for (unsigned i = 0; i < n_samples; i++) {
        struct break_point breaks[3];
        unsigned n_breaks = 1 + i % 3;
        for (unsigned k = 0; k < n_breaks; k++) {
            breaks[k] = draw(&seed, &e, 1 + (i + k) % (BREAK_KINDS - 1));
        }
        n_cuts += cut_and_recover(b, start, plan, breaks, n_breaks, is_forced);
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
    struct twin_board b;
    struct host_run h;
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    power_up(&b);
    assert_true(run_once(&b, &plan, (struct break_point){.kind = BREAK_NONE}, true, &h));
    twin_board_run_ms(&b, 500); /* it boots, and is not confirmed yet */
    uint64_t erases = twin_stats(b.twin)->flash_erases[5];
    link_client_init(&b.link, &b.wires.io, NULL);
    recover_and_see_it_confirm(&b, &plan, "host died before the confirm");
    assert_int_equal(twin_stats(b.twin)->flash_erases[5], erases);
    twin_board_close(&b);
}

/* @param flip_ppb  chance that a bit arrives as the other one, on either wire */
static void recover_through_noise(uint32_t flip_ppb, uint64_t seed)
{
    struct twin_board b;
    struct host_run h = {0};
    struct noisy_link noise;
    const struct noise_plan bit_errors = {.seed = seed, .flip_ppb = flip_ppb};
    const struct recover_config config = {.is_forced = true, .on_event = stop_at_confirm, .ctx = &h};
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    power_up(&b);
    noisy_link_init(&noise, &b.wires, &bit_errors);
    breaker_init(&h.wires, &b, (struct break_point){.kind = BREAK_NONE});
    h.wires.under = &noise.io;
    link_client_init(&b.link, &h.wires.io, NULL);
    enum fota_err err = recover_run(&b.link, &plan, &config, &h.result);
    print_message("seed %u, %u ppb: %u flips, %u repeats, %u restarts, %u s\n", (unsigned)seed,
                  (unsigned)flip_ppb, (unsigned)noise.counts.flips, (unsigned)b.link.stats.repeats,
                  h.result.n_restarts, (unsigned)(twin_now_ns(b.twin) / 1000000000U));
    assert_true(noise.counts.flips > 0);
    if (!h.is_written) {
        fail_msg("%s in step %s", fota_err_name(err), recover_step_name(h.result.step));
    }
    assert_rebuilt(b.twin, &plan);
    twin_board_close(&b);
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
    struct twin_board b;
    struct recover_plan plan = make_plan(1, 1);
    memset(erased, 0xFF, sizeof erased);
    twin_board_open_confirmed(&b);
    b.is_strict = false;
    twin_set_power(b.twin, false);
    assert_true(twin_flash_store(b.twin, FLASH_BOOT_BASE, erased, sizeof erased));
    twin_set_power(b.twin, true);
    cut_everywhere(&b, &plan, false, samples(), "sector 0 erased");
    twin_board_close(&b);
}

static void recovery_from_garbage_may_be_cut_anywhere(void **state)
{
    (void)state;
    static uint8_t garbage[FLASH_MAP_BYTES];
    struct twin_board b;
    struct recover_plan plan = make_plan(0, 0);
    twin_board_open(
        &b, &(struct twin_config){
                .rom = TWIN_ROM_V9_1_EARLY, .flash_timing = TWIN_FLASH_TYPICAL, .seed = 1, .strict = false});
    twin_board_fill(garbage, sizeof garbage, 3);
    assert_true(twin_flash_store(b.twin, FLASH_MAP_BASE, garbage, sizeof garbage));
    power_up(&b);
    cut_everywhere(&b, &plan, false, samples(), "garbage in every sector, ROM with early ACKs");
    twin_board_close(&b);
}

static void recovery_over_a_running_bootloader_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct twin_board b;
    struct recover_plan plan = make_plan(1, 0);
    twin_board_open_confirmed(&b);
    b.is_strict = false;
    cut_everywhere(&b, &plan, true, runs_all ? ALL_RUNNING_SAMPLES : RUNNING_SAMPLES,
                   "forced on a board that runs");
    twin_board_close(&b);
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
    return cmocka_run_group_tests(tests, read_parts, NULL);
}
