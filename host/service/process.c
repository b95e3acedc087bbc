#include "service/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/credentials.h" /* service_split */

enum { COMMAND_BYTES = 1024, WORDS_MAX = 32, READ_MAX_S = 60, RUN_MAX_S = 30 };

/* The command with its output at `to`. Never returns. */
static void become(const char *command, int to)
{
    char text[COMMAND_BYTES];
    char *word[WORDS_MAX];
    (void)alarm(READ_MAX_S); /* survives exec: its signal ends a command that does not end */
    int n = snprintf(text, sizeof text, "%s", command);
    if (n > 0 && n < COMMAND_BYTES && service_split(text, word, WORDS_MAX) > 0 &&
        dup2(to, STDOUT_FILENO) >= 0) {
        (void)execvp(word[0], word);
    }
    _exit(SERVICE_NOT_RUN);
}

/* All of it. @return false: it does not fit */
static bool read_all(int fd, char *out, size_t n_out)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, out + n, n_out - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            out[n < n_out ? n : 0] = '\0';
            return got == 0 && n < n_out;
        }
        n += (size_t)got;
        if (n == n_out) {
            return false;
        }
    }
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int service_process_run(const char *command, const char *name, const char *value)
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(RUN_MAX_S); /* survives exec: its signal ends a command that does not answer */
        if (setenv(name, value, 1) == 0) {
            (void)execl(command, command, (char *)NULL);
        }
        _exit(SERVICE_NOT_RUN);
    }
    return child > 0 ? wait_for(child) : -1;
}

enum fota_err service_process_read(const char *command, char *out, size_t n_out)
{
    int pipe_fd[2];
    if (pipe(pipe_fd) != 0) {
        return E_IO;
    }
    (void)fcntl(pipe_fd[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(pipe_fd[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        become(command, pipe_fd[1]);
    }
    (void)close(pipe_fd[1]); /* the child has it; nothing was written here */
    bool is_whole = child > 0 && read_all(pipe_fd[0], out, n_out);
    (void)close(pipe_fd[0]);
    return child > 0 && wait_for(child) == 0 && is_whole ? FOTA_OK : E_IO;
}
