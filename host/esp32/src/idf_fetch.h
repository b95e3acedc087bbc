/**
 * A task that does the requests of the gateway's task, and hands the body over through a ring: while the target programs what came,
 * the next bytes arrive. Without it lwIP takes only its window meanwhile, and of a TLS record nothing is used before all of it is
 * there.
 *
 * The HTTP client belongs to this task alone: it is opened, read and closed here. Only one request is under way at a time, and the
 * gateway's task waits for its end, so the two never work on the same data but for the ring.
 */
#ifndef IDF_FETCH_H
#define IDF_FETCH_H

#include <stdatomic.h>

#include "fota_gateway/fota_gateway.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "port/http.h"

/** Opened by idf_fetch_open; its content is its own. */
struct idf_fetch {
    TaskHandle_t task;  /* NULL: there is none, requests are done by whoever asks */
    TaskHandle_t owner; /* who waits for the job */
    uint8_t *ring;      /* FOTA_GATEWAY_RING_BYTES */
    enum fota_err (*job)(void *ctx);
    void *ctx;
    enum fota_err result;
    atomic_uint put, taken; /* bytes of this job so far, modulo 2^32; both grow only */
    atomic_uint status;     /* HTTP status of the body */
    atomic_bool has_job, is_refused;
};

/**
 * Start the task, of a priority below the gateway's, so that it never comes between the bytes of a frame.
 * @param memory  NULL: no task
 * @return FOTA_OK · E_INTERNAL (FreeRTOS refuses)
 */
FOTA_MUST_CHECK
enum fota_err idf_fetch_open(struct idf_fetch *fetch, struct fota_gateway_fetcher *memory);

/**
 * Let the task do `job(ctx)`, and give the sink what it puts into the ring.
 * @param body  NULL: the job puts nothing
 * @return what the job returned, or what the sink refused it with
 */
FOTA_MUST_CHECK
enum fota_err idf_fetch_run(struct idf_fetch *fetch, enum fota_err (*job)(void *ctx), void *ctx,
                            const struct http_sink *sink);

/**
 * Of the job: bytes of a body. Waits for room.
 * @return FOTA_OK · E_STATE: the sink wants no more, end the request
 */
FOTA_MUST_CHECK
enum fota_err idf_fetch_put(struct idf_fetch *fetch, unsigned status, const uint8_t *bytes, size_t n_bytes);

/** End the task, which has no job. Its memory is free then. */
void idf_fetch_close(struct idf_fetch *fetch);

#endif
