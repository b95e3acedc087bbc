/*
 * esp_http_client over real sockets, with what was measured of the original in v5.1.7 to v6.0.2: body bytes that came with the
 * headers stay in the handle after close(); a header that does not fit the buffer is never sent; a kept connection that the server
 * closed shows in fetch_headers(); read() fills its buffer however long that takes. No TLS: https: fails as without a CA.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "esp_crt_bundle.h"
#include "esp_http_client.h"
#include "stand_in_priv.h"

enum {
    HEADERS = 24,
    NAME_BYTES = 64,
    VALUE_BYTES = 4096,
    URL_BYTES = 4096,
    HEAD_MAX_BYTES = 65536,
    CLIENTS = 4,
    CONNECT_US = 30000,
    BUFFER_DEFAULT_BYTES = 512
};

struct esp_http_client {
    bool is_used;
    esp_http_client_config_t config;
    char url[URL_BYTES], host[128], path[URL_BYTES];
    bool is_https;
    int port;
    int fd;
    int timeout_ms;
    esp_http_client_method_t method;
    char name[HEADERS][NAME_BYTES];
    char value[HEADERS][VALUE_BYTES];
    unsigned n_headers;
    bool is_stuck;      /* the request was never finished */
    uint32_t n_outages; /* of the network, when it connected: a connection does not outlive one */
    uint8_t *cache;     /* of body bytes: what one recv brought */
    int n_cache, cache_at;
    bool is_cache_torn; /* partly read when the request before ended */
    int status;
    int64_t length; /* -1: none */
    bool is_chunked, is_to_end, has_head, is_complete;
    int64_t n_read;
    uint64_t arrived_us, stalls_us, record_left; /* of the network, see arrival_us */
    int64_t chunk_left;                          /* of the chunk under way; -1: its size comes */
};

static struct esp_http_client clients[CLIENTS];

void stand_in_reset_http(void)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i].is_used) {
            (void)esp_http_client_cleanup(&clients[i]);
        }
    }
}

/* --- sockets -------------------------------------------------------------------------------------------------- */

static void hang_up(struct esp_http_client *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
}

/*
 * When the last of these bytes is there for the program. With a window in the configuration they arrive on their own, up to so many
 * while nobody reads, but not while the flash is busy; and of a TLS record nothing is there before all of it is.
 */
static uint64_t arrival_us(struct esp_http_client *c, uint64_t n)
{
    const uint64_t now_us = stand_in_now_us();
    const uint64_t rate = stand_in.config.http_bytes_s;
    const uint64_t window_us = (uint64_t)stand_in.config.tcp_window_bytes * 1000000U / rate;
    if (window_us == 0) {
        return now_us + n * 1000000U / rate;
    }
    c->arrived_us += stand_in.stalls_us - c->stalls_us;
    c->stalls_us = stand_in.stalls_us;
    c->arrived_us = c->arrived_us + window_us > now_us ? c->arrived_us : now_us - window_us;
    while (n > c->record_left) {
        const uint64_t record = stand_in.config.tls_record_bytes ? stand_in.config.tls_record_bytes : n;
        c->arrived_us += record * 1000000U / rate;
        c->record_left += record;
    }
    c->record_left -= n;
    return c->arrived_us > now_us ? c->arrived_us : now_us;
}

/* @return bytes, 0: closed, -1: broken, -2: timeout.  */
static int receive(struct esp_http_client *c, void *bytes, int n_bytes)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    struct timespec before, after;
    if (c->fd < 0 || !stand_in_alive()) {
        return -1;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    if (c->n_outages != stand_in.n_outages || poll(&p, 1, c->timeout_ms) == 0) {
        stand_in_sleep_until(stand_in_now_us() + (uint64_t)c->timeout_ms * 1000U);
        return -2;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    const int64_t waited_us =
        (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    const ssize_t n = recv(c->fd, bytes, stand_in_receivable((size_t)n_bytes), 0);
    stand_in_sleep_until(arrival_us(c, n > 0 ? (uint64_t)n : 0U) +
                         (stand_in.config.is_network_real ? (uint64_t)waited_us : 0U));
    stand_in_count_received(n > 0 ? (size_t)n : 0U);
    return n > 0 ? (int)n : n == 0 ? 0 : -1;
}

static bool send_all(const struct esp_http_client *c, const char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        const ssize_t n = send(c->fd, bytes, n_bytes, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        bytes += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static bool connect_host(struct esp_http_client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
    if (c->is_https ||
        inet_pton(AF_INET, strcmp(c->host, "localhost") == 0 ? "127.0.0.1" : c->host, &to.sin_addr) != 1) {
        return false;
    }
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    stand_in.stats.http_connections++;
    stand_in_sleep_until(stand_in_now_us() + CONNECT_US);
    c->n_outages = stand_in.n_outages;
    if (c->fd < 0 || !stand_in_network_is_up() ||
        connect(c->fd, (const struct sockaddr *)(const void *)&to, sizeof to) != 0) {
        hang_up(c);
        return false;
    }
    return true;
}

/* --- handle ----------------------------------------------------------------------------------------------------- */

static bool parse_url(struct esp_http_client *c, const char *url)
{
    char host[128];
    int port = 0;
    c->is_https = strncmp(url, "https://", 8) == 0;
    const char *at = strstr(url, "://");
    if (!at || strlen(url) >= sizeof c->url) {
        return false;
    }
    at += 3;
    const size_t n = strcspn(at, "/");
    const size_t n_host = strcspn(at, ":/");
    if (n_host == 0 || n_host >= sizeof host) {
        return false;
    }
    memcpy(host, at, n_host);
    host[n_host] = '\0';
    port = at[n_host] == ':' ? atoi(at + n_host + 1) : c->is_https ? 443 : 80;
    if (c->fd >= 0 &&
        (strcmp(host, c->host) != 0 || port != c->port)) { /* another host: closes, drops the cache */
        hang_up(c);
        c->n_cache = c->cache_at = 0;
    }
    (void)strcpy(c->host, host);
    c->port = port;
    (void)snprintf(c->path, sizeof c->path, "%s", at[n] ? at + n : "/");
    (void)snprintf(c->url, sizeof c->url, "%s", url);
    return true;
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config)
{
    struct esp_http_client *c = NULL;
    for (unsigned i = 0; i < CLIENTS && !c; i++) {
        c = clients[i].is_used ? NULL : &clients[i];
    }
    if (!c) {
        stand_in_wrong("more HTTP clients than one task needs: they are not cleaned up");
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->config = *config;
    c->config.buffer_size = config->buffer_size > 0 ? config->buffer_size : BUFFER_DEFAULT_BYTES;
    c->config.buffer_size_tx = config->buffer_size_tx > 0 ? config->buffer_size_tx : BUFFER_DEFAULT_BYTES;
    c->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 5000;
    c->method = config->method;
    if (!config->url || !parse_url(c, config->url)) {
        return NULL;
    }
    c->cache = malloc((size_t)c->config.buffer_size);
    c->is_used = c->cache;
    return c->is_used ? c : NULL;
}

esp_err_t esp_http_client_close(esp_http_client_handle_t c)
{
    hang_up(c); /* the cache stays */
    return ESP_OK;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t c)
{
    hang_up(c);
    free(c->cache);
    c->cache = NULL;
    c->is_used = false;
    return ESP_OK;
}

esp_err_t esp_http_client_set_url(esp_http_client_handle_t c, const char *url)
{
    return parse_url(c, url) ? ESP_OK : ESP_ERR_INVALID_ARG;
}

esp_err_t esp_http_client_set_method(esp_http_client_handle_t c, esp_http_client_method_t method)
{
    c->method = method;
    return ESP_OK;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t c, int timeout_ms)
{
    c->timeout_ms = timeout_ms > 0 ? timeout_ms : 5000;
    return ESP_OK;
}

static unsigned find_header(const struct esp_http_client *c, const char *name)
{
    unsigned i = 0;
    while (i < c->n_headers && strcasecmp(c->name[i], name) != 0) {
        i++;
    }
    return i;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t c, const char *key, const char *value)
{
    const unsigned i = find_header(c, key);
    if (i == HEADERS || strlen(key) >= NAME_BYTES || strlen(value) >= VALUE_BYTES) {
        return ESP_ERR_NO_MEM;
    }
    (void)strcpy(c->name[i], key);
    (void)strcpy(c->value[i], value);
    c->n_headers += i == c->n_headers;
    return ESP_OK;
}

esp_err_t esp_http_client_delete_header(esp_http_client_handle_t c, const char *key)
{
    const unsigned i = find_header(c, key);
    if (i == c->n_headers) {
        return ESP_ERR_NOT_FOUND;
    }
    c->n_headers--;
    memcpy(c->name[i], c->name[c->n_headers], NAME_BYTES);
    memcpy(c->value[i], c->value[c->n_headers], VALUE_BYTES);
    return ESP_OK;
}

/* --- request ------------------------------------------------------------------------------------------------------ */

static const char *verb(const struct esp_http_client *c)
{
    return c->method == HTTP_METHOD_PUT ? "PUT" : "GET";
}

static esp_err_t send_request(struct esp_http_client *c, int write_len)
{
    static char line[URL_BYTES + VALUE_BYTES + 256];
    const int most = c->config.buffer_size_tx;
    const char *agent = c->config.user_agent ? c->config.user_agent : "ESP32 HTTP Client/1.0";
    int n = snprintf(line, sizeof line, "%s %s HTTP/1.1\r\n", verb(c), c->path);
    if (n + (int)strlen(agent) + 16 > most) {
        return ESP_FAIL; /* "Out of buffer" */
    }
    char host[160];
    bool is_default = c->port == (c->is_https ? 443 : 80);
    (void)snprintf(host, sizeof host, is_default ? "%s" : "%s:%d", c->host, c->port);
    n += snprintf(line + n, sizeof line - (size_t)n, "User-Agent: %s\r\nHost: %s\r\n", agent, host);
    if (c->method != HTTP_METHOD_GET || STAND_IN_IDF_MINOR < 4) {
        n += snprintf(line + n, sizeof line - (size_t)n, "Content-Length: %d\r\n", write_len);
    }
    if (!send_all(c, line, (size_t)n)) {
        return ESP_OK; /* a connection that is gone shows when the reply is read */
    }
    c->is_stuck = false;
    for (unsigned i = 0; i < c->n_headers; i++) {
        n = snprintf(line, sizeof line, "%s: %s\r\n", c->name[i], c->value[i]);
        if (n + 8 > most) {
            c->is_stuck = true;
            return ESP_OK;
        }
        (void)send_all(c, line, (size_t)n);
    }
    (void)send_all(c, "\r\n", 2);
    return ESP_OK;
}

esp_err_t esp_http_client_open(esp_http_client_handle_t c, int write_len)
{
    stand_in.stats.http_requests++;
    if (!stand_in_alive()) {
        return ESP_ERR_HTTP_CONNECT;
    }
    if (strncmp(c->url, "http", 4) != 0) {
        return ESP_ERR_HTTP_INVALID_TRANSPORT;
    }
    c->is_cache_torn = c->cache_at > 0 && c->cache_at < c->n_cache;
    c->status = -1;
    c->has_head = c->is_complete = c->is_chunked = c->is_to_end = false;
    c->length = -1;
    c->n_read = 0;
    c->chunk_left = -1;
    c->arrived_us = stand_in_now_us();
    c->stalls_us = stand_in.stalls_us;
    c->record_left = 0;
    if (c->fd < 0 && !connect_host(c)) {
        c->is_complete = true; /* as the original says before there are headers */
        return ESP_ERR_HTTP_CONNECT;
    }
    return send_request(c, write_len);
}

static void tell_header(struct esp_http_client *c, char *name, char *value)
{
    esp_http_client_event_t event = {.event_id = HTTP_EVENT_ON_HEADER,
                                     .client = c,
                                     .user_data = c->config.user_data,
                                     .header_key = name,
                                     .header_value = value};
    if (strcasecmp(name, "content-length") == 0) {
        c->length = strtoll(value, NULL, 10);
    } else if (strcasecmp(name, "transfer-encoding") == 0) {
        c->is_chunked = strcasestr(value, "chunked");
    }
    if (c->config.event_handler) {
        (void)c->config.event_handler(&event);
    }
}

static bool read_head(struct esp_http_client *c, char *head)
{
    char *save = NULL;
    char *line = strtok_r(head, "\n", &save);
    if (!line || sscanf(line, "HTTP/1.%*d %d", &c->status) != 1) {
        return false;
    }
    while ((line = strtok_r(NULL, "\n", &save))) {
        line[strcspn(line, "\r")] = '\0';
        char *colon = strchr(line, ':');
        if (colon) {
            *colon = '\0';
            tell_header(c, line, colon + 1 + strspn(colon + 1, " \t"));
        }
    }
    return true;
}

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t c)
{
    static char head[HEAD_MAX_BYTES];
    size_t n = 0;
    if (c->is_stuck) {
        stand_in_sleep_until(stand_in_now_us() + (uint64_t)c->timeout_ms * 1000U);
        return -ESP_ERR_HTTP_EAGAIN;
    }
    char *end = NULL;
    while (!end) {
        const int most = c->config.buffer_size;
        if (n + (size_t)most >= sizeof head) {
            return -1;
        }
        const int got = receive(c, head + n, most);
        if (got <= 0) {
            return got == -2 ? -ESP_ERR_HTTP_EAGAIN : -1;
        }
        n += (size_t)got;
        head[n] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (c->is_cache_torn) {
        (void)fprintf(stderr, "assert failed: http_on_body: the cache of the last reply was partly read\n");
        abort();
    }
    const size_t n_head = (size_t)(end - head) + 4;
    const int n_more = (int)(n - n_head);
    /* What was not read of the last reply comes first. */
    const int n_old = c->n_cache - c->cache_at;
    const int n_new = n_more < c->config.buffer_size - n_old ? n_more : c->config.buffer_size - n_old;
    memmove(c->cache, c->cache + c->cache_at, (size_t)n_old);
    memcpy(c->cache + n_old, head + n_head, (size_t)n_new);
    c->n_cache = n_old + n_new;
    c->cache_at = 0;
    end[2] = '\0';
    if (!read_head(c, head)) {
        return -ESP_ERR_HTTP_EAGAIN; /* no HTTP: a parse error is ignored */
    }
    c->has_head = true;
    const bool has_body = c->status != 304 && c->status != 204 && c->length != 0;
    c->is_to_end = has_body && !c->is_chunked && c->length < 0;
    c->is_complete = !has_body;
    return has_body && !c->is_chunked && c->length > 0 ? c->length : 0;
}

/* Raw body bytes: the cache first. */
static int raw(struct esp_http_client *c, void *bytes, int n_bytes)
{
    if (c->cache_at < c->n_cache) {
        const int n = c->n_cache - c->cache_at < n_bytes ? c->n_cache - c->cache_at : n_bytes;
        memcpy(bytes, c->cache + c->cache_at, (size_t)n);
        c->cache_at += n;
        return n;
    }
    return receive(c, bytes, n_bytes);
}

/* The size of the next chunk, after the end of the one before. @return 1, or as raw */
static int next_chunk(struct esp_http_client *c)
{
    char line[32];
    int n = 0;
    for (;;) {
        const int got = raw(c, line + n, 1);
        if (got <= 0) {
            return got;
        }
        if (line[n] == '\n') {
            line[n] = '\0';
            if (n > 1) {
                break;
            }
            n = 0;
            continue;
        }
        n = n < 30 ? n + 1 : n;
    }
    c->chunk_left = strtoll(line, NULL, 16);
    if (c->chunk_left == 0) {
        (void)raw(c, line, 2); /* the empty line after the last chunk */
        c->is_complete = true;
    }
    return 1;
}

static int read_some(struct esp_http_client *c, char *buffer, int len)
{
    int64_t most = len;
    if (c->is_chunked) {
        const int got = c->chunk_left <= 0 ? next_chunk(c) : 1;
        if (got <= 0 || c->is_complete) {
            return got <= 0 ? got : 0;
        }
        most = c->chunk_left < most ? c->chunk_left : most;
    } else if (c->length > 0) {
        most = c->length - c->n_read < most ? c->length - c->n_read : most;
    }
    const int n = raw(c, buffer, (int)most);
    if (n > 0) {
        c->n_read += n;
        c->chunk_left -= c->is_chunked ? n : 0;
        c->is_complete = c->length > 0 && !c->is_chunked && c->n_read == c->length;
        stand_in.stats.http_body_bytes += (uint64_t)n;
        const bool is_blob = (c->status == 200 || c->status == 206) && strstr(c->path, "/v1/blobs/");
        stand_in.stats.http_blob_bytes += is_blob ? (uint64_t)n : 0U;
    }
    return n;
}

int esp_http_client_read(esp_http_client_handle_t c, char *buffer, int len)
{
    int n = 0;
    while (n < len && !c->is_complete) {
        const int got = read_some(c, buffer + n, len - n);
        if (got == -2) {
            return n > 0 ? n : -ESP_ERR_HTTP_EAGAIN;
        }
        if (got == 0 && c->is_to_end) {
            c->is_complete = true; /* a cut looks like the end */
            hang_up(c);
        } else if (got <= 0 && !c->is_complete) {
            return n > 0 ? n : -1;
        }
        n += got > 0 ? got : 0;
    }
    return n;
}

int esp_http_client_get_status_code(esp_http_client_handle_t c)
{
    return c->has_head ? c->status : -1;
}

int64_t esp_http_client_get_content_length(esp_http_client_handle_t c)
{
    return c->length;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t c)
{
    return c->is_complete;
}

bool esp_http_client_is_chunked_response(esp_http_client_handle_t c)
{
    return c->is_chunked || c->length <= 0;
}

#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 3, 0)
esp_err_t esp_http_client_get_and_clear_last_tls_error(esp_http_client_handle_t c, int *esp_tls_error_code,
                                                       int *esp_tls_flags)
{
    struct in_addr address;
    *esp_tls_error_code = *esp_tls_flags = 0;
    if (c->is_https) {
        return 0x801A;
    }
    return inet_pton(AF_INET, c->host, &address) == 1 || strcmp(c->host, "localhost") == 0 ? 0x8004 : 0x8001;
}
#endif

esp_err_t esp_crt_bundle_attach(void *conf)
{
    (void)conf;
    return ESP_OK;
}
