/**
 * The one list of what a host can ask for. The enum of opcodes, their names, the sizes that the slave checks,
 * Get's list, the dispatch in link_session.c and the tables of docs/spec/link.md come from these rows.
 *
 * To add an operation: one row here, its handler in link_session.c, one row in docs/spec/link.md. A row
 * without a handler, a handler without a row, an unknown kind of reply and an opcode that stands twice do not
 * compile (tests/unit/link/planted_rows.sh); the page is compared by
 * `the_commands_of_the_spec_are_the_source_s`.
 */
#ifndef LINK_LINK_OPS_H
#define LINK_LINK_OPS_H

/* clang-format off */

/**
 * Commands of AN4286, in the order in which Get lists them: X(id, opcode, name, first stage, at, n, handler).
 * The first stage is an enum link_step without its prefix; `at` and `n` are what an ANSWER sends (link_slave.c);
 * the handler does the work that is left after the last stage.
 */
#define LINK_COMMANDS(X)                                                                             \
    X(GET,               0x00, "Get",               ANSWER,      0,          GET_BYTES, no_work)     \
    X(GET_VERSION,       0x01, "Get Version",       ANSWER,      VERSION_AT, 1,         no_work)     \
    X(GET_ID,            0x02, "Get ID",            ANSWER,      GET_BYTES,  ID_BYTES,  no_work)     \
    X(READ,              0x11, "Read Memory",       ADDRESS,     0,          0,         do_read)     \
    X(GO,                0x21, "Go",                ADDRESS,     0,          0,         do_go)       \
    X(WRITE,             0x31, "Write Memory",      ADDRESS,     0,          0,         do_write)    \
    X(ERASE,             0x44, "Extended Erase",    ERASE_COUNT, 0,          0,         do_erase)    \
    X(WRITE_PROTECT,     0x63, "Write Protect",     NEVER,       0,          0,         no_work)     \
    X(WRITE_UNPROTECT,   0x73, "Write Unprotect",   NEVER,       0,          0,         no_work)     \
    X(READOUT_PROTECT,   0x82, "Readout Protect",   NEVER,       0,          0,         no_work)     \
    X(READOUT_UNPROTECT, 0x92, "Readout Unprotect", NEVER,       0,          0,         no_work)

/**
 * Vendor requests: X(id, opcode, name, least, most, reply, when, body, handler). `least` and `most` are the bytes of a
 * request's body, `body` what stands in it; the reply is one of LINK_REPLIES, `when` one of LINK_WHENS.
 */
#define LINK_REQUESTS(X)                                                                                                  \
    X(INFO,     0xC0, "INFO",     0, 0,                        INFO,     ALWAYS,           "–",                                do_info)     \
    X(BEGIN,    0xC1, "BEGIN",    1, LINK_STATEMENT_MAX_BYTES, SESSION,  ALWAYS,           "release or loader statement",      do_begin)    \
    X(BLOCK,    0xC2, "BLOCK",    9, LINK_REQUEST_MAX_BYTES,   PROGRESS, IN_SESSION,       "session[4] off[4] data[1..4096]",  do_block)    \
    X(HASH,     0xC3, "HASH",     8, 8,                        HASH,     ALWAYS,           "off[4] n[4]",                      do_hash)     \
    X(FINISH,   0xC4, "FINISH",   4, 4,                        PROGRESS, IN_SESSION,       "session[4]",                       do_finish)   \
    X(ACTIVATE, 0xC5, "ACTIVATE", 4, 4,                        PROGRESS, IN_SESSION,       "session[4]",                       do_activate) \
    X(ABORT,    0xC6, "ABORT",    4, 4,                        PROGRESS, SESSION_OR_AFTER, "session[4]",                       do_abort)    \
    X(RETRY,    0xC7, "RETRY",    4, 4,                        PROGRESS, ALWAYS,           "number[4]",                        do_retry)

/** Bodies of replies: X(id, bytes, name). */
#define LINK_REPLIES(X)                                   \
    X(INFO,     LINK_INFO_BLOCK_BYTES,     "info block")  \
    X(SESSION,  LINK_SESSION_BLOCK_BYTES,  "session block")  \
    X(PROGRESS, LINK_PROGRESS_BLOCK_BYTES, "progress block") \
    X(HASH,     LINK_HASH_BLOCK_BYTES,         "SHA-256")

/** States of the session in which a request is allowed: X(id, text). If it is not ALWAYS, its body starts with the
 * session's id. */
#define LINK_WHENS(X)                                                         \
    X(ALWAYS,           "always")                                             \
    X(IN_SESSION,       "in its session")                                     \
    X(SESSION_OR_AFTER, "in its session, or when none is open: does nothing")

/* clang-format on */

#endif
