/**
 * Rebuild a board from nothing but the wires: SPI1, NRST and BOOT0. For a board whose sectors 0 or 1 are
 * erased or torn, whatever stands in the others, through the loader that no accident can erase: ST's ROM.
 *
 * Order, and what a cut leaves:
 *   1. image      last sector first, header last: a slot is complete or has no header
 *   2. journal    both sectors blank: rule R11, the first boot is a trial of the newest image that verifies
 *   3. other slot its header goes, if an image stands there that would be preferred to ours
 *   4. loader     sector 1, header last: a root that still works starts it or, without it, the image
 *   5. root       sector 0, vectors last: without them the core does nothing at all, and the ROM is as
 *                 reachable as before. This last block of 256 bytes is the moment at which the board is alive
 *                 again, and then everything it needs is there.
 * Nothing of an interrupted run is trusted by the next, since a word that was cut may read well today and not
 * tomorrow: every run erases and writes all of it. The option bytes are never written: a write-protected
 * sector 0 or 1 is left alone if it holds these very bytes, and refused before anything is written if not.
 *
 * Loader and image are checked before anything is touched, with the keys and the hardware id that are in the
 * very bootloader that will judge them.
 */
#ifndef RECOVER_RECOVER_H
#define RECOVER_RECOVER_H

#include "base/slot.h"
#include "format/image.h"
#include "link_client/link_ladder.h"

/** What goes onto the board; must outlive the plan. */
struct recover_parts {
    const uint8_t *bootloader; /* the root, flat bytes for sector 0 */
    uint32_t n_bootloader;
    const uint8_t *loader; /* signed image for sector 1 */
    uint32_t n_loader;
    const uint8_t *image; /* signed image for slot A or B */
    uint32_t n_image;
};

/** Which of them a refusal speaks of. */
enum recover_part { RECOVER_PART_BOOTLOADER, RECOVER_PART_LOADER, RECOVER_PART_IMAGE };

/** Parts that fit each other. */
struct recover_plan {
    struct recover_parts parts;
    const struct board_layout *board; /* the image's hardware id */
    enum slot slot;
    struct image_result image;
    struct image_result loader;
    char hw_id[IMAGE_HW_ID_MAX_BYTES + 1];
};

/**
 * Check the parts, and that the bootloader will take loader and image.
 *
 * @param out     untouched on failure
 * @param at      of a failure: which part; may be NULL
 * @return FOTA_OK · E_IMAGE_SIZE (empty, or larger than its sector or slot) · E_IMAGE_VECTORS (bootloader:
 * its vectors point elsewhere) · E_LINK_BOOT_MISSING (bootloader: no table of boot services) · E_IMAGE_KEY,
 * E_IMAGE_HARDWARE (the bootloader has no such key, or is for another board; the image is for a board that this
 * build does not know) · E_IMAGE_SLOT (a loader where
 * an image should be, or the reverse) · as image_verify
 */
FOTA_MUST_CHECK
enum fota_err recover_plan_make(const struct recover_parts *parts, struct recover_plan *out,
                                enum recover_part *at);

/** Where a recovery stands. */
enum recover_step {
    RECOVER_LOOK, /* is anything wrong at all? */
    RECOVER_ENTER,
    RECOVER_IMAGE,
    RECOVER_JOURNAL,
    RECOVER_OTHER_SLOT,
    RECOVER_LOADER,
    RECOVER_BOOTLOADER,
    RECOVER_CONFIRM, /* out of the ROM, and the image boots and confirms itself */
    RECOVER_STEPS
};

enum recover_event_kind {
    RECOVER_EVENT_STEP,     /* [step] begins */
    RECOVER_EVENT_PROGRESS, /* [done, total] bytes erased, written and read back */
    RECOVER_EVENT_RESTART   /* the ROM was lost; everything again [reason] */
};

struct recover_event {
    enum recover_event_kind kind;
    enum recover_step step;
    enum fota_err reason;
    uint32_t done_bytes, total_bytes;
};

struct recover_config {
    bool is_forced;          /* do not look whether anything is wrong */
    uint32_t confirm_max_ms; /* [60,000] for the image to boot and confirm itself */
    void (*on_event)(void *ctx, const struct recover_event *event); /* may be NULL */
    void *ctx;
};

/** What happened, also after a failure. */
struct recover_result {
    enum recover_step step;    /* the last one */
    struct link_ladder ladder; /* RECOVER_LOOK: what was tried and why it did not hold */
    struct link_rom rom;
    struct link_info info; /* of the board at the end; loader 0: it did not answer */
    unsigned n_restarts;
    bool is_bootloader_kept; /* sector 0 is write-protected and holds these very bytes */
    bool is_loader_kept;     /* the same of sector 1 */
    uint16_t
        blocked_sectors; /* with E_FLASH_PROTECTED: bit n: sector n is protected and holds something else */
};

enum { RECOVER_RESTARTS_MAX = 4 };

/**
 * Rebuild the board and see it boot. May be interrupted at any point, by a reset or loss of power on either
 * side, and be started again.
 *
 * Takes:     30 s for a full slot, typical flash
 * Power cut: of the board: the ROM answers, or our bootloader; run it again. Of this machine: the same.
 * @return FOTA_OK · E_SLOT_HEALTHY (an image runs: see result->ladder; not with is_forced) · as
 *         link_rom_enter · E_FLASH_PROTECTED (a sector is write-protected and holds something else) ·
 *         E_IMAGE_COUNTER (the image is below the epoch in the chip's one-time memory) ·
 *         E_FLASH_VERIFY, E_FLASH_NOT_BLANK (a sector is worn out) · E_SLOT_NOT_BOOTABLE and other reasons of
 *         the bootloader · E_SLOT_TRIALS_SPENT · E_LINK_RESET_SILENT (all is written; nothing answers) ·
 *         E_TIMEOUT (it runs and does not confirm) · E_IO
 */
FOTA_MUST_CHECK
enum fota_err recover_run(struct link_client *c, const struct recover_plan *plan,
                          const struct recover_config *config, struct recover_result *out);

/** Name of a step, for messages. */
const char *recover_step_name(enum recover_step step);

#endif
