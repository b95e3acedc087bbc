/**
 * The set-up of the demo: a board (the twin) wired to a gateway that polls an S3 server. Real parts
 * everywhere, in one process, in the twin's virtual time.
 */
#ifndef DEMO_RIG_H
#define DEMO_RIG_H

#include "base/board_layout.h"
#include "gateway/gateway.h"
#include "port_twin/twin_clock.h"
#include "port_twin/twin_link.h"
#include "posix/http_curl.h"
#include "posix/store_file.h"
#include "release/key.h"
#include "twin/twin.h"

/** Where things are; strings outlive the rig. */
struct rig_config {
    const struct board_layout *board;
    const char *bootloader_elf;
    const char *loader_image;  /* signed, for sector 1 */
    const char *factory_image; /* signed image for slot A, written by the factory programmer */
    const char *keys_dir;
    const char *state_path; /* the gateway's record */
    struct s3_config s3;
    struct gateway_identity identity;
    uint32_t poll_ms;
    uint64_t utc_s; /* date at virtual time 0 */
    struct gateway_observer observer;
};

struct rig {
    struct twin *twin;
    struct twin_link link;
    struct twin_clock clock;
    struct store_file store;
    struct http_curl *http;
    struct s3 s3;
    struct s3_config s3_config;
    struct link_client client;
    struct key image_key, next_key, release_key, channel_key;
    struct gateway gateway;
    uint32_t wait_ms;
};

/**
 * Build everything; the board is programmed and still without power.
 * @param why  a sentence on failure
 * @return false on failure: a file, a key, or an argument
 */
bool rig_open(struct rig *rig, const struct rig_config *config, char *why, size_t why_bytes);

/**
 * Let the board run alone.
 * @return false if it stopped for another reason than time
 */
bool rig_run_ms(struct rig *rig, uint32_t ms);

/**
 * One step of the gateway, and the time it asks for.
 * @return false: the board stopped, or a fault of the gateway
 */
bool rig_step(struct rig *rig);

void rig_close(struct rig *rig);

#endif
