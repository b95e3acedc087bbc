#include "services.h"

#include <stdbool.h>

#include "boot_keys.h"
#include "f407/clock.h"
#include "f407/flash.h"
#include "f407/reset.h"
#include "version.h"

enum {
    SUMMED_WORDS = 4,
    BASEPRI_MASK = 0xFF,
    SLOT_SECTORS = 7, /* a mask of FLASH_SLOT_SECTORS bits */
    WRITABLE_SECTORS = 1 << FLASH_J0_SECTOR | 1 << FLASH_J1_SECTOR | SLOT_SECTORS << FLASH_SLOT_A_SECTOR |
                       SLOT_SECTORS << FLASH_SLOT_B_SECTOR
};

_Static_assert(SLOT_SECTORS == (1 << FLASH_SLOT_SECTORS) - 1, "mask and number of sectors agree");

/* All that services keep between calls. */
struct services_state {
    struct update update;
    struct f407_flash flash;
    uint32_t seal __attribute__((aligned(4 * SUMMED_WORDS)));
};

static struct services_state state __attribute__((section(".services_state")));

/* Not sealed: it changes before the seal is looked at. */
static volatile bool is_busy __attribute__((section(".services_state")));

/* Not sealed: update_finish holds it against the signed statement. */
static struct crypto_sha256 running_hash __attribute__((section(".services_state")));

__attribute__((section(".boot_head"))) const struct update_config BOARD = {
    .flash = &state.flash.flash,
    .journal = {{FLASH_J0_BASE, FLASH_J0_SECTOR, FLASH_J0_BYTES / JOURNAL_RECORD_BYTES},
                {FLASH_J1_BASE, FLASH_J1_SECTOR, FLASH_J1_BYTES / JOURNAL_RECORD_BYTES},
                JOURNAL_SPARE_PLACE(FLASH_SLOT_A_BASE, FLASH_SLOT_A_SECTOR, FLASH_SLOT_SECTORS,
                                    FLASH_SLOT_SECTOR_BYTES),
                JOURNAL_SPARE_PLACE(FLASH_SLOT_B_BASE, FLASH_SLOT_B_SECTOR, FLASH_SLOT_SECTORS,
                                    FLASH_SLOT_SECTOR_BYTES)},
    .slot = {(const uint8_t *)FLASH_SLOT_A_BASE, (const uint8_t *)FLASH_SLOT_B_BASE},
    .base = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE},
    .first_sector = {FLASH_SLOT_A_SECTOR, FLASH_SLOT_B_SECTOR},
    .sector_bytes = FLASH_SLOT_SECTOR_BYTES,
    .n_sectors = FLASH_SLOT_SECTORS,
    .loader = {.bytes = (const uint8_t *)FLASH_LOADER_BASE,
               .base = FLASH_LOADER_BASE,
               .sector = FLASH_LOADER_SECTOR,
               .n_bytes = FLASH_LOADER_BYTES,
               .options = (const volatile uint32_t *)F407_OPTIONS_ADDR},
    .bootloader_version = BOOTLOADER_VERSION,
    .hw_id = BOOT_HW_ID,
    .keys = {BOOT_KEYS[0], BOOT_KEYS[1]},
    .epoch = (const uint8_t *)OTP_EPOCH_BASE,
    .settle = clock_settle,
    .hash = &running_hash,
};

/* Sum of all words before the seal, each turned by its place. Finds stray writes, not attackers: code that
 * runs in the application can do what it likes anyway, but for what sector 0 verifies at the next boot. */
__attribute__((noinline)) static uint32_t sum_state(void)
{
    const volatile uint32_t *word = (const volatile uint32_t *)(const void *)&state;
    uint32_t sum = BOOT_SERVICES_MAGIC;
    do { /* twice in each service: four words a turn take half the time */
        sum = (sum << 1 | sum >> 31) + word[0];
        sum = (sum << 1 | sum >> 31) + word[1];
        sum = (sum << 1 | sum >> 31) + word[2];
        sum = (sum << 1 | sum >> 31) + word[3];
        word += SUMMED_WORDS;
    } while (word != &state.seal);
    return sum;
}

struct update *services_open(void)
{
    f407_flash_load_ram_code();
    f407_flash_open(&state.flash, WRITABLE_SECTORS);
    return &state.update;
}

void services_seal(void)
{
    is_busy = false;
    state.seal = sum_state();
}

/* Every service starts here: does none of them run already, is the state ours, and is the code in RAM as we
 * left it?
 * @param options  see boot_services.h */
static enum fota_err enter(uint32_t options)
{
    if (is_busy) {
        return E_STATE;
    }
    is_busy = true;
    if (state.seal != sum_state()) {
        is_busy = false;
        return E_INTERNAL;
    }
    f407_flash_load_ram_code();
    state.flash.basepri = options & BASEPRI_MASK;
    state.update.n_erases_allowed = options / BOOT_MAY_ERASE;
    return FOTA_OK;
}

static enum fota_err leave(enum fota_err err)
{
    services_seal();
    return err;
}

/* A service that needs nothing but the state. */
static enum fota_err serve(uint32_t options, enum fota_err (*work)(struct update *))
{
    enum fota_err err = enter(options);
    return err ? err : leave(work(&state.update));
}

static enum fota_err service_info(struct boot_info *out)
{
    enum fota_err err = enter(0);
    if (err) {
        return err;
    }
    update_tell_state(&state.update, out);
    return leave(FOTA_OK);
}

/* Also how a confirmed image says that it is well: what was counted against it is forgotten. */
static enum fota_err service_confirm(uint32_t options)
{
    enum fota_err err = serve(options, update_confirm);
    if (err == FOTA_OK) {
        reset_forget_crashes();
    }
    return err;
}

static enum fota_err service_check_signature(const uint8_t key_id[BOOT_KEY_ID_BYTES], const uint8_t *text,
                                             uint32_t n_bytes, const uint8_t *der, uint32_t n_der_bytes)
{
    enum fota_err err = enter(0);
    return err ? err : leave(update_check_signature(&state.update, key_id, text, n_bytes, der, n_der_bytes));
}

static enum fota_err service_begin(const struct update_offer *offer, uint32_t options,
                                   struct update_target *out)
{
    enum fota_err err = enter(options);
    return err ? err : leave(update_begin_offer(&state.update, offer, out));
}

static enum fota_err service_erase(uint32_t sector, uint32_t options)
{
    enum fota_err err = enter(options);
    return err ? err : leave(update_erase(&state.update, sector));
}

static enum fota_err service_program(uint32_t addr, const uint32_t *words, uint32_t n_words, uint32_t options)
{
    enum fota_err err = enter(options);
    return err ? err : leave(update_program(&state.update, addr, words, n_words));
}

static enum fota_err service_finish(uint32_t options)
{
    return serve(options, update_finish);
}

static enum fota_err service_activate(uint32_t options)
{
    return serve(options, update_activate);
}

static enum fota_err service_abort(uint32_t options)
{
    return serve(options, update_abort);
}

static enum fota_err service_hash(uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    enum fota_err err = enter(0);
    return err ? err : leave(update_hash(&state.update, off, n_bytes, sha256));
}

static enum fota_err service_retry(uint32_t number, uint32_t options)
{
    enum fota_err err = enter(options);
    return err ? err : leave(update_retry(&state.update, number));
}

/* The one service that may write sector 1, and the only time at which the flash driver lets it. */
static enum fota_err service_loader_install(const uint32_t *words, uint32_t n_bytes, uint32_t options)
{
    enum fota_err err = enter(options);
    if (err) {
        return err;
    }
    state.flash.sectors = WRITABLE_SECTORS | 1 << FLASH_LOADER_SECTOR;
    err = update_loader_install(&state.update, words, n_bytes);
    state.flash.sectors = WRITABLE_SECTORS;
    return leave(err);
}

extern const struct boot_services boot_services;
__attribute__((section(".boot_services"), used)) const struct boot_services boot_services = {
    .magic = BOOT_SERVICES_MAGIC,
    .version = BOOT_SERVICES_VERSION,
    .n_bytes = sizeof(struct boot_services),
    .info = service_info,
    .confirm = service_confirm,
    .check_signature = service_check_signature,
    .update_begin = service_begin,
    .slot_erase = service_erase,
    .slot_program = service_program,
    .update_finish = service_finish,
    .update_activate = service_activate,
    .update_abort = service_abort,
    .slot_hash = service_hash,
    .retry = service_retry,
    .loader_install = service_loader_install,
};
