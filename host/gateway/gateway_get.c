/* The file over the network: one GET, and what its failure means. */
#include <string.h>

#include "gateway_priv.h"

enum { REQUEST_MAX_MS = 115000 /* the transport ends a request earlier (S3_TOTAL_MS) */ };

bool gateway_is_late(const struct gateway *g)
{
    return clock_now_ms(g->ports.clock) - g->request_ms > REQUEST_MAX_MS;
}

size_t gateway_skip(uint64_t off, size_t n_bytes, uint32_t wanted_off)
{
    if (off >= wanted_off) {
        return 0;
    }
    uint64_t n = wanted_off - off;
    return n < n_bytes ? (size_t)n : n_bytes;
}

enum fota_err gateway_get_image(struct gateway *g, uint32_t off, uint32_t n_bytes,
                                const struct s3_taker *taker)
{
    char key[RELEASE_BLOB_MAX_BYTES + 1];
    const uint32_t total_bytes = gateway_slot_image(g)->n_bytes;
    struct s3_get_options options = {.total_bytes = total_bytes};
    gateway_blob_key(g, key);
    bool is_range = n_bytes != total_bytes && !g->ignores_ranges;
    if (is_range) {
        options.range_off = off;
        options.range_bytes = n_bytes;
        options.if_match = g->blob_etag[0] != '\0' ? g->blob_etag : NULL;
        options.is_any_version = !options.if_match; /* the digest of the whole file will tell */
    }
    g->request_ms = clock_now_ms(g->ports.clock);
    enum fota_err err = s3_get(g->ports.s3, key, &options, clock_utc_s(g->ports.clock), taker, &g->reply);
    bool is_body = g->reply.body_bytes > 0;
    if (is_body) {
        g->errors_in_row = 0; /* bytes arrive: as often as it takes */
        g->backoff_ms = 0;
        memcpy(g->blob_etag, g->reply.etag, sizeof g->blob_etag);
    }
    /* The object, and all of it: next time it is asked for so. Once, since this may have been a cache. */
    g->ignores_ranges = is_range && err == E_HTTP_REPLY && g->reply.status == 200 &&
                        (g->reply.length_bytes == total_bytes ||
                         (g->blob_etag[0] != '\0' && strcmp(g->reply.etag, g->blob_etag) == 0));
    return err;
}

enum gateway_input gateway_get_failed(struct gateway *g, enum fota_err err)
{
    const uint32_t total_bytes = gateway_slot_image(g)->n_bytes;
    uint64_t said_bytes = g->reply.status == 206 ? g->reply.total_bytes : g->reply.length_bytes;
    switch (err) {
    case E_S3_PRECONDITION: /* put again, with the same bytes if it is honest: go on with what is there */
        if (g->blob_etag[0] == '\0') { /* no condition was sent: it will say so again */
            return gateway_fail_request(g, err, g->config.backoff_min_ms);
        }
        g->blob_etag[0] = '\0';
        return GATEWAY_ON_MOVED;
    case E_HTTP_LENGTH:
        said_bytes = said_bytes ? said_bytes : g->reply.body_bytes;
        gateway_tell_damage(g, err, said_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)said_bytes, total_bytes);
        return gateway_request_again(g, err);
    case E_S3_NO_KEY:
    case E_S3_CREDENTIALS:
    case E_S3_NO_BUCKET:
        return gateway_fail_request(g, err, g->config.denied_min_ms);
    default:
        return gateway_request_again(g, err);
    }
}
