/**
 * The local page on esp_http_server. The gateway's task says what is to be shown, by the listener; the server's task serves it. What
 * both touch is under one lock, which is held for a copy or for writing one text.
 */
#ifndef IDF_PAGE_H
#define IDF_PAGE_H

#include "esp_http_server.h"
#include "fota_gateway/fota_gateway_page.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "idf_listen.h"
#include "page/page_guard.h"
#include "page/page_model.h"

/** Treat as opaque. */
struct idf_page {
    struct idf_listener listener; /* first member */
    uint32_t magic;               /* it serves */
    struct fota_gateway *gateway; /* NULL in tests */
    const struct idf_log *log;
    struct clock clock;
    StaticSemaphore_t lock_memory;
    SemaphoreHandle_t lock; /* of the model */
    struct page_model model;
    struct page_policy policy;
    httpd_handle_t server;
    void (*poll_now)(void *ctx);
    void *ctx;
    /* The server's task only: headers of a request until the guard decided, then the text of the reply. */
    char text[PAGE_EVENTS_BYTES];
};

struct idf_page_config {
    const char *token;
    uint16_t port;
    void (*poll_now)(void *ctx);
    void *ctx;
    const struct idf_log *log;
};

/** As fota_gateway_page_start, without a gateway: who calls it tells `listener` what is to be shown. */
FOTA_MUST_CHECK
enum fota_err idf_page_start(struct idf_page *p, const struct idf_page_config *config);

/** End the server. */
void idf_page_stop(struct idf_page *p);

#endif
