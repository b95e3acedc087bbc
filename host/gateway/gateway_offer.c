#include "gateway/gateway_offer.h"

#include <string.h>

void gateway_images_digest(const struct release *release, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, release->image[SLOT_A].sha256, CRYPTO_SHA256_BYTES);
    crypto_sha256_update(&hash, release->image[SLOT_B].sha256, CRYPTO_SHA256_BYTES);
    crypto_sha256_final(&hash, out);
}

static void sha256(const void *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, bytes, n_bytes);
    crypto_sha256_final(&hash, out);
}

/* statement_verifier.check: `ctx` is an array of GATEWAY_KEYS points. */
static enum fota_err check_signature(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                     const uint8_t *text, size_t n_bytes, const uint8_t *der,
                                     size_t n_der_bytes)
{
    const uint8_t *const *points = ctx;
    for (unsigned i = 0; i < GATEWAY_KEYS; i++) {
        uint8_t id[CRYPTO_SHA256_BYTES];
        if (!points[i]) {
            continue;
        }
        image_keyhash(points[i], id);
        if (memcmp(id, key_id, STATEMENT_KEY_ID_BYTES) != 0) {
            continue;
        }
        uint8_t hash[CRYPTO_SHA256_BYTES];
        sha256(text, n_bytes, hash);
        bool is_good = crypto_p256_verify(points[i], hash, der, n_der_bytes) == CRYPTO_ACCEPT;
        return is_good ? FOTA_OK : E_STATEMENT_SIGNATURE;
    }
    return E_STATEMENT_KEY;
}

static enum fota_err verify(const struct statement *s, const uint8_t *text,
                            const uint8_t *const points[GATEWAY_KEYS])
{
    const uint8_t *ctx[GATEWAY_KEYS] = {points[0], points[1], points[2]};
    const struct statement_verifier verifier = {.check = check_signature, .ctx = ctx};
    return statement_verify(s, text, &verifier);
}

static enum fota_err read_channel(const uint8_t *text, size_t n_bytes, const struct gateway_keys *keys,
                                  struct gateway_offer *out)
{
    struct statement s;
    enum fota_err err = channel_parse(text, n_bytes, &s, &out->release_text);
    if (!err) {
        err = verify(&s, text, keys->channel);
    }
    if (err) {
        return err;
    }
    return channel_read(&s, &out->channel);
}

static enum fota_err read_release(const struct gateway_keys *keys, struct gateway_offer *out)
{
    const uint8_t *text = (const uint8_t *)out->release_text.at;
    uint8_t digest[CRYPTO_SHA256_BYTES];
    sha256(text, out->release_text.n_bytes, digest);
    if (memcmp(digest, out->channel.release_sha256, sizeof digest) != 0) {
        return E_STATEMENT_MISMATCH;
    }
    struct statement s;
    enum fota_err err = release_parse(text, out->release_text.n_bytes, &s);
    if (!err) {
        err = verify(&s, text, keys->release);
    }
    if (err) {
        return err;
    }
    return release_read(&s, &out->release);
}

static bool is_for(const struct gateway_offer *offer, const struct gateway_identity *identity)
{
    return statement_is(&offer->channel.product, identity->product) &&
           statement_is(&offer->channel.hw, identity->hw) &&
           statement_is(&offer->channel.name, identity->channel) &&
           statement_is(&offer->release.product, identity->product) &&
           statement_is(&offer->release.hw, identity->hw);
}

enum fota_err gateway_offer_read(const uint8_t *text, size_t n_bytes, const struct gateway_keys *keys,
                                 const struct gateway_identity *identity, struct gateway_offer *out)
{
    if (n_bytes == 0 || n_bytes > STATEMENT_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    struct gateway_offer offer;
    enum fota_err err = read_channel(text, n_bytes, keys, &offer);
    if (!err) {
        err = read_release(keys, &offer);
    }
    if (err) {
        return err;
    }
    if (!is_for(&offer, identity)) {
        return E_STATEMENT_PRODUCT;
    }
    sha256(text, n_bytes, offer.sha256);
    gateway_images_digest(&offer.release, offer.images);
    *out = offer;
    return FOTA_OK;
}

const uint8_t *const *gateway_image_keys(const struct gateway_keys *keys)
{
    return keys->image[0] || keys->image[1] ? keys->image : keys->release;
}

enum fota_err gateway_loader_read(const uint8_t *text, size_t n_bytes, const struct gateway_keys *keys,
                                  const struct gateway_identity *identity,
                                  const uint8_t sha256_named[CRYPTO_SHA256_BYTES], struct loader_release *out)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    sha256(text, n_bytes, digest);
    if (memcmp(digest, sha256_named, sizeof digest) != 0) {
        return E_STATEMENT_MISMATCH;
    }
    const uint8_t *const *image = gateway_image_keys(keys);
    const uint8_t *const points[GATEWAY_KEYS] = {image[0], image[1]};
    struct statement s;
    enum fota_err err = loader_parse(text, n_bytes, &s);
    if (!err) {
        err = verify(&s, text, points);
    }
    return err ? err : loader_read(&s, identity->hw, out);
}

enum fota_err gateway_offer_check_order(const struct gateway_offer *offer,
                                        const struct gateway_record *record)
{
    if (offer->channel.seq > record->channel_seq) {
        return FOTA_OK;
    }
    bool is_same = offer->channel.seq == record->channel_seq &&
                   memcmp(offer->sha256, record->channel_sha256, CRYPTO_SHA256_BYTES) == 0;
    return is_same ? FOTA_OK : E_STATEMENT_REPLAY;
}
