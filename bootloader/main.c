/*
 * The root: what happens between a reset and the first instruction of an application.
 *
 * Every step that can go wrong ends in one of three places: an image that was verified in this boot, the
 * loader in sector 1, verified as well, or, if there is none, a reset loop that leaves its reason in RAM for
 * ST's ROM loader.
 */
#include "base/attr.h"
#include "f407/clock.h"
#include "f407/iwdg.h"
#include "f407/reset.h"
#include "f407/startup.h"
#include "services.h"
#include "update/update.h"

enum { NOTHING_RUNS_MS = 1000 /* of the reset loop: long enough to be no load, short enough to be seen */ };

/*
 * Start the image, if and only if this boot has verified it.
 *
 * One instruction that the core leaves out, or one register that reads 0, must not start another. So there
 * are two opinions, from different memory: the verdict of the first look, read as volatile so that the
 * compiler cannot take it for known from the way that led here, and a new one. No branch looks at them, for a
 * branch can be skipped: both are part of the address. If either is not CRYPTO_ACCEPT, nothing is there to
 * fetch, and the fault resets the chip.
 */
FOTA_NOINLINE static void boot(const struct update *update, enum slot slot, const struct image_result *image)
{
    const volatile enum crypto_verdict *first = &image->verdict;
    services_store_checksum();
    uint32_t verdicts = (uint32_t)update_verify_again(update, slot, &image->image) + (uint32_t)*first;
    reset_jump(image->image.load_addr + FLASH_IMAGE_HEADER_AREA_BYTES + (verdicts - 2U * CRYPTO_ACCEPT));
}

/* Returns if there is no image to boot. */
static void try_application(struct update *update, enum boot_request request)
{
    struct slots_decision decision;
    struct image_result images[2];
    update_choose(update, request, &decision, images);
    if (decision.action != SLOTS_BOOT || (decision.slot != SLOT_A && decision.slot != SLOT_B)) {
        return;
    }
    if (decision.with_watchdog) {
        iwdg_start();
    }
    reset_note_started(decision.is_trial ? RESET_STARTED_TRIAL : RESET_STARTED_APPLICATION);
    boot(update, decision.slot, &images[decision.slot]);
}

/* Returns if the loader does not verify. The next reset is the loader's own, whatever it does. */
static void try_loader(struct update *update)
{
    struct image_result loader;
    enum fota_err err = update_verify_loader(update, &loader);
    if (err) {
        reset_note_reason(err);
        return;
    }
    iwdg_start();
    reset_note_started(RESET_STARTED_LOADER);
    boot(update, SLOT_LOADER, &loader);
}

/*
 * The order of the three attempts at the end is the promise of the project. An application that the journal
 * allows comes first. If there is none, the loader lets a host install one. If the loader is damaged as well,
 * an image that failed its trial is still more than a board that does nothing. A loader that crashed was
 * started in the boot before: then go to the last resort at once, or the board would reset for ever.
 */
int main(void)
{
    struct reset_origin origin;
    reset_take_origin(&origin);
    (void)clock_init(); /* at 16 MHz everything takes longer, and that is all */

    const struct update_reset reset = {
        .cause = origin.cause,
        .is_run_failed = reset_is_run_failed(&origin),
        .n_crashes = reset_count_crashes(&origin),
    };
    struct update *update = services_open();
    enum fota_err err = update_open(update, &BOARD, &reset);
    (void)err; /* told by the record: with no mirror to write to, a confirmed image still runs */

    try_application(update, reset_is_loader_crash(&origin) ? BOOT_REQUEST_TRY : origin.request);
    try_loader(update);
    try_application(update, BOOT_REQUEST_TRY); /* an image of last resort is better than nothing */
    clock_sleep(NOTHING_RUNS_MS);
    reset_chip();
}
