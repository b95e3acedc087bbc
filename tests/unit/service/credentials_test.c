/* Credentials as aws-cli finds them: order, files, endpoints, and what is told when there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/credentials.h"

static char home[64];
static char why[SERVICE_WHY_BYTES];
static struct service_credentials found;

/* --- an endpoint that answers from a table ----------------------------------------------------------- */

static struct {
    const char *url, *needs_header, *body;
} answers[4];
static unsigned n_requests;

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    (void)http;
    n_requests++;
    for (unsigned i = 0; i < 4 && answers[i].url; i++) {
        bool is_asked = strcmp(answers[i].url, request->url) == 0;
        bool has_header =
            !answers[i].needs_header ||
            (request->n_headers == 1 && strcmp(request->header[0].value, answers[i].needs_header) == 0);
        if (is_asked && has_header) {
            *status = 200;
            return sink->body(sink->ctx, 200, (const uint8_t *)answers[i].body, strlen(answers[i].body));
        }
    }
    return E_NET_CONNECT;
}

static const struct http_ops http_ops = {.perform = perform};
static struct http endpoint = {.ops = &http_ops};

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_EC2_METADATA_DISABLED",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};
    char path[128];
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    (void)snprintf(home, sizeof home, "credentials_test.XXXXXX");
    assert_non_null(mkdtemp(home));
    (void)snprintf(path, sizeof path, "%s/credentials", home);
    assert_int_equal(setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1), 0);
    (void)snprintf(path, sizeof path, "%s/config", home);
    assert_int_equal(setenv("AWS_CONFIG_FILE", path, 1), 0);
    memset(answers, 0, sizeof answers);
    memset(&found, 0, sizeof found);
    n_requests = 0;
    why[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {"credentials", "config", "a b", "token"};
    char path[128];
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", home, files[i]);
        (void)unlink(path);
    }
    return rmdir(home);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static const char FILE_TEXT[] =
    "# comment\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key=s/e=c\n"
    "s3 =\n  aws_access_key_id = NESTED\n[other]\naws_access_key_id=AKIAOTHER\n"
    "aws_secret_access_key = x\naws_session_token = tok\n[half]\naws_access_key_id = A\n";

static void the_environment_comes_first(void **state)
{
    (void)state;
    write_file("credentials", FILE_TEXT);
    set("AWS_ACCESS_KEY_ID", "AKIAENV");
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "without AWS_SECRET_ACCESS_KEY"));
    set("AWS_SECRET_ACCESS_KEY", "secret");
    set("AWS_SESSION_TOKEN", "token");
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.id, "AKIAENV");
    assert_string_equal(found.token, "token");
    assert_int_equal(found.source, SERVICE_SOURCE_ENVIRONMENT);
    /* A profile that is named explicitly leaves it out; AWS_PROFILE does not. */
    set("AWS_PROFILE", "other");
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.id, "AKIAENV");
    assert_int_equal(service_credentials_find(NULL, "other", &found, why), FOTA_OK);
    assert_string_equal(found.id, "AKIAOTHER");
    assert_string_equal(found.token, "tok");
    assert_int_equal(found.source, SERVICE_SOURCE_CREDENTIALS_FILE);
}

static void files_are_read_as_aws_cli_writes_them(void **state)
{
    (void)state;
    write_file("credentials", FILE_TEXT);
    write_file("config", "[default]\nregion = r\n[profile build]\naws_access_key_id = AKIABUILD\n"
                         "aws_secret_access_key = y\n");
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.id, "AKIADEFAULT");
    assert_string_equal(found.secret, "s/e=c");
    assert_string_equal(found.token, "");
    set("AWS_PROFILE", "build");
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.id, "AKIABUILD");
    assert_int_equal(found.source, SERVICE_SOURCE_CONFIG_FILE);
    assert_int_equal(service_credentials_find(NULL, "half", &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "[half]"));
    assert_int_equal(service_credentials_find(NULL, "nobody", &found, why), E_NOT_FOUND);
    assert_non_null(strstr(why, "profile nobody"));
}

static void tokens_of_4_kb_and_long_secrets_are_whole(void **state)
{
    (void)state;
    static char token[4097], secret[513], text[8192];
    memset(token, 't', sizeof token - 1);
    memset(secret, 's', sizeof secret - 1);
    set("AWS_ACCESS_KEY_ID", "A");
    set("AWS_SECRET_ACCESS_KEY", secret);
    set("AWS_SESSION_TOKEN", token);
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.token, token);
    assert_string_equal(found.secret, secret);
    (void)snprintf(text, sizeof text,
                   "[p]\naws_access_key_id=A\naws_secret_access_key=%s\naws_session_token=%s\n", secret,
                   token);
    write_file("credentials", text);
    assert_int_equal(service_credentials_find(NULL, "p", &found, why), FOTA_OK);
    assert_string_equal(found.token, token);
    static char huge[SERVICE_TOKEN_BYTES + 1];
    memset(huge, 't', sizeof huge - 1);
    set("AWS_SESSION_TOKEN", huge);
    assert_int_equal(service_credentials_find(NULL, NULL, &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "too long"));
}

static const char ROLE_REPLY[] = "{\n \"Code\" : \"Success\",\n \"Nested\": {\"Token\": \"wrong\"},\n"
                                 " \"AccessKeyId\" : \"ASIAROLE\",\n \"SecretAccessKey\" : \"a\\/b\",\n"
                                 " \"Token\" : \"tok\",\n \"Expiration\" : \"2026-11-29T10:00:00Z\"\n}";

static void the_role_of_an_instance_is_asked_by_imds_2(void **state)
{
    (void)state;
    answers[0].url = "http://169.254.169.254/latest/api/token";
    answers[0].needs_header = "21600";
    answers[0].body = "SESSION";
    answers[1].url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    answers[1].needs_header = "SESSION";
    answers[1].body = "gateway-role\n";
    answers[2].url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/gateway-role";
    answers[2].needs_header = "SESSION";
    answers[2].body = ROLE_REPLY;
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), FOTA_OK);
    assert_string_equal(found.id, "ASIAROLE");
    assert_string_equal(found.secret, "a/b");
    assert_string_equal(found.token, "tok");
    assert_int_equal(found.expires_s, 1795946400U);
    assert_false(service_credentials_are_due(&found, found.expires_s - SERVICE_REFRESH_BEFORE_S - 1));
    assert_true(service_credentials_are_due(&found, found.expires_s - SERVICE_REFRESH_BEFORE_S));
    set("AWS_EC2_METADATA_DISABLED", "true");
    n_requests = 0;
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_NOT_FOUND);
    assert_int_equal(n_requests, 0);
}

static void a_container_names_its_endpoint(void **state)
{
    (void)state;
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "169.254.170.2/v2/credentials/1"));
    answers[0].url = "http://169.254.170.2/v2/credentials/1";
    answers[0].body = ROLE_REPLY;
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), FOTA_OK);
    assert_int_equal(found.source, SERVICE_SOURCE_CONTAINER);
    answers[0].body = "{\"AccessKeyId\": 3}";
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_S3_CREDENTIALS);
    assert_string_equal(found.id, "ASIAROLE"); /* what was found before stays */
}

static void a_command_of_the_profile_prints_them(void **state)
{
    (void)state;
    char command[256];
    (void)snprintf(command, sizeof command,
                   "[profile job]\ncredential_process = cat '%s/a b' \n[profile none]\n"
                   "credential_process = /nowhere/x\n[profile long]\ncredential_process = cat /dev/zero\n",
                   home);
    write_file("config", command);
    write_file("a b", "{\"Version\": 1, \"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"top-secret\"}");
    assert_int_equal(service_credentials_find(NULL, "job", &found, why), FOTA_OK);
    assert_int_equal(found.source, SERVICE_SOURCE_PROCESS);
    assert_string_equal(found.id, "ASIAJOB");
    assert_string_equal(found.secret, "top-secret");
    assert_false(service_credentials_are_due(&found, UINT64_MAX / 2));
    write_file("a b", "{\"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"tok\", "
                      "\"Expiration\": \"2026-11-29T09:00:00Z\"}");
    assert_int_equal(service_credentials_find(NULL, "job", &found, why), FOTA_OK);
    assert_string_equal(found.token, "tok");
    assert_true(service_credentials_are_due(&found, found.expires_s - SERVICE_REFRESH_BEFORE_S));
    assert_false(service_credentials_are_due(&found, found.expires_s - SERVICE_REFRESH_BEFORE_S - 1));
    write_file(
        "a b",
        "{\"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"top-secret\", \"Expiration\": \"soon\"}");
    assert_int_equal(service_credentials_find(NULL, "job", &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "prints no credentials"));
    assert_null(strstr(why, "top-secret"));
    assert_int_equal(service_credentials_find(NULL, "none", &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "[profile none]"));
    assert_non_null(strstr(why, "fails"));
    assert_int_equal(service_credentials_find(NULL, "long", &found, why), E_S3_CREDENTIALS);
}

static void commands_are_split_as_aws_cli_does(void **state)
{
    (void)state;
    char text[] = "  one 'two words' \"th\\\"ree\" fo\\ ur ''";
    char open_quote[] = "one 'two";
    char many[] = "a b c d e f";
    char *word[6];
    assert_int_equal(service_split(text, word, 6), 5);
    assert_string_equal(word[0], "one");
    assert_string_equal(word[1], "two words");
    assert_string_equal(word[2], "th\"ree");
    assert_string_equal(word[3], "fo ur");
    assert_string_equal(word[4], "");
    assert_null(word[5]);
    assert_int_equal(service_split(open_quote, word, 6), 0);
    assert_int_equal(service_split(many, word, 6), 0);
}

/* Never other credentials in their place. */
static void roles_and_sso_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const keys[] = {"role_arn", "sso_session", "sso_start_url", "web_identity_token_file"};
    set("AWS_PROFILE", "role");
    for (unsigned i = 0; i < 4; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "[profile role]\n%s = arn:aws:iam::1:role/x\nsource_profile = default\n", keys[i]);
        write_file("credentials", "[role]\naws_access_key_id = A\naws_secret_access_key = b\n");
        write_file("config", text);
        assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_S3_CREDENTIALS);
        assert_non_null(strstr(why, keys[i]));
        assert_non_null(strstr(why, "aws configure export-credentials --profile role"));
    }
    set("AWS_PROFILE", NULL);
    write_file("credentials", "");
    write_file("config", "");
    set("AWS_ROLE_ARN", "arn:x");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, "web identity"));
    assert_int_equal(n_requests, 0);
}

static void the_token_of_a_container_may_stand_in_a_file(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/token", home);
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    answers[0].url = "http://169.254.170.23/v1/credentials";
    answers[0].needs_header = "of-the-file";
    answers[0].body = ROLE_REPLY;
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_S3_CREDENTIALS);
    assert_non_null(strstr(why, path));
    write_file("token", "of-the-file\n");
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), FOTA_OK);
}

static void where_there_are_none_the_sentence_says_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(service_credentials_find(&endpoint, NULL, &found, why), E_NOT_FOUND);
    assert_non_null(strstr(why, "AWS_ACCESS_KEY_ID"));
    assert_non_null(strstr(why, "auth = none"));
    assert_true(service_credentials_are_due(&found, 0));
}

static void json_texts_are_found_at_the_outermost_level_only(void **state)
{
    (void)state;
    char out[8];
    assert_true(service_json_text("{\"a\":\"b\"}", "a", out, sizeof out));
    assert_string_equal(out, "b");
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":1}",
                                      "{\"a\":\"b",
                                      "{\"x\":\"a\"}",
                                      "{\"x\":{\"a\":\"b\"}}",
                                      "{\"a\":\"12345678\"}",
                                      "{\"a\":\"\\u0041\"}",
                                      "[\"a\"]",
                                      "\"a",
                                      "{\"a\\"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(service_json_text(bad[i], "a", out, sizeof out));
    }
}

static void times_are_seconds_since_1970(void **state)
{
    (void)state;
    assert_int_equal(service_time_of("1970-01-01T00:00:01Z"), 1);
    assert_int_equal(service_time_of("2024-02-29T12:00:00Z"), 1709208000);
    assert_int_equal(service_time_of("2100-03-01T00:00:00Z"), 4107542400U);
    assert_int_equal(service_time_of("soon"), 0);
    assert_int_equal(service_time_of("2024-13-01T00:00:00Z"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_environment_comes_first),
        TEST(files_are_read_as_aws_cli_writes_them),
        TEST(tokens_of_4_kb_and_long_secrets_are_whole),
        TEST(the_role_of_an_instance_is_asked_by_imds_2),
        TEST(a_container_names_its_endpoint),
        TEST(a_command_of_the_profile_prints_them),
        TEST(commands_are_split_as_aws_cli_does),
        TEST(roles_and_sso_are_refused_by_name),
        TEST(the_token_of_a_container_may_stand_in_a_file),
        TEST(where_there_are_none_the_sentence_says_what_to_do),
        TEST(json_texts_are_found_at_the_outermost_level_only),
        TEST(times_are_seconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
