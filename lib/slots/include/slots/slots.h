/**
 * The boot decision: which slot runs, as a pure total function. Table and reasons: docs/spec/boot.md.
 *
 * The caller asks, does what the decision says, tells the result in `facts`, and asks again, until BOOT or
 * LOADER (at most SLOTS_STEPS_MAX times). Nothing here touches flash, clock or input.
 */
#ifndef SLOTS_SLOTS_H
#define SLOTS_SLOTS_H

#include <stdbool.h>

#include "base/err.h"
#include "format/boot_record.h"

enum {
    SLOTS_STEPS_MAX = 16,
    SLOTS_CRASHES_MAX = 5 /* so many in a row: the confirmed image gives way to the other confirmed one */
};

/** Verification of a slot in this boot. */
enum slots_check { SLOTS_UNKNOWN = 0, SLOTS_VALID = 1, SLOTS_INVALID = 2 };

/** What this boot found in a slot. 16 bytes on the target. */
struct slots_image {
    uint32_t version;                         /* of a valid image: major << 24 | minor << 16 | revision */
    uint8_t digest[BOOT_RECORD_DIGEST_BYTES]; /* of a valid image: start of its image hash */
    enum slots_check check;
    bool wants_watchdog;  /* of a valid image: its run flags ask for it */
    enum fota_err reason; /* why it is SLOTS_INVALID */
};

/** All the decision depends on besides the record. */
struct slots_facts {
    struct slots_image image[2];
    enum boot_request request; /* LOADER: start the loader; TRY: start the image of last resort without it */
    bool is_run_failed;  /* a watchdog, a fault or another software reset ended a run of the trial. Power and
                            pin resets are not the image's fault */
    bool is_run_counted; /* the start of this boot is already in the journal */
    bool can_write;      /* the journal can be written; else no trial starts and nothing is recorded */
    uint32_t n_crashes;  /* resets by watchdog or fault, this one too, since the last sign of health */
};

/** Far-apart patterns, so that a glitch does not turn one action into another. */
enum slots_action {
    SLOTS_VERIFY = 0x1B64A5D2, /* verify `slot`, set facts.image[slot] */
    SLOTS_WRITE = 0x2D935A1C,  /* make `record` durable, and set facts.is_run_counted if counts_run */
    SLOTS_BOOT = 0x56AC3C69,   /* start `slot`; facts.image[slot] is SLOTS_VALID */
    SLOTS_LOADER = 0x63517EA7  /* start the loader because of `stay` and `reason` */
};

/** What to do next. */
struct slots_decision {
    enum slots_action action;
    enum slot slot;
    bool is_trial;        /* BOOT: not confirmed yet: a trial, or the image of last resort */
    bool with_watchdog;   /* BOOT: start the watchdog before the jump: not confirmed, or the image asks */
    bool counts_run;      /* WRITE: this record counts the start that follows */
    enum boot_stay stay;  /* LOADER: why, and so how long */
    enum fota_err reason; /* LOADER: E_SLOT_NOT_BOOTABLE or why the image does not verify; FOTA_OK: the
                             loader was asked for, or last_reason in the record tells */
    struct boot_record record; /* WRITE: the new state */
};

/**
 * Decide the next step of this boot.
 *
 * @param record  the journal's; if it is lost (rule R11), a record that knows nothing: active SLOT_NONE, both
 *                states empty, the security floor the only value
 *
 * Promises: BOOT only of a valid slot whose digest the record knows and which is not rejected; the start of a
 * trial is counted before it happens, and a trial ends after BOOT_TRIAL_RUNS failed runs or BOOT_TRIAL_STARTS
 * starts; it is rejected only if another image can boot, else it is the LAST_RESORT, which runs again and
 * again and writes nothing; falls back only to a confirmed image, and because of crashes only once: the image
 * left is rejected.
 */
void slots_decide(const struct boot_record *record, const struct slots_facts *facts,
                  struct slots_decision *out);

#endif
