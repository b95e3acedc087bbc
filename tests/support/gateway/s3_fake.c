#include "s3_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "http://s3.test/releases/";
static const char REPORTS[] = "http://s3.test/reports/";

static struct s3_fake_object *find(struct s3_fake *fake, const char *key)
{
    for (size_t i = 0; i < fake->n_objects; i++) {
        if (strcmp(fake->object[i].key, key) == 0) {
            return &fake->object[i];
        }
    }
    return NULL;
}

static const char *header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->header[i].name, name) == 0) {
            return request->header[i].value;
        }
    }
    return NULL;
}

static void send_header(const struct http_sink *sink, const char *name, const char *value)
{
    sink->header(sink->ctx, name, strlen(name), value, strlen(value));
}

static uint32_t draw(struct s3_fake *fake, uint32_t below)
{
    fake->seed = fake->seed * 1664525U + 1013904223U;
    return (uint32_t)((uint64_t)(fake->seed >> 8) * below >> 24);
}

/* One piece, with one bit flipped if `flip` is in it. */
static enum fota_err send_piece(struct s3_fake *fake, const struct http_sink *sink, unsigned status,
                                const uint8_t *bytes, size_t n_bytes, size_t flip)
{
    uint8_t piece[4096];
    if (n_bytes > sizeof piece) {
        abort();
    }
    memcpy(piece, bytes, n_bytes);
    if (flip < n_bytes) {
        piece[flip] ^= 0x10;
    }
    fake->n_body_bytes += n_bytes;
    fake->n_blob_bytes += fake->is_blob ? n_bytes : 0;
    return sink->body(sink->ctx, status, piece, n_bytes);
}

static enum fota_err send_body(struct s3_fake *fake, const struct http_sink *sink, unsigned status,
                               const void *bytes, size_t n_bytes)
{
    const uint8_t *at = bytes;
    size_t chunk = fake->chunk_bytes ? fake->chunk_bytes : 1000;
    size_t sent = 0;
    size_t cut = fake->cut_after_bytes;
    size_t flip = draw(fake, 100) < fake->flip_pct ? draw(fake, (uint32_t)n_bytes) : SIZE_MAX;
    fake->cut_after_bytes = 0;
    if (fake->is_blob && fake->cut_every_bytes && fake->cut_every_bytes < n_bytes) {
        cut = fake->cut_every_bytes;
    }
    while (sent < n_bytes) {
        size_t n = n_bytes - sent < chunk ? n_bytes - sent : chunk;
        if (cut && sent + n > cut) {
            n = cut - sent;
        }
        enum fota_err err = n ? send_piece(fake, sink, status, at + sent, n, flip - sent) : FOTA_OK;
        sent += n;
        if (err) {
            return err;
        }
        if (cut && sent == cut) {
            return E_NET_CUT;
        }
    }
    return FOTA_OK;
}

static enum fota_err fail(struct s3_fake *fake, const struct http_sink *sink, unsigned *status, unsigned code,
                          const char *name)
{
    char xml[160];
    int n = snprintf(xml, sizeof xml, "<?xml version=\"1.0\"?><Error><Code>%s</Code></Error>", name);
    *status = code;
    fake->is_blob = false;
    if (fake->retry_after_s) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", fake->retry_after_s);
        send_header(sink, "Retry-After", text);
    }
    return send_body(fake, sink, code, xml, (size_t)n);
}

static enum fota_err send_range(struct s3_fake *fake, const struct s3_fake_object *object, const char *range,
                                const struct http_sink *sink, unsigned *status)
{
    char *end = NULL;
    size_t first = (size_t)strtoull(range + strlen("bytes="), &end, 10);
    size_t last = (size_t)strtoull(end + 1, NULL, 10);
    if (first >= object->n_bytes) {
        return fail(fake, sink, status, 416, "InvalidRange");
    }
    last = last < object->n_bytes ? last : object->n_bytes - 1;
    char text[96];
    (void)snprintf(text, sizeof text, "bytes %zu-%zu/%zu", first, last, object->n_bytes);
    send_header(sink, "Content-Range", text);
    *status = 206;
    fake->n_ranges++;
    return send_body(fake, sink, 206, object->bytes + first, last - first + 1);
}

static void send_length(const struct s3_fake *fake, const struct http_sink *sink, size_t n_bytes)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", n_bytes);
    if (!fake->hides_length) {
        send_header(sink, "Content-Length", text);
    }
}

static enum fota_err get(struct s3_fake *fake, const struct http_request *request,
                         const struct http_sink *sink, unsigned *status)
{
    const struct s3_fake_object *object = find(fake, request->url + strlen(PREFIX));
    if (!object) {
        return fail(fake, sink, status, 404, "NoSuchKey");
    }
    char etag[32];
    (void)snprintf(etag, sizeof etag, "\"etag-%u\"", object->etag);
    send_header(sink, "ETag", etag);
    const char *if_none_match = header(request, "if-none-match");
    const char *if_match = header(request, "if-match");
    const char *range = header(request, "range");
    if (if_none_match && strcmp(if_none_match, etag) == 0) {
        fake->n_quiet++;
        *status = 304;
        return FOTA_OK;
    }
    if (if_match && strcmp(if_match, etag) != 0) {
        return fail(fake, sink, status, 412, "PreconditionFailed");
    }
    if (range && !fake->ignores_ranges) {
        return send_range(fake, object, range, sink, status);
    }
    *status = 200;
    send_length(fake, sink, object->n_bytes);
    enum fota_err err = send_body(fake, sink, 200, object->bytes, object->n_bytes);
    while (!err && fake->is_blob && fake->is_endless) {
        err = send_body(fake, sink, 200, object->bytes, object->n_bytes);
    }
    return err;
}

/* A network that wants its users to log in. */
static enum fota_err portal(struct s3_fake *fake, const struct http_sink *sink, unsigned *status)
{
    static const char page[] = "<html><head><title>Welcome</title></head><body>Please log in.</body></html>";
    *status = 200;
    send_length(fake, sink, sizeof page - 1);
    return send_body(fake, sink, 200, page, sizeof page - 1);
}

static bool is_written(const struct s3_fake *fake, const char *key)
{
    for (size_t i = 0; i < fake->n_written; i++) {
        if (strcmp(fake->written[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static enum fota_err put(struct s3_fake *fake, const struct http_request *request,
                         const struct http_sink *sink, unsigned *status)
{
    const char *key = request->url + strlen(REPORTS);
    const bool must_not_exist = header(request, "if-none-match");
    fake->n_put_requests++;
    if (fake->put_status) {
        return fail(fake, sink, status, fake->put_status, "Refused");
    }
    if (must_not_exist && fake->has_no_conditions) {
        return fail(fake, sink, status, 501, "NotImplemented");
    }
    if (must_not_exist && is_written(fake, key)) {
        return fail(fake, sink, status, 412, "PreconditionFailed");
    }
    if (fake->n_written == S3_FAKE_PUTS_MAX || request->n_body_bytes > S3_FAKE_PUT_MAX_BYTES) {
        abort();
    }
    struct s3_fake_written *w = &fake->written[fake->n_written++];
    (void)snprintf(w->key, sizeof w->key, "%s", key);
    memcpy(w->body, request->body, request->n_body_bytes);
    w->body[request->n_body_bytes] = '\0';
    w->must_not_exist = must_not_exist;
    *status = 200;
    const bool is_lost = fake->loses_put_reply;
    fake->loses_put_reply = false;
    return is_lost ? E_NET_CUT : FOTA_OK;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct s3_fake *fake = (struct s3_fake *)http;
    if (request->method == HTTP_VERB_PUT && strncmp(request->url, REPORTS, strlen(REPORTS)) == 0) {
        return put(fake, request, sink, status);
    }
    fake->n_gets++;
    if (fake->fail_next > 0) {
        fake->fail_next--;
        return fake->fail_status ? fail(fake, sink, status, fake->fail_status, "SlowDown") : E_NET_CONNECT;
    }
    if (request->method != HTTP_VERB_GET || strncmp(request->url, PREFIX, strlen(PREFIX)) != 0) {
        return E_ARG;
    }
    fake->is_blob = strstr(request->url, "/blobs/");
    if (fake->is_blob && fake->blob_status) {
        return fail(fake, sink, status, fake->blob_status, "Refused");
    }
    if (draw(fake, 100) < fake->fail_pct) {
        return fail(fake, sink, status, 503, "SlowDown");
    }
    if (draw(fake, 100) < fake->portal_pct) {
        return portal(fake, sink, status);
    }
    return get(fake, request, sink, status);
}

void s3_fake_init(struct s3_fake *fake)
{
    static const struct http_ops ops = {.perform = perform};
    memset(fake, 0, sizeof *fake);
    fake->http.ops = &ops;
}

void s3_fake_put(struct s3_fake *fake, const char *key, const void *bytes, size_t n_bytes)
{
    struct s3_fake_object *object = find(fake, key);
    if (!object) {
        if (fake->n_objects == S3_FAKE_OBJECTS_MAX) {
            abort();
        }
        object = &fake->object[fake->n_objects++];
        (void)snprintf(object->key, sizeof object->key, "%s", key);
    }
    object->bytes = bytes;
    object->n_bytes = n_bytes;
    object->etag = ++fake->n_puts;
}
