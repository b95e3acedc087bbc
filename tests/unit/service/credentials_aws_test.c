/* Credentials that a service of AWS gives: assumed roles, web identities, single sign-on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "credentials_rig.h"
#include "sha1.h"

#define STS "https://sts.eu-central-1.amazonaws.com/"
#define GRANTED(id, expires)                                                                                 \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n<AssumeRoleResult>"           \
    "<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser><Credentials>\n<AccessKeyId>" id                     \
    "</AccessKeyId>\n<SecretAccessKey>se/c+ret</SecretAccessKey>\n<SessionToken>\n tok=" id                  \
    "\n</SessionToken><Expiration>" expires "</Expiration></Credentials></AssumeRoleResult>"                 \
    "</AssumeRoleResponse>"

static const char ONE_ROLE[] =
    "[profile gw]\nregion = eu-central-1\nrole_arn = arn:aws:iam::123456789012:role/gw\n"
    "source_profile = base\n[profile base]\naws_access_key_id = AKIABASE\n"
    "aws_secret_access_key = basesecret\n";

static void a_role_is_assumed_with_the_keys_of_its_source(void **state)
{
    (void)state;
    rig_write("config", ONE_ROLE);
    rig.answers[0] = (struct rig_answer){.url = STS, .body = GRANTED("ASIAROLE", "2026-11-29T10:00:00Z")};
    assert_int_equal(rig_look("gw"), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_ROLE);
    assert_string_equal(rig.found.id, "ASIAROLE");
    assert_string_equal(rig.found.secret, "se/c+ret");
    assert_string_equal(rig.found.token, "tok=ASIAROLE");
    assert_int_equal(rig.found.expires_s, 1795946400U);
    assert_int_equal(rig.n_requests, 1);
    assert_int_equal(rig.seen[0].method, HTTP_VERB_POST);
    assert_string_equal(
        rig.seen[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgw"
        "&RoleSessionName=fota-1795942800");
    assert_non_null(strstr(rig.seen[0].headers, "Content-Type: application/x-www-form-urlencoded"));
    assert_non_null(
        strstr(rig.seen[0].headers, "Credential=AKIABASE/20261129/eu-central-1/sts/aws4_request"));
    assert_null(strstr(rig.seen[0].headers, "Security-Token"));
    /* As AWS_PROFILE too, and not if the environment has keys. */
    rig_set("AWS_PROFILE", "gw");
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_ROLE);
    rig_set("AWS_ACCESS_KEY_ID", "AKIAENV");
    rig_set("AWS_SECRET_ACCESS_KEY", "s");
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_ENVIRONMENT);
}

static void what_a_profile_says_of_its_role_is_sent(void **state)
{
    (void)state;
    rig_write("config", "[profile gw]\nrole_arn = arn:r\nsource_profile = gw\nrole_session_name = pump@17\n"
                        "external_id = a b/c\nduration_seconds = 3600\n");
    rig_write("credentials",
              "[gw]\naws_access_key_id = A\naws_secret_access_key = b\naws_session_token = t\n");
    rig_set("AWS_REGION", "eu-central-1");
    rig.answers[0] = (struct rig_answer){.url = STS, .body = GRANTED("ASIAROLE", "2026-11-29T10:00:00Z")};
    assert_int_equal(rig_look("gw"), FOTA_OK); /* a profile may name itself, for its own keys */
    assert_string_equal(rig.seen[0].body,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=pump%4017"
                        "&DurationSeconds=3600&ExternalId=a%20b%2Fc");
    assert_non_null(strstr(rig.seen[0].headers, "X-Amz-Security-Token: t\n"));
    assert_non_null(strstr(rig.seen[0].headers, "SignedHeaders=host;x-amz-date;x-amz-security-token,"));
}

static void roles_are_assumed_one_after_the_other(void **state)
{
    (void)state;
    rig_write("config",
              "[profile last]\nrole_arn = arn:last\nsource_profile = middle\nregion = eu-central-1\n"
              "[profile middle]\nrole_arn = arn:middle\nsource_profile = base\n[profile base]\n"
              "aws_access_key_id = AKIABASE\naws_secret_access_key = s\n");
    rig.answers[0] =
        (struct rig_answer){.url = STS, .body = GRANTED("ASIAMIDDLE", "2026-11-29T09:30:00Z"), .times = 1};
    rig.answers[1] = (struct rig_answer){.url = STS, .body = GRANTED("ASIALAST", "2026-11-29T10:00:00Z")};
    assert_int_equal(rig_look("last"), FOTA_OK);
    assert_string_equal(rig.found.id, "ASIALAST");
    assert_int_equal(rig.n_requests, 2);
    assert_non_null(strstr(rig.seen[0].body, "RoleArn=arn%3Amiddle&"));
    assert_non_null(strstr(rig.seen[0].headers, "Credential=AKIABASE/"));
    assert_non_null(strstr(rig.seen[1].body, "RoleArn=arn%3Alast&"));
    assert_non_null(strstr(rig.seen[1].headers, "Credential=ASIAMIDDLE/"));
    assert_non_null(strstr(rig.seen[1].headers, "X-Amz-Security-Token: tok=ASIAMIDDLE\n"));
}

/* Each mistake has a sentence, nobody is asked, and no other credentials are taken. */
static void a_role_that_leads_nowhere_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *config, *why;
    } cases[] = {
        {"[profile gw]\nrole_arn = a\n",
         "profile gw has role_arn without source_profile or credential_source"},
        {"[profile gw]\nrole_arn = a\nsource_profile = b\ncredential_source = Environment\n",
         "profile gw has role_arn with both source_profile and credential_source"},
        {"[profile gw]\nrole_arn = a\nsource_profile = b\n",
         "source_profile = b of profile gw is in neither ~/.aws/credentials nor ~/.aws/config"},
        {"[profile gw]\nrole_arn = a\nsource_profile = b\n[profile b]\nregion = x\n",
         "source_profile = b of profile gw has no credentials"},
        {"[profile gw]\nrole_arn = a\nsource_profile = gw\n", "source_profile = gw of profile gw goes round"},
        {"[profile gw]\nrole_arn = a\nsource_profile = b\n[profile b]\nrole_arn = a\nsource_profile = c\n"
         "[profile c]\nrole_arn = a\nsource_profile = b\n",
         "profile gw never comes to credentials: source_profile = b of profile c goes round in a loop"},
        {"[profile gw]\nrole_arn = a\ncredential_source = Moon\n",
         "credential_source = Moon of profile gw is none"},
        {"[profile gw]\nrole_arn = a\nsource_profile = b\nmfa_serial = arn:mfa\n",
         "profile gw has mfa_serial"},
        {"[profile gw]\nrole_arn = a\nsource_profile = gw\naws_access_key_id = A\naws_secret_access_key = b\n"
         "duration_seconds = 12h\n",
         "duration_seconds = 12h of profile gw is not a number from 900 to 43200"},
        {"[profile gw]\nrole_arn = a\nsource_profile = gw\naws_access_key_id = A\naws_secret_access_key = b\n"
         "role_session_name = a b\n",
         "role_session_name = a b of profile gw"},
        {"[profile gw]\nrole_arn = a\nsource_profile = gw\naws_access_key_id = A\naws_secret_access_key = b\n"
         "region = eu central\n",
         "the URL or region of sts is wrong"},
        {"[profile gw]\nrole_arn = a\nsource_profile = gw\naws_access_key_id = A\naws_secret_access_key = b\n"
         "endpoint_url = sts.local\n",
         "the URL or region of sts is wrong: set AWS_ENDPOINT_URL_STS"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_write("config", cases[i].config);
        rig.why[0] = '\0';
        assert_int_equal(rig_look("gw"), E_ARG);
        assert_non_null(strstr(rig.why, cases[i].why));
    }
    assert_int_equal(rig.n_requests, 0);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_NONE);
}

static void more_than_eight_roles_in_a_row_are_refused(void **state)
{
    (void)state;
    char text[1024];
    for (int n_roles = 8; n_roles <= 9; n_roles++) {
        int n = 0;
        for (int i = 0; i < n_roles; i++) {
            n += snprintf(text + n, sizeof text - (size_t)n,
                          "[profile p%d]\nrole_arn = a\nsource_profile = p%d\n", i, i + 1);
        }
        (void)snprintf(text + n, sizeof text - (size_t)n,
                       "[profile p%d]\naws_access_key_id = A\naws_secret_access_key = b\n", n_roles);
        rig_write("config", text);
        rig.answers[0] = (struct rig_answer){.url = "https://sts.amazonaws.com/",
                                             .body = GRANTED("ASIA", "2026-11-29T10:00:00Z")};
        assert_int_equal(rig_look("p0"), n_roles == 8 ? FOTA_OK : E_ARG);
    }
    assert_int_equal(rig.n_requests, 8);
    assert_non_null(strstr(rig.why, "one role too many (8)"));
}

static void the_first_credentials_may_be_those_of_the_machine(void **state)
{
    (void)state;
    static const char container[] = "http://169.254.170.2/c";
    static const char json[] = "{\"AccessKeyId\":\"ASIACONTAINER\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                               "\"Expiration\":\"2026-11-29T10:00:00Z\"}";
    rig_set("AWS_REGION", "eu-central-1");
    rig.answers[0] = (struct rig_answer){.url = STS, .body = GRANTED("ASIAROLE", "2026-11-29T10:00:00Z")};
    rig.answers[1] = (struct rig_answer){.url = container, .body = json};
    rig_write("config", "[profile gw]\nrole_arn = a\ncredential_source = Environment\n");
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(
        strstr(rig.why, "credential_source = Environment of profile gw has no credentials there"));
    rig_set("AWS_ACCESS_KEY_ID", "AKIAENV");
    rig_set("AWS_SECRET_ACCESS_KEY", "s");
    assert_int_equal(rig_look("gw"), FOTA_OK);
    assert_non_null(strstr(rig.seen[0].headers, "Credential=AKIAENV/"));
    rig_write("config", "[profile gw]\nrole_arn = a\ncredential_source = EcsContainer\n");
    rig_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
    assert_int_equal(rig_look("gw"), FOTA_OK);
    assert_non_null(strstr(rig.seen[2].headers, "Credential=ASIACONTAINER/"));
    rig_write("config", "[profile gw]\nrole_arn = a\ncredential_source = Ec2InstanceMetadata\n");
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS); /* no instance */
}

static void sts_is_asked_where_the_user_says(void **state)
{
    (void)state;
    static const char config[] = "[profile gw]\nrole_arn = a\nsource_profile = gw\naws_access_key_id = A\n"
                                 "aws_secret_access_key = b\n%s";
    static const struct {
        const char *more, *variable, *value, *url;
    } cases[] = {
        {"", NULL, NULL, "https://sts.amazonaws.com/"},
        {"region = cn-north-1\n", NULL, NULL, "https://sts.cn-north-1.amazonaws.com.cn/"},
        {"region = x\n", "AWS_DEFAULT_REGION", "eu-west-1", "https://sts.eu-west-1.amazonaws.com/"},
        {"endpoint_url = https://profile.example/sts\n", NULL, NULL, "https://profile.example/sts"},
        {"endpoint_url = https://p.example\n", "AWS_ENDPOINT_URL", "http://127.0.0.1:9//",
         "http://127.0.0.1:9/"},
        {"", "AWS_ENDPOINT_URL_STS", "https://sts.example", "https://sts.example/"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, config, cases[i].more);
        rig_write("config", text);
        if (cases[i].variable) {
            rig_set(cases[i].variable, cases[i].value);
        }
        assert_int_equal(rig_look("gw"), E_NET_CONNECT);
        assert_non_null(strstr(rig.why, "does not answer"));
        assert_string_equal(rig.seen[i].url, cases[i].url);
        if (cases[i].variable && strcmp(cases[i].variable, "AWS_ENDPOINT_URL") != 0) {
            rig_set(cases[i].variable, NULL);
        }
    }
    rig_set("AWS_ENDPOINT_URL", NULL);
}

static void what_sts_answers_is_told(void **state)
{
    (void)state;
    static const char denied[] =
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: u is "
        "not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";
    static const struct {
        unsigned status;
        const char *body;
        enum fota_err err;
        const char *why;
    } cases[] = {
        {403, denied, E_S3_CREDENTIALS,
         "answers 403 AccessDenied for role arn:aws:iam::123456789012:role/gw of gw: User: u is not"},
        {400, "<Error><Code>Throttling</Code></Error>", E_S3_THROTTLED, "400 Throttling"},
        {429, "", E_S3_THROTTLED, "429"},
        {503, "<html>", E_S3_SERVER, "503"},
        {200, "<html>Welcome to our hotel</html>", E_HTTP_REPLY, "log-in page"},
        {200, GRANTED("ASIA", "soon"), E_HTTP_REPLY, "without credentials"},
        {200, GRANTED("AS&lt;IA", "2026-11-29T10:00:00Z"), E_HTTP_REPLY, "without credentials"},
        {200, "<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>b</SecretAccessKey></Credentials>",
         E_HTTP_REPLY, "without credentials"},
    };
    rig_write("config", ONE_ROLE);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig.answers[0] = (struct rig_answer){.url = STS, .body = cases[i].body, .status = cases[i].status};
        assert_int_equal(rig_look("gw"), cases[i].err);
        assert_non_null(strstr(rig.why, cases[i].why));
        assert_null(strstr(rig.why, "basesecret"));
    }
    assert_int_equal(rig.found.source, SERVICE_SOURCE_NONE);
}

static void a_web_identity_is_read_each_time_and_not_signed(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/identity", rig.home);
    rig_set("AWS_REGION", "eu-central-1");
    rig_set("AWS_WEB_IDENTITY_TOKEN_FILE", path);
    rig.answers[0] = (struct rig_answer){.url = STS, .body = GRANTED("ASIAWEB", "2026-11-29T10:00:00Z")};
    assert_int_equal(rig_look(NULL), E_ARG);
    assert_non_null(strstr(rig.why, "has no role: set AWS_ROLE_ARN"));
    rig_set("AWS_ROLE_ARN", "arn:web");
    assert_int_equal(rig_look(NULL), E_IO);
    assert_non_null(strstr(rig.why, "identity cannot be read: there is no such file"));
    rig_write("identity", "header.pay-load.sig_==\n");
    rig_write("credentials", "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n");
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_WEB_IDENTITY);
    assert_string_equal(rig.found.id, "ASIAWEB");
    assert_string_equal(
        rig.seen[0].body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aweb&RoleSessionName="
        "fota-1795942800&WebIdentityToken=header.pay-load.sig_%3D%3D");
    assert_null(strstr(rig.seen[0].headers, "Authorization"));
    rig_write("identity", "another");
    rig_set("AWS_ROLE_SESSION_NAME", "pump");
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_non_null(strstr(rig.seen[1].body, "&RoleSessionName=pump&WebIdentityToken=another"));
    /* A profile that is named leaves the environment out. */
    assert_int_equal(rig_look("default"), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_CREDENTIALS_FILE);
    static char huge[20002];
    memset(huge, 'x', sizeof huge - 1);
    rig_write("identity", huge);
    assert_int_equal(rig_look(NULL), E_IO);
    assert_non_null(strstr(rig.why, "has 20001 characters"));
}

static void a_web_identity_of_a_profile_may_lead_to_a_role(void **state)
{
    (void)state;
    char text[512];
    (void)snprintf(text, sizeof text,
                   "[profile web]\nrole_arn = arn:web\nweb_identity_token_file = %s/identity\n"
                   "[profile gw]\nregion = eu-central-1\nrole_arn = arn:gw\nsource_profile = web\n",
                   rig.home);
    rig_write("config", text);
    rig_write("identity", "jwt");
    rig.answers[0] =
        (struct rig_answer){.url = STS, .body = GRANTED("ASIAWEB", "2026-11-29T09:30:00Z"), .times = 1};
    rig.answers[1] = (struct rig_answer){.url = STS, .body = GRANTED("ASIAROLE", "2026-11-29T10:00:00Z")};
    assert_int_equal(rig_look("gw"), FOTA_OK);
    assert_string_equal(rig.found.id, "ASIAROLE");
    assert_non_null(strstr(rig.seen[1].headers, "Credential=ASIAWEB/"));
}

/* --- single sign-on ---------------------------------------------------------------------------------- */

#define PORTAL                                                                                               \
    "https://portal.sso.eu-west-1.amazonaws.com/federation/"                                                 \
    "credentials?role_name=Read%20er&account_id=123456789012"

static const char SSO[] =
    "[profile gw]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Read er\n"
    "[sso-session my-sso]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
    "[profile old]\nsso_start_url = https://old.example.com/start\nsso_region = eu-west-1\n"
    "sso_account_id = 123456789012\nsso_role_name = Read er\n[profile half]\n"
    "sso_role_name = r\nsso_session = my-sso\n";
/* SHA-1 of my-sso, and of the start URL of the older form. */
static const char CACHED[] = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";

static void sso_takes_the_token_that_aws_cli_left(void **state)
{
    (void)state;
    char name[SHA1_HEX_BYTES];
    char path[96];
    rig_write("config", SSO);
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(
        strstr(rig.why, "profile gw: nobody has logged in to SSO; run aws sso login --profile gw"));
    sha1_hex("my-sso", name);
    (void)snprintf(path, sizeof path, ".aws/sso/cache/%s.json", name);
    assert_string_equal(path, CACHED);
    rig_write(CACHED,
              "{\"startUrl\": \"https://x.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": "
              "\"tok/en\", \"expiresAt\": \"2026-11-29T09:00:01Z\"}");
    rig.answers[0] = (struct rig_answer){
        .url = PORTAL,
        .needs_header = "x-amz-sso_bearer_token: tok/en\n",
        .body = "{\"roleCredentials\": {\"accessKeyId\": \"ASIASSO\", \"secretAccessKey\": \"s\", "
                "\"sessionToken\": \"t\", \"expiration\": 1795946400000}}"};
    assert_int_equal(rig_look("gw"), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_SSO);
    assert_string_equal(rig.found.id, "ASIASSO");
    assert_int_equal(rig.found.expires_s, 1795946400U);
    assert_int_equal(rig_look("old"), E_S3_CREDENTIALS); /* another session */
    sha1_hex("https://old.example.com/start", name);
    (void)snprintf(path, sizeof path, ".aws/sso/cache/%s.json", name);
    rig_write(path, "{\"accessToken\": \"tok/en\", \"expiresAt\": \"2026-11-29T09:00:01UTC\"}");
    assert_int_equal(rig_look("old"), FOTA_OK);
}

static void an_sso_session_that_ended_says_what_to_run(void **state)
{
    (void)state;
    rig_write("config", SSO);
    rig_write(CACHED, "{\"accessToken\": \"tok\", \"expiresAt\": \"2026-11-29T09:00:00Z\"}");
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(strstr(rig.why, "profile gw: the SSO session has ended; run aws sso login"));
    assert_int_equal(rig.n_requests, 0);
    rig_write(CACHED, "{\"accessToken\": 3}");
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(strstr(rig.why, "run aws sso login"));
    rig_write(CACHED, "{\"accessToken\": \"tok\", \"expiresAt\": \"2026-11-30T09:00:00Z\"}");
    rig.answers[0] = (struct rig_answer){.url = PORTAL, .body = "{}", .status = 401};
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(strstr(rig.why, "run aws sso login"));
    rig.answers[0] = (struct rig_answer){.url = PORTAL, .body = "{}", .status = 403};
    assert_int_equal(rig_look("gw"), E_S3_CREDENTIALS);
    assert_non_null(strstr(rig.why, "check that this user has that role"));
    rig.answers[0] = (struct rig_answer){.url = PORTAL, .body = "{\"accessKeyId\": \"A\"}"};
    assert_int_equal(rig_look("gw"), E_HTTP_REPLY);
    assert_int_equal(rig_look("half"), E_ARG);
    assert_non_null(strstr(rig.why, "profile half uses SSO without sso_account_id"));
}

/* --- texts ------------------------------------------------------------------------------------------- */

static void sha1_is_that_of_fips_180(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *hash;
    } cases[] = {{0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
                 {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
                 {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
                 {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
                 {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"}};
    char hash[SHA1_HEX_BYTES];
    char text[121];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(text, 'a', sizeof text);
        text[cases[i].n] = '\0';
        sha1_hex(text, hash);
        assert_string_equal(hash, cases[i].hash);
    }
}

static void an_element_of_xml_is_plain_text(void **state)
{
    (void)state;
    char out[8];
    assert_true(service_xml_text("<x><a>\n 12 3\t</a></x>", "a", out, sizeof out));
    assert_string_equal(out, "12 3");
    assert_true(service_xml_text("<a></a>", "a", out, sizeof out));
    assert_string_equal(out, "");
    static const char *const bad[] = {"",
                                      "<a>",
                                      "<a>1",
                                      "<a>1</b>",
                                      "<a x='y'>1</a>",
                                      "<a><b/></a>",
                                      "<a>&lt;</a>",
                                      "<a>12345678</a>",
                                      "<a>\x80</a>",
                                      "<a>1\n2</a>",
                                      "<a/>"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(service_xml_text(bad[i], "a", out, sizeof out));
    }
}

static void json_objects_and_numbers_are_found(void **state)
{
    (void)state;
    uint64_t number = 0;
    char out[8];
    const char *inside = service_json_object("{\"x\": {\"b\": 1}, \"a\": {\"b\": \"c\"}, \"d\": \"e\"}", "a");
    assert_non_null(inside);
    assert_true(service_json_text(inside, "b", out, sizeof out));
    assert_false(service_json_text(inside, "d", out, sizeof out)); /* after its end */
    assert_null(service_json_object("{\"a\": \"{\"}", "a"));
    assert_true(service_json_number("{\"a\": 123456789012345678}", "a", &number));
    assert_int_equal(number, 123456789012345678U);
    static const char *const bad[] = {"{\"a\": -1}", "{\"a\": 1.5}", "{\"a\": \"1\"}", "{\"a\": }",
                                      "{\"a\": 1234567890123456789}"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(service_json_number(bad[i], "a", &number));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_role_is_assumed_with_the_keys_of_its_source),
        TEST(what_a_profile_says_of_its_role_is_sent),
        TEST(roles_are_assumed_one_after_the_other),
        TEST(a_role_that_leads_nowhere_is_named),
        TEST(more_than_eight_roles_in_a_row_are_refused),
        TEST(the_first_credentials_may_be_those_of_the_machine),
        TEST(sts_is_asked_where_the_user_says),
        TEST(what_sts_answers_is_told),
        TEST(a_web_identity_is_read_each_time_and_not_signed),
        TEST(a_web_identity_of_a_profile_may_lead_to_a_role),
        TEST(sso_takes_the_token_that_aws_cli_left),
        TEST(an_sso_session_that_ended_says_what_to_run),
        TEST(sha1_is_that_of_fips_180),
        TEST(an_element_of_xml_is_plain_text),
        TEST(json_objects_and_numbers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
