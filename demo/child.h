/**
 * Child processes of the demo: the `fota` command as a user would type it, and the S3 server that stays.
 */
#ifndef DEMO_CHILD_H
#define DEMO_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * Run a program to its end; what it prints goes to `log_path` (appended).
 *
 * @param argv  NULL-terminated, argv[0] is the path
 * @return its exit code; 127 if it cannot be started, 128 if a signal ended it
 */
int child_run(const char *const argv[], const char *log_path);

/** A program that runs beside the demo. */
struct child {
    pid_t pid;  /* 0: none */
    int out_fd; /* its standard output */
};

/**
 * Start a program with its standard output on a pipe and its errors in `log_path`.
 * @return false: not started
 */
bool child_start(struct child *child, const char *const argv[], const char *log_path);

/**
 * Read the child's output up to and including the first line that begins with `prefix`.
 *
 * @param line  gets that line without its newline
 * @return false: the child ended, or printed 64 other lines, before such a line
 */
bool child_wait_line(struct child *child, const char *prefix, char *line, size_t line_bytes);

/** Ask it to end (SIGTERM) and wait for it. Safe on a child that was never started. */
void child_stop(struct child *child);

#endif
