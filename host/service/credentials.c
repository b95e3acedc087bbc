/* Credentials: who is asked in which order. */
#include "service/credentials.h"

#include <string.h>

#include "credentials_priv.h"

const char *service_source_text(enum service_source source)
{
    static const char *const texts[] = {[SERVICE_SOURCE_NONE] = "nowhere",
                                        [SERVICE_SOURCE_ENVIRONMENT] = "the environment",
                                        [SERVICE_SOURCE_CREDENTIALS_FILE] = "~/.aws/credentials",
                                        [SERVICE_SOURCE_CONFIG_FILE] = "~/.aws/config",
                                        [SERVICE_SOURCE_PROCESS] = "credential_process",
                                        [SERVICE_SOURCE_CONTAINER] = "the container's endpoint",
                                        [SERVICE_SOURCE_INSTANCE] = "the role of the instance",
                                        [SERVICE_SOURCE_ROLE] = "an assumed role",
                                        [SERVICE_SOURCE_WEB_IDENTITY] = "a web identity",
                                        [SERVICE_SOURCE_SSO] = "single sign-on"};
    return (unsigned)source < sizeof texts / sizeof texts[0] ? texts[source] : texts[0];
}

bool service_credentials_are_due(const struct service_credentials *c, uint64_t now_s)
{
    return c->source == SERVICE_SOURCE_NONE ||
           (c->expires_s && now_s + SERVICE_REFRESH_BEFORE_S >= c->expires_s);
}

/* --- in order ---------------------------------------------------------------------------------------- */

static enum fota_err from_profiles(struct credentials_hunt *h)
{
    enum fota_err err = credentials_read_profiles(h);
    if (!err && !h->search->profile && credentials_variable("AWS_PROFILE") &&
        !credentials_has_profile(h, h->profile)) {
        return credentials_fail(h, E_ARG,
                                "AWS_PROFILE names %.64s, which is in neither ~/.aws/credentials nor "
                                "~/.aws/config of this user: write it there, or unset AWS_PROFILE",
                                h->profile);
    }
    err = err ? err : credentials_from_role(h);
    return err == E_NOT_FOUND ? credentials_from_profile(h, h->profile, !h->search->profile) : err;
}

static enum fota_err from_endpoints(struct credentials_hunt *h)
{
    enum fota_err err = credentials_from_container(h);
    return err == E_NOT_FOUND ? credentials_from_instance(h) : err;
}

static enum fota_err nowhere(struct credentials_hunt *h)
{
    if (h->search->profile) {
        return credentials_fail(
            h, E_NOT_FOUND,
            "profile %.64s has no aws_access_key_id, no credential_process, no role_arn and no SSO in "
            "~/.aws/credentials or ~/.aws/config of this user: write it there, or take profile out of the "
            "configuration",
            h->search->profile);
    }
    return credentials_fail(h, E_NOT_FOUND,
                            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write "
                            "~/.aws/credentials, or write auth = none for a bucket that everybody may read");
}

enum fota_err service_credentials_find(const struct service_search *search, struct service_credentials *out,
                                       char *why)
{
    static struct credentials_hunt h;
    const char *profile = search->profile ? search->profile : credentials_variable("AWS_PROFILE");
    memset(&h, 0, sizeof h);
    h.search = search;
    h.profile = profile ? profile : "default";
    h.why = why;
    enum fota_err err = search->profile ? E_NOT_FOUND : credentials_from_environment(&h);
    if (err == E_NOT_FOUND) {
        err = from_profiles(&h);
    }
    if (err == E_NOT_FOUND && !search->profile) {
        err = from_endpoints(&h);
    }
    if (err == E_NOT_FOUND) {
        err = nowhere(&h);
    }
    if (!err) {
        *out = h.found;
    }
    return err;
}
