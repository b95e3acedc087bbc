#include "s3_error.h"

#include <stdint.h>
#include <string.h>

#include "s3/uri.h"

enum { TAG_MAX_BYTES = 32 };

/* Position of `needle` in xml[from..), or n_bytes. */
static size_t find(const char *xml, size_t n_bytes, size_t from, const char *needle, size_t n_needle)
{
    for (size_t i = from; i + n_needle <= n_bytes; i++) {
        if (memcmp(xml + i, needle, n_needle) == 0) {
            return i;
        }
    }
    return n_bytes;
}

void s3_error_element(const char *xml, size_t n_bytes, const char *tag, char *out, size_t cap_bytes)
{
    char open[TAG_MAX_BYTES];
    struct uri_text t = uri_text_begin(open, sizeof open);
    uri_put(&t, "<");
    uri_put(&t, tag);
    uri_put(&t, ">");
    out[0] = '\0';
    const size_t at = t.is_full ? n_bytes : find(xml, n_bytes, 0, open, t.n_bytes);
    if (at == n_bytes) {
        return;
    }
    const size_t start = at + t.n_bytes;
    const size_t end = find(xml, n_bytes, start, "</", 2);
    if (end == n_bytes || end - start >= cap_bytes) {
        return;
    }
    memcpy(out, xml + start, end - start);
    out[end - start] = '\0';
}

enum fota_err s3_error_of(unsigned status, const char *code)
{
    static const struct {
        const char *code;
        enum fota_err err;
    } codes[] = {
        {"RequestTimeTooSkewed", E_S3_CLOCK},
        {"NoSuchBucket", E_S3_NO_BUCKET},
        {"NoSuchKey", E_S3_NO_KEY},
        {"PreconditionFailed", E_S3_PRECONDITION},
        {"ConditionalRequestConflict", E_S3_PRECONDITION},
        {"SlowDown", E_S3_THROTTLED},
        {"PermanentRedirect", E_S3_REGION},
        {"TemporaryRedirect", E_S3_REGION},
        {"AuthorizationHeaderMalformed", E_S3_REGION},
        {"InvalidAccessKeyId", E_S3_CREDENTIALS},
        {"SignatureDoesNotMatch", E_S3_CREDENTIALS},
        {"ExpiredToken", E_S3_CREDENTIALS},
        {"InvalidToken", E_S3_CREDENTIALS},
        {"InvalidRange", E_S3_RANGE},
        {"NotImplemented", E_UNSUPPORTED},
    };
    static const struct {
        unsigned status;
        enum fota_err err;
    } statuses[] = {
        {301, E_S3_REGION},    {307, E_S3_REGION},       {401, E_S3_CREDENTIALS},  {403, E_S3_CREDENTIALS},
        {404, E_S3_NO_KEY},    {409, E_S3_PRECONDITION}, {412, E_S3_PRECONDITION}, {416, E_S3_RANGE},
        {429, E_S3_THROTTLED}, {501, E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].code, code) == 0) {
            return codes[i].err;
        }
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status) {
            return statuses[i].err;
        }
    }
    return status >= 500 ? E_S3_SERVER : E_HTTP_STATUS;
}
