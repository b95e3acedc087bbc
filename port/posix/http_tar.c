#include "posix/http_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "tar_block.h"

enum { PIECE_BYTES = 4096, TEXT_BYTES = 96 };

/* One object in the file. */
struct entry {
    char name[TAR_PREFIX_BYTES + 1 + TAR_NAME_BYTES + 1];
    uint64_t off; /* of its bytes */
    uint64_t n_bytes;
    bool is_file;
};

static enum fota_err read_at(int fd, uint64_t off, uint8_t *bytes, size_t n_bytes)
{
    const ssize_t got = pread(fd, bytes, n_bytes, (off_t)off);
    if (got < 0) {
        return E_IO;
    }
    return (size_t)got == n_bytes ? FOTA_OK : E_NET_CUT;
}

static uint64_t octal(const uint8_t *digits, size_t n_digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_digits && digits[i] != '\0'; i++) {
        if (digits[i] >= '0' && digits[i] <= '7') {
            value = value * 8 + (uint64_t)(digits[i] - '0');
        }
    }
    return value;
}

static bool is_sound(const uint8_t block[TAR_BLOCK_BYTES])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        const bool is_of_sum = i >= TAR_SUM_OFF && i < TAR_SUM_OFF + TAR_SUM_DIGITS;
        sum += is_of_sum ? (uint64_t)' ' : block[i];
    }
    return block[0] != '\0' && octal(block + TAR_SUM_OFF, TAR_SUM_DIGITS) == sum;
}

/* The header at `off`. E_NOT_FOUND: the end, or no header. */
static enum fota_err read_entry(int fd, uint64_t off, struct entry *out)
{
    uint8_t block[TAR_BLOCK_BYTES];
    const enum fota_err err = read_at(fd, off, block, sizeof block);
    if (err || !is_sound(block)) {
        return err == E_IO ? E_IO : E_NOT_FOUND;
    }
    const char *name = (const char *)block;
    const char *prefix = (const char *)block + TAR_PREFIX_OFF;
    const bool has_prefix =
        memcmp(block + TAR_MAGIC_OFF, "ustar", 6) == 0 && prefix[0] != '\0'; /* with its NUL */
    (void)snprintf(out->name, sizeof out->name, "%.*s%s%.*s", has_prefix ? TAR_PREFIX_BYTES : 0, prefix,
                   has_prefix ? "/" : "", TAR_NAME_BYTES, name);
    out->off = off + TAR_BLOCK_BYTES;
    out->n_bytes = octal(block + TAR_SIZE_OFF, TAR_SIZE_DIGITS);
    out->is_file = block[TAR_TYPE_OFF] == '0' || block[TAR_TYPE_OFF] == '\0';
    return FOTA_OK;
}

static enum fota_err find(int fd, const char *key, struct entry *out)
{
    uint64_t off = 0;
    for (unsigned i = 0; i < HTTP_TAR_ENTRIES_MAX; i++) {
        const enum fota_err err = read_entry(fd, off, out);
        if (err) {
            return err;
        }
        const char *name = strncmp(out->name, "./", 2) == 0 ? out->name + 2 : out->name;
        if (out->is_file && strcmp(name, key) == 0) {
            return FOTA_OK;
        }
        off = out->off + (out->n_bytes + TAR_BLOCK_BYTES - 1) / TAR_BLOCK_BYTES * TAR_BLOCK_BYTES;
    }
    return E_NOT_FOUND;
}

/* What follows scheme, host and bucket; NULL if nothing does. */
static const char *key_of(const char *url)
{
    const char *at = strstr(url, "://");
    for (unsigned i = 0; at && i < 2; i++) {
        at = strchr(i == 0 ? at + 3 : at + 1, '/');
    }
    return at ? at + 1 : NULL;
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

static void send_header(const struct http_sink *sink, const char *name, const char *value)
{
    sink->header(sink->ctx, name, strlen(name), value, strlen(value));
}

static enum fota_err send_body(int fd, const struct http_sink *sink, unsigned status, uint64_t off,
                               uint64_t n_bytes)
{
    while (n_bytes > 0) {
        uint8_t piece[PIECE_BYTES];
        const size_t n = n_bytes < sizeof piece ? (size_t)n_bytes : sizeof piece;
        enum fota_err err = read_at(fd, off, piece, n);
        if (!err) {
            err = sink->body(sink->ctx, status, piece, n);
        }
        if (err) {
            return err;
        }
        off += n;
        n_bytes -= n;
    }
    return FOTA_OK;
}

/* `bytes=first-last` of an object, with last beyond its end or not. False: not to be satisfied. */
static bool read_range(const char *range, uint64_t n_bytes, uint64_t *first, uint64_t *last)
{
    char *end = NULL;
    if (strncmp(range, "bytes=", 6) != 0) {
        return false;
    }
    *first = strtoull(range + 6, &end, 10);
    if (*end != '-') {
        return false;
    }
    *last = strtoull(end + 1, &end, 10);
    *last = *last < n_bytes ? *last : n_bytes - 1;
    return *end == '\0' && n_bytes != 0 && *first <= *last;
}

static enum fota_err send_object(int fd, const struct entry *entry, const struct http_request *request,
                                 const struct http_sink *sink, unsigned *status)
{
    char text[TEXT_BYTES];
    const char *range = header_of(request, "range");
    uint64_t first = 0;
    uint64_t last = entry->n_bytes - 1;
    *status = range ? 206 : 200;
    if (range && !read_range(range, entry->n_bytes, &first, &last)) {
        *status = 416;
        return FOTA_OK;
    }
    const uint64_t n = entry->n_bytes != 0 ? last - first + 1 : 0;
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    send_header(sink, "Content-Length", text);
    if (range) {
        (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
                       (unsigned long long)last, (unsigned long long)entry->n_bytes);
        send_header(sink, "Content-Range", text);
    }
    return send_body(fd, sink, *status, entry->off + first, n);
}

/* By content: two bundles may have another object of the same length at the same place. */
static enum fota_err make_etag(int fd, const struct entry *entry, char out[TEXT_BYTES])
{
    uint8_t piece[PIECE_BYTES];
    uint32_t crc = 0;
    for (uint64_t at = 0; at < entry->n_bytes;) {
        const uint64_t left = entry->n_bytes - at;
        const size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        const enum fota_err err = read_at(fd, entry->off + at, piece, n);
        if (err) {
            return err;
        }
        crc = crc32_update(crc, piece, n);
        at += n;
    }
    (void)snprintf(out, TEXT_BYTES, "\"tar-%08lx-%llu\"", (unsigned long)crc,
                   (unsigned long long)entry->n_bytes);
    return FOTA_OK;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    const struct http_tar *tar = (const struct http_tar *)(void *)http; /* `http` is its first member */
    const char *key = key_of(request->url);
    struct entry entry;
    if (request->method != HTTP_VERB_GET || !key) {
        *status = 501;
        return !key ? E_ARG : FOTA_OK;
    }
    enum fota_err err = find(tar->fd, key, &entry);
    if (err) {
        *status = 404;
        return err == E_NOT_FOUND ? FOTA_OK : err;
    }
    char etag[TEXT_BYTES];
    err = make_etag(tar->fd, &entry, etag);
    if (err) {
        return err;
    }
    send_header(sink, "ETag", etag);
    const char *if_none_match = header_of(request, "if-none-match");
    const char *if_match = header_of(request, "if-match");
    if (if_none_match && strcmp(if_none_match, etag) == 0) {
        *status = 304;
        return FOTA_OK;
    }
    if (if_match && strcmp(if_match, etag) != 0) {
        *status = 412;
        return FOTA_OK;
    }
    return send_object(tar->fd, &entry, request, sink, status);
}

enum fota_err http_tar_open(struct http_tar *tar, const char *path)
{
    static const struct http_ops ops = {.perform = perform};
    struct entry first;
    tar->http.ops = &ops;
    tar->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (tar->fd < 0) {
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    }
    const enum fota_err err = read_entry(tar->fd, 0, &first);
    if (err) {
        http_tar_close(tar);
        return err == E_NOT_FOUND ? E_ARG : err;
    }
    return FOTA_OK;
}

void http_tar_close(struct http_tar *tar)
{
    (void)close(tar->fd); /* it was only read */
    tar->fd = -1;
}
