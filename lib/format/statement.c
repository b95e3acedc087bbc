#include "format/statement.h"

enum { SIG_KEY_ID_CHARS = 2 * STATEMENT_KEY_ID_BYTES, BASE64_BAD = 64 };

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

/* Bytes of `key=` at the start of a line that has a value behind it; 0 if the line has another key or no
 * value. */
static size_t match_key(const struct statement_span *line, const char *key)
{
    const size_t n = begins_with(line, key);
    return n != 0 && n + 1 < line->n_bytes && line->at[n] == '=' ? n + 1 : 0;
}

/* An extension line `x-key=value` whose key sorts behind the previous one's, so that no key comes twice. */
static bool is_extension(const struct statement_span *line, const struct statement_span *previous)
{
    size_t n_key = 0;
    bool is_behind = previous->n_bytes == 0;
    while (n_key < line->n_bytes && line->at[n_key] != '=') {
        if (!is_behind && line->at[n_key] != previous->at[n_key]) { /* the previous key ends with a '=' */
            if (line->at[n_key] < previous->at[n_key]) {
                return false;
            }
            is_behind = true;
        }
        n_key++;
    }
    return is_behind && n_key > 2 && n_key + 1 < line->n_bytes && line->at[0] == 'x' && line->at[1] == '-';
}

enum fota_err statement_parse(const char *keys, const uint8_t *text, size_t n_bytes, struct statement *out)
{
    if (n_bytes > STATEMENT_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    struct statement_span extension = {NULL, 0};
    size_t n_fields = 0;
    size_t pos = 0;
    out->n_sigs = 0;
    while (out->n_sigs < STATEMENT_SIGS_MAX) {
        const struct statement_span line = line_at(text, n_bytes, pos);
        const size_t n_key = match_key(&line, *keys != '\0' ? keys : "sig");
        if (n_key == 0) {
            if (*keys != '\0' || out->n_sigs != 0 || !is_extension(&line, &extension)) {
                break;
            }
            extension = line;
        } else if (*keys != '\0') {
            out->field[n_fields++] = (struct statement_span){line.at + n_key, line.n_bytes - n_key};
            keys += n_key;
        } else {
            if (out->n_sigs == 0) {
                out->signed_bytes = pos;
            }
            out->sig[out->n_sigs++] = (struct statement_span){line.at + n_key, line.n_bytes - n_key};
        }
        pos += line.n_bytes + 1;
    }
    out->n_bytes = pos;
    return out->n_sigs == 0 ? E_STATEMENT_SYNTAX : FOTA_OK;
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
            result = E_STATEMENT_SIGNATURE;
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

/* Strict base64 (RFC 4648 4): whole groups of four, padding only at the end, unused bits zero; so that no two
 * texts stand for the same bytes. */
static enum fota_err base64_decode(const char *text, size_t n_chars, uint8_t *out, size_t cap, size_t *n_out)
{
    uint32_t bits = 0; /* its lowest n_bits are not written yet */
    unsigned n_bits = 0;
    size_t n = 0;
    size_t i = 0;
    for (; i < n_chars; i++) {
        const unsigned value = base64_value(text[i]);
        if (value == BASE64_BAD) {
            break;
        }
        bits = bits << 6 | value;
        n_bits += 6;
        if (n_bits >= 8) {
            if (n == cap) {
                return E_STATEMENT_SYNTAX;
            }
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    /* 0, 2 or 4 bits are left, and as many pairs of bits as there must be padding. */
    bool is_good =
        (bits & ((1u << n_bits) - 1)) == 0 && n_bits <= 4 && n_chars % 4 == 0 && n_chars - i == n_bits / 2;
    for (; i < n_chars; i++) {
        is_good = is_good && text[i] == '=';
    }
    *n_out = n;
    return is_good ? FOTA_OK : E_STATEMENT_SYNTAX;
}

enum fota_err statement_sig_decode(const struct statement_span *sig, uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                   uint8_t der[STATEMENT_DER_MAX_BYTES], size_t *n_der)
{
    const struct statement_span id = {sig->at, SIG_KEY_ID_CHARS};
    if (sig->n_bytes <= SIG_KEY_ID_CHARS + 1 || sig->at[SIG_KEY_ID_CHARS] != ':' ||
        statement_hex(&id, key_id, STATEMENT_KEY_ID_BYTES) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    return base64_decode(sig->at + SIG_KEY_ID_CHARS + 1, sig->n_bytes - SIG_KEY_ID_CHARS - 1, der,
                         STATEMENT_DER_MAX_BYTES, n_der);
}

bool statement_is(const struct statement_span *value, const char *text)
{
    return value->n_bytes != 0 && begins_with(value, text) == value->n_bytes;
}

/* `n_parts` decimal numbers with dots between them; the last one fills 16 bits, the others 8, a lone one 32.
 * No sign, no leading zero. */
static enum fota_err numbers(const struct statement_span *value, unsigned n_parts, uint32_t *out)
{
    uint32_t result = 0;
    size_t i = 0;
    for (unsigned part = 1; part <= n_parts; part++) {
        const uint32_t max = n_parts == 1 ? UINT32_MAX : part == n_parts ? 0xFFFF : 0xFF;
        const size_t start = i;
        uint32_t number = 0;
        for (; i < value->n_bytes && value->at[i] >= '0' && value->at[i] <= '9'; i++) {
            const uint32_t digit = (uint32_t)(value->at[i] - '0');
            if (number > (max - digit) / 10 || (number == 0 && i != start)) {
                return E_STATEMENT_SYNTAX;
            }
            number = number * 10 + digit;
        }
        const bool is_last = part == n_parts;
        if (i == start || is_last != (i == value->n_bytes) || (!is_last && value->at[i] != '.')) {
            return E_STATEMENT_SYNTAX;
        }
        i++;
        result = (max == 0xFFFF ? result << 16 : result << 8) | number;
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
