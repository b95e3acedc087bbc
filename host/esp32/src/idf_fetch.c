#include "idf_fetch.h"

#include <string.h>

enum { PRIORITY = 4, LOOK_MS = 100, MS_PER_S = 1000 };

_Static_assert((FOTA_GATEWAY_RING_BYTES & (FOTA_GATEWAY_RING_BYTES - 1)) == 0, "counts wrap at 2^32");
_Static_assert(sizeof(StaticTask_t) <= FOTA_GATEWAY_TASK_BYTES, "enlarge FOTA_GATEWAY_TASK_BYTES");

/* A notification that came before is not lost: it is counted. The limit is for nothing but a fault of ours. */
static void wait(void)
{
    (void)ulTaskNotifyTake(pdTRUE, (TickType_t)((LOOK_MS * configTICK_RATE_HZ + MS_PER_S - 1) / MS_PER_S));
}

static void task_main(void *arg)
{
    struct idf_fetch *f = arg;
    for (;;) {
        (void)ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
        if (atomic_load(&f->has_job)) {
            f->result = f->job(f->ctx);
            atomic_store(&f->has_job, false);
            (void)xTaskNotifyGive(f->owner); /* never fails */
        }
    }
}

enum fota_err idf_fetch_open(struct idf_fetch *f, struct fota_gateway_fetcher *memory)
{
    memset(f, 0, sizeof *f);
    if (!memory) {
        return FOTA_OK;
    }
    f->ring = memory->ring;
    f->task =
        xTaskCreateStatic(task_main, "fota_fetch", FOTA_GATEWAY_STACK_BYTES, f, PRIORITY,
                          (StackType_t *)(void *)memory->stack, (StaticTask_t *)(void *)memory->control);
    return f->task ? FOTA_OK : E_INTERNAL;
}

enum fota_err idf_fetch_put(struct idf_fetch *f, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    atomic_store(&f->status, status);
    while (n_bytes > 0) {
        const unsigned put = atomic_load(&f->put);
        const unsigned at = put % FOTA_GATEWAY_RING_BYTES;
        size_t n = FOTA_GATEWAY_RING_BYTES - (put - atomic_load(&f->taken));
        n = n < FOTA_GATEWAY_RING_BYTES - at ? n : FOTA_GATEWAY_RING_BYTES - at;
        n = n < n_bytes ? n : n_bytes;
        if (atomic_load(&f->is_refused)) {
            return E_STATE;
        }
        if (n == 0) {
            wait(); /* for room */
            continue;
        }
        memcpy(f->ring + at, bytes, n);
        atomic_store(&f->put, put + (unsigned)n);
        (void)xTaskNotifyGive(f->owner);
        bytes += n;
        n_bytes -= n;
    }
    return FOTA_OK;
}

/* What is in the ring, as far as it lies in one piece, to the sink. @return bytes taken */
static unsigned drain(struct idf_fetch *f, const struct http_sink *sink, enum fota_err *err)
{
    const unsigned taken = atomic_load(&f->taken);
    const unsigned at = taken % FOTA_GATEWAY_RING_BYTES;
    unsigned n = atomic_load(&f->put) - taken;
    n = n < FOTA_GATEWAY_RING_BYTES - at ? n : FOTA_GATEWAY_RING_BYTES - at;
    if (n > 0) {
        if (!*err) {
            *err = sink->body(sink->ctx, atomic_load(&f->status), f->ring + at, n);
        }
        if (*err) {
            atomic_store(&f->is_refused, true); /* what still comes is thrown away */
        }
        atomic_store(&f->taken, taken + n);
        (void)xTaskNotifyGive(f->task);
    }
    return n;
}

enum fota_err idf_fetch_run(struct idf_fetch *f, enum fota_err (*job)(void *ctx), void *ctx,
                            const struct http_sink *sink)
{
    enum fota_err err = FOTA_OK;
    f->job = job;
    f->ctx = ctx;
    f->owner = xTaskGetCurrentTaskHandle();
    atomic_store(&f->put, 0);
    atomic_store(&f->taken, 0);
    atomic_store(&f->is_refused, false);
    atomic_store(&f->has_job, true);
    (void)xTaskNotifyGive(f->task);
    bool is_on = true;
    while (is_on) {
        is_on = atomic_load(&f->has_job); /* before the ring: what was put before the end is there */
        if (drain(f, sink, &err) > 0) {
            is_on = true;
        } else if (is_on) {
            wait();
        }
    }
    return err ? err : f->result;
}

void idf_fetch_close(struct idf_fetch *f)
{
    if (f->task) {
        vTaskDelete(f->task);
    }
    f->task = NULL;
}
