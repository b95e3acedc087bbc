/* The two files of AWS and what their profiles say; and what follows from it for the services of AWS. */
#include <stdio.h>
#include <string.h>

#include "credentials_priv.h"

enum { SECTION_BYTES = CREDENTIALS_SECTION_BYTES, STATUS_THROTTLED = 429, STATUS_SERVER = 500 };

static enum fota_err read_one(struct credentials_hunt *h, const char *variable, const char *name,
                              struct credentials_file *out)
{
    const char *given = credentials_variable(variable);
    const char *home = credentials_variable("HOME");
    int n = given ? snprintf(out->path, sizeof out->path, "%s", given)
                  : snprintf(out->path, sizeof out->path, "%s/.aws/%s", home ? home : "/root", name);
    if (n < 0 || (size_t)n >= sizeof out->path) {
        return credentials_fail(h, E_IO, "the path of ~/.aws/%s is too long", name);
    }
    enum fota_err err = credentials_read_file(h, out->path, out->text);
    return err == E_NOT_FOUND ? FOTA_OK : err;
}

enum fota_err credentials_read_profiles(struct credentials_hunt *h)
{
    enum fota_err err = read_one(h, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &h->keys);
    return err ? err : read_one(h, "AWS_CONFIG_FILE", "config", &h->config);
}

/* --- values ------------------------------------------------------------------------------------------ */

void credentials_section(bool is_config, const char *profile, char section[CREDENTIALS_SECTION_BYTES])
{
    bool is_plain = !is_config || strcmp(profile, "default") == 0;
    (void)snprintf(section, SECTION_BYTES, "%s%s", is_plain ? "" : "profile ", profile);
}

/* The file whose section of this profile has the key; NULL as the key: the file that has the section. */
static const struct credentials_file *find(const struct credentials_hunt *h, const char *profile,
                                           const char *key, char section[SECTION_BYTES])
{
    const struct credentials_file *files[] = {&h->keys, &h->config};
    for (size_t i = 0; i < 2; i++) {
        credentials_section(i == 1, profile, section);
        if (key ? service_profile_has(files[i]->text, section, key)
                : service_profile_exists(files[i]->text, section)) {
            return files[i];
        }
    }
    return NULL;
}

bool credentials_has_profile(const struct credentials_hunt *h, const char *profile)
{
    char section[SECTION_BYTES];
    return find(h, profile, NULL, section);
}

bool credentials_has_value(const struct credentials_hunt *h, const char *profile, const char *key)
{
    char section[SECTION_BYTES];
    return find(h, profile, key, section);
}

enum fota_err credentials_value(struct credentials_hunt *h, const char *profile, const char *key, char *out,
                                size_t n_out)
{
    char section[SECTION_BYTES];
    const struct credentials_file *file = find(h, profile, key, section);
    out[0] = '\0';
    if (!file) {
        return E_NOT_FOUND;
    }
    if (!service_profile_value(file->text, section, key, out, n_out)) {
        out[0] = '\0';
        return credentials_fail(h, E_ARG, "%s of [%.80s] in %.120s has more than %zu characters: shorten it",
                                key, section, file->path, n_out - 1);
    }
    return out[0] != '\0' ? FOTA_OK : E_NOT_FOUND;
}

/* --- services of AWS ------------------------------------------------------------------------------------ */

enum fota_err credentials_region(struct credentials_hunt *h, char region[CREDENTIALS_REGION_BYTES])
{
    const char *given = h->search->region;
    given = given ? given : credentials_variable("AWS_REGION");
    given = given ? given : credentials_variable("AWS_DEFAULT_REGION");
    if (given) {
        return credentials_put(region, CREDENTIALS_REGION_BYTES, given)
                   ? FOTA_OK
                   : credentials_fail(h, E_ARG, "%.80s is no region; write eu-central-1", given);
    }
    enum fota_err err = credentials_value(h, h->profile, "region", region, CREDENTIALS_REGION_BYTES);
    return err == E_NOT_FOUND ? FOTA_OK : err;
}

static bool is_name(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

enum fota_err credentials_service_url(struct credentials_hunt *h, const char *variable, const char *host,
                                      const char *region, char url[CREDENTIALS_URL_BYTES])
{
    const char *given = credentials_variable(variable);
    given = given ? given : credentials_variable("AWS_ENDPOINT_URL");
    enum fota_err err = E_NOT_FOUND;
    if (given) {
        err = credentials_put(url, CREDENTIALS_URL_BYTES, given) ? FOTA_OK : E_ARG;
    } else {
        err = credentials_value(h, h->profile, "endpoint_url", url, CREDENTIALS_URL_BYTES);
    }
    if (err == E_NOT_FOUND && is_name(region)) {
        const char *dot = region[0] != '\0' ? "." : "";
        const char *china = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";
        (void)snprintf(url, CREDENTIALS_URL_BYTES, "https://%s%s%.63s.amazonaws.com%s", host, dot, region,
                       china);
        return FOTA_OK;
    }
    size_t n = strlen(url);
    while (!err && n > 0 && url[n - 1] == '/') {
        url[--n] = '\0';
    }
    const char *after = strncmp(url, "https://", 8) == 0  ? url + 8
                        : strncmp(url, "http://", 7) == 0 ? url + 7
                                                          : "";
    if (err || after[0] == '\0' || strpbrk(after, " ?#@")) {
        return credentials_fail(h, E_ARG,
                                "the URL or region of %s is wrong: set %s to https://host, or take it and "
                                "endpoint_url out",
                                host, variable);
    }
    return FOTA_OK;
}

enum fota_err credentials_no_answer(struct credentials_hunt *h, const char *what, const char *url,
                                    enum fota_err err)
{
    return credentials_fail(h, err,
                            "%s at %.128s does not answer (%s): check the network, the clock and ca-file; it "
                            "is asked again",
                            what, url, fota_err_text(err));
}

enum fota_err credentials_refusal(unsigned status)
{
    return status == STATUS_THROTTLED ? E_S3_THROTTLED
           : status >= STATUS_SERVER  ? E_S3_SERVER
                                      : E_S3_CREDENTIALS;
}
