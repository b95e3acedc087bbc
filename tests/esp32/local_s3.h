/** A store for tests: the fault proxy with objects in memory, in a process of its own that ends with this one. */
#ifndef LOCAL_S3_H
#define LOCAL_S3_H

#include <stddef.h>
#include <sys/types.h>

enum { LOCAL_S3_URL_BYTES = 128, LOCAL_S3_RULES_MAX = 12 };

struct local_s3 {
    pid_t pid;
    char url[LOCAL_S3_URL_BYTES];
};

/** Rules are those of the proxy, NULL ends them. A failure ends the test. */
void local_s3_start(struct local_s3 *s3, const char *const *rules);
void local_s3_stop(struct local_s3 *s3);

/**
 * PUT an object, with libcurl, which is not under test.
 * @param key  below the bucket "releases"
 */
void local_s3_put(const struct local_s3 *s3, const char *key, const void *bytes, size_t n_bytes);

#endif
