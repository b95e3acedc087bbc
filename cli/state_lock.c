#include "state_lock.h"

#include <errno.h>
#include <string.h>

#include "keys.h"

enum cli_exit cli_lock_state(struct cli *cli, const char *path, struct file_lock *lock)
{
    char lock_path[CLI_PATH_BYTES];
    long owner = 0;
    (void)snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    enum fota_err err = file_lock_take(lock, lock_path, &owner);
    if (err == E_EXISTS) {
        (void)cli_fail(
            cli, err,
            "%s belongs to process %ld, which runs: stop it (a service: systemctl stop fota-gateway), or "
            "give this gateway a state file of its own",
            path, owner);
        return CLI_FILE;
    }
    return err ? cli_fail(cli, err,
                          "%s cannot be made: %s; the folder of the state file must exist and be writable",
                          lock_path, strerror(errno))
               : CLI_OK;
}
