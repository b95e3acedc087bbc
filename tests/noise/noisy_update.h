/**
 * Updates over noisy wires: real ARM binaries on the twin below, the real gateway above, S3 in memory, and a
 * checker that knows every byte of the flash before and after.
 */
#ifndef NOISY_UPDATE_H
#define NOISY_UPDATE_H

#include "loader_board.h"
#include "port_twin/noisy_link.h"

/** What one update came to. */
struct noise_result {
    bool is_complete;     /* the new version runs, is confirmed, and is what was signed */
    bool is_corrupt;      /* something else than what was signed ran or was confirmed */
    uint32_t n_outside;   /* bytes that changed outside slot B and the journal */
    uint32_t n_unnoticed; /* bytes acknowledged as flashed that are not the image's */
    enum fota_err reason; /* of the last failure that the gateway told; FOTA_OK none */
    uint32_t repeats;     /* commands sent again */
    uint32_t restarts;    /* of the gateway: each time its master was reset */
    uint32_t block_min_bytes;
    uint64_t ms; /* virtual time it took */
    uint64_t wire_bytes;
    struct noise_counts noise;
};

/**
 * One update, from the factory state, over wires as `plan` says.
 * @param max_ms  virtual time after which the update counts as failed
 * @param mends_crc  planted bug: damaged blocks arrive with a CRC that fits, as if the loader did not check
 * it
 */
void noise_update(struct loader_board *board, const struct noise_plan *plan, uint32_t max_ms, bool mends_crc,
                  struct noise_result *out);

/**
 * After noise_update: the same board, wires clean from now on.
 * @return true: one update completes
 */
bool noise_recovers(struct loader_board *board);

#endif
