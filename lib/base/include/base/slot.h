/**
 * Slots and what they are: words that the journal, the boot decision, the boot services and the link share.
 * Values are on flash and on the wire: never renumber.
 */
#ifndef BASE_SLOT_H
#define BASE_SLOT_H

/** Slots. SLOT_NONE: code in sector 0 runs, no application. */
enum slot { SLOT_A = 0, SLOT_B = 1, SLOT_NONE = 2 };

/** What a slot is, as the journal holds it (docs/spec/journal.md). */
enum slot_state {
    SLOT_STATE_EMPTY = 0,     /* nothing known */
    SLOT_STATE_RECEIVING = 1, /* an update session owns it */
    SLOT_STATE_PENDING = 2,   /* complete and verified, not yet activated */
    SLOT_STATE_TRIAL = 3,     /* activated, trial runs left are counted */
    SLOT_STATE_CONFIRMED = 4, /* an application called confirm */
    SLOT_STATE_REJECTED = 5   /* spent its trials; its digest is remembered */
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
