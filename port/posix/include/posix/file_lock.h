/**
 * One process at a time: a lock on a file of its own, which ends with the process, however that ends.
 */
#ifndef POSIX_FILE_LOCK_H
#define POSIX_FILE_LOCK_H

#include "base/err.h"

struct file_lock {
    int fd; /* -1: not held */
};

/**
 * @param path   file to lock, made if it is missing; the lock of a state file is `<state file>.lock`
 * @param owner  E_EXISTS: process that holds it; 0 if that is not known
 * @return FOTA_OK · E_EXISTS (another process holds it) · E_IO (errno says why)
 */
FOTA_MUST_CHECK
enum fota_err file_lock_take(struct file_lock *lock, const char *path, long *owner);

/** Let go; a lock that is not held is nothing to do. */
void file_lock_release(struct file_lock *lock);

/**
 * Who holds the lock?
 * @return process number; 0: nobody, or the file cannot be read
 */
long file_lock_owner(const char *path);

#endif
