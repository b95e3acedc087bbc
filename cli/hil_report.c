/* A report of a bench, fit to be sent in an issue: nothing in it is secret. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "fota_version.h"
#include "hil.h"
#include "option_bytes.h"
#include "release/file.h"

enum { REPORT_MAX_BYTES = 65536, MODEL_BYTES = 80, MS_PER_S = 1000 };

static const char *const RESULTS[] = {
    [HIL_SKIPPED] = "skipped", [HIL_PASSED] = "passed", [HIL_FAILED] = "failed"};

/* What it says of itself on device-tree machines, e.g. "Raspberry Pi 4 Model B Rev 1.4"; "" elsewhere. */
static void read_model(char out[MODEL_BYTES])
{
    FILE *f = fopen("/proc/device-tree/model", "r");
    size_t n = f ? fread(out, 1, MODEL_BYTES - 1, f) : 0;
    out[n] = '\0';
    if (f) {
        (void)fclose(f); /* it was only read */
    }
}

static void host_text(char *out, size_t n_bytes)
{
    struct utsname u;
    char model[MODEL_BYTES];
    read_model(model);
    if (uname(&u) != 0) {
        memset(&u, 0, sizeof u);
    }
    (void)snprintf(out, n_bytes, "%s %s %s%s%s", u.sysname, u.release, u.machine, model[0] ? ", " : "",
                   model);
}

static void time_text(uint64_t time_s, char out[24])
{
    time_t t = (time_t)time_s;
    struct tm utc;
    if (!gmtime_r(&t, &utc) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        (void)snprintf(out, 24, "unknown");
    }
}

static const char *target_text(const struct service_config *c)
{
    return c->target == SERVICE_TWIN ? "twin" : "spidev";
}

/* --- text -------------------------------------------------------------------------------------------- */

static void board_text(const struct hil *h, FILE *out)
{
    const struct boot_info *b = &h->info.boot;
    char root[16];
    char loader[16];
    char options[128];
    if (!h->is_found) {
        (void)fprintf(out, "board     did not answer\n");
        return;
    }
    cli_version_text(b->bootloader_version, root);
    cli_version_text(b->loader_version, loader);
    option_bytes_text(h->service.layout, b->option_bytes, options, sizeof options);
    (void)fprintf(out, "board     %.*s, root %s, loader %s\n", (int)sizeof b->hw_id, b->hw_id, root, loader);
    (void)fprintf(out, "options   %s\n", options);
}

static void config_text(const struct service_config *c, FILE *out)
{
    (void)fprintf(out, "target    %s", target_text(c));
    if (c->target == SERVICE_SPIDEV) {
        (void)fprintf(out, ", %s, %s, NSS %u, NRST %u, BOOT0 %u, at most %u Hz, relay %u (%s is on)", c->spi,
                      c->gpio, (unsigned)c->nss, (unsigned)c->nrst, (unsigned)c->boot0, (unsigned)c->clock_hz,
                      (unsigned)c->relay, c->relay_on == SERVICE_RELAY_ON_HIGH ? "high" : "low");
    }
    (void)fprintf(out, "\nseed      %u, %u rounds, power off for %u ms, noise-clock %u Hz\n",
                  (unsigned)c->seed, (unsigned)c->rounds, (unsigned)c->off_ms, (unsigned)c->noise_hz);
}

void hil_report_text(const struct hil *h, FILE *out)
{
    char text[256];
    time_text(h->begun_s, text);
    (void)fprintf(out, "fota hil  %s, %s\n", FOTA_VERSION, text);
    host_text(text, sizeof text);
    (void)fprintf(out, "host      %s\n", text);
    board_text(h, out);
    config_text(&h->service.config, out);
    (void)fprintf(out, "\n%-13s %-8s %9s %9s  %s\n", "step", "result", "s", "twin s", "");
    for (unsigned i = 0; i < h->n_steps; i++) {
        const struct hil_step *s = &h->step[i];
        char twin[24] = "-";
        if (s->twin_ms) {
            (void)snprintf(twin, sizeof twin, "%" PRIu64 ".%03u", s->twin_ms / MS_PER_S,
                           (unsigned)(s->twin_ms % MS_PER_S));
        }
        (void)fprintf(out, "%-13s %-8s %5" PRIu64 ".%03u %9s  %s\n", s->name, RESULTS[s->result],
                      s->ms / MS_PER_S, (unsigned)(s->ms % MS_PER_S), twin,
                      s->reason[0] ? s->reason : s->what);
    }
    (void)fprintf(out, "\n%u passed, %u failed, %u skipped\n", hil_count(h, HIL_PASSED),
                  hil_count(h, HIL_FAILED), hil_count(h, HIL_SKIPPED));
}

/* --- JSON -------------------------------------------------------------------------------------------- */

static void config_json(struct cli_json *j, const struct service_config *c)
{
    cli_json_open(j, "config", '{');
    cli_json_text(j, "product", c->product);
    cli_json_text(j, "hw", c->hw);
    cli_json_text(j, "target", target_text(c));
    if (c->target == SERVICE_SPIDEV) {
        cli_json_text(j, "spi", c->spi);
        cli_json_text(j, "gpio", c->gpio);
        cli_json_number(j, "nss", c->nss);
        cli_json_number(j, "nrst", c->nrst);
        cli_json_number(j, "boot0", c->boot0);
        cli_json_number(j, "clock", c->clock_hz);
        cli_json_number(j, "relay", c->relay);
    }
    cli_json_number(j, "off-ms", c->off_ms);
    cli_json_number(j, "noise-clock", c->noise_hz);
    cli_json_number(j, "rounds", c->rounds);
    cli_json_number(j, "seed", c->seed);
    cli_json_close(j, '}');
}

static void board_json(struct cli_json *j, const struct hil *h)
{
    const struct boot_info *b = &h->info.boot;
    char version[16];
    cli_json_open(j, "board", '{');
    if (h->is_found) {
        cli_json_bytes(j, "hw", b->hw_id, strnlen(b->hw_id, sizeof b->hw_id));
        cli_version_text(b->bootloader_version, version);
        cli_json_text(j, "root", version);
        cli_version_text(b->loader_version, version);
        cli_json_text(j, "loader", version);
        option_bytes_json(j, h->service.layout, b->option_bytes);
    }
    cli_json_close(j, '}');
}

static void step_json(struct cli_json *j, const struct hil_step *s)
{
    cli_json_open(j, NULL, '{');
    cli_json_text(j, "name", s->name);
    cli_json_text(j, "result", RESULTS[s->result]);
    cli_json_number(j, "ms", s->ms);
    if (s->twin_ms) {
        cli_json_number(j, "twin-ms", s->twin_ms);
    }
    cli_json_text(j, "what", s->what);
    cli_json_text(j, "reason", s->reason);
    cli_json_close(j, '}');
}

void hil_report_json(const struct hil *h, FILE *out)
{
    struct cli_json j = {.out = out, .is_first = true};
    char text[256];
    cli_json_open(&j, NULL, '{');
    cli_json_number(&j, "fota-hil", 1);
    cli_json_flag(&j, "ok", hil_is_good(h));
    cli_json_text(&j, "version", FOTA_VERSION);
    time_text(h->begun_s, text);
    cli_json_text(&j, "time", text);
    host_text(text, sizeof text);
    cli_json_text(&j, "host", text);
    board_json(&j, h);
    config_json(&j, &h->service.config);
    cli_json_open(&j, "steps", '[');
    for (unsigned i = 0; i < h->n_steps; i++) {
        step_json(&j, &h->step[i]);
    }
    cli_json_close(&j, ']');
    cli_json_number(&j, "passed", hil_count(h, HIL_PASSED));
    cli_json_number(&j, "failed", hil_count(h, HIL_FAILED));
    cli_json_number(&j, "skipped", hil_count(h, HIL_SKIPPED));
    cli_json_close(&j, '}');
    (void)fputc('\n', out);
}

/* --- an earlier report ------------------------------------------------------------------------------- */

/* `"name": "update", "result": "passed", "ms": 4711`, as step_json writes it; a step that did not pass has no time. */
static uint64_t ms_of(const char *json, const char *name)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"name\": \"%s\", \"result\": \"passed\", \"ms\": ", name);
    const char *at = strstr(json, text);
    return at ? strtoull(at + strlen(text), NULL, 10) : 0;
}

enum fota_err hil_compare(struct hil *h, const char *path)
{
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    enum fota_err err = file_read(path, REPORT_MAX_BYTES, &text, &n_bytes, NULL);
    if (err) {
        return err;
    }
    text[n_bytes] = '\0'; /* file_read leaves room for it */
    if (memchr(text, '\0', n_bytes) || !strstr((const char *)text, "\"fota-hil\": 1")) {
        free(text);
        return E_ARG;
    }
    for (unsigned i = 0; i < h->n_steps; i++) {
        h->step[i].twin_ms = ms_of((const char *)text, h->step[i].name);
    }
    free(text);
    return FOTA_OK;
}
