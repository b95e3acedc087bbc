/* A bundle: the gateway installs from a tar file as it does from a bucket, and believes it no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/http_tar.h"
#include "site_test.h"

enum { BLOCK_BYTES = 512, BUFFER_BYTES = 65536 };

static const char CHANNEL[] = "v1/channels/demo/f407-disco/stable.fc";
static struct test_release release;
static char path[] = "/tmp/fota_bundle_XXXXXX";
static uint8_t buffer[BUFFER_BYTES];

/* A file of the archive, in ustar. */
static void add(FILE *file, const char *name, const void *bytes, size_t n_bytes)
{
    static const uint8_t zeros[BLOCK_BYTES];
    char header[BLOCK_BYTES + 1] = {0};
    unsigned sum = 0;
    (void)snprintf(header, 100, "%s", name);
    (void)snprintf(header + 100, 8, "%07o", 0644U);
    (void)snprintf(header + 124, 12, "%011zo", n_bytes);
    memset(header + 148, ' ', 8);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        sum += (uint8_t)header[i];
    }
    (void)snprintf(header + 148, 8, "%06o", sum);
    assert_int_equal(fwrite(header, 1, BLOCK_BYTES, file), BLOCK_BYTES);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    const size_t n_pad = (BLOCK_BYTES - n_bytes % BLOCK_BYTES) % BLOCK_BYTES;
    assert_int_equal(fwrite(zeros, 1, n_pad, file), n_pad);
}

/* Bundle of release 2.0.0. */
static void make_bundle(void)
{
    struct test_spec spec = test_spec(&site->release_key, &site->channel_key, V2, 2);
    test_release_make(&spec, &release);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    add(file, CHANNEL, release.channel, release.n_channel);
    add(file, release.blob[SLOT_A], release.image[SLOT_A], release.n_image[SLOT_A]);
    add(file, release.blob[SLOT_B], release.image[SLOT_B], release.n_image[SLOT_B]);
    memset(buffer, 0, 2 * BLOCK_BYTES);
    assert_int_equal(fwrite(buffer, 1, 2 * BLOCK_BYTES, file), 2 * BLOCK_BYTES);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    if (site_set_up(state) != 0) {
        return -1;
    }
    make_bundle();
    return 0;
}

static enum fota_err get(struct http_tar *tar, const char *key, const struct s3_get_options *options,
                         struct s3_reply *reply, size_t *n_bytes)
{
    static const struct s3_config config = {.endpoint = "http://bundle", .region = "none", .bucket = "file"};
    static struct s3 s3;
    struct s3_buffer out = {buffer, sizeof buffer, 0};
    const struct s3_taker taker = s3_buffer_taker(&out);
    assert_int_equal(s3_init(&s3, &tar->http, &config), FOTA_OK);
    const enum fota_err err = s3_get(&s3, key, options, 0, &taker, reply);
    *n_bytes = out.n_bytes;
    return err;
}

static void objects_are_read_whole_and_in_ranges(void **state)
{
    (void)state;
    struct http_tar tar;
    struct s3_reply reply;
    size_t n = 0;
    assert_int_equal(http_tar_open(&tar, path), FOTA_OK);
    assert_int_equal(get(&tar, CHANNEL, &(struct s3_get_options){0}, &reply, &n), FOTA_OK);
    assert_int_equal(n, release.n_channel);
    assert_memory_equal(buffer, release.channel, n);
    const struct s3_get_options same = {.if_none_match = reply.etag};
    struct s3_reply quiet;
    assert_int_equal(get(&tar, CHANNEL, &same, &quiet, &n), FOTA_OK);
    assert_int_equal(quiet.status, 304);
    assert_int_equal(get(&tar, release.blob[SLOT_B], &(struct s3_get_options){0}, &reply, &n), FOTA_OK);
    assert_int_equal(n, release.n_image[SLOT_B]);
    const struct s3_get_options range = {
        .if_match = reply.etag, .range_off = 5001, .range_bytes = 100000, .total_bytes = n};
    struct s3_reply part;
    assert_int_equal(get(&tar, release.blob[SLOT_B], &range, &part, &n), FOTA_OK);
    assert_int_equal(n, release.n_image[SLOT_B] - 5001);
    assert_memory_equal(buffer, release.image[SLOT_B] + 5001, n);
    const struct s3_get_options stale = {.if_match = "\"other\""};
    assert_int_equal(get(&tar, CHANNEL, &stale, &part, &n), E_S3_PRECONDITION);
    assert_int_equal(get(&tar, "v1/blobs/none.bin", &(struct s3_get_options){0}, &part, &n), E_S3_NO_KEY);
    http_tar_close(&tar);
}

/* Another object of the same length at the same place has another ETag: a 304 would hide the second bundle. */
static void objects_that_differ_have_other_etags(void **state)
{
    (void)state;
    struct http_tar tar;
    struct s3_reply reply[2];
    size_t n = 0;
    for (unsigned i = 0; i < 2; i++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        release.channel[0] = (char)(release.channel[0] + (char)i);
        add(file, CHANNEL, release.channel, release.n_channel);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(http_tar_open(&tar, path), FOTA_OK);
        const struct s3_get_options known = {.if_none_match = i ? reply[0].etag : NULL};
        assert_int_equal(get(&tar, CHANNEL, &known, &reply[i], &n), FOTA_OK);
        assert_int_equal(reply[i].status, 200);
        http_tar_close(&tar);
    }
    assert_string_not_equal(reply[0].etag, reply[1].etag);
}

static void run_from_bundle(struct http_tar *tar)
{
    assert_int_equal(http_tar_open(tar, path), FOTA_OK);
    site->s3.http = &tar->http;
}

static void bundle_is_installed_by_the_same_gateway(void **state)
{
    (void)state;
    struct http_tar tar;
    site_give_stage(site);
    run_from_bundle(&tar);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
    http_tar_close(&tar);
}

static void bundle_that_was_damaged_is_not_believed(void **state)
{
    (void)state;
    struct http_tar tar;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -9000, SEEK_END), 0);
    assert_int_equal(fputc('!', file), '!');
    assert_int_equal(fclose(file), 0);
    run_from_bundle(&tar);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->reason, E_UPDATE_DAMAGED);
    assert_int_equal(site->target.n_erases, 0);
    http_tar_close(&tar);
}

static void bundle_of_another_key_is_not_believed(void **state)
{
    (void)state;
    struct http_tar tar;
    site->config.keys.channel[0] = site->other_key.point;
    site_restart_gateway(site);
    run_from_bundle(&tar);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->reason, E_STATEMENT_KEY);
    http_tar_close(&tar);
}

static void files_that_are_no_bundle_are_named(void **state)
{
    (void)state;
    struct http_tar tar;
    struct s3_reply reply;
    size_t n = 0;
    assert_int_equal(http_tar_open(&tar, "/tmp/fota_no_such_bundle"), E_NOT_FOUND);
    assert_int_equal(truncate(path, BLOCK_BYTES + 100), 0); /* within the channel object */
    assert_int_equal(http_tar_open(&tar, path), FOTA_OK);
    assert_int_equal(get(&tar, CHANNEL, &(struct s3_get_options){0}, &reply, &n), E_NET_CUT);
    http_tar_close(&tar);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(http_tar_open(&tar, path), E_ARG);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    memset(buffer, 'x', sizeof buffer);
    assert_int_equal(fwrite(buffer, 1, sizeof buffer, file), sizeof buffer);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(http_tar_open(&tar, path), E_ARG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_read_whole_and_in_ranges),    TEST(bundle_is_installed_by_the_same_gateway),
        TEST(bundle_that_was_damaged_is_not_believed), TEST(bundle_of_another_key_is_not_believed),
        TEST(files_that_are_no_bundle_are_named),      TEST(objects_that_differ_have_other_etags),
    };
    const int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        return 1;
    }
    const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    return unlink(path) != 0 ? 1 : n_failed;
}
