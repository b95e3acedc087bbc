/**
 * The polled object, verified and typed, and the decision about it. Pure: time, record and target's facts
 * come in.
 */
#ifndef GATEWAY_GATEWAY_OFFER_H
#define GATEWAY_GATEWAY_OFFER_H

#include "format/channel_statement.h"
#include "format/image.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "gateway/gateway_fsm.h"
#include "gateway/gateway_record.h"
#include "update/boot_services.h"

enum { GATEWAY_KEYS = 3 };

/** Public points of CRYPTO_POINT_BYTES; NULL: none. They live as long as the gateway. */
struct gateway_keys {
    const uint8_t *channel[GATEWAY_KEYS]; /* sign channel statements; the first is required */
    const uint8_t *release[GATEWAY_KEYS]; /* sign release statements; the first is required */
    const uint8_t *image[IMAGE_KEYS];     /* sign images; none: the first two release keys */
};

/** What this gateway looks after. Strings are NUL-terminated and live as long as the gateway. */
struct gateway_identity {
    const char *product;
    const char *hw;      /* hardware id of the target */
    const char *channel; /* e.g. "stable" */
    const char *device;  /* name of this device: its place in a rollout; 1.. characters */
};

/** A verified channel object. Spans point into the text it was read from. */
struct gateway_offer {
    struct channel channel;
    struct release release;
    struct statement_span release_text;  /* signatures included: what BEGIN sends */
    uint8_t sha256[CRYPTO_SHA256_BYTES]; /* of the whole object */
    uint8_t images[CRYPTO_SHA256_BYTES]; /* gateway_images_digest */
};

/** Identity of a release for this gateway's own memory: SHA-256 over the digests of both files. Signed again,
 * a release is another one here, so that a wrong signature can be mended; the target's rejection names the
 * image hashes, which no signature changes. */
void gateway_images_digest(const struct release *release, uint8_t out[CRYPTO_SHA256_BYTES]);

/**
 * Verify the whole object: form, channel signature, digest and signature of the release inside, and that both
 * are for this product, hardware and channel. Nothing of an object that fails is used.
 *
 * @param text  untrusted; must outlive `out`
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_KEY · E_STATEMENT_SIGNATURE ·
 *         E_STATEMENT_MISMATCH (the release inside is not the one the channel names) · E_STATEMENT_PRODUCT ·
 *         E_STATEMENT_FORMAT
 */
FOTA_MUST_CHECK
enum fota_err gateway_offer_read(const uint8_t *text, size_t n_bytes, const struct gateway_keys *keys,
                                 const struct gateway_identity *identity, struct gateway_offer *out);

/**
 * Is this object in order after what was seen before? Equal sequence and equal bytes are no news.
 * @return FOTA_OK · E_STATEMENT_REPLAY (older, or same number with other bytes)
 */
FOTA_MUST_CHECK
enum fota_err gateway_offer_check_order(const struct gateway_offer *offer,
                                        const struct gateway_record *record);

/**
 * Verify a loader statement: that it is the one the channel names, form, signature of an image key, and
 * hardware.
 *
 * @param text  untrusted; must outlive `out`
 * @return FOTA_OK · E_STATEMENT_MISMATCH (not what the channel names) · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE
 * · E_STATEMENT_FORMAT · E_STATEMENT_KEY · E_STATEMENT_SIGNATURE · E_STATEMENT_PRODUCT
 */
FOTA_MUST_CHECK
enum fota_err gateway_loader_read(const uint8_t *text, size_t n_bytes, const struct gateway_keys *keys,
                                  const struct gateway_identity *identity,
                                  const uint8_t sha256[CRYPTO_SHA256_BYTES], struct loader_release *out);

/** Keys that sign images: those given for it, else the first two release keys. */
const uint8_t *const *gateway_image_keys(const struct gateway_keys *keys);

struct gateway_facts {
    const struct gateway_offer *offer;
    const struct gateway_record *record;
    const struct gateway_identity *identity;
    const struct boot_info *target;
    bool is_agent;  /* the agent in the application answers, not the loader */
    uint64_t now_s; /* seconds since 1970: the later of the clock and record->trusted_time_s; 0 unknown */
};

struct gateway_decision {
    enum gateway_input input; /* OFFER · NOTHING · IN_TRIAL */
    enum fota_err reason; /* NOTHING: FOTA_OK if the target runs it already, else what stands against it */
    enum slot slot;       /* OFFER: where it will go */
    bool needs_retry; /* OFFER: the target must hear the channel's `retry` first, it rejected this release */
};

/**
 * Install, follow a trial, or leave the target alone. Total.
 *
 * Reasons of NOTHING: FOTA_OK (runs already) · E_STATEMENT_EXPIRED · E_STATEMENT_PRODUCT (the target is other
 * hardware) · E_STATEMENT_COUNTER · E_STATEMENT_HALTED · E_STATEMENT_ROLLOUT (not this device's turn) ·
 * E_STATEMENT_PRECURSOR (root or running version too old) · E_SLOT_REJECTED · E_SLOT_LAST_RESORT (it is what
 * the target tries again and again) · E_UPDATE_LOADER_KEY (it needs another loader first) · E_UPDATE_GAVE_UP
 */
void gateway_decide(const struct gateway_facts *facts, struct gateway_decision *out);

/**
 * Is the loader that the channel names to be installed now? Asked when there is no release to install, or
 * when the release needs it. Total.
 *
 * @param reason  false: FOTA_OK if none is named or the target has it, else what stands against it:
 *                E_LOADER_NOT_NOW (no confirmed application answers) · E_LOADER_PROTECTED · what was
 * remembered of this loader · E_UPDATE_GAVE_UP · E_STATEMENT_PRODUCT · E_STATEMENT_EXPIRED ·
 *                E_STATEMENT_HALTED · E_STATEMENT_ROLLOUT
 */
bool gateway_loader_is_due(const struct gateway_facts *facts, enum fota_err *reason);

/** Slot an update would go to, as the target says; in a trial the one that does not run. */
enum slot gateway_inactive_slot(const struct boot_info *target);

#endif
