#include "s3/uri.h"

#include <string.h>

struct uri_text uri_text_begin(char *buffer, size_t cap_bytes)
{
    buffer[0] = '\0';
    return (struct uri_text){buffer, cap_bytes, 0, false};
}

void uri_put_bytes(struct uri_text *t, const char *bytes, size_t n_bytes)
{
    if (t->is_full || n_bytes >= t->cap_bytes - t->n_bytes) {
        t->is_full = true;
        return;
    }
    memcpy(t->at + t->n_bytes, bytes, n_bytes);
    t->n_bytes += n_bytes;
    t->at[t->n_bytes] = '\0';
}

void uri_put(struct uri_text *t, const char *string)
{
    uri_put_bytes(t, string, strlen(string));
}

void uri_put_number(struct uri_text *t, unsigned long long number)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[sizeof digits - ++n] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    uri_put_bytes(t, digits + sizeof digits - n, n);
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void uri_put_encoded(struct uri_text *t, const char *string, bool keeps_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const char *p = string; *p != '\0'; p++) {
        const unsigned char byte = (unsigned char)*p;
        const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (is_unreserved(*p) || (keeps_slash && *p == '/')) {
            uri_put_bytes(t, p, 1);
        } else {
            uri_put_bytes(t, escape, sizeof escape);
        }
    }
}
