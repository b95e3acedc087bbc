/**
 * The rows of tests/fault_proxy that a network does by itself, in this process: an HTTP port before another
 * one. Replies are read in full, spoiled, and given on, as the proxy does it; thousands of updates take
 * seconds this way.
 */
#ifndef FAULT_HTTP_H
#define FAULT_HTTP_H

#include <stdbool.h>

#include "port/http.h"

enum { FAULT_BODY_MAX_BYTES = 0x60000 + 4096, FAULT_HEADERS_MAX_BYTES = 4096 };

/** What goes wrong; 0 never. Shares are in thousandths of the requests. */
struct fault_plan {
    uint32_t refuse_share; /* 503 SlowDown */
    uint32_t portal_share; /* 200 and a page of HTML, whatever was asked */
    uint32_t flip_share;   /* one wrong bit in the body */
    uint32_t cut_bytes;    /* each body ends after so many bytes ... */
    uint32_t cut_spread;   /* ... give or take so many */
};

/** Read the counters. */
struct fault_http {
    struct http http;   /* first member */
    struct http *inner; /* the server */
    struct fault_plan plan;
    uint32_t random;
    uint32_t n_requests;
    uint32_t n_refused, n_portals, n_flips, n_cuts;
    uint64_t image_bytes; /* body bytes of image objects that were given on */
    /* the reply under way */
    unsigned status;
    uint32_t n_body;
    uint32_t n_headers;
    char headers[FAULT_HEADERS_MAX_BYTES]; /* name NUL value NUL ... */
    uint8_t body[FAULT_BODY_MAX_BYTES];
};

/** @param seed  same seed and requests: same faults; not 0 */
void fault_http_init(struct fault_http *f, struct http *inner, const struct fault_plan *plan, uint32_t seed);

#endif
