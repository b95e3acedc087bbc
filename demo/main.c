/*
 * make demo: a signed release travels from S3 into the running STM32F407, and a bad one rolls back.
 *
 * Below the SPI wire everything is the real ARM firmware, executed by the twin. The S3 server is a real one,
 * and keys, signatures and releases are made with the `fota` command as a user would. What is claimed is
 * checked on the board itself: its console, its flash, its journal.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "child.h"
#include "rig.h"
#include "story.h"
#include "witness.h"

/* A run for another board has folders of its own: FOTA_BOARD names the board, FOTA_FIRMWARE the folder of its build,
 * FOTA_COMMAND another fota command. FOTA_POLL_MS: the gateway asks more often, for tests, which look at nothing between polls. */
#define KEYS FOTA_BUILD_DIR "/keys"

#define PRODUCT "demo"
#define BUCKET  "fota-releases"
/* Of the local server only. */
#define PUBLISHER        "DEMOPUBLISHER"
#define PUBLISHER_SECRET "publisher-secret"
#define DEVICE           "DEMODEVICE"
#define DEVICE_SECRET    "device-secret"
#define PUBLISHER_USER   PUBLISHER ":" PUBLISHER_SECRET ":admin"
#define DEVICE_USER      DEVICE ":" DEVICE_SECRET
#define BUCKET_RIGHTS    BUCKET ":read=" DEVICE
#define IMAGE_KEY        KEYS "/image-key.pem"
#define IMAGE_KEY_PUBLIC KEYS "/image-key.pub.pem"

enum {
    POLL_MS = 3000,
    QUIET_POLLS = 3,
    TRIALS = 3,
    STEPS_MAX = 200000, /* of the gateway and 10 ms slices of the board, for one stage */
    FIRST_BOOT_MS = 5000,
    SETTLE_MS = 3000,
    FTW_FOLDERS_MAX = 16
};

enum { PATH_BYTES = 512 };

/* Files of a run. */
struct paths {
    char fota[PATH_BYTES];
    char work[PATH_BYTES];
    char log[PATH_BYTES];
    char console[PATH_BYTES];
    char state[PATH_BYTES];
    char s3[PATH_BYTES];
    char apps[PATH_BYTES];
    char boot[PATH_BYTES];
    char loader[PATH_BYTES];
};

/* One release of the demo. */
struct release_plan {
    const char *version;
    char image[2][PATH_BYTES]; /* signed, slot A and B */
};

static struct paths at;
static struct release_plan v1 = {.version = "1.0.0"};
static struct release_plan v2 = {.version = "2.0.0"};
static struct release_plan v3 = {.version = "3.0.0"};

/* Everything the story needs. */
struct demo {
    const struct board_layout *board;
    struct story story;
    struct rig rig;
    struct witness witness;
    struct child s3;
    FILE *console_log;
    char endpoint[64];
    /* What the gateway reported, by kind; believed only together with what the board shows. */
    unsigned heard[GATEWAY_EVENT_KINDS];
    enum fota_err last_reason;
    uint32_t image_bytes;
    /* For the table. */
    uint64_t activated_ns; /* of 2.0.0 */
    uint64_t confirmed_ns; /* when the console said so, to a slice of the board's time */
    uint64_t missed_ticks;
};

static struct demo demo;

static void stop_server(void)
{
    child_stop(&demo.s3);
}

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct demo *d = ctx;
    struct story *s = &d->story;
    const unsigned major = event->version >> 24;
    d->heard[event->kind]++;
    switch (event->kind) {
    case GATEWAY_EVENT_QUIET:
        story_say(s, "gateway: poll, 304 not modified");
        break;
    case GATEWAY_EVENT_CHANGED:
        story_say(s, "gateway: poll, 200, the channel object is new (%u bytes)", event->done);
        break;
    case GATEWAY_EVENT_NOTHING:
        d->last_reason = event->reason;
        if (event->reason) {
            story_say(s, "gateway: leaves %u.0.0 alone: %s", major, fota_err_text(event->reason));
        }
        break;
    case GATEWAY_EVENT_OFFER:
        d->image_bytes = event->total;
        story_say(s, "gateway: will install %u.0.0 into slot %c, %u bytes", major, 'A' + (int)event->slot,
                  event->total);
        break;
    case GATEWAY_EVENT_BEGUN:
        story_say(s, "gateway: the target verified the release statement and opened slot %c",
                  'A' + (int)event->slot);
        break;
    case GATEWAY_EVENT_PROGRESS:
        story_progress(s, event->done, event->total);
        break;
    case GATEWAY_EVENT_VERIFIED:
        story_progress(s, d->image_bytes, d->image_bytes);
        story_say(s, "gateway: the target verified its flash: hash, signature, slot, hardware, counter");
        break;
    case GATEWAY_EVENT_ACTIVATED:
        d->activated_ns = d->activated_ns ? d->activated_ns : twin_now_ns(d->rig.twin);
        story_say(s, "gateway: activate, the board resets");
        break;
    case GATEWAY_EVENT_TRIAL:
        story_say(s, "gateway: trial in slot %c, %u runs left", 'A' + (int)event->slot, event->done);
        break;
    case GATEWAY_EVENT_CONFIRMED:
        story_say(s, "gateway: hears that %u.0.0 is confirmed", major);
        break;
    case GATEWAY_EVENT_ROLLED_BACK:
        d->last_reason = event->reason;
        story_say(s, "gateway: hears that %u.0.0 was rejected: %s", major, fota_err_text(event->reason));
        break;
    case GATEWAY_EVENT_REFUSED:
    case GATEWAY_EVENT_FAILED:
        story_say(s, "gateway: %s: %s", gateway_state_name(event->state), fota_err_text(event->reason));
        break;
    default:
        break;
    }
}

/* Run one `fota` command; it must succeed. */
static void fota(struct demo *d, const char *const argv[], const char *what)
{
    const int code = child_run(argv, at.log);
    story_check(&d->story, code == 0, "%s", what);
}

static bool sign(const struct demo *d, const struct release_plan *r, int slot)
{
    char bin[PATH_BYTES + 32];
    (void)snprintf(bin, sizeof bin, "%s/demo-%s-%c.bin", at.apps, r->version, 'a' + slot);
    const char *const argv[] = {
        at.fota,     "sign", "--slot", slot ? "b" : "a", "--version", r->version,     "--hw", d->board->hw_id,
        "--counter", "1",    "--key",  IMAGE_KEY,        "--out",     r->image[slot], bin,    NULL};
    return child_run(argv, at.log) == 0;
}

static void publish(struct demo *d, const struct release_plan *r)
{
    char what[128];
    (void)snprintf(what, sizeof what,
                   "fota publish %s: two blobs, one release, one PUT of the channel object", r->version);
    const char *const argv[] = {at.fota,     "publish", "--endpoint", d->endpoint,     "--bucket",  BUCKET,
                                "--product", PRODUCT,   "--hw",       d->board->hw_id, "--channel", "stable",
                                "--keys",    KEYS,      r->image[0],  r->image[1],     NULL};
    fota(d, argv, what);
}

/* Let gateway and board go on until `is_done`, or fail. */
static void go_on_until(struct demo *d, bool (*is_done)(const struct demo *d), const char *what)
{
    for (int i = 0; i < STEPS_MAX && !is_done(d); i++) {
        if (!rig_step(&d->rig)) {
            struct twin_violation v = {.text = ""};
            (void)twin_violation(d->rig.twin, 0, &v);
            story_check(&d->story, false, "the board or the gateway stopped: %s", v.text);
        }
        witness_listen(&d->witness);
        if (d->activated_ns > 0 && d->confirmed_ns == 0 && witness_count(&d->witness, "app: confirmed") > 0) {
            d->confirmed_ns = twin_now_ns(d->rig.twin);
        }
    }
    story_check(&d->story, is_done(d), "%s", what);
}

static void start_server(struct demo *d)
{
    static const char prefix[] = "export AWS_ENDPOINT_URL=";
    char line[256] = "";
    const char *const argv[] = {at.fota,  "s3",           "--dir",  at.s3,       "--port",   "0",
                                "--user", PUBLISHER_USER, "--user", DEVICE_USER, "--bucket", BUCKET_RIGHTS,
                                NULL};
    story_stage(&d->story, "a real S3 server on this machine (OpenStack Swift)");
    story_check(&d->story, child_start(&d->s3, argv, at.log), "fota s3");
    (void)atexit(stop_server);
    const bool is_up = child_wait_line(&d->s3, prefix, line, sizeof line);
    (void)snprintf(d->endpoint, sizeof d->endpoint, "%.*s", (int)strcspn(line + sizeof prefix - 1, " "),
                   is_up ? line + sizeof prefix - 1 : "");
    story_check(&d->story, is_up, "S3 is up: %s, bucket %s, a publisher and a read-only device key",
                d->endpoint, BUCKET);
    (void)setenv("AWS_ACCESS_KEY_ID", PUBLISHER, 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", PUBLISHER_SECRET, 1);
}

static void make_releases(struct demo *d)
{
    static const struct release_plan *const all[] = {&v1, &v2, &v3};
    story_stage(&d->story, "keys and signed images");
    const char *const argv[] = {at.fota, "inspect", IMAGE_KEY_PUBLIC, NULL};
    fota(d, argv, "keys of `fota keygen`; their public halves are compiled into the bootloader");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const bool is_signed = sign(d, all[i], SLOT_A) && sign(d, all[i], SLOT_B);
        story_check(&d->story, is_signed, "fota sign: %s for slot A and for slot B", all[i]->version);
    }
}

static uint32_t poll_ms(void)
{
    const char *text = getenv("FOTA_POLL_MS");
    const unsigned long wanted = text ? strtoul(text, NULL, 10) : 0;
    return wanted > 0 && wanted < POLL_MS ? (uint32_t)wanted : POLL_MS;
}

static void open_rig(struct demo *d)
{
    char why[256] = "";
    const struct rig_config config = {
        .board = d->board,
        .bootloader_elf = at.boot,
        .loader_image = at.loader,
        .factory_image = v1.image[SLOT_A],
        .keys_dir = KEYS,
        .state_path = at.state,
        .s3 = {.endpoint = d->endpoint,
               .region = "us-east-1",
               .bucket = BUCKET,
               .key_id = DEVICE,
               .secret = DEVICE_SECRET},
        .identity = {.product = PRODUCT, .hw = d->board->hw_id, .channel = "stable", .device = "demo-board"},
        .poll_ms = poll_ms(),
        .utc_s = (uint64_t)time(NULL),
        .observer = {.on_event = on_event, .ctx = d},
    };
    const bool is_open = rig_open(&d->rig, &config, why, sizeof why);
    story_check(&d->story, is_open, "bootloader and 1.0.0 in slot A programmed, gateway wired %s", why);
    d->story.twin = d->rig.twin;
    witness_init(&d->witness, d->rig.twin, d->board, d->console_log);
}

static void factory(struct demo *d)
{
    struct boot_record record;
    story_stage(&d->story, "a board leaves the factory");
    open_rig(d);
    twin_set_power(d->rig.twin, true);
    story_check(&d->story, rig_run_ms(&d->rig, FIRST_BOOT_MS), "power on");
    witness_listen(&d->witness);
    story_check(&d->story, witness_count(&d->witness, "app: version 1.0.0 slot A") == 1,
                "console: 1.0.0 runs in slot A");
    story_check(&d->story, witness_count(&d->witness, "app: confirmed") == 1, "console: it confirmed itself");
    story_check(&d->story, witness_record(&d->witness, &record) && record.active == SLOT_A,
                "journal: slot A is active");
}

static bool is_looked_at(const struct demo *d)
{
    return d->heard[GATEWAY_EVENT_CHANGED] == 1 && d->heard[GATEWAY_EVENT_NOTHING] >= 1;
}

static bool is_quiet(const struct demo *d)
{
    return d->heard[GATEWAY_EVENT_QUIET] >= QUIET_POLLS;
}

static void quiet_polls(struct demo *d)
{
    story_stage(&d->story, "nothing new");
    publish(d, &v1);
    go_on_until(d, is_looked_at, "the gateway found 1.0.0, which runs already");
    go_on_until(d, is_quiet, "three polls by ETag, nothing to do");
}

static bool is_confirmed(const struct demo *d)
{
    return d->heard[GATEWAY_EVENT_CONFIRMED] == 1;
}

static void good_release(struct demo *d)
{
    struct boot_record record;
    d->missed_ticks = UINT64_MAX;
    story_stage(&d->story, "a good release: 2.0.0");
    witness_mark(&d->witness);
    publish(d, &v2);
    go_on_until(d, is_confirmed, "streamed, activated, tried");
    const bool has_report = witness_largest(&d->witness, " missed ", &d->missed_ticks);
    story_check(&d->story, has_report && d->missed_ticks == 0, "console: the control loop missed %llu ticks",
                (unsigned long long)d->missed_ticks);
    story_check(&d->story, witness_slot_is_file(&d->witness, SLOT_B, v2.image[SLOT_B]),
                "flash: slot B is 2.0.0 to the byte");
    story_check(&d->story, witness_slot_is_file(&d->witness, SLOT_A, v1.image[SLOT_A]),
                "flash: slot A still is 1.0.0");
    story_check(&d->story, witness_count(&d->witness, "app: version 2.0.0 slot B") == 1,
                "console: 2.0.0 runs in slot B");
    story_check(&d->story, witness_count(&d->witness, "app: confirmed") == 1, "console: it confirmed itself");
    story_check(&d->story,
                witness_record(&d->witness, &record) && record.active == SLOT_B && record.tries == 0,
                "journal: slot B is active");
}

static bool is_rolled_back(const struct demo *d)
{
    return d->heard[GATEWAY_EVENT_ROLLED_BACK] == 1;
}

static bool is_left_alone(const struct demo *d)
{
    return d->heard[GATEWAY_EVENT_QUIET] >= QUIET_POLLS && d->last_reason == E_SLOT_REJECTED;
}

static void bad_release(struct demo *d)
{
    struct boot_record record;
    story_stage(&d->story, "a bad release: 3.0.0 runs, but its health check fails");
    witness_mark(&d->witness);
    publish(d, &v3);
    go_on_until(d, is_rolled_back, "streamed, activated, tried, rejected");
    story_check(&d->story, rig_run_ms(&d->rig, SETTLE_MS), "the board goes on");
    witness_listen(&d->witness);
    story_check(&d->story, witness_count(&d->witness, "app: version 3.0.0 slot A") == TRIALS,
                "console: 3.0.0 ran %d times", TRIALS);
    story_check(&d->story, witness_count(&d->witness, "app: health check failed, not confirmed") == TRIALS,
                "console: it never confirmed itself");
    story_check(&d->story, witness_count(&d->witness, "app: version 2.0.0 slot B") == 1,
                "console: 2.0.0 runs in slot B again");
    story_check(&d->story, witness_slot_is_file(&d->witness, SLOT_B, v2.image[SLOT_B]),
                "flash: slot B is untouched");
    story_check(&d->story,
                witness_record(&d->witness, &record) && record.active == SLOT_B &&
                    record.state[SLOT_A] == SLOT_STATE_REJECTED,
                "journal: slot A rejected, slot B active");
    memset(d->heard, 0, sizeof d->heard);
    go_on_until(d, is_left_alone, "the gateway does not offer 3.0.0 again");
    story_check(&d->story, d->heard[GATEWAY_EVENT_OFFER] == 0, "and touched nothing in three polls");
}

static void summary(const struct demo *d)
{
    const struct twin_stats *stats = twin_stats(d->rig.twin);
    uint64_t erases = 0;
    for (uint32_t i = 0; i < d->board->flash.n_sectors; i++) {
        erases += stats->flash_erases[i];
    }
    (void)printf("\n  %-52s %12u\n", "image bytes", d->image_bytes);
    (void)printf("  %-52s %12llu\n", "bytes over SPI (both updates, polls of the trial)",
                 (unsigned long long)stats->spi_bytes);
    (void)printf("  %-52s %12.3f\n", "flash busy, seconds", (double)stats->flash_busy_ns / 1e9);
    (void)printf("  %-52s %12llu\n", "sector erases", (unsigned long long)erases);
    (void)printf("  %-52s %12llu\n", "missed control-loop ticks", (unsigned long long)d->missed_ticks);
    (void)printf("  %-52s %12.3f\n", "reset to confirmed (2.0.0), seconds",
                 (double)(d->confirmed_ns - d->activated_ns) / 1e9);
    (void)printf("  %-52s %12llu\n", "violations of the reference manual",
                 (unsigned long long)stats->violations);
    (void)printf("  %-52s %12.1f\n\n", "wall time, seconds", (double)story_wall_ms(&d->story) / 1000.0);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

/* What an earlier run left: its releases are other bytes under the same version. */
static void clear_work(void)
{
    (void)nftw(at.work, remove_entry, FTW_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
    (void)mkdir(at.work, 0700);
}

static void set_path(char out[PATH_BYTES], const char *folder, const char *name)
{
    const int n = snprintf(out, PATH_BYTES, "%s%s", folder, name);
    if (n < 0 || n >= PATH_BYTES) {
        story_check(&demo.story, false, "a path that is not longer than %d bytes: %s", PATH_BYTES, folder);
    }
}

/* f407-disco and build/f407, unless FOTA_BOARD and FOTA_FIRMWARE say otherwise. */
static void choose_board(struct demo *d)
{
    static struct release_plan *const all[] = {&v1, &v2, &v3};
    const char *name = getenv("FOTA_BOARD");
    const char *firmware = getenv("FOTA_FIRMWARE");
    char own[64] = "/demo";
    firmware = firmware ? firmware : FOTA_BUILD_DIR "/f407";
    d->board = board_layout_find(name ? name : "f407-disco");
    if (!d->board) {
        story_check(&d->story, false, "FOTA_BOARD %s is a board of boards/", name ? name : "");
    }
    if (name) {
        (void)snprintf(own, sizeof own, "/demo-%s", name);
    }
    set_path(at.work, FOTA_BUILD_DIR, own);
    const char *command = getenv("FOTA_COMMAND");
    bool is_other = command && command[0] != '\0';
    set_path(at.fota, is_other ? command : FOTA_BUILD_DIR "/host/cli/fota", "");
    set_path(at.log, at.work, "/fota.log");
    set_path(at.console, at.work, "/console.log");
    set_path(at.state, at.work, "/gateway.state");
    set_path(at.s3, at.work, "/s3");
    set_path(at.apps, firmware, "/app");
    set_path(at.boot, firmware, "/bootloader/bootloader.elf");
    set_path(at.loader, firmware, "/loader/loader.img");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (int slot = 0; slot < 2; slot++) {
            char image[64];
            (void)snprintf(image, sizeof image, "/demo-%s-%c.img", all[i]->version, 'a' + slot);
            set_path(all[i]->image[slot], at.work, image);
        }
    }
}

int main(void)
{
    struct demo *d = &demo;
    story_begin(&d->story);
    choose_board(d);
    clear_work();
    d->console_log = fopen(at.console, "w");
    story_check(&d->story, d->console_log, "working folder %s", at.work);
    start_server(d);
    make_releases(d);
    factory(d);
    quiet_polls(d);
    good_release(d);
    bad_release(d);
    summary(d);
    rig_close(&d->rig);
    (void)fclose(d->console_log);
    (void)printf("demo: 2.0.0 confirmed in slot B\n");
    (void)printf("demo: 3.0.0 rejected, 2.0.0 runs again\n");
    return EXIT_SUCCESS;
}
