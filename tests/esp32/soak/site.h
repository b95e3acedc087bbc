/**
 * An ESP32 with everything against it: the port's own sources in a task on the stand-ins of ESP-IDF, a target on the host
 * (target_fake), and a store over real sockets with the faults of tests/fault_proxy.
 */
#ifndef ESP32_SOAK_SITE_H
#define ESP32_SOAK_SITE_H

#include "rig.h"
#include "target_fake.h"

enum { SITE_RULES_MAX = 5, SITE_PAYLOAD_MIN_BYTES = 18000, SITE_PAYLOAD_SPAN_BYTES = 40000 };

/** How the gateway ends at its point. */
enum site_end {
    SITE_DELETED,  /* its task is deleted; pins keep their levels for a while, then the chip resets */
    SITE_RESET,    /* reset or power loss of the ESP32: pins are released */
    SITE_ALL_DARK, /* the target loses power at the same moment */
    SITE_ENDS
};

/** Planted: a fault that a promise of the soak must notice. */
enum site_plant {
    PLANT_NOTHING,
    PLANT_NO_STAGE,       /* no staging partition: every image is read twice */
    PLANT_FORGETS,        /* the staging partition is empty after each end of the gateway */
    PLANT_NEVER_CONFIRMS, /* releases do not run */
    PLANT_WRONG_BYTE,     /* a byte of the slot is wrong after the update */
    PLANT_SLOW_WIRES,     /* SPI at 500 kHz */
    PLANTS
};

/** What a site is made of. Zero: nothing is wrong with it. */
struct site_plan {
    const char *rules[SITE_RULES_MAX]; /* of the fault proxy; NULL ends them */
    uint32_t lose_bytes;   /* Wi-Fi is lost after each so many bytes that come in, for up to 20 s */
    uint32_t noise_period; /* one byte in so many is damaged on the wires */
    uint32_t erase_us;     /* of a sector of the ESP32's flash; 0: 45 ms */
    enum site_plant plant;
    uint32_t seed;
};

struct site {
    struct link_io io; /* first member: wires of the target, whose supply is watched here */
    struct rig rig;
    struct target_fake target;
    struct test_release release;
    struct site_plan plan;
    uint32_t n_published;
    enum site_end end;
    uint32_t n_ends;
    uint32_t random;
};

/** A board from the factory with 1.0.0 in slot A, an empty bucket, and a gateway that was just switched on. */
void site_open(struct site *w, const struct site_plan *plan);

/** The store ends. */
void site_close(struct site *w);

/** A number below `below`, from the seed. */
uint32_t site_draw(struct site *w, uint32_t below);

/** The next release, 1.N.0, of a size of its own. */
void site_publish(struct site *w);

/** End the gateway at the `point`-th of its calls to ESP-IDF from now on, 1..; it starts again a little later. */
void site_end_at(struct site *w, uint32_t point, enum site_end end);

/**
 * Wait until the release is confirmed, refused or rolled back, or `max_s` of virtual time are over. A gateway that ended is
 * started again.
 * @return true if it runs in the target, confirmed and byte for byte
 */
bool site_update(struct site *w, uint32_t max_s);

/** Size of the image that the release has for the slot it went to. */
uint32_t site_image_bytes(const struct site *w);

/** Does the slot of what runs hold anything but the published image? */
bool site_is_corrupt(struct site *w);

/** A state to go back to. The gateway must be stopped; site_restore starts it. */
struct site_snapshot;
struct site_snapshot *site_save(const struct site *w);
void site_restore(struct site *w, const struct site_snapshot *snapshot);
void site_snapshot_free(struct site_snapshot *snapshot);

#endif
