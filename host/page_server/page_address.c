#include "page_server/page_server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_CHARS = 64, PORT_DIGITS = 5, PORT_MAX = 65535, LOOPBACK_NET = 127 };

static bool read_port(const char *text, uint16_t *out)
{
    size_t n = strlen(text);
    if (n == 0 || n > PORT_DIGITS || strspn(text, "0123456789") != n) {
        return false;
    }
    unsigned long port = strtoul(text, NULL, 10);
    *out = (uint16_t)port;
    return port <= PORT_MAX;
}

static bool read_v6(const char *host, uint16_t port, struct page_address *out)
{
    out->is_v6 = true;
    out->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_right = inet_pton(AF_INET6, host, &out->at.v6.sin6_addr) == 1;
    out->is_loopback = is_right && IN6_IS_ADDR_LOOPBACK(&out->at.v6.sin6_addr);
    return is_right;
}

static bool read_v4(const char *host, uint16_t port, struct page_address *out)
{
    out->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_right =
        inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &out->at.v4.sin_addr) == 1;
    out->is_loopback = is_right && ntohl(out->at.v4.sin_addr.s_addr) >> 24 == LOOPBACK_NET;
    return is_right;
}

enum fota_err page_address_read(const char *text, struct page_address *out)
{
    char host[HOST_CHARS];
    uint16_t port = 0;
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    memset(out, 0, sizeof *out);
    if (n == 0 || n >= sizeof host || !read_port(colon + 1, &port)) {
        return E_ARG;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    bool is_bracketed = host[0] == '[' && host[n - 1] == ']';
    if (is_bracketed) {
        host[n - 1] = '\0';
    }
    bool is_right = is_bracketed ? read_v6(host + 1, port, out) : read_v4(host, port, out);
    return is_right ? FOTA_OK : E_ARG;
}
