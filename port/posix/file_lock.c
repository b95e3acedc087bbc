#include "posix/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static long owner_of(int fd)
{
    struct flock asked = whole_file();
    return fcntl(fd, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK ? (long)asked.l_pid : 0;
}

enum fota_err file_lock_take(struct file_lock *lock, const char *path, long *owner)
{
    struct flock wanted = whole_file();
    lock->fd = -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return E_IO;
    }
    if (fcntl(fd, F_SETLK, &wanted) == 0) {
        lock->fd = fd;
        return FOTA_OK;
    }
    int why = errno;
    enum fota_err err = why == EACCES || why == EAGAIN ? E_EXISTS : E_IO;
    *owner = err == E_EXISTS ? owner_of(fd) : 0;
    (void)close(fd);
    errno = why;
    return err;
}

void file_lock_release(struct file_lock *lock)
{
    if (lock->fd >= 0) {
        (void)close(lock->fd); /* ends the lock */
        lock->fd = -1;
    }
}

long file_lock_owner(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    long owner = owner_of(fd);
    (void)close(fd);
    return owner;
}
