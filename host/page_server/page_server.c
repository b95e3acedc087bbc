#include "page_server/page_server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "page/page_words.h"
#include "page_reply.h"
#include "page_upload.h"

enum { PUSH_EVERY_MS = 10000, STREAM_PIECE_BYTES = 2048 };

static void hold(struct page_server *s)
{
    (void)pthread_mutex_lock(&s->lock); /* fails only for a lock that is not one */
}

static void release(struct page_server *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

bool page_server_is_built(void)
{
    return true;
}

/* --- stream ------------------------------------------------------------------------------------------ */

/* The next piece of a stream: the state, if it is another one than was sent last; else the connection rests. */
static ssize_t stream_piece(void *ctx, uint64_t pos, char *out, size_t n_max)
{
    struct page_connection *c = ctx;
    struct page_server *s = c->server;
    ssize_t n = 0;
    (void)pos;
    hold(s);
    if (s->is_stopping) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (c->n_shown != s->n_shown) {
        n = snprintf(out, n_max, "data: %s\n\n", s->state);
        n = n < 0 || (size_t)n >= n_max ? MHD_CONTENT_READER_END_WITH_ERROR : n;
        c->n_shown = s->n_shown;
    } else {
        MHD_suspend_connection(c->connection);
        c->is_suspended = true;
    }
    release(s);
    return n;
}

/* Wake every stream; the lock is held. */
static void resume_streams(struct page_server *s)
{
    for (unsigned i = 0; i < PAGE_CONNECTIONS; i++) {
        struct page_connection *c = &s->connection[i];
        if (c->is_used && c->is_suspended) {
            c->is_suspended = false;
            MHD_resume_connection(c->connection);
        }
    }
}

static enum MHD_Result begin_stream(struct page_connection *c)
{
    struct page_server *s = c->server;
    hold(s);
    bool is_room = s->n_streams < PAGE_STREAMS;
    s->n_streams += is_room ? 1U : 0;
    c->is_stream = is_room;
    release(s);
    if (!is_room) {
        return page_reply_words(c->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                                "Too many pages are open for live progress; this one asks every few seconds.",
                                NULL);
    }
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE_BYTES, stream_piece, c, NULL);
    return page_reply_send(c->connection, MHD_HTTP_OK, r, "text/event-stream", NULL);
}

/* --- requests ---------------------------------------------------------------------------------------- */

static enum MHD_Result reply_state(struct page_connection *c)
{
    struct page_server *s = c->server;
    char text[PAGE_EVENTS_BYTES];
    hold(s);
    bool is_list = c->answer.what == PAGE_LIST;
    size_t n = is_list ? s->n_list : s->n_state;
    memcpy(text, is_list ? s->list : s->state, n);
    release(s);
    return page_reply_json(c->connection, MHD_HTTP_OK, text, n);
}

static enum MHD_Result ask_check(struct page_connection *c)
{
    struct page_server *s = c->server;
    hold(s);
    bool is_idle = s->is_idle;
    s->is_asked = s->is_asked || is_idle;
    release(s);
    if (!is_idle) {
        return page_reply_words(c->connection, MHD_HTTP_CONFLICT, page_says_busy, NULL);
    }
    s->config.wake(s->config.ctx);
    return page_reply_words(c->connection, MHD_HTTP_ACCEPTED, page_says_checking, NULL);
}

/* Everything but an upload, which has a body. */
static enum MHD_Result reply(struct page_connection *c)
{
    switch (c->answer.what) {
    case PAGE_FILE:
        return page_reply_file(c->connection, c->answer.file);
    case PAGE_STATE:
    case PAGE_LIST:
        return reply_state(c);
    case PAGE_STREAM:
        return begin_stream(c);
    case PAGE_CHECK:
        return ask_check(c);
    default:
        return page_reply_words(c->connection, c->answer.status, c->answer.words, c->answer.allow);
    }
}

static void look_at(struct page_connection *c, const char *path, const char *method)
{
    struct MHD_Connection *m = c->connection;
    const struct page_request request = {
        .method = method,
        .path = path,
        .host = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Host"),
        .origin = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Origin"),
        .fetch_site = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Sec-Fetch-Site"),
        .authorization = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Authorization"),
        .action = MHD_lookup_connection_value(m, MHD_HEADER_KIND, PAGE_ACTION_HEADER),
        .content_length = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Content-Length"),
        .is_chunked = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "Transfer-Encoding")};
    page_guard(&c->server->policy, &request, &c->answer);
}

static struct page_connection *take_place(struct page_server *s, struct MHD_Connection *m)
{
    for (unsigned i = 0; i < PAGE_CONNECTIONS; i++) {
        struct page_connection *c = &s->connection[i];
        if (!c->is_used) {
            *c = (struct page_connection){
                .is_used = true, .server = s, .connection = m, .fd = -1, .begun_ms = page_now_ms()};
            return c;
        }
    }
    return NULL; /* not reached: libmicrohttpd has no more connections than there are places */
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *m, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n_data, void **memory)
{
    struct page_server *s = ctx;
    struct page_connection *c = *memory;
    (void)version;
    if (!c) { /* the headers are here, the body is not */
        hold(s);
        c = take_place(s, m);
        release(s);
        if (!c) {
            return MHD_NO;
        }
        *memory = c;
        look_at(c, url, method);
        if (c->answer.what == PAGE_REFUSED) {
            return reply(c);
        }
        return c->answer.what == PAGE_INSTALL ? page_upload_begin(c) : MHD_YES;
    }
    if (c->answer.what == PAGE_INSTALL) {
        return *n_data ? page_upload_take(c, data, n_data) : page_upload_end(c);
    }
    *n_data = 0;
    return reply(c);
}

static void on_end(void *ctx, struct MHD_Connection *m, void **memory, enum MHD_RequestTerminationCode code)
{
    struct page_server *s = ctx;
    struct page_connection *c = *memory;
    (void)m;
    (void)code;
    if (!c) {
        return;
    }
    hold(s);
    page_upload_drop(c);
    s->n_streams -= c->is_stream ? 1U : 0;
    c->is_used = false;
    release(s);
    *memory = NULL;
}

/* --- start and end ----------------------------------------------------------------------------------- */

/* libmicrohttpd's own complaints are about clients that went away. */
FOTA_PRINTF(2, 0)
static void stay_silent(void *ctx, const char *format, va_list args)
{
    (void)ctx;
    (void)format;
    (void)args;
}

/* Signals are for the gateway's thread: they end its sleep. */
static struct MHD_Daemon *start_thread(struct page_server *s)
{
    sigset_t all;
    sigset_t before;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (s->config.address.is_v6 ? (unsigned)MHD_USE_IPv6 : 0U);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* both are right, so it cannot fail */
    struct MHD_Daemon *daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, stay_silent, NULL,
                         MHD_OPTION_SOCK_ADDR, &s->config.address.at.any, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)PAGE_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PAGE_IDLE_S,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PAGE_HEAD_BYTES,
                         MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_END);
    int why = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return daemon;
}

static enum fota_err fail_to_start(struct page_server *s)
{
    const char *advice = errno == EADDRINUSE ? "another program has this address; give another port"
                         : errno == EACCES   ? "ports below 1024 need rights; give a higher one"
                         : errno == EADDRNOTAVAIL
                             ? "this machine does not have this address; give one of its own"
                             : strerror(errno);
    (void)snprintf(s->why, sizeof s->why, "%s", advice);
    (void)pthread_mutex_destroy(&s->lock);
    return E_IO;
}

enum fota_err page_server_start(struct page_server *s, const struct page_server_config *config)
{
    memset(s, 0, sizeof *s);
    s->bundle = -1;
    s->config = *config;
    if (!config->token && !config->address.is_loopback) {
        (void)snprintf(
            s->why, sizeof s->why,
            "an address that others reach needs a token: write one of at least %d characters into a file "
            "and name it with http-token-file",
            PAGE_TOKEN_MIN_CHARS);
        return E_ARG;
    }
    (void)snprintf(s->token, sizeof s->token, "%s", config->token ? config->token : "");
    (void)snprintf(s->upload, sizeof s->upload, "%s", config->upload);
    s->policy = (struct page_policy){.is_loopback = config->address.is_loopback,
                                     .token = config->token ? s->token : NULL,
                                     .has_stream = true,
                                     .upload_bytes = PAGE_BUNDLE_BYTES};
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        (void)snprintf(s->why, sizeof s->why, "there is no memory for a lock");
        return E_IO;
    }
    page_upload_clean(s);
    s->daemon = start_thread(s);
    if (!s->daemon) {
        return fail_to_start(s);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info ? info->port : 0;
    return FOTA_OK;
}

void page_server_show(struct page_server *s, const struct page_model *m)
{
    char state[PAGE_STATE_BYTES];
    char list[PAGE_EVENTS_BYTES];
    size_t n_state = page_state_text(m, state);
    size_t n_list = page_events_text(m, list);
    size_t moment = page_state_moment(state);
    uint64_t now_ms = page_now_ms();
    hold(s);
    bool is_new = moment != page_state_moment(s->state) || memcmp(state, s->state, moment) != 0;
    memcpy(s->state, state, n_state + 1);
    memcpy(s->list, list, n_list + 1);
    s->n_state = n_state;
    s->n_list = n_list;
    s->is_idle = m->view.state == GATEWAY_WAIT && !m->is_bundle && s->bundle < 0;
    if (is_new || now_ms - s->pushed_ms >= PUSH_EVERY_MS) {
        s->pushed_ms = now_ms;
        s->n_shown++;
        resume_streams(s);
    }
    release(s);
}

struct page_wanted page_server_take(struct page_server *s)
{
    hold(s);
    struct page_wanted wanted = {.is_check = s->is_asked, .bundle = s->bundle};
    s->is_asked = false;
    s->bundle = -1;
    release(s);
    return wanted;
}

void page_server_stop(struct page_server *s)
{
    if (!s->daemon) {
        return;
    }
    hold(s);
    s->is_stopping = true;
    resume_streams(s);
    release(s);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    if (s->bundle >= 0) {
        (void)close(s->bundle); /* it was only read, and has no name */
        s->bundle = -1;
    }
    (void)pthread_mutex_destroy(&s->lock);
}
