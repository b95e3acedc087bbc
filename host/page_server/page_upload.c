#include "page_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page_reply.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

static const char BUSY[] = "The gateway is at work; send the file again when this is over.";

uint64_t page_now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * MS_PER_S + (uint64_t)t.tv_nsec / NS_PER_MS;
}

/* @return false: something else is under way */
static bool own_upload(struct page_connection *c)
{
    struct page_server *s = c->server;
    (void)pthread_mutex_lock(&s->lock);
    c->is_uploading = s->is_idle && !s->is_uploading && s->bundle < 0;
    s->is_uploading = s->is_uploading || c->is_uploading;
    (void)pthread_mutex_unlock(&s->lock);
    return c->is_uploading;
}

void page_upload_clean(struct page_server *s)
{
    (void)unlink(s->upload); /* it is not there, as a rule */
}

enum MHD_Result page_upload_begin(struct page_connection *c)
{
    struct page_server *s = c->server;
    if (!own_upload(c)) {
        c->answer.what = PAGE_REFUSED;
        return page_reply_words(c->connection, MHD_HTTP_CONFLICT, BUSY, NULL);
    }
    c->fd = open(s->upload, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->fd >= 0 && unlink(s->upload) == 0) {
        return MHD_YES;
    }
    c->answer.what = PAGE_REFUSED;
    return page_reply_words(
        c->connection, MHD_HTTP_INSUFFICIENT_STORAGE,
        "The folder of the state file cannot be written; the gateway's log says where it is.", NULL);
}

static void write_all(struct page_connection *c, const char *data, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t put = write(c->fd, data + at, n - at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            c->failed = "There is no room for the file on this machine; make some and send it again.";
            return;
        }
        at += (size_t)put;
    }
}

enum MHD_Result page_upload_take(struct page_connection *c, const char *data, size_t *n_data)
{
    if (page_now_ms() - c->begun_ms > (uint64_t)PAGE_UPLOAD_S * MS_PER_S) {
        return MHD_NO;
    }
    c->n_got_bytes += (uint32_t)*n_data;
    if (!c->failed) {
        write_all(c, data, *n_data);
    }
    *n_data = 0;
    return MHD_YES;
}

static bool hand_over(struct page_connection *c)
{
    struct page_server *s = c->server;
    (void)pthread_mutex_lock(&s->lock);
    bool is_taken = s->is_idle && s->bundle < 0;
    if (is_taken) {
        s->bundle = c->fd;
        s->is_idle = false; /* until the gateway shows that it waits again */
        c->fd = -1;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return is_taken;
}

enum MHD_Result page_upload_end(struct page_connection *c)
{
    const struct page_server_config *config = &c->server->config;
    if (!c->failed && c->n_got_bytes != c->answer.n_body_bytes) {
        c->failed = "The file came only in part; send it again.";
    }
    if (c->failed) {
        return page_reply_words(c->connection, MHD_HTTP_INSUFFICIENT_STORAGE, c->failed, NULL);
    }
    const char *refused = config->refuse_bundle(config->ctx, c->fd);
    if (refused) {
        return page_reply_words(c->connection, MHD_HTTP_UNPROCESSABLE_CONTENT, refused, NULL);
    }
    if (!hand_over(c)) {
        return page_reply_words(c->connection, MHD_HTTP_CONFLICT, BUSY, NULL);
    }
    config->wake(config->ctx);
    return page_reply_words(c->connection, MHD_HTTP_ACCEPTED, "The file is here; the gateway checks it now.",
                            NULL);
}

void page_upload_drop(struct page_connection *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd); /* it has no name: its bytes go with it */
        c->fd = -1;
    }
    if (c->is_uploading) {
        c->server->is_uploading = false;
        c->is_uploading = false;
    }
}
