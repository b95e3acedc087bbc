/* Roles that profiles assume: from the first credentials to the last role. */
#include <string.h>

#include "credentials_priv.h"

enum { CHAIN_MAX = 8 };

/* Profiles on the way to the first credentials: each assumes a role with those of the next one. */
struct chain {
    char name[CHAIN_MAX][CREDENTIALS_NAME_BYTES];
    unsigned n;
};

static bool is_role(const struct credentials_hunt *h, const char *profile)
{
    return credentials_has_value(h, profile, "role_arn") &&
           !credentials_has_value(h, profile, "web_identity_token_file");
}

static bool has_keys(const struct credentials_hunt *h, const char *profile)
{
    return credentials_has_value(h, profile, "aws_access_key_id") ||
           credentials_has_value(h, profile, "aws_secret_access_key");
}

static bool is_in(const struct chain *c, const char *profile)
{
    for (unsigned i = 0; i < c->n; i++) {
        if (strcmp(c->name[i], profile) == 0) {
            return true;
        }
    }
    return false;
}

/* credential_source: the three places that it can name. */
static enum fota_err from_named(struct credentials_hunt *h, const char *profile, const char *name)
{
    static const struct {
        const char *name;
        enum fota_err (*from)(struct credentials_hunt *h);
    } sources[] = {{"Environment", credentials_from_environment},
                   {"Ec2InstanceMetadata", credentials_from_instance},
                   {"EcsContainer", credentials_from_container}};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strcmp(sources[i].name, name) == 0) {
            enum fota_err err = sources[i].from(h);
            return err == E_NOT_FOUND
                       ? credentials_fail(h, E_S3_CREDENTIALS,
                                          "credential_source = %s of profile %.64s has no credentials there",
                                          name, profile)
                       : err;
        }
    }
    return credentials_fail(h, E_ARG,
                            "credential_source = %s of profile %.64s is none; write Environment, "
                            "Ec2InstanceMetadata or EcsContainer",
                            name, profile);
}

static enum fota_err from_source(struct credentials_hunt *h, const char *profile, const char *source)
{
    enum fota_err err = credentials_from_profile(h, source, false);
    return err == E_NOT_FOUND
               ? credentials_fail(h, E_ARG,
                                  "source_profile = %.64s of profile %.64s has no credentials: write its "
                                  "keys, its SSO or its credential_process",
                                  source, profile)
               : err;
}

/* The next profile of the chain, or what the last one names. @return FOTA_OK with `is_end`: h->found has the first ones */
static enum fota_err follow(struct credentials_hunt *h, struct chain *c, bool *is_end)
{
    const char *at = c->name[c->n - 1];
    char source[CREDENTIALS_NAME_BYTES];
    char place[CREDENTIALS_NAME_BYTES];
    enum fota_err err = credentials_value(h, at, "source_profile", source, sizeof source);
    err =
        err == E_NOT_FOUND || !err ? credentials_value(h, at, "credential_source", place, sizeof place) : err;
    if (err && err != E_NOT_FOUND) {
        return err;
    }
    *is_end = true;
    if ((source[0] != '\0') == (place[0] != '\0')) {
        return credentials_fail(h, E_ARG,
                                "profile %.64s has role_arn %s source_profile %s credential_source: write "
                                "one of the two",
                                at, place[0] != '\0' ? "with both" : "without",
                                place[0] != '\0' ? "and" : "or");
    }
    if (credentials_has_value(h, at, "mfa_serial")) {
        return credentials_fail(h, E_ARG,
                                "profile %.64s has mfa_serial, and nobody is here to type a code: name a "
                                "role that needs none",
                                at);
    }
    if (place[0] != '\0') {
        return from_named(h, at, place);
    }
    if (!credentials_has_profile(h, source)) {
        return credentials_fail(h, E_ARG,
                                "source_profile = %.64s of profile %.64s is in neither ~/.aws/credentials "
                                "nor ~/.aws/config of this user",
                                source, at);
    }
    /* A profile may name itself, for keys that stand beside its role. */
    if (!is_role(h, source) || (has_keys(h, source) && (!is_in(c, source) || strcmp(source, at) == 0))) {
        return from_source(h, at, source);
    }
    if (is_in(c, source) || c->n == CHAIN_MAX) {
        return credentials_fail(h, E_ARG,
                                "profile %.64s never comes to credentials: source_profile = %.64s of "
                                "profile %.64s %s",
                                c->name[0], source, at,
                                is_in(c, source) ? "goes round in a loop" : "is one role too many (8)");
    }
    *is_end = false;
    return credentials_put(c->name[c->n++], CREDENTIALS_NAME_BYTES, source) ? FOTA_OK : E_ARG;
}

enum fota_err credentials_from_role(struct credentials_hunt *h)
{
    struct chain c = {.n = 1};
    bool is_end = false;
    if (!is_role(h, h->profile)) {
        return E_NOT_FOUND;
    }
    enum fota_err err =
        credentials_put(c.name[0], sizeof c.name[0], h->profile)
            ? FOTA_OK
            : credentials_fail(h, E_ARG, "the name of profile %.64s... is too long", h->profile);
    while (!err && !is_end) {
        err = follow(h, &c, &is_end);
    }
    for (unsigned i = c.n; !err && i > 0; i--) {
        err = credentials_assume_role(h, c.name[i - 1]);
    }
    h->found.source = SERVICE_SOURCE_ROLE;
    return err;
}
