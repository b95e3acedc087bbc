/**
 * The gateway as a service: from a configuration file to a running gateway on the wires it names, and to its end.
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include <signal.h>

#include "board.h"
#include "keys.h"
#include "port_linux/linux_wires.h"
#include "posix/http_tar.h"
#include "posix/stage_file.h"
#include "posix/store_file.h"
#include "s3_client.h"
#include "service_watch.h"
#include "state_lock.h"

/** Intervals by the target's clock where the target is the twin, dates by this machine. */
struct service_clock {
    struct clock clock; /* first member */
    struct twin *twin;  /* NULL: this machine's */
};

/** A service. Zero it, set cli and self, then service_load. */
struct service {
    struct cli *cli;
    const struct cli_command *self;
    struct service_config config;
    const struct board_layout *layout; /* of config.hw */
    struct service_clock clock;
    struct cli_board board; /* target = twin */
    struct linux_wires wires;
    bool has_wires;
    struct link_client own_link;
    struct link_client *link;
    struct cli_s3 s3;
    const char *bundle; /* install from this file, without a network; NULL: from S3 */
    struct http_tar tar;
    bool has_tar;
    struct file_lock lock;
    struct store_file store;
    struct stage_file stage;
    struct key image_key, next_key, release_key, channel_key;
    struct service_watch watch;
    struct gateway gateway;
    uint64_t asked_ms; /* when the command of `activate = ask` was run last */
    enum gateway_consent asked;
    uint64_t renew_ms; /* credentials that could not be renewed: not again before */
    uint32_t watchdog_ms;
    uint64_t alive_ms; /* when the service manager heard of us last */
};

/** What signals ask for. */
struct service_signals {
    volatile sig_atomic_t stop;     /* number of the signal */
    volatile sig_atomic_t poll_now; /* SIGUSR1 */
};
extern struct service_signals service_signals;

/** SIGTERM and SIGINT ask to stop, SIGUSR1 to poll; a second Ctrl-C ends the process at once.
 *  @return CLI_OK · CLI_INTERNAL */
FOTA_MUST_CHECK
enum cli_exit service_listen(struct cli *cli);

/** Read the configuration; each wrong line is a sentence on `err`.
 *  @return CLI_OK · CLI_USAGE · CLI_FILE */
FOTA_MUST_CHECK
enum cli_exit service_load(struct service *s, const char *path);

/** Lock the state file against other processes.
 *  @return CLI_OK · CLI_FILE (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit service_lock(struct service *s);

/** Open the wires, with all lines at rest, or start the twin.
 *  @return CLI_OK · CLI_TARGET, CLI_FILE (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit service_open_target(struct service *s);

/** Read keys, open S3 and initialise the gateway.
 *  @return CLI_OK · CLI_FILE, CLI_USAGE, CLI_NETWORK (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit service_open_gateway(struct service *s);

/** Public keys into `keys`.
 *  @return CLI_OK · CLI_FILE (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit service_read_keys(struct service *s, struct gateway_keys *keys);

/**
 * Run until a signal asks to stop, or with `is_once` until one poll and what it led to is over.
 * @return CLI_OK · CLI_INTERNAL
 */
FOTA_MUST_CHECK
enum cli_exit service_run(struct service *s, bool is_once);

/** Let `ms` pass, or less if a signal comes. */
void service_pass_time(struct service *s, uint32_t ms);

/**
 * Make sure that the target runs: an agent that answers is left alone; a target that waits in a loader, or says nothing,
 * is reset with BOOT0 low.
 * @return CLI_OK · CLI_TARGET (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit service_leave_running(struct service *s);

/** Close everything that is open; lines at rest.
 *  @return `result`, or CLI_TARGET, CLI_FILE if that was CLI_OK */
FOTA_MUST_CHECK
enum cli_exit service_close(struct service *s, enum cli_exit result);

/**
 * Run a command without arguments, with one variable more in its environment; it is ended after 30 s.
 * @return its exit code · 127: it cannot be run · -1: a signal ended it
 */
int service_command(const char *command, const char *name, const char *value);

/** Consent of the command that the configuration names; without one: now. */
enum gateway_consent service_may_activate(void *ctx, uint32_t version);

#endif
