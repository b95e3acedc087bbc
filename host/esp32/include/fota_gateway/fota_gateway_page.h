/**
 * The local page of a gateway on an ESP32: slots, versions, state, progress, last events with their reasons in words, and
 * "check now". The files are those of a gateway on Linux, the server is esp_http_server. For C and C++.
 *
 * Whoever reads the page or acts needs the token; only the page's own files are public, and they hold nothing of this gateway. The
 * browser asks for the state every second or every four; an upload of a bundle is not taken here, and the page does not offer it.
 *
 * The server has one task and handles one request at a time: a client of the network that sends or reads slowly holds the page
 * until its time-outs of 5 s, as often as it likes. It never holds the gateway, which runs in its own task at a higher priority.
 * Bounds: 4 connections, of which the one that was idle longest gives way; 1,024 bytes of request headers (else 431, by
 * esp_http_server). Set CONFIG_HTTPD_MAX_REQ_HDR_LEN=1024: its default before ESP-IDF v5.5 is 512, which is too few for a browser.
 *
 *     static struct fota_gateway_page page;
 *     struct fota_gateway_page_config config = {0};
 *     config.token = token;
 *     fota_gateway_page_start(&page, &gateway, &config);
 */
#ifndef FOTA_GATEWAY_FOTA_GATEWAY_PAGE_H
#define FOTA_GATEWAY_FOTA_GATEWAY_PAGE_H

#include "fota_gateway/fota_gateway.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* 32-bit pointers; other machines only run the tests. esp_http_server takes its stack of 4,096 bytes and about 3 kB more from
       the heap. */
    FOTA_GATEWAY_PAGE_BYTES = sizeof(void *) == 4 ? 5376 : 6144
};

/** Zero it first. */
struct fota_gateway_page_config {
    const char *token; /* 16 to 128 letters, digits, - . _ ~ + / =; must outlive the page */
    uint16_t port;     /* 0: 80 */
};

/** One page. Zero it, or leave it static; its content is its own. */
struct fota_gateway_page {
    uint64_t opaque[FOTA_GATEWAY_PAGE_BYTES / 8];
};

/**
 * Start to serve. The network may come later or earlier, esp_netif_init must have been called before. From any task, before or
 * after fota_gateway_start; a page that starts after it shows nothing of the gateway until its next event, or 1 s. Whoever calls
 * fota_gateway_step himself starts the page from the same task.
 *
 * @param gateway  opened; must outlive the page
 * @return 0 · E_ARG 0x0001 (the token: the log says what is wrong) · E_STATE 0x0004 (the gateway is not open, or has a page already)
 * · E_IO 0x0801 (esp_http_server refuses: no memory, no socket; the log has its reason)
 */
int fota_gateway_page_start(struct fota_gateway_page *page, struct fota_gateway *gateway,
                            const struct fota_gateway_page_config *config);

/**
 * End it: no connection is left. From any task but the server's own.
 *
 * @return 0 · E_STATE 0x0004 (it was not started)
 */
int fota_gateway_page_stop(struct fota_gateway_page *page);

#ifdef __cplusplus
}
#endif

#endif
