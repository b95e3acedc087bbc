#include "twin_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "firmware.h"

enum { NS_PER_MS = 1000000, STEP_MS = 20 };

_Noreturn void twin_board_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

/* --- life -------------------------------------------------------------------------------------------- */

void twin_board_open(struct twin_board *b, const struct twin_config *config)
{
    char why[256] = "";
    struct twin_config of_board = *config;
    of_board.part = BOARD_PART;
    memset(b, 0, sizeof *b);
    b->is_strict = config->strict;
    b->twin = twin_create(&of_board, why, sizeof why);
    if (!b->twin) {
        twin_board_die("twin", why);
    }
    twin_link_init(&b->wires, b->twin);
    link_client_init(&b->link, &b->wires.io, NULL);
}

void twin_board_open_with(struct twin_board *b, const struct twin_config *config,
                          const struct test_release *release)
{
    twin_board_open(b, config);
    firmware_program(b->twin);
    if (release) {
        twin_board_store(b, SLOT_A, release->image[SLOT_A], release->n_image[SLOT_A]);
    }
}

void twin_board_open_confirmed(struct twin_board *b)
{
    static struct twin_snapshot *confirmed;
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
    if (confirmed) {
        twin_board_open(b, &config);
        twin_restore(b->twin, confirmed);
        return;
    }
    twin_board_open_with(b, &config, demo_release(1));
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, TWIN_BOARD_SETTLE_MS);
    confirmed = twin_board_save(b);
}

void twin_board_must_be_clean(struct twin_board *b)
{
    struct twin_violation first;
    char why[sizeof first.text + 64];
    if (b->is_strict && twin_violation(b->twin, 0, &first) > 0) {
        twin_board_listen(b);
        (void)snprintf(why, sizeof why, "at %llu us, pc 0x%08x: %s", (unsigned long long)first.time_ns / 1000,
                       (unsigned)first.pc, first.text);
        (void)fprintf(stderr, "%s", b->console);
        twin_board_die("the firmware broke a rule", why);
    }
}

void twin_board_close(struct twin_board *b)
{
    twin_board_must_be_clean(b);
    twin_destroy(b->twin);
}

void twin_board_run_ms(struct twin_board *b, uint32_t ms)
{
    enum twin_stop stop = twin_run_until(b->twin, twin_now_ns(b->twin) + (uint64_t)ms * NS_PER_MS);
    twin_board_must_be_clean(b);
    if (b->is_strict && stop != TWIN_STOP_TIME && stop != TWIN_STOP_POWER) {
        twin_board_die("board", "the core has stopped");
    }
}

void twin_board_restart(struct twin_board *b)
{
    twin_set_power(b->twin, false);
    twin_set_power(b->twin, true);
}

struct twin_snapshot *twin_board_save(const struct twin_board *b)
{
    struct twin_snapshot *snapshot = twin_save(b->twin);
    if (!snapshot) {
        twin_board_die("snapshot", "out of memory");
    }
    return snapshot;
}

/* --- flash ------------------------------------------------------------------------------------------- */

uint32_t twin_board_base(enum slot slot)
{
    if (slot == SLOT_LOADER) {
        return FLASH_LOADER_BASE;
    }
    return slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
}

void twin_board_store(struct twin_board *b, enum slot slot, const uint8_t *image, uint32_t n_bytes)
{
    static uint8_t blank[FLASH_SLOT_BYTES];
    const uint32_t base = twin_board_base(slot);
    const uint32_t room = slot == SLOT_LOADER ? FLASH_LOADER_BYTES : FLASH_SLOT_BYTES;
    memset(blank, 0xFF, sizeof blank);
    if (n_bytes > room || !twin_flash_store(b->twin, base, blank, room) ||
        (n_bytes > 0 && !twin_flash_store(b->twin, base, image, n_bytes))) {
        twin_board_die("image", "does not fit its place");
    }
}

bool twin_board_holds(const struct twin_board *b, enum slot slot, const struct test_release *release)
{
    static uint8_t bytes[TEST_IMAGE_MAX_BYTES];
    return twin_peek(b->twin, twin_board_base(slot), bytes, release->n_image[slot]) &&
           memcmp(bytes, release->image[slot], release->n_image[slot]) == 0;
}

uint64_t twin_board_erases(const struct twin_board *b, enum slot slot)
{
    const struct twin_stats *stats = twin_stats(b->twin);
    const unsigned first = slot == SLOT_A ? FLASH_SLOT_A_SECTOR : FLASH_SLOT_B_SECTOR;
    uint64_t n = 0;
    for (unsigned i = 0; i < FLASH_SLOT_SECTORS; i++) {
        n += stats->flash_erases[first + i];
    }
    return n;
}

/* --- console ----------------------------------------------------------------------------------------- */

void twin_board_listen(struct twin_board *b)
{
    if (b->n_console > TWIN_BOARD_CONSOLE_BYTES / 2) {
        size_t half = b->n_console / 2;
        memmove(b->console, b->console + half, b->n_console - half);
        b->n_console -= half;
    }
    b->n_console +=
        twin_console_read(b->twin, b->console + b->n_console, TWIN_BOARD_CONSOLE_BYTES - 1 - b->n_console);
    b->console[b->n_console] = '\0';
}

void twin_board_clear_console(struct twin_board *b)
{
    twin_board_listen(b);
    b->n_console = 0;
    b->console[0] = '\0';
}

bool twin_board_said(const struct twin_board *b, const char *text)
{
    return strstr(b->console, text);
}

unsigned twin_board_count(const struct twin_board *b, const char *text)
{
    unsigned n = 0;
    for (const char *at = strstr(b->console, text); at; at = strstr(at + 1, text)) {
        n++;
    }
    return n;
}

bool twin_board_wait_for(struct twin_board *b, const char *text, uint32_t max_ms)
{
    twin_board_listen(b);
    const unsigned before = twin_board_count(b, text);
    for (uint32_t ms = 0; ms < max_ms && twin_board_count(b, text) == before; ms += STEP_MS) {
        twin_board_run_ms(b, STEP_MS);
        twin_board_listen(b);
    }
    return twin_board_count(b, text) != before;
}

struct twin_start twin_board_last_start(const struct twin_board *b)
{
    struct twin_start start = {0};
    for (const char *at = strstr(b->console, "app: version "); at; at = strstr(at + 1, "app: version ")) {
        struct twin_start here = {.is_there = true};
        unsigned minor, revision;
        int n = sscanf(at, "app: version %u.%u.%u slot %c %15s %u left", &here.version, &minor, &revision,
                       &here.slot, here.state, &here.tries_left);
        if (n >= 5 && strchr(at, '\n')) {
            start = here;
        }
    }
    return start;
}

struct twin_board_ticks twin_board_ticks(const struct twin_board *b)
{
    struct twin_board_ticks all = {0};
    for (const char *at = strstr(b->console, "app: ticks "); at; at = strstr(at + 1, "app: ticks ")) {
        unsigned ticks, missed, us, tenths;
        if (sscanf(at, "app: ticks %u missed %u worst jitter %u.%u us", &ticks, &missed, &us, &tenths) != 4) {
            continue; /* still being printed */
        }
        all.n_reports++;
        all.missed = missed > all.missed ? missed : all.missed;
        all.worst_tenths_us = us * 10 + tenths > all.worst_tenths_us ? us * 10 + tenths : all.worst_tenths_us;
    }
    return all;
}

void twin_board_fill(uint8_t *bytes, size_t n_bytes, uint64_t seed)
{
    for (size_t i = 0; i < n_bytes; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        bytes[i] = (uint8_t)(seed >> 56);
    }
}
