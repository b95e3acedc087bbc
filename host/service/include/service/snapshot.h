/**
 * Files that others read while the gateway writes them: metrics and status. A reader sees the old text or the new one.
 */
#ifndef SERVICE_SNAPSHOT_H
#define SERVICE_SNAPSHOT_H

#include <stddef.h>

#include "base/err.h"

/**
 * Replace `path` by a file with this text, mode 0644. Not flushed: what it says is of no use after a power cut, and an
 * SD card is spared.
 * @return FOTA_OK · E_IO (errno says why; the old file stays)
 */
FOTA_MUST_CHECK
enum fota_err service_snapshot(const char *path, const char *text, size_t n_bytes);

#endif
