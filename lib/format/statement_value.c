#include "statement_value.h"

/* Nine digits always fit 32 bits, so the sum needs no test for overflow. */
enum { DIGITS_MAX = 9 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Names become parts of object keys (docs/spec/statement.md 5), and a store may keep those as files. Lower
 * case only, because some file systems do not tell the cases apart; no dot, dash or underscore in front,
 * because such a name is hidden, or is read as an option of a command. */
bool statement_is_name(const struct statement_span *value, size_t max_bytes)
{
    if (value->n_bytes == 0 || value->n_bytes > max_bytes ||
        (!is_lower(value->at[0]) && !is_digit(value->at[0]))) {
        return false;
    }
    for (size_t i = 0; i < value->n_bytes; i++) {
        const char c = value->at[i];
        if (!is_lower(c) && !is_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

static bool is_path_char(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

/* Key of an object in the store. Each part between slashes has at least one character and does not begin
 * with a dot: stores and proxies rewrite `//`, `.` and `..`, and then the object that is fetched is not
 * the one whose key was signed. */
bool statement_is_object(const struct statement_span *value, size_t max_bytes)
{
    if (value->n_bytes > max_bytes) {
        return false;
    }
    size_t start = 0;
    for (size_t i = 0; i <= value->n_bytes; i++) {
        /* The end of the text ends a part as a slash does, so the last part is judged by the same lines. */
        if (i != value->n_bytes && value->at[i] != '/') {
            if (!is_path_char(value->at[i])) {
                return false;
            }
            continue;
        }
        if (i == start || value->at[start] == '.') {
            return false;
        }
        start = i + 1;
    }
    return true;
}

/* Printable ASCII without line ends: a value can neither add a line to the statement nor control a
 * terminal that shows it. */
bool statement_is_text(const struct statement_span *value, size_t max_bytes)
{
    for (size_t i = 0; i < value->n_bytes; i++) {
        if (value->at[i] < ' ' || value->at[i] > '~') {
            return false;
        }
    }
    return value->n_bytes != 0 && value->n_bytes <= max_bytes;
}

/* Digits of a fixed form, as in dates, where leading zeros belong to it. statement_u32 refuses those. */
enum fota_err statement_digits(const struct statement_span *value, uint32_t *out)
{
    uint32_t number = 0;
    if (value->n_bytes == 0 || value->n_bytes > DIGITS_MAX) {
        return E_STATEMENT_SYNTAX;
    }
    for (size_t i = 0; i < value->n_bytes; i++) {
        if (!is_digit(value->at[i])) {
            return E_STATEMENT_SYNTAX;
        }
        number = number * 10 + (uint32_t)(value->at[i] - '0');
    }
    *out = number;
    return FOTA_OK;
}

void statement_put_span(struct statement_text *t, const char *prefix, const struct statement_span *value)
{
    statement_put_string(t, prefix);
    statement_put(t, value->at, value->n_bytes);
    statement_put_string(t, "\n");
}
