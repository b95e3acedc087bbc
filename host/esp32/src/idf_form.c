#include "idf_form.h"

#include <stddef.h>
#include <string.h>

enum {
    PASSWORD = 1 /* its place in FIELDS */,
    PASSWORD_MIN_CHARS = 8,
    BUCKET_MIN_CHARS = 3,
    ESCAPED_BYTES = 3
};

/* --- what is right --------------------------------------------------------------------------------------------------- */

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static bool is_made_of(const char *text, const char *characters)
{
    return strspn(text, characters) == strlen(text);
}

static bool is_wifi_name(const char *v)
{
    for (const char *c = v; *c; c++) { /* UTF-8 is one, a control character is none */
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            return false;
        }
    }
    return v[0] != '\0';
}

static bool is_wifi_password(const char *v)
{
    for (const char *c = v; *c; c++) {
        if (*c < ' ' || *c > '~') {
            return false;
        }
    }
    return v[0] == '\0' || strlen(v) >= PASSWORD_MIN_CHARS;
}

static bool is_endpoint(const char *v)
{
    const char *at = strncmp(v, "https://", 8) == 0 ? v + 8 : strncmp(v, "http://", 7) == 0 ? v + 7 : "";
    const size_t n_host = strspn(at, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS ".-");
    const char *rest = at + n_host;
    return n_host > 0 && (rest[0] == '\0' || (rest[0] == ':' && rest[1] && is_made_of(rest + 1, DIGITS)));
}

static bool is_region(const char *v)
{
    return v[0] && is_made_of(v, LETTERS DIGITS "-");
}

static bool is_bucket(const char *v)
{
    const size_t n = strlen(v);
    return n >= BUCKET_MIN_CHARS && is_made_of(v, LETTERS DIGITS ".-") && !strchr(".-", v[0]) &&
           !strchr(".-", v[n - 1]);
}

/* As fota publish takes them (statement_is_name). */
static bool is_name(const char *v)
{
    return v[0] && !strchr("._-", v[0]) && is_made_of(v, LETTERS DIGITS "._-");
}

#define AT(field)                                                                                            \
    offsetof(struct fota_gateway_settings, field), sizeof((struct fota_gateway_settings *)0)->field

static const struct field {
    const char *name, *label, *hint;
    size_t off, n_bytes; /* in the struct; with the NUL */
    bool (*is_right)(const char *value);
    const char *wrong;
    bool is_kept_whole; /* blanks at its ends belong to it */
    const char *type;   /* of the input */
} FIELDS[IDF_FORM_FIELDS] = {
    {"wifi_name", "Wi-Fi name", "The network that the gateway joins, on 2.4 GHz.", AT(wifi_name),
     is_wifi_name, "Give the name of the network, 1 to 32 characters.", true, "text"},
    {"wifi_password", "Wi-Fi password", "It is not shown again.", AT(wifi_password), is_wifi_password,
     "Type the password, 8 to 63 letters, digits or signs; or tick that the network has none.", true,
     "password"},
    {"endpoint", "S3 endpoint", "For example https://s3.eu-central-1.amazonaws.com", AT(endpoint),
     is_endpoint,
     "Give https:// and a host name, or http://, a host and a port; no path after it, 127 characters at "
     "most.",
     false, "url"},
    {"region", "S3 region", "As in the endpoint's name; any for a server of your own.", AT(region), is_region,
     "Give a region such as eu-central-1: small letters, digits and dashes, 32 at most.", false, "text"},
    {"bucket", "S3 bucket", "Where the releases are.", AT(bucket), is_bucket,
     "Give the bucket's name: 3 to 63 small letters, digits, dots and dashes.", false, "text"},
    {"product", "Product", "As in fota publish --product.", AT(product), is_name,
     "Give the product as it was published: small letters, digits, dots, dashes and underscores, 32 at most.",
     false, "text"},
    {"channel", "Channel", "As in fota publish --channel, for example stable.", AT(channel), is_name,
     "Give the channel as it was published: small letters, digits, dots, dashes and underscores, 32 at most.",
     false, "text"},
};

static char *at(struct fota_gateway_settings *s, const struct field *f)
{
    return (char *)s + f->off;
}

static const char *value_of(const struct fota_gateway_settings *s, const struct field *f)
{
    return (const char *)s + f->off;
}

bool idf_form_is_right(const struct fota_gateway_settings *settings)
{
    for (unsigned i = 0; i < IDF_FORM_FIELDS; i++) {
        const char *value = value_of(settings, &FIELDS[i]);
        if (!memchr(value, '\0', FIELDS[i].n_bytes) || !FIELDS[i].is_right(value)) {
            return false;
        }
    }
    return true;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decode in place. @return false: an escape is none, or a NUL is in it */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        *to = *from == '+' ? ' ' : *from;
        if (*from == '%') {
            const int high = hex(from[1]);
            const int low = high < 0 ? -1 : hex(from[2]);
            if (low < 0 || high + low == 0) {
                return false;
            }
            *to = (char)(high << 4 | low);
            from += ESCAPED_BYTES - 1;
        }
    }
    *to = '\0';
    return true;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    for (size_t n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]); n--) {
        text[n - 1] = '\0';
    }
    return text;
}

static void take(struct idf_form *form, const char *name, char *value)
{
    const bool is_read = decode(value);
    for (unsigned i = 0; i < IDF_FORM_FIELDS; i++) {
        const struct field *f = &FIELDS[i];
        if (strcmp(name, f->name) == 0) {
            const char *text = f->is_kept_whole ? value : trim(value);
            const bool is_right = is_read && strlen(text) < f->n_bytes && f->is_right(text);
            form->wrong[i] = is_right ? NULL : f->wrong;
            (void)strncpy(at(&form->value, f), is_read ? text : "",
                          f->n_bytes - 1); /* a longer one is shown cut */
        }
    }
    form->is_open = form->is_open || strcmp(name, "wifi_open") == 0;
    if (strcmp(name, "stamp") == 0 && is_read && strlen(value) < sizeof form->stamp) {
        (void)strcpy(form->stamp, value);
    }
}

/* No password is an answer only if it was meant. One that is right must be typed again when something else is not. */
static void check_password(struct idf_form *form)
{
    const bool is_empty = form->value.wifi_password[0] == '\0';
    if (!form->wrong[PASSWORD] && is_empty != form->is_open) {
        form->wrong[PASSWORD] = FIELDS[PASSWORD].wrong;
    }
    for (unsigned i = 0; i < IDF_FORM_FIELDS; i++) {
        form->n_wrong += form->wrong[i] ? 1U : 0;
    }
    if (form->n_wrong > 0 && !form->wrong[PASSWORD] && !is_empty) {
        form->wrong[PASSWORD] = "Type the password again: it is kept only when all is right.";
    }
}

void idf_form_read(struct idf_form *form, char *body, size_t n_bytes)
{
    memset(form, 0, sizeof *form);
    for (unsigned i = 0; i < IDF_FORM_FIELDS; i++) { /* until it comes */
        form->wrong[i] = FIELDS[i].is_right("") ? NULL : FIELDS[i].wrong;
    }
    body[n_bytes] = '\0';
    for (char *pair = body, *next = body; next; pair = next) {
        next = strchr(pair, '&');
        if (next) {
            *next++ = '\0';
        }
        char *value = strchr(pair, '=');
        if (value) {
            *value++ = '\0';
            take(form, pair, value);
        }
    }
    check_password(form);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void put(const struct idf_form_out *out, const char *text)
{
    out->put(out->ctx, text, strlen(text));
}

/* As text between tags, or between quotes. */
static void put_text(const struct idf_form_out *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            put(out, "&amp;");
            break;
        case '<':
            put(out, "&lt;");
            break;
        case '>':
            put(out, "&gt;");
            break;
        case '"':
            put(out, "&quot;");
            break;
        default:
            out->put(out->ctx, text, 1);
            break;
        }
    }
}

static void put_all(const struct idf_form_out *out, const char *const *texts)
{
    for (; *texts; texts++) {
        put(out, *texts);
    }
}

static void begin_page(const struct idf_form_out *out)
{
    put(out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta name=\"color-scheme\" content=\"light dark\"><title>Set up the gateway</title>"
        "<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" "
        "href=\"/style.css\">"
        "</head><body><header><img src=\"/icon.svg\" alt=\"\" width=\"36\" height=\"36\"><div><h1>Set up the "
        "gateway</h1></div></header><main>");
}

static void end_page(const struct idf_form_out *out)
{
    put(out, "</main></body></html>");
}

static void put_field(const struct idf_form_out *out, const struct field *f, const char *value,
                      const char *wrong)
{
    const char *const input[] = {
        "<div class=\"field\"><label for=\"",
        f->name,
        "\">",
        f->label,
        "</label><input id=\"",
        f->name,
        "\" name=\"",
        f->name,
        "\" type=\"",
        f->type,
        "\" autocapitalize=\"none\" autocomplete=\"off\" spellcheck=\"false\" aria-describedby=\"",
        f->name,
        "-help\"",
        wrong ? " aria-invalid=\"true\"" : "",
        NULL};
    put_all(out, input);
    if (strcmp(f->type, "password") != 0) {
        put(out, " value=\"");
        put_text(out, value);
        put(out, "\"");
    }
    const char *const help[] = {"><p id=\"",
                                f->name,
                                "-help\" class=\"",
                                wrong ? "reply\" data-tone=\"bad" : "muted",
                                "\">",
                                wrong ? wrong : f->hint,
                                "</p></div>",
                                NULL};
    put_all(out, help);
}

void idf_form_write(const struct idf_form *form, const char *stamp, const struct idf_form_out *out)
{
    begin_page(out);
    put(out, "<form class=\"card\" method=\"post\" action=\"/\">");
    if (form->n_wrong > 0) {
        put(out, "<p class=\"reply\" data-tone=\"bad\" role=\"alert\">Nothing was saved: see what is marked "
                 "below.</p>");
    }
    const char *const hidden[] = {"<input type=\"hidden\" name=\"stamp\" value=\"", stamp, "\">", NULL};
    put_all(out, hidden);
    for (unsigned i = 0; i < IDF_FORM_FIELDS; i++) {
        put_field(out, &FIELDS[i], value_of(&form->value, &FIELDS[i]), form->wrong[i]);
        if (i == PASSWORD) {
            put(out, "<p class=\"field\"><input id=\"wifi_open\" name=\"wifi_open\" type=\"checkbox\" "
                     "value=\"1\"");
            put(out, form->is_open ? " checked> " : "> ");
            put(out, "<label for=\"wifi_open\">This network has no password</label></p>");
        }
    }
    put(out, "<button class=\"primary\" type=\"submit\">Save and restart</button></form>");
    end_page(out);
}

void idf_form_write_saved(const struct fota_gateway_settings *settings, const struct idf_form_out *out)
{
    begin_page(out);
    put(out, "<section class=\"card\"><h2>Saved</h2><p>The gateway restarts now and joins ");
    put_text(out, settings->wifi_name);
    put(out, ". This network goes away. If the gateway does not join the other one, a factory reset brings "
             "this form back.</p></section>");
    end_page(out);
}

void idf_form_write_words(const char *words, const struct idf_form_out *out)
{
    begin_page(out);
    put(out, "<section class=\"card\"><p class=\"reply\" data-tone=\"bad\" role=\"alert\">");
    put_text(out, words);
    put(out, "</p><p><a href=\"/\">Back to the form</a></p></section>");
    end_page(out);
}
