/**
 * A gateway with everything around it: S3 in memory, a store in RAM, a target on the host, and a log of
 * events.
 */
#ifndef GATEWAY_RIG_H
#define GATEWAY_RIG_H

#include "fake/stage_fake.h"
#include "gateway/gateway.h"
#include "ram_store.h"
#include "release_maker.h"
#include "s3_fake.h"
#include "target_fake.h"

enum { RIG_EVENTS_MAX = 32768 };

struct rig {
    struct s3_fake s3_server;
    struct s3_config s3_config;
    struct s3 s3;
    struct ram_store store;
    bool has_stage; /* set by rig_give_stage */
    struct stage_fake stage;
    uint8_t stage_memory[STAGE_SHELVES * TEST_IMAGE_MAX_BYTES];
    struct target_fake target;
    struct link_client link;
    struct gateway_config config;
    struct gateway gateway;
    struct gateway_event event[RIG_EVENTS_MAX];
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
 * first step. One rig at a time is plenty: 12 MB. */
void rig_init(struct rig *rig);

/** Give the gateway a staging store, empty, and start it anew. */
void rig_give_stage(struct rig *rig);

/** The gateway is killed: all but its stores is forgotten. */
void rig_restart_gateway(struct rig *rig);

/** Put blobs and the channel object into the bucket. */
void rig_publish(struct rig *rig, const struct test_release *release);
/** Put a loader's blob and statement into the bucket. */
void rig_publish_loader(struct rig *rig, const struct test_loader *loader);
/** Only the channel object. */
void rig_publish_channel(struct rig *rig, const struct test_release *release);

/**
 * Step and let time pass until an event of this kind, at most `max_ms` of virtual time.
 * @return the event or NULL
 */
const struct gateway_event *rig_run_until(struct rig *rig, enum gateway_event_kind kind, uint32_t max_ms);
/** Step and let time pass for `ms`. */
void rig_run_ms(struct rig *rig, uint32_t ms);

/** Events of this kind so far. */
size_t rig_count(const struct rig *rig, enum gateway_event_kind kind);
/** Newest event of this kind, NULL if none. */
const struct gateway_event *rig_last(const struct rig *rig, enum gateway_event_kind kind);

#endif
