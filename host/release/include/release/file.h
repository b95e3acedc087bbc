/**
 * Files, whole: read with a limit, written so that nobody ever sees half of one.
 *
 * Heap: file_read allocates, the caller frees. POSIX only.
 */
#ifndef RELEASE_FILE_H
#define RELEASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/**
 * Read a regular file.
 *
 * @param limit_bytes  longest file accepted
 * @param out          free() it; never NULL on success, even for an empty file; one byte longer than n_bytes
 * @param mode         permission bits of the file that was read; NULL if not wanted
 * @return FOTA_OK · E_NOT_FOUND · E_NO_SPACE (longer than the limit) · E_IO (not readable, not a regular
 * file; errno says why)
 */
FOTA_MUST_CHECK
enum fota_err file_read(const char *path, size_t limit_bytes, uint8_t **out, size_t *n_bytes, unsigned *mode);

/**
 * Write a file or replace it: a temporary file beside it, flushed, then renamed over it.
 * Power cut: the old content or the new.
 * @return FOTA_OK · E_IO (errno says why; the old content is untouched)
 */
FOTA_MUST_CHECK
enum fota_err file_replace(const char *path, const void *bytes, size_t n_bytes);

/**
 * Write a file that must not exist yet, with exactly these permissions from its first moment on.
 * Power cut: no file or the whole file.
 * @param mode  permission bits, e.g. 0600
 * @return FOTA_OK · E_EXISTS · E_IO (errno says why; no file is left)
 */
FOTA_MUST_CHECK
enum fota_err file_create(const char *path, const void *bytes, size_t n_bytes, unsigned mode);

#endif
