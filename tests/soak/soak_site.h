/**
 * A gateway with everything against it: the core, a target on the host (target_fake), objects beyond a network with faults,
 * a store and a staging store that lose what was not synced. Each call to one of its ports is one *point*;
 * at a chosen point the gateway is killed, or its power fails.
 */
#ifndef SOAK_SITE_H
#define SOAK_SITE_H

#include "fake/stage_fake.h"
#include "fault_http.h"
#include "forgetful_disk.h"
#include "gateway/gateway.h"
#include "release_maker.h"
#include "s3_fake.h"
#include "target_fake.h"

enum { SOAK_PAYLOAD_MIN_BYTES = 18000, SOAK_PAYLOAD_SPAN_BYTES = 40000 };

/** How the gateway ends at its point. */
enum soak_end {
    SOAK_KILLED, /* kill -9: what was written is there */
    SOAK_DARK, /* power cut: of a write under way any part arrives, of those that were not synced any subset */
    SOAK_ALL_DARK /* the target loses power at the same moment */
};

/** Planted: a fault that a promise of the soak must notice. */
enum soak_plant {
    PLANT_NOTHING,
    PLANT_NO_STAGE,       /* no staging store: every image is read twice */
    PLANT_FORGETS,        /* the staging store is empty after each end of the gateway */
    PLANT_NEVER_CONFIRMS, /* releases do not run */
    PLANT_WRONG_BYTE,     /* a byte of the slot is wrong after the update */
    PLANT_LOUD,           /* the gateway never says which object it knows */
    PLANT_NO_HEALING,     /* nothing follows the statement with the wrong date */
    PLANTS
};

/** What a site is made of. */
struct soak_spec {
    struct fault_plan plan;
    const char *
        folder; /* the staging store is posix/stage_file on a disk that forgets; NULL: port/fake's, in memory */
    uint64_t clock_back_s; /* the gateway's clock shows so much less */
    enum soak_plant plant;
    uint32_t seed;
};

struct soak_cell {
    bool is_there;
    uint8_t bytes[STORE_CELL_BYTES];
};

struct soak_site {
    struct target_fake target;
    struct s3_fake server;
    struct fault_http network;
    struct http http; /* before the network: counts points */
    const struct http_sink *sink;
    struct link_io io;
    struct store store;
    struct soak_cell cell[STORE_CELLS];
    struct stage stage;
    struct stage *medium; /* after `stage`, which counts points: one of the next two */
    struct stage_fake shelves;
    struct stage_file files;
    const char *folder;
    uint8_t shelf_memory[STAGE_SHELVES * TEST_IMAGE_MAX_BYTES];
    struct s3_config s3_config;
    struct s3 s3;
    struct link_client link;
    struct gateway gateway;
    struct test_key release_key, channel_key;
    struct test_release release;
    uint32_t n_published;
    enum soak_plant plant;
    /* points of the gateway */
    uint32_t n_points, end_at; /* 0 never */
    enum soak_end end;
    bool is_ended, is_target_dark;
    uint32_t n_ends;
    /* writes of state and staging store */
    uint32_t n_writes, tear_at; /* 0 never */
    unsigned n_calls_before;
    uint32_t random;
    /* what happened since soak_publish */
    uint32_t n_confirmed, n_refused, n_rolled_back, n_failed, n_quiet;
    enum fota_err refused_reason;
};

/** A board from the factory with 1.0.0 in slot A, an empty bucket, and a gateway before its first step. */
void soak_open(struct soak_site *w, const struct soak_spec *spec);

/** The next release, 1.N.0, of a size of its own. */
void soak_publish(struct soak_site *w);

/** The same, with a date `ahead_s` from now. */
void soak_publish_ahead(struct soak_site *w, uint64_t ahead_s);

/** One step of the gateway, and the pause after it. */
void soak_step(struct soak_site *w, uint64_t until_ms);

/** End the gateway at the `point`-th call to its ports from now on, 1..; it starts again at once. */
void soak_end_at(struct soak_site *w, uint32_t point, enum soak_end end);

/** Tear the `write`-th write of state or staging store from now on, 1.., by a power cut of the gateway. */
void soak_tear_at(struct soak_site *w, uint32_t write);

/** Let the target's supply fail in its `op`-th flash operation from now on. It comes back at once. */
void soak_cut_target_at(struct soak_site *w, uint32_t op, enum flash_cut outcome);

/**
 * Steps until the release is confirmed, refused or rolled back, or `max_ms` of virtual time are over.
 * @return true if it runs in the target, confirmed and byte for byte
 */
bool soak_update(struct soak_site *w, uint64_t max_ms);

/** Size of the image that the release has for the slot it went to. */
uint32_t soak_image_bytes(const struct soak_site *w);

/** Does a slot that the target would boot hold anything but a published image? */
bool soak_is_corrupt(struct soak_site *w);

#endif
