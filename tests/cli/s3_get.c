/* s3_get KEY [ETAG]: read one object as a gateway polls: the body on standard output, `<status> <etag>` on
 * standard error. Credentials, endpoint and bucket come from the environment as for `fota`. Exit 0 for 200
 * and 304. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/http_curl.h"
#include "s3/s3.h"

static enum fota_err take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    (void)off;
    return fwrite(bytes, 1, n_bytes, stdout) == n_bytes ? FOTA_OK : E_IO;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

int main(int argc, char **argv)
{
    const struct s3_config config = {.endpoint = setting("AWS_ENDPOINT_URL"),
                                     .region = setting("AWS_REGION"),
                                     .bucket = setting("FOTA_BUCKET"),
                                     .key_id = setting("AWS_ACCESS_KEY_ID"),
                                     .secret = setting("AWS_SECRET_ACCESS_KEY")};
    const struct s3_get_options options = {.if_none_match = argc > 2 ? argv[2] : NULL};
    const struct s3_taker taker = {take, NULL};
    struct http_curl *http = NULL;
    struct s3 s3;
    struct s3_reply reply;
    if (argc < 2 || http_curl_open(NULL, &http) != FOTA_OK ||
        s3_init(&s3, http_curl_http(http), &config) != FOTA_OK) {
        (void)fputs("usage: s3_get KEY [ETAG]\n", stderr);
        http_curl_close(http);
        return 2;
    }
    enum fota_err err = s3_get(&s3, argv[1], &options, (uint64_t)time(NULL), &taker, &reply);
    http_curl_close(http);
    (void)fprintf(stderr, "%u %s %s\n", reply.status, reply.etag, fota_err_name(err));
    return err ? 1 : 0;
}
