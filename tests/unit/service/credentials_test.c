/* Credentials as aws-cli finds them: order, files, endpoints, and what is told when there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credentials_rig.h"
#include "service/credentials.h"

static const char FILE_TEXT[] =
    "# comment\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key=s/e=c\n"
    "s3 =\n  aws_access_key_id = NESTED\n[other]\naws_access_key_id=AKIAOTHER\n"
    "aws_secret_access_key = x\naws_session_token = tok\n[half]\naws_access_key_id = A\n";

static void the_environment_comes_first(void **state)
{
    (void)state;
    rig_write("credentials", FILE_TEXT);
    rig_set("AWS_ACCESS_KEY_ID", "AKIAENV");
    assert_int_equal(rig_look_offline(NULL), E_ARG);
    assert_non_null(strstr(rig.why, "without AWS_SECRET_ACCESS_KEY"));
    rig_set("AWS_SECRET_ACCESS_KEY", "secret");
    rig_set("AWS_SESSION_TOKEN", "token");
    assert_int_equal(rig_look_offline(NULL), FOTA_OK);
    assert_string_equal(rig.found.id, "AKIAENV");
    assert_string_equal(rig.found.token, "token");
    assert_int_equal(rig.found.source, SERVICE_SOURCE_ENVIRONMENT);
    /* A profile that is named explicitly leaves it out; AWS_PROFILE does not. */
    rig_set("AWS_PROFILE", "other");
    assert_int_equal(rig_look_offline(NULL), FOTA_OK);
    assert_string_equal(rig.found.id, "AKIAENV");
    assert_int_equal(rig_look_offline("other"), FOTA_OK);
    assert_string_equal(rig.found.id, "AKIAOTHER");
    assert_string_equal(rig.found.token, "tok");
    assert_int_equal(rig.found.source, SERVICE_SOURCE_CREDENTIALS_FILE);
}

static void files_are_read_as_aws_cli_writes_them(void **state)
{
    (void)state;
    rig_write("credentials", FILE_TEXT);
    rig_write("config", "[default]\nregion = r\n[profile build]\naws_access_key_id = AKIABUILD\n"
                        "aws_secret_access_key = y\n");
    assert_int_equal(rig_look_offline(NULL), FOTA_OK);
    assert_string_equal(rig.found.id, "AKIADEFAULT");
    assert_string_equal(rig.found.secret, "s/e=c");
    assert_string_equal(rig.found.token, "");
    rig_set("AWS_PROFILE", "build");
    assert_int_equal(rig_look_offline(NULL), FOTA_OK);
    assert_string_equal(rig.found.id, "AKIABUILD");
    assert_int_equal(rig.found.source, SERVICE_SOURCE_CONFIG_FILE);
    assert_int_equal(rig_look_offline("half"), E_ARG);
    assert_non_null(strstr(rig.why, "[half]"));
    assert_int_equal(rig_look_offline("nobody"), E_NOT_FOUND);
    assert_non_null(strstr(rig.why, "profile nobody"));
}

static void tokens_of_4_kb_and_long_secrets_are_whole(void **state)
{
    (void)state;
    static char token[4097], secret[513], text[8192];
    memset(token, 't', sizeof token - 1);
    memset(secret, 's', sizeof secret - 1);
    rig_set("AWS_ACCESS_KEY_ID", "A");
    rig_set("AWS_SECRET_ACCESS_KEY", secret);
    rig_set("AWS_SESSION_TOKEN", token);
    assert_int_equal(rig_look_offline(NULL), FOTA_OK);
    assert_string_equal(rig.found.token, token);
    assert_string_equal(rig.found.secret, secret);
    (void)snprintf(text, sizeof text,
                   "[p]\naws_access_key_id=A\naws_secret_access_key=%s\naws_session_token=%s\n", secret,
                   token);
    rig_write("credentials", text);
    assert_int_equal(rig_look_offline("p"), FOTA_OK);
    assert_string_equal(rig.found.token, token);
    static char huge[SERVICE_TOKEN_BYTES + 1];
    memset(huge, 't', sizeof huge - 1);
    rig_set("AWS_SESSION_TOKEN", huge);
    assert_int_equal(rig_look_offline(NULL), E_ARG);
    assert_non_null(strstr(rig.why, "too long"));
}

static const char ROLE_REPLY[] = "{\n \"Code\" : \"Success\",\n \"Nested\": {\"Token\": \"wrong\"},\n"
                                 " \"AccessKeyId\" : \"ASIAROLE\",\n \"SecretAccessKey\" : \"a\\/b\",\n"
                                 " \"Token\" : \"tok\",\n \"Expiration\" : \"2026-11-29T10:00:00Z\"\n}";

static void the_role_of_an_instance_is_asked_by_imds_2(void **state)
{
    (void)state;
    rig.answers[0].url = "http://169.254.169.254/latest/api/token";
    rig.answers[0].needs_header = "21600";
    rig.answers[0].body = "SESSION";
    rig.answers[1].url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
    rig.answers[1].needs_header = "SESSION";
    rig.answers[1].body = "gateway-role\n";
    rig.answers[2].url = "http://169.254.169.254/latest/meta-data/iam/security-credentials/gateway-role";
    rig.answers[2].needs_header = "SESSION";
    rig.answers[2].body = ROLE_REPLY;
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_string_equal(rig.found.id, "ASIAROLE");
    assert_string_equal(rig.found.secret, "a/b");
    assert_string_equal(rig.found.token, "tok");
    assert_int_equal(rig.found.expires_s, 1795946400U);
    assert_false(service_credentials_are_due(&rig.found, rig.found.expires_s - SERVICE_REFRESH_BEFORE_S - 1));
    assert_true(service_credentials_are_due(&rig.found, rig.found.expires_s - SERVICE_REFRESH_BEFORE_S));
    rig_set("AWS_EC2_METADATA_DISABLED", "true");
    rig.n_requests = 0;
    assert_int_equal(rig_look(NULL), E_NOT_FOUND);
    assert_int_equal(rig.n_requests, 0);
}

static void a_container_names_its_endpoint(void **state)
{
    (void)state;
    rig_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    assert_int_equal(rig_look(NULL), E_NET_CONNECT);
    assert_non_null(strstr(rig.why, "169.254.170.2/v2/credentials/1"));
    rig.answers[0].url = "http://169.254.170.2/v2/credentials/1";
    rig.answers[0].body = ROLE_REPLY;
    assert_int_equal(rig_look(NULL), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_CONTAINER);
    rig.answers[0].body = "{\"AccessKeyId\": 3}";
    assert_int_equal(rig_look(NULL), E_S3_CREDENTIALS);
    assert_string_equal(rig.found.id, "ASIAROLE"); /* what was found before stays */
}

static void a_command_of_the_profile_prints_them(void **state)
{
    (void)state;
    char command[256];
    (void)snprintf(command, sizeof command,
                   "[profile job]\ncredential_process = cat '%s/a b' \n[profile none]\n"
                   "credential_process = /nowhere/x\n[profile long]\ncredential_process = cat /dev/zero\n",
                   rig.home);
    rig_write("config", command);
    rig_write("a b", "{\"Version\": 1, \"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"top-secret\"}");
    assert_int_equal(rig_look_offline("job"), FOTA_OK);
    assert_int_equal(rig.found.source, SERVICE_SOURCE_PROCESS);
    assert_string_equal(rig.found.id, "ASIAJOB");
    assert_string_equal(rig.found.secret, "top-secret");
    assert_false(service_credentials_are_due(&rig.found, UINT64_MAX / 2));
    rig_write("a b", "{\"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"tok\", "
                     "\"Expiration\": \"2026-11-29T09:00:00Z\"}");
    assert_int_equal(rig_look_offline("job"), FOTA_OK);
    assert_string_equal(rig.found.token, "tok");
    assert_true(service_credentials_are_due(&rig.found, rig.found.expires_s - SERVICE_REFRESH_BEFORE_S));
    assert_false(service_credentials_are_due(&rig.found, rig.found.expires_s - SERVICE_REFRESH_BEFORE_S - 1));
    rig_write(
        "a b",
        "{\"AccessKeyId\": \"ASIAJOB\", \"SecretAccessKey\": \"top-secret\", \"Expiration\": \"soon\"}");
    assert_int_equal(rig_look_offline("job"), E_ARG);
    assert_non_null(strstr(rig.why, "prints no credentials"));
    assert_null(strstr(rig.why, "top-secret"));
    assert_int_equal(rig_look_offline("none"), E_ARG);
    assert_non_null(strstr(rig.why, "[profile none]"));
    assert_non_null(strstr(rig.why, "fails"));
    assert_int_equal(rig_look_offline("long"), E_ARG);
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

/* A profile that is named and is not there: never other credentials in its place. */
static void a_profile_of_the_environment_must_exist(void **state)
{
    (void)state;
    rig_write("credentials", FILE_TEXT);
    rig_set("AWS_PROFILE", "nobody");
    assert_int_equal(rig_look(NULL), E_ARG);
    assert_non_null(strstr(rig.why, "AWS_PROFILE names nobody"));
    assert_int_equal(rig.n_requests, 0);
}

/* Its token goes there: not in the clear to another machine. */
static void the_endpoint_of_a_container_is_near(void **state)
{
    (void)state;
    static const char *const far[] = {"http://example.com/c", "http://169.254.170.2.example.com/",
                                      "http://127.0.0.1@example.com/", "http://localhost.example.com/",
                                      "ftp://127.0.0.1/"};
    static const char *const near[] = {"http://127.0.0.1:81/c", "http://localhost/c", "https://example.com/c",
                                       "http://[::1]:81/c", "http://169.254.170.23/c"};
    rig_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "tok");
    for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
        rig_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", far[i]);
        assert_int_equal(rig_look(NULL), E_ARG);
        assert_non_null(strstr(rig.why, far[i]));
    }
    assert_int_equal(rig.n_requests, 0);
    for (unsigned i = 0; i < sizeof near / sizeof near[0]; i++) {
        rig_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", near[i]);
        assert_int_equal(rig_look(NULL), E_NET_CONNECT);
    }
    assert_int_equal(rig.n_requests, sizeof near / sizeof near[0]);
}

static void the_token_of_a_container_may_stand_in_a_file(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/token", rig.home);
    rig_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    rig_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    rig.answers[0].url = "http://169.254.170.23/v1/credentials";
    rig.answers[0].needs_header = "of-the-file";
    rig.answers[0].body = ROLE_REPLY;
    assert_int_equal(rig_look(NULL), E_IO);
    assert_non_null(strstr(rig.why, path));
    rig_write("token", "of-the-file\n");
    assert_int_equal(rig_look(NULL), FOTA_OK);
}

static void where_there_are_none_the_sentence_says_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(rig_look(NULL), E_NOT_FOUND);
    assert_non_null(strstr(rig.why, "AWS_ACCESS_KEY_ID"));
    assert_non_null(strstr(rig.why, "auth = none"));
    assert_true(service_credentials_are_due(&rig.found, 0));
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
    assert_int_equal(service_time_of("-100-01-01T00:00:00Z"), 0); /* scanf takes a sign for %u */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_environment_comes_first),
        TEST(files_are_read_as_aws_cli_writes_them),
        TEST(tokens_of_4_kb_and_long_secrets_are_whole),
        TEST(the_role_of_an_instance_is_asked_by_imds_2),
        TEST(a_container_names_its_endpoint),
        TEST(a_command_of_the_profile_prints_them),
        TEST(commands_are_split_as_aws_cli_does),
        TEST(a_profile_of_the_environment_must_exist),
        TEST(the_endpoint_of_a_container_is_near),
        TEST(the_token_of_a_container_may_stand_in_a_file),
        TEST(where_there_are_none_the_sentence_says_what_to_do),
        TEST(json_texts_are_found_at_the_outermost_level_only),
        TEST(times_are_seconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
