/**
 * One process on one state file: two would install over each other.
 */
#ifndef CLI_STATE_LOCK_H
#define CLI_STATE_LOCK_H

#include "cli.h"
#include "posix/file_lock.h"

/** Lock `<path>.lock` until the process ends or file_lock_release.
 *  @return CLI_OK · CLI_FILE (another process has it, or it cannot be made; a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit cli_lock_state(struct cli *cli, const char *path, struct file_lock *lock);

#endif
