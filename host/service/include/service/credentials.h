/**
 * Credentials for S3 as aws-cli finds them, in its order:
 *
 *   1. the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   2. the role that the profile assumes: role_arn with source_profile (up to eight roles in a row) or credential_source,
 *      role_session_name, external_id, duration_seconds
 *   3. a web identity: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, or the same keys of the profile
 *   4. single sign-on: sso_session or sso_start_url, with the token that `aws sso login` left
 *   5. keys in ~/.aws/credentials, then credential_process, then keys in ~/.aws/config
 *   6. the container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or ..._FULL_URI,
 *      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or ..._TOKEN
 *   7. the role of the instance (IMDSv2): AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT
 *
 * The profile is AWS_PROFILE, in AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE. One that is named explicitly leaves
 * the environment and what this machine's own network gives out, as `--profile` does there.
 * STS is asked in the region of the configuration, of AWS_REGION, AWS_DEFAULT_REGION or the profile; AWS_ENDPOINT_URL_STS,
 * AWS_ENDPOINT_URL_SSO, AWS_ENDPOINT_URL and endpoint_url name another server.
 *
 * Not done, and refused by name: mfa_serial, because nobody is there to type a code. An SSO token that ended is not
 * renewed: the sentence says `aws sso login`. Not read: [services ...]. Credentials of another kind than the one that a
 * profile asks for are never used in its place.
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
    SERVICE_WHY_BYTES = 480,
    SERVICE_REFRESH_BEFORE_S = 900 /* as botocore: temporary ones are renewed so long before their end */
};

enum service_source {
    SERVICE_SOURCE_NONE,
    SERVICE_SOURCE_ENVIRONMENT,
    SERVICE_SOURCE_CREDENTIALS_FILE,
    SERVICE_SOURCE_CONFIG_FILE,
    SERVICE_SOURCE_PROCESS,
    SERVICE_SOURCE_CONTAINER,
    SERVICE_SOURCE_INSTANCE,
    SERVICE_SOURCE_ROLE,
    SERVICE_SOURCE_WEB_IDENTITY,
    SERVICE_SOURCE_SSO
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

/** What a search may use. */
struct service_search {
    struct http
        *near; /* for the endpoints of this machine, which no proxy reaches; NULL: these are left out */
    struct http *far;    /* for STS and SSO, as S3 is reached; needs POST. NULL: they count as unreachable */
    const char *profile; /* named explicitly; NULL: AWS_PROFILE, else `default` */
    const char *region;  /* of the configuration; NULL: the environment's, else the profile's */
    uint64_t now_s;      /* seconds since 1970, for signatures and the end of tokens */
};

/**
 * Find credentials.
 *
 * @param out      unchanged after a failure
 * @param why      SERVICE_WHY_BYTES; after a failure a sentence with what to do
 * Takes:          6 s for the endpoints of this machine, 30 s for each role or SSO, 60 s for a credential_process
 * @return FOTA_OK · E_NOT_FOUND (nowhere) · E_ARG (what is configured is wrong: half of it, too long, a loop, MFA) ·
 *         E_IO (a file that cannot be read) · E_S3_CREDENTIALS (a server refuses, or has none; the SSO session ended) ·
 *         E_S3_THROTTLED, E_S3_SERVER, E_HTTP_* and E_NET_* (of a server; may pass by itself)
 */
FOTA_MUST_CHECK
enum fota_err service_credentials_find(const struct service_search *search, struct service_credentials *out,
                                       char *why);

/** Is it time to look for new ones? `now_s` as this machine knows it. */
bool service_credentials_are_due(const struct service_credentials *c, uint64_t now_s);

/**
 * The value of a key in a section of an AWS file. Nested (indented) lines are passed over.
 * @return false: not there, or longer than `n_out`
 */
bool service_profile_value(const char *text, const char *section, const char *key, char *out, size_t n_out);

/** Is there this section? */
bool service_profile_exists(const char *text, const char *section);

/** Is this key in this section, whatever its value? */
bool service_profile_has(const char *text, const char *section, const char *key);

/**
 * The text member `name` of the outermost JSON object.
 * @return false: not there, not a text, or longer than `n_out`
 */
bool service_json_text(const char *json, const char *name, char *out, size_t n_out);

/** The object member `name` of the outermost JSON object, for another call of these three.
 * @return NULL: there is none */
const char *service_json_object(const char *json, const char *name);

/** The member `name` of the outermost JSON object, a whole number of up to 18 digits.
 * @return false: it is none */
bool service_json_number(const char *json, const char *name, uint64_t *out);

/**
 * The text of the first element `tag` without attributes, blanks at its ends left out.
 * @return false: not there, longer than `n_out`, or with an element, an entity or another byte than visible ASCII in it
 */
bool service_xml_text(const char *xml, const char *tag, char *out, size_t n_out);

/**
 * Split a command as aws-cli does: words at blanks, quotes of both kinds, backslashes; no shell.
 * @param text  overwritten: the words stand in it
 * @return number of words, word[n] is NULL; 0: none, more than `n_max` - 1, or a quote without its end
 */
unsigned service_split(char *text, char **word, unsigned n_max);

/** `2026-11-29T09:00:00Z` as seconds since 1970; 0: not such a time. */
uint64_t service_time_of(const char *text);

#endif
