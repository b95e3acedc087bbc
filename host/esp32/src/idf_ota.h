/**
 * The ESP32's own application, updated from a channel of its own in the same bucket.
 *
 * The channel object has the form of any other (docs/spec/statement.md); its release names one file twice, the plain application
 * image of ESP-IDF, and its SHA-256 is in the signed statement (ADR 0019). The file goes into the other application partition, is
 * read back from there and compared with that digest; only then the partition is named to the bootloader, and the chip restarts.
 *
 * The new application is on trial (ESP_OTA_IMG_PENDING_VERIFY) until the first good poll. Before that, each reset makes the
 * bootloader go back, and so does the end of the release's `confirm-within`. What was rolled back is remembered in NVS and not
 * tried again unless the channel raises `retry`. A failure of the supply is not held against it: of such starts there are five.
 *
 * Nothing of this happens unless the gateway waits: the target's update and this one are never under way together.
 */
#ifndef IDF_OTA_H
#define IDF_OTA_H

#include <stdbool.h>

#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "fota_gateway/fota_gateway.h"
#include "gateway/gateway.h"
#include "idf_log.h"

/** What a trial leaves for the next start, in NVS with the rest. */
struct idf_ota_trial {
    bool is_set; /* the other partition was named to the bootloader, and how that ended is not known yet */
    bool
        was_aborted; /* the bootloader's mark of that partition said "aborted" before: it tells nothing of this trial */
    uint32_t version, n_bytes, security_counter, retry, confirm_within_s;
    uint8_t sha256[CRYPTO_SHA256_BYTES];
};

enum idf_ota_state { IDF_OTA_REST, IDF_OTA_FETCH, IDF_OTA_READY };

/** Opened by idf_ota_open; its content is its own. */
struct idf_ota {
    const struct fota_gateway_config *config;
    const struct gateway_config *core; /* keys, hours, build time */
    struct gateway_identity identity;  /* product NULL: this chip is not updated */
    struct s3 *s3;
    struct clock *clock;
    const struct idf_log *log;
    const esp_partition_t *running, *other; /* other NULL: there is none */
    bool is_pending;                        /* the application that runs is on trial */
    bool is_settled;                        /* what became of the last trial was looked at */
    bool is_given_up;                       /* the way back failed: not tried again before a reset */
    bool has_polled; /* the gateway's own poll was good, and this channel's turn has come */
    bool has_offer;
    enum idf_ota_state state;
    uint64_t due_ms; /* with FETCH and READY */
    uint32_t security_floor;
    struct idf_ota_trial trial;
    struct gateway_record record; /* in RAM; of it NVS keeps what a trial and the next polls need */
    struct gateway_offer offer;   /* spans point into record.channel */
    enum fota_err told;           /* reason that was told last for this object */
    uint8_t known_sha256[CRYPTO_SHA256_BYTES]; /* file that the running partition was compared with last */
    bool is_known_same;
    esp_ota_handle_t handle;
    bool is_open; /* handle is */
    bool ignores_ranges;
    uint32_t done_bytes;
    char blob_etag[S3_ETAG_MAX_BYTES];
    unsigned errors;       /* requests in a row without a byte */
    unsigned failures;     /* downloads in a row that came to nothing */
    unsigned skipped_left; /* polls to let pass after them */
};

/**
 * Look which application runs, and whether it is on trial. No request.
 *
 * @param config  with its field `self`; must outlive it, like the other pointers
 * @return FOTA_OK · E_ARG (product, hw, channel) · E_NOT_FOUND (there is no second application partition) · E_IO (NVS): a line
 * names the value and what to do
 */
FOTA_MUST_CHECK
enum fota_err idf_ota_open(struct idf_ota *ota, const struct fota_gateway_config *config,
                           const struct gateway_config *core, struct s3 *s3, struct clock *clock,
                           const struct idf_log *log);

/** The gateway polled, and what it read was in order: the application that runs is good, and it is this channel's turn. */
void idf_ota_polled(struct idf_ota *ota);

/** Is there something to do now? To be asked while the gateway waits. */
bool idf_ota_is_due(const struct idf_ota *ota);

/** No longer than this until then; UINT32_MAX: not before the next poll. */
uint32_t idf_ota_wait_ms(const struct idf_ota *ota);

/**
 * Do the next thing. Only while the gateway waits.
 *
 * @param scratch  STATEMENT_MAX_BYTES, for the length of the call
 * Takes:      one request of at most 64 KB, and the flash work for it; or a read of the application, 0.3 s a megabyte
 * Power cut:  a download begins anew; else as before, or the trial is on
 * @return true: restart now, the bootloader starts the new application
 */
bool idf_ota_step(struct idf_ota *ota, uint8_t *scratch);

/** The trial took longer than the release allows: let the bootloader go back (idf_ota_go_back). */
bool idf_ota_is_overdue(const struct idf_ota *ota);

/** Restart into the application before this one. Returns only if the bootloader has none; it is told, and not tried again. */
void idf_ota_go_back(struct idf_ota *ota);

/** End a download that is under way. */
void idf_ota_close(struct idf_ota *ota);

#endif
