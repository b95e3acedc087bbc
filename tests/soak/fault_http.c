#include "fault_http.h"

#include <stdio.h>
#include <string.h>

enum { THOUSAND = 1000, PIECE_BYTES = 1000 };

static const char PORTAL[] =
    "<!DOCTYPE html><html><body><h1>Free Wi-Fi</h1><p>Please log in.</p></body></html>\n";
static const char REFUSED[] = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>";
static const char IMAGES[] = "/v1/blobs/";

static uint32_t draw(struct fault_http *f, uint32_t below)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 17;
    f->random ^= f->random << 5;
    return (uint32_t)((uint64_t)f->random * below >> 32);
}

/* --- the reply of the server, kept ------------------------------------------------------------------- */

static void keep_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    struct fault_http *f = ctx;
    if (n_name + n_value + 2 > sizeof f->headers - f->n_headers) {
        return;
    }
    char *at = f->headers + f->n_headers;
    memcpy(at, name, n_name);
    at[n_name] = '\0';
    memcpy(at + n_name + 1, value, n_value);
    at[n_name + 1 + n_value] = '\0';
    f->n_headers += (uint32_t)(n_name + n_value + 2);
}

static enum fota_err keep_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct fault_http *f = ctx;
    (void)status;
    if (n_bytes > sizeof f->body - f->n_body) {
        return E_NO_SPACE;
    }
    memcpy(f->body + f->n_body, bytes, n_bytes);
    f->n_body += (uint32_t)n_bytes;
    return FOTA_OK;
}

static void answer(struct fault_http *f, unsigned status, const char *text)
{
    f->status = status;
    char length[16];
    f->n_headers = 0;
    f->n_body = (uint32_t)strlen(text);
    memcpy(f->body, text, f->n_body);
    keep_header(f, "Content-Length", 14, length,
                (size_t)snprintf(length, sizeof length, "%u", (unsigned)f->n_body));
}

/* --- spoiled and given on ---------------------------------------------------------------------------- */

static void give_headers(const struct fault_http *f, const struct http_sink *sink)
{
    for (uint32_t at = 0; at < f->n_headers;) {
        const char *name = f->headers + at;
        const char *value = name + strlen(name) + 1;
        sink->header(sink->ctx, name, strlen(name), value, strlen(value));
        at += (uint32_t)(strlen(name) + strlen(value) + 2);
    }
}

/* Bytes of the body that get through. */
static uint32_t let_through(struct fault_http *f)
{
    const struct fault_plan *p = &f->plan;
    uint32_t cut = p->cut_bytes + draw(f, 2 * p->cut_spread + 1) - p->cut_spread;
    if (p->cut_bytes == 0 || cut >= f->n_body) {
        return f->n_body;
    }
    f->n_cuts++;
    return cut;
}

static enum fota_err give(struct fault_http *f, const struct http_sink *sink, bool is_image)
{
    const uint32_t n_given = let_through(f);
    if (n_given > 0 && draw(f, THOUSAND) < f->plan.flip_share) { /* a bit that arrives */
        f->n_flips++;
        f->body[draw(f, n_given)] ^= (uint8_t)(1U << draw(f, 8));
    }
    give_headers(f, sink);
    for (uint32_t at = 0; at < n_given;) {
        const uint32_t n = n_given - at < PIECE_BYTES ? n_given - at : PIECE_BYTES;
        f->image_bytes += is_image ? n : 0;
        enum fota_err err = sink->body(sink->ctx, f->status, f->body + at, n);
        if (err) {
            return err;
        }
        at += n;
    }
    return n_given == f->n_body ? FOTA_OK : E_NET_CUT;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct fault_http *f = (struct fault_http *)http;
    const struct http_sink keeper = {.header = keep_header, .body = keep_body, .ctx = f};
    bool is_image = false;
    f->n_requests++;
    if (draw(f, THOUSAND) < f->plan.refuse_share) {
        f->n_refused++;
        answer(f, 503, REFUSED);
    } else if (draw(f, THOUSAND) < f->plan.portal_share) {
        f->n_portals++;
        answer(f, 200, PORTAL);
    } else {
        f->n_headers = 0;
        f->n_body = 0;
        enum fota_err err = http_perform(f->inner, request, &keeper, &f->status);
        if (err) {
            return err;
        }
        is_image = (f->status == 200 || f->status == 206) && strstr(request->url, IMAGES);
    }
    *status = f->status;
    return give(f, sink, is_image);
}

void fault_http_init(struct fault_http *f, struct http *inner, const struct fault_plan *plan, uint32_t seed)
{
    static const struct http_ops ops = {.perform = perform};
    memset(f, 0, sizeof *f);
    f->http.ops = &ops;
    f->inner = inner;
    f->plan = *plan;
    f->random = seed;
}
