#include "service/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/process.h"

enum {
    FILE_MAX_BYTES = 65536,
    REPLY_MAX_BYTES = 16384,
    URL_BYTES = 512,
    PATH_BYTES = 1024,
    ASK_MAX_MS = 2000,
    COMMAND_BYTES = 1024
};

static const char CONTAINER[] = "http://169.254.170.2";
static const char INSTANCE[] = "http://169.254.169.254";
static const char ROLES[] = "/latest/meta-data/iam/security-credentials/";

const char *service_source_text(enum service_source source)
{
    static const char *const texts[] = {[SERVICE_SOURCE_NONE] = "nowhere",
                                        [SERVICE_SOURCE_ENVIRONMENT] = "the environment",
                                        [SERVICE_SOURCE_CREDENTIALS_FILE] = "~/.aws/credentials",
                                        [SERVICE_SOURCE_CONFIG_FILE] = "~/.aws/config",
                                        [SERVICE_SOURCE_PROCESS] = "credential_process",
                                        [SERVICE_SOURCE_CONTAINER] = "the container's endpoint",
                                        [SERVICE_SOURCE_INSTANCE] = "the role of the instance"};
    return (unsigned)source < sizeof texts / sizeof texts[0] ? texts[source] : texts[0];
}

bool service_credentials_are_due(const struct service_credentials *c, uint64_t now_s)
{
    return c->source == SERVICE_SOURCE_NONE ||
           (c->expires_s && now_s + SERVICE_REFRESH_BEFORE_S >= c->expires_s);
}

static const char *given(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static enum fota_err too_long(char *why, enum service_source source)
{
    (void)snprintf(
        why, SERVICE_WHY_BYTES,
        "the credentials of %s are too long: a key id has at most %d characters, a secret %d, a token %d",
        service_source_text(source), SERVICE_KEY_ID_BYTES - 1, SERVICE_SECRET_BYTES - 1,
        SERVICE_TOKEN_BYTES - 1);
    return E_S3_CREDENTIALS;
}

static bool put(char *out, size_t n_out, const char *text)
{
    int n = snprintf(out, n_out, "%s", text ? text : "");
    return n >= 0 && (size_t)n < n_out;
}

/* --- environment ------------------------------------------------------------------------------------- */

static enum fota_err from_environment(struct service_credentials *c, char *why)
{
    const char *id = given("AWS_ACCESS_KEY_ID");
    const char *secret = given("AWS_SECRET_ACCESS_KEY");
    if (!id) {
        return E_NOT_FOUND;
    }
    if (!secret) {
        (void)snprintf(why, SERVICE_WHY_BYTES,
                       "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both or none");
        return E_S3_CREDENTIALS;
    }
    c->source = SERVICE_SOURCE_ENVIRONMENT;
    return put(c->id, sizeof c->id, id) && put(c->secret, sizeof c->secret, secret) &&
                   put(c->token, sizeof c->token, given("AWS_SESSION_TOKEN"))
               ? FOTA_OK
               : too_long(why, c->source);
}

/* --- files ------------------------------------------------------------------------------------------- */

static enum fota_err read_file(const char *path, char *text, char *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return E_NOT_FOUND;
    }
    ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX_BYTES);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
    }
    if (n < 0 || n == FILE_MAX_BYTES) {
        (void)snprintf(why, SERVICE_WHY_BYTES, "%.200s cannot be read: %s; check its owner and mode", path,
                       n < 0 ? strerror(error) : "it is too long");
        return E_IO;
    }
    text[n] = '\0';
    return FOTA_OK;
}

static bool path_of(const char *variable, const char *name, char path[PATH_BYTES])
{
    const char *path_given = given(variable);
    const char *home = given("HOME");
    int n = path_given ? snprintf(path, PATH_BYTES, "%s", path_given)
                       : snprintf(path, PATH_BYTES, "%s/.aws/%s", home ? home : "/root", name);
    return n > 0 && n < PATH_BYTES;
}

/* A file of AWS's, and a section in it. */
struct profile {
    char text[FILE_MAX_BYTES + 1];
    char path[PATH_BYTES];
    char section[128];
};

/* @return E_NOT_FOUND (no such section, or no key in it) */
static enum fota_err from_section(const char *text, const char *section, const char *path,
                                  struct service_credentials *c, char *why)
{
    if (!service_profile_value(text, section, "aws_access_key_id", c->id, sizeof c->id)) {
        return E_NOT_FOUND;
    }
    if (!service_profile_value(text, section, "aws_secret_access_key", c->secret, sizeof c->secret)) {
        (void)snprintf(why, SERVICE_WHY_BYTES,
                       "[%.64s] of %.120s has aws_access_key_id without aws_secret_access_key: write both",
                       section, path);
        return E_S3_CREDENTIALS;
    }
    c->token[0] = '\0';
    (void)service_profile_value(text, section, "aws_session_token", c->token, sizeof c->token);
    return FOTA_OK;
}

/* What a profile may ask for and is not done here. */
static enum fota_err refuse_others(const char *text, const char *section, const char *profile, char *why)
{
    static const char *const keys[] = {"role_arn", "sso_session", "sso_start_url", "web_identity_token_file"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (service_profile_has(text, section, keys[i])) {
            (void)snprintf(
                why, SERVICE_WHY_BYTES,
                "profile %.64s has %s, which this gateway does not do: make another profile with "
                "credential_process = aws configure export-credentials --profile %.64s --format process, and "
                "name that one",
                profile, keys[i], profile);
            return E_S3_CREDENTIALS;
        }
    }
    return FOTA_OK;
}

/* The command of a profile; aws-cli runs it without a shell, and so does this. Without an end they are asked for once. */
static enum fota_err from_process(const char *text, const char *section, const char *path,
                                  struct service_credentials *c, char *why)
{
    static char reply[REPLY_MAX_BYTES];
    char command[COMMAND_BYTES];
    char expires[40] = "";
    if (!service_profile_value(text, section, "credential_process", command, sizeof command)) {
        return E_NOT_FOUND;
    }
    c->source = SERVICE_SOURCE_PROCESS;
    enum fota_err err = service_process_read(command, reply, sizeof reply);
    c->token[0] = '\0';
    bool is_whole = !err && service_json_text(reply, "AccessKeyId", c->id, sizeof c->id) &&
                    service_json_text(reply, "SecretAccessKey", c->secret, sizeof c->secret);
    bool has_token = is_whole && service_json_text(reply, "SessionToken", c->token, sizeof c->token);
    bool ends = is_whole && service_json_text(reply, "Expiration", expires, sizeof expires);
    c->expires_s = ends ? service_time_of(expires) : 0;
    memset(reply, 0, sizeof reply);
    if (is_whole && (!ends || c->expires_s) && (has_token || c->token[0] == '\0')) {
        return FOTA_OK;
    }
    (void)snprintf(
        why, SERVICE_WHY_BYTES,
        "credential_process of [%.64s] in %.100s %s: run it as the user of the service; it prints JSON with "
        "AccessKeyId and SecretAccessKey",
        section, path, err ? "fails" : "prints no credentials");
    return E_S3_CREDENTIALS;
}

/* One of AWS's files and the name of the profile's section in it. @return as read_file */
static enum fota_err read_profile(bool is_config, const char *profile, struct profile *out, char *why)
{
    bool is_plain = !is_config || strcmp(profile, "default") == 0;
    (void)snprintf(out->section, sizeof out->section, "%s%s", is_plain ? "" : "profile ", profile);
    if (!path_of(is_config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE",
                 is_config ? "config" : "credentials", out->path)) {
        return E_NOT_FOUND;
    }
    return read_file(out->path, out->text, why);
}

static enum fota_err from_file(bool is_config, const char *profile, struct service_credentials *c, char *why)
{
    static struct profile p;
    enum fota_err err = read_profile(is_config, profile, &p, why);
    c->source = is_config ? SERVICE_SOURCE_CONFIG_FILE : SERVICE_SOURCE_CREDENTIALS_FILE;
    if (!err) {
        err = from_section(p.text, p.section, p.path, c, why);
        err = err == E_NOT_FOUND ? from_process(p.text, p.section, p.path, c, why) : err;
    }
    return err;
}

/* aws-cli looks at both files before it takes keys from either. @return FOTA_OK: neither asks for such a thing */
static enum fota_err refuse_profile(const char *profile, char *why)
{
    static struct profile p;
    for (unsigned i = 0; i < 2; i++) {
        enum fota_err err = read_profile(i == 0, profile, &p, why);
        if (!err) {
            err = refuse_others(p.text, p.section, profile, why);
        }
        if (err && err != E_NOT_FOUND) {
            return err;
        }
    }
    return FOTA_OK;
}

/* --- endpoints --------------------------------------------------------------------------------------- */

struct reply {
    char text[REPLY_MAX_BYTES];
    size_t n;
};

static enum fota_err take(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct reply *r = ctx;
    (void)status;
    if (n_bytes >= sizeof r->text - r->n) {
        return E_NO_SPACE;
    }
    memcpy(r->text + r->n, bytes, n_bytes);
    r->n += n_bytes;
    r->text[r->n] = '\0';
    return FOTA_OK;
}

static void drop_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    (void)ctx;
    (void)name;
    (void)n_name;
    (void)value;
    (void)n_value;
}

/* One request; `name`: a header, or NULL. @return FOTA_OK (status 200) · E_NOT_FOUND */
static enum fota_err ask(struct http *http, enum http_verb method, const char *url, const char *name,
                         const char *value, struct reply *out)
{
    const struct http_header header = {name, value};
    const struct http_request request = {.method = method,
                                         .url = url,
                                         .header = &header,
                                         .n_headers = name ? 1 : 0,
                                         .limits = {.total_ms = ASK_MAX_MS}};
    const struct http_sink sink = {.header = drop_header, .body = take, .ctx = out};
    unsigned status = 0;
    out->n = 0;
    out->text[0] = '\0';
    enum fota_err err = http_perform(http, &request, &sink, &status);
    return err || status != 200 ? E_NOT_FOUND : FOTA_OK;
}

static enum fota_err read_reply(const struct reply *r, const char *url, struct service_credentials *c,
                                char *why)
{
    char expires[40] = "";
    bool is_whole = service_json_text(r->text, "AccessKeyId", c->id, sizeof c->id) &&
                    service_json_text(r->text, "SecretAccessKey", c->secret, sizeof c->secret) &&
                    service_json_text(r->text, "Token", c->token, sizeof c->token) &&
                    service_json_text(r->text, "Expiration", expires, sizeof expires);
    c->expires_s = is_whole ? service_time_of(expires) : 0;
    if (c->expires_s) {
        return FOTA_OK;
    }
    (void)snprintf(
        why, SERVICE_WHY_BYTES,
        "%.200s does not answer with credentials: attach a role to this machine, or set AWS_ACCESS_KEY_ID",
        url);
    return E_S3_CREDENTIALS;
}

static enum fota_err from_container(struct http *http, struct service_credentials *c, char *why)
{
    static struct reply reply;
    char url[URL_BYTES];
    const char *relative = given("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = given("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token = given("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *token_file = given("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!relative && !full) {
        return E_NOT_FOUND;
    }
    if (token_file) { /* it is renewed: read each time, and before the variable, as botocore does */
        static char text[FILE_MAX_BYTES + 1];
        enum fota_err err = read_file(token_file, text, why);
        if (err) {
            (void)snprintf(why, SERVICE_WHY_BYTES,
                           "%.200s, which the container names for a token, cannot be read", token_file);
            return E_S3_CREDENTIALS;
        }
        text[strcspn(text, "\r\n")] = '\0';
        token = text;
    }
    (void)snprintf(url, sizeof url, "%s%s", relative ? CONTAINER : "", relative ? relative : full);
    c->source = SERVICE_SOURCE_CONTAINER;
    if (ask(http, HTTP_VERB_GET, url, token ? "Authorization" : NULL, token, &reply)) {
        (void)snprintf(why, SERVICE_WHY_BYTES,
                       "%.200s, which the container names for credentials, does not answer", url);
        return E_S3_CREDENTIALS;
    }
    return read_reply(&reply, url, c, why);
}

/* IMDSv2: a token of the session first; version 1 is not tried. */
static enum fota_err from_instance(struct http *http, struct service_credentials *c, char *why)
{
    static struct reply token, reply;
    char url[URL_BYTES];
    const char *disabled = given("AWS_EC2_METADATA_DISABLED");
    const char *endpoint = given("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *base = endpoint ? endpoint : INSTANCE;
    if (disabled && strcmp(disabled, "true") == 0) {
        return E_NOT_FOUND;
    }
    (void)snprintf(url, sizeof url, "%.200s/latest/api/token", base);
    if (ask(http, HTTP_VERB_PUT, url, "X-aws-ec2-metadata-token-ttl-seconds", "21600", &token)) {
        return E_NOT_FOUND; /* not an instance */
    }
    (void)snprintf(url, sizeof url, "%.200s%s", base, ROLES);
    if (ask(http, HTTP_VERB_GET, url, "X-aws-ec2-metadata-token", token.text, &reply)) {
        return E_NOT_FOUND; /* an instance without a role */
    }
    reply.text[strcspn(reply.text, "\r\n")] = '\0';
    (void)snprintf(url, sizeof url, "%.200s%s%.128s", base, ROLES, reply.text);
    c->source = SERVICE_SOURCE_INSTANCE;
    if (ask(http, HTTP_VERB_GET, url, "X-aws-ec2-metadata-token", token.text, &reply)) {
        (void)snprintf(why, SERVICE_WHY_BYTES, "%.200s does not answer; try again", url);
        return E_S3_CREDENTIALS;
    }
    return read_reply(&reply, url, c, why);
}

/* --- in order ---------------------------------------------------------------------------------------- */

static enum fota_err from_endpoints(struct http *http, struct service_credentials *c, char *why)
{
    if (!http) {
        return E_NOT_FOUND;
    }
    enum fota_err err = from_container(http, c, why);
    return err == E_NOT_FOUND ? from_instance(http, c, why) : err;
}

enum fota_err service_credentials_find(struct http *http, const char *profile,
                                       struct service_credentials *out, char *why)
{
    static struct service_credentials found;
    const char *name = profile ? profile : given("AWS_PROFILE") ? given("AWS_PROFILE") : "default";
    memset(&found, 0, sizeof found);
    enum fota_err err = profile ? E_NOT_FOUND : from_environment(&found, why);
    if (err == E_NOT_FOUND) {
        err = refuse_profile(name, why);
        err = err ? err : from_file(false, name, &found, why);
    }
    if (err == E_NOT_FOUND) {
        err = from_file(true, name, &found, why);
    }
    if (err == E_NOT_FOUND && given("AWS_WEB_IDENTITY_TOKEN_FILE") && given("AWS_ROLE_ARN")) {
        (void)snprintf(
            why, SERVICE_WHY_BYTES,
            "AWS_WEB_IDENTITY_TOKEN_FILE asks for a web identity, which this gateway does not do: use a role "
            "of the container or the instance, or a profile with credential_process");
        return E_S3_CREDENTIALS;
    }
    if (err == E_NOT_FOUND && profile) {
        (void)snprintf(why, SERVICE_WHY_BYTES,
                       "profile %.64s has no aws_access_key_id and no credential_process in "
                       "~/.aws/credentials or ~/.aws/config of this "
                       "user: write it "
                       "there, or take profile out of the configuration",
                       profile);
        return E_NOT_FOUND;
    }
    if (err == E_NOT_FOUND) {
        err = from_endpoints(http, &found, why);
    }
    if (err == E_NOT_FOUND) {
        (void)snprintf(why, SERVICE_WHY_BYTES,
                       "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write "
                       "~/.aws/credentials, or write "
                       "auth = none for a bucket that everybody may read");
    }
    if (!err) {
        *out = found;
    }
    return err;
}
