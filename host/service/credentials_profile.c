/* Credentials of a profile: web identity, single sign-on, keys, or a command that prints them. */
#include <string.h>

#include "credentials_priv.h"
#include "service/process.h"

enum { COMMAND_BYTES = 1024, SECTION_BYTES = CREDENTIALS_SECTION_BYTES, TIME_BYTES = 40 };

/* @return E_NOT_FOUND (no such section, or no key in it) */
static enum fota_err from_section(struct credentials_hunt *h, const struct credentials_file *file,
                                  const char *section)
{
    struct service_credentials *c = &h->found;
    if (!service_profile_value(file->text, section, "aws_access_key_id", c->id, sizeof c->id)) {
        return E_NOT_FOUND;
    }
    if (!service_profile_value(file->text, section, "aws_secret_access_key", c->secret, sizeof c->secret)) {
        return credentials_fail(
            h, E_ARG, "[%.64s] of %.120s has aws_access_key_id without aws_secret_access_key: write both",
            section, file->path);
    }
    c->token[0] = '\0';
    c->expires_s = 0;
    (void)service_profile_value(file->text, section, "aws_session_token", c->token, sizeof c->token);
    return FOTA_OK;
}

static bool read_printed(const char *text, struct service_credentials *c)
{
    char expires[TIME_BYTES] = "";
    c->token[0] = '\0';
    bool is_whole = service_json_text(text, "AccessKeyId", c->id, sizeof c->id) &&
                    service_json_text(text, "SecretAccessKey", c->secret, sizeof c->secret);
    bool has_token = is_whole && service_json_text(text, "SessionToken", c->token, sizeof c->token);
    bool ends = is_whole && service_json_text(text, "Expiration", expires, sizeof expires);
    c->expires_s = ends ? service_time_of(expires) : 0;
    return is_whole && (!ends || c->expires_s) && (has_token || c->token[0] == '\0');
}

/* aws-cli runs the command without a shell, and so does this. Without an end they are asked for once. */
static enum fota_err from_process(struct credentials_hunt *h, const struct credentials_file *file,
                                  const char *section)
{
    char command[COMMAND_BYTES];
    if (!service_profile_value(file->text, section, "credential_process", command, sizeof command)) {
        return E_NOT_FOUND;
    }
    h->found.source = SERVICE_SOURCE_PROCESS;
    enum fota_err err = service_process_read(command, h->reply.text, sizeof h->reply.text);
    bool is_right = !err && read_printed(h->reply.text, &h->found);
    memset(h->reply.text, 0, sizeof h->reply.text);
    if (is_right) {
        return FOTA_OK;
    }
    return credentials_fail(
        h, E_ARG,
        "credential_process of [%.64s] in %.100s %s: run it as the user of the service; it prints JSON with "
        "AccessKeyId and SecretAccessKey",
        section, file->path, err ? "fails" : "prints no credentials");
}

static enum fota_err from_file(struct credentials_hunt *h, const char *profile, bool is_config)
{
    const struct credentials_file *file = is_config ? &h->config : &h->keys;
    char section[SECTION_BYTES];
    credentials_section(is_config, profile, section);
    h->found.source = is_config ? SERVICE_SOURCE_CONFIG_FILE : SERVICE_SOURCE_CREDENTIALS_FILE;
    enum fota_err err = is_config ? from_process(h, file, section) : from_section(h, file, section);
    if (err == E_NOT_FOUND) {
        h->found.source = is_config ? SERVICE_SOURCE_CONFIG_FILE : SERVICE_SOURCE_CREDENTIALS_FILE;
        err = is_config ? from_section(h, file, section) : from_process(h, file, section);
    }
    return err;
}

enum fota_err credentials_from_profile(struct credentials_hunt *h, const char *profile, bool uses_environment)
{
    enum fota_err err = credentials_from_web_identity(h, profile, uses_environment);
    err = err == E_NOT_FOUND ? credentials_from_sso(h, profile) : err;
    err = err == E_NOT_FOUND ? from_file(h, profile, false) : err;
    return err == E_NOT_FOUND ? from_file(h, profile, true) : err;
}
