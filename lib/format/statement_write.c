#include "format/statement_write.h"

#include <string.h>

#include "statement_time.h"

enum { DECIMAL_DIGITS_MAX = 10 };

/* A piece that does not fit is left out whole, and so is everything after it. The writers therefore look
 * at is_full once, at their end, and never return a text with a hole in it. */
void statement_put(struct statement_text *t, const char *bytes, size_t n_bytes)
{
    if (t->is_full || n_bytes > t->cap_bytes - t->n_bytes) {
        t->is_full = true;
        return;
    }
    memcpy(t->at + t->n_bytes, bytes, n_bytes);
    t->n_bytes += n_bytes;
}

void statement_put_string(struct statement_text *t, const char *string)
{
    statement_put(t, string, strlen(string));
}

/* Always produces all ten digits of a 32-bit number and takes the last `n_digits`: leading zeros come by
 * themselves. */
void statement_put_digits(struct statement_text *t, uint32_t value, unsigned n_digits)
{
    char digits[DECIMAL_DIGITS_MAX];
    for (unsigned i = DECIMAL_DIGITS_MAX; i > 0; i--) {
        digits[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    const unsigned n = n_digits > DECIMAL_DIGITS_MAX ? DECIMAL_DIGITS_MAX : n_digits;
    statement_put(t, digits + DECIMAL_DIGITS_MAX - n, n);
}

void statement_put_u32(struct statement_text *t, uint32_t value)
{
    unsigned n_digits = 1;
    for (uint32_t rest = value / 10; rest != 0; rest /= 10) {
        n_digits++;
    }
    statement_put_digits(t, value, n_digits);
}

/* Lower case, as statement_hex wants it. */
void statement_put_hex(struct statement_text *t, const uint8_t *bytes, size_t n_bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n_bytes; i++) {
        const char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        statement_put(t, pair, sizeof pair);
    }
}

/* The packing of versions: major, minor, revision in 8, 8 and 16 bits, so that comparing two numbers
 * compares two versions. */
void statement_put_version(struct statement_text *t, uint32_t version)
{
    statement_put_u32(t, version >> 24);
    statement_put(t, ".", 1);
    statement_put_u32(t, version >> 16 & 0xFF);
    statement_put(t, ".", 1);
    statement_put_u32(t, version & 0xFFFF);
}

void statement_put_time(struct statement_text *t, uint64_t time_s)
{
    struct statement_date d = statement_date_of(time_s);
    statement_put_digits(t, d.year, 4);
    statement_put(t, "-", 1);
    statement_put_digits(t, d.month, 2);
    statement_put(t, "-", 1);
    statement_put_digits(t, d.day, 2);
    statement_put(t, "T", 1);
    statement_put_digits(t, d.second / 3600, 2);
    statement_put(t, ":", 1);
    statement_put_digits(t, d.second / 60 % 60, 2);
    statement_put(t, ":", 1);
    statement_put_digits(t, d.second % 60, 2);
    statement_put(t, "Z", 1);
}

void statement_put_base64(struct statement_text *t, const uint8_t *bytes, size_t n_bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="; /* padding last */
    /* Three bytes are four digits of six bits. In the last group the digits without a byte become padding,
     * whose place in the alphabet is 64. */
    for (size_t i = 0; i < n_bytes; i += 3) {
        const size_t n = n_bytes - i < 3 ? n_bytes - i : 3;
        const uint32_t bits = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (n > 2 ? bytes[i + 2] : 0u);
        const char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                               alphabet[n > 1 ? bits >> 6 & 63 : 64], alphabet[n > 2 ? bits & 63 : 64]};
        statement_put(t, group, sizeof group);
    }
}

enum fota_err statement_put_sig(struct statement_text *t, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                const uint8_t *der, size_t n_der_bytes)
{
    if (n_der_bytes == 0 || n_der_bytes > STATEMENT_DER_MAX_BYTES) {
        return E_ARG;
    }
    /* Written to a copy of the text's state: if the line does not fit, the statement ends where it ended
     * before. */
    struct statement_text longer = *t;
    statement_put_string(&longer, "sig=");
    statement_put_hex(&longer, key_id, STATEMENT_KEY_ID_BYTES);
    statement_put_string(&longer, ":");
    statement_put_base64(&longer, der, n_der_bytes);
    statement_put_string(&longer, "\n");
    if (longer.is_full) {
        return E_STATEMENT_SIZE;
    }
    *t = longer;
    return FOTA_OK;
}
