/** port/http.h through the mailbox: the test is the network and the server. */
#ifndef GUEST_MAIL_HTTP_H
#define GUEST_MAIL_HTTP_H

#include "../mailbox.h"
#include "port/http.h"

/** Public only to be embedded. */
struct mail_http {
    struct http http;
    struct mailbox_piece piece;
};

void mail_http_init(struct mail_http *http);

/** The test stands here. */
void mailbox_call(uint32_t what, uint32_t argument);

#endif
