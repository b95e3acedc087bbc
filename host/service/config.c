#include "service/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 32, HW_MAX_BYTES = 15, PREFIX_MAX_BYTES = 128 };

enum kind { TEXT, NAME, PREFIX, PATH, URL, NUMBER, CHOICE, ACTIVATE };

/* One key of the file. */
struct key {
    const char *section, *name;
    enum kind kind;
    size_t at;                  /* offset in struct service_config: const char * or uint32_t */
    uint32_t min, max;          /* NUMBER: values; NAME: max is the most characters */
    const char *const *choices; /* CHOICE: words for 0, 1, ..., NULL ends */
    const uint32_t *values;     /* CHOICE: what they mean, if not 0, 1, ... */
    const char *fallback;       /* NULL: none */
    const char *example;        /* what to write */
    bool is_required;
};

static const char *const TARGETS[] = {"spidev", "twin", NULL};
static const char *const ADDRESSINGS[] = {"auto", "vhost", "path", NULL};
static const char *const AUTHS[] = {"auto", "none", NULL};
static const char *const PACES[] = {"real", "fast", NULL};
static const char *const REBUILDS[] = {"never", "kit", NULL};
static const char *const RELAYS[] = {"low", "high", NULL};
static const char *const LEVELS[] = {"error", "warning", "notice", "info", "debug", NULL};
static const uint32_t LEVEL_VALUES[] = {SERVICE_ERROR, SERVICE_WARNING, SERVICE_NOTICE, SERVICE_INFO,
                                        SERVICE_DEBUG};

#define AT(field) offsetof(struct service_config, field)

/* clang-format off */
static const struct key KEYS[] = {
    {.section = "device", .name = "name", .kind = NAME, .at = AT(name), .max = NAME_MAX_BYTES,
     .example = "pump-17", .is_required = true},
    {.section = "device", .name = "product", .kind = NAME, .at = AT(product), .max = NAME_MAX_BYTES,
     .example = "demo", .is_required = true},
    {.section = "device", .name = "hw", .kind = NAME, .at = AT(hw), .max = HW_MAX_BYTES, .example = "f407-disco",
     .is_required = true},
    {.section = "device", .name = "channel", .kind = NAME, .at = AT(channel), .max = NAME_MAX_BYTES,
     .fallback = "stable", .example = "stable"},
    {.section = "device", .name = "keys", .kind = PATH, .at = AT(keys), .fallback = "/etc/fota/keys",
     .example = "/etc/fota/keys"},
    {.section = "s3", .name = "endpoint", .kind = URL, .at = AT(endpoint), .example = "https://s3.example.com"},
    {.section = "s3", .name = "region", .kind = NAME, .at = AT(region), .max = 31, .example = "eu-central-1"},
    {.section = "s3", .name = "bucket", .kind = NAME, .at = AT(bucket), .max = 63, .example = "fota-releases",
     .is_required = true},
    {.section = "s3", .name = "prefix", .kind = PREFIX, .at = AT(prefix), .example = "fleet/eu"},
    {.section = "s3", .name = "report-bucket", .kind = NAME, .at = AT(report_bucket), .max = 63,
     .example = "fota-reports"},
    {.section = "s3", .name = "ca-file", .kind = PATH, .at = AT(ca_file), .example = "/etc/fota/ca.pem"},
    {.section = "s3", .name = "proxy", .kind = TEXT, .at = AT(proxy), .max = 255,
     .example = "http://10.0.0.1:3128"},
    {.section = "s3", .name = "profile", .kind = NAME, .at = AT(profile), .max = 64, .example = "fota"},
    {.section = "s3", .name = "addressing", .kind = CHOICE, .at = AT(addressing), .choices = ADDRESSINGS,
     .fallback = "auto", .example = "vhost"},
    {.section = "s3", .name = "auth", .kind = CHOICE, .at = AT(auth), .choices = AUTHS, .fallback = "auto",
     .example = "auto"},
    {.section = "wires", .name = "target", .kind = CHOICE, .at = AT(target), .choices = TARGETS,
     .example = "spidev", .is_required = true},
    {.section = "wires", .name = "spi", .kind = PATH, .at = AT(spi), .fallback = "/dev/spidev0.0",
     .example = "/dev/spidev0.0"},
    {.section = "wires", .name = "gpio", .kind = PATH, .at = AT(gpio), .fallback = "/dev/gpiochip0",
     .example = "/dev/gpiochip0"},
    {.section = "wires", .name = "nss", .kind = NUMBER, .at = AT(nss), .max = 511, .fallback = "8", .example = "8"},
    {.section = "wires", .name = "nrst", .kind = NUMBER, .at = AT(nrst), .max = 511, .fallback = "25",
     .example = "25"},
    {.section = "wires", .name = "boot0", .kind = NUMBER, .at = AT(boot0), .max = 511, .fallback = "24",
     .example = "24"},
    {.section = "wires", .name = "clock", .kind = NUMBER, .at = AT(clock_hz), .min = 100000, .max = 10000000,
     .fallback = "4000000", .example = "4000000"},
    {.section = "twin", .name = "bootloader", .kind = PATH, .at = AT(bootloader),
     .example = "build/f407/bootloader/bootloader.elf"},
    {.section = "twin", .name = "loader", .kind = PATH, .at = AT(loader), .example = "build/f407/loader/loader.img"},
    {.section = "twin", .name = "factory", .kind = PATH, .at = AT(factory), .example = "demo-1.0.0-a.img"},
    {.section = "twin", .name = "flash", .kind = PATH, .at = AT(flash), .example = "board.flash"},
    {.section = "twin", .name = "pace", .kind = CHOICE, .at = AT(pace), .choices = PACES, .fallback = "real",
     .example = "real"},
    {.section = "service", .name = "state", .kind = PATH, .at = AT(state),
     .fallback = "/var/lib/fota/gateway.state", .example = "/var/lib/fota/gateway.state"},
    {.section = "service", .name = "stage", .kind = PATH, .at = AT(stage), .fallback = "/var/lib/fota/stage",
     .example = "/var/lib/fota/stage"},
    {.section = "service", .name = "metrics", .kind = PATH, .at = AT(metrics),
     .example = "/var/lib/prometheus/node-exporter/fota.prom"},
    {.section = "service", .name = "http", .kind = TEXT, .at = AT(http), .max = 63, .example = "127.0.0.1:8407"},
    {.section = "service", .name = "http-token-file", .kind = PATH, .at = AT(http_token_file),
     .example = "/etc/fota/http-token"},
    {.section = "service", .name = "poll", .kind = NUMBER, .at = AT(poll_s), .min = 30, .max = 604800,
     .example = "3600"},
    {.section = "service", .name = "log", .kind = CHOICE, .at = AT(log), .choices = LEVELS, .values = LEVEL_VALUES,
     .fallback = "info", .example = "info"},
    {.section = "service", .name = "rebuild", .kind = CHOICE, .at = AT(rebuild), .choices = REBUILDS,
     .fallback = "never", .example = "kit"},
    {.section = "service", .name = "activate", .kind = ACTIVATE, .at = AT(activate), .example = "window 02-05"},
    {.section = "hil", .name = "base", .kind = PATH, .at = AT(base), .example = "base.tar"},
    {.section = "hil", .name = "next", .kind = PATH, .at = AT(next), .example = "next.tar"},
    {.section = "hil", .name = "bad", .kind = PATH, .at = AT(bad), .example = "bad.tar"},
    {.section = "hil", .name = "bootloader", .kind = PATH, .at = AT(hil_bootloader), .example = "bootloader.elf"},
    {.section = "hil", .name = "loader", .kind = PATH, .at = AT(hil_loader), .example = "loader.img"},
    {.section = "hil", .name = "image", .kind = PATH, .at = AT(hil_image), .example = "demo-1.0.0-a.img"},
    {.section = "hil", .name = "relay", .kind = NUMBER, .at = AT(relay), .min = 1, .max = 511, .example = "23"},
    {.section = "hil", .name = "relay-on", .kind = CHOICE, .at = AT(relay_on), .choices = RELAYS, .fallback = "low",
     .example = "low"},
    {.section = "hil", .name = "off-ms", .kind = NUMBER, .at = AT(off_ms), .min = 10, .max = 60000,
     .fallback = "1000", .example = "1000"},
    {.section = "hil", .name = "noise-clock", .kind = NUMBER, .at = AT(noise_hz), .min = 100000, .max = 50000000,
     .example = "12000000"},
    {.section = "hil", .name = "noise", .kind = PATH, .at = AT(noise), .example = "/usr/local/bin/noise"},
    {.section = "hil", .name = "rounds", .kind = NUMBER, .at = AT(rounds), .min = 0, .max = 10000, .fallback = "5",
     .example = "5"},
    {.section = "hil", .name = "seed", .kind = NUMBER, .at = AT(seed), .min = 1, .max = 1000000000, .fallback = "1",
     .example = "1"},
};
/* clang-format on */

enum { N_KEYS = sizeof KEYS / sizeof KEYS[0] };

/* A reading under way. */
struct reading {
    const char *name;
    unsigned line;
    struct service_config *out;
    struct service_problems *problems;
    const char *section; /* NULL: none yet, or one that is not known */
    bool is_unknown_section;
    unsigned seen[N_KEYS]; /* line of each key, 0: not there */
};

FOTA_PRINTF(3, 4)
static void tell(struct reading *r, unsigned line, const char *format, ...)
{
    char sentence[SERVICE_PROBLEM_BYTES];
    int n = line ? snprintf(sentence, sizeof sentence, "%s:%u: ", r->name, line)
                 : snprintf(sentence, sizeof sentence, "%s: ", r->name);
    size_t at = n < 0 ? 0 : (size_t)n < sizeof sentence ? (size_t)n : sizeof sentence - 1;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence + at, sizeof sentence - at, format, args);
    va_end(args);
    r->problems->n++;
    if (r->problems->tell) {
        r->problems->tell(r->problems->ctx, sentence);
    }
}

/* --- values ------------------------------------------------------------------------------------------ */

static const char **text_at(struct service_config *c, size_t at)
{
    return (const char **)(void *)((char *)c + at);
}

static uint32_t *number_at(struct service_config *c, size_t at)
{
    return (uint32_t *)(void *)((char *)c + at);
}

static bool read_number(const char *text, uint32_t *out)
{
    size_t n = strlen(text);
    if (n == 0 || n > 9 || strspn(text, "0123456789") != n) {
        return false;
    }
    *out = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

static bool is_name(const char *text, uint32_t max)
{
    size_t n = strlen(text);
    return n <= max &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n &&
           isalnum((unsigned char)text[0]);
}

bool service_is_prefix(const char *text)
{
    size_t n_segment = 0;
    for (const char *at = text; *at != '\0'; at++) {
        const bool is_slash = *at == '/';
        if (is_slash ? n_segment == 0 : !isalnum((unsigned char)*at) && !strchr("-_.", *at)) {
            return false;
        }
        if (n_segment == 0 && *at == '.') { /* "..", which clients of HTTP take away */
            return false;
        }
        n_segment = is_slash ? 0 : n_segment + 1;
    }
    return n_segment > 0 && strlen(text) <= PREFIX_MAX_BYTES;
}

static bool is_url(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : "";
    return host[0] != '\0' && strlen(text) < 256 && !strpbrk(host, " /");
}

static bool read_window(const char *text, struct service_config *c)
{
    unsigned from = 24, to = 24;
    char more = '\0';
    if (sscanf(text, "%2u-%2u%c", &from, &to, &more) != 2 || from > 23 || to > 24) {
        return false;
    }
    c->window_from = from;
    c->window_to = to % 24U;
    return true;
}

static bool read_activate(const char *text, struct service_config *c)
{
    if (strcmp(text, "now") == 0 || strcmp(text, "idle") == 0) {
        c->activate = text[0] == 'n' ? SERVICE_ACTIVATE_NOW : SERVICE_ACTIVATE_IDLE;
        return true;
    }
    if (strncmp(text, "window ", 7) == 0) {
        c->activate = SERVICE_ACTIVATE_WINDOW;
        return read_window(text + 7, c);
    }
    if (strncmp(text, "ask ", 4) == 0 && text[4] == '/') {
        c->activate = SERVICE_ACTIVATE_ASK;
        c->ask = text + 4;
        return true;
    }
    return false;
}

static void list_choices(const struct key *k, char *out, size_t n_bytes)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; k->choices[i] && at < n_bytes; i++) {
        int n = snprintf(out + at, n_bytes - at, "%s%s",
                         i == 0              ? ""
                         : k->choices[i + 1] ? ", "
                                             : " or ",
                         k->choices[i]);
        at += n > 0 ? (size_t)n : 0;
    }
}

static bool read_choice(const struct key *k, const char *text, uint32_t *out)
{
    for (uint32_t i = 0; k->choices[i]; i++) {
        if (strcmp(text, k->choices[i]) == 0) {
            *out = k->values ? k->values[i] : i;
            return true;
        }
    }
    return false;
}

/* Store a value. @return what is wrong with it, "" if nothing */
static const char *store(struct service_config *c, const struct key *k, const char *value, char *buffer,
                         size_t n_buffer)
{
    uint32_t number = 0;
    bool is_right = true;
    switch (k->kind) {
    case NUMBER:
        is_right = read_number(value, &number) && number >= k->min && number <= k->max;
        *number_at(c, k->at) = number;
        (void)snprintf(buffer, n_buffer, "this is not a number from %u to %u", (unsigned)k->min,
                       (unsigned)k->max);
        break;
    case CHOICE:
        is_right = read_choice(k, value, number_at(c, k->at));
        (void)snprintf(buffer, n_buffer, "this is not ");
        list_choices(k, buffer + strlen(buffer), n_buffer - strlen(buffer));
        break;
    case ACTIVATE:
        is_right = read_activate(value, c);
        (void)snprintf(buffer, n_buffer, "this is not now, idle, window HH-HH or ask /path/to/command");
        break;
    case NAME:
        is_right = is_name(value, k->max);
        (void)snprintf(buffer, n_buffer,
                       "a name has 1 to %u letters, digits, - _ and . and begins with a letter or digit",
                       (unsigned)k->max);
        *text_at(c, k->at) = value;
        break;
    case PREFIX:
        is_right = service_is_prefix(value);
        (void)snprintf(buffer, n_buffer,
                       "a folder of a bucket has no slash at its ends, and names between them");
        *text_at(c, k->at) = value;
        break;
    case URL:
        is_right = is_url(value);
        (void)snprintf(buffer, n_buffer, "this is not http:// or https:// with a host and no path");
        *text_at(c, k->at) = value;
        break;
    default:
        is_right = value[0] != '\0' && (k->max == 0 || strlen(value) <= k->max);
        (void)snprintf(buffer, n_buffer, "this is empty or too long");
        *text_at(c, k->at) = value;
        break;
    }
    return is_right ? "" : buffer;
}

/* --- lines ------------------------------------------------------------------------------------------- */

static char *trimmed(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    for (size_t n = strlen(text); n > 0 && strchr(" \t\r", text[n - 1]); n--) {
        text[n - 1] = '\0';
    }
    return text;
}

static const struct key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(KEYS[i].section, section) == 0 && (!name || strcmp(KEYS[i].name, name) == 0)) {
            return &KEYS[i];
        }
    }
    return NULL;
}

static const char *section_of(const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(KEYS[i].name, name) == 0) {
            return KEYS[i].section;
        }
    }
    return NULL;
}

static void take_section(struct reading *r, char *line)
{
    size_t n = strlen(line);
    r->section = NULL;
    r->is_unknown_section = true;
    if (line[n - 1] != ']') {
        tell(r, r->line,
             "%s: the bracket is not closed; write [device], [s3], [wires], [twin], [service] or [hil]",
             line);
        return;
    }
    line[n - 1] = '\0';
    const struct key *first = find_key(line + 1, NULL);
    if (!first) {
        tell(r, r->line, "[%s] is no section; write [device], [s3], [wires], [twin], [service] or [hil]",
             line + 1);
        return;
    }
    r->section = first->section;
    r->is_unknown_section = false;
}

static void unknown_key(struct reading *r, const char *name)
{
    char names[200] = "";
    const char *other = section_of(name);
    if (other) {
        tell(r, r->line, "%s belongs to [%s], not to [%s]; move this line there", name, other, r->section);
        return;
    }
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(KEYS[i].section, r->section) == 0) {
            size_t at = strlen(names);
            (void)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", KEYS[i].name);
        }
    }
    tell(r, r->line, "[%s] has no %s; write one of %s", r->section, name, names);
}

static void take_pair(struct reading *r, char *line)
{
    char buffer[160];
    char *equals = strchr(line, '=');
    if (!equals) {
        tell(r, r->line, "'%s' is no line of a configuration; write key = value, [section] or # comment",
             line);
        return;
    }
    *equals = '\0';
    const char *name = trimmed(line);
    const char *value = trimmed(equals + 1);
    if (!r->section) {
        if (!r->is_unknown_section) {
            tell(r, r->line, "%s stands before any section; write [%s] above it", name,
                 section_of(name) ? section_of(name) : "device");
        }
        return;
    }
    const struct key *k = find_key(r->section, name);
    if (!k) {
        unknown_key(r, name);
        return;
    }
    unsigned *seen = &r->seen[k - KEYS];
    if (*seen) {
        tell(r, r->line, "%s was given in line %u already; remove one of them", name, *seen);
        return;
    }
    *seen = r->line;
    const char *wrong = store(r->out, k, value, buffer, sizeof buffer);
    if (wrong[0]) {
        tell(r, r->line, "%s = %s: %s; write %s = %s", name, value, wrong, name, k->example);
    }
}

static void take_line(struct reading *r, char *line)
{
    char *text = trimmed(line);
    if (text[0] == '\0' || text[0] == '#' || text[0] == ';') {
        return;
    }
    if (text[0] == '[') {
        take_section(r, text);
    } else {
        take_pair(r, text);
    }
}

/* --- the whole --------------------------------------------------------------------------------------- */

static void set_defaults(struct service_config *c)
{
    char buffer[160];
    for (size_t i = 0; i < N_KEYS; i++) {
        if (KEYS[i].fallback) {
            (void)store(c, &KEYS[i], KEYS[i].fallback, buffer, sizeof buffer);
        }
    }
}

/* A bench takes its releases from files. */
static bool is_needed(const struct reading *r, const struct key *k)
{
    return k->is_required && (!r->out->base || strcmp(k->section, "s3") != 0);
}

static void check_missing(struct reading *r)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (is_needed(r, &KEYS[i]) && !r->seen[i]) {
            tell(r, 0, "[%s] %s is missing; write %s = %s", KEYS[i].section, KEYS[i].name, KEYS[i].name,
                 KEYS[i].example);
        }
    }
}

static void check_together(struct reading *r)
{
    const struct service_config *c = r->out;
    if (c->target == SERVICE_TWIN && !c->bootloader && (c->factory || !c->flash)) {
        tell(r, 0, "[twin] bootloader is missing; write bootloader = build/f407/bootloader/bootloader.elf");
    }
    if (c->target == SERVICE_TWIN && !c->factory && !c->flash) {
        tell(r, 0,
             "[twin] needs a board: write factory = demo-1.0.0-a.img for a new one, or flash = board.flash");
    }
    if (c->target == SERVICE_TWIN && !c->factory != !c->loader) {
        tell(r, 0,
             "[twin] a new board takes both factory and loader; write loader = build/f407/loader/loader.img");
    }
    if (c->target == SERVICE_SPIDEV && (c->nss == c->nrst || c->nss == c->boot0 || c->nrst == c->boot0)) {
        tell(r, 0, "[wires] nss, nrst and boot0 are three lines; write nss = 8, nrst = 25 and boot0 = 24");
    }
    if (!c->base && (c->next || c->bad)) {
        tell(r, 0, "[hil] base is missing; write base = base.tar");
    }
    if (!c->endpoint && !c->region && !c->base) {
        tell(r, 0,
             "[s3] endpoint or region is missing; write region = eu-central-1 for AWS, or "
             "endpoint = https://s3.example.com");
    }
}

enum fota_err service_config_read(const char *name, const char *text, size_t n_bytes,
                                  struct service_config *out, struct service_problems *problems)
{
    struct reading r = {.name = name, .out = out, .problems = problems};
    memset(out, 0, sizeof *out);
    if (n_bytes > SERVICE_CONFIG_MAX_BYTES || memchr(text, '\0', n_bytes)) {
        tell(&r, 0, "this is no configuration: it has more than %d bytes, or a byte 0; see docs/gateway.conf",
             SERVICE_CONFIG_MAX_BYTES);
        return E_ARG;
    }
    memcpy(out->text, text, n_bytes);
    out->text[n_bytes] = '\0';
    set_defaults(out);
    char *rest = out->text;
    while (rest) {
        char *line = rest;
        rest = strchr(rest, '\n');
        if (rest) {
            *rest++ = '\0';
        }
        r.line++;
        take_line(&r, line);
    }
    check_missing(&r);
    if (problems->n == 0) {
        check_together(&r);
    }
    return problems->n == 0 ? FOTA_OK : E_ARG;
}
