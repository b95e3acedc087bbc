#include "release/publish.h"

#include <string.h>

#include "format/statement_write.h"
#include "s3/uri.h"

static const char IMMUTABLE[] = "public, max-age=31536000, immutable";
static const char MUST_REVALIDATE[] = "no-cache";
static const char PROBE_KEY[] = "v1/probe";
static const char PROBE_TEXT[] = "fota publish asks here whether this store honours conditions on writes\n";
static const char PROBE_ETAG[] = "\"no-object-has-this-etag\"";

/* One publication while it runs. */
struct run {
    struct s3 *s3;
    const struct publish_job *job;
    uint64_t now_s;
    struct publish_result *out;
    char channel_key[PUBLISH_KEY_MAX_BYTES];
    struct signed_text release;
    struct signed_text loader;  /* n_bytes 0: none is published */
    struct signed_text current; /* channel object as found; n_bytes 0: none */
    struct offer offer;         /* of `current` */
};

static void hex_of(const uint8_t hash[CRYPTO_SHA256_BYTES], char out[2 * CRYPTO_SHA256_BYTES + 1])
{
    struct statement_text t = {out, (size_t)2 * CRYPTO_SHA256_BYTES, 0, false};
    statement_put_hex(&t, hash, CRYPTO_SHA256_BYTES);
    out[t.n_bytes] = '\0';
}

void publish_blob_key(const uint8_t sha256[CRYPTO_SHA256_BYTES], char out[PUBLISH_KEY_MAX_BYTES])
{
    char hex[2 * CRYPTO_SHA256_BYTES + 1];
    hex_of(sha256, hex);
    struct uri_text t = uri_text_begin(out, PUBLISH_KEY_MAX_BYTES);
    uri_put(&t, "v1/blobs/");
    uri_put(&t, hex);
    uri_put(&t, ".bin");
}

void publish_loader_key(const uint8_t sha256[CRYPTO_SHA256_BYTES], char out[PUBLISH_KEY_MAX_BYTES])
{
    char hex[2 * CRYPTO_SHA256_BYTES + 1];
    hex_of(sha256, hex);
    struct uri_text t = uri_text_begin(out, PUBLISH_KEY_MAX_BYTES);
    uri_put(&t, "v1/loaders/");
    uri_put(&t, hex);
    uri_put(&t, ".fm");
}

enum fota_err publish_channel_key(const char *product, const char *hw, const char *channel,
                                  char out[PUBLISH_KEY_MAX_BYTES])
{
    struct uri_text t = uri_text_begin(out, PUBLISH_KEY_MAX_BYTES);
    const char *parts[] = {"v1/channels/", product, "/", hw, "/", channel, ".fc"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        uri_put(&t, parts[i]);
    }
    return t.is_full ? E_NO_SPACE : FOTA_OK;
}

/* `v1/releases/<product>/<hw>/<version>/release.fm` */
static enum fota_err release_key(const struct publish_job *job, char out[PUBLISH_KEY_MAX_BYTES])
{
    char version[16];
    struct statement_text v = {version, sizeof version - 1, 0, false};
    statement_put_version(&v, job->release->version);
    version[v.n_bytes] = '\0';
    struct uri_text t = uri_text_begin(out, PUBLISH_KEY_MAX_BYTES);
    const char *parts[] = {"v1/releases/", job->product, "/", job->hw, "/", version, "/release.fm"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        uri_put(&t, parts[i]);
    }
    return t.is_full ? E_NO_SPACE : FOTA_OK;
}

static void step(const struct run *r, uint64_t done_bytes, uint64_t total_bytes)
{
    if (r->job->watch.step) {
        r->job->watch.step(r->job->watch.ctx, r->out->stage, r->out->image, done_bytes, total_bytes);
    }
}

static void begin(struct run *r, enum publish_stage stage, unsigned image, const char *object,
                  uint64_t total_bytes)
{
    r->out->stage = stage;
    r->out->image = image;
    struct uri_text t = uri_text_begin(r->out->object, sizeof r->out->object);
    uri_put(&t, object);
    step(r, 0, total_bytes);
}

/* A small object into `out`. */
static enum fota_err get_text(struct run *r, const char *object, struct signed_text *out)
{
    struct s3_buffer buffer = {(uint8_t *)out->text, sizeof out->text, 0};
    const struct s3_taker taker = s3_buffer_taker(&buffer);
    const struct s3_get_options options = {0};
    enum fota_err err = s3_get(r->s3, object, &options, r->now_s, &taker, &r->out->reply);
    out->n_bytes = err ? 0 : buffer.n_bytes;
    return err == E_NO_SPACE && r->out->reply.body_bytes > 0 ? E_STATEMENT_SIZE : err;
}

/* What the channel offers now, verified; nothing if the channel is new. */
static enum fota_err read_channel(struct run *r)
{
    begin(r, PUBLISH_READ_CHANNEL, 0, r->channel_key, 0);
    enum fota_err err = get_text(r, r->channel_key, &r->current);
    if (err == E_S3_NO_KEY) {
        return FOTA_OK;
    }
    if (err) {
        return err;
    }
    memcpy(r->out->etag, r->out->reply.etag, sizeof r->out->etag);
    return offer_read((const uint8_t *)r->current.text, r->current.n_bytes, r->job->channel_trust,
                      r->job->release_trust, &r->offer);
}

static enum fota_err write_release(struct run *r)
{
    begin(r, PUBLISH_CHECK, 0, r->channel_key, 0);
    struct release release = *r->job->release;
    char blob[2][PUBLISH_KEY_MAX_BYTES];
    for (unsigned slot = 0; slot < 2; slot++) {
        publish_blob_key(release.image[slot].sha256, blob[slot]);
        release.image[slot].blob = (struct statement_span){blob[slot], strlen(blob[slot])};
    }
    enum fota_err err =
        offer_write_release(&release, r->job->release_signer, r->job->n_release_signers, &r->release);
    if (err) {
        return err;
    }
    struct release read_back;
    err = offer_read_release((const uint8_t *)r->release.text, r->release.n_bytes, r->job->release_trust,
                             &read_back);
    if (err) {
        return err;
    }
    if (r->current.n_bytes == 0) {
        return FOTA_OK;
    }
    r->out->old_version = r->offer.release.version;
    r->out->old_counter = r->offer.release.security_counter;
    return release.security_counter < r->out->old_counter ? E_STATEMENT_COUNTER : FOTA_OK;
}

/* The loader statement, and what the channel will name: a new loader, none, or what it names already. */
static enum fota_err write_loader(struct run *r)
{
    const struct publish_job *job = r->job;
    if (!job->loader) {
        r->out->has_loader = !job->drops_loader && r->current.n_bytes != 0 && r->offer.channel.has_loader;
        memcpy(r->out->loader_sha256, r->offer.channel.loader_sha256, sizeof r->out->loader_sha256);
        return FOTA_OK;
    }
    if (job->loader->security_counter < job->release->security_counter) {
        return E_IMAGE_COUNTER;
    }
    char blob[PUBLISH_KEY_MAX_BYTES];
    struct loader_release loader = *job->loader;
    publish_blob_key(loader.sha256, blob);
    loader.blob = (struct statement_span){blob, strlen(blob)};
    enum fota_err err = offer_write_loader(&loader, job->loader_signer, &r->loader);
    if (err) {
        return err;
    }
    struct loader_release read_back;
    err = offer_read_loader((const uint8_t *)r->loader.text, r->loader.n_bytes, job->release_trust, job->hw,
                            &read_back);
    r->out->has_loader = true;
    offer_text_sha256(&r->loader, r->out->loader_sha256);
    return err;
}

static bool is_same_loader(const struct run *r)
{
    const struct channel *now = &r->offer.channel;
    return now->has_loader == r->out->has_loader &&
           (!now->has_loader ||
            memcmp(now->loader_sha256, r->out->loader_sha256, sizeof now->loader_sha256) == 0);
}

/* True if the channel offers this release on these terms already. */
static bool is_offered(const struct run *r)
{
    const struct channel *now = &r->offer.channel;
    const struct channel *plan = &r->job->plan;
    return r->current.n_bytes != 0 && r->offer.release_text.n_bytes == r->release.n_bytes &&
           memcmp(r->offer.release_text.at, r->release.text, r->release.n_bytes) == 0 &&
           now->expires_s > plan->issued_s && now->is_halted == plan->is_halted &&
           now->retry == plan->retry && now->poll_s == plan->poll_s && now->root == plan->root &&
           now->rollout_max_pct == plan->rollout_max_pct && now->rollout_ramp_s == plan->rollout_ramp_s &&
           is_same_loader(r);
}

/* One write of the probe, whose text is always the same. */
static enum fota_err put_probe(struct run *r, const char *if_match)
{
    const struct s3_put_options options = {.body = (const uint8_t *)PROBE_TEXT,
                                           .n_bytes = sizeof PROBE_TEXT - 1,
                                           .cache_control = MUST_REVALIDATE,
                                           .if_match = if_match,
                                           .must_not_exist = !if_match};
    return s3_put(r->s3, PROBE_KEY, &options, r->now_s, &r->out->reply);
}

/* Stores exist that ignore a condition on a write and answer 200. Releases and channels rely on both
 * conditions, so each is asked first with one that cannot hold. */
static enum fota_err probe_conditions(struct run *r)
{
    begin(r, PUBLISH_PROBE, 0, PROBE_KEY, 0);
    enum fota_err err = put_probe(r, NULL);
    if (!err) { /* it was not there: now it is */
        err = put_probe(r, NULL);
    }
    if (err == E_S3_PRECONDITION) {
        err = put_probe(r, PROBE_ETAG);
    }
    if (err == E_S3_PRECONDITION) {
        return FOTA_OK;
    }
    return err ? err : E_UNSUPPORTED;
}

static void on_sent(void *ctx, uint64_t sent_bytes)
{
    const struct run *r = ctx;
    step(r, sent_bytes, r->job->image_bytes[r->out->image]);
}

/* Compares the bytes of an object with those it must have. */
struct compare {
    const struct run *run;
    const uint8_t *wanted;
    size_t n_bytes;
};

static enum fota_err compare_take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    const struct compare *c = ctx;
    if (off + n_bytes > c->n_bytes || memcmp(c->wanted + off, bytes, n_bytes) != 0) {
        return E_UPDATE_DIGEST;
    }
    step(c->run, off + n_bytes, c->n_bytes);
    return FOTA_OK;
}

static enum fota_err expect_object(struct run *r, const char *object, const void *bytes, size_t n_bytes)
{
    struct compare compare = {r, bytes, n_bytes};
    const struct s3_taker taker = {compare_take, &compare};
    const struct s3_get_options options = {0};
    enum fota_err err = s3_get(r->s3, object, &options, r->now_s, &taker, &r->out->reply);
    if (err) {
        return err;
    }
    return r->out->reply.body_bytes == n_bytes ? FOTA_OK : E_UPDATE_DIGEST;
}

static const uint8_t *image_sha256(const struct publish_job *job, unsigned image)
{
    return image == PUBLISH_LOADER_IMAGE ? job->loader->sha256 : job->release->image[image].sha256;
}

static enum fota_err put_blob(struct run *r, unsigned image)
{
    char object[PUBLISH_KEY_MAX_BYTES];
    const size_t n_bytes = r->job->image_bytes[image];
    publish_blob_key(image_sha256(r->job, image), object);
    begin(r, PUBLISH_BLOB, image, object, n_bytes);
    const struct s3_put_options options = {.body = r->job->image[image],
                                           .n_bytes = n_bytes,
                                           .content_type = "application/octet-stream",
                                           .cache_control = IMMUTABLE,
                                           .must_not_exist = true,
                                           .sent = on_sent,
                                           .sent_ctx = r};
    enum fota_err err = s3_put(r->s3, object, &options, r->now_s, &r->out->reply);
    if (err &&
        err != E_S3_PRECONDITION) { /* it is there: the comparison that follows says whether it is right */
        return err;
    }
    begin(r, PUBLISH_READ_BLOB, image, object, n_bytes);
    return expect_object(r, object, r->job->image[image], n_bytes);
}

/* A statement, which never changes: what is there already must be equal. */
static enum fota_err put_statement(struct run *r, const char *object, const struct signed_text *text)
{
    const struct s3_put_options options = {.body = (const uint8_t *)text->text,
                                           .n_bytes = text->n_bytes,
                                           .cache_control = IMMUTABLE,
                                           .must_not_exist = true};
    enum fota_err err = s3_put(r->s3, object, &options, r->now_s, &r->out->reply);
    return err == E_S3_PRECONDITION ? expect_object(r, object, text->text, text->n_bytes) : err;
}

static enum fota_err put_release(struct run *r)
{
    char object[PUBLISH_KEY_MAX_BYTES];
    enum fota_err err = release_key(r->job, object);
    if (err) {
        return err;
    }
    begin(r, PUBLISH_RELEASE, 0, object, r->release.n_bytes);
    err = put_statement(r, object, &r->release);
    return err == E_UPDATE_DIGEST ? E_EXISTS : err;
}

static enum fota_err put_loader(struct run *r)
{
    char object[PUBLISH_KEY_MAX_BYTES];
    if (r->loader.n_bytes == 0) {
        return FOTA_OK;
    }
    enum fota_err err = put_blob(r, PUBLISH_LOADER_IMAGE);
    if (err) {
        return err;
    }
    publish_loader_key(r->out->loader_sha256, object);
    begin(r, PUBLISH_LOADER, PUBLISH_LOADER_IMAGE, object, r->loader.n_bytes);
    return put_statement(r, object, &r->loader);
}

static enum fota_err put_channel(struct run *r)
{
    struct channel channel = r->job->plan;
    channel.product = (struct statement_span){r->job->product, strlen(r->job->product)};
    channel.hw = (struct statement_span){r->job->hw, strlen(r->job->hw)};
    channel.name = (struct statement_span){r->job->channel, strlen(r->job->channel)};
    channel.has_loader = r->out->has_loader;
    memcpy(channel.loader_sha256, r->out->loader_sha256, sizeof channel.loader_sha256);
    channel.seq = 1;
    if (r->current.n_bytes != 0) {
        if (r->offer.channel.seq == UINT32_MAX) {
            return E_ARG;
        }
        channel.seq = r->offer.channel.seq + 1;
    }
    struct signed_text text;
    begin(r, PUBLISH_CHANNEL, 0, r->channel_key, 0);
    enum fota_err err = offer_write_channel(&channel, r->job->channel_signer, &r->release, &text);
    if (err) {
        return err;
    }
    struct offer read_back;
    err = offer_read((const uint8_t *)text.text, text.n_bytes, r->job->channel_trust, r->job->release_trust,
                     &read_back);
    if (err) {
        return err;
    }
    const struct s3_put_options options = {.body = (const uint8_t *)text.text,
                                           .n_bytes = text.n_bytes,
                                           .cache_control = MUST_REVALIDATE,
                                           .if_match = r->current.n_bytes != 0 ? r->out->etag : NULL,
                                           .must_not_exist = r->current.n_bytes == 0};
    err = s3_put(r->s3, r->channel_key, &options, r->now_s, &r->out->reply);
    if (err) {
        return err;
    }
    r->out->seq = channel.seq;
    begin(r, PUBLISH_READ_BACK, 0, r->channel_key, text.n_bytes);
    err = expect_object(r, r->channel_key, text.text, text.n_bytes);
    memcpy(r->out->etag, r->out->reply.etag, sizeof r->out->etag);
    return err;
}

enum fota_err publish_run(struct s3 *s3, const struct publish_job *job, uint64_t now_s,
                          struct publish_result *out)
{
    struct run r = {.s3 = s3, .job = job, .now_s = now_s, .out = out};
    memset(out, 0, sizeof *out);
    enum fota_err err = publish_channel_key(job->product, job->hw, job->channel, r.channel_key);
    if (err) {
        return err;
    }
    err = read_channel(&r);
    if (err) {
        return err;
    }
    err = write_release(&r);
    if (!err) {
        err = write_loader(&r);
    }
    if (err) {
        return err;
    }
    if (is_offered(&r)) {
        out->is_unchanged = true;
        out->seq = r.offer.channel.seq;
        out->stage = PUBLISH_DONE;
        return FOTA_OK;
    }
    err = probe_conditions(&r);
    for (unsigned slot = 0; slot < 2 && !err; slot++) {
        err = put_blob(&r, slot);
    }
    if (!err) {
        err = put_release(&r);
    }
    if (!err) {
        err = put_loader(&r);
    }
    if (!err) {
        err = put_channel(&r);
    }
    if (err) {
        return err;
    }
    out->stage = PUBLISH_DONE;
    return FOTA_OK;
}
