/**
 * A gateway with everything around it: S3 in memory, a store in RAM, a target on the host, and a log of
 * events.
 */
#ifndef SITE_H
#define SITE_H

#include "fake/stage_fake.h"
#include "gateway/gateway.h"
#include "ram_store.h"
#include "release_maker.h"
#include "s3_fake.h"
#include "target_fake.h"

enum { SITE_EVENTS_MAX = 32768 };

struct site {
    struct s3_fake s3_server;
    struct s3_config s3_config;
    struct s3 s3;
    struct ram_store store;
    bool has_stage; /* set by site_give_stage */
    struct stage_fake stage;
    uint8_t stage_memory[STAGE_SHELVES * TEST_IMAGE_MAX_BYTES];
    struct target_fake target;
    struct link_client link;
    struct gateway_config config;
    struct gateway gateway;
    struct gateway_event event[SITE_EVENTS_MAX];
    size_t n_events;
    void (*also)(void *ctx, const struct gateway_event *event); /* hears each event too; NULL: nobody */
    void *also_ctx;
    void (*between)(void *ctx); /* called after each step; NULL: nobody */
    enum gateway_consent consent;
    struct test_key release_key, channel_key, other_key, next_key;
    struct test_release factory; /* 1.0.0 */
    struct test_loader loader;   /* 1.0.0, in sector 1 */
};

/** Board with 1.0.0 confirmed in A and loader 1.0.0 in an open sector 1, empty bucket, gateway before its
 * first step. One site at a time is plenty: 12 MB. */
void site_init(struct site *site);

/** Give the gateway a staging store, empty, and start it anew. */
void site_give_stage(struct site *site);

/** The gateway is killed: all but its stores is forgotten. */
void site_restart_gateway(struct site *site);

/** Put blobs and the channel object into the bucket. */
void site_publish(struct site *site, const struct test_release *release);
/** Put a loader's blob and statement into the bucket. */
void site_publish_loader(struct site *site, const struct test_loader *loader);
/** Only the channel object. */
void site_publish_channel(struct site *site, const struct test_release *release);

/**
 * Step and let time pass until an event of this kind, at most `max_ms` of virtual time.
 * @return the event or NULL
 */
const struct gateway_event *site_run_until(struct site *site, enum gateway_event_kind kind, uint32_t max_ms);
/** Step and let time pass for `ms`. */
void site_run_ms(struct site *site, uint32_t ms);

/** Events of this kind so far. */
size_t site_count(const struct site *site, enum gateway_event_kind kind);
/** Newest event of this kind, NULL if none. */
const struct gateway_event *site_last(const struct site *site, enum gateway_event_kind kind);

#endif
