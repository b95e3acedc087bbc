#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct site *site = ctx;
    if (site->n_events == SITE_EVENTS_MAX) {
        fprintf(stderr, "site: more than %d events\n", SITE_EVENTS_MAX);
        abort();
    }
    site->event[site->n_events++] = *event;
    if (site->also) {
        site->also(site->also_ctx, event);
    }
}

static enum gateway_consent may_activate(void *ctx, uint32_t version)
{
    (void)version;
    return ((struct site *)ctx)->consent;
}

static void start_gateway(struct site *site)
{
    const struct gateway_ports ports = {
        .s3 = &site->s3,
        .link = &site->link,
        .store = &site->store.store,
        .clock = &site->target.clock,
        .stage = site->has_stage ? &site->stage.stage : NULL,
        .observer = {.on_event = on_event, .may_activate = may_activate, .ctx = site}};
    link_client_init(&site->link, &site->target.io, NULL);
    if (s3_init(&site->s3, &site->s3_server.http, &site->s3_config) ||
        gateway_init(&site->gateway, &site->config, &ports)) {
        abort();
    }
}

void site_init(struct site *site)
{
    memset(site, 0, sizeof *site);
    ram_store_init(&site->store);
    test_key_make(&site->release_key, 1);
    test_key_make(&site->channel_key, 2);
    test_key_make(&site->other_key, 3);
    test_key_make(&site->next_key, 4);
    struct test_spec spec = test_spec(&site->release_key, &site->channel_key, 0x01000000, 1);
    test_release_make(&spec, &site->factory);
    const struct test_loader_spec loader = {.key = &site->release_key, .version = 0x01000000};
    test_loader_make(&loader, &site->loader);
    target_fake_init(&site->target, site->release_key.point);
    site->target.config.keys[IMAGE_KEY_NEXT] = site->next_key.point;
    target_fake_loader(&site->target, site->loader.image, site->loader.n_image);
    target_fake_factory(&site->target, site->factory.image[0], site->factory.n_image[0]);
    s3_fake_init(&site->s3_server);
    site->s3_config =
        (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    site->config = (struct gateway_config){
        .keys = {.channel = {site->channel_key.point, NULL},
                 .release = {site->release_key.point, site->next_key.point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "site"},
        .poll_ms = 30000,
        .backoff_min_ms = 5000,
        .backoff_max_ms = 60000,
        .denied_min_ms = 60000,
        .retry_min_ms = 200,
        .range_bytes = 8192,
        .seed = 7};
    start_gateway(site);
}

void site_give_stage(struct site *site)
{
    stage_fake_init(&site->stage, site->stage_memory, TEST_IMAGE_MAX_BYTES);
    site->has_stage = true;
    start_gateway(site);
}

void site_restart_gateway(struct site *site)
{
    start_gateway(site);
}

void site_publish_channel(struct site *site, const struct test_release *release)
{
    s3_fake_put(&site->s3_server, "v1/channels/demo/f407-disco/stable.fc", release->channel,
                release->n_channel);
}

void site_publish(struct site *site, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&site->s3_server, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    site_publish_channel(site, release);
}

void site_publish_loader(struct site *site, const struct test_loader *loader)
{
    s3_fake_put(&site->s3_server, loader->blob, loader->image, loader->n_image);
    s3_fake_put(&site->s3_server, loader->object, loader->statement, loader->n_statement);
}

const struct gateway_event *site_last(const struct site *site, enum gateway_event_kind kind)
{
    for (size_t i = site->n_events; i > 0; i--) {
        if (site->event[i - 1].kind == kind) {
            return &site->event[i - 1];
        }
    }
    return NULL;
}

size_t site_count(const struct site *site, enum gateway_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < site->n_events; i++) {
        n += site->event[i].kind == kind;
    }
    return n;
}

static void step(struct site *site, uint64_t until_ms)
{
    uint32_t wait_ms = 0;
    enum fota_err err = gateway_step(&site->gateway, &wait_ms);
    if (err) {
        fprintf(stderr, "site: gateway_step in %s: %s\n", gateway_state_name(site->gateway.state),
                fota_err_name(err));
        abort();
    }
    if (site->between) {
        site->between(site->also_ctx);
    }
    uint64_t left_ms = until_ms - clock_now_ms(&site->target.clock);
    target_fake_run_ms(&site->target, wait_ms < left_ms ? wait_ms : (uint32_t)left_ms);
}

const struct gateway_event *site_run_until(struct site *site, enum gateway_event_kind kind, uint32_t max_ms)
{
    uint64_t until_ms = clock_now_ms(&site->target.clock) + max_ms;
    size_t before = site_count(site, kind);
    while (site_count(site, kind) == before) {
        if (clock_now_ms(&site->target.clock) >= until_ms) {
            return NULL;
        }
        step(site, until_ms);
    }
    return site_last(site, kind);
}

void site_run_ms(struct site *site, uint32_t ms)
{
    uint64_t until_ms = clock_now_ms(&site->target.clock) + ms;
    while (clock_now_ms(&site->target.clock) < until_ms) {
        step(site, until_ms);
    }
}
