/* Credentials of single sign-on: the token that `aws sso login` left, for those of a role. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "credentials_priv.h"
#include "s3/uri.h"
#include "sha1.h"

enum {
    TOKEN_BYTES = 16384,
    VALUE_BYTES = 512,
    SECTION_BYTES = VALUE_BYTES + 16,
    TIME_BYTES = 40,
    MS_PER_S = 1000,
    STATUS_UNAUTHORIZED = 401
};

/* What a profile says, and its section [sso-session]. */
struct sso {
    char session[VALUE_BYTES]; /* "": the older form, all in the profile */
    char start_url[VALUE_BYTES];
    char region[CREDENTIALS_REGION_BYTES];
    char account[VALUE_BYTES];
    char role[VALUE_BYTES];
};

/* A key of the session's section, else of the profile. */
static enum fota_err value(struct credentials_hunt *h, const char *profile, const struct sso *s,
                           const char *key, char *out, size_t n_out)
{
    char section[SECTION_BYTES];
    (void)snprintf(section, sizeof section, "sso-session %s", s->session);
    if (s->session[0] != '\0' && service_profile_value(h->config.text, section, key, out, n_out)) {
        return FOTA_OK;
    }
    enum fota_err err = credentials_value(h, profile, key, out, n_out);
    return err == E_NOT_FOUND ? credentials_fail(h, E_ARG,
                                                 "profile %.64s uses SSO without %s: run aws configure sso "
                                                 "--profile %.64s",
                                                 profile, key, profile)
                              : err;
}

static enum fota_err read_profile(struct credentials_hunt *h, const char *profile, struct sso *s)
{
    enum fota_err err = credentials_value(h, profile, "sso_session", s->session, sizeof s->session);
    err = err == E_NOT_FOUND ? FOTA_OK : err;
    err = err ? err : value(h, profile, s, "sso_account_id", s->account, sizeof s->account);
    err = err ? err : value(h, profile, s, "sso_role_name", s->role, sizeof s->role);
    err = err ? err : value(h, profile, s, "sso_start_url", s->start_url, sizeof s->start_url);
    return err ? err : value(h, profile, s, "sso_region", s->region, sizeof s->region);
}

static enum fota_err log_in(struct credentials_hunt *h, const char *profile, const char *why)
{
    return credentials_fail(h, E_S3_CREDENTIALS,
                            "profile %.64s: %s; run aws sso login --profile %.64s as the user of the service",
                            profile, why, profile);
}

/* aws-cli names the file by the SHA-1 of the session's name, or of the start URL. */
static enum fota_err read_token(struct credentials_hunt *h, const char *profile, const struct sso *s,
                                char token[TOKEN_BYTES])
{
    char name[SHA1_HEX_BYTES];
    char expires[TIME_BYTES] = "";
    const char *home = credentials_variable("HOME");
    sha1_hex(s->session[0] != '\0' ? s->session : s->start_url, name);
    int n = snprintf(h->other.path, sizeof h->other.path, "%s/.aws/sso/cache/%s.json", home ? home : "/root",
                     name);
    if (n < 0 || (size_t)n >= sizeof h->other.path) {
        return credentials_fail(h, E_IO, "the path of ~/.aws/sso/cache is too long");
    }
    enum fota_err err = credentials_read_file(h, h->other.path, h->other.text);
    if (err) {
        return err == E_NOT_FOUND ? log_in(h, profile, "nobody has logged in to SSO") : err;
    }
    bool is_whole = service_json_text(h->other.text, "accessToken", token, TOKEN_BYTES) &&
                    service_json_text(h->other.text, "expiresAt", expires, sizeof expires);
    memset(h->other.text, 0, sizeof h->other.text);
    if (!is_whole || service_time_of(expires) == 0) {
        return log_in(h, profile, "the SSO session on this machine has no token");
    }
    return service_time_of(expires) > h->search->now_s ? FOTA_OK
                                                       : log_in(h, profile, "the SSO session has ended");
}

static enum fota_err read_reply(struct credentials_hunt *h, const char *url)
{
    struct service_credentials *c = &h->found;
    const char *inside = service_json_object(h->reply.text, "roleCredentials");
    uint64_t expires_ms = 0;
    bool is_whole = inside && service_json_text(inside, "accessKeyId", c->id, sizeof c->id) &&
                    service_json_text(inside, "secretAccessKey", c->secret, sizeof c->secret) &&
                    service_json_text(inside, "sessionToken", c->token, sizeof c->token) &&
                    service_json_number(inside, "expiration", &expires_ms);
    c->expires_s = is_whole ? expires_ms / MS_PER_S : 0;
    memset(h->reply.text, 0, sizeof h->reply.text);
    return c->expires_s ? FOTA_OK
                        : credentials_fail(h, E_HTTP_REPLY,
                                           "%.160s answers without credentials: it is no SSO, or a log-in "
                                           "page stands before it",
                                           url);
}

static enum fota_err ask(struct credentials_hunt *h, const char *profile, const struct sso *s,
                         const char *token)
{
    char base[CREDENTIALS_URL_BYTES];
    char url[2 * CREDENTIALS_URL_BYTES];
    enum fota_err err = credentials_service_url(h, "AWS_ENDPOINT_URL_SSO", "portal.sso", s->region, base);
    if (err) {
        return err;
    }
    struct uri_text t = uri_text_begin(url, sizeof url);
    uri_put(&t, base);
    uri_put(&t, "/federation/credentials?role_name=");
    uri_put_encoded(&t, s->role, false);
    uri_put(&t, "&account_id=");
    uri_put_encoded(&t, s->account, false);
    const struct http_header header = {"x-amz-sso_bearer_token", token};
    const struct http_request request = {.method = HTTP_VERB_GET,
                                         .url = url,
                                         .header = &header,
                                         .n_headers = 1,
                                         .limits = {.total_ms = CREDENTIALS_FAR_MS}};
    unsigned status = 0;
    err = t.is_full ? E_NO_SPACE : credentials_ask(h->search->far, &request, &h->reply, &status);
    if (err) {
        return credentials_no_answer(h, "SSO", base, err);
    }
    if (status == STATUS_UNAUTHORIZED) {
        return log_in(h, profile, "SSO does not accept the session");
    }
    if (status != 200) {
        return credentials_fail(h, credentials_refusal(status),
                                "SSO at %.128s answers %u for role %.64s in account %.32s of profile %.64s: "
                                "check that this user has that role",
                                base, status, s->role, s->account, profile);
    }
    return read_reply(h, base);
}

enum fota_err credentials_from_sso(struct credentials_hunt *h, const char *profile)
{
    static char token[TOKEN_BYTES];
    struct sso s = {0};
    if (!credentials_has_value(h, profile, "sso_role_name") &&
        !credentials_has_value(h, profile, "sso_account_id")) {
        return E_NOT_FOUND;
    }
    enum fota_err err = read_profile(h, profile, &s);
    err = err ? err : read_token(h, profile, &s, token);
    err = err ? err : ask(h, profile, &s, token);
    memset(token, 0, sizeof token);
    h->found.source = SERVICE_SOURCE_SSO;
    return err;
}
