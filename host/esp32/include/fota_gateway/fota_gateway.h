/**
 * The gateway on an ESP32: polls a channel in S3 over HTTPS, checks what it finds, and brings it to an STM32F407 over SPI.
 *
 * For ESP-IDF v5.1 to v6.0 and for the Arduino core 3.x, from C and C++. The caller owns all memory: one struct fota_gateway for
 * each target, one struct fota_gateway_task if the gateway shall have a task of its own. Heap is used by HTTP and TLS only.
 * Network, clock and NVS are the caller's: start Wi-Fi, SNTP (only needed with an access key) and nvs_flash_init before.
 *
 *     static struct fota_gateway gateway;
 *     static struct fota_gateway_task task;
 *     struct fota_gateway_config config;
 *     fota_gateway_config_default(&config);
 *     config.endpoint = "https://s3.eu-central-1.amazonaws.com";
 *     ...
 *     if (fota_gateway_open(&gateway, &config) == 0) { fota_gateway_start(&gateway, &task); }
 *
 * Functions that return `int` return 0, or the number of an error as it stands in base/err.h; fota_gateway_reason_text has its
 * words. What went wrong is logged with the value that was wrong and what to do about it.
 */
#ifndef FOTA_GATEWAY_FOTA_GATEWAY_H
#define FOTA_GATEWAY_FOTA_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an observer hears; numbers are those of gateway/gateway.h and are only ever added to. In brackets: the fields of
 * fota_gateway_event that are set. */
enum fota_gateway_event_kind {
    FOTA_GATEWAY_STATE = 0,        /* another state was entered */
    FOTA_GATEWAY_QUIET = 1,        /* nothing new in the channel */
    FOTA_GATEWAY_CHANGED = 2,      /* a new channel object [done = bytes] */
    FOTA_GATEWAY_STATEMENT = 3,    /* it verifies [version] */
    FOTA_GATEWAY_NOTHING = 4,      /* nothing to install [reason, version] */
    FOTA_GATEWAY_OFFER = 5,        /* will install [version, slot, total] */
    FOTA_GATEWAY_CHECKED = 6,      /* the image is right [version, total] */
    FOTA_GATEWAY_BEGUN = 7,        /* the target opened its slot [slot, done, total] */
    FOTA_GATEWAY_PROGRESS = 8,     /* in the target's flash [done, total] */
    FOTA_GATEWAY_VERIFIED = 9,     /* the target verified its flash [version, slot] */
    FOTA_GATEWAY_ACTIVATED = 10,   /* the trial was ordered [version, slot] */
    FOTA_GATEWAY_TRIAL = 11,       /* the trial goes on [slot, done = runs left] */
    FOTA_GATEWAY_CONFIRMED = 12,   /* [version, slot] */
    FOTA_GATEWAY_ROLLED_BACK = 13, /* [version, slot, reason] */
    FOTA_GATEWAY_REFUSED = 14,     /* what was signed is wrong and stays wrong [reason, version] */
    FOTA_GATEWAY_FAILED = 15,      /* another try follows [reason, done = pause in ms, http_status] */
    FOTA_GATEWAY_LADDER = 19,      /* the target was silent; a rung was tried [done = rung, reason] */
    FOTA_GATEWAY_STORE = 20,       /* record or staging partition failed [reason] */
    FOTA_GATEWAY_DAMAGED = 21,     /* what came is not what was signed [reason, done, total] */
    FOTA_GATEWAY_FETCHED = 22,     /* in the staging partition [done, total] */
    FOTA_GATEWAY_HELD = 23,    /* the target may not restart yet [reason, done = ms until the next look] */
    FOTA_GATEWAY_REBUILD = 27, /* a board that only ST's ROM answered for was rebuilt [reason] */
    /* Of this chip's own application (field `self` of the configuration). */
    FOTA_GATEWAY_SELF_OFFER = 64,       /* will fetch it [version, total] */
    FOTA_GATEWAY_SELF_FETCHED = 65,     /* it is in flash, and it is what was signed [version, total] */
    FOTA_GATEWAY_SELF_RESTART = 66,     /* this chip restarts into it at once [version] */
    FOTA_GATEWAY_SELF_CONFIRMED = 67,   /* the first poll of it was good: it stays [version] */
    FOTA_GATEWAY_SELF_ROLLED_BACK = 68, /* the application before it runs again [version, reason] */
    FOTA_GATEWAY_SELF_REFUSED = 69, /* not tried again unless the channel raises `retry` [version, reason] */
    FOTA_GATEWAY_SELF_FAILED = 70,  /* another try follows [version, reason, done = bytes fetched] */
    FOTA_GATEWAY_SELF_NOTHING = 71  /* nothing to fetch [version, reason] */
};

struct fota_gateway_event {
    int kind;         /* enum fota_gateway_event_kind, or a later one: ignore what you do not know */
    int reason;       /* 0, or the number of an error */
    uint32_t version; /* major << 24 | minor << 16 | revision */
    uint8_t slot;     /* 0 A, 1 B */
    uint16_t http_status;
    uint32_t done;
    uint32_t total;
};

/** May the target restart into the new image now? */
enum fota_gateway_consent { FOTA_GATEWAY_NOW = 0, FOTA_GATEWAY_LATER = 1, FOTA_GATEWAY_NEVER = 2 };

/** Pins by GPIO number. */
struct fota_gateway_pins {
    int mosi, miso, sck; /* to the target's PA7, PA6, PA5 */
    int nss;             /* to PA4; a plain output here */
    int nrst;            /* open drain; the target has the pull-up */
    int boot0;           /* needs a pull-down of 10 k at the target */
};

/** What a board is rebuilt from when nothing but ST's ROM loader answers: the files of `fota` for the factory, e.g. embedded in
 * this program. They must outlive the gateway. */
struct fota_gateway_kit {
    const uint8_t *root; /* bootloader.bin, for sector 0 */
    size_t n_root;
    const uint8_t *loader; /* signed loader, for sector 1 */
    size_t n_loader;
    const uint8_t *image; /* signed image for slot A or B */
    size_t n_image;
};

/**
 * This chip's own application, published with `fota publish --esp32` in the same bucket and signed with the same keys. The partition
 * table needs ota_0 and ota_1, the bootloader CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE (the Arduino core has it).
 *
 * A new application is on trial until the gateway's first good poll. A reset before that, or no good poll within the release's
 * `confirm-within`, brings the old one back; the release is then not tried again unless the channel raises `retry`. So an
 * application whose gateway does not open should restart: esp_restart() is the way back.
 */
struct fota_gateway_self {
    const char *product; /* NULL: this chip is not updated */
    const char *hw;      /* hardware id of this chip's releases; default: its name, "esp32", "esp32c3" */
    const char *channel; /* default "stable" */
    /* May this chip restart now? Asked when the application is ready in flash, in the hours that both the configuration and the
     * release allow; LATER is asked again after a second, NEVER refuses the release. NULL: now. Called by the task of the gateway
     * with the configuration's ctx. */
    enum fota_gateway_consent (*may_restart)(void *ctx, uint32_t version);
};

enum {
    /* 32-bit pointers; other machines only run the tests. */
    FOTA_GATEWAY_BYTES = sizeof(void *) == 4 ? 20480 : 24576,
    FOTA_GATEWAY_STACK_BYTES = 8192,
    FOTA_GATEWAY_TASK_BYTES = 1024,
    FOTA_GATEWAY_RING_BYTES = 8192
};

/** Memory of a second task that does the requests: what arrives while the target programs is not waited for. Worth its 17 kB where
 * there is no staging partition and the network is not much faster than the target. */
struct fota_gateway_fetcher {
    uint64_t control[FOTA_GATEWAY_TASK_BYTES / 8];
    uint64_t stack[FOTA_GATEWAY_STACK_BYTES / 8];
    uint8_t ring[FOTA_GATEWAY_RING_BYTES];
};

/** Begin with fota_gateway_config_default. Strings must outlive the gateway. */
struct fota_gateway_config {
    /* S3 */
    const char *endpoint; /* https://s3.REGION.amazonaws.com, no path */
    const char *region;
    const char *bucket;
    const char *key_id; /* NULL: the bucket is public, requests are not signed */
    const char *secret;
    const char *token;  /* session token or NULL */
    bool is_path_style; /* bucket in the path instead of the host name; local servers want that */
    const char *ca_pem; /* root certificate as PEM text; NULL: ESP-IDF's bundle */
    /* What is updated */
    const char *product;
    const char *hw;
    const char *channel;
    const char *device; /* name of this device; NULL: MAC address as 12 hexadecimal digits */
    /* Public keys, PEM text ("-----BEGIN PUBLIC KEY-----"), P-256. image_key and channel_key are needed. */
    const char *image_key;
    const char *next_key;
    const char *release_key;
    const char *channel_key;
    /* Wires */
    int spi_host; /* 1 SPI2, 2 SPI3 */
    struct fota_gateway_pins pins;
    uint32_t clock_hz;                  /* fastest clock, 100,000..10,000,000 */
    uint32_t byte_gap_us;               /* pause between bytes for ST's ROM loader; 0: 15 (AN4286) */
    const struct fota_gateway_kit *kit; /* NULL: a board whose sector 0 or 1 is gone is only reported */
    /* Time */
    uint32_t poll_s; /* 0: what the channel says */
    bool has_window; /* restart the target only from_h..to_h, hours of UTC plus utc_offset_s */
    uint8_t from_h, to_h;
    int32_t utc_offset_s;
    uint64_t build_time_s; /* seconds since 1970: the clock is not believed when it says less */
    /* Memory of the ESP32 */
    const char *nvs_namespace;  /* at most 15 characters */
    const char *stage_label;    /* data partition for images; NULL: none, every image is read twice */
    uint32_t stage_image_bytes; /* longest image that it must hold */
    struct fota_gateway_self self;
    struct fota_gateway_fetcher
        *fetcher; /* NULL: requests are done by the gateway's own task; must outlive the gateway */
    /* Feed the task watchdog (esp_task_wdt) while the link works; off it during requests, whose time lwIP decides. */
    bool is_watched;
    /* Called by the task of the gateway (on_log by the fetcher's, too); may be NULL. They must not call the gateway, but for fota_gateway_poll_now. */
    void (*on_event)(void *ctx, const struct fota_gateway_event *event);
    enum fota_gateway_consent (*may_activate)(void *ctx, uint32_t version);
    void (*on_log)(void *ctx, char level,
                   const char *line); /* level E, W, I; as well as the log of ESP-IDF */
    void *ctx;
};

/** One gateway. Zero it, or leave it static; its content is its own. */
struct fota_gateway {
    uint64_t opaque[FOTA_GATEWAY_BYTES / 8];
};

/** Memory of a task. */
struct fota_gateway_task {
    uint64_t control[FOTA_GATEWAY_TASK_BYTES / 8];
    uint64_t stack[FOTA_GATEWAY_STACK_BYTES / 8];
};

/** For displays and pages; a copy. */
struct fota_gateway_status {
    char state[16];            /* "wait", "poll", "fetch" ... */
    int last_reason;           /* of the last failure, 0 none since the last success */
    uint32_t version;          /* of the release that was dealt with last */
    uint32_t done, total;      /* progress of the present step */
    uint32_t n_polls;          /* since the start */
    uint32_t n_confirmed;      /* updates since the start */
    uint32_t stack_free_bytes; /* least so far of the task that runs the gateway */
};

/** Defaults: pins and SPI host of this chip, and what the Kconfig menu "FOTA gateway" says where there is one. */
void fota_gateway_config_default(struct fota_gateway_config *config);

/**
 * Check the configuration, open NVS, staging partition and wires. Moves no pin before everything else was found right.
 *
 * @return 0 · E_ARG 0x0001 (a pin, a name, a clock: the log names it) · E_CRYPTO_KEY 0x0701, E_KEY_FILE 0x0702 (a public key or
 * the CA) · E_NOT_FOUND 0x0802 (no such partition, or no second one for applications) · E_NO_SPACE 0x0002 (the partition is too small) · E_UNSUPPORTED 0x0006 (it is
 * encrypted) · E_IO 0x0801 (NVS, SPI or GPIO refuse)
 */
int fota_gateway_open(struct fota_gateway *gateway, const struct fota_gateway_config *config);

/**
 * Do the next thing.
 *
 * @param wait_ms  how long to wait before the next call
 * Takes:      one request, or a range of an image with the link blocks it carries; yields in between
 * Power cut:  the next start goes on from what is in the flash of the target and in the staging partition
 *             this chip restarts in here to start a new application of its own (field `self`), and to go back
 * @return 0 · E_STATE 0x0004, E_INTERNAL 0x0005: a fault of this library
 */
int fota_gateway_step(struct fota_gateway *gateway, uint32_t *wait_ms);

/** Steps for ever, in a task of the caller with FOTA_GATEWAY_STACK_BYTES of stack. Returns only after a fault (E_STATE,
 * E_INTERNAL), or after fota_gateway_stop: 0. */
int fota_gateway_run(struct fota_gateway *gateway);

/**
 * Create a task of priority 5 that runs the gateway.
 * @return 0 · E_INTERNAL 0x0005 (FreeRTOS refuses)
 */
int fota_gateway_start(struct fota_gateway *gateway, struct fota_gateway_task *task);

/** Poll now, if the gateway waits. From any task, not from an interrupt. */
void fota_gateway_poll_now(struct fota_gateway *gateway);

/** Ask the gateway to end: it finishes what it does, saves, and releases the target. From any task. */
void fota_gateway_stop(struct fota_gateway *gateway);

/** From any task. */
void fota_gateway_get_status(struct fota_gateway *gateway, struct fota_gateway_status *out);

/** Words of an error number; never NULL. */
const char *fota_gateway_reason_text(int reason);

#ifdef __cplusplus
}
#endif

#endif
