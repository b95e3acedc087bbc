/*
 * The bootloader: what happens between a reset and the first instruction of an application.
 *
 * Every step that can go wrong ends in one of two places: an image that was verified in this boot, or the
 * loader.
 */
#include "base/attr.h"
#include "f407/clock.h"
#include "f407/iwdg.h"
#include "f407/reset.h"
#include "f407/startup.h"
#include "loader.h"
#include "services.h"
#include "update/update.h"

/*
 * Start the image, if and only if this boot has verified it.
 *
 * One instruction that the core leaves out, or one register that reads 0, must not start another. So there
 * are two opinions, from different memory: the verdict of update_choose, read as volatile so that the
 * compiler cannot take it for known from the way that led here, and a new one. No branch looks at them, for a
 * branch can be skipped: both are part of the address. If either is not CRYPTO_ACCEPT, nothing is there to
 * fetch, and the fault resets the chip.
 */
FOTA_NOINLINE static void boot(const struct update *update, const struct slots_decision *decision,
                               const struct image_result *image)
{
    const volatile enum crypto_verdict *first = &image->verdict;
    if (decision->is_trial) {
        iwdg_start();
    }
    services_seal();
    uint32_t verdicts = (uint32_t)update_vouch(update, decision->slot, &image->image) + (uint32_t)*first;
    reset_jump(image->image.load_addr + FLASH_IMAGE_HEADER_AREA_BYTES + (verdicts - 2U * CRYPTO_ACCEPT));
}

int main(void)
{
    enum reset_cause cause = reset_take_cause();
    enum boot_request note = reset_take_request();
    bool wants_loader = note == BOOT_REQUEST_LOADER;
    clock_init();

    struct update *update = services_open();
    enum fota_err err = update_open(update, &BOARD, cause);
    if (err) {
        /* Neither mirror can be written: nothing will be, but a confirmed image still runs. */
        update->record.last_reason = (uint16_t)err;
    }

    update->n_crashes = reset_count_crashes(cause, note);
    struct slots_decision decision;
    struct image_result images[2];
    update_choose(update, wants_loader, &decision, images);
    if (decision.action == SLOTS_BOOT && (decision.slot == SLOT_A || decision.slot == SLOT_B)) {
        boot(update, &decision, &images[decision.slot]);
    }
    loader_run(update, wants_loader);
}
