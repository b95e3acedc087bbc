#define _POSIX_C_SOURCE 200809L
#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { LOG_MODE = 0600, LINES_MAX = 64 };

/* posix_spawn wants char *const[]; it does not write to the strings. */
static bool spawn(const char *const argv[], const char *log_path, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return false;
    }
    bool ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
              posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_path,
                                               O_WRONLY | O_CREAT | O_APPEND, LOG_MODE) == 0;
    ok = ok &&
         posix_spawn_file_actions_adddup2(&actions, out_fd >= 0 ? out_fd : STDERR_FILENO, STDOUT_FILENO) == 0;
    char *args[64];
    size_t n = 0;
    for (; argv[n] && n + 1 < sizeof args / sizeof args[0]; n++) {
        memcpy(&args[n], &argv[n], sizeof args[n]);
    }
    args[n] = NULL;
    ok = ok && n > 0 && !argv[n] && posix_spawn(pid, args[0], &actions, NULL, args, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    return ok;
}

int child_run(const char *const argv[], const char *log_path)
{
    pid_t pid = 0;
    int status = 0;
    if (!spawn(argv, log_path, -1, &pid) || waitpid(pid, &status, 0) != pid) {
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool child_start(struct child *child, const char *const argv[], const char *log_path)
{
    int fd[2];
    *child = (struct child){.pid = 0, .out_fd = -1};
    if (pipe(fd) != 0) {
        return false;
    }
    (void)fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    bool ok = spawn(argv, log_path, fd[1], &child->pid);
    (void)close(fd[1]);
    if (!ok) {
        (void)close(fd[0]);
        child->pid = 0;
        return false;
    }
    child->out_fd = fd[0];
    return true;
}

/* One line, byte by byte: the child must keep what follows. */
static bool read_line(int fd, char *line, size_t line_bytes)
{
    size_t n = 0;
    char c = '\0';
    while (read(fd, &c, 1) == 1) {
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        if (n + 1 < line_bytes) {
            line[n++] = c;
        }
    }
    return false;
}

bool child_wait_line(struct child *child, const char *prefix, char *line, size_t line_bytes)
{
    for (int i = 0; i < LINES_MAX && read_line(child->out_fd, line, line_bytes); i++) {
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

void child_stop(struct child *child)
{
    if (child->pid > 0) {
        (void)kill(child->pid, SIGTERM);
        (void)waitpid(child->pid, NULL, 0);
        (void)close(child->out_fd);
        child->pid = 0;
    }
}
