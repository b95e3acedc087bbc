/* The device at the beginning of a scenario (site.h). */
#include "site_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "cheap_signature.h"
#include "crypto_model.h"

static const uint32_t OPTIONS_OPEN = 0x0FFFAAED; /* RM0090 3.9.10 after reset: nothing is protected */
enum { NWRP_BIT = 16 };

/* Lives with power until the offer is done; for setting a scene. */
static void set_scene(struct site *w, const struct site_scenario *scene)
{
    const struct site_scenario *kept = w->scenario;
    w->scenario = scene;
    w->view.offer = 0;
    for (uint32_t life = 0; life < SITE_LIVES_MAX && !site_is_done(w) && !w->check; life++) {
        w->n_lives = 1; /* no look at second boots */
        chip_power_up(w->chip, 1);
        site_live(w);
    }
    w->scenario = kept;
    w->view.offer = 0;
}

static void fill_journal(struct site *w, uint32_t n_fill)
{
    struct journal j;
    struct boot_record record;
    struct journal_area areas[JOURNAL_AREAS];
    memcpy(areas, w->config.journal, sizeof areas);
    for (uint32_t i = 0; i < n_fill; i++) {
        if (journal_load(&j, &w->chip->flash, areas, &record) != FOTA_OK || j.head[1].next >= n_fill) {
            return;
        }
        if (journal_append(&j, &record) != FOTA_OK) {
            return;
        }
    }
}

static void leave_pending(struct site *w, const struct site_scenario *scene)
{
    w->scenario = scene;
    w->stops_pending = true;
    w->n_lives = 1;
    chip_power_up(w->chip, 1);
    site_live(w);
    w->stops_pending = false;
}

static void strike(struct site *w, enum site_mishap mishap)
{
    uint32_t slot = w->view.confirmed_slot;
    if (mishap == MISHAP_ROT_ACTIVE) {
        chip_flip(w->chip, w->config.base[slot] + 0x1000, 0x00010000);
        w->view.has_rotted = 1;
        if (w->scenario->start == START_REJECTED) {
            w->view.fallback = RELEASE_NONE;
        }
    } else if (mishap == MISHAP_LOST_BOTH) {
        w->waived[WAIVED_FLOOR] += w->view.floor != 0;
        oracle_find_residents(w);
        w->view.confirmed = RELEASE_NONE;
        w->view.fallback = RELEASE_NONE;
        w->view.floor = 0;
    } else if (mishap == MISHAP_CRASHES) {
        w->view.crasher = w->view.confirmed;
    } else if (mishap == MISHAP_WORN_SLOT) {
        w->chip->sector[slot == 0 ? CHIP_SLOT_B + 2 : CHIP_SLOT_A + 2].is_worn = true;
    }
    w->chip->sector[CHIP_J0].is_worn = mishap == MISHAP_WORN_J0;
    w->chip->sector[CHIP_J1].is_worn = mishap == MISHAP_WORN_J1;
    if (mishap == MISHAP_LOST_LOADER) {
        chip_lose(w->chip, CHIP_LOADER, 7);
        w->view.loader = LOADER_NONE;
    }
    if (mishap == MISHAP_LOST_BOTH || mishap == MISHAP_LOST_J0) {
        chip_lose(w->chip, CHIP_J0, 5);
    }
    if (mishap == MISHAP_LOST_BOTH || mishap == MISHAP_LOST_J1) {
        chip_lose(w->chip, CHIP_J1, 6);
    }
}

static void on_broken(void *ctx, const char *check, const char *text)
{
    site_blame(ctx, check, text);
}

/* Sector 1 is write-protected, as at the factory, but in scenarios of the loader. */
static void configure(struct site *w)
{
    bool is_open = w->scenario->loader != LOADER_NONE;
    w->option_word = OPTIONS_OPEN & ~(is_open ? 0U : 1U << (NWRP_BIT + FLASH_LOADER_SECTOR));
    w->config = (struct update_config){
        .flash = &w->chip->flash,
        .journal = {{FLASH_J0_BASE, FLASH_J0_SECTOR, w->scenario->n_j0},
                    {FLASH_J1_BASE, FLASH_J1_SECTOR, w->scenario->n_j1},
                    JOURNAL_SPARE_PLACE(FLASH_SLOT_A_BASE, FLASH_SLOT_A_SECTOR, FLASH_SLOT_SECTORS,
                                        FLASH_SLOT_SECTOR_BYTES),
                    JOURNAL_SPARE_PLACE(FLASH_SLOT_B_BASE, FLASH_SLOT_B_SECTOR, FLASH_SLOT_SECTORS,
                                        FLASH_SLOT_SECTOR_BYTES)},
        .slot = {(const uint8_t *)chip_at(w->chip, FLASH_SLOT_A_BASE),
                 (const uint8_t *)chip_at(w->chip, FLASH_SLOT_B_BASE)},
        .base = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE},
        .first_sector = {FLASH_SLOT_A_SECTOR, FLASH_SLOT_B_SECTOR},
        .sector_bytes = FLASH_SLOT_SECTOR_BYTES,
        .n_sectors = FLASH_SLOT_SECTORS,
        .loader = {.base = FLASH_LOADER_BASE,
                   .sector = FLASH_LOADER_SECTOR,
                   .n_bytes = FLASH_LOADER_BYTES,
                   .options = &w->option_word,
                   .bytes = (const uint8_t *)chip_at(w->chip, FLASH_LOADER_BASE)},
        .bootloader_version = 0x01000000,
        .hw_id = SITE_HW,
        .keys = {cheap_point(MODEL_KEY_A), cheap_point(MODEL_KEY_B)},
        .hash = &w->hash,
    };
}

void site_open(struct site *w, const struct site_scenario *scenario)
{
    memset(w, 0, sizeof *w);
    w->scenario = scenario;
    w->chip = chip_new();
    crypto_model_use(w->chip);
    configure(w);
    w->chip->observer.broke = on_broken;
    w->chip->observer.ctx = w;
    const struct release_files *factory = release_of(scenario->factory);
    chip_load(w->chip, FLASH_SLOT_A_BASE, factory->bytes[0], (factory->n_bytes[0] + 3) / 4 * 4);
    w->view.residents = (uint16_t)(1U << scenario->factory);
    const struct loader_files *loader = loader_of(LOADER_OLD);
    chip_load(w->chip, FLASH_LOADER_BASE, loader->bytes, (loader->n_bytes + 3) / 4 * 4);
    struct site_scenario scene = *scenario;
    scene.mishap = MISHAP_NONE;
    scene.manner = MANNER_VENDOR;
    scene.loader = LOADER_NONE;
    scene.n_dark = 0;
    memset(scene.offer, 0, sizeof scene.offer);
    scene.offer[0] = (uint8_t)scenario->factory;
    if (scenario->start != START_FACTORY) {
        set_scene(w, &scene);
    }
    if (scenario->start == START_SECOND || scenario->start == START_REJECTED) {
        scene.offer[0] = (uint8_t)scenario->second;
        set_scene(w, &scene);
    } else if (scenario->start == START_PENDING) {
        scene.offer[0] = (uint8_t)scenario->second;
        leave_pending(w, &scene);
        w->scenario = scenario;
    }
    fill_journal(w, scenario->n_fill);
    strike(w, scenario->mishap);
    if (w->check) {
        (void)printf("BROKEN %s: %s, before the first cut\n  replay: powercut pc/%s/0/before\n", w->check,
                     w->text, scenario->name);
        exit(1);
    }
    w->view.offer = 0;
    w->view.loader = scenario->mishap == MISHAP_LOST_LOADER ? LOADER_NONE : LOADER_OLD;
    w->n_lives = 0;
    w->chip->n_log = 0;
}

void site_close(struct site *w)
{
    crypto_model_use(NULL);
    chip_free(w->chip);
    w->chip = NULL;
}
