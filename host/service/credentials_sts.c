/* Credentials that STS gives: roles that a profile assumes, and web identities. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials_priv.h"
#include "s3/sigv4.h"
#include "s3/uri.h"

enum {
    ARN_BYTES = 2049,
    SESSION_BYTES = 65,
    EXTERNAL_ID_BYTES = 1225,
    IDENTITY_MAX_BYTES = 20000, /* as STS has it */
    DURATION_MIN_S = 900,
    DURATION_MAX_S = 43200,
    TIME_BYTES = 40,
    CODE_BYTES = 64,
    MESSAGE_BYTES = 512,
    SIGNED_MAX = 3
};

static const char FORM[] = "application/x-www-form-urlencoded; charset=utf-8";

/* What a profile says of the role. */
struct role {
    char arn[ARN_BYTES];
    char session[SESSION_BYTES];
    char external_id[EXTERNAL_ID_BYTES]; /* "": none */
    unsigned duration_s;                 /* 0: STS's default, one hour */
};

/* --- one call of STS --------------------------------------------------------------------------------- */

static void put_field(struct uri_text *form, const char *name, const char *value)
{
    uri_put(form, form->n_bytes > 0 ? "&" : "");
    uri_put(form, name);
    uri_put(form, "=");
    uri_put_encoded(form, value, false);
}

/* A request that is being signed. */
struct call {
    char url[CREDENTIALS_URL_BYTES];
    char region[CREDENTIALS_REGION_BYTES];
    const char *host, *path; /* in url; path: at least a slash */
    char host_text[256];
    char date[SIGV4_DATE_BYTES];
    char authorization[SIGV4_AUTHORIZATION_MAX_BYTES];
};

static enum fota_err address(struct credentials_hunt *h, struct call *c)
{
    enum fota_err err = credentials_region(h, c->region);
    if (!err) {
        err = credentials_service_url(h, "AWS_ENDPOINT_URL_STS", "sts", c->region, c->url);
    }
    if (err) {
        return err;
    }
    if (c->region[0] == '\0') { /* the endpoint without a region signs for this one */
        (void)credentials_put(c->region, sizeof c->region, "us-east-1");
    }
    c->host = strstr(c->url, "://") + 3;
    size_t n_host = strcspn(c->host, "/");
    size_t n_url = strlen(c->url);
    if (n_host >= sizeof c->host_text || n_url + 2 > sizeof c->url) {
        return credentials_fail(h, E_ARG, "the URL of STS is too long");
    }
    memcpy(c->host_text, c->host, n_host);
    c->host_text[n_host] = '\0';
    if (c->host[n_host] == '\0') {
        c->url[n_url] = '/';
        c->url[n_url + 1] = '\0';
    }
    c->path = c->host + n_host;
    return FOTA_OK;
}

static enum fota_err sign(struct credentials_hunt *h, struct call *c, const struct service_credentials *by,
                          const struct uri_text *form)
{
    char hash[SIGV4_SHA256_BYTES];
    const struct sigv4_header header[SIGNED_MAX] = {
        {"host", c->host_text}, {"x-amz-date", c->date}, {"x-amz-security-token", by->token}};
    const struct sigv4_key key = {.id = by->id, .secret = by->secret, .region = c->region, .service = "sts"};
    sigv4_date(h->search->now_s, c->date);
    sigv4_payload_sha256((const uint8_t *)form->at, form->n_bytes, hash);
    const struct sigv4_request request = {.method = "POST",
                                          .path = c->path,
                                          .query = "",
                                          .header = header,
                                          .n_headers = by->token[0] != '\0' ? SIGNED_MAX : SIGNED_MAX - 1,
                                          .payload_sha256 = hash,
                                          .time_s = h->search->now_s};
    return sigv4_authorization(&key, &request, c->authorization, sizeof c->authorization);
}

/* Credentials of a reply of 200. `role`: for the sentence. */
static enum fota_err read_reply(struct credentials_hunt *h, const struct call *c, const char *role)
{
    struct service_credentials *out = &h->found;
    const char *text = strstr(h->reply.text, "<Credentials>");
    char expires[TIME_BYTES];
    bool is_whole = text && service_xml_text(text, "AccessKeyId", out->id, sizeof out->id) &&
                    service_xml_text(text, "SecretAccessKey", out->secret, sizeof out->secret) &&
                    service_xml_text(text, "SessionToken", out->token, sizeof out->token) &&
                    service_xml_text(text, "Expiration", expires, sizeof expires);
    out->expires_s = is_whole ? service_time_of(expires) : 0;
    memset(h->reply.text, 0, sizeof h->reply.text);
    return out->expires_s
               ? FOTA_OK
               : credentials_fail(
                     h, E_HTTP_REPLY,
                     "%.128s answers without credentials for role %.128s: it is no STS, or a log-in page "
                     "stands before it",
                     c->url, role);
}

static enum fota_err refused(struct credentials_hunt *h, const struct call *c, unsigned status,
                             const char *role, const char *profile)
{
    char code[CODE_BYTES] = "";
    char message[MESSAGE_BYTES] = "";
    (void)service_xml_text(h->reply.text, "Code", code, sizeof code);
    (void)service_xml_text(h->reply.text, "Message", message, sizeof message);
    enum fota_err err = strcmp(code, "Throttling") == 0 ? E_S3_THROTTLED : credentials_refusal(status);
    return credentials_fail(h, err,
                            "STS at %.80s answers %u %s for role %.96s of %.64s: %.100s; check the role's "
                            "trust policy, the keys that ask for it, and the clock",
                            c->url, status, code, role, profile, message);
}

/* Ask STS. `by` NULL: not signed; else whose credentials sign. @return FOTA_OK: h->found has the new ones */
static enum fota_err ask_sts(struct credentials_hunt *h, const struct service_credentials *by,
                             const struct uri_text *form, const char *role, const char *profile)
{
    struct call c = {0};
    enum fota_err err = address(h, &c);
    if (!err && (form->is_full || (by && sign(h, &c, by, form)))) {
        err = credentials_fail(h, E_ARG, "what %.64s asks STS for is too long", profile);
    }
    if (err) {
        return err;
    }
    const struct http_header header[] = {{"Content-Type", FORM},
                                         {"X-Amz-Date", c.date},
                                         {"Authorization", c.authorization},
                                         {"X-Amz-Security-Token", by ? by->token : ""}};
    const struct http_request request = {.method = HTTP_VERB_POST,
                                         .url = c.url,
                                         .header = header,
                                         .n_headers = !by                    ? 1U
                                                      : by->token[0] != '\0' ? 4U
                                                                             : 3U,
                                         .body = (const uint8_t *)form->at,
                                         .n_body_bytes = form->n_bytes,
                                         .limits = {.total_ms = CREDENTIALS_FAR_MS}};
    unsigned status = 0;
    err = credentials_ask(h->search->far, &request, &h->reply, &status);
    if (err) {
        return credentials_no_answer(h, "STS", c.url, err);
    }
    return status == 200 ? read_reply(h, &c, role) : refused(h, &c, status, role, profile);
}

/* --- what a profile says ----------------------------------------------------------------------------- */

static enum fota_err read_duration(struct credentials_hunt *h, const char *profile, unsigned *duration_s)
{
    char text[16];
    *duration_s = 0;
    enum fota_err err = credentials_value(h, profile, "duration_seconds", text, sizeof text);
    if (err) {
        return err == E_NOT_FOUND ? FOTA_OK : err;
    }
    unsigned long value = strspn(text, "0123456789") == strlen(text) ? strtoul(text, NULL, 10) : 0;
    if (value < DURATION_MIN_S || value > DURATION_MAX_S) {
        return credentials_fail(h, E_ARG,
                                "duration_seconds = %s of profile %.64s is not a number from %d to %d", text,
                                profile, DURATION_MIN_S, DURATION_MAX_S);
    }
    *duration_s = (unsigned)value;
    return FOTA_OK;
}

/* Session name, external id, duration; the role itself is there already. */
static enum fota_err read_role(struct credentials_hunt *h, const char *profile, struct role *r)
{
    static const char named[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";
    enum fota_err err = credentials_value(h, profile, "role_session_name", r->session, sizeof r->session);
    if (err == E_NOT_FOUND) {
        (void)snprintf(r->session, sizeof r->session, "fota-%llu", (unsigned long long)h->search->now_s);
        err = FOTA_OK;
    }
    if (!err && (strlen(r->session) < 2 || r->session[strspn(r->session, named)] != '\0')) {
        err = credentials_fail(h, E_ARG,
                               "role_session_name = %s of profile %.64s: a name has 2 to 64 letters, digits "
                               "and _ + = , . @ -",
                               r->session, profile);
    }
    if (!err) {
        err = credentials_value(h, profile, "external_id", r->external_id, sizeof r->external_id);
        err = err == E_NOT_FOUND ? FOTA_OK : err;
    }
    return err ? err : read_duration(h, profile, &r->duration_s);
}

static void put_role(struct uri_text *form, const char *action, const struct role *r)
{
    char seconds[16];
    put_field(form, "Action", action);
    put_field(form, "Version", "2011-06-15");
    put_field(form, "RoleArn", r->arn);
    put_field(form, "RoleSessionName", r->session);
    if (r->duration_s) {
        (void)snprintf(seconds, sizeof seconds, "%u", r->duration_s);
        put_field(form, "DurationSeconds", seconds);
    }
    if (r->external_id[0] != '\0') {
        put_field(form, "ExternalId", r->external_id);
    }
}

/* --- the two ways ------------------------------------------------------------------------------------ */

enum fota_err credentials_assume_role(struct credentials_hunt *h, const char *profile)
{
    static struct service_credentials by;
    struct role r = {0};
    struct uri_text form = uri_text_begin(h->form, sizeof h->form);
    by = h->found;
    enum fota_err err = credentials_value(h, profile, "role_arn", r.arn, sizeof r.arn);
    if (err == E_NOT_FOUND) {
        err = credentials_fail(h, E_ARG, "role_arn of profile %.64s is empty", profile);
    }
    err = err ? err : read_role(h, profile, &r);
    if (!err) {
        put_role(&form, "AssumeRole", &r);
        err = ask_sts(h, &by, &form, r.arn, profile);
    }
    memset(&by, 0, sizeof by);
    return err;
}

/* The variable, if the environment counts, else what the profile says. */
static enum fota_err either(struct credentials_hunt *h, const char *variable, const char *profile,
                            const char *key, char *out, size_t n_out)
{
    const char *given = variable ? credentials_variable(variable) : NULL;
    if (!given) {
        return credentials_value(h, profile, key, out, n_out);
    }
    return credentials_put(out, n_out, given) ? FOTA_OK
                                              : credentials_fail(h, E_ARG, "%s is too long", variable);
}

/* It is renewed by others: read each time. */
static enum fota_err read_identity(struct credentials_hunt *h, const char *path)
{
    enum fota_err err = credentials_read_file(h, path, h->other.text);
    if (err) {
        return credentials_fail(h, E_IO, "the web identity %.200s cannot be read: %s", path,
                                err == E_NOT_FOUND ? "there is no such file" : "check its owner and mode");
    }
    size_t n = strcspn(h->other.text, "\r\n");
    h->other.text[n] = '\0';
    if (n == 0 || n > IDENTITY_MAX_BYTES) {
        return credentials_fail(h, E_IO, "the web identity %.200s has %zu characters, not 1 to %d", path, n,
                                IDENTITY_MAX_BYTES);
    }
    return FOTA_OK;
}

enum fota_err credentials_from_web_identity(struct credentials_hunt *h, const char *profile,
                                            bool uses_environment)
{
    const bool e = uses_environment;
    char path[CREDENTIALS_PATH_BYTES];
    struct role r = {0};
    enum fota_err err = either(h, e ? "AWS_WEB_IDENTITY_TOKEN_FILE" : NULL, profile,
                               "web_identity_token_file", path, sizeof path);
    if (err) {
        return err;
    }
    err = either(h, e ? "AWS_ROLE_ARN" : NULL, profile, "role_arn", r.arn, sizeof r.arn);
    if (err == E_NOT_FOUND) {
        err = credentials_fail(h, E_ARG,
                               "the web identity %.128s has no role: set AWS_ROLE_ARN, or role_arn in "
                               "profile %.64s",
                               path, profile);
    }
    err = err ? err : read_role(h, profile, &r);
    if (!err && e && credentials_variable("AWS_ROLE_SESSION_NAME")) {
        err = either(h, "AWS_ROLE_SESSION_NAME", profile, "role_session_name", r.session, sizeof r.session);
    }
    err = err ? err : read_identity(h, path);
    if (err) {
        return err;
    }
    struct uri_text form = uri_text_begin(h->form, sizeof h->form);
    r.external_id[0] = '\0'; /* not for identities of others */
    put_role(&form, "AssumeRoleWithWebIdentity", &r);
    put_field(&form, "WebIdentityToken", h->other.text);
    err = ask_sts(h, NULL, &form, r.arn, profile);
    h->found.source = SERVICE_SOURCE_WEB_IDENTITY;
    memset(h->form, 0, sizeof h->form);
    return err;
}
