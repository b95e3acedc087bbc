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
#include "recover/recover.h"
#include "report/report.h"
#include "s3_client.h"
#include "service_page.h"
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
    const struct board_layout *layout; /* of the board that the configuration names */
    struct service_config config;
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
    bool is_reporting; /* the next five are in use */
    struct report report;
    struct s3_config report_config;
    struct s3 report_s3;
    struct store_file report_store;
    char report_path[CLI_PATH_BYTES];
    enum fota_err report_told;
    struct service_page page;
    uint64_t asked_ms; /* when the command of `activate = ask` was run last */
    enum gateway_consent asked;
    uint64_t renew_ms; /* credentials are not renewed again before */
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

/**
 * Start the local page, if the configuration asks for one.
 * @return CLI_OK · CLI_USAGE, CLI_FILE (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit service_page_open(struct service *s);

/** Check what the configuration says of the local page, without starting it.
 *  @return as service_page_open */
FOTA_MUST_CHECK
enum cli_exit service_page_check(struct service *s);

/** Before a step of the gateway: do what the page was asked for. */
void service_page_step(struct service *s);

/** After it, when the gateway waits for so long: a bundle that was tried is over. */
void service_page_waits(struct service *s, uint32_t wait_ms);

/** Let the page show how things are now. */
void service_page_show(struct service *s);

/** End it; an upload that was not begun with is gone. */
void service_page_close(struct service *s);

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

/** The service manager hears that this process lives, as often as it wants to. */
void service_stay_alive(struct service *s);

/**
 * Reports, where the configuration names a bucket for them (service_report.c).
 * @return CLI_OK · CLI_USAGE (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit service_report_open(struct service *s);
/** Send what is due, if the gateway rests after a poll that succeeded; a failure is told once. */
void service_report_send(struct service *s);
/** Keep what was not sent. */
void service_report_close(struct service *s);

/** The staging store and the state file.
 *  @return CLI_OK · CLI_FILE (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit service_open_stores(struct service *s);

/**
 * Check a recovery kit, and keep it in the staging store (service_rebuild.c). What arrives in the store meanwhile is
 * fetched again. Takes the lock of the state file to be held.
 *
 * @param root    bootloader, ELF or flat binary
 * @return CLI_OK · CLI_REFUSED (the parts do not fit each other, this board or its keys) · CLI_FILE
 */
FOTA_MUST_CHECK
enum cli_exit service_kit(struct service *s, const char *root, const char *loader, const char *image);

/** gateway_ports.rebuild, for `rebuild = kit`: the board from the kit, through ST's ROM, until its image is confirmed.
 * @return FOTA_OK · E_NOT_FOUND (no kit) · E_UPDATE_DAMAGED (of the kit: nothing was written) · as recover_run */
enum fota_err service_rebuild(void *ctx);
/** Consent of the command that the configuration names; without one: now. */
enum gateway_consent service_may_activate(void *ctx, uint32_t version);

#endif
