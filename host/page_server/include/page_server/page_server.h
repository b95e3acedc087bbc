/**
 * The local page on Linux: libmicrohttpd in one thread of its own, so that neither a slow browser nor a closed one holds
 * the gateway. The gateway's thread hands in what is to be shown (page_server_show) and takes out what was asked for
 * (page_server_take); everything the two threads share is in this struct, under one lock.
 *
 * Bounds: 16 connections, 6 of them streams; 8 KB for a request line and its headers (431, 414 above that); 30 s without
 * a byte; one upload at a time, of the size and within the time that are named here.
 */
#ifndef PAGE_SERVER_PAGE_SERVER_H
#define PAGE_SERVER_PAGE_SERVER_H

#include <netinet/in.h>
#include <pthread.h>

#include "page/page_guard.h"
#include "page/page_model.h"

enum {
    PAGE_CONNECTIONS = 16,
    PAGE_STREAMS = 6,
    PAGE_HEAD_BYTES = 8192,
    PAGE_IDLE_S = 30,
    PAGE_UPLOAD_S = 120,
    PAGE_PATH_BYTES = 512,
    PAGE_WHY_BYTES = 320
};

struct MHD_Connection;
struct MHD_Daemon;
struct page_server;

/** An address to listen at. */
struct page_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    bool is_v6;
    bool is_loopback;
};

/** Settings; texts are copied. */
struct page_server_config {
    struct page_address address;
    const char *token;  /* NULL: none; only on loopback */
    const char *upload; /* a path that uploads may use; the file has no name while it is written */
    /** Called by the server's thread with a whole upload. NULL: it may be a bundle; else a sentence why not. */
    const char *(*refuse_bundle)(void *ctx, int fd);
    /** Called by the server's thread when page_server_take has something. */
    void (*wake)(void *ctx);
    void *ctx;
};

/** A request under way. */
struct page_connection {
    bool is_used;
    struct page_server *server;
    struct MHD_Connection *connection;
    struct page_answer answer;
    bool is_begun;     /* its first call is over */
    bool is_uploading; /* it owns the one upload */
    int fd;
    uint32_t n_got_bytes;
    uint64_t begun_ms;
    const char *failed; /* why the upload came to nothing */
    bool is_stream, is_suspended;
    uint32_t n_shown; /* number of the state that was sent last */
};

/** A server. Treat as opaque, but for `port` and `why`. */
struct page_server {
    uint16_t port; /* that it listens at */
    char why[PAGE_WHY_BYTES];
    struct page_policy policy;
    char token[PAGE_TOKEN_MAX_CHARS + 1];
    char upload[PAGE_PATH_BYTES];
    struct page_server_config config;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock; /* of all below */
    bool is_stopping;
    bool is_idle;  /* the gateway waits: a bundle may come */
    bool is_asked; /* check now */
    int bundle;    /* a whole upload, -1 none */
    bool is_uploading;
    unsigned n_streams;
    uint32_t n_shown; /* counts states that differ in more than the time */
    uint64_t pushed_ms;
    size_t n_state, n_list;
    char state[PAGE_STATE_BYTES];
    char list[PAGE_EVENTS_BYTES];
    struct page_connection connection[PAGE_CONNECTIONS];
};

/**
 * Read `ADDRESS:PORT`: an IPv4 address, or an IPv6 address in brackets, or localhost. Port 0: a free one.
 * @return FOTA_OK · E_ARG
 */
FOTA_MUST_CHECK
enum fota_err page_address_read(const char *text, struct page_address *out);

/** Is the page part of this build? false: libmicrohttpd was not there; page_server_start says so. */
bool page_server_is_built(void);

/**
 * Start to listen.
 *
 * @return FOTA_OK · E_UNSUPPORTED (this build has no page) · E_ARG (not loopback, and no token) · E_IO (the address is
 * taken, is not one of this machine, or the port needs rights). `why` has a sentence after a failure.
 */
FOTA_MUST_CHECK
enum fota_err page_server_start(struct page_server *s, const struct page_server_config *config);

/** Show this from now on; streams are told if it says something new, and every 10 s that the gateway lives. */
void page_server_show(struct page_server *s, const struct page_model *m);

/** What was asked for since the last call. */
struct page_wanted {
    bool is_check; /* check now */
    int bundle;    /* file with a bundle, -1 none; the caller closes it, and it is gone then */
};

/** Take what was asked for. A bundle is given out only once, and only while the gateway waits. */
struct page_wanted page_server_take(struct page_server *s);

/** End it: no connection is left. */
void page_server_stop(struct page_server *s);

#endif
