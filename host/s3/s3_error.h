/**
 * Error replies of S3: what an HTTP status and the XML's <Code> mean to us.
 */
#ifndef S3_S3_ERROR_H
#define S3_S3_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/**
 * Content of the first element `tag` in an S3 error document; entities are not decoded (codes have none).
 *
 * @param out  NUL-terminated, "" if absent or longer than cap_bytes - 1
 */
void s3_error_element(const char *xml, size_t n_bytes, const char *tag, char *out, size_t cap_bytes);

/** Error of a reply with a status other than 200, 206 and 304. `code` is "" when the body had none. */
enum fota_err s3_error_of(unsigned status, const char *code);

#endif
