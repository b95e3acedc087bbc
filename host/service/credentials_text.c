/* Texts that credentials stand in: AWS's files, JSON and XML. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/credentials.h"

/* --- files of profiles ------------------------------------------------------------------------------- */

static size_t trim(const char **text, size_t n_bytes)
{
    while (n_bytes > 0 && strchr(" \t\r", (*text)[0])) {
        ++*text;
        n_bytes--;
    }
    while (n_bytes > 0 && strchr(" \t\r", (*text)[n_bytes - 1])) {
        n_bytes--;
    }
    return n_bytes;
}

static bool is_equal(const char *text, size_t n_bytes, const char *name)
{
    n_bytes = trim(&text, n_bytes);
    return n_bytes == strlen(name) && memcmp(text, name, n_bytes) == 0;
}

static bool copy(const char *text, size_t n_bytes, char *out, size_t n_out)
{
    n_bytes = trim(&text, n_bytes);
    if (n_bytes >= n_out) {
        return false;
    }
    memcpy(out, text, n_bytes);
    out[n_bytes] = '\0';
    return true;
}

/* Visible characters of ASCII only, so that it may stand in a header or a sentence; blanks at the end do not count. */
static bool copy_plain(const char *text, size_t n_bytes, char *out, size_t n_out)
{
    while (n_bytes > 0 && strchr(" \t\r\n", text[n_bytes - 1])) {
        n_bytes--;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return copy(text, n_bytes, out, n_out);
}

/* `[name]`; blanks inside the brackets do not count. */
static bool is_section(const char *line, size_t n_bytes, const char *name)
{
    const char *end = memchr(line, ']', n_bytes);
    return end && is_equal(line + 1, (size_t)(end - line) - 1, name);
}

/* What follows the equals sign, up to the end of the line. @return NULL: no such key in this section */
static const char *find_value(const char *text, const char *section, const char *key, size_t *n_bytes)
{
    bool is_inside = false;
    while (*text) {
        const char *end = strchr(text, '\n');
        size_t n = end ? (size_t)(end - text) : strlen(text);
        const char *equals = memchr(text, '=', n);
        if (text[0] == '[') {
            is_inside = is_section(text, n, section);
        } else if (is_inside && equals && !strchr(" \t#;", text[0]) &&
                   is_equal(text, (size_t)(equals - text), key)) {
            *n_bytes = n - (size_t)(equals - text) - 1;
            return equals + 1;
        }
        text += end ? n + 1 : n;
    }
    return NULL;
}

bool service_profile_value(const char *text, const char *section, const char *key, char *out, size_t n_out)
{
    size_t n_bytes = 0;
    const char *value = find_value(text, section, key, &n_bytes);
    return value && copy(value, n_bytes, out, n_out);
}

bool service_profile_exists(const char *text, const char *section)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (text[0] == '[' && is_section(text, n, section)) {
            return true;
        }
        text += text[n] ? n + 1 : n;
    }
    return false;
}

bool service_profile_has(const char *text, const char *section, const char *key)
{
    size_t n_bytes = 0;
    return find_value(text, section, key, &n_bytes);
}

/* --- commands ---------------------------------------------------------------------------------------- */

/* One word from `*at` on, its quotes taken away in place. @return false: a quote has no end */
static bool take_word(char **at, char **out)
{
    char quote = '\0';
    char *to = *out;
    for (; **at && (quote || !strchr(" \t", **at)); ++*at) {
        if (**at == quote && quote) {
            quote = '\0';
        } else if (!quote && strchr("'\"", **at)) {
            quote = **at;
        } else if (**at == '\\' && quote != '\'' && (*at)[1]) {
            *to++ = *++*at;
        } else {
            *to++ = **at;
        }
    }
    bool is_last = **at == '\0';
    *at += is_last ? 0 : 1;
    *to++ = '\0';
    *out = to;
    return !quote;
}

unsigned service_split(char *text, char **word, unsigned n_max)
{
    unsigned n = 0;
    char *to = text;
    for (char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
        if (n + 1 >= n_max) {
            return 0;
        }
        word[n++] = to;
        if (!take_word(&at, &to)) {
            return 0;
        }
    }
    word[n] = NULL;
    return n;
}

/* --- JSON -------------------------------------------------------------------------------------------- */

/* After the text that begins at `at` (a quote); with `out`, its content. @return NULL: it has no end, or does not fit */
static const char *json_text_end(const char *at, char *out, size_t n_out)
{
    size_t n = 0;
    for (at++; *at && *at != '"'; at++) {
        char c = *at;
        if (c == '\\') {
            c = *++at;
            if (!c || !strchr("\"\\/", c)) { /* credentials need no other escape */
                return NULL;
            }
        }
        if (out && n + 1 >= n_out) {
            return NULL;
        }
        if (out) {
            out[n++] = c;
        }
    }
    if (out) {
        out[n] = '\0';
    }
    return *at == '"' ? at + 1 : NULL;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The value of a member of the outermost object. @return NULL: there is no such member */
static const char *json_member(const char *json, const char *name)
{
    char key[64];
    unsigned depth = 0;
    for (const char *at = json; at && *at;) {
        if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']') && (depth == 0 || --depth == 0)) {
            return NULL;
        }
        if (*at != '"') {
            at++;
            continue;
        }
        const char *begin = at;
        at = json_text_end(begin, NULL, 0);
        const char *colon = at ? skip_blanks(at) : NULL;
        bool is_key = colon && *colon == ':' && depth == 1 && json_text_end(begin, key, sizeof key);
        if (is_key && strcmp(key, name) == 0) {
            return skip_blanks(colon + 1);
        }
    }
    return NULL;
}

bool service_json_text(const char *json, const char *name, char *out, size_t n_out)
{
    const char *value = json_member(json, name);
    return value && *value == '"' && json_text_end(value, out, n_out);
}

const char *service_json_object(const char *json, const char *name)
{
    const char *value = json_member(json, name);
    return value && *value == '{' ? value : NULL;
}

bool service_json_number(const char *json, const char *name, uint64_t *out)
{
    const char *value = json_member(json, name);
    size_t n = value ? strspn(value, "0123456789") : 0;
    if (n == 0 || n > 18 || !strchr(",} \t\r\n", value[n])) {
        return false;
    }
    *out = strtoull(value, NULL, 10);
    return true;
}

/* --- XML --------------------------------------------------------------------------------------------- */

bool service_xml_text(const char *xml, const char *tag, char *out, size_t n_out)
{
    char open_tag[64];
    char close_tag[64];
    int n = snprintf(open_tag, sizeof open_tag, "<%s>", tag);
    (void)snprintf(close_tag, sizeof close_tag, "</%s>", tag);
    const char *at = n > 0 && (size_t)n + 1 < sizeof open_tag ? strstr(xml, open_tag) : NULL;
    const char *text = at ? at + n : NULL;
    const char *end = text ? strstr(text, close_tag) : NULL;
    if (!end || memchr(text, '<', (size_t)(end - text)) || memchr(text, '&', (size_t)(end - text))) {
        return false;
    }
    while (text < end && strchr(" \t\r\n", *text)) {
        text++;
    }
    return copy_plain(text, (size_t)(end - text), out, n_out);
}

/* --- time -------------------------------------------------------------------------------------------- */

uint64_t service_time_of(const char *text)
{
    static const unsigned before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute, &second) != 6 ||
        year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60) {
        return 0;
    }
    unsigned leap_years = month > 2 ? year : year - 1; /* whose 29 February has passed */
    uint64_t days = (uint64_t)(year - 1970) * 365U + (leap_years / 4 - 492) - (leap_years / 100 - 19) +
                    (leap_years / 400 - 4) + before[month - 1] + day - 1;
    return days * 86400U + hour * 3600U + minute * 60U + second;
}
