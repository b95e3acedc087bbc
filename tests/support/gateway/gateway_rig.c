#include "gateway_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct rig *rig = ctx;
    if (rig->n_events == RIG_EVENTS_MAX) {
        fprintf(stderr, "rig: more than %d events\n", RIG_EVENTS_MAX);
        abort();
    }
    rig->event[rig->n_events++] = *event;
    if (rig->also) {
        rig->also(rig->also_ctx, event);
    }
}

static enum gateway_consent may_activate(void *ctx, uint32_t version)
{
    (void)version;
    return ((struct rig *)ctx)->consent;
}

static void start_gateway(struct rig *rig)
{
    const struct gateway_ports ports = {
        .s3 = &rig->s3,
        .link = &rig->link,
        .store = &rig->store.store,
        .clock = &rig->target.clock,
        .stage = rig->has_stage ? &rig->stage.stage : NULL,
        .observer = {.on_event = on_event, .may_activate = may_activate, .ctx = rig}};
    link_client_init(&rig->link, &rig->target.io, NULL);
    if (s3_init(&rig->s3, &rig->s3_server.http, &rig->s3_config) ||
        gateway_init(&rig->gateway, &rig->config, &ports)) {
        abort();
    }
}

void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    ram_store_init(&rig->store);
    test_key_make(&rig->release_key, 1);
    test_key_make(&rig->channel_key, 2);
    test_key_make(&rig->other_key, 3);
    test_key_make(&rig->next_key, 4);
    struct test_spec spec = test_spec(&rig->release_key, &rig->channel_key, 0x01000000, 1);
    test_release_make(&spec, &rig->factory);
    const struct test_loader_spec loader = {.key = &rig->release_key, .version = 0x01000000};
    test_loader_make(&loader, &rig->loader);
    target_fake_init(&rig->target, rig->release_key.point);
    rig->target.config.keys[IMAGE_KEY_NEXT] = rig->next_key.point;
    target_fake_loader(&rig->target, rig->loader.image, rig->loader.n_image);
    target_fake_factory(&rig->target, rig->factory.image[0], rig->factory.n_image[0]);
    s3_fake_init(&rig->s3_server);
    rig->s3_config =
        (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    rig->config = (struct gateway_config){
        .keys = {.channel = {rig->channel_key.point, NULL},
                 .release = {rig->release_key.point, rig->next_key.point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "rig"},
        .poll_ms = 30000,
        .backoff_min_ms = 5000,
        .backoff_max_ms = 60000,
        .denied_min_ms = 60000,
        .retry_min_ms = 200,
        .range_bytes = 8192,
        .seed = 7};
    start_gateway(rig);
}

void rig_give_stage(struct rig *rig)
{
    stage_fake_init(&rig->stage, rig->stage_memory, TEST_IMAGE_MAX_BYTES);
    rig->has_stage = true;
    start_gateway(rig);
}

void rig_restart_gateway(struct rig *rig)
{
    start_gateway(rig);
}

void rig_publish_channel(struct rig *rig, const struct test_release *release)
{
    s3_fake_put(&rig->s3_server, "v1/channels/demo/f407-disco/stable.fc", release->channel,
                release->n_channel);
}

void rig_publish(struct rig *rig, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&rig->s3_server, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    rig_publish_channel(rig, release);
}

void rig_publish_loader(struct rig *rig, const struct test_loader *loader)
{
    s3_fake_put(&rig->s3_server, loader->blob, loader->image, loader->n_image);
    s3_fake_put(&rig->s3_server, loader->object, loader->statement, loader->n_statement);
}

const struct gateway_event *rig_last(const struct rig *rig, enum gateway_event_kind kind)
{
    for (size_t i = rig->n_events; i > 0; i--) {
        if (rig->event[i - 1].kind == kind) {
            return &rig->event[i - 1];
        }
    }
    return NULL;
}

size_t rig_count(const struct rig *rig, enum gateway_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < rig->n_events; i++) {
        n += rig->event[i].kind == kind;
    }
    return n;
}

static void step(struct rig *rig, uint64_t until_ms)
{
    uint32_t wait_ms = 0;
    enum fota_err err = gateway_step(&rig->gateway, &wait_ms);
    if (err) {
        fprintf(stderr, "rig: gateway_step in %s: %s\n", gateway_state_name(rig->gateway.state),
                fota_err_name(err));
        abort();
    }
    if (rig->between) {
        rig->between(rig->also_ctx);
    }
    uint64_t left_ms = until_ms - clock_now_ms(&rig->target.clock);
    target_fake_run_ms(&rig->target, wait_ms < left_ms ? wait_ms : (uint32_t)left_ms);
}

const struct gateway_event *rig_run_until(struct rig *rig, enum gateway_event_kind kind, uint32_t max_ms)
{
    uint64_t until_ms = clock_now_ms(&rig->target.clock) + max_ms;
    size_t before = rig_count(rig, kind);
    while (rig_count(rig, kind) == before) {
        if (clock_now_ms(&rig->target.clock) >= until_ms) {
            return NULL;
        }
        step(rig, until_ms);
    }
    return rig_last(rig, kind);
}

void rig_run_ms(struct rig *rig, uint32_t ms)
{
    uint64_t until_ms = clock_now_ms(&rig->target.clock) + ms;
    while (clock_now_ms(&rig->target.clock) < until_ms) {
        step(rig, until_ms);
    }
}
