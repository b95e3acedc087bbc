#include "mail_http.h"

#include "chip.h"

enum { PIECES_MAX = 100000, DEFAULT_TOTAL_MS = 100000 };

/* The call at its fixed address. */
__attribute__((naked, noipa, section(".mailbox"))) void mailbox_call(uint32_t what, uint32_t argument)
{
    (void)what;
    (void)argument;
    __asm volatile("bx lr");
}

static uint32_t address(const volatile void *at)
{
    return (uint32_t)(uintptr_t)at;
}

/* The sink takes a piece. */
static enum fota_err take(const struct mailbox_piece *piece, const struct http_sink *sink)
{
    if (piece->kind == MAILBOX_BODY) {
        return sink->body(sink->ctx, piece->status, piece->bytes, piece->n_bytes);
    }
    const char *name = (const char *)piece->bytes;
    const size_t n_value = piece->n_bytes - piece->n_name - 1;
    sink->header(sink->ctx, name, piece->n_name, name + piece->n_name + 1, n_value);
    return FOTA_OK;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct mailbox_piece *piece = &((struct mail_http *)http)->piece;
    const struct mailbox_request ask = {.is_put = request->method == HTTP_VERB_PUT,
                                        .url = address(request->url),
                                        .headers = address(request->header),
                                        .n_headers = (uint32_t)request->n_headers};
    const uint32_t total_ms = request->limits.total_ms ? request->limits.total_ms : DEFAULT_TOTAL_MS;
    const uint64_t until_us = chip_now_us() + (uint64_t)total_ms * 1000U;
    mailbox_call(MAILBOX_ASK, address(&ask));
    for (uint32_t i = 0; i < PIECES_MAX; i++) {
        mailbox_call(MAILBOX_NEXT, address(piece));
        chip_sleep_us(piece->wait_us);
        if (chip_now_us() > until_us) {
            return E_TIMEOUT;
        }
        if (piece->kind == MAILBOX_END) {
            *status = piece->status;
            return (enum fota_err)piece->err;
        }
        const enum fota_err err = take(piece, sink);
        if (err) {
            return err;
        }
    }
    return E_HTTP_LIMIT;
}

void mail_http_init(struct mail_http *http)
{
    static const struct http_ops ops = {.perform = perform};
    *http = (struct mail_http){.http = {.ops = &ops}};
}
