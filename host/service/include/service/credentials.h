/**
 * Credentials for S3 as aws-cli finds them, in its order: environment, ~/.aws/credentials, ~/.aws/config, the
 * command of `credential_process`, the container's endpoint, the role of the instance (IMDSv2). A profile that is named explicitly leaves the environment
 * out, as `--profile` does there.
 *
 *   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE
 *   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, ..._FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN,
 *   ..._TOKEN_FILE
 *   AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT
 *
 * Not done: assumed roles (role_arn), SSO and web identities. A profile or an environment that asks for one of them is
 * refused by name, and the sentence says how credential_process gets the same from aws-cli; credentials of another kind
 * are never used in their place.
 */
#ifndef SERVICE_CREDENTIALS_H
#define SERVICE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/http.h"

enum {
    SERVICE_KEY_ID_BYTES = 160,
    SERVICE_SECRET_BYTES = 1024,
    SERVICE_TOKEN_BYTES = 8192,
    SERVICE_WHY_BYTES = 320,
    SERVICE_REFRESH_BEFORE_S = 900 /* as botocore: temporary ones are renewed so long before their end */
};

enum service_source {
    SERVICE_SOURCE_NONE,
    SERVICE_SOURCE_ENVIRONMENT,
    SERVICE_SOURCE_CREDENTIALS_FILE,
    SERVICE_SOURCE_CONFIG_FILE,
    SERVICE_SOURCE_PROCESS,
    SERVICE_SOURCE_CONTAINER,
    SERVICE_SOURCE_INSTANCE
};

/** NUL-terminated; `token` is "" where there is none. */
struct service_credentials {
    enum service_source source;
    char id[SERVICE_KEY_ID_BYTES];
    char secret[SERVICE_SECRET_BYTES];
    char token[SERVICE_TOKEN_BYTES];
    uint64_t expires_s; /* seconds since 1970; 0: they do not end */
};

/** Where they were found, for messages: "the environment", "~/.aws/credentials", ... Never NULL. */
const char *service_source_text(enum service_source source);

/**
 * Find credentials.
 *
 * @param http     for the two endpoints, which are never reached through a proxy; NULL: these are left out
 * @param profile  named explicitly; NULL: AWS_PROFILE, else `default`
 * @param out      unchanged after a failure
 * @param why      SERVICE_WHY_BYTES; after a failure a sentence with what to do
 * @return FOTA_OK · E_NOT_FOUND (nowhere) · E_S3_CREDENTIALS (half of them, too long, or an endpoint that refuses) ·
 *         E_IO (a file that cannot be read)
 */
FOTA_MUST_CHECK
enum fota_err service_credentials_find(struct http *http, const char *profile,
                                       struct service_credentials *out, char *why);

/** Is it time to look for new ones? `now_s` as this machine knows it. */
bool service_credentials_are_due(const struct service_credentials *c, uint64_t now_s);

/**
 * The value of a key in a section of an AWS file. Nested (indented) lines are passed over.
 * @return false: not there, or longer than `n_out`
 */
bool service_profile_value(const char *text, const char *section, const char *key, char *out, size_t n_out);

/** Is this key in this section, whatever its value? */
bool service_profile_has(const char *text, const char *section, const char *key);

/**
 * The text member `name` of the outermost JSON object.
 * @return false: not there, not a text, or longer than `n_out`
 */
bool service_json_text(const char *json, const char *name, char *out, size_t n_out);

/**
 * Split a command as aws-cli does: words at blanks, quotes of both kinds, backslashes; no shell.
 * @param text  overwritten: the words stand in it
 * @return number of words, word[n] is NULL; 0: none, more than `n_max` - 1, or a quote without its end
 */
unsigned service_split(char *text, char **word, unsigned n_max);

/** `2026-11-29T09:00:00Z` as seconds since 1970; 0: not such a time. */
uint64_t service_time_of(const char *text);

#endif
