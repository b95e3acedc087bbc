#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 2 * PROCESS_RULES_MAX + 12, READY_BYTES = 256 };

#define PROXY   FOTA_SOURCE_DIR "/tests/fault_proxy/fault_proxy.py"
#define MAKE_CA FOTA_SOURCE_DIR "/tests/fault_proxy/make_ca.sh"

double process_now_s(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs a program with its standard output on `out` (-1: ours). */
static pid_t start(const char *const *argv, int out)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent ||
        (out >= 0 && dup2(out, STDOUT_FILENO) < 0)) {
        _exit(127);
    }
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    (void)fprintf(stderr, "soak: %s cannot be started: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static bool run(const char *const *argv)
{
    int status = 0;
    const pid_t pid = start(argv, -1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool process_folder(char folder[PROCESS_PATH_BYTES])
{
    (void)snprintf(folder, PROCESS_PATH_BYTES, "/tmp/fota_soak_XXXXXX");
    if (!mkdtemp(folder)) {
        (void)fprintf(stderr, "soak: no folder in /tmp: %s\n", strerror(errno));
        return false;
    }
    const char *const argv[] = {MAKE_CA, folder, NULL};
    if (!run(argv)) {
        (void)fprintf(stderr, "soak: openssl makes no certificate\n");
        return false;
    }
    return true;
}

void process_folder_remove(const char *folder)
{
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    if (strncmp(folder, "/tmp/fota_soak_", 15) != 0 || !run(argv)) {
        (void)fprintf(stderr, "soak: %s stays\n", folder);
    }
}

bool proxy_start(struct proxy *p, const char *folder, const char *const rules[PROCESS_RULES_MAX],
                 unsigned seed)
{
    char cert[PROCESS_PATH_BYTES + 16], key[PROCESS_PATH_BYTES + 16], number[16], line[READY_BYTES] = "";
    const char *argv[ARGUMENTS_MAX] = {"/usr/bin/python3", PROXY, "--memory", "--cert", cert, "--key", key,
                                       "--seed",           number};
    size_t n = 9;
    int ends[2];
    (void)snprintf(cert, sizeof cert, "%s/server.crt", folder);
    (void)snprintf(key, sizeof key, "%s/server.key", folder);
    (void)snprintf(number, sizeof number, "%u", seed);
    for (size_t i = 0; i < PROCESS_RULES_MAX && rules[i]; i++) {
        argv[n++] = "--rule";
        argv[n++] = rules[i];
    }
    if (pipe(ends) != 0) {
        return false;
    }
    p->pid = start(argv, ends[1]);
    (void)close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    const bool is_ready = p->pid > 0 && out && fgets(line, sizeof line, out) &&
                          sscanf(line, "fault_proxy ready %95s", p->url) == 1;
    if (out) {
        (void)fclose(out);
    }
    if (!is_ready) {
        (void)fprintf(stderr, "soak: the fault proxy does not start\n");
    }
    return is_ready;
}

void proxy_stop(struct proxy *p)
{
    if (p->pid > 0) {
        (void)kill(p->pid, SIGTERM);
        (void)waitpid(p->pid, NULL, 0);
    }
    p->pid = 0;
}
