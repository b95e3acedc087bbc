/**
 * Slots and what they are: words that the journal, the boot decision, the boot services and the link share.
 * Values are on flash and on the wire: never renumber.
 */
#ifndef BASE_SLOT_H
#define BASE_SLOT_H

/** Slots. SLOT_NONE: the loader runs, no application. SLOT_LOADER: sector 1, only as the target of a loader
 * update. */
enum slot { SLOT_A = 0, SLOT_B = 1, SLOT_NONE = 2, SLOT_LOADER = 3 };

/** What a slot is, as the journal holds it (docs/spec/journal.md). */
enum slot_state {
    SLOT_STATE_EMPTY = 0,      /* nothing known */
    SLOT_STATE_RECEIVING = 1,  /* an update session owns it */
    SLOT_STATE_PENDING = 2,    /* complete and verified, not yet activated */
    SLOT_STATE_TRIAL = 3,      /* activated, trial runs left are counted */
    SLOT_STATE_CONFIRMED = 4,  /* an application called confirm */
    SLOT_STATE_REJECTED = 5,   /* spent its trials; its image hash is remembered */
    SLOT_STATE_LAST_RESORT = 6 /* not confirmed, its runs are spent, but no other image can boot */
};

/** What whoever ran last asks of the next boot: a word in retained RAM, and its complement after it. */
enum boot_request {
    BOOT_REQUEST_NONE = 0,
    BOOT_REQUEST_LOADER = 0x10ADE12A, /* start the loader although an image may be bootable */
    BOOT_REQUEST_FAULT = 0x5C4A54ED,  /* a fault handler resets the chip: this reset counts as a crash */
    BOOT_REQUEST_TRY = 0x3E91C6B5     /* the loader has waited: start the image of last resort now */
};

/** Why the loader runs, and so how long it stays. */
enum boot_stay {
    BOOT_STAY_NOT = 0,       /* an application runs */
    BOOT_STAY_NO_IMAGE = 1,  /* nothing can boot: stays until a host has updated the board */
    BOOT_STAY_REQUESTED = 2, /* a request: 10 s without a host, then a reset boots as usual */
    BOOT_STAY_BEFORE_TRY =
        3 /* before a run of the image of last resort: 10 s, then request TRY and a reset */
};

/** Why the chip was reset, RCC_CSR decoded (RM0090 7.3.21); the most specific flag wins. Up to
 * RESET_BROWN_OUT the power was gone. */
enum reset_cause {
    RESET_POWER_ON = 0,
    RESET_BROWN_OUT = 1,
    RESET_PIN = 2,
    RESET_SOFTWARE = 3,
    RESET_IWDG = 4,
    RESET_WWDG = 5,
    RESET_LOW_POWER = 6
};

#endif
