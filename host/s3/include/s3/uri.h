/**
 * AWS's UriEncode and bounded strings.
 */
#ifndef S3_URI_H
#define S3_URI_H

#include <stdbool.h>
#include <stddef.h>

/** A NUL-terminated string being built in the caller's buffer. What does not fit sets is_full and is left
 * out. */
struct uri_text {
    char *at;
    size_t cap_bytes; /* with room for the NUL */
    size_t n_bytes;
    bool is_full;
};

/**
 * Begin an empty string.
 * @param cap_bytes  at least 1
 */
struct uri_text uri_text_begin(char *buffer, size_t cap_bytes);

/** Append a string as it is. */
void uri_put(struct uri_text *t, const char *string);

/** Append `n_bytes` as they are. */
void uri_put_bytes(struct uri_text *t, const char *bytes, size_t n_bytes);

/** Append a decimal number. */
void uri_put_number(struct uri_text *t, unsigned long long number);

/**
 * Append a string URI-encoded once: letters, digits, hyphen, dot, underscore and tilde stay. Every other byte
 * becomes a percent sign and two hex digits in upper case.
 *
 * @param keeps_slash  true in object keys, where a slash stays
 */
void uri_put_encoded(struct uri_text *t, const char *string, bool keeps_slash);

#endif
