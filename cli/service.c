#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "ladder_text.h"
#include "release/file.h"
#include "service/local_time.h"
#include "service/notify.h"

enum {
    SETTLE_MS = 3000,
    CHUNK_MS = 1000,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    START_MS = 1500,
    RENEW_AGAIN_MS = 60000
};

struct service_signals service_signals;

/* --- signals ----------------------------------------------------------------------------------------- */

static void on_signal(int number)
{
    if (number == SIGUSR1) {
        service_signals.poll_now = 1;
    } else {
        service_signals.stop = number;
    }
}

/* A second Ctrl-C ends the process at once, for those who cannot wait for the end of a block. */
enum cli_exit service_listen(struct cli *cli)
{
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&once.sa_mask);
    (void)sigemptyset(&ignore.sa_mask);
    bool is_set = sigaction(SIGTERM, &stop, NULL) == 0 && sigaction(SIGUSR1, &stop, NULL) == 0 &&
                  sigaction(SIGINT, &once, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0;
    return is_set ? CLI_OK : cli_fail(cli, E_INTERNAL, "signals cannot be handled");
}

/* --- configuration ----------------------------------------------------------------------------------- */

static void tell_problem(void *ctx, const char *sentence)
{
    struct cli *cli = ctx;
    (void)fprintf(cli->err, "fota: %s\n", sentence);
}

enum cli_exit service_load(struct service *s, const char *path)
{
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    struct service_problems problems = {.tell = tell_problem, .ctx = s->cli};
    s->lock.fd = -1;
    enum fota_err err = file_read(path, SERVICE_CONFIG_MAX_BYTES, &text, &n_bytes, NULL);
    if (err) {
        return cli_fail(s->cli, err == E_NO_SPACE ? E_IO : err,
                        "configuration %s cannot be read: %s; docs/gateway.conf is an example", path,
                        err == E_NO_SPACE ? "it is too long" : strerror(errno));
    }
    err = service_config_read(path, (const char *)text, n_bytes, &s->config, &problems);
    free(text);
    if (err) {
        return cli_usage(s->cli, s->self, "%s has %u wrong or missing lines; nothing was started", path,
                         problems.n);
    }
    return cli_find_board(s->cli, s->self, "[device] hw =", s->config.hw, &s->layout);
}

enum cli_exit service_lock(struct service *s)
{
    return cli_lock_state(s->cli, s->config.state, &s->lock);
}

/* --- target ------------------------------------------------------------------------------------------ */

static uint64_t now_ms(struct clock *clock)
{
    const struct service_clock *c = (const struct service_clock *)clock; /* first member */
    struct timespec t = {0};
    if (c->twin) {
        return twin_now_ns(c->twin) / NS_PER_MS;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * MS_PER_S + (uint64_t)t.tv_nsec / NS_PER_MS;
}

static uint64_t utc_s(struct clock *clock)
{
    (void)clock;
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}

static enum cli_exit open_twin(struct service *s)
{
    const struct service_config *c = &s->config;
    const struct cli_board_config config = {.board = s->layout,
                                            .bootloader_elf = c->bootloader,
                                            .loader_image = c->loader,
                                            .factory_image = c->factory,
                                            .flash = c->flash,
                                            .rom = TWIN_ROM_V9_1};
    enum cli_exit result = cli_board_open(s->cli, &config, &s->board);
    if (result == CLI_OK) {
        cli_board_start(&s->board, SETTLE_MS);
        s->clock.twin = s->board.twin;
        s->link = &s->board.link;
    }
    return result;
}

static enum cli_exit open_spidev(struct service *s)
{
    const struct service_config *c = &s->config;
    const struct linux_wires_config config = {
        .spi = c->spi, .gpio = c->gpio, .line = {c->nss, c->nrst, c->boot0}, .max_hz = c->clock_hz};
    s->has_wires = true;
    enum fota_err err = linux_wires_open(&s->wires, &config);
    if (err) {
        (void)cli_fail(s->cli, err, "%s", s->wires.why);
        return CLI_TARGET;
    }
    link_client_init(&s->own_link, &s->wires.io, &(struct link_client_config){.board = s->layout});
    s->link = &s->own_link;
    s->watch.wires_why = s->wires.why;
    return CLI_OK;
}

enum cli_exit service_open_target(struct service *s)
{
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    s->clock.clock.ops = &ops;
    enum cli_exit result = s->config.target == SERVICE_TWIN ? open_twin(s) : open_spidev(s);
    s->watch.cli = s->cli;
    s->watch.config = &s->config;
    s->watch.gateway = &s->gateway;
    s->watch.clock = &s->clock.clock;
    service_watch_open(&s->watch);
    return result;
}

enum cli_exit service_leave_running(struct service *s)
{
    struct link_peer peer;
    enum fota_err err = link_client_detect(s->link, &peer);
    if (!err && peer.kind == LINK_PEER_AGENT) {
        cli_note(s->cli, "the target runs: its agent answers");
        return CLI_OK;
    }
    cli_note(s->cli, "%s: the target is reset with BOOT0 low",
             err                            ? "nothing answers"
             : peer.kind == LINK_PEER_PLAIN ? "ST's ROM answers"
                                            : "the loader answers");
    err = link_client_reset(s->link, LINK_BOOT_FLASH);
    if (err) {
        (void)cli_fail(s->cli, err, "the target cannot be reset: %s",
                       s->has_wires ? s->wires.why : "the twin stopped");
        return CLI_TARGET;
    }
    link_io_delay_us(s->link->io, START_MS * MS_PER_S);
    err = link_client_detect(s->link, &peer);
    if (err) {
        return cli_fail(s->cli, err, "nothing answers after the reset; %s", ladder_advice(err));
    }
    cli_note(s->cli, "after the reset the %s answers", peer.kind == LINK_PEER_AGENT ? "agent" : "loader");
    return CLI_OK;
}

/* --- gateway ----------------------------------------------------------------------------------------- */

static enum cli_exit optional_key(struct service *s, const char *name, struct key *key, const uint8_t **point)
{
    bool has = cli_key_exists(s->config.keys, name, ".pub.pem");
    *point = has ? key->point : NULL;
    return has ? cli_key_public_in(s->cli, s->config.keys, name, key) : CLI_OK;
}

enum cli_exit service_read_keys(struct service *s, struct gateway_keys *keys)
{
    const uint8_t *next = NULL;
    const uint8_t *release = NULL;
    enum cli_exit result = cli_key_public_in(s->cli, s->config.keys, KEY_IMAGE, &s->image_key);
    if (result == CLI_OK) {
        result = cli_key_public_in(s->cli, s->config.keys, KEY_CHANNEL, &s->channel_key);
    }
    if (result == CLI_OK) {
        result = optional_key(s, KEY_NEXT, &s->next_key, &next);
    }
    if (result == CLI_OK) {
        result = optional_key(s, KEY_RELEASE, &s->release_key, &release);
    }
    *keys = (struct gateway_keys){.channel = {s->channel_key.point},
                                  .release = {s->image_key.point, next, release},
                                  .image = {s->image_key.point, next}};
    return result;
}

/* A different one per device and per start, so that a street whose power returns does not poll in step. */
static uint32_t seed(void)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value) {
        struct timespec t = {0};
        (void)clock_gettime(CLOCK_REALTIME, &t);
        value = (uint32_t)t.tv_nsec ^ (uint32_t)t.tv_sec;
    }
    return value;
}

/* Hours of the configuration are local ones. */
static struct gateway_window window_of(const struct service_config *c)
{
    return (struct gateway_window){.is_set = c->activate == SERVICE_ACTIVATE_WINDOW,
                                   .from_h = (uint8_t)c->window_from,
                                   .to_h = (uint8_t)c->window_to,
                                   .offset_at = service_utc_offset_s};
}

enum cli_exit service_open_stores(struct service *s)
{
    store_file_init(&s->store, s->config.state);
    enum fota_err err = stage_file_open(&s->stage, s->config.stage, NULL);
    return err ? cli_fail(s->cli, E_IO,
                          "the folder %s for images cannot be made: %s; write another one as stage = ...",
                          s->config.stage, strerror(errno))
               : CLI_OK;
}

/* The objects come from a file: no network, no key, the same checks. */
static enum cli_exit open_bundle(struct service *s)
{
    struct s3_config *c = &s->s3.config;
    *c = (struct s3_config){.endpoint = "http://bundle", .region = "none", .bucket = s->config.bucket};
    (void)snprintf(s->s3.endpoint, sizeof s->s3.endpoint, "bundle %s", s->bundle);
    enum fota_err err = http_tar_open(&s->tar, s->bundle);
    if (err) {
        (void)cli_fail(
            s->cli, err == E_ARG ? E_IO : err,
            "bundle %s cannot be used: %s; it is a tar file of a bucket's objects, v1/channels and v1/blobs",
            s->bundle, err == E_ARG ? "it is no tar file" : strerror(errno));
        return CLI_FILE;
    }
    s->has_tar = true;
    err = s3_init(&s->s3.s3, &s->tar.http, c);
    return err ? cli_fail(s->cli, err, "the bundle's reader cannot be started") : CLI_OK;
}

enum cli_exit service_open_gateway(struct service *s)
{
    const struct service_config *c = &s->config;
    struct gateway_config config = {
        .identity = {.product = c->product, .hw = c->hw, .channel = c->channel, .device = c->name},
        .poll_ms = c->poll_s * MS_PER_S,
        .seed = seed(),
        .window = window_of(c)};
    enum cli_exit result = service_read_keys(s, &config.keys);
    if (result == CLI_OK) {
        result = service_open_stores(s);
    }
    if (result == CLI_OK) {
        result = s->bundle
                     ? open_bundle(s)
                     : cli_s3_from_config(s->cli, c, &service_signals.stop, utc_s(&s->clock.clock), &s->s3);
    }
    if (result == CLI_OK) {
        result = service_report_open(s);
    }
    if (result != CLI_OK) {
        return result;
    }
    struct gateway_observer observer = service_watch_observer(&s->watch);
    observer.may_activate = service_may_activate;
    const struct gateway_ports ports = {.s3 = &s->s3.s3,
                                        .link = s->link,
                                        .store = &s->store.store,
                                        .clock = &s->clock.clock,
                                        .observer = observer,
                                        .stage = &s->stage.stage,
                                        .rebuild = c->rebuild == SERVICE_REBUILD_KIT ? service_rebuild : NULL,
                                        .rebuild_ctx = s};
    enum fota_err err = gateway_init(&s->gateway, &config, &ports);
    return err ? cli_fail(s->cli, err, "the gateway does not take this configuration") : CLI_OK;
}

/* --- running ----------------------------------------------------------------------------------------- */

void service_stay_alive(struct service *s)
{
    uint64_t now = now_ms(&s->clock.clock);
    if (s->watchdog_ms == 0 || (now - s->alive_ms < s->watchdog_ms / 2U && s->alive_ms)) {
        return;
    }
    s->alive_ms = now;
    if (service_notify("WATCHDOG=1") != FOTA_OK) {
        service_say(&s->watch, SERVICE_DEBUG, "the service manager does not listen");
    }
}

static void sleep_ms(uint32_t ms)
{
    const struct timespec t = {.tv_sec = ms / MS_PER_S, .tv_nsec = (long)(ms % MS_PER_S) * NS_PER_MS};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); /* a signal ends it, and the caller looks */
}

void service_pass_time(struct service *s, uint32_t ms)
{
    for (uint32_t left = ms; left > 0 && !service_signals.stop && !service_signals.poll_now;) {
        uint32_t part = left < CHUNK_MS ? left : CHUNK_MS;
        if (!s->clock.twin || s->config.pace == SERVICE_PACE_REAL) {
            sleep_ms(part);
        }
        if (s->clock.twin) {
            (void)twin_run_until(s->clock.twin, twin_now_ns(s->clock.twin) + (uint64_t)part * NS_PER_MS);
        }
        left -= part;
        service_stay_alive(s);
        service_page_show(s);
    }
}

/* One poll and what it led to: the gateway waits again, and has polled. */
static bool is_once_done(const struct service *s)
{
    return s->gateway.state == GATEWAY_WAIT && s->watch.sums.n_polls > 0;
}

/* Before the end of temporary credentials, at most once a minute: a role may end sooner than it is renewed before that. */
static void renew_credentials(struct service *s)
{
    char why[SERVICE_WHY_BYTES];
    uint64_t now = now_ms(&s->clock.clock);
    uint64_t utc = utc_s(&s->clock.clock);
    if ((s->renew_ms && now < s->renew_ms) || !cli_s3_is_refresh_due(&s->s3, utc)) {
        return;
    }
    s->renew_ms = now + RENEW_AGAIN_MS;
    if (cli_s3_refresh(&s->s3, utc, why) != FOTA_OK) {
        service_say(&s->watch, SERVICE_WARNING, "credentials cannot be renewed: %s", why);
    }
}

static enum fota_err step(struct service *s, bool is_once)
{
    uint32_t wait_ms = 0;
    renew_credentials(s);
    service_page_step(s);
    if (service_signals.poll_now || (is_once && s->gateway.state == GATEWAY_WAIT)) {
        service_signals.poll_now = 0;
        gateway_poll_now(&s->gateway);
    }
    enum fota_err err = gateway_step(&s->gateway, &wait_ms);
    service_stay_alive(s);
    service_report_send(s);
    service_page_waits(s, wait_ms);
    if (!err && wait_ms && !(is_once && is_once_done(s))) {
        service_pass_time(s, wait_ms);
    }
    return err;
}

static void say_stopped(struct service *s)
{
    const char *by = service_signals.stop == SIGINT ? "Ctrl-C" : "a request to stop";
    bool is_under_way =
        s->gateway.state != GATEWAY_WAIT && s->watch.total > 0 && s->watch.done < s->watch.total;
    if (is_under_way) {
        service_say(&s->watch, SERVICE_NOTICE,
                    "stopped by %s: %" PRIu32 " of %" PRIu32
                    " bytes are in the target's flash, the next start goes on "
                    "from there",
                    by, s->watch.done, s->watch.total);
    } else {
        service_say(&s->watch, SERVICE_NOTICE, "stopped by %s: no update was under way", by);
    }
}

enum cli_exit service_run(struct service *s, bool is_once)
{
    enum fota_err err = FOTA_OK;
    s->watchdog_ms = service_watchdog_ms();
    if (service_notify("READY=1") != FOTA_OK) {
        service_say(&s->watch, SERVICE_WARNING, "the service manager cannot be told: %s", strerror(errno));
    }
    service_say(&s->watch, SERVICE_NOTICE, "gateway of %s: %s for %s, channel %s, target %s", s->config.name,
                s->config.product, s->config.hw, s->config.channel,
                s->config.target == SERVICE_TWIN ? "twin" : s->config.spi);
    while (!err && !service_signals.stop && !(is_once && is_once_done(s))) {
        err = step(s, is_once);
    }
    s->watch.is_stopping = true;
    if (service_signals.stop) {
        if (service_notify("STOPPING=1") != FOTA_OK) {
            service_say(&s->watch, SERVICE_DEBUG, "the service manager does not listen");
        }
        say_stopped(s);
    }
    gateway_stop(&s->gateway);
    service_report_close(s);
    service_watch_write(&s->watch);
    return err ? cli_fail(s->cli, err, "the gateway lost its way in state %s",
                          gateway_state_name(s->gateway.state))
               : CLI_OK;
}

enum cli_exit service_close(struct service *s, enum cli_exit result)
{
    enum cli_exit end = CLI_OK;
    service_page_close(s);
    if (s->board.twin) {
        end = cli_board_save(&s->board);
        cli_board_close(&s->board);
    }
    if (s->has_wires && linux_wires_close(&s->wires) != FOTA_OK) {
        (void)cli_fail(s->cli, E_IO, "%s", s->wires.why);
        end = CLI_TARGET;
    }
    cli_s3_close(&s->s3);
    if (s->has_tar) {
        http_tar_close(&s->tar);
    }
    file_lock_release(&s->lock);
    return result == CLI_OK ? end : result;
}
