#include "release/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, ATTEMPTS = 16 };

static enum fota_err read_all(int fd, size_t n_bytes, uint8_t *out)
{
    size_t n = 0;
    while (n < n_bytes) {
        const ssize_t got = read(fd, out + n, n_bytes - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? EIO : errno; /* it shrank meanwhile */
            return E_IO;
        }
        n += (size_t)got;
    }
    return FOTA_OK;
}

enum fota_err file_read(const char *path, size_t limit_bytes, uint8_t **out, size_t *n_bytes, unsigned *mode)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a named pipe must not block */
    if (fd < 0) {
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    }
    struct stat st;
    enum fota_err err = fstat(fd, &st) == 0 ? FOTA_OK : E_IO;
    if (!err && !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        err = E_IO;
    }
    if (!err && (uintmax_t)st.st_size > limit_bytes) {
        err = E_NO_SPACE;
    }
    uint8_t *bytes = err ? NULL : malloc((size_t)st.st_size + 1);
    if (!err) {
        err = bytes ? read_all(fd, (size_t)st.st_size, bytes) : E_IO;
    }
    const int saved = errno;
    close(fd);
    errno = saved;
    if (err) {
        free(bytes);
        return err;
    }
    *out = bytes;
    *n_bytes = (size_t)st.st_size;
    if (mode) {
        *mode = (unsigned)st.st_mode & 07777;
    }
    return FOTA_OK;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n_bytes)
{
    size_t n = 0;
    while (n < n_bytes) {
        const ssize_t put = write(fd, bytes + n, n_bytes - n);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        n += put > 0 ? (size_t)put : 0;
    }
    return fsync(fd) == 0;
}

/* A temporary file beside `path` with all the bytes in it; its name in `temporary`. */
static enum fota_err write_beside(const char *path, const void *bytes, size_t n_bytes, unsigned mode,
                                  char temporary[PATH_BYTES])
{
    int fd = -1;
    for (unsigned i = 0; i < ATTEMPTS && fd < 0; i++) {
        const int n = snprintf(temporary, PATH_BYTES, "%s.%ld-%u.tmp", path, (long)getpid(), i);
        if (n < 0 || n >= PATH_BYTES) {
            errno = ENAMETOOLONG;
            return E_IO;
        }
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
        if (fd < 0 && errno != EEXIST) {
            return E_IO;
        }
    }
    if (fd < 0) {
        return E_IO;
    }
    const bool is_written = write_all(fd, bytes, n_bytes);
    int saved = errno;
    const bool is_closed = close(fd) == 0;
    if (is_written && is_closed) {
        return FOTA_OK;
    }
    saved = is_written ? errno : saved;
    unlink(temporary);
    errno = saved;
    return E_IO;
}

/* Make a rename or link in the folder of `path` survive a power cut. Best effort: some file systems refuse
 * it. */
static void sync_folder(const char *path)
{
    char folder[PATH_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    if (slash && (size_t)(slash - path) + 1 < sizeof folder) {
        const size_t n = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, n);
        folder[n] = '\0';
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

enum fota_err file_replace(const char *path, const void *bytes, size_t n_bytes)
{
    char temporary[PATH_BYTES];
    enum fota_err err = write_beside(path, bytes, n_bytes, 0666, temporary); /* less the user's umask */
    if (err) {
        return err;
    }
    if (rename(temporary, path) != 0) {
        const int saved = errno;
        unlink(temporary);
        errno = saved;
        return E_IO;
    }
    sync_folder(path);
    return FOTA_OK;
}

enum fota_err file_create(const char *path, const void *bytes, size_t n_bytes, unsigned mode)
{
    char temporary[PATH_BYTES];
    enum fota_err err = write_beside(path, bytes, n_bytes, mode, temporary);
    if (err) {
        return err;
    }
    const bool is_linked = link(temporary, path) == 0; /* unlike rename it never replaces */
    const int saved = errno;
    unlink(temporary);
    errno = saved;
    if (!is_linked) {
        return errno == EEXIST ? E_EXISTS : E_IO;
    }
    sync_folder(path);
    return FOTA_OK;
}
