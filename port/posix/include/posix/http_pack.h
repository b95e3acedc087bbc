/**
 * port/http.h that packs what is stored into a tar file: a publisher on it makes a bundle (http_tar.h) in place of
 * writing to a bucket, with the same checks and in the same order.
 *
 * Objects are kept in memory until http_pack_write. GET, PUT and their conditions If-Match and If-None-Match work as
 * in S3; a Range is not known (200 with the whole object). Heap: a copy of each object.
 */
#ifndef POSIX_HTTP_PACK_H
#define POSIX_HTTP_PACK_H

#include "port/http.h"

enum { HTTP_PACK_OBJECTS_MAX = 32, HTTP_PACK_KEY_MAX_BYTES = 256 };

/** One object. */
struct http_pack_object {
    char key[HTTP_PACK_KEY_MAX_BYTES];
    uint8_t *bytes;
    size_t n_bytes;
    unsigned n_writes; /* its ETag */
};

/** Fields are its own. */
struct http_pack {
    struct http http; /* first member; goes to s3_init, with any http:// endpoint, any bucket and no key */
    struct http_pack_object object[HTTP_PACK_OBJECTS_MAX];
    size_t n_objects;
};

/** Empty; http_pack_close frees what comes into it. */
void http_pack_open(struct http_pack *pack);

/**
 * Write all objects but those whose key begins with `but` (NULL: all) as a tar file (ustar): a temporary file beside
 * it, flushed, then linked to its name.
 * Power cut: no file or the whole file.
 * @return FOTA_OK · E_EXISTS (the file exists: it is left alone) · E_IO (errno says why; no file is left)
 */
FOTA_MUST_CHECK
enum fota_err http_pack_write(const struct http_pack *pack, const char *but, const char *path);

/** Frees the objects. */
void http_pack_close(struct http_pack *pack);

#endif
