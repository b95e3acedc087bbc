/** Private to idf_ota*.c. */
#ifndef IDF_OTA_PRIV_H
#define IDF_OTA_PRIV_H

#include "idf_ota.h"

/* --- what NVS keeps (idf_ota_note.c) ----------------------------------------------------------------------- */

/**
 * Fill the record, the floor and the trial. What is not there, or of another format, is empty.
 * @return FOTA_OK · E_IO (NVS cannot be read)
 */
FOTA_MUST_CHECK
enum fota_err idf_ota_load(struct idf_ota *ota);

/**
 * One blob, so all of it or nothing of it.
 * Power cut:  the note is old or new (NVS drops the old one after the new one is written)
 * @return FOTA_OK · E_IO: a line was logged
 */
FOTA_MUST_CHECK
enum fota_err idf_ota_save(const struct idf_ota *ota);

/* --- the trial (idf_ota_trial.c) ----------------------------------------------------------------------------- */

/** What is known at a start about a trial that the last start began. */
struct idf_ota_facts {
    bool is_set;           /* there was one */
    bool runs_it;          /* the running partition holds the file */
    bool is_pending;       /* the application that runs is on trial */
    bool is_other_aborted; /* the bootloader marked the other partition as one that it went back from */
    bool was_aborted;      /* it had that mark before the trial */
    bool was_power_lost;   /* this start comes after the supply, not after software, a fault or a watchdog */
};

enum idf_ota_outcome {
    IDF_OTA_NO_TRIAL,
    IDF_OTA_ON_TRIAL,
    IDF_OTA_IS_GOOD,     /* it runs, and the bootloader would not go back */
    IDF_OTA_ROLLED_BACK, /* it ran, and the bootloader went back */
    IDF_OTA_AGAIN        /* nothing can be held against it, or it never started: one of a few more attempts */
};

/** Pure. */
enum idf_ota_outcome idf_ota_outcome(const struct idf_ota_facts *facts);

/** Act on it, once after a start. */
void idf_ota_settle(struct idf_ota *ota);

/** The first good poll: the application that runs stays. */
void idf_ota_confirm(struct idf_ota *ota);

/** Does the bootloader's mark of this partition say that it went back from it? */
bool idf_ota_is_aborted(const esp_partition_t *partition);

/* --- both ---------------------------------------------------------------------------------------------------- */

/** Tell the observer. */
void idf_ota_tell(struct idf_ota *ota, int kind, enum fota_err reason, uint32_t version, uint32_t done);

/** Does the partition begin with this file? Reads it; false also if it cannot be read. */
bool idf_ota_holds(const struct idf_ota *ota, const esp_partition_t *partition, uint32_t n_bytes,
                   const uint8_t sha256[CRYPTO_SHA256_BYTES]);

#endif
