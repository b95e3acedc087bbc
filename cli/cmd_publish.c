/* fota publish: two signed images become the release that a channel offers. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "commands.h"
#include "format/statement_write.h"
#include "image_check.h"
#include "keys.h"
#include "posix/http_pack.h"
#include "progress.h"
#include "release/publish.h"
#include "s3_client.h"

enum {
    OPT_KEYS = CLI_S3_OPTIONS,
    OPT_PRODUCT,
    OPT_HW,
    OPT_CHANNEL,
    OPT_NOTES,
    OPT_ACTIVATE,
    OPT_CONFIRM_WITHIN,
    OPT_FROM_MIN,
    OPT_BOOT_MIN,
    OPT_EXPIRES_DAYS,
    OPT_POLL,
    OPT_ROLLOUT_RAMP,
    OPT_ROLLOUT_MAX,
    OPT_HALT,
    OPT_RETRY,
    OPT_LOADER,
    OPT_NO_LOADER,
    OPT_BUNDLE,
    OPT_ESP32,
    OPT_COUNTER,
    OPT_TIME_OFFSET
};

enum {
    SECONDS_A_DAY = 86400,
    MS_A_SECOND = 1000,
    NS_A_MS = 1000000,
    SLOTS = 2,
    KNOWN_KEYS = 2,
    EXPIRES_DAYS_MAX = 3650,
    ESP32_IMAGE_MAX_BYTES = 4 * 1024 * 1024, /* an application partition is smaller */
    ESP32_FIRST_BYTE = 0xE9                  /* of every application image of ESP-IDF */
};

static const char *const KNOWN[KNOWN_KEYS] = {KEY_IMAGE, KEY_NEXT};

static const struct cli_option OPTIONS[] = {
    CLI_S3_OPTION_TABLE,
    {"keys", CLI_TEXT, "DIR", "keys",
     "folder with image-key or next-key, channel-key and perhaps release-key"},
    {"product", CLI_TEXT, "NAME", NULL, "product; part of the object names"},
    {"hw", CLI_TEXT, "ID", NULL, "hardware id that both images must have"},
    {"channel", CLI_TEXT, "NAME", "stable", "channel that will offer the release"},
    {"notes", CLI_TEXT, "TEXT", "-", "a line for people, at most 128 characters"},
    {"activate", CLI_TEXT, "WHEN", "idle", "idle, now, or window:HH-HH"},
    {"confirm-within", CLI_NUMBER, "S", "600", "seconds a trial has to confirm itself"},
    {"from-min", CLI_TEXT, "M.N.R", "0.0.0", "lowest running version that may update"},
    {"boot-min", CLI_TEXT, "M.N.R", "0.0.0", "lowest bootloader version that may install release and loader"},
    {"expires-days", CLI_NUMBER, "N", "30", "days until the offer expires"},
    {"poll", CLI_NUMBER, "S", "3600", "seconds between a gateway's polls, 30 to 604800"},
    {"rollout-ramp", CLI_NUMBER, "S", "0", "seconds over which the share of devices grows to the maximum"},
    {"rollout-max", CLI_NUMBER, "PCT", "100", "largest share of devices in percent"},
    {"halt", CLI_FLAG, NULL, NULL, "offer it, but let nobody start"},
    {"retry", CLI_NUMBER, "N", "0", "raise to let devices try a failed release or loader again"},
    {"loader", CLI_TEXT, "FILE", NULL, "signed loader that devices with an open sector 1 install too"},
    {"no-loader", CLI_FLAG, NULL, NULL, "offer no loader any more; without it the channel keeps its loader"},
    {"bundle", CLI_TEXT, "FILE", NULL, "no S3: a new tar file of the release's objects, for gateway install"},
    {"esp32", CLI_TEXT, "M.N.R", NULL, "offer one application of an ESP32 gateway, as this version"},
    {"counter", CLI_NUMBER, "N", "0",
     "with --esp32: security counter; a gateway never goes below one it confirmed"},
    {"time-offset-s", CLI_TEXT, "S", "0", "added to this machine's clock; for tests"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};
_Static_assert(sizeof OPTIONS / sizeof OPTIONS[0] == OPT_TIME_OFFSET + 2, "one enumerator for each option");

/* Everything a publication needs; one at a time. */
struct publication {
    struct cli *cli;
    const struct cli_values *values;
    const char *path[SLOTS];
    uint8_t *bytes[SLOTS];
    size_t n_bytes[SLOTS];
    struct image_facts facts[SLOTS];
    uint8_t *loader_bytes;
    size_t n_loader_bytes;
    struct image_facts loader_facts;
    struct loader_release loader;
    struct key known[KNOWN_KEYS]; /* image and next: public halves, if there */
    const struct key *trusted[KNOWN_KEYS];
    struct key image_key;  /* that signed the images, with its secret */
    struct key loader_key; /* that signed the loader */
    struct key release_key;
    struct key channel_key;
    bool has_release_key;
    struct release release;
    struct publish_job job;
    struct trust channel_trust;
    struct trust release_trust;
    const struct key *signer[SLOTS];
    uint64_t now_s;
    struct progress progress;
    bool is_drawing;
};

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

static uint64_t now_ms(void)
{
    struct timespec ts = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * MS_A_SECOND + (uint64_t)ts.tv_nsec / NS_A_MS;
}

static const char *step_text(enum publish_stage stage)
{
    switch (stage) {
    case PUBLISH_READ_CHANNEL:
        return "reading what the channel offers now";
    case PUBLISH_CHECK:
        return "writing and verifying the release statement";
    case PUBLISH_PROBE:
        return "asking the store whether it honours conditions";
    case PUBLISH_RELEASE:
        return "storing the release statement";
    case PUBLISH_LOADER:
        return "storing the loader statement";
    case PUBLISH_CHANNEL:
        return "publishing the channel statement";
    case PUBLISH_READ_BACK:
        return "reading the channel back";
    default:
        return "";
    }
}

static void on_step(void *ctx, enum publish_stage stage, unsigned image, uint64_t done_bytes,
                    uint64_t total_bytes)
{
    struct publication *p = ctx;
    if (p->cli->is_json) {
        return;
    }
    const bool is_blob = stage == PUBLISH_BLOB || stage == PUBLISH_READ_BLOB;
    if (done_bytes == 0) { /* a new step */
        if (p->is_drawing) {
            progress_end(&p->progress);
        }
        p->is_drawing = is_blob;
        if (is_blob) {
            static const char *const labels[2][PUBLISH_IMAGES] = {{"upload A", "upload B", "upload loader"},
                                                                  {"verify A", "verify B", "verify loader"}};
            progress_begin(&p->progress, p->cli->err, p->cli->is_terminal,
                           labels[stage == PUBLISH_READ_BLOB][image], total_bytes, now_ms());
        } else {
            cli_note(p->cli, "%s", step_text(stage));
        }
    } else if (is_blob) {
        progress_update(&p->progress, done_bytes, now_ms());
    }
}

/* Read one image and verify it as the root would. free() *bytes, also on failure. */
static enum cli_exit read_image(struct publication *p, const char *path, enum image_place place,
                                uint8_t **bytes, size_t *n_bytes, struct image_facts *facts)
{
    const struct image_check wanted = {
        .key = {p->trusted[0], p->trusted[1]}, .hw = p->values->option[OPT_HW].text, .place = place};
    const enum cli_exit result = cli_file(p->cli, path, CLI_IMAGE_MAX_BYTES, bytes, n_bytes);
    return result == CLI_OK ? image_check(p->cli, path, *bytes, *n_bytes, &wanted, facts) : result;
}

/* The two images must be one release. */
static enum cli_exit compare_images(struct publication *p)
{
    const struct image *a = &p->facts[0].result.image;
    const struct image *b = &p->facts[1].result.image;
    const char *what = NULL;
    if (a->version_packed != b->version_packed || a->security_counter != b->security_counter) {
        what = "version or security counter";
    } else if (p->facts[0].key != p->facts[1].key) {
        what = "the key that signed them";
    } else if (a->run_flags != b->run_flags || (a->revokes_off != 0) != (b->revokes_off != 0)) {
        what = "--no-watchdog or --revokes";
    }
    return !what ? CLI_OK
                 : cli_fail(p->cli, E_STATEMENT_MISMATCH, "%s and %s differ in %s; sign both alike",
                            p->path[0], p->path[1], what);
}

/* Read and verify both images. Their order on the command line does not matter. */
static enum cli_exit read_images(struct publication *p)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        struct image_facts facts;
        const char *path = p->values->positional[i];
        enum cli_exit result = read_image(p, path, IMAGE_ANYWHERE, &bytes, &n_bytes, &facts);
        const unsigned slot = result == CLI_OK && facts.place == IMAGE_PLACE_B ? 1 : 0;
        if (result == CLI_OK && facts.place == IMAGE_PLACE_LOADER) {
            result = cli_fail(
                p->cli, E_IMAGE_SLOT,
                "%s is refused: it is a loader; give it with --loader, and one image for each slot", path);
        } else if (result == CLI_OK && p->bytes[slot]) {
            result = cli_fail(p->cli, E_IMAGE_SLOT,
                              "%s is refused: %s is for %s too; give one image for each slot", path,
                              p->path[slot], image_place_text(facts.place));
        }
        if (result != CLI_OK) {
            free(bytes);
            return result;
        }
        p->path[slot] = path;
        p->bytes[slot] = bytes;
        p->n_bytes[slot] = n_bytes;
        p->facts[slot] = facts;
    }
    return compare_images(p);
}

/*
 * --esp32: the file as ESP-IDF made it, once for each of the two places that a release has. It is no image of ours, so the facts
 * are those of the command line; what the gateway relies on is its SHA-256 in the signed statement.
 */
static enum cli_exit read_application(struct publication *p)
{
    const struct cli_value *o = p->values->option;
    const struct statement_span text = span_of(o[OPT_ESP32].text);
    struct image_result *r = &p->facts[0].result;
    struct crypto_sha256 hash;
    p->path[0] = p->values->positional[0];
    const enum cli_exit result =
        cli_file(p->cli, p->path[0], ESP32_IMAGE_MAX_BYTES, &p->bytes[0], &p->n_bytes[0]);
    if (result != CLI_OK) {
        return result;
    }
    if (p->n_bytes[0] == 0 || p->bytes[0][0] != ESP32_FIRST_BYTE) {
        return cli_fail(
            p->cli, E_IMAGE_MAGIC,
            "%s is refused: it is no application of an ESP32, which begins with the byte E9; give "
            "the .bin file of the project that idf.py build made, not the merged one",
            p->path[0]);
    }
    if (statement_version(&text, &r->image.version_packed) != FOTA_OK) {
        return cli_fail(p->cli, E_ARG, "--esp32 is a version like 1.2.0, not '%s'", o[OPT_ESP32].text);
    }
    r->image.security_counter = o[OPT_COUNTER].number;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, p->bytes[0], p->n_bytes[0]);
    crypto_sha256_final(&hash, r->file_sha256);
    memcpy(r->image_hash, r->file_sha256, sizeof r->image_hash);
    p->facts[0].key = p->trusted[0] ? p->trusted[0] : p->trusted[1];
    p->facts[1] = p->facts[0];
    p->path[1] = p->path[0];
    p->n_bytes[1] = p->n_bytes[0];
    p->bytes[1] = malloc(p->n_bytes[0]);
    if (!p->bytes[1]) {
        return cli_fail(p->cli, E_NO_SPACE, "no memory for %s", p->path[0]);
    }
    memcpy(p->bytes[1], p->bytes[0], p->n_bytes[0]);
    return CLI_OK;
}

/* --loader: verified as the root verifies sector 1 before it starts what is there. */
static enum cli_exit read_loader(struct publication *p)
{
    const char *path = p->values->option[OPT_LOADER].text;
    if (!path) {
        return CLI_OK;
    }
    const enum cli_exit result =
        read_image(p, path, IMAGE_PLACE_LOADER, &p->loader_bytes, &p->n_loader_bytes, &p->loader_facts);
    if (result != CLI_OK) {
        return result;
    }
    if (p->loader_facts.result.image.revokes_off != 0) {
        return cli_fail(p->cli, E_IMAGE_REVOKES,
                        "%s is refused: a loader ends no key; sign it without --revokes", path);
    }
    return CLI_OK;
}

/* The public half of a key, from whichever file there is. */
static enum cli_exit read_known(struct publication *p, unsigned i)
{
    const char *folder = p->values->option[OPT_KEYS].text;
    enum cli_exit result = CLI_OK;
    if (cli_key_exists(folder, KNOWN[i], ".pub.pem")) {
        result = cli_key_public_in(p->cli, folder, KNOWN[i], &p->known[i]);
    } else if (cli_key_exists(folder, KNOWN[i], ".pem")) {
        result = cli_key_private_in(p->cli, folder, KNOWN[i], &p->known[i]);
    } else {
        return CLI_OK;
    }
    p->trusted[i] = &p->known[i];
    return result;
}

static enum cli_exit read_keys(struct publication *p)
{
    const char *folder = p->values->option[OPT_KEYS].text;
    enum cli_exit result = CLI_OK;
    for (unsigned i = 0; i < KNOWN_KEYS && result == CLI_OK; i++) {
        result = read_known(p, i);
    }
    if (result == CLI_OK && !p->trusted[0] && !p->trusted[1]) {
        return cli_key_private_in(p->cli, folder, KEY_IMAGE, &p->image_key); /* says that it is missing */
    }
    if (result == CLI_OK) {
        result = cli_key_private_in(p->cli, folder, KEY_CHANNEL, &p->channel_key);
    }
    if (result == CLI_OK && cli_key_exists(folder, KEY_RELEASE, ".pem")) {
        result = cli_key_private_in(p->cli, folder, KEY_RELEASE, &p->release_key);
        p->has_release_key = true;
    }
    p->signer[0] = &p->image_key;
    p->signer[1] = &p->release_key;
    p->channel_trust = (struct trust){.key = {&p->channel_key}, .n_keys = 1};
    for (unsigned i = 0; i < KNOWN_KEYS; i++) {
        if (p->trusted[i]) {
            p->release_trust.key[p->release_trust.n_keys++] = p->trusted[i];
        }
    }
    if (p->has_release_key) {
        p->release_trust.key[p->release_trust.n_keys++] = &p->release_key;
    }
    return result;
}

/* Statements are signed with the key that signed what they announce: whoever believes the image believes the
 * statement, also after the image key was revoked. */
static enum cli_exit read_signer(struct publication *p, const struct image_facts *facts, struct key *out)
{
    const char *name = facts->key == p->trusted[0] ? KNOWN[0] : KNOWN[1];
    return cli_key_private_in(p->cli, p->values->option[OPT_KEYS].text, name, out);
}

static enum cli_exit read_signers(struct publication *p)
{
    enum cli_exit result = read_signer(p, &p->facts[0], &p->image_key);
    if (result == CLI_OK && p->loader_bytes) {
        result = read_signer(p, &p->loader_facts, &p->loader_key);
    }
    return result;
}

static void set_loader(struct publication *p)
{
    const struct image_result *r = &p->loader_facts.result;
    p->loader = (struct loader_release){
        .hw = span_of(p->values->option[OPT_HW].text),
        .version = r->image.version_packed,
        .security_counter = r->image.security_counter,
        .image_bytes = (uint32_t)p->n_loader_bytes,
        .notes = span_of("-"),
    };
    memcpy(p->loader.sha256, r->file_sha256, sizeof p->loader.sha256);
    memcpy(p->loader.hash, r->image_hash, sizeof p->loader.hash);
}

static enum cli_exit set_release(struct publication *p, const struct cli_command *self)
{
    const struct cli_value *o = p->values->option;
    const struct image *a = &p->facts[0].result.image;
    const struct statement_span from = span_of(o[OPT_FROM_MIN].text);
    const struct statement_span boot = span_of(o[OPT_BOOT_MIN].text);
    p->release = (struct release){
        .product = span_of(o[OPT_PRODUCT].text),
        .hw = span_of(o[OPT_HW].text),
        .version = a->version_packed,
        .security_counter = a->security_counter,
        .codec = span_of("none"),
        .confirm_within_s = o[OPT_CONFIRM_WITHIN].number,
        .activate = span_of(o[OPT_ACTIVATE].text),
        .notes = span_of(o[OPT_NOTES].text),
    };
    if (statement_version(&from, &p->release.from_min) != FOTA_OK ||
        statement_version(&boot, &p->release.boot_min) != FOTA_OK) {
        return cli_usage(p->cli, self, "--from-min and --boot-min are versions like 1.0.0");
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        p->release.image[slot].n_bytes = (uint32_t)p->n_bytes[slot];
        memcpy(p->release.image[slot].sha256, p->facts[slot].result.file_sha256, CRYPTO_SHA256_BYTES);
        memcpy(p->release.image[slot].hash, p->facts[slot].result.image_hash, CRYPTO_SHA256_BYTES);
    }
    if (p->loader_bytes) {
        set_loader(p);
        p->loader.boot_min = p->release.boot_min;
    }
    return CLI_OK;
}

static enum cli_exit set_times(struct publication *p, const struct cli_command *self)
{
    const char *text = p->values->option[OPT_TIME_OFFSET].text;
    char *end = NULL;
    const long offset_s = strtol(text, &end, 10);
    if (end == text || *end != '\0' || labs(offset_s) > 100L * 366 * SECONDS_A_DAY) {
        return cli_usage(p->cli, self, "--time-offset-s is a number of seconds, not '%s'", text);
    }
    const time_t now = time(NULL);
    if (now < (time_t)0 || (int64_t)now + offset_s < 0) {
        return cli_fail(p->cli, E_S3_CLOCK, "this machine's clock is before 1970; set it");
    }
    p->now_s = (uint64_t)((int64_t)now + offset_s);
    return CLI_OK;
}

static enum cli_exit set_job(struct publication *p, const struct cli_command *self)
{
    const struct cli_value *o = p->values->option;
    if (o[OPT_EXPIRES_DAYS].number == 0 || o[OPT_EXPIRES_DAYS].number > EXPIRES_DAYS_MAX) {
        return cli_usage(p->cli, self, "--expires-days is 1 to %d", EXPIRES_DAYS_MAX);
    }
    if (o[OPT_ROLLOUT_MAX].number > 100) {
        return cli_usage(p->cli, self, "--rollout-max is 0 to 100 percent");
    }
    if (o[OPT_POLL].number < 30 || o[OPT_POLL].number > 604800) {
        return cli_usage(p->cli, self, "--poll is 30 to 604800 seconds");
    }
    p->job = (struct publish_job){
        .product = o[OPT_PRODUCT].text,
        .hw = o[OPT_HW].text,
        .channel = o[OPT_CHANNEL].text,
        .image = {p->bytes[0], p->bytes[1], p->loader_bytes},
        .image_bytes = {p->n_bytes[0], p->n_bytes[1], p->n_loader_bytes},
        .release = &p->release,
        .loader = p->loader_bytes ? &p->loader : NULL,
        .drops_loader = o[OPT_NO_LOADER].is_given,
        .plan = {.issued_s = p->now_s,
                 .expires_s = p->now_s + (uint64_t)o[OPT_EXPIRES_DAYS].number * SECONDS_A_DAY,
                 .root = 1,
                 .rollout_start_s = p->now_s,
                 .rollout_ramp_s = o[OPT_ROLLOUT_RAMP].number,
                 .rollout_max_pct = (uint8_t)o[OPT_ROLLOUT_MAX].number,
                 .is_halted = o[OPT_HALT].is_given,
                 .retry = o[OPT_RETRY].number,
                 .poll_s = o[OPT_POLL].number},
        .release_signer = p->signer,
        .n_release_signers = p->has_release_key ? 2 : 1,
        .loader_signer = &p->loader_key,
        .channel_signer = &p->channel_key,
        .channel_trust = &p->channel_trust,
        .release_trust = &p->release_trust,
        .watch = {on_step, p},
    };
    return CLI_OK;
}

static void print_done(struct publication *p, const struct publish_result *r)
{
    char version[16];
    char loader[2 * CRYPTO_SHA256_BYTES + 1] = "";
    struct statement_text hex = {loader, sizeof loader - 1, 0, false};
    cli_version_text(p->release.version, version);
    if (r->has_loader) {
        statement_put_hex(&hex, r->loader_sha256, sizeof r->loader_sha256);
    }
    if (p->cli->is_json) {
        struct cli_json j = {p->cli->out, true};
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", true);
        cli_json_flag(&j, "changed", !r->is_unchanged);
        cli_json_text(&j, "product", p->job.product);
        cli_json_text(&j, "channel", p->job.channel);
        cli_json_text(&j, "version", version);
        cli_json_number(&j, "seq", r->seq);
        cli_json_text(&j, "loader", loader);
        cli_json_text(&j, "object", r->object);
        cli_json_text(&j, "etag", r->etag);
        cli_json_close(&j, '}');
        (void)fputc('\n', p->cli->out);
    } else if (r->is_unchanged) {
        (void)fprintf(p->cli->out, "%s %s is what channel %s offers already (seq %u); nothing to do\n",
                      p->job.product, version, p->job.channel, (unsigned)r->seq);
    } else {
        (void)fprintf(p->cli->out, "published %s %s%s on channel %s (seq %u)\n", p->job.product, version,
                      r->has_loader ? " and a loader" : "", p->job.channel, (unsigned)r->seq);
    }
}

/* A write with a condition that cannot hold was answered with 200. */
static enum cli_exit conditions_ignored(struct publication *p, const struct cli_s3 *c)
{
    (void)cli_fail(p->cli, E_UNSUPPORTED,
                   "%s answers 200 to a write whose If-Match or If-None-Match does not hold, so releases "
                   "could be replaced and two publishers could overwrite each other; nothing was published: "
                   "use a store that honours conditions on writes, and no proxy that drops them",
                   c->endpoint);
    return CLI_NETWORK;
}

static enum cli_exit publish_failed(struct publication *p, const struct cli_s3 *c, enum fota_err err,
                                    const struct publish_result *r)
{
    struct cli *cli = p->cli;
    char version[16];
    cli_version_text(p->release.version, version);
    switch (err) {
    case E_STATEMENT_COUNTER:
        return cli_fail(
            cli, err,
            "security counter %u is lower than %u, which channel %s offers now; sign again with a higher "
            "--counter",
            (unsigned)p->release.security_counter, (unsigned)r->old_counter, p->job.channel);
    case E_IMAGE_COUNTER:
        return cli_fail(cli, err,
                        "the loader's security counter %u is lower than the release's %u, so boards that "
                        "confirmed the release would refuse it; sign the loader again with --counter %u",
                        (unsigned)p->loader.security_counter, (unsigned)p->release.security_counter,
                        (unsigned)p->release.security_counter);
    case E_EXISTS:
        return cli_fail(
            cli, err,
            "version %s is published already with other content; releases never change: use a new "
            "version",
            version);
    case E_UPDATE_DIGEST:
        return cli_fail(
            cli, err,
            "%s in the bucket differs from what was published; someone else wrote it: look at it before "
            "anything else",
            r->object);
    case E_ARG:
        return cli_fail(
            cli, err,
            "a value does not fit the statement: check --product, --channel, --notes, --activate and "
            "--confirm-within");
    case E_STATEMENT_SIZE:
        if (r->stage == PUBLISH_CHECK || r->stage == PUBLISH_CHANNEL) {
            return cli_fail(cli, err, "the statement is too long; shorten --notes");
        }
        break;
    case E_UNSUPPORTED:
        if (r->reply.status == 200) {
            return conditions_ignored(p, c);
        }
        break;
    default:
        break;
    }
    if ((unsigned)err >> 8 == 0x03) {
        (void)cli_fail(cli, err, "%s in the bucket is refused: %s", r->object, statement_advice(err));
        return CLI_REFUSED;
    }
    return cli_s3_fail(cli, c, err, &r->reply, r->object, p->now_s);
}

/* To what `c` names: the same checks, whether it is a bucket or a bundle. */
static enum cli_exit publish_to(struct publication *p, struct cli_s3 *c, struct publish_result *r)
{
    enum fota_err err = publish_run(&c->s3, &p->job, p->now_s, r);
    if (p->is_drawing) {
        progress_end(&p->progress);
    }
    return err ? publish_failed(p, c, err, r) : CLI_OK;
}

static enum cli_exit publish(struct publication *p, const struct cli_command *self)
{
    struct cli_s3 c;
    struct publish_result r;
    enum cli_exit result = cli_s3_open(p->cli, self, p->values, false, &c);
    if (result != CLI_OK) {
        return result;
    }
    result = publish_to(p, &c, &r);
    if (result == CLI_OK) {
        print_done(p, &r);
        if (strcmp(c.s3.region, c.config.region) != 0) {
            cli_note(p->cli, "bucket %s is in region %s, not in %s: write --region %s next time",
                     c.config.bucket, c.s3.region, c.config.region, c.s3.region);
        }
    }
    cli_s3_close(&c);
    return result;
}

/* Into a file in place of a bucket. It begins anew each time, with sequence number 1. */
static enum cli_exit publish_bundle(struct publication *p, const char *path)
{
    static struct http_pack pack;
    struct publish_result r;
    struct cli_s3 c = {.config = {.endpoint = "http://bundle", .region = "none", .bucket = "bundle"}};
    (void)snprintf(c.endpoint, sizeof c.endpoint, "bundle %s", path);
    http_pack_open(&pack);
    enum fota_err err = s3_init(&c.s3, &pack.http, &c.config);
    enum cli_exit result =
        err ? cli_fail(p->cli, err, "the bundle's writer cannot be started") : publish_to(p, &c, &r);
    if (result == CLI_OK) {
        err = http_pack_write(&pack, "v1/probe", path);
        if (err == E_EXISTS) {
            result = cli_fail(p->cli, err, "%s exists; write another file, or remove it", path);
        } else if (err) {
            result = cli_fail(p->cli, err, "%s cannot be written: %s", path, strerror(errno));
        } else {
            print_done(p, &r);
        }
    }
    http_pack_close(&pack);
    return result;
}

static enum cli_exit check_esp32(struct cli *cli, const struct cli_command *self, const struct cli_values *v)
{
    const struct cli_value *o = v->option;
    if (v->n_positionals != 1) {
        return cli_usage(cli, self, "with --esp32 give one file: the application as ESP-IDF made it");
    }
    if (!o[OPT_PRODUCT].text || !o[OPT_HW].text) {
        return cli_usage(cli, self, "--product and --hw are needed");
    }
    if (board_layout_find(o[OPT_HW].text)) {
        return cli_usage(cli, self,
                         "--hw %s is a board with an STM32; with --esp32 it is the chip, e.g. esp32",
                         o[OPT_HW].text);
    }
    if (o[OPT_LOADER].is_given || o[OPT_NO_LOADER].is_given || o[OPT_FROM_MIN].is_given ||
        o[OPT_BOOT_MIN].is_given) {
        return cli_usage(
            cli, self,
            "--loader, --no-loader, --from-min and --boot-min say nothing to an ESP32: leave them out");
    }
    return cli_check_hw(cli, self, o[OPT_HW].text);
}

static enum cli_exit check_arguments(struct cli *cli, const struct cli_command *self,
                                     const struct cli_values *v)
{
    if (v->option[OPT_ESP32].is_given) {
        return check_esp32(cli, self, v);
    }
    if (v->n_positionals != SLOTS) {
        return cli_usage(cli, self, "give two signed images, one for each slot");
    }
    if (v->option[OPT_COUNTER].is_given) {
        return cli_usage(cli, self, "--counter belongs to --esp32; the images bear theirs, see fota sign");
    }
    if (!v->option[OPT_PRODUCT].text || !v->option[OPT_HW].text) {
        return cli_usage(cli, self, "--product and --hw are needed");
    }
    if (v->option[OPT_LOADER].is_given && v->option[OPT_NO_LOADER].is_given) {
        return cli_usage(cli, self, "give --loader or --no-loader, not both");
    }
    return cli_check_hw(cli, self, v->option[OPT_HW].text);
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    struct cli_values v;
    struct publication p = {.cli = cli, .values = &v};
    bool is_done = false;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &v, &is_done);
    if (is_done) {
        return result;
    }
    result = check_arguments(cli, self, &v);
    if (result == CLI_OK) {
        result = set_times(&p, self);
    }
    if (result == CLI_OK) {
        result = read_keys(&p);
    }
    if (result == CLI_OK) {
        result = v.option[OPT_ESP32].is_given ? read_application(&p) : read_images(&p);
    }
    if (result == CLI_OK) {
        result = read_loader(&p);
    }
    if (result == CLI_OK) {
        result = read_signers(&p);
    }
    if (result == CLI_OK) {
        result = set_release(&p, self);
    }
    if (result == CLI_OK) {
        result = set_job(&p, self);
    }
    if (result == CLI_OK) {
        const char *bundle = v.option[OPT_BUNDLE].text;
        result = bundle ? publish_bundle(&p, bundle) : publish(&p, self);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        free(p.bytes[slot]);
    }
    free(p.loader_bytes);
    for (unsigned i = 0; i < KNOWN_KEYS; i++) {
        key_forget(&p.known[i]);
    }
    key_forget(&p.image_key);
    key_forget(&p.loader_key);
    key_forget(&p.release_key);
    key_forget(&p.channel_key);
    return result;
}

const struct cli_command cli_cmd_publish = {
    .name = "publish",
    .summary = "offer two signed images as a release on a channel",
    .arguments = "[options] --product NAME --hw ID IMAGE_A IMAGE_B | --esp32 M.N.R APPLICATION",
    .details =
        "Verifies both images with the bootloader's code, uploads them, reads them back, and then lets the "
        "channel\n"
        "offer them by writing one object. Safe to repeat; a failure before the last write changes nothing "
        "for any\n"
        "device. Two publishers at once: one wins, the other is told.\n\n"
        "Statements are signed with the key that signed the images: image-key, or next-key when the image "
        "key "
        "was\n"
        "stolen. --loader offers a loader beside the release, for boards whose sector 1 is not "
        "write-protected; the\n"
        "channel goes on naming it until another one or --no-loader.\n\n"
        "--bundle writes no bucket but a tar file, for `fota gateway install` and `fota hil`; its channel "
        "has "
        "the\n"
        "sequence number 1, so a gateway that follows a bucket does not take it: give that one a copy of the "
        "bucket.\n\n"
        "--esp32 offers one file, the application of an ESP32 gateway as ESP-IDF made it, from a channel of "
        "its own:\n"
        "product and hardware id are the gateway's (field `self` of its configuration).\n\n"
        "Credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN in the environment.\n\n"
        "  fota publish --product demo --hw f407-disco --bucket fota-releases app_a.img app_b.img\n"
        "  fota publish --product demo-gateway --hw esp32 --esp32 1.2.0 --bucket fota-releases "
        "build/gateway.bin\n",
    .options = OPTIONS,
    .run = run,
};
