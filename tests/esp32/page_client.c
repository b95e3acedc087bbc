#define _GNU_SOURCE
#include "page_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "stand_in.h"

enum { LOOK_MS = 20, ASK_S = 30 };

int page_client_open(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)stand_in_page_port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stand_in_page_port() == 0 ||
        connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void page_client_close(int fd)
{
    (void)close(fd);
}

void page_client_send(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL); /* a connection that is gone shows when it is read */
}

/* Is the reply whole? */
static bool is_whole(struct page_reply *r, size_t n)
{
    char length[256];
    const char *end = strstr(r->text, "\r\n\r\n");
    if (!end) {
        return false;
    }
    r->body = end + 4;
    r->n_body = n - (size_t)(r->body - r->text);
    if (page_client_header(r, "Transfer-Encoding", length)[0]) {
        return n >= 5 && strcmp(r->text + n - 5, "0\r\n\r\n") == 0;
    }
    return r->n_body >= strtoul(page_client_header(r, "Content-Length", length), NULL, 10);
}

/* The call before got nothing, and the connection is there. */
static bool is_silent(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

void page_client_read(int fd, unsigned max_s, struct page_reply *out)
{
    const uint64_t until_us = stand_in_now_us() + max_s * 1000000ULL;
    size_t n = 0;
    memset(out, 0, sizeof *out);
    out->body = out->text;
    while (!is_whole(out, n) && !out->is_closed && stand_in_now_us() < until_us) {
        const ssize_t got = recv(fd, out->text + n, sizeof out->text - 1 - n, MSG_DONTWAIT);
        if (got > 0) {
            n += (size_t)got;
        } else if (got == 0 || !is_silent()) {
            out->is_closed = true;
        } else {
            vTaskDelay(LOOK_MS * configTICK_RATE_HZ / 1000);
        }
    }
    (void)sscanf(out->text, "HTTP/1.1 %u", &out->status);
    vTaskDelay(LOOK_MS * configTICK_RATE_HZ / 1000);
    char byte;
    const ssize_t more = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    out->is_closed = out->is_closed || more == 0 || (more < 0 && !is_silent());
}

void page_client_ask(const char *method, const char *path, const char *headers, struct page_reply *out)
{
    char text[4096];
    const int fd = page_client_open();
    memset(out, 0, sizeof *out);
    out->body = out->text;
    if (fd < 0) {
        return;
    }
    (void)snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 192.168.4.1\r\n%s\r\n", method, path, headers);
    page_client_send(fd, text);
    page_client_read(fd, ASK_S, out);
    page_client_close(fd);
}

const char *page_client_header(const struct page_reply *reply, const char *name, char out[256])
{
    char line[64];
    out[0] = '\0';
    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(reply->text, line);
    if (at && at < reply->body) {
        at += strlen(line);
        (void)snprintf(out, 256, "%.*s", (int)strcspn(at, "\r"), at);
    }
    return out;
}
