#include "idf_pem.h"

#include <stdbool.h>
#include <string.h>

/* SubjectPublicKeyInfo of a P-256 key up to the point (RFC 5480): ecPublicKey, prime256v1, uncompressed. */
static const uint8_t P256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                               0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

enum {
    KEY_BYTES = sizeof P256 + CRYPTO_POINT_BYTES,
    DER_SEQUENCE = 0x30,
    DER_HEAD_BYTES = 4,
    UNCOMPRESSED = 4
};

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* The bytes between BEGIN and END. The first `cap` are kept. @return how many there are; 0: no such text */
static size_t decode(const char *pem, const char *begin, const char *end, uint8_t *out, size_t cap)
{
    const char *at = pem ? strstr(pem, begin) : NULL;
    const char *stop = at ? strstr(at, end) : NULL;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    bool is_padded = false;
    if (!stop) {
        return 0;
    }
    for (at += strlen(begin); at < stop; at++) {
        const int value = digit(*at);
        if (is_space(*at)) {
            continue;
        }
        if (value < 0 || is_padded) {
            if (*at != '=') {
                return 0;
            }
            is_padded = true;
            continue;
        }
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            if (n < cap) {
                out[n] = (uint8_t)(bits >> n_bits);
            }
            n++;
        }
    }
    return n;
}

enum fota_err idf_pem_key(const char *pem, uint8_t point[CRYPTO_POINT_BYTES])
{
    uint8_t der[KEY_BYTES];
    const size_t n = decode(pem, "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----", der, sizeof der);
    if (n == 0 || der[0] != DER_SEQUENCE) {
        return E_KEY_FILE;
    }
    if (n != KEY_BYTES || memcmp(der, P256, sizeof P256) != 0 || der[sizeof P256] != UNCOMPRESSED) {
        return E_CRYPTO_KEY;
    }
    memcpy(point, der + sizeof P256, CRYPTO_POINT_BYTES);
    return FOTA_OK;
}

enum fota_err idf_pem_certificate(const char *pem)
{
    uint8_t head[DER_HEAD_BYTES] = {0};
    const size_t n =
        decode(pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", head, sizeof head);
    const size_t said = ((size_t)head[2] << 8 | head[3]) + DER_HEAD_BYTES;
    /* Every certificate is longer than 255 bytes and shorter than 64 KB. */
    return n > DER_HEAD_BYTES && head[0] == DER_SEQUENCE && head[1] == 0x82 && said == n ? FOTA_OK
                                                                                         : E_KEY_FILE;
}
