/** An ESP32 with a program of its own on it (the ESP-IDF example, a sketch), a fake board on its wires, and a store. The program
 * owns the gateway: a test sees log lines, the board, and what the stand-ins count. */
#ifndef ESP32_DESK_H
#define ESP32_DESK_H

#include "local_s3.h"
#include "release_maker.h"
#include "rig.h"
#include "target_fake.h"

enum { DESK_VERSION_1 = 1 << 24, DESK_VERSION_2 = 2 << 24 };

struct desk {
    struct local_s3 s3;
    char image_pem[RIG_PEM_BYTES], channel_pem[RIG_PEM_BYTES];
    struct test_key image_key, channel_key;
    struct test_release factory, update;
    struct test_loader loader;
    struct target_fake target;
};

/** Start the store; 2.0.0 is in the channel "stable" of product "demo" in the bucket "releases". */
void desk_set_up(struct desk *desk);
void desk_tear_down(struct desk *desk);

/** A board that runs 1.0.0, and a factory-fresh ESP32 with the default pins, no NVS yet, no clock, a time server, Wi-Fi "home". */
void desk_plug_in(struct desk *desk);

/** The chip starts another application of its own, on trial, as after an update of itself: call it in the place of a reset. */
void desk_start_trial(void);
bool desk_is_on_trial(void);

/** Let time pass until a log line has these words; fails the test after `max_s` of virtual time. */
void desk_await(const char *words, uint32_t max_s);

/** The board runs 2.0.0 out of slot B and it is confirmed; else the test fails. */
void desk_check_updated(const struct desk *desk);

/** What holds of every run: no wrong use of the API, and no watchdog. */
void desk_check_manners(void);

#endif
