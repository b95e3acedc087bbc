#include "posix/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

static bool is_valid(unsigned cell, size_t n_bytes)
{
    return cell < STORE_CELLS && n_bytes > 0 && n_bytes <= STORE_CELL_BYTES;
}

static enum fota_err load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    if (!is_valid(cell, n_bytes)) {
        return E_ARG;
    }
    const struct store_file *file = (const struct store_file *)store;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    }
    ssize_t got = pread(fd, bytes, n_bytes, (off_t)cell * STORE_CELL_BYTES);
    int close_failed = close(fd);
    if (got < 0 || close_failed) {
        return E_IO;
    }
    return (size_t)got == n_bytes ? FOTA_OK : E_NOT_FOUND;
}

static enum fota_err write_cell(int fd, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    ssize_t put = pwrite(fd, bytes, n_bytes, (off_t)cell * STORE_CELL_BYTES);
    if (put < 0 || (size_t)put != n_bytes) {
        return E_IO;
    }
    return fsync(fd) ? E_IO : FOTA_OK;
}

static enum fota_err save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    if (!is_valid(cell, n_bytes)) {
        return E_ARG;
    }
    const struct store_file *file = (const struct store_file *)store;
    int fd = open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return E_IO;
    }
    enum fota_err err = write_cell(fd, cell, bytes, n_bytes);
    if (close(fd) && !err) {
        err = E_IO;
    }
    return err;
}

void store_file_init(struct store_file *file, const char *path)
{
    static const struct store_ops ops = {.load = load, .save = save};
    *file = (struct store_file){.store = {.ops = &ops}, .path = path};
}
