/*
 * esp_http_server over real sockets: one task that serves one request at a time; at most max_open_sockets connections, of which the
 * one that was idle longest gives way only where lru_purge_enable says so; headers of 512 or 1,024 bytes, else 431; a handler that
 * does not return ESP_OK closes its connection; pointers of a reply's headers are kept until it is sent.
 *
 * It listens on 127.0.0.1 at a port that the kernel chooses (stand_in_page_port), whatever the configuration says. The waits of its
 * task take virtual time: a test in this process lets time pass, one outside needs a world whose time follows that of the machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp_http_server.h"
#include "stand_in_priv.h"

enum {
    SOCKETS_MAX = 10, /* CONFIG_LWIP_MAX_SOCKETS */
    OWN_SOCKETS = 3,
    URIS_MAX = 16,
    HEADERS_MAX = 16,
    LINE_BYTES = 1024,
    HEAD_BYTES = 2048,
    LOOK_US = 10000,
    HANDLER_MAX_US = 1000000
};

struct session {
    int fd; /* -1: none */
    uint64_t used;
};

static struct server {
    bool is_used, is_stopping, is_gone;
    httpd_config_t config;
    httpd_uri_t uri[URIS_MAX];
    unsigned n_uris;
    int fd, port;
    struct session session[SOCKETS_MAX];
    uint64_t n_used;
    TaskHandle_t task;
    StaticTask_t control;
    StackType_t *stack;
} server;

/* The request under way; `aux` of the original. */
static struct exchange {
    httpd_req_t request;
    struct session *session;
    char head[HEAD_BYTES];
    size_t n_head, n_rest; /* bytes of the headers; of the body that came with them */
    size_t rest_at, n_body_read;
    const char *status, *type, *name[HEADERS_MAX], *value[HEADERS_MAX];
    unsigned n_headers;
    bool is_sent, is_chunked, is_ended;
} now;

int stand_in_page_port(void)
{
    return server.is_used ? server.port : 0;
}

/* --- sockets ------------------------------------------------------------------------------------------------------ */

static void hang_up(struct session *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    s->fd = -1;
}

void stand_in_reset_page(void)
{
    if (!server.is_used) {
        return;
    }
    for (unsigned i = 0; i < SOCKETS_MAX; i++) {
        hang_up(&server.session[i]);
    }
    (void)close(server.fd);
    free(server.stack);
    memset(&server, 0, sizeof server);
}

/* @return bytes, 0: closed, HTTPD_SOCK_ERR_* */
static int receive(struct session *s, void *bytes, size_t n_bytes)
{
    const uint64_t until_us = stand_in_now_us() + server.config.recv_wait_timeout * 1000000ULL;
    for (;;) {
        const ssize_t n = recv(s->fd, bytes, n_bytes, MSG_DONTWAIT);
        if (n >= 0) {
            return (int)n;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return HTTPD_SOCK_ERR_FAIL;
        }
        if (stand_in_now_us() >= until_us) {
            return HTTPD_SOCK_ERR_TIMEOUT;
        }
        stand_in_sleep_until(stand_in_now_us() + LOOK_US);
    }
}

static esp_err_t send_all(const char *bytes, size_t n_bytes)
{
    uint64_t until_us = stand_in_now_us() + server.config.send_wait_timeout * 1000000ULL;
    while (n_bytes > 0) {
        const ssize_t n = send(now.session->fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            bytes += n;
            n_bytes -= (size_t)n;
            until_us = stand_in_now_us() + server.config.send_wait_timeout * 1000000ULL;
        } else if ((errno != EAGAIN && errno != EWOULDBLOCK) || stand_in_now_us() >= until_us) {
            return ESP_ERR_HTTPD_RESP_SEND;
        } else {
            stand_in_sleep_until(stand_in_now_us() + LOOK_US);
        }
    }
    return ESP_OK;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* The value of a header, and its length; NULL: absent. */
static const char *find(const char *field, size_t *n_value)
{
    const char *line = strstr(now.head, "\r\n");
    const size_t n_field = strlen(field);
    for (line = line ? line + 2 : NULL; line && line[0] != '\r'; line = strstr(line, "\r\n") + 2) {
        const size_t n_line = strcspn(line, "\r");
        if (n_line > n_field && strncasecmp(line, field, n_field) == 0 && line[n_field] == ':') {
            const char *value = line + n_field + 1 + strspn(line + n_field + 1, " \t");
            *n_value = (size_t)(line + n_line - value);
            return value;
        }
    }
    return NULL;
}

static bool is_ours(const httpd_req_t *r, const char *what)
{
    if (r != &now.request || now.is_sent) {
        stand_in_wrong("%s after the reply was sent, or of no request", what);
        return false;
    }
    return true;
}

size_t httpd_req_get_hdr_value_len(httpd_req_t *r, const char *field)
{
    size_t n = 0;
    return is_ours(r, "httpd_req_get_hdr_value_len") && find(field, &n) ? n : 0;
}

esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *r, const char *field, char *val, size_t val_size)
{
    size_t n = 0;
    const char *value = is_ours(r, "httpd_req_get_hdr_value_str") ? find(field, &n) : NULL;
    if (!value) {
        return ESP_ERR_NOT_FOUND;
    }
    const size_t n_copied = n < val_size ? n : val_size - 1;
    memcpy(val, value, n_copied);
    val[n_copied] = '\0';
    return n < val_size ? ESP_OK : ESP_ERR_HTTPD_RESULT_TRUNC;
}

int httpd_req_recv(httpd_req_t *r, char *buf, size_t buf_len)
{
    const size_t n_left = r->content_len - now.n_body_read;
    const size_t most = buf_len < n_left ? buf_len : n_left;
    int n = 0;
    if (most > 0 && now.rest_at < now.n_rest) {
        n = (int)(most < now.n_rest - now.rest_at ? most : now.n_rest - now.rest_at);
        memcpy(buf, now.head + now.n_head + now.rest_at, (size_t)n);
        now.rest_at += (size_t)n;
    } else if (most > 0) {
        n = receive(now.session, buf, most);
        n = n == 0 ? HTTPD_SOCK_ERR_FAIL : n;
    }
    now.n_body_read += n > 0 ? (size_t)n : 0;
    return n;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

esp_err_t httpd_resp_set_status(httpd_req_t *r, const char *status)
{
    (void)is_ours(r, "httpd_resp_set_status");
    now.status = status;
    return ESP_OK;
}

esp_err_t httpd_resp_set_type(httpd_req_t *r, const char *type)
{
    (void)is_ours(r, "httpd_resp_set_type");
    now.type = type;
    return ESP_OK;
}

esp_err_t httpd_resp_set_hdr(httpd_req_t *r, const char *field, const char *value)
{
    (void)is_ours(r, "httpd_resp_set_hdr");
    if (now.n_headers >= server.config.max_resp_headers || now.n_headers >= HEADERS_MAX) {
        return ESP_ERR_HTTPD_RESP_HDR;
    }
    now.name[now.n_headers] = field;
    now.value[now.n_headers++] = value;
    return ESP_OK;
}

static esp_err_t send_head(const char *length)
{
    char text[LINE_BYTES];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Type: %s\r\n%s\r\n", now.status, now.type,
                     length);
    for (unsigned i = 0; i < now.n_headers; i++) {
        n += snprintf(text + n, sizeof text - (size_t)n, "%s: %s\r\n", now.name[i], now.value[i]);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    now.is_sent = true;
    return send_all(text, (size_t)n);
}

esp_err_t httpd_resp_send(httpd_req_t *r, const char *buf, ssize_t buf_len)
{
    char length[64];
    const size_t n = buf_len == HTTPD_RESP_USE_STRLEN ? strlen(buf) : (size_t)buf_len;
    if (!is_ours(r, "httpd_resp_send")) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    (void)snprintf(length, sizeof length, "Content-Length: %zu", n);
    const esp_err_t err = send_head(length);
    now.is_ended = true;
    return err == ESP_OK ? send_all(buf, n) : err;
}

esp_err_t httpd_resp_send_chunk(httpd_req_t *r, const char *buf, ssize_t buf_len)
{
    char size[16];
    const size_t n = !buf ? 0 : buf_len == HTTPD_RESP_USE_STRLEN ? strlen(buf) : (size_t)buf_len;
    if (r != &now.request || now.is_ended || (now.is_sent && !now.is_chunked)) {
        stand_in_wrong("httpd_resp_send_chunk after the reply was sent");
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    esp_err_t err = now.is_sent ? ESP_OK : send_head("Transfer-Encoding: chunked");
    now.is_chunked = true;
    now.is_ended = n == 0;
    const int n_size = snprintf(size, sizeof size, "%zx\r\n", n);
    err = err == ESP_OK ? send_all(size, (size_t)n_size) : err;
    err = err == ESP_OK && n > 0 ? send_all(buf, n) : err;
    return err == ESP_OK ? send_all("\r\n", 2) : err;
}

/* What the server itself answers; the connection ends. */
static bool refuse(const char *status, const char *words)
{
    now.status = status;
    now.type = "text/html";
    (void)httpd_resp_send(&now.request, words, HTTPD_RESP_USE_STRLEN);
    return false;
}

/* --- one request --------------------------------------------------------------------------------------------------- */

static size_t head_limit(void)
{
    return CONFIG_HTTPD_MAX_REQ_HDR_LEN;
}

/* @return false: the connection ends */
static bool read_head(void)
{
    size_t n = 0;
    const char *end = NULL;
    while (!end) {
        const char *line_end = n ? strstr(now.head, "\r\n") : NULL;
        if (!line_end && n > HTTPD_MAX_URI_LEN + 32U) {
            return refuse("414 URI Too Long", "URI is too long");
        }
        if (line_end && n - (size_t)(line_end - now.head) > head_limit() + 4U) {
            return refuse("431 Request Header Fields Too Large", "Header fields are too long");
        }
        const int got = receive(now.session, now.head + n, 128);
        if (got <= 0) {
            return n > 0 && got == HTTPD_SOCK_ERR_TIMEOUT
                       ? refuse("408 Request Timeout", "Server closed this connection")
                       : false;
        }
        n += (size_t)got;
        now.head[n] = '\0';
        end = strstr(now.head, "\r\n\r\n");
    }
    now.n_head = (size_t)(end - now.head) + 4;
    now.n_rest = n - now.n_head;
    const size_t n_fields = (size_t)(end - strstr(now.head, "\r\n"));
    if (n_fields > stand_in.stats.page_head_bytes) {
        stand_in.stats.page_head_bytes = n_fields;
    }
    return n_fields <= head_limit() ||
           refuse("431 Request Header Fields Too Large", "Header fields are too long");
}

static bool parse(void)
{
    static const struct {
        const char *name;
        int method;
    } methods[] = {{"GET", HTTP_GET},
                   {"HEAD", HTTP_HEAD},
                   {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT},
                   {"DELETE", HTTP_DELETE}};
    char method[8], version[16];
    size_t n = 0;
    char *uri = (char *)(uintptr_t)now.request.uri;
    if (strcspn(now.head + strcspn(now.head, " \r") + 1, " \r") > HTTPD_MAX_URI_LEN) {
        return refuse("414 URI Too Long", "URI is too long");
    }
    if (sscanf(now.head, "%7[A-Z] %512s %15[^\r]", method, uri, version) != 3 ||
        strncmp(version, "HTTP/1.", 7) != 0) {
        return refuse("400 Bad Request", "Bad request syntax");
    }
    now.request.method = -1;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        now.request.method = strcmp(method, methods[i].name) == 0 ? methods[i].method : now.request.method;
    }
    if (now.request.method < 0) {
        return refuse("501 Method Not Implemented", "Server does not support this method");
    }
    const char *length = find("Content-Length", &n);
    now.request.content_len = length ? strtoul(length, NULL, 10) : 0;
    return true;
}

static const httpd_uri_t *look_up(bool *is_other_method)
{
    const char *uri = now.request.uri;
    const size_t n_path = strcspn(uri, "?");
    *is_other_method = false;
    for (unsigned i = 0; i < server.n_uris; i++) {
        const httpd_uri_t *u = &server.uri[i];
        const bool is_it = server.config.uri_match_fn
                               ? server.config.uri_match_fn(u->uri, uri, n_path)
                               : strlen(u->uri) == n_path && strncmp(u->uri, uri, n_path) == 0;
        if (is_it && (int)u->method == now.request.method) {
            return u;
        }
        *is_other_method = *is_other_method || is_it;
    }
    return NULL;
}

/* What the handler left of the body is read and dropped. */
static bool drop_body(void)
{
    char bytes[128];
    while (now.n_body_read < now.request.content_len) {
        if (httpd_req_recv(&now.request, bytes, sizeof bytes) <= 0) {
            return false;
        }
    }
    return true;
}

/* @return false: the connection ends */
static bool serve(struct session *s)
{
    bool is_other_method = false;
    memset(&now, 0, sizeof now);
    now.session = s;
    now.status = "200 OK";
    now.type = "text/html";
    now.request.handle = &server;
    s->used = ++server.n_used;
    if (!read_head() || !parse()) {
        return false;
    }
    const httpd_uri_t *u = look_up(&is_other_method);
    if (!u) {
        return is_other_method
                   ? refuse("405 Method Not Allowed", "Specified method is invalid for this resource")
                   : refuse("404 Not Found", "Nothing matches the given URI");
    }
    now.request.user_ctx = u->user_ctx;
    stand_in.stats.page_requests++;
    const uint64_t begun_us = stand_in_now_us();
    const esp_err_t err = u->handler(&now.request);
    if (stand_in_now_us() - begun_us > HANDLER_MAX_US) {
        stand_in.stats.page_slow++;
    }
    if (err == ESP_OK && !now.is_ended) {
        stand_in_wrong("a handler returned ESP_OK and sent no whole reply: its client waits for ever");
    }
    return err == ESP_OK && drop_body();
}

/* --- the task ------------------------------------------------------------------------------------------------------ */

static struct session *place(void)
{
    struct session *oldest = NULL;
    for (unsigned i = 0; i < server.config.max_open_sockets; i++) {
        struct session *s = &server.session[i];
        if (s->fd < 0) {
            return s;
        }
        oldest = !oldest || s->used < oldest->used ? s : oldest;
    }
    if (server.config.lru_purge_enable) {
        hang_up(oldest);
        return oldest;
    }
    return NULL;
}

static bool is_readable(const struct session *s)
{
    char byte;
    return s->fd >= 0 &&
           (recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK));
}

/* @return something was done */
static bool work(void)
{
    bool is_done = false;
    struct sockaddr_in from;
    socklen_t n_from = sizeof from;
    bool is_room = server.config.lru_purge_enable;
    for (unsigned i = 0; i < server.config.max_open_sockets; i++) {
        is_room = is_room || server.session[i].fd < 0;
    }
    const int fd =
        is_room ? accept4(server.fd, (struct sockaddr *)(void *)&from, &n_from, SOCK_NONBLOCK) : -1;
    if (fd >= 0) {
        struct session *s = place();
        *s = (struct session){.fd = fd, .used = ++server.n_used};
        stand_in.stats.page_connections++;
        is_done = true;
    }
    for (unsigned i = 0; i < server.config.max_open_sockets && !server.is_stopping; i++) {
        struct session *s = &server.session[i];
        if (is_readable(s)) {
            is_done = true;
            if (!serve(s)) {
                hang_up(s);
            }
        }
    }
    return is_done;
}

static void task_main(void *ctx)
{
    (void)ctx;
    while (!server.is_stopping) {
        if (!work()) {
            stand_in_sleep_until(stand_in_now_us() + LOOK_US);
        }
    }
    server.is_gone = true;
    vTaskDelete(NULL);
}

/* --- start and end -------------------------------------------------------------------------------------------------- */

esp_err_t httpd_start(httpd_handle_t *handle, const httpd_config_t *config)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n_at = sizeof at;
    if (config->max_open_sockets + OWN_SOCKETS > SOCKETS_MAX || config->max_uri_handlers > URIS_MAX) {
        return ESP_ERR_INVALID_ARG;
    }
    if (server.is_used || !stand_in_alive()) {
        return ESP_FAIL; /* the port is taken */
    }
    memset(&server, 0, sizeof server);
    server.config = *config;
    for (unsigned i = 0; i < SOCKETS_MAX; i++) {
        server.session[i].fd = -1;
    }
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server.fd < 0 || bind(server.fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0 ||
        listen(server.fd, config->backlog_conn) != 0 ||
        getsockname(server.fd, (struct sockaddr *)(void *)&at, &n_at) != 0) {
        return ESP_FAIL;
    }
    server.port = ntohs(at.sin_port);
    server.is_used = true;
    server.stack = malloc(config->stack_size);
    server.task = server.stack ? xTaskCreateStatic(task_main, "httpd", (uint32_t)config->stack_size, NULL,
                                                   config->task_priority, server.stack, &server.control)
                               : NULL;
    if (!server.task) {
        stand_in_reset_page();
        return ESP_ERR_HTTPD_TASK;
    }
    *handle = &server;
    return ESP_OK;
}

esp_err_t httpd_stop(httpd_handle_t handle)
{
    if (handle != &server || !server.is_used) {
        return ESP_ERR_INVALID_ARG;
    }
    if (xTaskGetCurrentTaskHandle() == server.task) {
        stand_in_wrong("httpd_stop in the server's own task: it waits for itself for ever");
        return ESP_FAIL;
    }
    server.is_stopping = true;
    while (!server.is_gone) {
        stand_in_sleep_until(stand_in_now_us() + LOOK_US);
    }
    stand_in_reset_page();
    return ESP_OK;
}

esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri_handler)
{
    if (handle != &server || !server.is_used) {
        return ESP_ERR_INVALID_ARG;
    }
    if (server.n_uris >= server.config.max_uri_handlers) {
        return ESP_ERR_HTTPD_HANDLERS_FULL;
    }
    server.uri[server.n_uris++] = *uri_handler;
    return ESP_OK;
}
