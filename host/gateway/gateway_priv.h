/**
 * Private to host/gateway: the actions of the states, and what they share. Every action returns the event it
 * came to.
 */
#ifndef GATEWAY_PRIV_H
#define GATEWAY_PRIV_H

#include "gateway/gateway.h"

enum gateway_input gateway_do_boot(struct gateway *g);
enum gateway_input gateway_do_wait(struct gateway *g);
enum gateway_input gateway_do_poll(struct gateway *g);
enum gateway_input gateway_do_verify(struct gateway *g);
enum gateway_input gateway_do_decide(struct gateway *g);
enum gateway_input gateway_do_loader(struct gateway *g);
enum gateway_input gateway_do_check(struct gateway *g);
enum gateway_input gateway_do_fetch(struct gateway *g);
enum gateway_input gateway_do_handover(struct gateway *g);
enum gateway_input gateway_do_activate(struct gateway *g);
enum gateway_input gateway_do_trial(struct gateway *g);
enum gateway_input gateway_do_confirmed(struct gateway *g);
enum gateway_input gateway_do_rolled_back(struct gateway *g);
enum gateway_input gateway_do_report(struct gateway *g);

/** Tell the observer; `event->state` is filled in. */
void gateway_emit(struct gateway *g, struct gateway_event event);

/** The next step comes after `ms`. */
void gateway_pause(struct gateway *g, uint32_t ms);

/** The next poll is a quiet one: interval with jitter; failures are forgotten. */
void gateway_pause_quiet(struct gateway *g);

/**
 * A failure of network, link or target: back off from `min_ms` and say so.
 * @return GATEWAY_ON_FAILED
 */
enum gateway_input gateway_fail(struct gateway *g, enum fota_err reason, uint32_t min_ms);

/** A failure inside a download or a handover: a short pause, or after too many in a row gateway_fail.
 *  @return GATEWAY_ON_MORE · GATEWAY_ON_FAILED */
enum gateway_input gateway_try_again(struct gateway *g, enum fota_err reason);

/** The release, or the loader that is being installed, is wrong and will stay wrong: remember it.
 *  @return GATEWAY_ON_REFUSED */
enum gateway_input gateway_refuse(struct gateway *g, enum fota_err reason);

/** True for reasons that no repetition cures: what image and statement are, what the target rejected, and
 * what its sector 1 or its application cannot do. */
bool gateway_is_final(enum fota_err reason);

/** Save the record; a failure is told and does not stop the update. */
void gateway_save(struct gateway *g);

/** Later of the clock, the newest verified statement and the build; 0 unknown. */
uint64_t gateway_now_s(struct gateway *g);

/**
 * Read `record.channel` into `offer` if it is not there yet.
 * @return FOTA_OK · E_NOT_FOUND · as gateway_offer_read
 */
FOTA_MUST_CHECK
enum fota_err gateway_load_offer(struct gateway *g);

/**
 * Ask the target.
 * @return FOTA_OK · E_LINK_NO_VENDOR · transport errors
 */
FOTA_MUST_CHECK
enum fota_err gateway_ask_target(struct gateway *g);

/**
 * The target is silent (`err`): try the loader, by a reset and then by a boot request left through ST's ROM.
 * Asked only before a decision, at once for a new channel object, else once an hour, once a day if there was
 * nothing to install; never during a trial.
 * @return FOTA_OK (as gateway_ask_target) · `err` (not now) · the last rung's reason
 */
FOTA_MUST_CHECK
enum fota_err gateway_climb(struct gateway *g, enum fota_err err);

/** The climb led to nothing to install. */
void gateway_climbed_in_vain(struct gateway *g);

/** Let a target go that a climb left in its loader: a reset starts what it has. */
void gateway_release(struct gateway *g);

/** What a decision is made of. */
struct gateway_facts gateway_facts(struct gateway *g);

/** One more install was begun in vain, of the release or of the loader. */
void gateway_count_attempt(struct gateway *g);

/** Choose a file to install: what was checked of another one is forgotten. */
void gateway_turn_to(struct gateway *g, enum slot slot);

/** Memory for the loader that the channel names now, with the operator's newest `retry`. */
struct gateway_loader_memory *gateway_remembered_loader(struct gateway *g);

/** The channel's loader does not get in: tell it once for each channel object and reason. */
void gateway_leave_loader(struct gateway *g, enum fota_err reason, uint32_t version);

/** The loader that is being installed is wrong, or the target cannot take it: remember it, and tell.
 *  @return GATEWAY_ON_REFUSED */
enum gateway_input gateway_refuse_loader(struct gateway *g, enum fota_err reason);

/** The target verified and wrote the loader: close the session, and take up again what waited for it.
 *  @return GATEWAY_ON_DONE */
enum gateway_input gateway_end_loader(struct gateway *g);

/** Version of what is being installed. */
uint32_t gateway_version(const struct gateway *g);

/** Image of the offer for the chosen slot, or of the loader. */
const struct release_image *gateway_slot_image(const struct gateway *g);

/** Name of the offered image in the store, NUL-terminated. */
void gateway_blob_key(const struct gateway *g, char key[RELEASE_BLOB_MAX_BYTES + 1]);

#endif
