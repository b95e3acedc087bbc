#include "s3/sigv4.h"

#include <string.h>

#include "crypto/crypto.h"
#include "s3/date.h"
#include "s3/uri.h"

enum { SCOPE_MAX_BYTES = 96, HMAC_BLOCK_BYTES = 64, DAY_CHARS = 8 };

/* Keyed hash (RFC 2104). */
struct hmac {
    struct crypto_sha256 inner;
    struct crypto_sha256 outer;
};

/* Key of one block, padded with zeros. */
static void hmac_init_block(struct hmac *h, uint8_t pad[HMAC_BLOCK_BYTES])
{
    for (size_t i = 0; i < HMAC_BLOCK_BYTES; i++) {
        pad[i] ^= 0x36;
    }
    crypto_sha256_init(&h->inner);
    crypto_sha256_update(&h->inner, pad, HMAC_BLOCK_BYTES);
    for (size_t i = 0; i < HMAC_BLOCK_BYTES; i++) {
        pad[i] ^= 0x36 ^ 0x5C;
    }
    crypto_sha256_init(&h->outer);
    crypto_sha256_update(&h->outer, pad, HMAC_BLOCK_BYTES);
}

/* Key `AWS4` and secret, of any length: longer than a block, its hash is the key. */
static void hmac_init_secret(struct hmac *h, const char *secret)
{
    static const char prefix[] = {'A', 'W', 'S', '4'};
    uint8_t pad[HMAC_BLOCK_BYTES] = {0};
    const size_t n_secret = strlen(secret);
    if (sizeof prefix + n_secret > sizeof pad) {
        struct crypto_sha256 sha;
        crypto_sha256_init(&sha);
        crypto_sha256_update(&sha, prefix, sizeof prefix);
        crypto_sha256_update(&sha, secret, n_secret);
        crypto_sha256_final(&sha, pad);
    } else {
        memcpy(pad, prefix, sizeof prefix);
        memcpy(pad + sizeof prefix, secret, n_secret);
    }
    hmac_init_block(h, pad);
}

static void hmac_init_derived(struct hmac *h, const uint8_t key[CRYPTO_SHA256_BYTES])
{
    uint8_t pad[HMAC_BLOCK_BYTES] = {0};
    memcpy(pad, key, CRYPTO_SHA256_BYTES);
    hmac_init_block(h, pad);
}

static void hmac_final(struct hmac *h, uint8_t out[CRYPTO_SHA256_BYTES])
{
    crypto_sha256_final(&h->inner, out);
    crypto_sha256_update(&h->outer, out, CRYPTO_SHA256_BYTES);
    crypto_sha256_final(&h->outer, out);
}

static void hmac_string(const uint8_t key[CRYPTO_SHA256_BYTES], const char *string, size_t n_bytes,
                        uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct hmac h;
    hmac_init_derived(&h, key);
    crypto_sha256_update(&h.inner, string, n_bytes);
    hmac_final(&h, out);
}

static void hex_of(const uint8_t hash[CRYPTO_SHA256_BYTES], char out[SIGV4_SHA256_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CRYPTO_SHA256_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[SIGV4_SHA256_BYTES - 1] = '\0';
}

void sigv4_date(uint64_t time_s, char out[SIGV4_DATE_BYTES])
{
    date_basic(time_s, out);
}

void sigv4_payload_sha256(const uint8_t *bytes, size_t n_bytes, char out[SIGV4_SHA256_BYTES])
{
    struct crypto_sha256 sha;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    crypto_sha256_init(&sha);
    crypto_sha256_update(&sha, bytes, n_bytes);
    crypto_sha256_final(&sha, hash);
    hex_of(hash, out);
}

/* Indices of the headers sorted by name. */
static void sort_headers(const struct sigv4_request *r, size_t order[SIGV4_HEADERS_MAX])
{
    for (size_t i = 0; i < r->n_headers; i++) {
        size_t at = i;
        while (at > 0 && strcmp(r->header[order[at - 1]].name, r->header[i].name) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

static void put_signed_headers(struct uri_text *t, const struct sigv4_request *r, const char *separator)
{
    size_t order[SIGV4_HEADERS_MAX];
    sort_headers(r, order);
    for (size_t i = 0; i < r->n_headers; i++) {
        uri_put(t, i == 0 ? "" : separator);
        uri_put(t, r->header[order[i]].name);
    }
}

static void hash_string(struct crypto_sha256 *sha, const char *string)
{
    crypto_sha256_update(sha, string, strlen(string));
}

/* Hex hash of the canonical request. */
static void hash_request(const struct sigv4_request *r, const char *query, char out[SIGV4_SHA256_BYTES])
{
    struct crypto_sha256 sha;
    crypto_sha256_init(&sha);
    const char *head[] = {r->method, "\n", r->path, "\n", query, "\n"};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        hash_string(&sha, head[i]);
    }
    size_t order[SIGV4_HEADERS_MAX];
    sort_headers(r, order);
    for (size_t i = 0; i < r->n_headers; i++) {
        hash_string(&sha, r->header[order[i]].name);
        hash_string(&sha, ":");
        hash_string(&sha, r->header[order[i]].value);
        hash_string(&sha, "\n");
    }
    for (size_t i = 0; i < r->n_headers; i++) {
        hash_string(&sha, i == 0 ? "\n" : ";");
        hash_string(&sha, r->header[order[i]].name);
    }
    hash_string(&sha, "\n");
    hash_string(&sha, r->payload_sha256);
    uint8_t hash[CRYPTO_SHA256_BYTES];
    crypto_sha256_final(&sha, hash);
    hex_of(hash, out);
}

static const char *service_of(const struct sigv4_key *key)
{
    return key->service ? key->service : "s3";
}

/* `<day>/<region>/<service>/aws4_request` */
static enum fota_err scope_of(const struct sigv4_key *key, const char *date, char out[SCOPE_MAX_BYTES])
{
    struct uri_text t = uri_text_begin(out, SCOPE_MAX_BYTES);
    uri_put_bytes(&t, date, DAY_CHARS);
    uri_put(&t, "/");
    uri_put(&t, key->region);
    uri_put(&t, "/");
    uri_put(&t, service_of(key));
    uri_put(&t, "/aws4_request");
    return t.is_full ? E_NO_SPACE : FOTA_OK;
}

/* Signature over date, scope and the hash of the canonical request. */
static void sign(const struct sigv4_key *key, const char *date, const char *scope, const char *request_sha256,
                 char out[SIGV4_SHA256_BYTES])
{
    uint8_t k[CRYPTO_SHA256_BYTES];
    struct hmac h;
    hmac_init_secret(&h, key->secret);
    crypto_sha256_update(&h.inner, date, DAY_CHARS);
    hmac_final(&h, k);
    hmac_string(k, key->region, strlen(key->region), k);
    hmac_string(k, service_of(key), strlen(service_of(key)), k);
    hmac_string(k, "aws4_request", 12, k);
    hmac_init_derived(&h, k);
    const char *text[] = {"AWS4-HMAC-SHA256\n", date, "\n", scope, "\n", request_sha256};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        hash_string(&h.inner, text[i]);
    }
    hmac_final(&h, k);
    hex_of(k, out);
}

enum fota_err sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *request, char *out,
                                  size_t cap_bytes)
{
    if (request->n_headers == 0 || request->n_headers > SIGV4_HEADERS_MAX || cap_bytes == 0) {
        return E_ARG;
    }
    char date[SIGV4_DATE_BYTES];
    char scope[SCOPE_MAX_BYTES];
    char request_sha256[SIGV4_SHA256_BYTES];
    char signature[SIGV4_SHA256_BYTES];
    date_basic(request->time_s, date);
    enum fota_err err = scope_of(key, date, scope);
    if (err) {
        return err;
    }
    hash_request(request, request->query, request_sha256);
    sign(key, date, scope, request_sha256, signature);
    struct uri_text t = uri_text_begin(out, cap_bytes);
    uri_put(&t, "AWS4-HMAC-SHA256 Credential=");
    uri_put(&t, key->id);
    uri_put(&t, "/");
    uri_put(&t, scope);
    uri_put(&t, ", SignedHeaders=");
    put_signed_headers(&t, request, ";");
    uri_put(&t, ", Signature=");
    uri_put(&t, signature);
    return t.is_full ? E_NO_SPACE : FOTA_OK;
}

enum fota_err sigv4_presign(const struct sigv4_key *key, const struct sigv4_request *request,
                            uint32_t expires_s, const char *token, char *out, size_t cap_bytes)
{
    if (request->n_headers == 0 || request->n_headers > SIGV4_HEADERS_MAX || request->query[0] != '\0' ||
        expires_s == 0 || expires_s > SIGV4_PRESIGN_EXPIRES_MAX_S || cap_bytes == 0) {
        return E_ARG;
    }
    char date[SIGV4_DATE_BYTES];
    char scope[SCOPE_MAX_BYTES];
    date_basic(request->time_s, date);
    enum fota_err err = scope_of(key, date, scope);
    if (err) {
        return err;
    }
    struct uri_text t = uri_text_begin(out, cap_bytes);
    uri_put(&t, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    uri_put_encoded(&t, key->id, false);
    uri_put(&t, "%2F");
    uri_put_encoded(&t, scope, false);
    uri_put(&t, "&X-Amz-Date=");
    uri_put(&t, date);
    uri_put(&t, "&X-Amz-Expires=");
    uri_put_number(&t, expires_s);
    if (token) {
        uri_put(&t, "&X-Amz-Security-Token=");
        uri_put_encoded(&t, token, false);
    }
    uri_put(&t, "&X-Amz-SignedHeaders=");
    put_signed_headers(&t, request, "%3B");
    if (t.is_full) {
        return E_NO_SPACE;
    }
    char request_sha256[SIGV4_SHA256_BYTES];
    char signature[SIGV4_SHA256_BYTES];
    hash_request(request, out, request_sha256);
    sign(key, date, scope, request_sha256, signature);
    uri_put(&t, "&X-Amz-Signature=");
    uri_put(&t, signature);
    return t.is_full ? E_NO_SPACE : FOTA_OK;
}
