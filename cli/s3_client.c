#include "s3_client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *first_of(const char *option, const char *const *variable)
{
    if (option) {
        return option;
    }
    for (size_t i = 0; variable[i]; i++) {
        const char *value = getenv(variable[i]);
        if (value && value[0] != '\0') {
            return value;
        }
    }
    return NULL;
}

/* `out->config` is filled in: the transport, and where the server is. */
static enum cli_exit open_client(struct cli *cli, const char *endpoint,
                                 const struct http_curl_config *transport, struct cli_s3 *out)
{
    if (endpoint) {
        (void)snprintf(out->endpoint, sizeof out->endpoint, "%s", endpoint);
    } else {
        (void)snprintf(out->endpoint, sizeof out->endpoint, "https://s3.%s.amazonaws.com",
                       out->config.region);
    }
    if (http_curl_open(transport, &out->http) != FOTA_OK) {
        return cli_fail(cli, E_INTERNAL, "libcurl cannot be started");
    }
    if (s3_init(&out->s3, http_curl_http(out->http), &out->config) != FOTA_OK) {
        cli_s3_close(out);
        return cli_usage(
            cli, NULL, "'%s' is not the URL of an S3 server; it looks like https://host or http://host:port",
            out->endpoint);
    }
    return CLI_OK;
}

enum cli_exit cli_s3_open(struct cli *cli, const struct cli_command *self, const struct cli_values *v,
                          bool trusts_server_clock, struct cli_s3 *out)
{
    static const char *const endpoints[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", NULL};
    static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
    static const char *const buckets[] = {"FOTA_BUCKET", NULL};
    static const char *const prefixes[] = {"FOTA_PREFIX", NULL};
    static const char *const ids[] = {"AWS_ACCESS_KEY_ID", NULL};
    static const char *const secrets[] = {"AWS_SECRET_ACCESS_KEY", NULL};
    static const char *const tokens[] = {"AWS_SESSION_TOKEN", NULL};
    memset(out, 0, sizeof *out);
    const char *region = first_of(v->option[CLI_S3_REGION].text, regions);
    const char *endpoint = first_of(v->option[CLI_S3_ENDPOINT].text, endpoints);
    out->config = (struct s3_config){
        .endpoint = out->endpoint,
        .region = region ? region : "us-east-1",
        .bucket = first_of(v->option[CLI_S3_BUCKET].text, buckets),
        .prefix = first_of(v->option[CLI_S3_PREFIX].text, prefixes),
        .key_id = first_of(NULL, ids),
        .secret = first_of(NULL, secrets),
        .token = first_of(NULL, tokens),
        .is_vhost = v->option[CLI_S3_VHOST].is_given || !endpoint,
        .trusts_server_clock = trusts_server_clock,
    };
    if (!out->config.bucket) {
        return cli_usage(cli, self, "no bucket: give --bucket or set FOTA_BUCKET");
    }
    if (out->config.prefix && !service_is_prefix(out->config.prefix)) {
        return cli_usage(cli, self, "--prefix %s is no folder of a bucket; it looks like fleet/eu",
                         out->config.prefix);
    }
    if (!out->config.key_id || !out->config.secret) {
        return cli_usage(cli, self, "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    const struct http_curl_config transport = {.ca_file = v->option[CLI_S3_CA_FILE].text};
    return open_client(cli, endpoint, &transport, out);
}

void cli_s3_close(struct cli_s3 *c)
{
    http_curl_close(c->http);
    c->http = NULL;
}

/* New credentials, where the configuration wants any: one transport for this machine's own network, which no proxy
 * reaches, and one as for S3. */
static enum fota_err find_credentials(struct cli_s3 *c, uint64_t now_s, char *why)
{
    const struct http_curl_config direct = {.proxy = "", .stop = c->transport.stop};
    struct http_curl *near = NULL;
    struct http_curl *far = NULL;
    enum fota_err err = http_curl_open(&direct, &near);
    err = err ? err : http_curl_open(&c->transport, &far);
    if (err) {
        (void)snprintf(why, SERVICE_WHY_BYTES, "libcurl cannot be started");
    } else {
        const struct service_search search = {.near = http_curl_http(near),
                                              .far = http_curl_http(far),
                                              .profile = c->profile,
                                              .region = c->named_region,
                                              .now_s = now_s};
        err = service_credentials_find(&search, &c->credentials, why);
    }
    http_curl_close(far);
    http_curl_close(near);
    if (!err) {
        c->config.key_id = c->credentials.id;
        c->config.secret = c->credentials.secret;
        c->config.token = c->credentials.token[0] != '\0' ? c->credentials.token : NULL;
    }
    return err;
}

enum cli_exit cli_s3_from_config(struct cli *cli, const struct service_config *config,
                                 const volatile sig_atomic_t *stop, uint64_t now_s, struct cli_s3 *out)
{
    char why[SERVICE_WHY_BYTES];
    memset(out, 0, sizeof *out);
    out->is_signed = config->auth != SERVICE_AUTH_NONE;
    out->profile = config->profile;
    out->named_region = config->region;
    out->transport =
        (struct http_curl_config){.ca_file = config->ca_file, .proxy = config->proxy, .stop = stop};
    out->config = (struct s3_config){
        .endpoint = out->endpoint,
        .region = config->region ? config->region : "us-east-1",
        .bucket = config->bucket,
        .prefix = config->prefix,
        .is_vhost = config->addressing == SERVICE_ADDRESS_AUTO ? !config->endpoint
                                                               : config->addressing == SERVICE_ADDRESS_VHOST,
        .trusts_server_clock = true,
    };
    enum fota_err err = out->is_signed ? find_credentials(out, now_s, why) : FOTA_OK;
    if (err) {
        enum cli_exit result = cli_fail(cli, err, "%s", why);
        return err == E_NOT_FOUND ? CLI_USAGE : result;
    }
    return open_client(cli, config->endpoint, &out->transport, out);
}

bool cli_s3_is_refresh_due(const struct cli_s3 *c, uint64_t now_s)
{
    return c->is_signed && service_credentials_are_due(&c->credentials, now_s);
}

enum fota_err cli_s3_refresh(struct cli_s3 *c, uint64_t now_s, char *why)
{
    return find_credentials(c, now_s, why); /* after a failure the old ones stay until they end */
}

static enum cli_exit clock_failed(struct cli *cli, const struct s3_reply *reply, uint64_t now_s)
{
    if (reply->server_time_s == 0) {
        return cli_fail(cli, E_S3_CLOCK, "the server refuses this machine's clock; set it and try again");
    }
    const bool is_ahead = now_s > reply->server_time_s;
    const uint64_t off_s = is_ahead ? now_s - reply->server_time_s : reply->server_time_s - now_s;
    return cli_fail(cli, E_S3_CLOCK,
                    "this machine's clock is %" PRIu64 " s %s the server's; set it and try again", off_s,
                    is_ahead ? "ahead of" : "behind");
}

static enum cli_exit refused(struct cli *cli, const struct cli_s3 *c, enum fota_err err,
                             const struct s3_reply *reply, const char *key)
{
    const char *bucket = c->config.bucket;
    const char *prefix = c->config.prefix ? c->config.prefix : "";
    char object[S3_URL_MAX_BYTES];
    (void)snprintf(object, sizeof object, "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", key);
    switch (err) {
    case E_S3_CREDENTIALS:
        return cli_fail(
            cli, err,
            "%s refuses key id %s for %s/%s (%s); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "the key's rights",
            c->endpoint, c->config.key_id ? c->config.key_id : "(none)", bucket, object,
            reply->code[0] != '\0' ? reply->code : "no code");
    case E_S3_NO_BUCKET:
        return cli_fail(cli, err, "bucket %s does not exist at %s; create it or check --bucket", bucket,
                        c->endpoint);
    case E_S3_NO_KEY:
        return cli_fail(cli, err, "object %s/%s does not exist", bucket, object);
    case E_S3_REGION:
        return cli_fail(cli, err, "bucket %s is not in region %s%s%s; give the right --region", bucket,
                        c->config.region, reply->region[0] != '\0' ? " but in " : "", reply->region);
    case E_S3_THROTTLED:
        return cli_fail(cli, err, "%s asks to slow down; try again in a minute", c->endpoint);
    case E_S3_PRECONDITION:
        return cli_fail(cli, err, "%s/%s was changed by someone else meanwhile; look at it and try again",
                        bucket, object);
    case E_UNSUPPORTED:
        (void)cli_fail(
            cli, err,
            "%s cannot do conditional writes (501), so two publishers could overwrite each other; use a "
            "store that can",
            c->endpoint);
        return CLI_NETWORK;
    default:
        return cli_fail(cli, err, "%s answers %u%s%s for %s/%s; try again or look at the server's log",
                        c->endpoint, reply->status, reply->code[0] != '\0' ? " " : "", reply->code, bucket,
                        object);
    }
}

enum cli_exit cli_s3_fail(struct cli *cli, const struct cli_s3 *c, enum fota_err err,
                          const struct s3_reply *reply, const char *object, uint64_t now_s)
{
    switch (err) {
    case E_S3_CLOCK:
        return clock_failed(cli, reply, now_s);
    case E_NET_DNS:
        return cli_fail(cli, err, "host name of %s is unknown; check --endpoint and the network",
                        c->endpoint);
    case E_NET_CONNECT:
        return cli_fail(cli, err,
                        "%s cannot be reached; check --endpoint, the network, and that the server runs",
                        c->endpoint);
    case E_NET_TLS:
        return cli_fail(cli, err, "no trusted connection to %s: %s; check --ca-file and the clock",
                        c->endpoint, http_curl_detail(c->http));
    case E_NET_CUT:
        return cli_fail(cli, err, "connection to %s ended early; try again", c->endpoint);
    case E_TIMEOUT:
        return cli_fail(cli, err, "%s does not answer in time; check the network and try again", c->endpoint);
    case E_HTTP_REPLY:
        return cli_fail(cli, err, "%s does not answer as S3 does; check --endpoint", c->endpoint);
    default:
        return refused(cli, c, err, reply, object);
    }
}
