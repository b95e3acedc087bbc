#include "page/page_guard.h"

#include <string.h>

#define WHERE_TOKEN_IS "it is in the file that http-token-file names, and an ESP32 prints it at its start."

static bool refuse(struct page_answer *out, unsigned status, const char *words)
{
    *out = (struct page_answer){.what = PAGE_REFUSED, .status = status, .words = words};
    return false;
}

/* --- where it comes from ----------------------------------------------------------------------------- */

/* Characters of the host in `host[:port]`. */
static size_t host_chars(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

static bool is_own_name(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    size_t n = host_chars(host);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == n && strncmp(names[i], host, n) == 0) {
            return strspn(host + n, ":0123456789") == strlen(host + n);
        }
    }
    return false;
}

/* An origin is scheme://host[:port]; what stands before this server may have spoken TLS with the browser. */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *at = strncmp(origin, "http://", 7) == 0    ? origin + 7
                     : strncmp(origin, "https://", 8) == 0 ? origin + 8
                                                           : NULL;
    return at && strcmp(at, host) == 0;
}

static bool is_from_here(const struct page_request *r)
{
    bool is_site_right =
        !r->fetch_site || strcmp(r->fetch_site, "same-origin") == 0 || strcmp(r->fetch_site, "none") == 0;
    return is_site_right && (!r->origin || is_same_origin(r->origin, r->host));
}

/* --- token ------------------------------------------------------------------------------------------- */

/* How long it takes depends on the lengths, not on where the texts differ. */
static bool is_equal(const char *given, const char *token)
{
    size_t n_given = strlen(given);
    size_t n_token = strlen(token);
    size_t differs = n_given ^ n_token;
    for (size_t i = 0; i < n_token; i++) {
        differs |= (size_t)(unsigned char)(token[i] ^ given[i < n_given ? i : n_given]);
    }
    return differs == 0;
}

static bool has_token(const struct page_request *r, const char *token)
{
    static const char scheme[] = "Bearer ";
    return r->authorization && strncmp(r->authorization, scheme, sizeof scheme - 1) == 0 &&
           is_equal(r->authorization + sizeof scheme - 1, token);
}

bool page_token_is_fit(const char *token)
{
    size_t n = strlen(token);
    return n >= PAGE_TOKEN_MIN_CHARS && n <= PAGE_TOKEN_MAX_CHARS &&
           strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") == n;
}

/* --- body -------------------------------------------------------------------------------------------- */

/* @return false: not a number, or one above any that is taken here */
static bool read_length(const char *text, uint32_t *out)
{
    size_t n = strlen(text);
    *out = 0;
    if (n == 0 || n > 9 || strspn(text, "0123456789") != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        *out = *out * 10U + (uint32_t)(text[i] - '0');
    }
    return true;
}

static bool is_body_right(const struct page_policy *p, const struct page_request *r, struct page_answer *out)
{
    uint32_t n = 0;
    if (r->is_chunked || (out->what == PAGE_INSTALL && !r->content_length)) {
        return refuse(out, 411, "The length of the body is missing; send a Content-Length.");
    }
    bool is_number = !r->content_length || read_length(r->content_length, &n);
    if (out->what == PAGE_CHECK) {
        return (is_number && n == 0) || refuse(out, 413, "This action takes no body; send none.");
    }
    if (!is_number || n > p->upload_bytes) {
        return refuse(
            out, 413,
            "The file is too large for a bundle; choose the .tar file that was made for this device.");
    }
    if (n == 0) {
        return refuse(out, 400, "The file is empty; choose the .tar file that was made for this device.");
    }
    out->n_body_bytes = n;
    return true;
}

/* --- the whole --------------------------------------------------------------------------------------- */

/* What a path is, by its method. @return false: refused */
static bool look_up(const struct page_policy *p, const struct page_request *r, struct page_answer *out)
{
    static const struct {
        const char *path, *method;
        enum page_what what;
    } table[] = {{"/api/state", "GET", PAGE_STATE},
                 {"/api/events", "GET", PAGE_LIST},
                 {"/api/stream", "GET", PAGE_STREAM},
                 {"/api/check", "POST", PAGE_CHECK},
                 {"/api/install", "POST", PAGE_INSTALL}};
    const char *method = "GET";
    *out = (struct page_answer){.what = PAGE_FILE, .file = page_file_find(r->path)};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(r->path, table[i].path) == 0) {
            out->what = table[i].what;
            method = table[i].method;
        }
    }
    bool is_missing = (out->what == PAGE_FILE && !out->file) ||
                      (out->what == PAGE_STREAM && !p->has_stream) ||
                      (out->what == PAGE_INSTALL && p->upload_bytes == 0);
    if (is_missing) {
        return refuse(out, 404, "There is nothing at this address; the page is at /.");
    }
    bool is_read = strcmp(method, "GET") == 0;
    if (strcmp(r->method, method) == 0 || (is_read && strcmp(r->method, "HEAD") == 0)) {
        return true;
    }
    (void)refuse(out, 405,
                 is_read ? "This address is only read; use GET." : "This address is an action; use POST.");
    out->allow = method;
    return false;
}

void page_guard(const struct page_policy *p, const struct page_request *r, struct page_answer *out)
{
    if (!r->host || r->host[0] == '\0') {
        (void)refuse(out, 400, "The header Host is missing.");
        return;
    }
    if (p->is_loopback && !p->token && !is_own_name(r->host)) {
        (void)refuse(
            out, 403,
            "This page answers to 127.0.0.1, localhost and [::1] only; open it under one of these names.");
        return;
    }
    if (!look_up(p, r, out) || out->what == PAGE_FILE) {
        return;
    }
    if (!is_from_here(r)) {
        (void)refuse(out, 403, "This request comes from another site; open the page itself.");
        return;
    }
    if (p->token && !has_token(r, p->token)) {
        (void)refuse(out, 401,
                     r->authorization ? "The token is wrong; " WHERE_TOKEN_IS
                                      : "A token is needed; " WHERE_TOKEN_IS);
        return;
    }
    if (out->what != PAGE_CHECK && out->what != PAGE_INSTALL) {
        return;
    }
    if (!r->action || r->action[0] == '\0') {
        (void)refuse(out, 403,
                     "The header " PAGE_ACTION_HEADER " is missing; an action carries it: " PAGE_ACTION_HEADER
                     ": 1.");
        return;
    }
    (void)is_body_right(p, r, out);
}
