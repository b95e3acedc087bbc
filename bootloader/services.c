#include "services.h"

#include <stdbool.h>

#include "boot_keys.h"
#include "f407/clock.h"
#include "f407/flash.h"
#include "f407/reset.h"
#include "version.h"

/* Sector 0 and the loader are not in WRITABLE_SECTORS, nor is anything else that is neither journal nor
 * slot. */
enum {
    SUMMED_WORDS = 4,
    BASEPRI_MASK = 0xFF,
    SLOT_SECTORS = (1 << FLASH_SLOT_SECTORS) - 1, /* a mask */
    WRITABLE_SECTORS = 1 << FLASH_J0_SECTOR | 1 << FLASH_J1_SECTOR | SLOT_SECTORS << FLASH_SLOT_A_SECTOR |
                       SLOT_SECTORS << FLASH_SLOT_B_SECTOR
};

/* All that services keep between calls. */
struct services_state {
    struct update update;
    struct f407_flash flash;
    uint32_t checksum __attribute__((aligned(4 * SUMMED_WORDS)));
};

static struct services_state state __attribute__((section(".services_state")));

/* True while a service runs. An interrupt handler of the application may call a service while another one runs;
 * it is refused then. Not in the checksum: it changes before the checksum is looked at. */
static volatile bool is_busy __attribute__((section(".services_state")));

/* Not in the checksum: update_finish holds it against the signed statement. */
static struct crypto_sha256 running_hash __attribute__((section(".services_state")));

extern const struct boot_services boot_services;

const struct update_config BOARD = {
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
    .hw_id = boot_services.hw_id,
    .keys = {BOOT_KEYS[0], BOOT_KEYS[1]},
    .epoch = (const uint8_t *)OTP_EPOCH_BASE,
    .settle = clock_settle,
    .hash = &running_hash,
};

/* Sum of all words before the checksum, each turned by its place. Finds stray writes, not attackers: code
 * that runs in the application can do what it likes anyway, but for what sector 0 verifies at the next boot.
 */
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
    } while (word != &state.checksum);
    return sum;
}

/* Only the journals and the slots may be written from now on. Sector 1 is added for the time of one service
 * (loader_install), sector 0 never: the driver refuses the rest whatever the caller asks for. */
struct update *services_open(void)
{
    f407_flash_load_ram_code();
    f407_flash_open(&state.flash, WRITABLE_SECTORS);
    return &state.update;
}

void services_store_checksum(void)
{
    is_busy = false;
    state.checksum = sum_state();
}

/* Every service starts with this: does none of them run already, is the state ours, and is the code in RAM as
 * we left it?
 * @param options  see boot_services.h */
static enum fota_err enter(uint32_t options)
{
    if (is_busy) {
        return E_STATE;
    }
    is_busy = true;
    if (state.checksum != sum_state()) {
        is_busy = false;
        return E_INTERNAL;
    }
    /* Loaded anew in each service: an application that ran over it would otherwise have its own bytes run
     * as the root's. */
    f407_flash_load_ram_code();
    /* The permissions hold for this call only. */
    f407_flash_mask(&state.flash, options & BASEPRI_MASK);
    update_allow_erases(&state.update, options / BOOT_MAY_ERASE);
    return FOTA_OK;
}

/* Also how a confirmed image says that it is well: what was counted against it is forgotten. */
static enum fota_err confirm(void)
{
    enum fota_err err = update_confirm(&state.update);
    if (err == FOTA_OK) {
        reset_forget_crashes();
    }
    return err;
}

/* The one service that may write sector 1, and the only time at which the flash driver lets it. */
static enum fota_err loader_install(const struct boot_call *call)
{
    /* The permission is taken back on every way out, errors included: there is only one. */
    f407_flash_allow(&state.flash, WRITABLE_SECTORS | 1 << FLASH_LOADER_SECTOR);
    enum fota_err err = update_loader_install(&state.update, call->bytes, call->n);
    f407_flash_allow(&state.flash, WRITABLE_SECTORS);
    return err;
}

static enum fota_err carry_out(const struct boot_call *call)
{
    /* Pointers in `call` come from the application and are used as they are: it could read and write the
     * same places itself. What matters, flash, is checked by the operations. */
    struct update *u = &state.update;
    switch (call->op) {
    case BOOT_OP_INFO:
        update_tell_view(u, call->out);
        return FOTA_OK;
    case BOOT_OP_CONFIRM:
        return confirm();
    case BOOT_OP_CHECK_SIGNATURE:
        return update_check_signature(u, call->key_id, call->bytes, call->n, call->der, call->n_der);
    case BOOT_OP_BEGIN:
        return update_begin_offer(u, call->bytes, call->out);
    case BOOT_OP_ERASE:
        return update_erase(u, call->number);
    case BOOT_OP_PROGRAM:
        return update_program(u, call->number, call->bytes, call->n);
    case BOOT_OP_FINISH:
        return update_finish(u);
    case BOOT_OP_ACTIVATE:
        return update_activate(u);
    case BOOT_OP_ABORT:
        return update_abort(u);
    case BOOT_OP_HASH:
        update_hash_bytes(call->bytes, call->n, call->out);
        return FOTA_OK;
    case BOOT_OP_RETRY:
        return update_retry(u, call->number);
    case BOOT_OP_LOADER_INSTALL:
        return loader_install(call);
    default:
        return E_UNSUPPORTED;
    }
}

/* The one way into the root while an application runs. After each service the checksum is made anew, whether
 * the service succeeded or not. */
static enum fota_err service_call(const struct boot_call *call)
{
    enum fota_err err = enter(call->options);
    if (err == FOTA_OK) {
        err = carry_out(call);
        services_store_checksum();
    }
    return err;
}

__attribute__((section(".boot_services"), used)) const struct boot_services boot_services = {
    .magic = BOOT_SERVICES_MAGIC,
    .version = BOOT_SERVICES_VERSION,
    .n_bytes = sizeof(struct boot_services),
    .bootloader_version = BOOTLOADER_VERSION,
    .hw_id = BOOT_HW_ID,
    .call = service_call,
};
