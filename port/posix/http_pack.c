#include "posix/http_pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tar_block.h"

enum { ETAG_BYTES = 40, PATH_BYTES = 4096 };

/* --- as a server ------------------------------------------------------------------------------------- */

/* What follows scheme, host and bucket; NULL if nothing does. */
static const char *key_of(const char *url)
{
    const char *at = strstr(url, "://");
    for (unsigned i = 0; at && i < 2; i++) {
        at = strchr(i == 0 ? at + 3 : at + 1, '/');
    }
    return at && strlen(at + 1) < HTTP_PACK_KEY_MAX_BYTES ? at + 1 : NULL;
}

static const char *header_of(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->header[i].name, name) == 0) {
            return request->header[i].value;
        }
    }
    return NULL;
}

static struct http_pack_object *find(struct http_pack *pack, const char *key)
{
    for (size_t i = 0; i < pack->n_objects; i++) {
        if (strcmp(pack->object[i].key, key) == 0) {
            return &pack->object[i];
        }
    }
    return NULL;
}

static void etag_of(const struct http_pack *pack, const struct http_pack_object *o, char out[ETAG_BYTES])
{
    (void)snprintf(out, ETAG_BYTES, "\"pack-%u-%u\"", (unsigned)(o - pack->object), o->n_writes);
}

/* Does the condition of this request hold? */
static bool holds(const struct http_pack *pack, const struct http_pack_object *o,
                  const struct http_request *request)
{
    char etag[ETAG_BYTES] = "";
    const char *match = header_of(request, "if-match");
    const char *none_match = header_of(request, "if-none-match");
    if (o) {
        etag_of(pack, o, etag);
    }
    bool is_same = o && (!match || strcmp(match, etag) == 0);
    bool is_other = !o || !none_match || (strcmp(none_match, "*") != 0 && strcmp(none_match, etag) != 0);
    return (!match || is_same) && is_other;
}

static void send_headers(const struct http_pack *pack, const struct http_pack_object *o, size_t n_bytes,
                         const struct http_sink *sink)
{
    char text[ETAG_BYTES];
    etag_of(pack, o, text);
    sink->header(sink->ctx, "ETag", 4, text, strlen(text));
    (void)snprintf(text, sizeof text, "%zu", n_bytes);
    sink->header(sink->ctx, "Content-Length", 14, text, strlen(text));
}

static enum fota_err get(struct http_pack *pack, const struct http_pack_object *o,
                         const struct http_request *request, const struct http_sink *sink, unsigned *status)
{
    if (!o) {
        *status = 404;
        return FOTA_OK;
    }
    if (!holds(pack, o, request)) {
        *status = header_of(request, "if-match") ? 412 : 304;
        return FOTA_OK;
    }
    *status = 200;
    send_headers(pack, o, o->n_bytes, sink);
    return o->n_bytes != 0 ? sink->body(sink->ctx, 200, o->bytes, o->n_bytes) : FOTA_OK;
}

static enum fota_err put(struct http_pack *pack, struct http_pack_object *o, const char *key,
                         const struct http_request *request, const struct http_sink *sink, unsigned *status)
{
    *status = 412;
    if (!holds(pack, o, request)) {
        return FOTA_OK;
    }
    if (!o && pack->n_objects == HTTP_PACK_OBJECTS_MAX) {
        return E_NO_SPACE;
    }
    uint8_t *bytes = malloc(request->n_body_bytes + 1);
    if (!bytes) {
        return E_NO_SPACE;
    }
    if (request->n_body_bytes != 0) {
        memcpy(bytes, request->body, request->n_body_bytes);
    }
    if (!o) {
        o = &pack->object[pack->n_objects++];
        *o = (struct http_pack_object){.n_writes = 0};
        (void)snprintf(o->key, sizeof o->key, "%s", key);
    }
    free(o->bytes);
    o->bytes = bytes;
    o->n_bytes = request->n_body_bytes;
    o->n_writes++;
    *status = 200;
    send_headers(pack, o, 0, sink);
    return FOTA_OK;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct http_pack *pack = (struct http_pack *)(void *)http; /* `http` is its first member */
    const char *key = key_of(request->url);
    if (!key) {
        *status = 501;
        return E_ARG;
    }
    struct http_pack_object *o = find(pack, key);
    return request->method == HTTP_VERB_GET ? get(pack, o, request, sink, status)
                                            : put(pack, o, key, request, sink, status);
}

void http_pack_open(struct http_pack *pack)
{
    static const struct http_ops ops = {.perform = perform};
    *pack = (struct http_pack){.http = {.ops = &ops}};
}

void http_pack_close(struct http_pack *pack)
{
    for (size_t i = 0; i < pack->n_objects; i++) {
        free(pack->object[i].bytes);
    }
    pack->n_objects = 0;
}

/* --- as a file --------------------------------------------------------------------------------------- */

/* A name longer than its field is cut at a slash: what stands before it is the prefix. */
static bool put_name(uint8_t block[TAR_BLOCK_BYTES], const char *key)
{
    const size_t n = strlen(key);
    const char *name = key;
    for (const char *at = strchr(key, '/'); at && n - (size_t)(name - key) > TAR_NAME_BYTES;
         at = strchr(at + 1, '/')) {
        name = at + 1;
    }
    const size_t n_prefix = name > key ? (size_t)(name - key) - 1 : 0;
    if (n_prefix > TAR_PREFIX_BYTES || strlen(name) > TAR_NAME_BYTES) {
        return false;
    }
    memcpy(block, name, strlen(name));
    memcpy(block + TAR_PREFIX_OFF, key, n_prefix);
    return true;
}

static bool put_object(FILE *out, const struct http_pack_object *o)
{
    static const uint8_t zeros[TAR_BLOCK_BYTES];
    uint8_t block[TAR_BLOCK_BYTES] = {0};
    unsigned sum = TAR_SUM_DIGITS * ' ';
    if (!put_name(block, o->key)) {
        errno = ENAMETOOLONG;
        return false;
    }
    (void)snprintf((char *)block + TAR_MODE_OFF, 8, "%07o", 0644U);
    (void)snprintf((char *)block + TAR_UID_OFF, 8, "%07o", 0U);
    (void)snprintf((char *)block + TAR_GID_OFF, 8, "%07o", 0U);
    (void)snprintf((char *)block + TAR_SIZE_OFF, 12, "%011zo", o->n_bytes);
    (void)snprintf((char *)block + TAR_TIME_OFF, 12, "%011o", 0U);
    block[TAR_TYPE_OFF] = '0';
    memcpy(block + TAR_MAGIC_OFF, "ustar\00000", 8);
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        sum += block[i];
    }
    (void)snprintf((char *)block + TAR_SUM_OFF, TAR_SUM_DIGITS, "%06o", sum);
    block[TAR_SUM_OFF + TAR_SUM_DIGITS - 1] = ' ';
    const size_t n_pad = (TAR_BLOCK_BYTES - o->n_bytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
    return fwrite(block, 1, sizeof block, out) == sizeof block &&
           fwrite(o->bytes, 1, o->n_bytes, out) == o->n_bytes && fwrite(zeros, 1, n_pad, out) == n_pad;
}

/* Two blocks of zeros end it. */
static bool put_all(FILE *out, const struct http_pack *pack, const char *but)
{
    static const uint8_t zeros[2 * TAR_BLOCK_BYTES];
    for (size_t i = 0; i < pack->n_objects; i++) {
        const struct http_pack_object *o = &pack->object[i];
        const bool is_left_out = but && strncmp(o->key, but, strlen(but)) == 0;
        if (!is_left_out && !put_object(out, o)) {
            return false;
        }
    }
    return fwrite(zeros, 1, sizeof zeros, out) == sizeof zeros;
}

enum fota_err http_pack_write(const struct http_pack *pack, const char *but, const char *path)
{
    char beside[PATH_BYTES];
    const int n = snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || n >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    FILE *out = fopen(beside, "wbx");
    if (!out) {
        return E_IO;
    }
    bool is_whole = put_all(out, pack, but) && fflush(out) == 0 && fsync(fileno(out)) == 0;
    is_whole = fclose(out) == 0 && is_whole;
    const bool is_there = is_whole && link(beside, path) == 0; /* unlike rename, never over another file */
    const int why = errno;
    (void)unlink(beside);
    errno = why;
    return is_there ? FOTA_OK : is_whole && why == EEXIST ? E_EXISTS : E_IO;
}
