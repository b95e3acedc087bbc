#include "gateway/gateway_fsm.h"

#include <assert.h>
#include <stdint.h>

/* One line per state, one column per event; `____` is illegal. A missing column does not compile: ROW takes
 * exactly as many values as there are events. */
/* clang-format off */
#define TABLE(ROW)                                                                                                                                                            \
/*            state        READY  IN_TRIAL  TIMER  CHANGED  QUIET   ACCEPTED  REFUSED  OFFER  LOADER  NOTHING  MORE      DONE      MOVED  FAILED  CONFIRM    ROLLBACK     */  \
    ROW(BOOT,        WAIT,  TRIAL,    ____,  ____,    ____,   ____,     ____,    ____,  ____,   ____,    ____,     ____,     ____,  WAIT,   ____,      ____)                  \
    ROW(WAIT,        ____,  ____,     POLL,  ____,    ____,   ____,     ____,    ____,  ____,   ____,    ____,     ____,     ____,  ____,   ____,      ____)                  \
    ROW(POLL,        ____,  ____,     ____,  VERIFY,  DECIDE, ____,     ____,    ____,  ____,   ____,    ____,     ____,     ____,  WAIT,   ____,      ____)                  \
    ROW(VERIFY,      ____,  ____,     ____,  ____,    ____,   DECIDE,   REPORT,  ____,  ____,   ____,    ____,     ____,     ____,  WAIT,   ____,      ____)                  \
    ROW(DECIDE,      ____,  TRIAL,    ____,  ____,    ____,   ____,     ____,    CHECK, LOADER, WAIT,    ____,     ____,     ____,  WAIT,   ____,      ____)                  \
    ROW(LOADER,      ____,  ____,     ____,  ____,    ____,   CHECK,    REPORT,  ____,  ____,   WAIT,    ____,     ____,     ____,  WAIT,   ____,      ____)                  \
    ROW(CHECK,       ____,  ____,     ____,  ____,    ____,   FETCH,    REPORT,  ____,  ____,   ____,    CHECK,    ____,     POLL,  WAIT,   ____,      ____)                  \
    ROW(FETCH,       ____,  ____,     ____,  ____,    ____,   ____,     REPORT,  ____,  ____,   ____,    FETCH,    HANDOVER, POLL,  WAIT,   ____,      ____)                  \
    ROW(HANDOVER,    ____,  ____,     ____,  ____,    ____,   ACTIVATE, REPORT,  ____,  LOADER, ____,    ____,     DECIDE,   ____,  WAIT,   ____,      ____)                  \
    ROW(ACTIVATE,    ____,  ____,     ____,  ____,    ____,   ____,     REPORT,  ____,  ____,   WAIT,    ACTIVATE, TRIAL,    ____,  WAIT,   ____,      ____)                  \
    ROW(TRIAL,       ____,  ____,     ____,  ____,    ____,   ____,     ____,    ____,  ____,   WAIT,    TRIAL,    ____,     ____,  WAIT,   CONFIRMED, ROLLED_BACK)           \
    ROW(CONFIRMED,   ____,  ____,     ____,  ____,    ____,   ____,     ____,    ____,  ____,   ____,    ____,     REPORT,   ____,  ____,   ____,      ____)                  \
    ROW(ROLLED_BACK, ____,  ____,     ____,  ____,    ____,   ____,     ____,    ____,  ____,   ____,    ____,     REPORT,   ____,  ____,   ____,      ____)                  \
    ROW(REPORT,      ____,  ____,     ____,  ____,    ____,   ____,     ____,    ____,  ____,   ____,    ____,     WAIT,     ____,  ____,   ____,      ____)
/* clang-format on */

enum { GATEWAY_____ = 0xFF };

struct row {
    uint8_t next[GATEWAY_INPUTS];
};

#define ROW(s, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                               \
    [GATEWAY_##s] = {{GATEWAY_##a, GATEWAY_##b, GATEWAY_##c, GATEWAY_##d, GATEWAY_##e, GATEWAY_##f,          \
                      GATEWAY_##g, GATEWAY_##h, GATEWAY_##i, GATEWAY_##j, GATEWAY_##k, GATEWAY_##l,          \
                      GATEWAY_##m, GATEWAY_##n, GATEWAY_##o, GATEWAY_##p}},
static const struct row table[] = {TABLE(ROW)};
#undef ROW
#define ROW(...) 1,
enum { ROWS = sizeof((const char[]){TABLE(ROW)}) };
#undef ROW

static_assert(GATEWAY_INPUTS == 16, "ROW takes one value per event");
static_assert((unsigned)ROWS == (unsigned)GATEWAY_STATES,
              "one row per state; two for one are refused by -Woverride-init");

enum fota_err gateway_fsm_next(enum gateway_state state, enum gateway_input input, enum gateway_state *next)
{
    if ((unsigned)state >= GATEWAY_STATES || (unsigned)input >= GATEWAY_INPUTS) {
        return E_ARG;
    }
    uint8_t to = table[state].next[input];
    if (to == GATEWAY_____) {
        return E_STATE;
    }
    *next = (enum gateway_state)to;
    return FOTA_OK;
}

static const char *const state_names[] = {
#define NAME(name, text) #name,
    GATEWAY_STATE_LIST(NAME)};

static const char *const input_names[] = {GATEWAY_EVENT_LIST(NAME)
#undef NAME
};

static const char *const state_texts[] = {
#define TEXT(name, text) text,
    GATEWAY_STATE_LIST(TEXT)
#undef TEXT
};

const char *gateway_state_name(enum gateway_state state)
{
    return (unsigned)state < GATEWAY_STATES ? state_names[state] : "?";
}

const char *gateway_state_text(enum gateway_state state)
{
    return (unsigned)state < GATEWAY_STATES ? state_texts[state] : "?";
}

const char *gateway_input_name(enum gateway_input input)
{
    return (unsigned)input < GATEWAY_INPUTS ? input_names[input] : "?";
}
