/**
 * stage.h in files: one for each shelf, in a folder of their own.
 *
 * A file has two cells for the header (digest, size, note; the newer sound one counts), the bytes of the item, and after
 * them marks: (bytes so far, CRC-32 of those since the mark before), each with a CRC of its own. Order on the medium:
 *   - append writes bytes and, for each 3,072 of them, a mark, and flushes both together: whichever of the two a power
 *     cut loses, the mark does not fit its bytes, and the item ends at the mark before;
 *   - begin writes a new file beside, flushes it, renames it over the old one and flushes the folder; for the same item
 *     it writes the older header cell and flushes that;
 *   - keep flushes the file, renames it onto the shelf's name, and flushes the folder; drop unlinks and flushes.
 */
#ifndef POSIX_STAGE_FILE_H
#define POSIX_STAGE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "port/stage.h"

enum { STAGE_FILE_PATH_BYTES = 1024, STAGE_FILE_ITEM_MAX_BYTES = 16 * 1024 * 1024 };

/** What changes the medium. Tests put a power cut into it. */
struct stage_file_os {
    ssize_t (*write_at)(int fd, const void *bytes, size_t n_bytes, off_t off);
    int (*flush)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*flush_folder)(const char *path);
};

/** Public only to be embedded. */
struct stage_file {
    struct stage stage; /* first member */
    const struct stage_file_os *os;
    const char *folder;
    uint32_t item_max_bytes;
    bool is_known; /* the fields below are those of INCOMING */
    bool is_there;
    struct stage_item item;
    uint32_t generation; /* of the newer header cell */
    uint32_t n_marks;
    uint32_t n_marked_bytes;
};

/**
 * Open a store, which may be empty.
 *
 * @param folder  made if it is missing, mode 0700; must outlive the store
 * @param os      NULL: the system's own calls
 * @return FOTA_OK · E_IO (errno says why) · E_ARG (path too long)
 */
FOTA_MUST_CHECK
enum fota_err stage_file_open(struct stage_file *file, const char *folder, const struct stage_file_os *os);

#endif
