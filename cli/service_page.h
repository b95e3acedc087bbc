/**
 * The local page of the service: what host/page_server shows and is asked for, and the installation of a bundle that
 * was sent to it.
 */
#ifndef CLI_SERVICE_PAGE_H
#define CLI_SERVICE_PAGE_H

#include "page_server/page_server.h"
#include "posix/http_tar.h"
#include "s3/s3.h"

/** Part of struct service; the functions are there. */
struct service_page {
    bool is_on;
    struct page_model model;
    struct page_server server;
    pthread_t thread; /* the gateway's */
    struct http_tar tar;
    struct s3_config s3_config;
    struct s3 s3;
    unsigned polls_before; /* when the bundle was begun with */
};

#endif
