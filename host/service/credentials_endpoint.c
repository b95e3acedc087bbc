/* Credentials that this machine's own network gives: the container's endpoint, and the role of the instance. */
#include <stdio.h>
#include <string.h>

#include "credentials_priv.h"

enum { ASK_MAX_MS = 2000, TIME_BYTES = 40 };

static const char CONTAINER[] = "http://169.254.170.2";
static const char INSTANCE[] = "http://169.254.169.254";
static const char ROLES[] = "/latest/meta-data/iam/security-credentials/";

/* --- requests ---------------------------------------------------------------------------------------- */

/* A request on this machine's own network; `name`: a header, or NULL. @return FOTA_OK: status 200 */
static enum fota_err ask_near(struct credentials_hunt *h, enum http_verb method, const char *url,
                              const char *name, const char *value, struct credentials_reply *out)
{
    const struct http_header header = {name, value};
    const struct http_request request = {.method = method,
                                         .url = url,
                                         .header = &header,
                                         .n_headers = name ? 1 : 0,
                                         .limits = {.total_ms = ASK_MAX_MS}};
    unsigned status = 0;
    enum fota_err err = credentials_ask(h->search->near, &request, out, &status);
    return err ? err : status == 200 ? FOTA_OK : E_HTTP_STATUS;
}

static enum fota_err read_reply(struct credentials_hunt *h, const char *url)
{
    struct service_credentials *c = &h->found;
    const char *text = h->reply.text;
    char expires[TIME_BYTES] = "";
    bool is_whole = service_json_text(text, "AccessKeyId", c->id, sizeof c->id) &&
                    service_json_text(text, "SecretAccessKey", c->secret, sizeof c->secret) &&
                    service_json_text(text, "Token", c->token, sizeof c->token) &&
                    service_json_text(text, "Expiration", expires, sizeof expires);
    c->expires_s = is_whole ? service_time_of(expires) : 0;
    if (c->expires_s) {
        return FOTA_OK;
    }
    return credentials_fail(h, E_S3_CREDENTIALS,
                            "%.200s does not answer with credentials: attach a role to this machine, or set "
                            "AWS_ACCESS_KEY_ID",
                            url);
}

/* --- container --------------------------------------------------------------------------------------- */

/* A token goes there: without TLS only to this machine, or to an address that the container service has. */
static bool is_near(const char *url)
{
    static const char *const hosts[] = {"127.",          "localhost",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    static const char scheme[] = "http://";
    if (strncmp(url, "https://", 8) == 0) {
        return true;
    }
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    const char *host = url + sizeof scheme - 1;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t n = strlen(hosts[i]);
        bool is_net = i == 0 && strspn(host, "0123456789.") == strcspn(host, "/:?#");
        if (strncmp(host, hosts[i], n) == 0 && (is_net || (i > 0 && strchr("/:?#", host[n])))) {
            return true;
        }
    }
    return false;
}

/* The file before the variable, as botocore does; it is renewed, so it is read each time. */
static enum fota_err container_token(struct credentials_hunt *h, const char **token)
{
    const char *path = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    *token = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (path) {
        if (credentials_read_file(h, path, h->other.text)) {
            return credentials_fail(h, E_IO, "%.200s, which the container names for a token, cannot be read",
                                    path);
        }
        h->other.text[strcspn(h->other.text, "\r\n")] = '\0';
        *token = h->other.text;
    }
    if (*token && strpbrk(*token, "\r\n")) {
        return credentials_fail(h, E_ARG, "AWS_CONTAINER_AUTHORIZATION_TOKEN has more than one line");
    }
    return FOTA_OK;
}

enum fota_err credentials_from_container(struct credentials_hunt *h)
{
    char url[CREDENTIALS_URL_BYTES];
    const char *relative = credentials_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = credentials_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token = NULL;
    if ((!relative && !full) || !h->search->near) {
        return E_NOT_FOUND;
    }
    int n = snprintf(url, sizeof url, "%s%s", relative ? CONTAINER : "", relative ? relative : full);
    if (n < 0 || (size_t)n >= sizeof url || !is_near(url)) {
        return credentials_fail(h, E_ARG,
                                "AWS_CONTAINER_CREDENTIALS_FULL_URI names %.160s: without https:// it must "
                                "be an address of this machine or of its container service",
                                url);
    }
    enum fota_err err = container_token(h, &token);
    if (err) {
        return err;
    }
    h->found.source = SERVICE_SOURCE_CONTAINER;
    err = ask_near(h, HTTP_VERB_GET, url, token ? "Authorization" : NULL, token, &h->reply);
    if (err) {
        return credentials_fail(
            h, err, "%.200s, which the container names for credentials, does not answer with any", url);
    }
    return read_reply(h, url);
}

/* --- instance ---------------------------------------------------------------------------------------- */

static const char *instance_base(void)
{
    const char *endpoint = credentials_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = credentials_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    return endpoint ? endpoint : mode && strcmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : INSTANCE;
}

/* IMDSv2: a token of the session first; version 1 is not tried. */
enum fota_err credentials_from_instance(struct credentials_hunt *h)
{
    char url[CREDENTIALS_URL_BYTES];
    const char *disabled = credentials_variable("AWS_EC2_METADATA_DISABLED");
    const char *base = instance_base();
    int n_base = (int)strlen(base) - (base[strlen(base) - 1] == '/' ? 1 : 0);
    if (!h->search->near || n_base > 200 || (disabled && strcmp(disabled, "true") == 0)) {
        return E_NOT_FOUND;
    }
    (void)snprintf(url, sizeof url, "%.*s/latest/api/token", n_base, base);
    if (ask_near(h, HTTP_VERB_PUT, url, "X-aws-ec2-metadata-token-ttl-seconds", "21600", &h->session)) {
        return E_NOT_FOUND; /* not an instance */
    }
    h->session.text[strcspn(h->session.text, "\r\n")] = '\0';
    (void)snprintf(url, sizeof url, "%.*s%s", n_base, base, ROLES);
    if (ask_near(h, HTTP_VERB_GET, url, "X-aws-ec2-metadata-token", h->session.text, &h->reply)) {
        return E_NOT_FOUND; /* an instance without a role */
    }
    h->reply.text[strcspn(h->reply.text, "\r\n")] = '\0';
    (void)snprintf(url, sizeof url, "%.*s%s%.128s", n_base, base, ROLES, h->reply.text);
    h->found.source = SERVICE_SOURCE_INSTANCE;
    enum fota_err err =
        ask_near(h, HTTP_VERB_GET, url, "X-aws-ec2-metadata-token", h->session.text, &h->reply);
    return err ? credentials_fail(h, err, "%.200s does not answer with credentials; try again", url)
               : read_reply(h, url);
}
