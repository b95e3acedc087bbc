/**
 * Values of statements that only the host reads: names, paths, texts.
 */
#ifndef FORMAT_STATEMENT_VALUE_H
#define FORMAT_STATEMENT_VALUE_H

#include "format/statement.h"
#include "format/statement_write.h"

/** 1..max bytes of `a-z 0-9 . _ -`, the first one a letter or digit: safe as part of an object key. */
bool statement_is_name(const struct statement_span *value, size_t max_bytes);

/** An object key: 1..max bytes of `A-Z a-z 0-9 . _ - /`, no part empty or beginning with a dot, so that it
 * cannot leave its bucket's prefix on any store. */
bool statement_is_object(const struct statement_span *value, size_t max_bytes);

/** 1..max bytes of printable ASCII. */
bool statement_is_text(const struct statement_span *value, size_t max_bytes);

/**
 * Decimal digits, leading zeros allowed, at most 9 of them.
 * @return FOTA_OK · E_STATEMENT_SYNTAX
 */
FOTA_MUST_CHECK
enum fota_err statement_digits(const struct statement_span *value, uint32_t *out);

/** Write `prefix`, the value, and a newline. */
void statement_put_span(struct statement_text *t, const char *prefix, const struct statement_span *value);

#endif
