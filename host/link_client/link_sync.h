/**
 * Private to host/link_client: in step with a loader, and commands repeated until it understands. Stands on
 * link_wire.h.
 */
#ifndef LINK_SYNC_H
#define LINK_SYNC_H

#include <stdint.h>

#include "link_client/link_client.h"

/**
 * The clock that fits what is known of the peer.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err sync_set_clock(struct link_client *c);

/**
 * Get ID as `once` of sync_repeat; arg is the uint16_t that gets it.
 * @return as sync_get_id
 */
FOTA_MUST_CHECK
enum fota_err sync_get_id_once(struct link_client *c, void *arg);

/**
 * Get ID, once, without a sync: the proof that a loader is in step.
 * @return FOTA_OK · E_LINK_REPLY (what came is no ID: an old ACK, say) · E_LINK_NACK · E_TIMEOUT · E_IO
 */
FOTA_MUST_CHECK
enum fota_err sync_get_id(struct link_client *c, uint16_t *chip_id);

/** Run `once` until it succeeds, the target refuses for good, or `attempts` are spent; resync in between. */
FOTA_MUST_CHECK
enum fota_err sync_repeat(struct link_client *c, enum fota_err (*once)(struct link_client *c, void *arg),
                          void *arg);

#endif
