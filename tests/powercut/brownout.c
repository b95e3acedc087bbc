#include "brownout.h"

#include <setjmp.h>
#include <string.h>

#include "base/flash_map.h"
#include "chip.h"
#include "journal/journal.h"

enum {
    DAY_S = 24 * 3600,
    OFF_MS = 100,
    BOOT_US = 5000, /* reset to the first flash operation: clock, journal read */
    WORD_US = 16,
    ERASE_J0_US = 1000000, /* DS8626 table 40: 128 KB, x32, typical */
    ERASE_J1_US = 250000   /* 16 KB */
};

struct supply {
    struct chip *chip;
    uint64_t now_us; /* since power came */
    uint64_t end_us;
    uint64_t random;
    jmp_buf lost;
};

static const struct journal_area AREAS[JOURNAL_AREAS] = {
    {FLASH_J0_BASE, FLASH_J0_SECTOR, FLASH_J0_BYTES / JOURNAL_RECORD_BYTES},
    {FLASH_J1_BASE, FLASH_J1_SECTOR, FLASH_J1_BYTES / JOURNAL_RECORD_BYTES}};

static uint32_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*random >> 33);
}

/* Time passes; the operation that it runs out in is torn, in a way drawn by lot. */
static void before_op(void *ctx, const struct chip_event *event)
{
    struct supply *supply = ctx;
    uint64_t erase_us = event->sector == CHIP_J0 ? ERASE_J0_US : ERASE_J1_US;
    supply->now_us += event->op == CHIP_ERASE ? erase_us : WORD_US;
    if (supply->now_us >= supply->end_us) {
        uint32_t outcome =
            draw(&supply->random) % (event->op == CHIP_ERASE ? FLASH_CUTS : FLASH_CUTS_OF_PROGRAM);
        chip_tear(supply->chip, event, (enum flash_cut)outcome, draw(&supply->random));
        longjmp(supply->lost, 1);
    }
}

/* One period with supply. Returns what a boot would act on; 0: nothing was acted upon. */
static uint32_t run_period(struct supply *supply, uint32_t on_ms, uint32_t hold_off_ms, const char **broken)
{
    struct journal j;
    struct boot_record record = {0};
    supply->now_us = BOOT_US;
    supply->end_us = 1000ULL * on_ms;
    chip_power_up(supply->chip, draw(&supply->random));
    if (setjmp(supply->lost) != 0) {
        return 0;
    }
    enum fota_err err = journal_load(&j, &supply->chip->flash, AREAS, &record);
    if (err == E_JOURNAL_DEGRADED) {
        supply->now_us += 1000ULL * hold_off_ms;
        err = supply->now_us < supply->end_us ? journal_repair(&j) : E_STATE;
    }
    if (err == E_JOURNAL_LOST) {
        *broken = "no state was found";
    }
    return err == FOTA_OK ? record.retry : 0;
}

static void write_state(struct chip *chip, uint32_t value)
{
    struct journal j;
    struct boot_record record = {0};
    enum fota_err err = journal_load(&j, &chip->flash, AREAS, &record);
    record.retry = value;
    err = err == FOTA_OK || err == E_JOURNAL_LOST ? journal_make_room(&j, 1, JOURNAL_NO_SPARE) : err;
    err = err == FOTA_OK ? journal_append(&j, &record) : err;
    (void)err;
}

/* What a cut in the last words of a write leaves: J1's newest record does not verify. */
static void damage(struct chip *chip)
{
    struct journal j;
    struct boot_record record;
    struct chip_observer observer = chip->observer;
    chip->observer = (struct chip_observer){0};
    enum fota_err err = journal_load(&j, &chip->flash, AREAS, &record);
    if (err == FOTA_OK) {
        chip_flip(chip, AREAS[1].base + j.head[1].newest * JOURNAL_RECORD_BYTES + 8, 1);
    }
    chip->observer = observer;
}

void brownout_day(uint32_t on_ms, uint32_t hold_off_ms, uint64_t seed, struct brownout_result *out)
{
    struct supply supply = {.chip = chip_new(), .random = seed};
    *out = (struct brownout_result){.on_ms = on_ms};
    write_state(supply.chip, 1);
    write_state(supply.chip, 2);
    damage(supply.chip); /* the first cut */
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        supply.chip->sector[s].n_erases = 0;
    }
    supply.chip->observer = (struct chip_observer){before_op, NULL, &supply};
    out->n_boots = 1000U * DAY_S / (on_ms + OFF_MS);
    for (uint32_t i = 0; i < out->n_boots && !out->broken; i++) {
        uint32_t found = run_period(&supply, on_ms, hold_off_ms, &out->broken);
        out->n_run++;
        supply.chip->n_log = 0;
        if (found != 0) {
            damage(supply.chip); /* repaired: and the next write is cut, at once */
        } else if (supply.chip->n_ops == 0 && !chip_is_flaky(supply.chip)) {
            break; /* no operation was begun: so it will be for the rest of the day */
        }
    }
    uint32_t e0 = supply.chip->sector[CHIP_J0].n_erases;
    uint32_t e1 = supply.chip->sector[CHIP_J1].n_erases;
    out->erases = e0 > e1 ? e0 : e1;
    chip_free(supply.chip);
}
