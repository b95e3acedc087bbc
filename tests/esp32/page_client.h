/** A client of the page in the process of the stand-ins: while it waits, virtual time passes. */
#ifndef ESP32_PAGE_CLIENT_H
#define ESP32_PAGE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { PAGE_CLIENT_BYTES = 65536 };

struct page_reply {
    unsigned status;  /* 0: the connection ended without a reply */
    const char *body; /* NUL-terminated */
    size_t n_body;
    bool is_closed; /* the server ended the connection after it */
    char text[PAGE_CLIENT_BYTES];
};

/**
 * Connect to stand_in_page_port.
 * @return a socket, -1: nobody listens
 */
int page_client_open(void);
void page_client_close(int fd);

/** Send these bytes as they are. */
void page_client_send(int fd, const char *text);

/** Wait for a whole reply, for at most `max_s` of virtual time; status 0: none came. */
void page_client_read(int fd, unsigned max_s, struct page_reply *out);

/**
 * One request on a connection of its own.
 * @param headers  each ends with CR LF; Host is added
 */
void page_client_ask(const char *method, const char *path, const char *headers, struct page_reply *out);

/** Value of a header of the reply into `out`, "" if it is absent. */
const char *page_client_header(const struct page_reply *reply, const char *name, char out[256]);

#endif
