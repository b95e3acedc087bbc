/**
 * One board and the steps of its life, for the tests of lib/update: boot, begin, stream, install. Each step
 * fails the test if it does not do what its name says.
 */
#ifndef UPDATE_STEPS_H
#define UPDATE_STEPS_H

#include "boot_fixture.h"

enum { V1 = 0x01000000, V2 = 0x02000000, V3 = 0x03000000 };

extern struct fixture fix;
extern struct update u;
extern struct slots_decision decision;
extern struct image_result images[2];
extern struct fixture_release v1; /* counter 1, active key */
extern struct fixture_release v2; /* counter 2, active key, into the third sector */
extern struct fixture_release v3; /* counter 2, next key */

/** What the next boot is told; a software reset that says nothing after each boot. */
extern struct update_reset next_reset;
extern enum boot_request next_request;

struct fixture_release release_of(uint32_t version, uint32_t counter, uint32_t key, uint32_t payload_bytes);

/** Power up on new RAM and choose, as next_reset and next_request say. */
void boot(void);

/** boot(), and it starts this slot. */
void boots(enum slot slot, bool is_trial);

/** boot() after a run of an image that is not confirmed failed. */
void boot_after_failed_run(void);

/** boot() into the loader, asked for. */
void boot_into_loader(void);

/** setup of a test: 1.0.0 confirmed in A. */
int set_up(void **state);

enum fota_err begin(const struct fixture_release *release, struct update_target *target);

/** Erase and program from `from_off` to `to_off` of the image, as an agent does. */
void stream(const struct fixture_release *release, const struct update_target *target, uint32_t from_off,
            uint32_t to_off);

/** begin, stream, finish. */
void receive(const struct fixture_release *release);

/** receive, activate. */
void install(const struct fixture_release *release);

/** install, boot, confirm. */
void confirm_release(const struct fixture_release *release, enum slot slot);

/** install into `slot`, three failed runs: rejected, and `fallback` runs. */
void reject_release(const struct fixture_release *release, enum slot slot, enum slot fallback);

/** Erases of all sectors since the factory. */
uint32_t n_erases(void);

/** Write the record of now again until `n_left` records can be appended. */
void fill_journal(uint32_t n_left);

void lose_journals(void);

#endif
