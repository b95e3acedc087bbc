/*
 * Find credentials as the gateway does, and no more: for tests that have many ways to them and no board.
 *
 * Usage: credentials_find [PROFILE]     prints source, key id and token; exit 0, or 1 with the sentence on stderr
 */
#include <stdio.h>
#include <time.h>

#include "posix/http_curl.h"
#include "service/credentials.h"

int main(int argc, char **argv)
{
    static struct service_credentials found;
    struct http_curl *http = NULL;
    char why[SERVICE_WHY_BYTES] = "libcurl cannot be started";
    enum fota_err err = http_curl_open(NULL, &http);
    if (!err) {
        const struct service_search search = {.near = http_curl_http(http),
                                              .far = http_curl_http(http),
                                              .profile = argc > 1 ? argv[1] : NULL,
                                              .now_s = (uint64_t)time(NULL)};
        err = service_credentials_find(&search, &found, why);
    }
    http_curl_close(http);
    if (err) {
        (void)fprintf(stderr, "%s: %s\n", fota_err_name(err), why);
        return 1;
    }
    (void)printf("%s: %s %s\n", service_source_text(found.source), found.id, found.token);
    return 0;
}
