#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_US = 50000, STOP_US = 10000000, TRIPLE = 3 };

void rig_pem(const uint8_t point[CRYPTO_POINT_BYTES], char out[RIG_PEM_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    /* RFC 5480: ecPublicKey on prime256v1 */
    uint8_t der[93] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                       0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
    memcpy(der + 26, point, CRYPTO_POINT_BYTES); /* 91 bytes: the last group has one, and padding */
    size_t n = (size_t)snprintf(out, RIG_PEM_BYTES, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t i = 0; i < sizeof der; i += TRIPLE) {
        const uint32_t bits = (uint32_t)der[i] << 16 | (uint32_t)der[i + 1] << 8 | der[i + 2];
        out[n++] = digits[bits >> 18];
        out[n++] = digits[bits >> 12 & 63U];
        out[n++] = i + 1 < 91 ? digits[bits >> 6 & 63U] : '=';
        out[n++] = i + 2 < 91 ? digits[bits & 63U] : '=';
        if (i == 45) {
            out[n++] = '\n';
        }
    }
    (void)snprintf(out + n, RIG_PEM_BYTES - n, "\n-----END PUBLIC KEY-----\n");
}

static void on_event(void *ctx, const struct fota_gateway_event *event)
{
    struct rig *rig = ctx;
    if (stand_in_is_dead()) {
        return; /* nobody hears what a chip without power says */
    }
    if (event->kind >= 0 && event->kind < RIG_KINDS) {
        rig->heard_us[event->kind] = stand_in_now_us();
        rig->n_heard[event->kind]++;
        rig->last_reason[event->kind] = event->reason;
    }
}

void rig_set_up(struct rig *rig, const char *const *rules)
{
    local_s3_start(&rig->s3, rules);
    rig_pem(rig->image_key.point, rig->image_pem);
    rig_pem(rig->channel_key.point, rig->channel_pem);
    fota_gateway_config_default(&rig->config);
    rig->config.endpoint = rig->s3.url;
    rig->config.region = "test-1";
    rig->config.bucket = "releases";
    rig->config.is_path_style = true;
    rig->config.product = "demo";
    rig->config.hw = "f407-disco";
    rig->config.image_key = rig->image_pem;
    rig->config.channel_key = rig->channel_pem;
    rig->config.poll_s = 30;
    rig->config.is_watched = true;
    rig->config.on_event = on_event;
    rig->config.ctx = rig;
}

void rig_tear_down(struct rig *rig)
{
    local_s3_stop(&rig->s3);
}

void rig_publish(const struct rig *rig, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        local_s3_put(&rig->s3, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    local_s3_put(&rig->s3, "v1/channels/demo/f407-disco/stable.fc", release->channel, release->n_channel);
}

void rig_start(struct rig *rig)
{
    memset(&rig->gateway, 0xA5, sizeof rig->gateway); /* RAM after a power loss */
    if (fota_gateway_open(&rig->gateway, &rig->config) != 0 ||
        fota_gateway_start(&rig->gateway, &rig->task) != 0) {
        (void)fprintf(stderr, "rig: the gateway does not start\n");
        exit(1);
    }
}

bool rig_wait(struct rig *rig, enum fota_gateway_event_kind kind, uint32_t max_s)
{
    const unsigned before = rig->n_heard[kind];
    const uint64_t until_us = stand_in_now_us() + (uint64_t)max_s * 1000000U;
    while (rig->n_heard[FOTA_GATEWAY_STATE] == 0 && stand_in_now_us() < until_us) {
        stand_in_wait_us(LOOK_US); /* it asks the target first */
    }
    fota_gateway_poll_now(&rig->gateway);
    while (rig->n_heard[kind] == before && stand_in_now_us() < until_us) {
        stand_in_wait_us(LOOK_US);
    }
    return rig->n_heard[kind] > before;
}

void rig_stop(struct rig *rig)
{
    fota_gateway_stop(&rig->gateway);
    stand_in_wait_us(STOP_US);
}
