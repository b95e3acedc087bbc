/** Processes of the soak: a fault proxy, and folders that go away with it. */
#ifndef SOAK_PROCESS_H
#define SOAK_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

enum { PROCESS_URL_BYTES = 96, PROCESS_RULES_MAX = 8, PROCESS_PATH_BYTES = 64 };

/** A proxy with objects in memory, TLS, and these rules (NULL ends them). */
struct proxy {
    pid_t pid;
    char url[PROCESS_URL_BYTES];
};

/**
 * A folder under /tmp with a throw-away CA in it.
 * @return false: a sentence was printed
 */
bool process_folder(char folder[PROCESS_PATH_BYTES]);
void process_folder_remove(const char *folder);

/**
 * @param folder  of process_folder: its certificate is used
 * @return false: a sentence was printed
 */
bool proxy_start(struct proxy *p, const char *folder, const char *const rules[PROCESS_RULES_MAX],
                 unsigned seed);
void proxy_stop(struct proxy *p);

/** Wall clock, seconds. */
double process_now_s(void);

#endif
