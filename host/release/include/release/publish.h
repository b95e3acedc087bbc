/**
 * Publishing a release to S3. The order makes every step safe to repeat and leaves devices untouched until
 * the last one: read the channel, see that the store honours conditions on writes, blobs (immutable), read them back, release and loader statement
 * (immutable), channel object (If-Match), read it back. Two publishers at once: one wins, the other gets
 * E_S3_PRECONDITION.
 *
 * Objects in the bucket: docs/spec/statement.md, "Objects".
 */
#ifndef RELEASE_PUBLISH_H
#define RELEASE_PUBLISH_H

#include "release/offer.h"
#include "s3/s3.h"

enum { PUBLISH_KEY_MAX_BYTES = 192, PUBLISH_IMAGE_MAX_BYTES = 1024 * 1024 };

/** Object key of a blob: `v1/blobs/<sha256>.bin`. */
void publish_blob_key(const uint8_t sha256[CRYPTO_SHA256_BYTES], char out[PUBLISH_KEY_MAX_BYTES]);

/**
 * Object key of a channel: `v1/channels/<product>/<hw>/<channel>.fc`. What gateways poll.
 * @return FOTA_OK · E_NO_SPACE
 */
FOTA_MUST_CHECK
enum fota_err publish_channel_key(const char *product, const char *hw, const char *channel,
                                  char out[PUBLISH_KEY_MAX_BYTES]);

/** Object key of a loader statement: `v1/loaders/<sha256 of the statement>.fm`. */
void publish_loader_key(const uint8_t sha256[CRYPTO_SHA256_BYTES], char out[PUBLISH_KEY_MAX_BYTES]);

/** Images of a job: slot A, slot B, and the loader for sector 1. */
enum { PUBLISH_A, PUBLISH_B, PUBLISH_LOADER_IMAGE, PUBLISH_IMAGES };

/** Where publishing stands; names what failed. */
enum publish_stage {
    PUBLISH_READ_CHANNEL,
    PUBLISH_CHECK,
    PUBLISH_PROBE, /* does the store refuse a write whose condition does not hold? */
    PUBLISH_BLOB,
    PUBLISH_READ_BLOB,
    PUBLISH_RELEASE,
    PUBLISH_LOADER,
    PUBLISH_CHANNEL,
    PUBLISH_READ_BACK,
    PUBLISH_DONE
};

/** Progress. Called before a step (done 0) and while bytes move. */
struct publish_watch {
    void (*step)(void *ctx, enum publish_stage stage, unsigned image, uint64_t done_bytes,
                 uint64_t total_bytes);
    void *ctx;
};

/** What to publish. Everything outlives the call. */
struct publish_job {
    const char *product;
    const char *hw;
    const char *channel;
    const uint8_t
        *image[PUBLISH_IMAGES]; /* verified by the caller with image_verify; the loader may be NULL */
    size_t image_bytes[PUBLISH_IMAGES];
    const struct release *release;       /* blobs are filled in; sizes and digests must be the images' */
    const struct loader_release *loader; /* its blob is filled in; NULL: the channel keeps what it names */
    bool drops_loader; /* the channel names no loader any more; not together with `loader` */
    struct channel
        plan; /* issued, expires, rollout, halt, retry, poll; seq, names and loader are filled in */
    const struct key *const *release_signer;
    size_t n_release_signers;
    const struct key *loader_signer; /* an image key */
    const struct key *channel_signer;
    struct trust *channel_trust; /* public halves, to verify what is in the bucket */
    struct trust *release_trust;
    struct publish_watch watch;
};

/** What came of it. */
struct publish_result {
    enum publish_stage stage; /* PUBLISH_DONE, or where it failed */
    unsigned image;           /* of the blob that failed */
    bool is_unchanged;        /* the channel offered exactly this already: nothing was written */
    uint32_t seq;             /* of the channel object now */
    uint32_t old_counter;     /* with E_STATEMENT_COUNTER: what the channel offers now */
    uint32_t old_version;     /* version the channel offered before, 0: none */
    bool has_loader;          /* the channel names a loader now */
    uint8_t loader_sha256[CRYPTO_SHA256_BYTES]; /* of its statement */
    char object[PUBLISH_KEY_MAX_BYTES];         /* object that was worked on last; on success the channel's */
    char etag[S3_ETAG_MAX_BYTES];               /* of the channel object */
    struct s3_reply reply;                      /* of the last request, for messages */
};

/**
 * Publish.
 *
 * @param now_s  seconds since 1970; statement times come from job->plan
 * @return FOTA_OK · E_STATEMENT_COUNTER (lower security counter than the channel's release) · E_IMAGE_COUNTER
 * (the loader's is lower than the release's: boards that confirmed the release would refuse it) · E_EXISTS
 * (version is published with other content) · E_S3_PRECONDITION (someone else published meanwhile) ·
 * E_UNSUPPORTED (the store cannot do conditional writes, status 501, or ignores their conditions, status 200)
 * · E_UPDATE_DIGEST (a blob read back differs) · E_STATEMENT_* (what is in the bucket does not verify) · E_ARG
 * · S3, HTTP and net errors
 */
FOTA_MUST_CHECK
enum fota_err publish_run(struct s3 *s3, const struct publish_job *job, uint64_t now_s,
                          struct publish_result *out);

#endif
