/**
 * Commands of the user's: one whose exit code answers a question, one whose output is wanted.
 */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stddef.h>

#include "base/err.h"

enum { SERVICE_NOT_RUN = 127 };

/**
 * Run a command without arguments, with one variable more in its environment; it is ended after 30 s.
 * @return its exit code · SERVICE_NOT_RUN: it cannot be run · -1: a signal ended it
 */
int service_process_run(const char *command, const char *name, const char *value);

/**
 * Run a command and take what it prints on standard output; it is ended after 60 s.
 * @param out  NUL-terminated
 * @return FOTA_OK (exit code 0) · E_IO (it cannot be run, fails, says more than `n_out`, or nothing within 60 s)
 */
FOTA_MUST_CHECK
enum fota_err service_process_read(const char *command, char *out, size_t n_out);

#endif
