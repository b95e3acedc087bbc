#include "boot.h"

#include <string.h>

#include "base/bytes.h"

enum { KINDS = 4, KIND_SLOT_B = 1, KIND_FIRST_RUN = 2, KIND_TRIAL = 3 };

static struct chip_snapshot starts[DEVICE_STARTS];

static uint32_t base_of(enum slot slot)
{
    return slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
}

static void put_image(enum slot slot, const struct fuzz_release *release)
{
    memcpy(chip_at(base_of(slot)), release->image[slot], release->n_image[slot]);
}

static void must(bool is_done, const char *what)
{
    if (!is_done) {
        fuzz_fail("the board cannot be prepared: %s", what);
    }
}

/* As after update_activate. */
static void make_trial(struct update *update)
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {.base = FLASH_SLOT_B_BASE,
                                        .slot_bytes = FLASH_SLOT_BYTES,
                                        .ram_bytes = RAM_BYTES,
                                        .ccm_bytes = CCM_BYTES,
                                        .hw_id = BOARD.hw_id,
                                        .keys = {BOARD.keys[0], BOARD.keys[1]},
                                        .hash = &hash};
    struct boot_record record = update->record;
    struct image_result result;
    put_image(SLOT_B, &releases[1]);
    must(image_verify_slot(chip_at(FLASH_SLOT_B_BASE), &policy, &result) == FOTA_OK, "trial");
    record.state[SLOT_B] = SLOT_STATE_TRIAL;
    record.tries = BOOT_TRIAL_RUNS;
    record.starts = BOOT_TRIAL_STARTS;
    memcpy(record.digest[SLOT_B], result.image_hash, BOOT_RECORD_DIGEST_BYTES);
    must(journal_append(&update->journal, &record) == FOTA_OK, "record");
}

static void make_start(unsigned start)
{
    unsigned kind = start % KINDS;
    enum slot slot = kind == KIND_SLOT_B ? SLOT_B : SLOT_A;
    put_image(slot, &releases[0]);
    struct update *update = boot_run(RESET_POWER_ON, BOOT_REQUEST_NONE);
    must(kind == KIND_FIRST_RUN || update_confirm(update) == FOTA_OK, "confirm");
    if (kind == KIND_TRIAL) {
        make_trial(update);
    } else if (start >= KINDS) { /* the other slot holds bytes of something else */
        uint32_t other = base_of(slot == SLOT_A ? SLOT_B : SLOT_A);
        memset(chip_at(other), 0x5A, CHIP_HOT_BYTES / 2);
        memset(chip_at(other + 2 * FLASH_SLOT_SECTOR_BYTES), 0x00, 8);
    }
    if (start == DEVICE_START_DAMAGED) {
        *chip_at(base_of(slot) + FLASH_IMAGE_HEADER_AREA_BYTES + 8) ^= 1;
    }
}

void boot_prepare(void)
{
    static struct chip_snapshot blank;
    chip_map();
    releases_make();
    memcpy(chip_at(FLASH_SERVICES_ADDR), &boot_services, sizeof boot_services);
    chip_save(&blank);
    for (unsigned i = 0; i < DEVICE_STARTS; i++) {
        chip_restore(&blank);
        if (i != DEVICE_START_BLANK) {
            make_start(i);
        }
        chip_save(&starts[i]);
    }
}

const struct chip_snapshot *boot_start(unsigned start)
{
    chip_restore(&starts[start]);
    return &starts[start];
}

struct update *boot_run(enum reset_cause cause, enum boot_request request)
{
    struct slots_decision decision;
    struct image_result images[2];
    const struct update_reset reset = {.cause = cause};
    struct update *update = services_open();
    chip_protect(SLOT_A, SLOT_B);
    enum fota_err err = update_open(update, &BOARD, &reset);
    if (err) {
        update->record.last_reason = (uint16_t)err;
    }
    update_choose(update, request, &decision, images);
    services_store_checksum();
    return update;
}

void boot_check(const struct update *update)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        uint8_t state = update->record.state[slot];
        bool is_promised = state == SLOT_STATE_PENDING || state == SLOT_STATE_TRIAL;
        if (is_promised && !releases_hold((enum slot)slot, update->config->slot[slot])) {
            fuzz_fail("slot %c is %s, but holds no signed image", 'A' + (int)slot,
                      state == SLOT_STATE_PENDING ? "pending" : "on trial");
        }
    }
}
