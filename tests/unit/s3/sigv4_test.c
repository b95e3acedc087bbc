/* SigV4 against the five examples of AWS's S3 API reference ("Signature Calculations"), and the edges of its
 * encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "s3/date.h"
#include "s3/sigv4.h"
#include "s3/uri.h"

enum { EXAMPLE_TIME_S = 1369353600 }; /* 2013-05-24T00:00:00Z */

static const struct sigv4_key KEY = {.id = "AKIAIOSFODNN7EXAMPLE",
                                     .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                     .region = "us-east-1"};
static const char EMPTY[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char HOST[] = "examplebucket.s3.amazonaws.com";

static void expect_authorization(const struct sigv4_request *request, const char *signed_headers,
                                 const char *signature)
{
    char out[SIGV4_AUTHORIZATION_MAX_BYTES];
    char wanted[SIGV4_AUTHORIZATION_MAX_BYTES];
    struct uri_text t = uri_text_begin(wanted, sizeof wanted);
    uri_put(&t, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                "SignedHeaders=");
    uri_put(&t, signed_headers);
    uri_put(&t, ", Signature=");
    uri_put(&t, signature);
    assert_int_equal(sigv4_authorization(&KEY, request, out, sizeof out), FOTA_OK);
    assert_string_equal(out, wanted);
}

static void aws_example_get_object_with_range(void **state)
{
    (void)state;
    const struct sigv4_header header[] = {{"x-amz-date", "20130524T000000Z"}, /* out of order: we sort */
                                          {"range", "bytes=0-9"},
                                          {"host", HOST},
                                          {"x-amz-content-sha256", EMPTY}};
    const struct sigv4_request r = {"GET", "/test.txt", "", header, 4, EMPTY, EXAMPLE_TIME_S};
    expect_authorization(&r, "host;range;x-amz-content-sha256;x-amz-date",
                         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void aws_example_put_object_with_encoded_key(void **state)
{
    (void)state;
    static const char body[] = "Welcome to Amazon S3.";
    char sha256[SIGV4_SHA256_BYTES];
    sigv4_payload_sha256((const uint8_t *)body, sizeof body - 1, sha256);
    char path[32];
    struct uri_text t = uri_text_begin(path, sizeof path);
    uri_put(&t, "/");
    uri_put_encoded(&t, "test$file.text", true);
    const struct sigv4_header header[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                          {"host", HOST},
                                          {"x-amz-content-sha256", sha256},
                                          {"x-amz-date", "20130524T000000Z"},
                                          {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    const struct sigv4_request r = {"PUT", path, "", header, 5, sha256, EXAMPLE_TIME_S};
    expect_authorization(&r, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void expect_bucket_get(const char *query, const char *signature)
{
    const struct sigv4_header header[] = {
        {"host", HOST}, {"x-amz-content-sha256", EMPTY}, {"x-amz-date", "20130524T000000Z"}};
    const struct sigv4_request r = {"GET", "/", query, header, 3, EMPTY, EXAMPLE_TIME_S};
    expect_authorization(&r, "host;x-amz-content-sha256;x-amz-date", signature);
}

static void aws_example_get_bucket_lifecycle(void **state)
{
    (void)state;
    expect_bucket_get("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void aws_example_list_objects(void **state)
{
    (void)state;
    expect_bucket_get("max-keys=2&prefix=J",
                      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void aws_example_presigned_url(void **state)
{
    (void)state;
    const struct sigv4_header header[] = {{"host", HOST}};
    const struct sigv4_request r = {"GET", "/test.txt", "", header, 1, "UNSIGNED-PAYLOAD", EXAMPLE_TIME_S};
    char out[512];
    assert_int_equal(sigv4_presign(&KEY, &r, 86400, NULL, out, sizeof out), FOTA_OK);
    assert_string_equal(
        out, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1"
             "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
             "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_int_equal(sigv4_presign(&KEY, &r, 604801, NULL, out, sizeof out), E_ARG);
    assert_int_equal(sigv4_presign(&KEY, &r, 86400, NULL, out, 200), E_NO_SPACE);
}

/* AWS's secrets have 40 bytes; those of other stores may be longer. Signatures computed with Python's hmac. */
static void secrets_of_any_length_sign(void **state)
{
    (void)state;
    static const struct {
        size_t n_secret;
        const char *signature;
    } cases[] = {{60, "f317bb1a74397d88f8d268ea782f26cdc90aeeae87f013a4f8e6eecac06865f3"},
                 {61, "835635ec960f554cd3486d0f3e3327b796c0d8b2368965a0027b6812d3ce3ffd"},
                 {200, "ad656061f2cd073a2b410b4d6aa238c49690024a0f318b6411e1869ef6aff282"}};
    const struct sigv4_header header[] = {
        {"host", HOST}, {"x-amz-content-sha256", EMPTY}, {"x-amz-date", "20130524T000000Z"}};
    const struct sigv4_request r = {"GET", "/test.txt", "", header, 3, EMPTY, EXAMPLE_TIME_S};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char secret[201];
        char out[SIGV4_AUTHORIZATION_MAX_BYTES];
        memset(secret, 's', sizeof secret);
        secret[cases[i].n_secret] = '\0';
        const struct sigv4_key key = {.id = "ID", .secret = secret, .region = "us-east-1"};
        assert_int_equal(sigv4_authorization(&key, &r, out, sizeof out), FOTA_OK);
        assert_non_null(strstr(out, cases[i].signature));
    }
}

/* STS: the body is signed by its hash only. Computed with botocore 1.43. */
static void another_service_is_in_scope_and_key(void **state)
{
    (void)state;
    static const char body[] = "Action=GetCallerIdentity&Version=2011-06-15";
    const struct sigv4_header header[] = {{"x-amz-security-token", "tok"},
                                          {"host", "sts.eu-central-1.amazonaws.com"},
                                          {"x-amz-date", "20130524T000000Z"}};
    struct sigv4_key key = KEY;
    char hash[SIGV4_SHA256_BYTES];
    char out[SIGV4_AUTHORIZATION_MAX_BYTES];
    sigv4_payload_sha256((const uint8_t *)body, sizeof body - 1, hash);
    const struct sigv4_request r = {"POST", "/", "", header, 3, hash, EXAMPLE_TIME_S};
    key.region = "eu-central-1";
    key.service = "sts";
    assert_int_equal(sigv4_authorization(&key, &r, out, sizeof out), FOTA_OK);
    assert_non_null(strstr(out, "/20130524/eu-central-1/sts/aws4_request, "));
    assert_non_null(
        strstr(out, "Signature=78619eefaa72f9dd478623943a28532e43b9497a1c332fa42a9cab9de1d27a04"));
}

static void a_header_that_does_not_fit_is_an_error_not_a_cut(void **state)
{
    (void)state;
    const struct sigv4_header header[] = {{"host", HOST}};
    const struct sigv4_request r = {"GET", "/", "", header, 1, EMPTY, EXAMPLE_TIME_S};
    char out[SIGV4_AUTHORIZATION_MAX_BYTES];
    assert_int_equal(sigv4_authorization(&KEY, &r, out, sizeof out), FOTA_OK);
    const size_t n = strlen(out) + 1;
    assert_int_equal(sigv4_authorization(&KEY, &r, out, n), FOTA_OK);
    assert_int_equal(sigv4_authorization(&KEY, &r, out, n - 1), E_NO_SPACE);
}

static void every_byte_is_encoded_once_and_slash_only_where_asked(void **state)
{
    (void)state;
    char out[64];
    struct uri_text t = uri_text_begin(out, sizeof out);
    uri_put_encoded(&t, "a/b c%+~_.-\xC3\xA4", true);
    assert_string_equal(out, "a/b%20c%25%2B~_.-%C3%A4");
    t = uri_text_begin(out, sizeof out);
    uri_put_encoded(&t, "a/b", false);
    assert_string_equal(out, "a%2Fb");
    t = uri_text_begin(out, 4); /* an escape is never split */
    uri_put_encoded(&t, "x y", false);
    assert_true(t.is_full);
    assert_string_equal(out, "x");
}

static void http_dates_are_read_and_nonsense_is_refused(void **state)
{
    (void)state;
    static const char good[] = "Fri, 24 May 2013 00:00:00 GMT";
    static const char *const bad[] = {"",
                                      "Fri, 24 May 2013 00:00:00 CET",
                                      "Fri, 31 Feb 2013 00:00:00 GMT",
                                      "Fri, 24 Mai 2013 00:00:00 GMT",
                                      "Fri, 24 May 2013 25:00:00 GMT",
                                      "Friday, 24-May-13 00:00:00 GMT"};
    uint64_t time_s = 0;
    assert_int_equal(date_http(good, sizeof good - 1, &time_s), FOTA_OK);
    assert_int_equal(time_s, EXAMPLE_TIME_S);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(date_http(bad[i], strlen(bad[i]), &time_s), E_HTTP_REPLY);
    }
    char basic[DATE_BASIC_BYTES];
    date_basic(951782399, basic); /* the second before 2000-02-29 */
    assert_string_equal(basic, "20000228T235959Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_example_get_object_with_range),
        cmocka_unit_test(aws_example_put_object_with_encoded_key),
        cmocka_unit_test(aws_example_get_bucket_lifecycle),
        cmocka_unit_test(aws_example_list_objects),
        cmocka_unit_test(aws_example_presigned_url),
        cmocka_unit_test(secrets_of_any_length_sign),
        cmocka_unit_test(another_service_is_in_scope_and_key),
        cmocka_unit_test(a_header_that_does_not_fit_is_an_error_not_a_cut),
        cmocka_unit_test(every_byte_is_encoded_once_and_slash_only_where_asked),
        cmocka_unit_test(http_dates_are_read_and_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
