/* Writes the seeds of the parser targets: what a publisher makes, with the keys of the model.
 * Usage: parser_seeds CORPUS_DIR */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/channel_statement.h"
#include "fuzz.h"
#include "model.h"

const char *const device_name = "seeds";

static void write_seed(const char *root, const char *name, uint8_t first, const void *bytes, size_t n_bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "wb");
    if (!file || fputc(first, file) == EOF || fwrite(bytes, 1, n_bytes, file) != n_bytes ||
        fclose(file) != 0) {
        fuzz_fail("cannot write %s", path);
    }
}

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

static void write_channel(const char *root, const char *name, const struct fuzz_release *release)
{
    char text[STATEMENT_MAX_BYTES];
    size_t n_bytes = 0;
    static const char SIG[] = "sig=0011223344556677:MAYCAQECAQI=\n\n";
    const struct channel channel = {.product = span_of("demo"),
                                    .hw = span_of("f407-disco"),
                                    .name = span_of("stable"),
                                    .seq = 7,
                                    .issued_s = 1700000000,
                                    .expires_s = 1800000000,
                                    .root = 1,
                                    .rollout_start_s = 1700000100,
                                    .rollout_ramp_s = 3600,
                                    .rollout_max_pct = 100,
                                    .has_loader = true,
                                    .loader_sha256 = {7, 8, 9},
                                    .poll_s = 3600};
    if (channel_print(&channel, text, &n_bytes) != FOTA_OK ||
        n_bytes + sizeof SIG + release->n_text > sizeof text) {
        fuzz_fail("the channel statement cannot be written");
    }
    memcpy(text + n_bytes, SIG, sizeof SIG - 1);
    n_bytes += sizeof SIG - 1;
    memcpy(text + n_bytes, release->text, release->n_text);
    write_seed(root, name, 1, text, n_bytes + release->n_text);
}

/* Replies of a server: status, flags, lines whose first byte names the header, body (http_fuzz.c). */
static void write_replies(const char *root)
{
    static const struct {
        const char *name;
        uint8_t status;
        const char *rest;
    } REPLIES[] = {
        {"http/whole", 0, "\x08H\"0123456789abcdef\"\n\nthe object"},
        {"http/range", 1,
         "\x09H\"0123456789abcdef\"\nIbytes 100-109/500\nJTue, 24 Nov 2026 08:00:00 GMT\n\n0123456789"},
        {"http/quiet", 2, "\x0AH\"0123456789abcdef\"\n\n"},
        {"http/region", 3,
         "\x08L"
         "eu-west-1\n\n<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>"},
        {"http/slow_down", 16,
         "\x08K"
         "120\n\n<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>"},
        {"http/retry_date", 16, "\x08KTue, 24 Nov 2026 08:00:00 GMT\n\n"},
        {"http/skewed", 8,
         "\x08JTue, 24 Nov 2026 08:00:00 GMT\n\n<Error><Code>RequestTimeTooSkewed</Code></Error>"},
        {"http/written", 0, "\x0CH\"0123456789abcdef\"\n\n"},
    };
    for (unsigned i = 0; i < sizeof REPLIES / sizeof REPLIES[0]; i++) {
        write_seed(root, REPLIES[i].name, REPLIES[i].status, REPLIES[i].rest, strlen(REPLIES[i].rest));
    }
}

/* Texts that credentials stand in (credentials_fuzz.c): no byte before them. */
static void write_credentials(const char *root)
{
    static const struct {
        const char *name;
        uint8_t first;
        const char *rest;
    } TEXTS[] = {
        {"credentials/sts", '<',
         "AssumeRoleResponse><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</"
         "SecretAccessKey>"
         "<SessionToken> t </SessionToken><Expiration>2026-11-29T09:00:00Z</Expiration></Credentials>"
         "</AssumeRoleResponse>"},
        {"credentials/sso", '{',
         "\"roleCredentials\": {\"accessKeyId\": \"A\", \"expiration\": 1796000000000}}"},
        {"credentials/token", '{', "\"accessToken\":\"a\\/b\",\"expiresAt\":\"2026-11-29T09:00:00Z\"}"},
        {"credentials/instance", '{',
         "\"Code\" : \"Success\", \"AccessKeyId\" : \"ASIA2\", \"Token\" : \"t\", \"Expiration\" : \"x\"}"},
        {"credentials/profiles", '[',
         "default]\naws_access_key_id = AKIA1\n# a remark\n[profile other]\nx = 1\n"},
        {"credentials/command", '/', "opt/keys --for 'my device' \"a\\\"b\""},
        {"credentials/time", '2', "026-11-29T09:00:00Z"},
    };
    for (unsigned i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        write_seed(root, TEXTS[i].name, TEXTS[i].first, TEXTS[i].rest, strlen(TEXTS[i].rest));
    }
}

int main(int argc, char **argv)
{
    static const char *const NAMES[] = {"factory",     "newer",       "next_key",
                                        "old_counter", "other_board", "foreign_key"};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: parser_seeds CORPUS_DIR\n");
        return EXIT_FAILURE;
    }
    releases_make();
    for (unsigned i = 0; i < RELEASES; i++) {
        char name[64];
        for (unsigned slot = 0; slot < 2; slot++) {
            (void)snprintf(name, sizeof name, "image/%s_%c", NAMES[i], slot ? 'b' : 'a');
            write_seed(argv[1], name, (uint8_t)(i % 2), releases[i].image[slot], releases[i].n_image[slot]);
        }
        (void)snprintf(name, sizeof name, "statement/release_%s", NAMES[i]);
        write_seed(argv[1], name, 0, releases[i].text, releases[i].n_text);
        (void)snprintf(name, sizeof name, "statement/loader_%s", NAMES[i]);
        write_seed(argv[1], name, 2, releases[i].loader_text, releases[i].n_loader_text);
    }
    bytes_store_le32(releases[0].image[0] + 12, 0x10000); /* ih_img_size */
    write_seed(argv[1], "image/longer_than_its_file", 0, releases[0].image[0], releases[0].n_image[0]);
    write_channel(argv[1], "statement/channel", &releases[1]);
    write_replies(argv[1]);
    write_credentials(argv[1]);
    return EXIT_SUCCESS;
}
