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

/** Tell the observer; `state` is filled in. */
void gateway_emit(struct gateway *g, const struct gateway_event *event);

/** The same, of something that concerns no file: no version, no slot. */
void gateway_tell(struct gateway *g, enum gateway_event_kind kind, enum fota_err reason, uint32_t done);

/** The same, of the file that is being installed: with its version and slot. */
void gateway_tell_file(struct gateway *g, enum gateway_event_kind kind, enum fota_err reason, uint32_t done,
                       uint32_t total);

/** The next step comes after `ms`. */
void gateway_pause(struct gateway *g, uint32_t ms);

/** The next poll is a quiet one: interval with jitter; failures are forgotten. */
void gateway_pause_quiet(struct gateway *g);

/**
 * A failure of link or target: back off from `min_ms` and say so.
 * @return GATEWAY_ON_FAILED
 */
enum gateway_input gateway_fail(struct gateway *g, enum fota_err reason, uint32_t min_ms);

/** The same for a request that failed: longer if the reply's Retry-After is, and with its status. */
enum gateway_input gateway_fail_request(struct gateway *g, enum fota_err reason, uint32_t min_ms);

/**
 * A link that fails inside an install: a short pause, or after too many in a row one attempt more and
 * gateway_fail.
 * @return GATEWAY_ON_MORE · GATEWAY_ON_FAILED
 */
enum gateway_input gateway_try_again(struct gateway *g, enum fota_err reason);

/**
 * A request that failed inside a download: a short pause, or after too many in a row without a byte
 * gateway_fail_request. The network costs no attempt.
 * @return GATEWAY_ON_MORE · GATEWAY_ON_FAILED
 */
enum gateway_input gateway_request_again(struct gateway *g, enum fota_err reason);

/** What came is not what was signed: tell what differs. Nothing is held against the release. */
void gateway_tell_damage(struct gateway *g, enum fota_err reason, uint32_t got_bytes, uint32_t total_bytes);

/**
 * The same, and back off.
 * @param got_bytes    that came
 * @param total_bytes  of the statement, 0 unknown
 * @return GATEWAY_ON_FAILED
 */
enum gateway_input gateway_damaged(struct gateway *g, enum fota_err reason, uint32_t got_bytes,
                                   uint32_t total_bytes);

/** GET of the file from `off` on. `n_bytes` of it; a server that ignores ranges sends all of it. */
FOTA_MUST_CHECK
enum fota_err gateway_get_image(struct gateway *g, uint32_t off, uint32_t n_bytes,
                                const struct s3_taker *taker);

/**
 * What a failed GET of the file means.
 * @return GATEWAY_ON_MORE · GATEWAY_ON_MOVED · GATEWAY_ON_FAILED
 */
enum gateway_input gateway_get_failed(struct gateway *g, enum fota_err err);

/**
 * Bytes that a taker has already: a server that ignores ranges begins at 0.
 * @param wanted_off  the next byte that is wanted
 * @return how many of `n_bytes` at `off` to pass over
 */
size_t gateway_skip(uint64_t off, size_t n_bytes, uint32_t wanted_off);

/** Has the request that is under way taken too long? The transport should have ended it. */
bool gateway_is_late(const struct gateway *g);

/** The check of the file begins anew, at its first byte or with what is staged. */
void gateway_forget_check(struct gateway *g);

/** Staging store for this file; NULL: none. */
struct stage *gateway_stage(const struct gateway *g);

/** Look for the file on the shelves: sets is_staged, shelf, n_staged_bytes, and the ETag that goes with it. */
void gateway_stage_find(struct gateway *g);

/** The next bytes of the file for INCOMING; a store that fails is left out from now on. */
void gateway_stage_append(struct gateway *g, uint32_t off, const uint8_t *bytes, size_t n_bytes);

/** What is staged is damaged: away with it. */
void gateway_stage_drop(struct gateway *g);

/** The trial was confirmed: its image goes on the shelf of its slot. */
void gateway_stage_keep(struct gateway *g);

/** Is the channel stale, and whose clock says so? Tells both when they change. */
void gateway_watch(struct gateway *g);

/** The release, or the loader that is being installed, is wrong and will stay wrong: remember it.
 *  @return GATEWAY_ON_REFUSED */
enum gateway_input gateway_refuse(struct gateway *g, enum fota_err reason);

/** True for reasons that no repetition cures: what a statement is, what the target's keys, hardware and floor
 * say of an image, what it rejected, and what its sector 1 or its application cannot do. */
bool gateway_is_final(enum fota_err reason);

/** Save the record; a failure is told and does not stop the update. */
void gateway_save(struct gateway *g);

/**
 * Time for expiry and rollout, 0 unknown: the latest of this machine's clock, the `issued=` of the newest
 * verified statement with what passed since, and the build. A statement does not move it further than a year
 * beyond a clock that can be right.
 */
uint64_t gateway_now_s(struct gateway *g);

/** This machine's clock if it can be right, i.e. is not before the build; else 0. */
uint64_t gateway_clock_s(struct gateway *g);

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

/** Where the image goes that is being installed; sector 1 for SLOT_LOADER. */
const struct board_area *gateway_place(const struct gateway *g);

/** Did the file go out from its first byte to its last in this session, so that its digest is known? */
bool gateway_is_stream_whole(const struct gateway *g);

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
