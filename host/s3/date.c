#include "s3/date.h"

#include <string.h>

#include "format/channel_statement.h"
#include "format/statement_write.h"

/* Statements hold `yyyy-mm-ddThh:mm:ssZ`; both forms here are that with other separators. */
enum { ISO_CHARS = 20 };

void date_basic(uint64_t time_s, char out[DATE_BASIC_BYTES])
{
    char iso[ISO_CHARS];
    struct statement_text t = {iso, sizeof iso, 0, false};
    statement_put_time(&t, time_s);
    size_t n = 0;
    for (size_t i = 0; i < ISO_CHARS; i++) {
        if (iso[i] != '-' && iso[i] != ':') {
            out[n++] = iso[i];
        }
    }
    out[n] = '\0';
}

enum fota_err date_http(const char *text, size_t n_bytes, uint64_t *time_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char shape[] = "???, ?? ??? ???? ??:??:?? GMT";
    if (n_bytes != sizeof shape - 1) {
        return E_HTTP_REPLY;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        if (shape[i] != '?' && shape[i] != text[i]) {
            return E_HTTP_REPLY;
        }
    }
    unsigned month = 0;
    while (month < 12 && memcmp(months + 3 * (size_t)month, text + 8, 3) != 0) {
        month++;
    }
    char iso[ISO_CHARS];
    struct statement_text t = {iso, sizeof iso, 0, false};
    statement_put(&t, text + 12, 4);
    statement_put(&t, "-", 1);
    statement_put_digits(&t, month + 1, 2);
    statement_put(&t, "-", 1);
    statement_put(&t, text + 5, 2);
    statement_put(&t, "T", 1);
    statement_put(&t, text + 17, 8);
    statement_put(&t, "Z", 1);
    const struct statement_span span = {iso, t.n_bytes};
    return statement_time(&span, time_s) == FOTA_OK ? FOTA_OK : E_HTTP_REPLY;
}
