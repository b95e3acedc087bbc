/**
 * port/http.h on a tar file: a bundle for gateways without a network.
 *
 * The file holds objects under the names that they have in the bucket, so `tar cf` of a copied bucket makes one:
 * v1/channels/<product>/<hw>/<channel>.fc, the two images under v1/blobs/, and v1/loaders/ if the channel names a
 * loader. A gateway on this port does what it does on a network, and checks what it checks there.
 *
 * Formats: ustar (POSIX 1003.1) and GNU's, for names that need no extension. Nothing in the file is trusted: a
 * header whose sum is wrong ends it.
 */
#ifndef POSIX_HTTP_TAR_H
#define POSIX_HTTP_TAR_H

#include "port/http.h"

enum { HTTP_TAR_ENTRIES_MAX = 1000 /* further ones are not looked at */ };

struct http_tar {
    struct http http; /* first member; goes to s3_init, with any http:// endpoint, any bucket and no key */
    int fd;
};

/**
 * Open a bundle. Its objects are read when they are asked for.
 *
 * GET knows If-None-Match, If-Match and one Range, as S3 does; an object that is not there is status 404, a PUT
 * 501. A file that ends within an object is E_NET_CUT. The limits of a request do not count: a file ends.
 * @return FOTA_OK · E_NOT_FOUND (no such file) · E_IO · E_ARG (it is no tar file)
 */
FOTA_MUST_CHECK
enum fota_err http_tar_open(struct http_tar *tar, const char *path);

/** Close. */
void http_tar_close(struct http_tar *tar);

#endif
