/** Who hears of everything the core tells, beside the application: the local page. */
#ifndef IDF_LISTEN_H
#define IDF_LISTEN_H

#include "fota_gateway/fota_gateway.h"
#include "gateway/gateway.h"
#include "idf_log.h"

struct idf_listener {
    /**
     * Called by the gateway's task, with its lock held: take it as a copy, and do not wait.
     * @param event  NULL: nothing happened, the gateway waits for `wait_ms` from now on
     */
    void (*hear)(struct idf_listener *self, const struct gateway *gateway, const struct gateway_event *event,
                 uint32_t wait_ms);
};

/**
 * Listen from now on. A gateway that no task runs yet is told of at once; another with its next event, or 1 s.
 * @return FOTA_OK · E_STATE (not open, or there is a listener)
 */
FOTA_MUST_CHECK
enum fota_err idf_listen(struct fota_gateway *gateway, struct idf_listener *listener);

/** After its return nobody is called any more. */
void idf_listen_no_more(struct fota_gateway *gateway);

/** Where the gateway logs to. */
const struct idf_log *idf_listen_log(struct fota_gateway *gateway);

#endif
