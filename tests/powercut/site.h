/**
 * A device, its gateway and its application, life by life; and the oracle: what must never be seen, whatever
 * happened to the power (docs/POWERCUT.md, oracle). The device runs the shipping boot core on a chip of full
 * size.
 *
 * A life is one powered session: boot, application, gateway. A cut is not simulated by making calls fail:
 * whoever observes the chip runs the lives that follow a cut inside the call that was cut, on new RAM, and
 * then goes back in time (sweep.h).
 */
#ifndef POWERCUT_WORLD_H
#define POWERCUT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "chip.h"
#include "releases.h"
#include "update/update.h"

#define SITE_HW "f407-disco"

/** Records of a journal sector that can serve without its mirror. */
enum { SITE_ALONE_RECORDS = JOURNAL_FREE_ALONE + 8 };

enum { SITE_OFFERS = 5, SITE_FINISHES = 64 };

/** Which command enumerates a scenario. */
enum site_job { JOB_SINGLE, JOB_NESTED, JOB_WORN, JOB_TRIAL, JOB_LOADER };

/** How a scenario begins. */
enum site_start {
    START_FACTORY,  /* an image in A, journal blank */
    START_RUNNING,  /* it has confirmed itself */
    START_SECOND,   /* then another was installed in B and confirmed: the first is its fallback */
    START_REJECTED, /* an image in B was tried and rejected */
    START_PENDING   /* an image in B is complete but not activated */
};

/** What happens before the scenario runs, past the updater. */
enum site_mishap {
    MISHAP_NONE,
    MISHAP_ROT_ACTIVE, /* a word of the active image flips */
    MISHAP_LOST_BOTH,  /* both journal sectors read as garbage */
    MISHAP_LOST_J0,
    MISHAP_LOST_J1,
    MISHAP_WORN_SLOT, /* the last sector of the inactive slot refuses erase and program */
    MISHAP_CRASHES,   /* the active image crashes in each of its runs */
    MISHAP_WORN_J0,   /* refuses erase and program; what it holds can still be read */
    MISHAP_WORN_J1,
    MISHAP_LOST_LOADER /* sector 1 reads as garbage */
};

/** How the gateway talks to the target. */
enum site_manner {
    MANNER_VENDOR,   /* statement, resume */
    MANNER_PLAIN,    /* AN4286 without a statement */
    MANNER_ABORTS,   /* changes its mind once, half-way */
    MANNER_CORRUPTS, /* sends a wrong byte until the target has refused it once */
    MANNER_FICKLE,   /* goes on with the next offer when a life ended before the first was complete */
    MANNER_FINISHES  /* plain, and asks to finish a wrong image SITE_FINISHES times before it sends the right
                        one */
};

/** What is enumerated. */
struct site_scenario {
    const char *name;
    const char *story;
    enum site_start start;
    enum release_id factory;
    enum release_id second; /* of START_SECOND, START_REJECTED, START_PENDING */
    enum site_mishap mishap;
    enum site_manner manner;
    uint8_t offer[SITE_OFFERS]; /* enum release_id: what the gateway wants installed, one after the other */
    uint8_t ends_with;          /* enum release_id: what runs in the end */
    uint16_t n_j0;              /* records of the journal sectors */
    uint16_t n_j1;
    uint16_t n_fill; /* records of J1 in use when the scenario begins */
    enum site_job job;
    uint8_t stride; /* cuts at every so many operations only; 0: at all */
    uint8_t n_dark; /* starts of a candidate that the supply ends before it confirms */
    bool
        is_starved; /* the supply ends every start of an image that does not confirm, instead of a watchdog */
    uint8_t n_alone; /* times that the loader waits without a host */
    uint8_t loader;  /* enum loader_id that is offered to the running application; 0: none */
};

extern const struct site_scenario SITE_SCENARIOS[];
extern const uint32_t SITE_N_SCENARIOS;

/** What the outside has seen and wants. Part of what a state is: no padding, no pointers. */
struct site_view {
    uint8_t
        confirmed; /* enum release_id that must boot, unless the candidate does; RELEASE_NONE: none known */
    uint8_t confirmed_slot;
    uint8_t fallback;  /* confirmed before, still whole; boots if the confirmed one has rotted */
    uint8_t candidate; /* activated, neither confirmed nor rejected as far as the outside knows */
    uint8_t candidate_slot;
    uint8_t is_confirming; /* confirm was called for it and no answer came */
    uint8_t is_rejected;   /* the candidate was seen rejected */
    uint8_t n_starts;      /* of the candidate, seen */
    uint8_t n_starts_max;  /* and those that may have been counted before a cut */
    uint8_t n_failed;      /* its runs that a watchdog ended, certainly counted */
    uint8_t n_failed_max;  /* and those that may have been */
    uint8_t has_failed;    /* RAM says so to the next boot */
    uint8_t n_last_resort; /* boots in a row with the last resort, up to 2: from then on they write nothing */
    uint8_t is_try;        /* the loader has waited and asks to try the last resort */
    uint8_t cause;         /* enum reset_cause of the next boot */
    uint8_t is_revoked;    /* the active key is ended */
    uint16_t residents;    /* mask of releases that may be tried while nothing is confirmed */
    uint8_t has_rotted;    /* the confirmed image is damaged */
    uint8_t offer;         /* index of the offer that is worked on */
    uint8_t has_aborted;   /* or has had a wrong byte refused */
    uint8_t rejected[2];   /* last seen rejected, newest first; must not be accepted again */
    uint8_t crasher;       /* enum release_id that crashes in each run */
    uint8_t n_crashes;     /* in a row, as RAM counts them: from 0 after a cut */
    uint8_t may_leave;     /* a boot has seen enough crashes to leave the crasher for the fallback */
    uint8_t has_given_up;  /* a sector of the slot is worn: the device goes on as it is */
    uint8_t n_dark;        /* starts of the candidate that the supply has ended */
    uint8_t n_alone;       /* times that the loader has waited for a host */
    uint8_t n_finishes;    /* that failed */
    uint8_t loader;        /* enum loader_id that was installed; LOADER_NONE: not known */
    uint8_t unused[1];
    uint32_t floor; /* highest security floor that was in force at a boot */
};

/** Where the oracle lets something pass that it asks for elsewhere; each time is counted. */
enum site_waiver {
    WAIVED_FLOOR,    /* both journals are lost: the floor of before is forgotten (rule R11) */
    WAIVED_REJECTED, /* a good release is refused because cuts took its starts */
    WAIVED_REFUSED,  /* a call fails because a flash operation did */
    WAIVED_MIRROR,   /* "done" with one copy, for the other journal sector is worn or was refused by a dip */
    WAIVED_RUN,      /* a second boot decides otherwise, for the first one took the last run */
    WAIVED_SUSPECT,  /* a suspect word is programmed: axiom F8 leaves no evidence */
    WAIVERS
};

/** A run of a scenario. */
struct site {
    struct chip *chip;
    const struct site_scenario *scenario;
    struct update_config config;
    uint32_t option_word;      /* FLASH_OPTCR */
    struct crypto_sha256 hash; /* config.hash */
    struct site_view view;
    uint32_t last_word; /* index in the slot of the last word of the image that is being sent */
    uint32_t n_lives;   /* since the start or the last cut */
    uint32_t n_cuts;    /* so far */
    const char *check;  /* what was broken: P1 ...; NULL: nothing */
    const char *text;
    bool is_known; /* the life came to a state whose future has been seen: stop here */
    bool is_quiet; /* observers do nothing: a look ahead */
    bool is_traced;
    enum chip_fault fault; /* an operation has failed in this way since the start */
    bool has_failed_now;   /* in this life, and no call has told it yet */
    bool was_alone;        /* a call found an un-mirrored journal full in this life */
    bool was_flaky;        /* before this boot */
    bool stops_pending;    /* the gateway does not activate what it has sent */
    bool may_write_loader; /* a loader session has been asked to install */
    bool is_upset;         /* a cut has upset a whole sector */
    uint64_t waived[WAIVERS];
    /* Called after the erase of a slot's sector: true if this state's future has been seen. */
    bool (*is_seen)(void *ctx, const struct update *u);
    void *ctx;
    uint32_t normal_boot_ops; /* operations of the boot at the end, with nothing to do */
    uint32_t boot_ops_max;    /* operations and erases of one boot */
    uint32_t boot_erases_max;
};

enum { SITE_LIVES_MAX = 96 };

/** A device at the beginning of the scenario. */
void site_open(struct site *w, const struct site_scenario *scenario);
void site_close(struct site *w);

/** Power has failed within an operation: what that means for RAM, and for what may have been counted. */
void site_note_cut(struct site *w);

/** One life. Power is up already. */
void site_live(struct site *w);

/** Everything the gateway wants is done, or refused for good. */
bool site_is_done(const struct site *w);

/** At the end: the right image runs, and a boot with nothing to do writes nothing. */
void site_check_end(struct site *w);

/** Something is broken. The first counts. */
void site_blame(struct site *w, const char *check, const char *text);

#endif
