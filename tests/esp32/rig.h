/** An ESP32 with the gateway on it, a board on its wires, and a store: what the stories of the port need. */
#ifndef ESP32_RIG_H
#define ESP32_RIG_H

#include "fota_gateway/fota_gateway.h"
#include "local_s3.h"
#include "release_maker.h"
#include "stand_in.h"

enum { RIG_KINDS = 40, RIG_PEM_BYTES = 256 };

struct rig {
    struct local_s3 s3;
    struct test_key image_key, channel_key;
    char image_pem[RIG_PEM_BYTES], channel_pem[RIG_PEM_BYTES];
    struct fota_gateway_config config;
    struct fota_gateway gateway;
    struct fota_gateway_task task;
    unsigned n_heard[RIG_KINDS]; /* events by kind */
    int last_reason[RIG_KINDS];
    uint64_t heard_us[RIG_KINDS]; /* when the last one came */
};

/** PEM text of a public key. */
void rig_pem(const uint8_t point[CRYPTO_POINT_BYTES], char out[RIG_PEM_BYTES]);

/** Start the store; keys as they are in the rig. A configuration that fits `s3` and the stand-ins. */
void rig_set_up(struct rig *rig, const char *const *rules);
void rig_tear_down(struct rig *rig);

/** Put a release into the store and into the channel. */
void rig_publish(const struct rig *rig, const struct test_release *release);

/** Open the gateway; its task runs from now on. Fails the test if it does not open. */
void rig_start(struct rig *rig);

/**
 * Let time pass until an event of this kind, more of them than before.
 * @return false: not within `max_s` of virtual time
 */
bool rig_wait(struct rig *rig, enum fota_gateway_event_kind kind, uint32_t max_s);

/** The task ends. */
void rig_stop(struct rig *rig);

#endif
