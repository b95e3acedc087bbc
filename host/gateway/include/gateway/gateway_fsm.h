/**
 * The gateway's states as one constant table: (state, event) -> next state, and what to do in a state. Pure.
 *
 *   BOOT -> WAIT -> POLL -> VERIFY -> DECIDE -> CHECK -> FETCH -> HANDOVER -> ACTIVATE -> TRIAL
 *        -> CONFIRMED | ROLLED_BACK -> REPORT -> WAIT
 *   a loader for sector 1:  DECIDE -> LOADER -> CHECK -> FETCH -> HANDOVER -> DECIDE
 *
 * Only the driver (gateway.h) does I/O; it carries out the state's action and feeds back one event. A pair
 * that the table does not allow is E_STATE, never ignored.
 */
#ifndef GATEWAY_GATEWAY_FSM_H
#define GATEWAY_GATEWAY_FSM_H

#include "base/err.h"

/* clang-format off */
/** State, and what its action is. */
#define GATEWAY_STATE_LIST(X)                                                             \
    X(BOOT,        "load the record, look at the target")                                 \
    X(WAIT,        "let time pass until the next poll")                                   \
    X(POLL,        "GET the channel object with If-None-Match")                           \
    X(VERIFY,      "signatures, product, sequence, digest of the release")                \
    X(DECIDE,      "compare with what the target runs and remembers; keep the ETag")      \
    X(LOADER,      "GET and verify the loader statement that the channel names")          \
    X(CHECK,       "get the image and look at it before anything is erased")              \
    X(FETCH,       "stream from what the target has in flash to the end")                 \
    X(HANDOVER,    "the target verifies its flash")                                       \
    X(ACTIVATE,    "wait until the target may restart; it starts the trial")              \
    X(TRIAL,       "follow the trial by INFO")                                            \
    X(CONFIRMED,   "keep: done")                                                          \
    X(ROLLED_BACK, "keep: do not offer this image again")                                 \
    X(REPORT,      "say how it ended")

/** Event, and what it says. */
#define GATEWAY_EVENT_LIST(X)                                                             \
    X(READY,       "no update under way")                                                 \
    X(IN_TRIAL,    "the target is in a trial")                                            \
    X(TIMER,       "it is time")                                                          \
    X(CHANGED,     "200: the object is new")                                              \
    X(QUIET,       "304: nothing new")                                                    \
    X(ACCEPTED,    "it is right")                                                         \
    X(REFUSED,     "it is wrong and will stay wrong")                                     \
    X(OFFER,       "this release is for this target")                                     \
    X(LOADER,      "a loader is to be installed now")                                     \
    X(NOTHING,     "nothing to install now")                                              \
    X(MORE,        "not done yet")                                                        \
    X(DONE,        "done")                                                                \
    X(MOVED,       "412: the object was put again under the download")                    \
    X(FAILED,      "no result: network, link or target; try later")                       \
    X(CONFIRM,     "the target confirmed the image")                                      \
    X(ROLLBACK,    "the target runs the old image again")
/* clang-format on */

enum gateway_state {
#define GATEWAY_STATE_ENUM(name, text) GATEWAY_##name,
    GATEWAY_STATE_LIST(GATEWAY_STATE_ENUM)
#undef GATEWAY_STATE_ENUM
        GATEWAY_STATES
};

enum gateway_input {
#define GATEWAY_EVENT_ENUM(name, text) GATEWAY_ON_##name,
    GATEWAY_EVENT_LIST(GATEWAY_EVENT_ENUM)
#undef GATEWAY_EVENT_ENUM
        GATEWAY_INPUTS
};

/**
 * @param next  state to enter; unchanged on failure
 * @return FOTA_OK · E_STATE (the table does not allow `input` in `state`) · E_ARG (out of range)
 */
FOTA_MUST_CHECK
enum fota_err gateway_fsm_next(enum gateway_state state, enum gateway_input input, enum gateway_state *next);

/** "POLL"; "?" out of range. Never NULL. */
const char *gateway_state_name(enum gateway_state state);
/** What is done in the state, in English; "?" out of range. Never NULL. */
const char *gateway_state_text(enum gateway_state state);
/** "CHANGED"; "?" out of range. Never NULL. */
const char *gateway_input_name(enum gateway_input input);

#endif
