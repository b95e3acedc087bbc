/**
 * S3 as verbs use it: options and environment, the client, and a sentence for every failure.
 *
 * Credentials come from the environment only (they would show in the list of processes): AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, as other S3 tools use them.
 */
#ifndef CLI_S3_CLIENT_H
#define CLI_S3_CLIENT_H

#include "cli.h"
#include "posix/http_curl.h"
#include "s3/s3.h"
#include "service/config.h"
#include "service/credentials.h"

/** Options that a verb with S3 puts first in its table, so that these are their indices. */
enum {
    CLI_S3_ENDPOINT,
    CLI_S3_REGION,
    CLI_S3_BUCKET,
    CLI_S3_PREFIX,
    CLI_S3_VHOST,
    CLI_S3_CA_FILE,
    CLI_S3_OPTIONS
};

/* clang-format off */
#define CLI_S3_OPTION_TABLE                                                                                            \
    {"endpoint", CLI_TEXT, "URL", NULL, "S3 server (else AWS_ENDPOINT_URL, else AWS in --region)"},                    \
    {"region", CLI_TEXT, "NAME", NULL, "region (else AWS_REGION, AWS_DEFAULT_REGION, us-east-1)"},                     \
    {"bucket", CLI_TEXT, "NAME", NULL, "bucket (else FOTA_BUCKET)"},                                                   \
    {"prefix", CLI_TEXT, "FOLDER", NULL, "folder in the bucket that all objects are in (else FOTA_PREFIX)"},             \
    {"vhost", CLI_FLAG, NULL, NULL, "bucket in the host name; always so at AWS itself"},                               \
    {"ca-file", CLI_TEXT, "FILE", NULL, "trust only the CA certificates in this PEM file"}
/* clang-format on */

/** An open client. */
struct cli_s3 {
    struct s3_config config;
    struct s3 s3;
    struct http_curl *http;
    char endpoint[S3_URL_MAX_BYTES];
    /* Of cli_s3_from_config only: */
    bool is_signed;
    const char *profile;      /* named in the configuration, or NULL */
    const char *named_region; /* the same */
    struct http_curl_config transport;
    struct service_credentials credentials;
};

/**
 * Open a client from a verb's options and the environment; close with cli_s3_close.
 * @param trusts_server_clock  sign with the server's time when ours is refused
 * @return CLI_OK · CLI_USAGE (something is missing; a sentence was printed) · CLI_INTERNAL
 */
FOTA_MUST_CHECK
enum cli_exit cli_s3_open(struct cli *cli, const struct cli_command *self, const struct cli_values *v,
                          bool trusts_server_clock, struct cli_s3 *out);

/**
 * The same from the configuration of a service, with credentials as aws-cli finds them.
 * @param stop  not 0: the request under way is cut short; NULL: never
 * @param now_s  seconds since 1970, for signatures of STS
 * @return CLI_OK · CLI_USAGE (no credentials, or wrong ones in the files; or no URL; a sentence was printed) · CLI_FILE
 * (~/.aws cannot be read) · CLI_NETWORK (a server that gives credentials refuses, or does not answer) · CLI_INTERNAL
 */
FOTA_MUST_CHECK
enum cli_exit cli_s3_from_config(struct cli *cli, const struct service_config *config,
                                 const volatile sig_atomic_t *stop, uint64_t now_s, struct cli_s3 *out);

/** Do credentials of cli_s3_from_config end soon? */
bool cli_s3_is_refresh_due(const struct cli_s3 *c, uint64_t now_s);

/**
 * Between two requests: new credentials in place of those that cli_s3_from_config found.
 * @param why  SERVICE_WHY_BYTES; after a failure what to do
 * @return FOTA_OK · as service_credentials_find; the old ones are used on
 */
FOTA_MUST_CHECK
enum fota_err cli_s3_refresh(struct cli_s3 *c, uint64_t now_s, char *why);

void cli_s3_close(struct cli_s3 *c);

/**
 * Print what is wrong with a request and what to do.
 *
 * @param err     of s3_get or s3_put
 * @param reply  of the same
 * @param object  object key
 * @param now_s   time the request was signed with
 * @return cli_exit_of(err)
 */
enum cli_exit cli_s3_fail(struct cli *cli, const struct cli_s3 *c, enum fota_err err,
                          const struct s3_reply *reply, const char *object, uint64_t now_s);

#endif
