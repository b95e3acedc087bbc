/* What the parts of a search for credentials share: the two files of AWS, one reply of a server, one sentence. */
#ifndef SERVICE_CREDENTIALS_PRIV_H
#define SERVICE_CREDENTIALS_PRIV_H

#include "service/credentials.h"

enum {
    CREDENTIALS_FILE_BYTES = 65536,
    CREDENTIALS_REPLY_BYTES = 32768,
    CREDENTIALS_FORM_BYTES =
        81920, /* a web identity has up to 20,000 characters, of up to three bytes each */
    CREDENTIALS_PATH_BYTES = 1024,
    CREDENTIALS_URL_BYTES = 1024,
    CREDENTIALS_NAME_BYTES = 129,
    CREDENTIALS_SECTION_BYTES = CREDENTIALS_NAME_BYTES + 8,
    CREDENTIALS_REGION_BYTES = 64,
    CREDENTIALS_FAR_MS = 30000 /* STS and SSO */
};

/* NUL-terminated, "" where there is no such file. */
struct credentials_file {
    char path[CREDENTIALS_PATH_BYTES];
    char text[CREDENTIALS_FILE_BYTES + 1];
};

struct credentials_reply {
    char text[CREDENTIALS_REPLY_BYTES];
    size_t n;
};

/* One search. */
struct credentials_hunt {
    const struct service_search *search;
    const char *profile;
    struct credentials_file keys, config; /* ~/.aws/credentials, ~/.aws/config */
    struct credentials_file other;        /* a token */
    struct credentials_reply reply, session;
    char form[CREDENTIALS_FORM_BYTES];
    struct service_credentials found;
    char *why;
};

/* --- common ------------------------------------------------------------------------------------------ */

/* Write the sentence.
 * @return err */
FOTA_PRINTF(3, 4)
enum fota_err credentials_fail(struct credentials_hunt *h, enum fota_err err, const char *format, ...);

/* A variable of the environment that is set and not empty.
 * @return NULL: it is not */
const char *credentials_variable(const char *name);

/* Copy with its NUL.
 * @return false: it does not fit */
bool credentials_put(char *out, size_t n_out, const char *text);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
 * @return FOTA_OK · E_NOT_FOUND · E_ARG */
enum fota_err credentials_from_environment(struct credentials_hunt *h);

/* `text` has room for CREDENTIALS_FILE_BYTES and a NUL.
 * @return FOTA_OK · E_NOT_FOUND (no such file) · E_IO (told) */
enum fota_err credentials_read_file(struct credentials_hunt *h, const char *path, char *text);

/* One request; the body of its reply in `out`, whatever the status.
 * @return as http_perform · E_NET_CONNECT (no transport) */
enum fota_err credentials_ask(struct http *http, const struct http_request *request,
                              struct credentials_reply *out, unsigned *status);

/* --- files ------------------------------------------------------------------------------------------- */

/* Both files of AWS.
 * @return FOTA_OK · E_IO (told) */
enum fota_err credentials_read_profiles(struct credentials_hunt *h);

/* `NAME`, in ~/.aws/config `profile NAME`. */
void credentials_section(bool is_config, const char *profile, char section[CREDENTIALS_SECTION_BYTES]);

bool credentials_has_profile(const struct credentials_hunt *h, const char *profile);
bool credentials_has_value(const struct credentials_hunt *h, const char *profile, const char *key);

/* What the files say, the one with credentials first.
 * @return FOTA_OK · E_NOT_FOUND (out is "") · E_ARG (it does not fit; told) */
enum fota_err credentials_value(struct credentials_hunt *h, const char *profile, const char *key, char *out,
                                size_t n_out);

/* The region of the configuration, of the environment, or of the profile; "" if nobody says.
 * @return FOTA_OK · E_ARG (told) */
enum fota_err credentials_region(struct credentials_hunt *h, char region[CREDENTIALS_REGION_BYTES]);

/* Where a service is: `variable`, AWS_ENDPOINT_URL, endpoint_url of the profile, else `host` of the region. Ends
 * without a slash.
 * @return FOTA_OK · E_ARG (told) */
enum fota_err credentials_service_url(struct credentials_hunt *h, const char *variable, const char *host,
                                      const char *region, char url[CREDENTIALS_URL_BYTES]);

/* A service, `what`, that gave no answer.
 * @return err */
enum fota_err credentials_no_answer(struct credentials_hunt *h, const char *what, const char *url,
                                    enum fota_err err);

/* What a refusal of a service is, by its status. */
enum fota_err credentials_refusal(unsigned status);

/* --- ways to credentials, all into h->found; E_NOT_FOUND: nothing asks for this way -------------------- */

enum fota_err credentials_from_container(struct credentials_hunt *h);
enum fota_err credentials_from_instance(struct credentials_hunt *h);

/* `uses_environment`: AWS_WEB_IDENTITY_TOKEN_FILE counts. */
enum fota_err credentials_from_web_identity(struct credentials_hunt *h, const char *profile,
                                            bool uses_environment);
enum fota_err credentials_from_sso(struct credentials_hunt *h, const char *profile);

/* Web identity, single sign-on, keys, command of a profile. */
enum fota_err credentials_from_profile(struct credentials_hunt *h, const char *profile,
                                       bool uses_environment);

/* From h->found to the credentials of the role of this profile. */
enum fota_err credentials_assume_role(struct credentials_hunt *h, const char *profile);

/* The role that h->profile assumes, and those of its sources before it. */
enum fota_err credentials_from_role(struct credentials_hunt *h);

#endif
