/* fota inspect: what an image, statement or key file says, and whether it is to be believed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "format/loader_statement.h"
#include "format/statement_write.h"
#include "image_check.h"
#include "keys.h"
#include "release/offer.h"

enum { OPT_KEYS, OPT_KEY, OPT_SLOT, OPT_HW, OPT_COUNTER_MIN };
enum { HEX_BYTES = 2 * CRYPTO_SHA256_BYTES + 1, TIME_BYTES = 24, EXTRA_KEYS = 2 };

static const struct cli_option OPTIONS[] = {
    {"keys", CLI_TEXT, "DIR", NULL,
     "folder whose *.pub.pem are trusted; signatures are checked against them"},
    {"key", CLI_LIST, "FILE", NULL, "public key that is trusted for everything; at most two"},
    {"slot", CLI_TEXT, "a|b|loader", NULL, "refuse an image for another place"},
    {"hw", CLI_TEXT, "ID", NULL, "refuse what is for other hardware"},
    {"counter-min", CLI_NUMBER, "N", "0", "refuse a lower security counter"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

/* Keys that were given, by role. */
struct keyring {
    struct key image[IMAGE_KEYS];
    size_t n_image;
    struct key release;
    struct key channel;
    bool has_release;
    bool has_channel;
};

static void hex_text(const uint8_t *bytes, char out[HEX_BYTES])
{
    struct statement_text t = {out, HEX_BYTES - 1, 0, false};
    statement_put_hex(&t, bytes, CRYPTO_SHA256_BYTES);
    out[t.n_bytes] = '\0';
}

static void time_text(uint64_t time_s, char out[TIME_BYTES])
{
    struct statement_text t = {out, TIME_BYTES - 1, 0, false};
    statement_put_time(&t, time_s);
    out[t.n_bytes] = '\0';
}

static enum cli_exit read_folder(struct cli *cli, const char *folder, struct keyring *ring)
{
    enum cli_exit result = cli_key_public_in(cli, folder, KEY_IMAGE, &ring->image[0]);
    if (result != CLI_OK) {
        return result;
    }
    ring->n_image = 1;
    if (cli_key_exists(folder, KEY_NEXT, ".pub.pem")) {
        result = cli_key_public_in(cli, folder, KEY_NEXT, &ring->image[ring->n_image++]);
    }
    if (result == CLI_OK && cli_key_exists(folder, KEY_RELEASE, ".pub.pem")) {
        result = cli_key_public_in(cli, folder, KEY_RELEASE, &ring->release);
        ring->has_release = true;
    }
    if (result == CLI_OK && cli_key_exists(folder, KEY_CHANNEL, ".pub.pem")) {
        result = cli_key_public_in(cli, folder, KEY_CHANNEL, &ring->channel);
        ring->has_channel = true;
    }
    return result;
}

static enum cli_exit read_keys(struct cli *cli, const struct cli_command *self, const struct cli_values *v,
                               struct keyring *ring)
{
    memset(ring, 0, sizeof *ring);
    const struct cli_value *list = &v->option[OPT_KEY];
    if (v->option[OPT_KEYS].is_given && list->n_list != 0) {
        return cli_usage(cli, self, "give --keys or --key, not both");
    }
    if (list->n_list > EXTRA_KEYS) {
        return cli_usage(cli, self, "--key may be given twice at most");
    }
    if (v->option[OPT_KEYS].is_given) {
        return read_folder(cli, v->option[OPT_KEYS].text, ring);
    }
    for (size_t i = 0; i < list->n_list; i++) {
        const enum cli_exit result = cli_key_public(cli, list->list[i], &ring->image[i]);
        if (result != CLI_OK) {
            return result;
        }
        ring->n_image++;
    }
    return CLI_OK;
}

/* Keys for a channel statement: the channel key, or with --key whatever was given. */
static struct trust channel_trust(const struct keyring *ring)
{
    struct trust t = {.n_keys = 0};
    if (ring->has_channel) {
        t.key[t.n_keys++] = &ring->channel;
    } else {
        for (size_t i = 0; i < ring->n_image; i++) {
            t.key[t.n_keys++] = &ring->image[i];
        }
    }
    return t;
}

static struct trust release_trust(const struct keyring *ring)
{
    struct trust t = {.n_keys = 0};
    for (size_t i = 0; i < ring->n_image; i++) {
        t.key[t.n_keys++] = &ring->image[i];
    }
    if (ring->has_release) {
        t.key[t.n_keys++] = &ring->release;
    }
    return t;
}

/* Output that is either lines or JSON members. */
struct page {
    struct cli *cli;
    struct cli_json json;
};

static struct page page_begin(struct cli *cli, const char *path, const char *kind)
{
    struct page p = {cli, {cli->out, true}};
    if (cli->is_json) {
        cli_json_open(&p.json, NULL, '{');
        cli_json_flag(&p.json, "ok", true);
        cli_json_text(&p.json, "file", path);
        cli_json_text(&p.json, "kind", kind);
    } else {
        (void)fprintf(cli->out, "%s: %s\n", path, kind);
    }
    return p;
}

static void page_bytes(struct page *p, const char *key, const char *text, size_t n_bytes)
{
    if (p->cli->is_json) {
        cli_json_bytes(&p->json, key, text, n_bytes);
    } else {
        (void)fprintf(p->cli->out, "  %-18s %.*s\n", key, (int)n_bytes, text);
    }
}

static void page_text(struct page *p, const char *key, const char *text)
{
    page_bytes(p, key, text, strlen(text));
}

static void page_span(struct page *p, const char *key, const struct statement_span *span)
{
    page_bytes(p, key, span->at, span->n_bytes);
}

static void page_number(struct page *p, const char *key, uint64_t number)
{
    if (p->cli->is_json) {
        cli_json_number(&p->json, key, number);
    } else {
        (void)fprintf(p->cli->out, "  %-18s %" PRIu64 "\n", key, number);
    }
}

static void page_version(struct page *p, const char *key, uint32_t version)
{
    char text[16];
    cli_version_text(version, text);
    page_text(p, key, text);
}

static void page_hash(struct page *p, const char *key, const uint8_t *hash)
{
    char text[HEX_BYTES];
    hex_text(hash, text);
    page_text(p, key, text);
}

static void page_time(struct page *p, const char *key, uint64_t time_s)
{
    char text[TIME_BYTES];
    time_text(time_s, text);
    page_text(p, key, text);
}

/* `key`: whose signature verified; NULL: not checked. */
static void page_signature(struct page *p, const char *name, const struct key *key)
{
    char id[2 * STATEMENT_KEY_ID_BYTES + 1];
    if (key) {
        cli_key_id_text(key, id);
    }
    if (p->cli->is_json) {
        cli_json_text(&p->json, name, key ? id : "");
    } else {
        (void)fprintf(p->cli->out, "  %-18s %s%s\n", name,
                      key ? "good, by key " : "not checked; give --keys or --key", key ? id : "");
    }
}

static void page_end(struct page *p)
{
    if (p->cli->is_json) {
        cli_json_close(&p->json, '}');
        (void)fputc('\n', p->cli->out);
    }
}

static const char *place_name(enum image_place place)
{
    if (place == IMAGE_PLACE_LOADER) {
        return "loader";
    }
    return place == IMAGE_PLACE_B ? "b" : "a";
}

static void page_image(struct page *p, const struct image_facts *f, const uint8_t *bytes, size_t n_bytes)
{
    const struct image *image = &f->result.image;
    char version[CLI_VERSION_BYTES];
    cli_version_build_text(image->version_packed, image->version_build, version);
    page_text(p, "slot", place_name(f->place));
    page_text(p, "version", version);
    page_text(p, "hw", f->hw);
    page_number(p, "security_counter", image->security_counter);
    page_number(p, "bytes", n_bytes);
    page_hash(p, "sha256", f->result.file_sha256);
    page_hash(p, "image_hash", f->result.image_hash);
    page_text(p, "run_flags", (image->run_flags & IMAGE_RUN_WATCHDOG) != 0 ? "watchdog" : "-");
    if (image->revokes_off != 0) {
        page_hash(p, "revokes", bytes + image->revokes_off);
    } else {
        page_text(p, "revokes", "-");
    }
    page_hash(p, "key_hash", bytes + image->keyhash_off);
    page_signature(p, "signature", f->key);
}

static enum cli_exit inspect_image(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                                   const struct cli_values *v, const struct keyring *ring)
{
    struct image_facts f;
    const struct image_check wanted = {
        .key = {ring->n_image > 0 ? &ring->image[0] : NULL, ring->n_image > 1 ? &ring->image[1] : NULL},
        .hw = v->option[OPT_HW].text,
        .place = v->option[OPT_SLOT].text ? image_place_of(v->option[OPT_SLOT].text) : IMAGE_ANYWHERE,
        .counter_min = v->option[OPT_COUNTER_MIN].number,
    };
    const enum cli_exit result = image_check(cli, path, bytes, n_bytes, &wanted, &f);
    if (result != CLI_OK) {
        return result;
    }
    struct page p = page_begin(cli, path, "image");
    page_image(&p, &f, bytes, n_bytes);
    if (cli->is_json) {
        cli_json_flag(&p.json, "counter_warning", f.result.image.security_counter >= IMAGE_COUNTER_WARN);
    }
    page_end(&p);
    (void)image_warn_counter(cli, path, f.result.image.security_counter);
    return CLI_OK;
}

static void page_release(struct page *p, const struct release *r)
{
    page_span(p, "product", &r->product);
    page_span(p, "hw", &r->hw);
    page_version(p, "version", r->version);
    page_number(p, "security_counter", r->security_counter);
    page_number(p, "size_a", r->image[0].n_bytes);
    page_hash(p, "sha256_a", r->image[0].sha256);
    page_hash(p, "hash_a", r->image[0].hash);
    page_span(p, "blob_a", &r->image[0].blob);
    page_number(p, "size_b", r->image[1].n_bytes);
    page_hash(p, "sha256_b", r->image[1].sha256);
    page_hash(p, "hash_b", r->image[1].hash);
    page_span(p, "blob_b", &r->image[1].blob);
    page_span(p, "codec", &r->codec);
    page_version(p, "from_min", r->from_min);
    page_version(p, "boot_min", r->boot_min);
    page_number(p, "confirm_within", r->confirm_within_s);
    page_span(p, "activate", &r->activate);
    page_span(p, "notes", &r->notes);
}

static enum cli_exit refuse(struct cli *cli, const char *path, enum fota_err err)
{
    (void)cli_fail(cli, err, "%s is refused: %s", path, statement_advice(err));
    return CLI_REFUSED;
}

/* A verifier for when there is no key: accepts, so that form and digests are still checked. */
static enum fota_err accept(void *ctx, const uint8_t id[STATEMENT_KEY_ID_BYTES], const uint8_t *text,
                            size_t n_bytes, const uint8_t *der, size_t n_der_bytes)
{
    (void)ctx, (void)id, (void)text, (void)n_bytes, (void)der, (void)n_der_bytes;
    return FOTA_OK;
}

static enum fota_err read_release(const uint8_t *text, size_t n_bytes, struct trust *trust,
                                  struct release *out)
{
    if (trust->n_keys != 0) {
        return offer_read_release(text, n_bytes, trust, out);
    }
    struct statement s;
    const struct statement_verifier v = {accept, NULL};
    enum fota_err err = release_parse(text, n_bytes, &s);
    if (!err) {
        err = statement_verify(&s, text, &v);
    }
    return err ? err : release_read(&s, out);
}

static enum fota_err read_channel(const uint8_t *text, size_t n_bytes, struct trust *channel,
                                  struct trust *release, struct offer *out)
{
    if (channel->n_keys != 0 && release->n_keys != 0) {
        return offer_read(text, n_bytes, channel, release, out);
    }
    struct statement s;
    const struct statement_verifier v = {accept, NULL};
    enum fota_err err = channel_parse(text, n_bytes, &s, &out->release_text);
    if (!err) {
        err = statement_verify(&s, text, &v);
    }
    if (!err) {
        err = channel_read(&s, &out->channel);
    }
    struct crypto_sha256 sha;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    if (!err) {
        crypto_sha256_init(&sha);
        crypto_sha256_update(&sha, out->release_text.at, out->release_text.n_bytes);
        crypto_sha256_final(&sha, hash);
        err = memcmp(hash, out->channel.release_sha256, sizeof hash) == 0 ? FOTA_OK : E_STATEMENT_MISMATCH;
    }
    return err ? err
               : read_release((const uint8_t *)out->release_text.at, out->release_text.n_bytes, release,
                              &out->release);
}

/* --hw and --counter-min for a release. */
static enum cli_exit check_release(struct cli *cli, const char *path, const struct cli_values *v,
                                   const struct release *r)
{
    const char *hw = v->option[OPT_HW].text;
    if (hw && !statement_is(&r->hw, hw)) {
        return cli_fail(cli, E_STATEMENT_PRODUCT, "%s is refused: it is for hardware %.*s, not %s", path,
                        (int)r->hw.n_bytes, r->hw.at, hw);
    }
    if (r->security_counter < v->option[OPT_COUNTER_MIN].number) {
        return cli_fail(cli, E_STATEMENT_COUNTER, "%s is refused: its security counter %u is lower than %u",
                        path, (unsigned)r->security_counter, (unsigned)v->option[OPT_COUNTER_MIN].number);
    }
    return CLI_OK;
}

static enum cli_exit inspect_release(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                                     const struct cli_values *v, const struct keyring *ring)
{
    struct trust trust = release_trust(ring);
    struct release release;
    enum fota_err err = read_release(bytes, n_bytes, &trust, &release);
    if (err) {
        return refuse(cli, path, err);
    }
    const enum cli_exit result = check_release(cli, path, v, &release);
    if (result != CLI_OK) {
        return result;
    }
    struct page p = page_begin(cli, path, "release statement");
    page_release(&p, &release);
    page_signature(&p, "signature", trust.accepted);
    page_end(&p);
    return CLI_OK;
}

static enum cli_exit inspect_channel(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                                     const struct cli_values *v, const struct keyring *ring)
{
    struct trust channel_keys = channel_trust(ring);
    struct trust release_keys = release_trust(ring);
    struct offer offer;
    enum fota_err err = read_channel(bytes, n_bytes, &channel_keys, &release_keys, &offer);
    if (err) {
        return refuse(cli, path, err);
    }
    const enum cli_exit result = check_release(cli, path, v, &offer.release);
    if (result != CLI_OK) {
        return result;
    }
    const struct channel *c = &offer.channel;
    struct page p = page_begin(cli, path, "channel statement");
    page_span(&p, "channel", &c->name);
    page_number(&p, "seq", c->seq);
    page_time(&p, "issued", c->issued_s);
    page_time(&p, "expires", c->expires_s);
    page_number(&p, "root", c->root);
    page_time(&p, "rollout_start", c->rollout_start_s);
    page_number(&p, "rollout_ramp", c->rollout_ramp_s);
    page_number(&p, "rollout_max", c->rollout_max_pct);
    page_number(&p, "halt", c->is_halted ? 1 : 0);
    page_number(&p, "retry", c->retry);
    if (c->has_loader) {
        page_hash(&p, "loader", c->loader_sha256);
    } else {
        page_text(&p, "loader", "-");
    }
    page_number(&p, "poll", c->poll_s);
    page_signature(&p, "channel_signature", channel_keys.accepted);
    page_release(&p, &offer.release);
    page_signature(&p, "release_signature", release_keys.accepted);
    page_end(&p);
    return CLI_OK;
}

/* Only image keys sign loaders. */
static struct trust loader_trust(const struct keyring *ring)
{
    struct trust t = {.n_keys = 0};
    for (size_t i = 0; i < ring->n_image; i++) {
        t.key[t.n_keys++] = &ring->image[i];
    }
    return t;
}

static enum fota_err read_loader(const uint8_t *text, size_t n_bytes, struct trust *trust, const char *hw,
                                 struct loader_release *out)
{
    struct statement s;
    const struct statement_verifier v =
        trust->n_keys != 0 ? trust_verifier(trust) : (struct statement_verifier){accept, NULL};
    enum fota_err err = loader_parse(text, n_bytes, &s);
    if (!err) {
        err = statement_verify(&s, text, &v);
    }
    return err ? err : loader_read(&s, hw, out);
}

static enum cli_exit inspect_loader(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                                    const struct cli_values *v, const struct keyring *ring)
{
    struct trust trust = loader_trust(ring);
    struct loader_release l;
    const char *hw = v->option[OPT_HW].text;
    const uint32_t counter_min = v->option[OPT_COUNTER_MIN].number;
    enum fota_err err = read_loader(bytes, n_bytes, &trust, hw, &l);
    if (err == E_STATEMENT_PRODUCT) {
        return cli_fail(cli, err, "%s is refused: it is for other hardware than %s", path, hw);
    }
    if (err) {
        return refuse(cli, path, err);
    }
    if (l.security_counter < counter_min) {
        return cli_fail(cli, E_STATEMENT_COUNTER, "%s is refused: its security counter %u is lower than %u",
                        path, (unsigned)l.security_counter, (unsigned)counter_min);
    }
    struct page p = page_begin(cli, path, "loader statement");
    page_span(&p, "hw", &l.hw);
    page_version(&p, "version", l.version);
    page_number(&p, "security_counter", l.security_counter);
    page_number(&p, "size", l.image_bytes);
    page_hash(&p, "sha256", l.sha256);
    page_hash(&p, "hash", l.hash);
    page_span(&p, "blob", &l.blob);
    page_version(&p, "boot_min", l.boot_min);
    page_span(&p, "notes", &l.notes);
    page_signature(&p, "signature", trust.accepted);
    page_end(&p);
    return CLI_OK;
}

static enum cli_exit inspect_key(struct cli *cli, const char *path, bool is_private)
{
    struct key key;
    char id[2 * STATEMENT_KEY_ID_BYTES + 1];
    const enum cli_exit result =
        is_private ? cli_key_private(cli, path, &key) : cli_key_public(cli, path, &key);
    if (result != CLI_OK) {
        return result;
    }
    cli_key_id_text(&key, id);
    struct page p = page_begin(cli, path, is_private ? "private key" : "public key");
    page_text(&p, "key_id", id);
    page_hash(&p, "key_hash", key.spki_sha256);
    page_end(&p);
    key_forget(&key);
    return CLI_OK;
}

static bool begins_with(const uint8_t *bytes, size_t n_bytes, const char *text)
{
    const size_t n = strlen(text);
    return n_bytes >= n && memcmp(bytes, text, n) == 0;
}

static bool holds(const uint8_t *bytes, size_t n_bytes, const char *text)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (begins_with(bytes + i, n_bytes - i, text)) {
            return true;
        }
    }
    return false;
}

/* The kind is told by the first bytes; what is nothing else is judged as an image. */
static enum cli_exit inspect(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                             const struct cli_values *v, const struct keyring *ring)
{
    if (begins_with(bytes, n_bytes, "fota-release=")) {
        return inspect_release(cli, path, bytes, n_bytes, v, ring);
    }
    if (begins_with(bytes, n_bytes, "fota-channel=")) {
        return inspect_channel(cli, path, bytes, n_bytes, v, ring);
    }
    if (begins_with(bytes, n_bytes, "fota-loader=")) {
        return inspect_loader(cli, path, bytes, n_bytes, v, ring);
    }
    if (begins_with(bytes, n_bytes, "-----BEGIN ")) {
        return inspect_key(cli, path, holds(bytes, n_bytes, "PRIVATE KEY-----"));
    }
    return inspect_image(cli, path, bytes, n_bytes, v, ring);
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    struct cli_values v;
    struct keyring ring;
    bool is_done = false;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &v, &is_done);
    if (is_done) {
        return result;
    }
    if (v.n_positionals != 1) {
        return cli_usage(cli, self, "give exactly one file to inspect");
    }
    const char *slot = v.option[OPT_SLOT].text;
    if (slot && image_place_of(slot) == IMAGE_ANYWHERE) {
        return cli_usage(cli, self, "--slot is a, b or loader, not '%s'", slot);
    }
    if (v.option[OPT_HW].text) {
        result = cli_check_hw(cli, self, v.option[OPT_HW].text);
        if (result != CLI_OK) {
            return result;
        }
    }
    result = read_keys(cli, self, &v, &ring);
    if (result != CLI_OK) {
        return result;
    }
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    result = cli_file(cli, v.positional[0], CLI_IMAGE_MAX_BYTES, &bytes, &n_bytes);
    if (result == CLI_OK) {
        result = inspect(cli, v.positional[0], bytes, n_bytes, &v, &ring);
        free(bytes);
    }
    return result;
}

const struct cli_command cli_cmd_inspect = {
    .name = "inspect",
    .summary = "show and verify an image, statement or key",
    .arguments = "[--keys DIR | --key FILE] [--slot a|b|loader] [--hw ID] [--counter-min N] FILE",
    .details = "Says what a file is and what it holds. With keys it verifies signatures with the code of the "
               "bootloader and\n"
               "exits 1 with the reason if the file is to be refused; without keys it checks everything but "
               "signatures.\n\n"
               "  fota inspect --keys keys --slot a --hw f407-disco app_a.img\n",
    .options = OPTIONS,
    .run = run,
};
