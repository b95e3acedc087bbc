/**
 * Who may ask the local page for what: one pure decision, made from a request's line and headers before anything is
 * done. The same on Linux and on an ESP32. docs/spec/page.md has the table of refusals.
 *
 * Rules, in this order:
 *   1. On loopback without a token the Host is a name of this machine (127.0.0.1, localhost, [::1]): a page of
 *      somebody else whose name was rebound to 127.0.0.1 says its own name there.
 *   2. Nothing but what is in the table exists; each has its method; no GET changes anything.
 *   3. The page's files are public. Everything else is same-origin only, by Sec-Fetch-Site and Origin.
 *   4. If there is a token, the request carries it (Authorization: Bearer). No cookie is set or read, so a browser adds
 *      no right by itself to a request that another page made.
 *   5. An action carries the header Fota-Page, which no form and no simple cross-origin request can carry, and says how
 *      long its body is.
 */
#ifndef PAGE_PAGE_GUARD_H
#define PAGE_PAGE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page/page_files.h"

enum { PAGE_TOKEN_MIN_CHARS = 16, PAGE_TOKEN_MAX_CHARS = 128 };

/** Header that every action carries; any value but the empty one. */
#define PAGE_ACTION_HEADER "Fota-Page"

/** What this server is. */
struct page_policy {
    bool is_loopback;      /* it listens on a loopback address only */
    const char *token;     /* NULL: none, which is allowed on loopback only */
    bool has_stream;       /* /api/stream is served here */
    uint32_t upload_bytes; /* of a bundle at most; 0: none is taken */
};

/** A request before its body. Texts are NUL-terminated; NULL: absent. */
struct page_request {
    const char *method, *path; /* path decoded, without a query */
    const char *host, *origin, *fetch_site, *authorization, *action;
    const char *content_length; /* as text; NULL also for a chunked body */
    bool is_chunked;
};

/** What is asked for. */
enum page_what {
    PAGE_REFUSED,
    PAGE_FILE,
    PAGE_STATE,  /* GET /api/state */
    PAGE_LIST,   /* GET /api/events */
    PAGE_STREAM, /* GET /api/stream */
    PAGE_CHECK,  /* POST /api/check */
    PAGE_INSTALL /* POST /api/install, a bundle of `n_body_bytes` */
};

struct page_answer {
    enum page_what what;
    unsigned status;              /* PAGE_REFUSED: 400, 401, 403, 404, 405, 411 or 413 */
    const char *words;            /* PAGE_REFUSED: what was wrong and what to do; never NULL then */
    const char *allow;            /* with 405: the method that is right */
    const struct page_file *file; /* PAGE_FILE */
    uint32_t n_body_bytes;
};

/** Decide. Total. */
void page_guard(const struct page_policy *policy, const struct page_request *request,
                struct page_answer *out);

/**
 * Is this text fit to be a token: PAGE_TOKEN_MIN_CHARS to PAGE_TOKEN_MAX_CHARS letters, digits, - . _ ~ + / =?
 */
bool page_token_is_fit(const char *token);

#endif
