#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service.h"

enum { FD_PATH_BYTES = 48, OTHERS_READ = 077 };

/* --- settings ---------------------------------------------------------------------------------------- */

static enum cli_exit read_address(struct service *s, struct page_address *out)
{
    enum fota_err err = page_address_read(s->config.http, out);
    return err ? cli_usage(
                     s->cli, s->self,
                     "http = %s is no address to listen at; write ADDRESS:PORT, for example 127.0.0.1:8407",
                     s->config.http)
               : CLI_OK;
}

static enum cli_exit wrong_token(struct service *s, const char *why)
{
    (void)cli_fail(s->cli, E_IO, "token file %s %s", s->config.http_token_file, why);
    return CLI_FILE;
}

/* One line; nobody but its owner may read it. */
static enum cli_exit read_token(struct service *s, char token[PAGE_TOKEN_MAX_CHARS + 3])
{
    struct stat st;
    int fd = open(s->config.http_token_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const char *why = strerror(errno);
        char text[160];
        if (fd >= 0) {
            (void)close(fd); /* it was only read */
        }
        (void)snprintf(text, sizeof text, "cannot be read: %s", why);
        return wrong_token(s, text);
    }
    ssize_t n = read(fd, token, PAGE_TOKEN_MAX_CHARS + 2);
    (void)close(fd);
    token[n > 0 ? n : 0] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    if ((st.st_mode & OTHERS_READ) != 0) {
        return wrong_token(s, "is open to others: chmod 600, and give it to the user of the service");
    }
    return page_token_is_fit(token)
               ? CLI_OK
               : wrong_token(
                     s, "holds no token: write 16 to 128 letters, digits or -._~+/= into its first line, for "
                        "example the output of `openssl rand -hex 16`");
}

static enum cli_exit read_settings(struct service *s, struct page_address *address,
                                   char token[PAGE_TOKEN_MAX_CHARS + 3])
{
    enum cli_exit result = read_address(s, address);
    token[0] = '\0';
    if (result == CLI_OK && s->config.http_token_file) {
        result = read_token(s, token);
    }
    if (result == CLI_OK && !token[0] && !address->is_loopback) {
        return cli_usage(
            s->cli, s->self,
            "http = %s can be reached by others, so it needs a token: write one of at least %d characters "
            "into a file of mode 600, and name it with http-token-file",
            s->config.http, PAGE_TOKEN_MIN_CHARS);
    }
    return result;
}

enum cli_exit service_page_check(struct service *s)
{
    struct page_address address;
    char token[PAGE_TOKEN_MAX_CHARS + 3];
    if (!s->config.http) {
        return CLI_OK;
    }
    return page_server_is_built() ? read_settings(s, &address, token)
                                  : cli_usage(s->cli, s->self,
                                              "http: this program was built without the local page; install "
                                              "libmicrohttpd-dev and build it again, or leave http out");
}

/* --- what the server asks ---------------------------------------------------------------------------- */

static enum fota_err open_tar(struct http_tar *tar, int fd)
{
    char path[FD_PATH_BYTES];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* the file has no other name any more */
    return http_tar_open(tar, path);
}

/* In the server's thread: only whether it is a tar file; what is in it the gateway checks. */
static const char *refuse_bundle(void *ctx, int fd)
{
    struct http_tar tar;
    (void)ctx;
    if (open_tar(&tar, fd) != FOTA_OK) {
        return "This is no bundle: a bundle is a tar file of v1/channels and v1/blobs.";
    }
    http_tar_close(&tar);
    return NULL;
}

/* In the server's thread: end the sleep of the gateway's, as `systemctl kill -s USR1` does. */
static void wake(void *ctx)
{
    struct service_page *p = ctx;
    (void)pthread_kill(p->thread, SIGUSR1); /* the thread lives as long as the server */
}

/* --- showing ----------------------------------------------------------------------------------------- */

void service_page_show(struct service *s)
{
    if (s->page.is_on) {
        page_model_look(&s->page.model, &s->gateway);
        page_server_show(&s->page.server, &s->page.model);
    }
}

static void hear(void *ctx, const struct gateway_event *e)
{
    struct service *s = ctx;
    page_model_hear(&s->page.model, e);
    page_model_look(&s->page.model, &s->gateway);
    page_server_show(&s->page.server, &s->page.model);
}

enum cli_exit service_page_open(struct service *s)
{
    struct service_page *p = &s->page;
    char token[PAGE_TOKEN_MAX_CHARS + 3];
    char upload[PAGE_PATH_BYTES];
    struct page_server_config config = {
        .upload = upload, .refuse_bundle = refuse_bundle, .wake = wake, .ctx = p};
    if (!s->config.http) {
        return CLI_OK;
    }
    enum cli_exit result = service_page_check(s);
    if (result == CLI_OK) {
        result = read_settings(s, &config.address, token);
    }
    if (result != CLI_OK) {
        return result;
    }
    if ((size_t)snprintf(upload, sizeof upload, "%s.upload", s->config.state) >= sizeof upload) {
        return cli_usage(s->cli, s->self, "state = %s is too long a path", s->config.state);
    }
    config.token = token[0] ? token : NULL;
    p->thread = pthread_self();
    page_model_init(&p->model, &s->clock.clock, true, PAGE_BUNDLE_BYTES);
    enum fota_err err = page_server_start(&p->server, &config);
    if (err) {
        (void)cli_fail(s->cli, err, "the page cannot be shown at http = %s: %s", s->config.http,
                       p->server.why);
        return CLI_FILE;
    }
    p->is_on = true;
    service_watch_add(&s->watch, hear, s);
    service_page_show(s);
    size_t n_host = (size_t)(strrchr(s->config.http, ':') - s->config.http);
    service_say(&s->watch, SERVICE_NOTICE, "page at http://%.*s:%u/%s", (int)n_host, s->config.http,
                (unsigned)p->server.port, config.token ? ", with a token" : "");
    return CLI_OK;
}

/* --- bundles ----------------------------------------------------------------------------------------- */

/* The objects come from the file: no network, the same checks. */
static void begin_bundle(struct service *s, int fd)
{
    struct service_page *p = &s->page;
    enum fota_err err = open_tar(&p->tar, fd);
    (void)close(fd); /* the reader has its own */
    if (err) {
        service_say(&s->watch, SERVICE_ERROR, "the bundle cannot be opened again: %s", strerror(errno));
        return;
    }
    p->s3_config =
        (struct s3_config){.endpoint = "http://bundle", .region = "none", .bucket = s->config.bucket};
    err = s3_init(&p->s3, &p->tar.http, &p->s3_config);
    if (!err) {
        err = gateway_use_source(&s->gateway, &p->s3);
    }
    if (err) {
        http_tar_close(&p->tar);
        service_say(&s->watch, SERVICE_ERROR, "the bundle cannot be used: %s", fota_err_text(err));
        return;
    }
    p->polls_before = s->watch.sums.n_polls;
    p->model.is_bundle = true;
    gateway_poll_now(&s->gateway);
    service_say(&s->watch, SERVICE_NOTICE,
                "a bundle came by the page; it is checked as a release from the channel is");
}

void service_page_waits(struct service *s, uint32_t wait_ms)
{
    struct service_page *p = &s->page;
    if (!p->is_on) {
        return;
    }
    bool is_tried = p->model.is_bundle && s->watch.sums.n_polls != p->polls_before;
    page_model_waits(&p->model, wait_ms);
    if (is_tried && gateway_use_source(&s->gateway, &s->s3.s3) == FOTA_OK) {
        http_tar_close(&p->tar);
        p->model.is_bundle = false;
    }
    service_page_show(s);
}

void service_page_step(struct service *s)
{
    struct service_page *p = &s->page;
    if (!p->is_on || p->model.is_bundle || s->gateway.state != GATEWAY_WAIT) {
        return;
    }
    struct page_wanted wanted = page_server_take(&p->server);
    if (wanted.bundle >= 0) {
        begin_bundle(s, wanted.bundle);
    } else if (wanted.is_check) {
        gateway_poll_now(&s->gateway);
    }
    service_page_show(s);
}

void service_page_close(struct service *s)
{
    struct service_page *p = &s->page;
    if (!p->is_on) {
        return;
    }
    p->is_on = false;
    page_server_stop(&p->server);
    if (p->model.is_bundle) {
        http_tar_close(&p->tar);
    }
}
