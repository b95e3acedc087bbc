#include "service/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum fota_err service_notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@')) {
        return FOTA_OK;
    }
    size_t n_path = strlen(path);
    if (n_path < 2 || n_path >= sizeof to.sun_path) {
        return E_IO;
    }
    memcpy(to.sun_path, path, n_path);
    if (path[0] == '@') { /* the abstract name space begins with a byte 0 */
        to.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return E_IO;
    }
    socklen_t n_to = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_path);
    ssize_t n =
        sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, n_to);
    (void)close(fd);
    return n == (ssize_t)strlen(text) ? FOTA_OK : E_IO;
}

uint32_t service_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    unsigned long long us = strtoull(usec, NULL, 10);
    return us / 2000U < UINT32_MAX ? (uint32_t)(us / 2000U) : UINT32_MAX;
}
