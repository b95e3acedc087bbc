/**
 * store.h in one file: two cells of STORE_CELL_BYTES, written in place and synced.
 */
#ifndef POSIX_STORE_FILE_H
#define POSIX_STORE_FILE_H

#include "port/store.h"

struct store_file {
    struct store store;
    const char *path;
};

/**
 * @param path  file to keep the cells in, created by the first save with mode 0600; must outlive the store
 */
void store_file_init(struct store_file *file, const char *path);

#endif
