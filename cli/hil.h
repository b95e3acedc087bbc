/**
 * A bench: one board on the wires, and steps that show what the emulated board shows. Each step takes as long as the
 * gateway and the board take, measured by the clock of the wires.
 */
#ifndef CLI_HIL_H
#define CLI_HIL_H

#include "hil_wires.h"
#include "parts.h"
#include "service.h"

enum { HIL_REASON_BYTES = 400, HIL_STEPS_MAX = 16 };

enum hil_result { HIL_SKIPPED, HIL_PASSED, HIL_FAILED };

/** What came of a step. */
struct hil_step {
    const char *name;
    const char *what; /* a sentence: what it shows */
    enum hil_result result;
    char reason[HIL_REASON_BYTES]; /* why it was skipped or failed, or what was seen; "": nothing to say */
    uint64_t ms;
    uint64_t twin_ms; /* of the report to compare with; 0: not in it */
};

/** What an install led to. */
struct hil_install {
    unsigned n_confirmed, n_rolled_back, n_refused, n_nothing, n_failed;
    enum fota_err reason; /* of the newest end or failure */
    uint32_t version;
    uint32_t top;     /* most bytes that were in flash at once, before the newest BEGIN */
    uint32_t lost;    /* most bytes that a resume had to send again */
    uint32_t resumed; /* sessions that went on in the middle */
};

/** A bench. Zero it, set service.cli and service.self. */
struct hil {
    struct service service;
    struct hil_wires wires;
    struct linux_relay relay;
    bool has_relay;
    struct link_client link;
    struct cli_parts parts;
    struct gateway_keys keys;
    struct hil_install install;
    struct hil_step step[HIL_STEPS_MAX];
    unsigned n_steps;
    struct link_info info; /* of the board, newest */
    bool is_found;         /* it answered */
    bool is_updated;       /* an update without disturbance worked */
    bool has_next;         /* `next` runs, not `base` */
    uint64_t update_us;    /* what that update took */
    uint32_t random;
    uint64_t begun_s; /* seconds since 1970 */
};

/** Name the steps; none was carried out yet. */
void hil_plan(struct hil *h);

/** Open what the configuration names; a sentence is printed on failure.
 *  @return CLI_OK · CLI_USAGE, CLI_FILE, CLI_TARGET, CLI_REFUSED */
FOTA_MUST_CHECK
enum cli_exit hil_open(struct hil *h, const char *config);

/** Give the board back: with power, at rest.
 *  @return `result`, or what failed meanwhile */
FOTA_MUST_CHECK
enum cli_exit hil_close(struct hil *h, enum cli_exit result);

/** Carry out all steps; each one's result is in h->step. */
void hil_run(struct hil *h);

/** How many steps have this result. */
unsigned hil_count(const struct hil *h, enum hil_result result);

/** Nothing failed, and no signal ended it early. */
bool hil_is_good(const struct hil *h);

/** Report as text, on `out`. */
void hil_report_text(const struct hil *h, FILE *out);

/** Report as one JSON object, on `out`. */
void hil_report_json(const struct hil *h, FILE *out);

/**
 * Times of an earlier report, in JSON, as twin_ms of the steps.
 * @return FOTA_OK · E_ARG (no such report) · as file_read
 */
FOTA_MUST_CHECK
enum fota_err hil_compare(struct hil *h, const char *path);

#endif
