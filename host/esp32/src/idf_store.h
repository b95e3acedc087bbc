/** port/store.h in NVS: two blobs of one namespace. NVS writes a blob before it drops the old one, so each is old or new. */
#ifndef IDF_STORE_H
#define IDF_STORE_H

#include "idf_log.h"
#include "port/store.h"

/** Opened by idf_store_open; its content is its own. */
struct idf_store {
    struct store store; /* first member */
    const char *space;
    const struct idf_log *log;
};

/**
 * @param space  namespace, 1..15 characters; must outlive the store
 * @return FOTA_OK · E_ARG (too long) · E_IO (NVS was not started, or is full): a line was logged
 */
FOTA_MUST_CHECK
enum fota_err idf_store_open(struct idf_store *store, const char *space, const struct idf_log *log);

#endif
