/**
 * Two small cells that survive a reset of the gateway. Implemented by port/posix (a file), port/esp_idf
 * (NVS).
 *
 * A write need not be atomic: the gateway writes the older cell in turn, each with a sequence number and a
 * CRC (gateway_record.h), so a cut costs at most the newest record.
 */
#ifndef PORT_STORE_H
#define PORT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { STORE_CELLS = 2, STORE_CELL_BYTES = 4096 };

struct store;

struct store_ops {
    enum fota_err (*load)(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes);
    enum fota_err (*save)(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes);
};

/** Embed as first member of the concrete store. */
struct store {
    const struct store_ops *ops;
};

/**
 * Read the start of a cell. Bytes that were never written read as anything.
 *
 * @param cell     0 or 1
 * @param n_bytes  1..STORE_CELL_BYTES
 * @return FOTA_OK · E_NOT_FOUND (nothing was ever saved) · E_ARG · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err store_load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    return store->ops->load(store, cell, bytes, n_bytes);
}

/**
 * Write the start of a cell; durable on return.
 *
 * Power cut:  the cell holds old bytes, new bytes or a mixture; the other cell is untouched.
 * @return FOTA_OK · E_ARG · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err store_save(struct store *store, unsigned cell, const uint8_t *bytes,
                                       size_t n_bytes)
{
    return store->ops->save(store, cell, bytes, n_bytes);
}

#endif
