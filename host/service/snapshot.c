#include "service/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

enum fota_err service_snapshot(const char *path, const char *text, size_t n_bytes)
{
    char beside[PATH_BYTES];
    int n = snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || n >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return E_IO;
    }
    ssize_t put = write(fd, text, n_bytes);
    int close_failed = close(fd);
    if (put == (ssize_t)n_bytes && !close_failed && rename(beside, path) == 0) {
        return FOTA_OK;
    }
    int why = put >= 0 && put != (ssize_t)n_bytes ? ENOSPC : errno;
    (void)unlink(beside);
    errno = why;
    return E_IO;
}
