#include "format/statement.h"

enum {
    SIG_KEY_ID_CHARS = 2 * STATEMENT_KEY_ID_BYTES,
    SIG_PREFIX_CHARS = SIG_KEY_ID_CHARS + 1,
    SIG_BASE64_MAX_CHARS = STATEMENT_DER_MAX_BYTES / 3 * 4,
    BASE64_BAD = 64
};

/* The line at text[pos], without its newline. Absent (at NULL) if it has no newline or a byte that is not
 * printable ASCII. */
static struct statement_span line_at(const uint8_t *text, size_t n_bytes, size_t pos)
{
    struct statement_span line = {NULL, 0};
    size_t end = pos;
    while (end < n_bytes && text[end] >= ' ' && text[end] <= '~') {
        end++;
    }
    if (end < n_bytes && text[end] == '\n') {
        line.at = (const char *)text + pos;
        line.n_bytes = end - pos;
    }
    return line;
}

/* Length of `text` if the span begins with it, else 0. By hand: strlen and memcmp would cost 300 bytes of
 * flash. */
static size_t begins_with(const struct statement_span *span, const char *text)
{
    size_t i = 0;
    while (text[i] != '\0') {
        if (i == span->n_bytes || span->at[i] != text[i]) {
            return 0;
        }
        i++;
    }
    return i;
}

/* Bytes of `key=` at the start of a line that has a value after it; 0 if the line has another key or no
 * value. */
static size_t match_key(const struct statement_span *line, const char *key)
{
    const size_t n = begins_with(line, key);
    return n != 0 && n + 1 < line->n_bytes && line->at[n] == '=' ? n + 1 : 0;
}

/* An extension line `x-key=value` whose key sorts after the previous one's, so that no key comes twice. */
static bool is_extension(const struct statement_span *line, const struct statement_span *previous)
{
    size_t n_key = 0;
    bool is_after = previous->n_bytes == 0;
    while (n_key < line->n_bytes && line->at[n_key] != '=') {
        if (!is_after && line->at[n_key] != previous->at[n_key]) { /* the previous key ends with a '=' */
            if (line->at[n_key] < previous->at[n_key]) {
                return false;
            }
            is_after = true;
        }
        n_key++;
    }
    return is_after && n_key > 2 && n_key + 1 < line->n_bytes && line->at[0] == 'x' && line->at[1] == '-';
}

enum fota_err statement_parse(const char *keys, const uint8_t *text, size_t n_bytes, struct statement *out)
{
    if (n_bytes > STATEMENT_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    const char format = *keys++;
    struct statement_span *next = out->field; /* then out->sig, when the last key was met */
    struct statement_span extension = {NULL, 0};
    size_t pos = 0;
    while (next != out->sig + STATEMENT_SIGS_MAX) {
        const struct statement_span line = line_at(text, n_bytes, pos);
        const size_t n_key = match_key(&line, *keys != '\0' ? keys : "sig");
        if (n_key != 0) {
            next->at = line.at + n_key;
            next->n_bytes = line.n_bytes - n_key;
            if (pos == 0 && (next->n_bytes != 1 || *next->at != format)) {
                return E_STATEMENT_FORMAT;
            }
            next++;
            if (*keys != '\0') {
                keys += n_key;
                next = *keys != '\0' ? next : out->sig;
            }
        } else if (next == out->sig && is_extension(&line, &extension)) {
            extension = line;
        } else {
            break;
        }
        pos += line.n_bytes + 1;
    }
    if (*keys != '\0' || next == out->sig) {
        return E_STATEMENT_SYNTAX;
    }
    out->n_sigs = (size_t)(next - out->sig);
    out->signed_bytes = (size_t)(out->sig[0].at - (const char *)text) - (sizeof "sig=" - 1);
    out->n_bytes = pos;
    return FOTA_OK;
}

enum fota_err statement_verify(const struct statement *s, const uint8_t *text,
                               const struct statement_verifier *v)
{
    enum fota_err result = E_STATEMENT_KEY;
    for (size_t i = 0; i < s->n_sigs; i++) {
        uint8_t key_id[STATEMENT_KEY_ID_BYTES];
        uint8_t der[STATEMENT_DER_MAX_BYTES];
        size_t n_der = 0;
        enum fota_err err = statement_sig_decode(&s->sig[i], key_id, der, &n_der);
        if (err) {
            return err;
        }
        if (result == FOTA_OK) {
            continue; /* verified already; the other lines only have to be well-formed */
        }
        err = v->check(v->ctx, key_id, text, s->signed_bytes, der, n_der);
        if (err == FOTA_OK) {
            result = FOTA_OK;
        } else if (err != E_STATEMENT_KEY) {
            result = err;
        }
    }
    return result;
}

static unsigned base64_value(char c)
{
    static const struct {
        char first;
        uint8_t n;
    } runs[] = {{'A', 26}, {'a', 26}, {'0', 10}, {'+', 1}, {'/', 1}};
    unsigned base = 0;
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        const unsigned distance = (unsigned)(uint8_t)c - (unsigned)(uint8_t)runs[i].first;
        if (distance < runs[i].n) {
            return base + distance;
        }
        base += runs[i].n;
    }
    return BASE64_BAD;
}

enum fota_err statement_sig_decode(const struct statement_span *sig, uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                   uint8_t der[STATEMENT_DER_MAX_BYTES], size_t *n_der)
{
    const struct statement_span id = {sig->at, SIG_KEY_ID_CHARS};
    if (sig->n_bytes < SIG_PREFIX_CHARS + 4 || sig->n_bytes > SIG_PREFIX_CHARS + SIG_BASE64_MAX_CHARS ||
        sig->n_bytes % 4 != SIG_PREFIX_CHARS % 4 || sig->at[SIG_KEY_ID_CHARS] != ':' ||
        statement_hex(&id, key_id, STATEMENT_KEY_ID_BYTES) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    /* Strict base64 (RFC 4648 4): whole groups of four, at most two of padding at the end, unused bits zero;
     * so that no two texts stand for the same bytes. */
    const char *at = sig->at + SIG_PREFIX_CHARS;
    const char *end = sig->at + sig->n_bytes;
    end -= end[-1] == '=' ? 1 : 0;
    end -= end[-1] == '=' ? 1 : 0;
    uint32_t bits = 0; /* its lowest n_bits are not written yet */
    unsigned n_bits = 0;
    size_t n = 0;
    for (; at != end; at++) {
        const unsigned value = base64_value(*at);
        if (value == BASE64_BAD) {
            return E_STATEMENT_SYNTAX;
        }
        bits = bits << 6 | value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            der[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    *n_der = n;
    return (bits & ((1u << n_bits) - 1)) == 0 ? FOTA_OK : E_STATEMENT_SYNTAX;
}

bool statement_is(const struct statement_span *value, const char *text)
{
    return value->n_bytes != 0 && begins_with(value, text) == value->n_bytes;
}

/* `n_parts` decimal numbers with dots between them; the last one fills 16 bits, the others 8, a lone one 32.
 * No sign, no leading zero. */
static enum fota_err numbers(const struct statement_span *value, unsigned n_parts, uint32_t *out)
{
    const char *at = value->at;
    const char *end = at + value->n_bytes;
    uint32_t result = 0;
    for (unsigned left = n_parts; left > 0; left--) {
        const unsigned n_bits = n_parts == 1 ? 32 : left == 1 ? 16 : 8;
        const uint32_t max = UINT32_MAX >> (32 - n_bits);
        const char *start = at;
        uint32_t number = 0;
        for (; at != end; at++) {
            const unsigned digit = (unsigned)(uint8_t)*at - '0';
            if (digit > 9) {
                break;
            }
            if (number > (max - digit) / 10 ||
                (number == 0 && at != start)) { /* too large, or a leading zero */
                return E_STATEMENT_SYNTAX;
            }
            number = number * 10 + digit;
        }
        if (at == start || (left == 1) != (at == end) || (left != 1 && *at++ != '.')) {
            return E_STATEMENT_SYNTAX;
        }
        result = result << (n_bits / 2) << (n_bits / 2) | number; /* a shift by 32 is none */
    }
    *out = result;
    return FOTA_OK;
}

enum fota_err statement_u32(const struct statement_span *value, uint32_t *out)
{
    return numbers(value, 1, out);
}

enum fota_err statement_version(const struct statement_span *value, uint32_t *out)
{
    return numbers(value, 3, out);
}

enum fota_err statement_hex(const struct statement_span *value, uint8_t *out, size_t n_bytes)
{
    if (value->n_bytes != 2 * n_bytes) {
        return E_STATEMENT_SYNTAX;
    }
    unsigned nibbles = 0;
    for (size_t i = 0; i < value->n_bytes; i++) {
        const unsigned digit = (unsigned)(uint8_t)value->at[i] - '0';
        const unsigned letter = (unsigned)(uint8_t)value->at[i] - 'a';
        if (digit > 9 && letter > 5) {
            return E_STATEMENT_SYNTAX;
        }
        nibbles = nibbles << 4 | (digit <= 9 ? digit : letter + 10);
        out[i / 2] = (uint8_t)nibbles; /* whole after the second digit */
    }
    return FOTA_OK;
}
