/**
 * Dates of HTTP and SigV4 (UTC, 1970..9999), without the C library's time zone machinery.
 */
#ifndef S3_DATE_H
#define S3_DATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { DATE_BASIC_BYTES = 17 };

/** `yyyymmddThhmmssZ` and NUL. Times beyond the year 9999 count as its end. */
void date_basic(uint64_t time_s, char out[DATE_BASIC_BYTES]);

/**
 * Read an HTTP date, `Tue, 24 Nov 2026 08:00:00 GMT` (RFC 9110 5.6.7, preferred form).
 *
 * @return FOTA_OK · E_HTTP_REPLY
 */
FOTA_MUST_CHECK
enum fota_err date_http(const char *text, size_t n_bytes, uint64_t *time_s);

#endif
