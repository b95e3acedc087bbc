/* The steps of a bench, in the order in which they are carried out. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hil.h"
#include "ladder_text.h"
#include "service/process.h"

enum {
    INSTALL_MAX_S = 600, /* DS8626's slowest flash, a full slot, and three disturbances */
    BACKOFF_MS = 500,    /* the gateway's own is for networks */
    PIECE_MS = 100,
    START_MS = 3000, /* root, health check and confirmation of the application */
    LOOK_EVERY_MS = 250,
    MS_PER_S = 1000,
    US_PER_MS = 1000
};

/* --- results ----------------------------------------------------------------------------------------- */

FOTA_PRINTF(3, 4)
static void end(struct hil_step *s, enum hil_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->reason, sizeof s->reason, format, args);
    va_end(args);
    s->result = result;
}

unsigned hil_count(const struct hil *h, enum hil_result result)
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->n_steps; i++) {
        n += h->step[i].result == result;
    }
    return n;
}

bool hil_is_good(const struct hil *h)
{
    return hil_count(h, HIL_FAILED) == 0 && !service_signals.stop;
}

static const char *version_of(const struct boot_info *b, char text[16])
{
    cli_version_text(b->running_slot < SLOT_NONE ? b->slot_version[b->running_slot] : 0, text);
    return text;
}

/* --- what answers ------------------------------------------------------------------------------------ */

static void let_pass(struct hil *h, uint32_t ms)
{
    for (uint32_t left = ms; left > 0 && !service_signals.stop;) {
        const uint32_t part = left < PIECE_MS ? left : PIECE_MS;
        link_io_delay_us(&h->wires.io, part * US_PER_MS);
        left -= part;
    }
}

/* The agent must answer; h->info is new then. */
static bool look(struct hil *h, struct hil_step *s)
{
    struct link_peer peer;
    enum fota_err err = link_client_detect(&h->link, &peer);
    if (!err && peer.kind == LINK_PEER_AGENT) {
        h->info = peer.info;
        return true;
    }
    end(s, HIL_FAILED, "the application does not answer: %s; %s",
        err                            ? fota_err_text(err)
        : peer.kind == LINK_PEER_PLAIN ? "ST's ROM answers"
                                       : "the loader answers",
        ladder_advice(err ? err : E_LINK_AGENT_SILENT));
    return false;
}

/* The board was let go: it starts within START_MS. */
static bool look_after_start(struct hil *h, struct hil_step *s)
{
    struct link_peer peer = {.kind = LINK_PEER_PLAIN};
    for (unsigned i = 0; i < START_MS / LOOK_EVERY_MS && peer.kind != LINK_PEER_AGENT; i++) {
        let_pass(h, LOOK_EVERY_MS);
        if (link_client_detect(&h->link, &peer) != FOTA_OK) {
            peer.kind = LINK_PEER_PLAIN;
        }
    }
    return look(h, s);
}

/* While something holds the board, nothing of it may answer. */
static bool is_silent(struct hil *h)
{
    struct link_peer peer;
    const uint8_t attempts = h->link.config.sync_attempts;
    h->link.config.sync_attempts = 1;
    enum fota_err err = link_client_detect(&h->link, &peer);
    h->link.config.sync_attempts = attempts;
    return err != FOTA_OK;
}

/* --- installing -------------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct gateway_event *e)
{
    struct hil_install *i = &((struct hil *)ctx)->install;
    i->n_confirmed += e->kind == GATEWAY_EVENT_CONFIRMED && i->version != 0;
    i->n_rolled_back += e->kind == GATEWAY_EVENT_ROLLED_BACK;
    i->n_refused += e->kind == GATEWAY_EVENT_REFUSED;
    i->n_nothing += e->kind == GATEWAY_EVENT_NOTHING;
    i->n_failed += e->kind == GATEWAY_EVENT_FAILED;
    switch (e->kind) {
    case GATEWAY_EVENT_STATEMENT:
        i->version = e->version;
        break;
    case GATEWAY_EVENT_BEGUN:
        i->resumed += e->done > 0;
        i->lost = i->top > e->done && i->top - e->done > i->lost ? i->top - e->done : i->lost;
        i->top = e->done;
        break;
    case GATEWAY_EVENT_PROGRESS:
        i->top = e->done > i->top ? e->done : i->top;
        break;
    case GATEWAY_EVENT_FAILED:
    case GATEWAY_EVENT_REFUSED:
    case GATEWAY_EVENT_ROLLED_BACK:
    case GATEWAY_EVENT_NOTHING:
        i->reason = e->reason;
        break;
    default:
        break;
    }
}

/* What was never saved is not there, and nothing needs to be kept: each install begins without a memory. */
static enum fota_err load_nothing(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    (void)store;
    (void)cell;
    (void)bytes;
    (void)n_bytes;
    return E_NOT_FOUND;
}

static enum fota_err save_nothing(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    (void)store;
    (void)cell;
    (void)bytes;
    (void)n_bytes;
    return FOTA_OK;
}

static enum fota_err open_gateway(struct hil *h, struct store *store)
{
    struct service *s = &h->service;
    const struct service_config *c = &s->config;
    const struct gateway_config config = {
        .identity = {.product = c->product, .hw = c->hw, .channel = c->channel, .device = c->name},
        .keys = h->keys,
        .backoff_min_ms = BACKOFF_MS,
        .backoff_max_ms = BACKOFF_MS,
        .denied_min_ms = BACKOFF_MS,
        .seed = c->seed};
    const struct gateway_ports ports = {.s3 = &s->s3.s3,
                                        .link = &h->link,
                                        .store = store,
                                        .clock = &s->clock.clock,
                                        .observer = {.on_event = on_event, .ctx = h}};
    return gateway_init(&s->gateway, &config, &ports);
}

static bool is_over(const struct hil *h)
{
    const struct hil_install *i = &h->install;
    return i->n_confirmed || i->n_rolled_back || i->n_refused || i->n_nothing || service_signals.stop;
}

static enum fota_err run_gateway(struct hil *h)
{
    static const struct store_ops ops = {.load = load_nothing, .save = save_nothing};
    struct store store = {.ops = &ops};
    const uint64_t until = link_io_now_us(&h->wires.io) + (uint64_t)INSTALL_MAX_S * MS_PER_S * US_PER_MS;
    enum fota_err err = open_gateway(h, &store);
    while (!err && !is_over(h)) {
        uint32_t wait_ms = 0;
        if (h->service.gateway.state ==
            GATEWAY_WAIT) { /* not at a time of its own, nor as the channel says */
            gateway_poll_now(&h->service.gateway);
        }
        err = gateway_step(&h->service.gateway, &wait_ms);
        if (!err && !is_over(h)) {
            let_pass(h, wait_ms > BACKOFF_MS ? BACKOFF_MS : wait_ms);
            err = link_io_now_us(&h->wires.io) > until ? E_TIMEOUT : FOTA_OK;
        }
    }
    if (!err) {
        gateway_stop(&h->service.gateway);
    }
    return err;
}

/* Install a bundle as the gateway does. @return false: the step failed, with its reason */
static bool install(struct hil *h, struct hil_step *s, const char *bundle)
{
    struct service *service = &h->service;
    h->install = (struct hil_install){.version = 0};
    enum fota_err err = http_tar_open(&service->tar, bundle);
    if (err) {
        end(s, HIL_FAILED, "%s cannot be used: %s; fota publish --bundle writes one", bundle,
            err == E_ARG ? "it is no tar file" : fota_err_text(err));
        return false;
    }
    service->s3.config =
        (struct s3_config){.endpoint = "http://bundle", .region = "none", .bucket = "bundle"};
    err = s3_init(&service->s3.s3, &service->tar.http, &service->s3.config);
    if (!err) {
        err = run_gateway(h);
    }
    http_tar_close(&service->tar);
    if (err) {
        end(s, HIL_FAILED, "%s: no end within %d s; the last failure was: %s", bundle, INSTALL_MAX_S,
            fota_err_text(h->install.reason ? h->install.reason : err));
    } else if (service_signals.stop) {
        end(s, HIL_SKIPPED, "stopped by a signal");
    }
    return !err && !service_signals.stop;
}

/* Install a release that confirms itself, or runs already. */
static bool install_good(struct hil *h, struct hil_step *s, bool is_next)
{
    const struct service_config *c = &h->service.config;
    const struct hil_install *i = &h->install;
    char want[16];
    char have[16];
    if (!install(h, s, is_next ? c->next : c->base)) {
        return false;
    }
    cli_version_text(i->version, want);
    if (i->n_refused || i->n_rolled_back) {
        end(s, HIL_FAILED, "%s was %s: %s", want, i->n_refused ? "refused" : "rolled back",
            fota_err_text(i->reason));
        return false;
    }
    if (!look(h, s)) {
        return false;
    }
    if (strcmp(version_of(&h->info.boot, have), want) != 0) {
        end(s, HIL_FAILED, "%s runs, not %s: %s", have, want, fota_err_text(i->reason));
        return false;
    }
    h->has_next = is_next;
    return true;
}

/* --- steps ------------------------------------------------------------------------------------------- */

static void probe(struct hil *h, struct hil_step *s)
{
    char version[16];
    struct link_ladder ladder;
    enum fota_err err = link_ladder_climb(&h->link, LINK_RUNG_STANDING, LINK_RUNG_RESET, &ladder);
    if (err) {
        end(s, HIL_FAILED, "nothing answers: %s; %s", fota_err_text(err), ladder_advice(err));
        return;
    }
    h->is_found = true;
    h->info = ladder.peer.info;
    end(s, HIL_PASSED, "%s answers, runs %s", ladder_answer(&ladder), version_of(&h->info.boot, version));
}

static void base(struct hil *h, struct hil_step *s)
{
    char version[16];
    if (install_good(h, s, false)) {
        end(s, HIL_PASSED, "%s %s", version_of(&h->info.boot, version),
            h->install.n_confirmed ? "installed and confirmed" : "ran already");
    }
}

/* NRST is wired: nothing answers while it is low, and the board says what reset it. */
static void reset(struct hil *h, struct hil_step *s)
{
    enum fota_err err = link_io_set_nrst(&h->wires.io, true);
    bool is_held = is_silent(h);
    enum fota_err end_err = link_io_set_nrst(&h->wires.io, false);
    if (err || end_err) {
        end(s, HIL_FAILED, "NRST cannot be driven: %s", h->service.has_wires ? h->service.wires.why : "twin");
    } else if (!is_held) {
        end(s, HIL_FAILED, "the board answers while NRST is low: NRST does not reach the chip");
    } else if (look_after_start(h, s)) {
        bool is_pin = h->info.boot.reset_cause == RESET_PIN;
        end(s, is_pin ? HIL_PASSED : HIL_FAILED,
            is_pin ? "silent while NRST is low, back after it"
                   : "the board does not name the pin as the cause");
    }
}

static void power(struct hil *h, struct hil_step *s)
{
    if (!hil_power_exists(&h->wires.power)) {
        end(s, HIL_SKIPPED, "no relay: write relay = LINE into [hil]");
        return;
    }
    enum fota_err err = hil_power_set(&h->wires.power, false);
    let_pass(h, h->service.config.off_ms);
    bool is_off = is_silent(h);
    enum fota_err end_err = hil_power_set(&h->wires.power, true);
    if (err || end_err) {
        end(s, HIL_FAILED, "%s", h->has_relay ? h->relay.why : "the twin's power cannot be switched");
    } else if (!is_off) {
        end(s, HIL_FAILED,
            "the board answers while its power is off: the relay does not switch it, or SPI feeds "
            "it; look at relay-on and the wiring");
    } else if (look_after_start(h, s)) {
        unsigned cause = h->info.boot.reset_cause;
        bool is_cut = cause == RESET_POWER_ON || cause == RESET_BROWN_OUT;
        end(s, is_cut ? HIL_PASSED : HIL_FAILED,
            is_cut
                ? "silent without power, back after it"
                : "the board does not name the power as the cause: off-ms is too short for its capacitors");
    }
}

static void update(struct hil *h, struct hil_step *s)
{
    char version[16];
    if (!h->service.config.next) {
        end(s, HIL_SKIPPED, "write next = FILE into [hil]");
        return;
    }
    const uint64_t begin = link_io_now_us(&h->wires.io);
    if (install_good(h, s, true)) {
        h->update_us = link_io_now_us(&h->wires.io) - begin;
        h->is_updated = true;
        end(s, HIL_PASSED, "%s installed and confirmed, %" PRIu64 " bytes on the wires",
            version_of(&h->info.boot, version), h->wires.n_bytes);
    }
}

/* It starts, does not confirm itself, and the old release runs again. */
static void bad_release(struct hil *h, struct hil_step *s)
{
    const struct service_config *c = &h->service.config;
    char before[16];
    char after[16];
    char bad[16];
    if (!c->bad) {
        end(s, HIL_SKIPPED, "write bad = FILE into [hil]: a release that does not confirm itself");
        return;
    }
    version_of(&h->info.boot, before);
    if (!install(h, s, c->bad)) {
        return;
    }
    cli_version_text(h->install.version, bad);
    if (!h->install.n_rolled_back) {
        end(s, HIL_FAILED, "%s was not rolled back: it was %s%s%s", bad,
            h->install.n_confirmed ? "confirmed"
            : h->install.n_refused ? "refused"
                                   : "not started",
            h->install.n_confirmed ? "" : ": ",
            h->install.n_confirmed ? "" : fota_err_text(h->install.reason));
        return;
    }
    if (look_after_start(h, s)) {
        bool is_back = strcmp(version_of(&h->info.boot, after), before) == 0;
        end(s, is_back ? HIL_PASSED : HIL_FAILED,
            is_back ? "%s was rolled back, %s runs again" : "%s: %s runs, not %s", bad, after, before);
    }
}

static uint32_t draw(struct hil *h)
{
    h->random ^= h->random << 13; /* xorshift32 (Marsaglia 2003), never 0 */
    h->random ^= h->random >> 17;
    h->random ^= h->random << 5;
    return h->random;
}

/* The slot that does not run loses its first sector, by a plain session: a target that holds an image already takes it as it is,
 * and an update that sends nothing shows nothing. An application may refuse plain sessions. */
static bool make_room(struct hil *h, struct hil_step *s)
{
    const enum slot other = (enum slot)h->info.boot.inactive_slot;
    enum fota_err err = link_client_erase(&h->link, board_place(h->service.layout, other)->first_sector);
    if (!err) {
        err = link_client_reset(&h->link, LINK_BOOT_FLASH); /* ends that session */
    }
    if (err && err != E_LINK_NACK) {
        end(s, HIL_FAILED, "the slot that does not run cannot be erased: %s", fota_err_text(err));
        return false;
    }
    return err == E_LINK_NACK || look_after_start(h, s);
}

/* Updates that are disturbed once each, to and fro between both releases. */
static void disturbed(struct hil *h, struct hil_step *s, enum hil_upset upset)
{
    const char *what = upset == HIL_UPSET_NRST ? "NRST" : "power";
    unsigned n_upsets = 0, n_resumed = 0;
    uint32_t lost = 0;
    if (h->service.config.rounds == 0) {
        end(s, HIL_SKIPPED, "rounds = 0");
        return;
    }
    for (unsigned round = 0; round < h->service.config.rounds; round++) {
        const uint64_t at_us = (uint64_t)draw(h) * h->update_us >> 32;
        if (!make_room(h, s)) {
            return;
        }
        h->wires.n_upsets = 0;
        hil_wires_plan(&h->wires, upset, at_us);
        bool is_installed = install_good(h, s, !h->has_next);
        h->wires.upset = HIL_UPSET_NONE;
        if (!is_installed) {
            char why[HIL_REASON_BYTES];
            memcpy(why, s->reason, sizeof why);
            end(s, s->result, "round %u, %s at %" PRIu64 " ms: %.300s", round + 1, what, at_us / US_PER_MS,
                why);
            return;
        }
        n_upsets += h->wires.n_upsets;
        n_resumed += h->install.resumed;
        lost = h->install.lost > lost ? h->install.lost : lost;
    }
    const uint32_t sector = h->service.layout->slot_sector_bytes;
    if (lost > sector) {
        end(s, HIL_FAILED, "%" PRIu32 " bytes that were in flash were sent again; a sector is %" PRIu32, lost,
            sector);
        return;
    }
    end(s, HIL_PASSED,
        "%u of %u updates disturbed, %u went on in the middle, at most %" PRIu32 " bytes again", n_upsets,
        (unsigned)h->service.config.rounds, n_resumed, lost);
}

static void resume_reset(struct hil *h, struct hil_step *s)
{
    disturbed(h, s, HIL_UPSET_NRST);
}

static void resume_power(struct hil *h, struct hil_step *s)
{
    if (hil_power_exists(&h->wires.power)) {
        disturbed(h, s, HIL_UPSET_POWER);
    } else {
        end(s, HIL_SKIPPED, "no relay: write relay = LINE into [hil]");
    }
}

/* Turn the noise on or off: a clock beyond the limit, and a command of the user's (e.g. for the drive of the pins). */
static bool set_noise(struct hil *h, bool is_on)
{
    const struct service_config *c = &h->service.config;
    h->service.wires.config.max_hz = is_on && c->noise_hz ? c->noise_hz : c->clock_hz;
    if (c->noise_hz && hil_wires_hurry(&h->wires, is_on ? c->noise_hz : 0) != FOTA_OK) {
        return false;
    }
    return !c->noise || service_process_run(c->noise, "FOTA_NOISE", is_on ? "on" : "off") == 0;
}

static void noise(struct hil *h, struct hil_step *s)
{
    const struct service_config *c = &h->service.config;
    if (!c->noise_hz && !c->noise) {
        end(s, HIL_SKIPPED, "write noise-clock = HZ or noise = COMMAND into [hil]");
        return;
    }
    if (!make_room(h, s)) {
        return;
    }
    const struct link_client_stats before = h->link.stats;
    bool is_set = set_noise(h, true);
    bool is_installed = is_set && install_good(h, s, !h->has_next);
    bool is_quiet = set_noise(h, false);
    const struct link_client_stats *now = &h->link.stats;
    const uint32_t n_damaged = now->damaged - before.damaged + now->timeouts - before.timeouts + now->nacks -
                               before.nacks; /* replies, answers, and frames that the board refused */
    if (!is_set || !is_quiet) {
        end(s, HIL_FAILED, "%s fails: it is run with FOTA_NOISE=on and off, and exits with 0",
            c->noise ? c->noise : "the clock of noise-clock");
    } else if (is_installed && n_damaged == 0 && now->repeats == before.repeats) {
        end(s, HIL_SKIPPED, "no frame was damaged, so nothing was shown: raise noise-clock");
    } else if (is_installed) {
        end(s, HIL_PASSED,
            "installed and confirmed; %" PRIu32 " signs of damage, %" PRIu32 " frames sent again", n_damaged,
            now->repeats - before.repeats);
    }
}

static void rebuild(struct hil *h, struct hil_step *s)
{
    struct recover_result result;
    const struct recover_config config = {.is_forced = true};
    char rom[8];
    if (!h->service.config.hil_bootloader) {
        end(s, HIL_SKIPPED, "write bootloader, loader and image into [hil]");
        return;
    }
    memset(&result, 0, sizeof result);
    enum fota_err err = recover_run(&h->link, &h->parts.plan, &config, &result);
    if (err) {
        end(s, HIL_FAILED, "step '%s': %s; %s", recover_step_name(result.step), fota_err_text(err),
            ladder_advice(err));
    } else if (look(h, s)) {
        ladder_rom_text(result.rom.version, rom);
        end(s, HIL_PASSED, "ST's ROM %s wrote the board, it starts and confirms itself%s", rom,
            result.is_bootloader_kept ? "; sector 0 is write-protected and was kept" : "");
    }
}

/* Not a step that shows anything new: the board is left with `base`. */
static void leave(struct hil *h, struct hil_step *s)
{
    base(h, s);
}

/* --- all of them ------------------------------------------------------------------------------------- */

enum need { NOTHING, ANSWER, UPDATE };

static const struct {
    const char *name, *what;
    void (*run)(struct hil *h, struct hil_step *s);
    enum need need;
} STEPS[] = {
    {"probe", "something answers on the wires", probe, NOTHING},
    {"base", "the release to begin with is installed", base, ANSWER},
    {"reset", "NRST resets the board", reset, ANSWER},
    {"power", "the relay cuts the power", power, ANSWER},
    {"update", "an update is installed and confirmed", update, ANSWER},
    {"bad-release", "a release that does not confirm itself is rolled back", bad_release, UPDATE},
    {"resume-reset", "updates go on after a reset at a random moment", resume_reset, UPDATE},
    {"resume-power", "updates go on after a power cut at a random moment", resume_power, UPDATE},
    {"noise", "an update is installed over bad wires", noise, UPDATE},
    {"rom", "ST's ROM rebuilds the board", rebuild, NOTHING},
    {"leave", "the board is left with the release it began with", leave, ANSWER},
};
_Static_assert(sizeof STEPS / sizeof STEPS[0] <= HIL_STEPS_MAX, "a report has room for all steps");

static const char *missing(const struct hil *h, enum need need)
{
    if (service_signals.stop) {
        return "stopped by a signal";
    }
    if (need != NOTHING && !h->is_found) {
        return "the board did not answer";
    }
    return need == UPDATE && !h->is_updated ? "the undisturbed update did not work" : NULL;
}

void hil_plan(struct hil *h)
{
    h->n_steps = sizeof STEPS / sizeof STEPS[0];
    for (unsigned i = 0; i < h->n_steps; i++) {
        h->step[i] = (struct hil_step){.name = STEPS[i].name, .what = STEPS[i].what};
    }
}

void hil_run(struct hil *h)
{
    for (unsigned i = 0; i < h->n_steps; i++) {
        struct hil_step *s = &h->step[i];
        const char *why = missing(h, STEPS[i].need);
        h->wires.n_bytes = 0;
        const uint64_t begin = link_io_now_us(&h->wires.io);
        if (why) {
            end(s, HIL_SKIPPED, "%s", why);
        } else {
            STEPS[i].run(h, s);
        }
        s->ms = (link_io_now_us(&h->wires.io) - begin) / US_PER_MS;
        cli_note(h->service.cli, "%-13s %s, %" PRIu64 ".%03u s%s%s", s->name,
                 s->result == HIL_PASSED   ? "passed"
                 : s->result == HIL_FAILED ? "FAILED"
                                           : "skipped",
                 s->ms / MS_PER_S, (unsigned)(s->ms % MS_PER_S), s->reason[0] ? ": " : "", s->reason);
    }
}
