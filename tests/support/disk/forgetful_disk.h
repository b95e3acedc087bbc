/**
 * A disk that forgets, for posix/stage_file.h: files are where they always are, but at a power cut any subset of the
 * writes that were not flushed is lost or torn, and of the renames and unlinks the last ones. There is one such disk.
 */
#ifndef FORGETFUL_DISK_H
#define FORGETFUL_DISK_H

#include <stdbool.h>

#include "posix/stage_file.h"

/** For stage_file_open. */
extern const struct stage_file_os FORGETFUL_DISK;

/**
 * An empty folder on a disk that remembers nothing.
 *
 * @param folder    of one stage_file; its files are removed. The text is kept, not copied
 * @param is_lying  planted: a flush says that it is done and does nothing
 */
void forgetful_disk_init(const char *folder, bool is_lying);

/** Power fails in the `call`-th call from now on that changes the medium, 1..; 0 never. From then on every call fails. */
void forgetful_disk_cut_at(unsigned call, uint32_t seed);

/** Did it? */
bool forgetful_disk_is_cut(void);

/** Calls that changed the medium since forgetful_disk_init. */
unsigned forgetful_disk_calls(void);

/** Power is back: what was lost is drawn from `seed`. Open the store anew. */
void forgetful_disk_power_up(uint32_t seed);

/** Remove the store's files, so that the folder can be removed. */
void forgetful_disk_clear(void);

#endif
