#include "release/offer.h"

#include <string.h>

#include "format/statement_write.h"

static void hash_of(const void *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 sha;
    crypto_sha256_init(&sha);
    crypto_sha256_update(&sha, bytes, n_bytes);
    crypto_sha256_final(&sha, out);
}

static enum fota_err check(void *ctx, const uint8_t id[STATEMENT_KEY_ID_BYTES], const uint8_t *text,
                           size_t n_bytes, const uint8_t *der, size_t n_der_bytes)
{
    struct trust *trust = ctx;
    for (size_t i = 0; i < trust->n_keys; i++) {
        const struct key *key = trust->key[i];
        if (memcmp(key_id(key), id, STATEMENT_KEY_ID_BYTES) != 0) {
            continue;
        }
        uint8_t hash[CRYPTO_SHA256_BYTES];
        hash_of(text, n_bytes, hash);
        if (crypto_p256_verify(key->point, hash, der, n_der_bytes) != CRYPTO_ACCEPT) {
            return E_STATEMENT_SIGNATURE;
        }
        trust->accepted = key;
        return FOTA_OK;
    }
    return E_STATEMENT_KEY;
}

struct statement_verifier trust_verifier(struct trust *trust)
{
    trust->accepted = NULL;
    return (struct statement_verifier){check, trust};
}

static enum fota_err sign(struct statement_text *t, size_t signed_bytes, const struct key *signer)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    hash_of(t->at, signed_bytes, hash);
    enum fota_err err = key_sign(signer, hash, der, &n_der);
    return err ? err : statement_put_sig(t, key_id(signer), der, n_der);
}

enum fota_err offer_write_release(const struct release *release, const struct key *const *signer,
                                  size_t n_signers, struct signed_text *out)
{
    struct statement_text t = {out->text, STATEMENT_RELEASE_MAX_BYTES, 0, false};
    enum fota_err err = n_signers >= 1 && n_signers <= STATEMENT_SIGS_MAX
                            ? release_print(release, out->text, &t.n_bytes)
                            : E_ARG;
    const size_t signed_bytes = t.n_bytes;
    for (size_t i = 0; i < n_signers && !err; i++) {
        err = sign(&t, signed_bytes, signer[i]);
    }
    out->n_bytes = t.n_bytes;
    return err;
}

enum fota_err offer_write_channel(const struct channel *channel, const struct key *signer,
                                  const struct signed_text *release, struct signed_text *out)
{
    struct channel c = *channel;
    struct statement_text t = {out->text, sizeof out->text, 0, false};
    hash_of(release->text, release->n_bytes, c.release_sha256);
    enum fota_err err = channel_print(&c, out->text, &t.n_bytes);
    if (err) {
        return err;
    }
    err = sign(&t, t.n_bytes, signer);
    if (err) {
        return err;
    }
    statement_put_string(&t, "\n");
    statement_put(&t, release->text, release->n_bytes);
    out->n_bytes = t.n_bytes;
    return t.is_full ? E_STATEMENT_SIZE : FOTA_OK;
}

enum fota_err offer_write_loader(const struct loader_release *loader, const struct key *signer,
                                 struct signed_text *out)
{
    struct statement_text t = {out->text, STATEMENT_RELEASE_MAX_BYTES, 0, false};
    enum fota_err err = loader_print(loader, out->text, &t.n_bytes);
    if (!err) {
        err = sign(&t, t.n_bytes, signer);
    }
    out->n_bytes = t.n_bytes;
    return err;
}

enum fota_err offer_read_loader(const uint8_t *text, size_t n_bytes, struct trust *trust, const char *hw,
                                struct loader_release *out)
{
    struct statement s;
    enum fota_err err = loader_parse(text, n_bytes, &s);
    if (err) {
        return err;
    }
    const struct statement_verifier v = trust_verifier(trust);
    err = statement_verify(&s, text, &v);
    return err ? err : loader_read(&s, hw, out);
}

void offer_text_sha256(const struct signed_text *text, uint8_t out[CRYPTO_SHA256_BYTES])
{
    hash_of(text->text, text->n_bytes, out);
}

enum fota_err offer_read_release(const uint8_t *text, size_t n_bytes, struct trust *trust,
                                 struct release *out)
{
    struct statement s;
    enum fota_err err = release_parse(text, n_bytes, &s);
    if (err) {
        return err;
    }
    const struct statement_verifier v = trust_verifier(trust);
    err = statement_verify(&s, text, &v);
    return err ? err : release_read(&s, out);
}

static bool is_same(const struct statement_span *a, const struct statement_span *b)
{
    return a->n_bytes == b->n_bytes && memcmp(a->at, b->at, a->n_bytes) == 0;
}

enum fota_err offer_read(const uint8_t *text, size_t n_bytes, struct trust *channel_keys,
                         struct trust *release_keys, struct offer *out)
{
    struct statement s;
    enum fota_err err = channel_parse(text, n_bytes, &s, &out->release_text);
    if (err) {
        return err;
    }
    const struct statement_verifier v = trust_verifier(channel_keys);
    err = statement_verify(&s, text, &v);
    if (err) {
        return err;
    }
    err = channel_read(&s, &out->channel);
    if (err) {
        return err;
    }
    uint8_t hash[CRYPTO_SHA256_BYTES];
    hash_of(out->release_text.at, out->release_text.n_bytes, hash);
    if (memcmp(hash, out->channel.release_sha256, sizeof hash) != 0) {
        return E_STATEMENT_MISMATCH;
    }
    err = offer_read_release((const uint8_t *)out->release_text.at, out->release_text.n_bytes, release_keys,
                             &out->release);
    if (err) {
        return err;
    }
    return is_same(&out->channel.product, &out->release.product) &&
                   is_same(&out->channel.hw, &out->release.hw)
               ? FOTA_OK
               : E_STATEMENT_PRODUCT;
}
