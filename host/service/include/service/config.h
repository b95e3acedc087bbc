/**
 * The configuration file of the gateway on Linux: sections in brackets, `key = value`, comments after # or ; at the
 * start of a line. docs/gateway.conf is the commented example. Every line that is wrong is refused with a sentence that
 * names the file and the line and says what to write; nothing is guessed.
 *
 * With a section [hil] it is the configuration of a bench (`fota hil`, docs/hil.conf): then [s3] may be missing.
 *
 * It holds no secret: credentials come from the environment, the profile or the instance, as other S3 tools find them.
 */
#ifndef SERVICE_CONFIG_H
#define SERVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SERVICE_CONFIG_MAX_BYTES = 16384, SERVICE_PROBLEM_BYTES = 480 };

enum service_target { SERVICE_SPIDEV, SERVICE_TWIN };
enum service_addressing { SERVICE_ADDRESS_AUTO, SERVICE_ADDRESS_VHOST, SERVICE_ADDRESS_PATH };
enum service_auth { SERVICE_AUTH_AUTO, SERVICE_AUTH_NONE };
enum service_rebuild { SERVICE_REBUILD_NEVER, SERVICE_REBUILD_KIT };
/** Level of the relay's line at which the board has power. */
enum service_relay { SERVICE_RELAY_ON_LOW, SERVICE_RELAY_ON_HIGH };
enum service_pace { SERVICE_PACE_REAL, SERVICE_PACE_FAST };
/** As syslog numbers them. */
enum service_level {
    SERVICE_ERROR = 3,
    SERVICE_WARNING = 4,
    SERVICE_NOTICE = 5,
    SERVICE_INFO = 6,
    SERVICE_DEBUG = 7
};

enum service_activate {
    SERVICE_ACTIVATE_STATEMENT, /* as the release statement says */
    SERVICE_ACTIVATE_NOW,       /* the same: as soon as the statement allows */
    SERVICE_ACTIVATE_IDLE,      /* when the application allows it */
    SERVICE_ACTIVATE_WINDOW,    /* from one hour to another, by the local time of this machine */
    SERVICE_ACTIVATE_ASK        /* a command says so: exit 0 now, 1 no, else later */
};

/** Every value as it counts, defaults included; NULL: not given. Texts live in `text`. */
struct service_config {
    /* [device] */
    const char *name, *product, *hw, *channel, *keys;
    /* [s3] */
    const char *endpoint, *region, *bucket, *prefix, *report_bucket, *ca_file, *proxy, *profile;
    uint32_t addressing, auth;
    /* [wires] */
    uint32_t target;
    const char *spi, *gpio;
    uint32_t nss, nrst, boot0, clock_hz;
    /* [twin] */
    const char *bootloader, *loader, *factory, *flash;
    uint32_t pace;
    /* [service] */
    const char *state, *stage, *metrics;
    const char *http, *http_token_file; /* the local page */
    uint32_t poll_s, log, rebuild;
    uint32_t activate;
    uint32_t window_from, window_to; /* hours 0..23 */
    const char *ask;
    /* [hil], for `fota hil` only; base NULL: there is no such section */
    const char *base, *next, *bad; /* bundles */
    const char *hil_bootloader, *hil_loader, *hil_image;
    uint32_t relay; /* line of the chip `gpio`; 0: none */
    uint32_t relay_on;
    uint32_t off_ms, noise_hz, rounds, seed;
    const char *noise;
    char text[SERVICE_CONFIG_MAX_BYTES + 1];
};

/** Is this a folder of a bucket: 1 to 128 characters, names between single slashes, none at either end? */
bool service_is_prefix(const char *text);

/** Hears each problem: one sentence, with file and line. */
struct service_problems {
    void (*tell)(void *ctx, const char *sentence);
    void *ctx;
    unsigned n; /* told so far */
};

/**
 * Read a configuration. Goes on after a wrong line, so that all of them are told at once.
 *
 * @param name  of the file, for the sentences
 * @param text  not NUL-terminated
 * @param out   unspecified after a failure
 * @return FOTA_OK · E_ARG (problems were told)
 */
FOTA_MUST_CHECK
enum fota_err service_config_read(const char *name, const char *text, size_t n_bytes,
                                  struct service_config *out, struct service_problems *problems);

#endif
