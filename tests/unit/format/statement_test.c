/* Statements: what is written is read back, every rule of the text is enforced, and no input reads out of
 * bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/channel_statement.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "format/statement_write.h"

enum { FUZZ_ROUNDS = 200000, FUZZ_SEED = 20261124 };

static const uint8_t KEY_ID[STATEMENT_KEY_ID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
static const uint8_t OTHER_KEY_ID[STATEMENT_KEY_ID_BYTES] = {9, 9, 9, 9, 9, 9, 9, 9};
static const uint8_t DER[70] = {0x30, 68, 0x02, 32, 1, 2, 3, 0xFF};

#define SPAN(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof literal - 1                                                                          \
    }

static struct release sample_release(void)
{
    struct release r = {.product = SPAN("demo"),
                        .hw = SPAN("f407-disco"),
                        .version = 0x02000003,
                        .security_counter = 7,
                        .image = {{.n_bytes = 4096, .blob = SPAN("v1/blobs/aa.bin")},
                                  {.n_bytes = 393216, .blob = SPAN("v1/blobs/bb.bin")}},
                        .codec = SPAN("none"),
                        .from_min = 0x01000000,
                        .boot_min = 0x01020003,
                        .confirm_within_s = 600,
                        .activate = SPAN("window:02-05"),
                        .notes = SPAN("first = best")};
    memset(r.image[0].sha256, 0xA5, sizeof r.image[0].sha256);
    memset(r.image[1].sha256, 0x5B, sizeof r.image[1].sha256);
    memset(r.image[0].hash, 0xA6, sizeof r.image[0].hash);
    memset(r.image[1].hash, 0x5C, sizeof r.image[1].hash);
    return r;
}

static size_t sample_text(char text[STATEMENT_RELEASE_MAX_BYTES])
{
    const struct release r = sample_release();
    struct statement_text t = {text, STATEMENT_RELEASE_MAX_BYTES, 0, false};
    assert_int_equal(release_print(&r, text, &t.n_bytes), FOTA_OK);
    assert_int_equal(statement_put_sig(&t, KEY_ID, DER, sizeof DER), FOTA_OK);
    return t.n_bytes;
}

static struct loader_release sample_loader(void)
{
    struct loader_release l = {.hw = SPAN("f407-disco"),
                               .version = 0x01020003,
                               .security_counter = 4,
                               .boot_min = 0x01000000,
                               .image_bytes = 12345,
                               .blob = SPAN("v1/blobs/cc.bin"),
                               .notes = SPAN("-")};
    memset(l.sha256, 0xC3, sizeof l.sha256);
    memset(l.hash, 0x3C, sizeof l.hash);
    return l;
}

static size_t sample_loader_text(char text[STATEMENT_RELEASE_MAX_BYTES])
{
    const struct loader_release l = sample_loader();
    struct statement_text t = {text, STATEMENT_RELEASE_MAX_BYTES, 0, false};
    assert_int_equal(loader_print(&l, text, &t.n_bytes), FOTA_OK);
    assert_int_equal(statement_put_sig(&t, KEY_ID, DER, sizeof DER), FOTA_OK);
    return t.n_bytes;
}

static struct channel sample_channel(void)
{
    struct channel c = {.product = SPAN("demo"),
                        .hw = SPAN("f407-disco"),
                        .name = SPAN("stable"),
                        .seq = 42,
                        .issued_s = 1795507200,
                        .expires_s = 1798099200,
                        .root = 1,
                        .rollout_start_s = 1795507200,
                        .rollout_ramp_s = 86400,
                        .rollout_max_pct = 100,
                        .is_halted = true,
                        .retry = 3,
                        .has_loader = true,
                        .poll_s = 3600};
    memset(c.loader_sha256, 0x77, sizeof c.loader_sha256);
    memset(c.release_sha256, 0x11, sizeof c.release_sha256);
    return c;
}

static size_t sample_channel_text(char text[STATEMENT_MAX_BYTES])
{
    const struct channel c = sample_channel();
    struct statement_text t = {text, STATEMENT_MAX_BYTES, 0, false};
    assert_int_equal(channel_print(&c, text, &t.n_bytes), FOTA_OK);
    assert_int_equal(statement_put_sig(&t, KEY_ID, DER, sizeof DER), FOTA_OK);
    statement_put_string(&t, "\n");
    char inner[STATEMENT_RELEASE_MAX_BYTES];
    statement_put(&t, inner, sample_text(inner));
    assert_false(t.is_full);
    return t.n_bytes;
}

static enum fota_err parse(const char *text, size_t n_bytes)
{
    /* A block of exactly the text's size, so that a read past its end is an AddressSanitizer report. */
    uint8_t *exact = malloc(n_bytes != 0 ? n_bytes : 1);
    assert_non_null(exact);
    memcpy(exact, text, n_bytes);
    struct statement s;
    struct release r;
    enum fota_err err = release_parse(exact, n_bytes, &s);
    if (err == FOTA_OK) {
        err = release_read(&s, &r);
    }
    free(exact);
    return err;
}

static enum fota_err parse_loader(const char *text, size_t n_bytes)
{
    uint8_t *exact = malloc(n_bytes != 0 ? n_bytes : 1);
    assert_non_null(exact);
    memcpy(exact, text, n_bytes);
    struct statement s;
    struct loader_release l;
    enum fota_err err = loader_parse(exact, n_bytes, &s);
    if (err == FOTA_OK) {
        err = loader_read(&s, "f407-disco", &l);
    }
    free(exact);
    return err;
}

/* Replace the first `from` of a text by `to`. @return the bytes of `changed` */
static size_t change(const char *text, size_t n, const char *from, const char *to, char *changed)
{
    const size_t n_from = strlen(from);
    const size_t n_to = strlen(to);
    size_t at = 0;
    while (memcmp(text + at, from, n_from) != 0) {
        at++;
        assert_true(at + n_from <= n); /* the sample holds `from` */
    }
    memcpy(changed, text, at);
    memcpy(changed + at, to, n_to);
    memcpy(changed + at + n_to, text + at + n_from, n - at - n_from);
    return n - n_from + n_to;
}

/* Replace the first `from` of the sample by `to`, and parse that. */
static enum fota_err parse_with(const char *from, const char *to)
{
    char text[STATEMENT_RELEASE_MAX_BYTES];
    char changed[2 * STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_text(text);
    return parse(changed, change(text, n, from, to, changed));
}

static enum fota_err parse_loader_with(const char *from, const char *to)
{
    char text[STATEMENT_RELEASE_MAX_BYTES];
    char changed[2 * STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_loader_text(text);
    return parse_loader(changed, change(text, n, from, to, changed));
}

static void a_release_is_read_back_as_written(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_text(text);
    const struct release wanted = sample_release();
    struct statement s;
    struct release r;
    assert_int_equal(release_parse((const uint8_t *)text, n, &s), FOTA_OK);
    assert_int_equal(release_read(&s, &r), FOTA_OK);
    assert_true(statement_is(&r.product, "demo") && statement_is(&r.hw, "f407-disco"));
    assert_true(statement_is(&r.activate, "window:02-05") && statement_is(&r.notes, "first = best"));
    assert_int_equal(r.version, wanted.version);
    assert_int_equal(r.security_counter, wanted.security_counter);
    assert_int_equal(r.image[1].n_bytes, wanted.image[1].n_bytes);
    assert_memory_equal(r.image[1].sha256, wanted.image[1].sha256, 32);
    assert_memory_equal(r.image[0].hash, wanted.image[0].hash, 32);
    assert_memory_equal(r.image[1].hash, wanted.image[1].hash, 32);
    assert_memory_equal(r.image[1].blob.at, wanted.image[1].blob.at, wanted.image[1].blob.n_bytes);
    assert_int_equal(r.boot_min, wanted.boot_min);
    assert_int_equal(s.n_sigs, 1);
    assert_memory_equal(text + s.signed_bytes, "sig=0123456789abcdef:", 21);
}

static void the_target_reads_one_slot_and_only_its_hardware(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_text(text);
    struct statement s;
    struct release_slot slot;
    assert_int_equal(release_parse((const uint8_t *)text, n, &s), FOTA_OK);
    assert_int_equal(release_slot_read(&s, 0, "f407-disco", &slot), FOTA_OK);
    assert_int_equal(slot.image_bytes, 4096);
    assert_int_equal(slot.sha256[31], 0xA5);
    assert_int_equal(release_slot_read(&s, 1, "f407-disco", &slot), FOTA_OK);
    assert_int_equal(slot.image_bytes, 393216);
    assert_int_equal(slot.sha256[0], 0x5B);
    for (unsigned i = 0; i < 32; i++) { /* both image hashes, whichever slot was asked for */
        assert_int_equal(slot.hash[0][i], 0xA6);
        assert_int_equal(slot.hash[1][i], 0x5C);
    }
    assert_int_equal(slot.security_counter, 7);
    assert_int_equal(slot.boot_min, 0x01020003);
    assert_int_equal(release_slot_read(&s, 0, "f407-disc", &slot), E_STATEMENT_PRODUCT);
    assert_int_equal(release_slot_read(&s, 0, "f407-disco2", &slot), E_STATEMENT_PRODUCT);
}

static void each_rule_of_the_text_is_enforced(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"fota-release=2", "fota-channel=2"},
        {"fota-release=2", "fota-release="},
        {"hash-b=5c", "hash-b=5C"},
        {"hash-a=a6", "hash-a=a"},
        {"hash-a=", "hash-b="},
        {"product=demo\n", ""},                                             /* missing */
        {"product=demo\n", "product=demo\nproduct=demo\n"},                 /* twice */
        {"product=demo\nhw=f407-disco\n", "hw=f407-disco\nproduct=demo\n"}, /* order */
        {"product=demo", "product="},                                       /* empty */
        {"product=demo", "product=De mo"},
        {"hw=f407-disco", "hw=f407-disco-0123456789"}, /* longer than the board's id can be */
        {"notes=", "y-more=1\nnotes="},                /* unknown key */
        {"sig=", "y-more=1\nsig="},
        {"sig=", "x-b=1\nx-a=1\nsig="}, /* extensions out of order */
        {"sig=", "x-a=1\nx-a=2\nsig="}, /* extension twice */
        {"sig=", "x-=1\nsig="},
        {"sig=", "x-a\nsig="},
        {"sig=", "\nsig="}, /* blank line */
        {"size-a=4096", "size-a=04096"},
        {"size-a=4096", "size-a=4294967296"},
        {"size-a=4096", "size-a=+4096"},
        {"size-a=4096", "size-a=0"},
        {"size-a=4096", "size-a=4096 "},
        {"version=2.0.3", "version=2.0"},
        {"version=2.0.3", "version=2.0.3.4"},
        {"version=2.0.3", "version=256.0.3"},
        {"version=2.0.3", "version=2.0.65536"},
        {"sha256-a=a5", "sha256-a=A5"},
        {"sha256-a=a5", "sha256-a=a"},
        {"blob-a=v1/", "blob-a=../"},
        {"blob-a=v1/", "blob-a=/v1/"},
        {"blob-a=v1/", "blob-a=v1//"},
        {"codec=none", "codec=zip"},
        {"confirm-within=600", "confirm-within=0"},
        {"confirm-within=600", "confirm-within=86401"},
        {"window:02-05", "window:24-05"},
        {"window:02-05", "later"},
        {"first = best", "first\tbest"},
        {"first = best\n", "first = best\r\n"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (parse_with(changes[i][0], changes[i][1]) != E_STATEMENT_SYNTAX) {
            fail_msg("accepted: `%s` changed to `%s`", changes[i][0], changes[i][1]);
        }
    }
    /* The checker can say yes: these changes are harmless. */
    assert_int_equal(parse_with("demo", "demo"), FOTA_OK);
    assert_int_equal(parse_with("sig=", "x-a=1\nx-ab=2\nx-b=3\nsig="), FOTA_OK);
    assert_int_equal(parse_with("window:02-05", "idle"), FOTA_OK);
    assert_int_equal(parse_with("size-a=4096", "size-a=4294967295"), FOTA_OK);
}

/* A reader of format 2 says so by number, whatever else the text holds: an operator with old statements, or a
 * board with an old root, must not be sent to look for a damaged line. */
static void another_format_is_refused_by_a_number_of_its_own(void **state)
{
    (void)state;
    static const char *const formats[] = {"1", "3", "22", "02", "x"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "fota-release=%s", formats[i]);
        assert_int_equal(parse_with("fota-release=2", line), E_STATEMENT_FORMAT);
        (void)snprintf(line, sizeof line, "fota-loader=%s", formats[i][0] == '1' ? "2" : formats[i]);
        assert_int_equal(parse_loader_with("fota-loader=1", line), E_STATEMENT_FORMAT);
    }
    static const char old_release[] = "fota-release=1\nproduct=demo\nhw=f407-disco\n";
    static const char old_channel[] = "fota-channel=1\nproduct=demo\n";
    struct statement s;
    struct statement_span inner;
    assert_int_equal(release_parse((const uint8_t *)old_release, sizeof old_release - 1, &s),
                     E_STATEMENT_FORMAT);
    assert_int_equal(channel_parse((const uint8_t *)old_channel, sizeof old_channel - 1, &s, &inner),
                     E_STATEMENT_FORMAT);
}

static void a_loader_is_read_back_as_written(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_loader_text(text);
    const struct loader_release wanted = sample_loader();
    struct statement s;
    struct loader_release l;
    assert_true(loader_is_statement((const uint8_t *)text, n));
    assert_false(loader_is_statement((const uint8_t *)text, 5));
    assert_int_equal(loader_parse((const uint8_t *)text, n, &s), FOTA_OK);
    assert_int_equal(loader_read(&s, NULL, &l), FOTA_OK);
    assert_true(statement_is(&l.hw, "f407-disco") && statement_is(&l.blob, "v1/blobs/cc.bin"));
    assert_true(statement_is(&l.notes, "-"));
    assert_int_equal(l.version, wanted.version);
    assert_int_equal(l.security_counter, wanted.security_counter);
    assert_int_equal(l.boot_min, wanted.boot_min);
    assert_int_equal(l.image_bytes, wanted.image_bytes);
    assert_memory_equal(l.sha256, wanted.sha256, sizeof l.sha256);
    assert_memory_equal(l.hash, wanted.hash, sizeof l.hash);
    assert_int_equal(loader_read(&s, "f407-disc", &l), E_STATEMENT_PRODUCT);
}

static void the_target_reads_a_loader_like_a_slot(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES];
    const size_t n = sample_loader_text(text);
    const struct loader_release wanted = sample_loader();
    struct statement s;
    struct release_slot slot;
    assert_int_equal(loader_parse((const uint8_t *)text, n, &s), FOTA_OK);
    assert_int_equal(loader_slot_read(&s, "f407-disco", &slot), FOTA_OK);
    assert_int_equal(slot.version, wanted.version);
    assert_int_equal(slot.security_counter, wanted.security_counter);
    assert_int_equal(slot.boot_min, wanted.boot_min);
    assert_int_equal(slot.image_bytes, wanted.image_bytes);
    assert_memory_equal(slot.sha256, wanted.sha256, sizeof slot.sha256);
    assert_memory_equal(slot.hash[0], wanted.hash, sizeof slot.hash[0]);
    assert_memory_equal(slot.hash[1], wanted.hash, sizeof slot.hash[1]);
    assert_int_equal(loader_slot_read(&s, "f407-discoo", &slot), E_STATEMENT_PRODUCT);
}

static void each_rule_of_a_loader_is_enforced(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"fota-loader=1", "fota-release=2"},
        {"hw=f407-disco\n", ""},
        {"hw=f407-disco\n", "product=demo\nhw=f407-disco\n"},
        {"version=1.2.3", "version=1.2"},
        {"security-counter=4", "security-counter=-4"},
        {"size=12345", "size=0"},
        {"size=12345", "size=12345 "},
        {"sha256=c3", "sha256=C3"},
        {"hash=3c", "hash=3"},
        {"blob=v1/", "blob=../"},
        {"boot>=1.0.0", "boot>=1.0.0.0"},
        {"notes=-", "notes=\x7F"},
        {"sig=", "x-b=1\nx-a=1\nsig="},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (parse_loader_with(changes[i][0], changes[i][1]) != E_STATEMENT_SYNTAX) {
            fail_msg("accepted: `%s` changed to `%s`", changes[i][0], changes[i][1]);
        }
    }
    assert_int_equal(parse_loader_with("hw=f407-disco", "hw=f407-else"), E_STATEMENT_PRODUCT);
    assert_int_equal(parse_loader_with("sig=", "x-a=1\nsig="), FOTA_OK); /* the checker can say yes */
    char text[STATEMENT_RELEASE_MAX_BYTES + 1];
    const size_t n = sample_loader_text(text);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(parse_loader(text, i), E_STATEMENT_SYNTAX);
    }
    text[n] = '\n';
    assert_int_equal(parse_loader(text, n + 1), E_STATEMENT_SYNTAX);
    memset(text, 'a', sizeof text);
    assert_int_equal(parse_loader(text, sizeof text), E_STATEMENT_SIZE);
}

static void nothing_may_follow_or_be_missing_at_the_end(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES + 1];
    const size_t n = sample_text(text);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(parse(text, i), E_STATEMENT_SYNTAX);
    }
    text[n] = '\n';
    assert_int_equal(parse(text, n + 1), E_STATEMENT_SYNTAX);
    char big[STATEMENT_RELEASE_MAX_BYTES + 1];
    memset(big, 'a', sizeof big);
    assert_int_equal(parse(big, sizeof big), E_STATEMENT_SIZE);
}

/* A verifier that knows KEY_ID, and accepts a signature whose sixth byte is 2 over a text that begins with
 * 'f'. */
static enum fota_err check(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES], const uint8_t *text,
                           size_t n_bytes, const uint8_t *der, size_t n_der)
{
    unsigned *n_calls = ctx;
    (*n_calls)++;
    assert_true(n_bytes > 0 && n_der >= 8);
    if (memcmp(key_id, KEY_ID, sizeof KEY_ID) != 0) {
        return E_STATEMENT_KEY;
    }
    return der[5] == 2 && text[0] == 'f' ? FOTA_OK : E_STATEMENT_SIGNATURE;
}

static enum fota_err verify_sigs(const uint8_t *const ids[], const uint8_t *const ders[], size_t n)
{
    char text[STATEMENT_RELEASE_MAX_BYTES];
    const struct release r = sample_release();
    struct statement_text t = {text, sizeof text, 0, false};
    assert_int_equal(release_print(&r, text, &t.n_bytes), FOTA_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(statement_put_sig(&t, ids[i], ders[i], 9), FOTA_OK);
    }
    struct statement s;
    enum fota_err err = release_parse((const uint8_t *)text, t.n_bytes, &s);
    unsigned n_calls = 0;
    const struct statement_verifier v = {check, &n_calls};
    return err ? err : statement_verify(&s, (const uint8_t *)text, &v);
}

static void one_good_signature_of_a_known_key_is_enough(void **state)
{
    (void)state;
    static const uint8_t good[9] = {0x30, 7, 0x02, 1, 1, 2};
    static const uint8_t bad[9] = {0x30, 7, 0x02, 1, 1, 3};
    const uint8_t *ids[3] = {OTHER_KEY_ID, KEY_ID, KEY_ID};
    const uint8_t *ders[3] = {good, bad, good};
    assert_int_equal(verify_sigs(ids, ders, 1), E_STATEMENT_KEY);
    assert_int_equal(verify_sigs(ids, ders, 2), E_STATEMENT_SIGNATURE);
    assert_int_equal(verify_sigs(ids, ders, 3), FOTA_OK);
    assert_int_equal(verify_sigs(ids, ders, 0), E_STATEMENT_SYNTAX);
}

static void signature_lines_are_strict_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0123456789abcdef:",
        "0123456789abcdef:AAA",
        "0123456789abcdef:AAA=A",
        "0123456789abcdef:AB==",
        "0123456789abcdef:A===",
        "0123456789abcdef:====",
        "0123456789abcdef:AA A",
        "0123456789abcdeF:AAAA",
        "0123456789abcde:AAAA",
        "0123456789abcdef;AAAA",
        "0123456789abcdef:AAAA=",
        "0123456789abcdef",
        ("0123456789abcdef:AAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    };
    uint8_t key_id[STATEMENT_KEY_ID_BYTES];
    uint8_t der[STATEMENT_DER_MAX_BYTES];
    size_t n_der = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct statement_span sig = {bad[i], strlen(bad[i])};
        if (statement_sig_decode(&sig, key_id, der, &n_der) == FOTA_OK) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    for (size_t n = 1; n <= STATEMENT_DER_MAX_BYTES; n++) { /* every length, every padding, there and back */
        uint8_t bytes[STATEMENT_DER_MAX_BYTES];
        char line[STATEMENT_SIG_LINE_MAX_BYTES];
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(i * 37 + n * 11);
        }
        struct statement_text t = {line, sizeof line, 0, false};
        assert_int_equal(statement_put_sig(&t, KEY_ID, bytes, n), FOTA_OK);
        const struct statement_span sig = {line + 4, t.n_bytes - 5};
        assert_int_equal(statement_sig_decode(&sig, key_id, der, &n_der), FOTA_OK);
        assert_int_equal(n_der, n);
        assert_memory_equal(der, bytes, n);
        assert_memory_equal(key_id, KEY_ID, sizeof KEY_ID);
    }
}

static void a_channel_is_read_back_as_written(void **state)
{
    (void)state;
    char text[STATEMENT_MAX_BYTES];
    const size_t n = sample_channel_text(text);
    struct statement s;
    struct statement_span inner;
    struct channel c;
    assert_int_equal(channel_parse((const uint8_t *)text, n, &s, &inner), FOTA_OK);
    assert_int_equal(channel_read(&s, &c), FOTA_OK);
    const struct channel wanted = sample_channel();
    assert_true(statement_is(&c.name, "stable"));
    assert_int_equal(c.seq, wanted.seq);
    assert_int_equal(c.issued_s, wanted.issued_s);
    assert_int_equal(c.expires_s, wanted.expires_s);
    assert_int_equal(c.rollout_start_s, wanted.rollout_start_s);
    assert_int_equal(c.rollout_ramp_s, wanted.rollout_ramp_s);
    assert_int_equal(c.rollout_max_pct, wanted.rollout_max_pct);
    assert_true(c.is_halted);
    assert_true(c.has_loader);
    assert_memory_equal(c.loader_sha256, wanted.loader_sha256, sizeof c.loader_sha256);
    assert_int_equal(c.poll_s, wanted.poll_s);
    assert_int_equal(parse(inner.at, inner.n_bytes), FOTA_OK);
    assert_int_equal(inner.at + inner.n_bytes - text, n);
}

static void a_channel_must_hold_a_release_after_one_blank_line(void **state)
{
    (void)state;
    char text[STATEMENT_MAX_BYTES];
    const size_t n = sample_channel_text(text);
    struct statement s;
    struct statement_span inner;
    assert_int_equal(channel_parse((const uint8_t *)text, n, &s, &inner), FOTA_OK);
    const size_t outer = s.n_bytes;
    assert_int_equal(channel_parse((const uint8_t *)text, outer, &s, &inner), E_STATEMENT_SYNTAX);
    assert_int_equal(channel_parse((const uint8_t *)text, outer + 1, &s, &inner), E_STATEMENT_SYNTAX);
    text[outer] = 'x';
    assert_int_equal(channel_parse((const uint8_t *)text, n, &s, &inner), E_STATEMENT_SYNTAX);
}

static void a_channel_names_a_loader_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum fota_err err;
        bool has_loader;
    } cases[] = {
        {"-", FOTA_OK, false},
        {"7777777777777777777777777777777777777777777777777777777777777777", FOTA_OK, true},
        {"777777777777777777777777777777777777777777777777777777777777777", E_STATEMENT_SYNTAX, false},
        {"--", E_STATEMENT_SYNTAX, false},
        {"none", E_STATEMENT_SYNTAX, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[STATEMENT_MAX_BYTES];
        char changed[2 * STATEMENT_MAX_BYTES];
        char to[96];
        size_t n = sample_channel_text(text);
        (void)snprintf(to, sizeof to, "loader=%s\n", cases[i].value);
        n = change(text, n, "loader=7777777777777777777777777777777777777777777777777777777777777777\n", to,
                   changed);
        struct statement s;
        struct statement_span inner;
        struct channel c;
        assert_int_equal(channel_parse((const uint8_t *)changed, n, &s, &inner), FOTA_OK);
        assert_int_equal(channel_read(&s, &c), cases[i].err);
        if (!cases[i].err) {
            assert_int_equal(c.has_loader, cases[i].has_loader);
        }
    }
}

/* The longest channel around the longest release still fits its limit: no value that each rule allows may
 * make a release that cannot be published. */
static void the_longest_release_fits_the_longest_channel(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char notes[RELEASE_NOTES_MAX_BYTES];
    memset(notes, 'n', sizeof notes);
    struct release r = sample_release();
    r.product = (struct statement_span){letters, STATEMENT_NAME_MAX_BYTES};
    r.hw = (struct statement_span){letters, RELEASE_HW_MAX_BYTES};
    r.version = r.from_min = r.boot_min = 0xFFFFFFFF;
    r.security_counter = r.image[0].n_bytes = r.image[1].n_bytes = UINT32_MAX;
    r.confirm_within_s = 86400;
    r.notes = (struct statement_span){notes, sizeof notes};
    static const char blob[] =
        "v1/blobs/0123456789012345678901234567890123456789012345678901234567890123.bin";
    r.image[0].blob = r.image[1].blob = (struct statement_span)SPAN(blob);
    char text[STATEMENT_MAX_BYTES];
    char inner[STATEMENT_RELEASE_MAX_BYTES];
    struct statement_text rt = {inner, sizeof inner, 0, false};
    assert_int_equal(release_print(&r, inner, &rt.n_bytes), FOTA_OK);
    assert_int_equal(statement_put_sig(&rt, KEY_ID, DER, sizeof DER), FOTA_OK);
    assert_int_equal(statement_put_sig(&rt, KEY_ID, DER, sizeof DER), FOTA_OK);
    struct channel c = sample_channel();
    c.product = r.product;
    c.hw = r.hw;
    c.name = r.product;
    c.seq = c.retry = c.root = c.rollout_ramp_s = UINT32_MAX;
    c.poll_s = 604800;
    struct statement_text t = {text, sizeof text, 0, false};
    assert_int_equal(channel_print(&c, text, &t.n_bytes), FOTA_OK);
    assert_int_equal(statement_put_sig(&t, KEY_ID, DER, sizeof DER), FOTA_OK);
    statement_put_string(&t, "\n");
    statement_put(&t, inner, rt.n_bytes);
    print_message("longest release %zu, longest channel %zu bytes\n", rt.n_bytes, t.n_bytes);
    assert_false(t.is_full);
}

static void times_are_real_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t time_s;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2000-02-29T23:59:59Z", 951868799},
                {"2026-11-24T08:00:00Z", 1795507200},
                {"2100-03-01T00:00:00Z", UINT64_C(4107542400)},
                {"9999-12-31T23:59:59Z", UINT64_C(253402300799)}};
    static const char *const bad[] = {"1969-12-31T23:59:59Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
                                      "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
                                      "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",  "2026-1-01T00:00:00Z",
                                      "+026-01-01T00:00:00Z"};
    uint64_t time_s = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct statement_span span = {good[i].text, strlen(good[i].text)};
        assert_int_equal(statement_time(&span, &time_s), FOTA_OK);
        assert_true(time_s == good[i].time_s);
        char out[32];
        struct statement_text t = {out, sizeof out, 0, false};
        statement_put_time(&t, good[i].time_s);
        assert_int_equal(t.n_bytes, span.n_bytes);
        assert_memory_equal(out, good[i].text, span.n_bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct statement_span span = {bad[i], strlen(bad[i])};
        assert_int_equal(statement_time(&span, &time_s), E_STATEMENT_SYNTAX);
    }
    for (uint64_t t_s = 0; t_s < UINT64_C(253402300799);
         t_s += 86400 * 97 + 12345) { /* there and back, all years */
        char out[32];
        struct statement_text t = {out, sizeof out, 0, false};
        statement_put_time(&t, t_s);
        const struct statement_span span = {out, t.n_bytes};
        assert_int_equal(statement_time(&span, &time_s), FOTA_OK);
        assert_true(time_s == t_s);
    }
}

static void a_release_that_would_not_be_read_is_not_written(void **state)
{
    (void)state;
    char text[STATEMENT_RELEASE_MAX_BYTES];
    size_t n = 0;
    struct release r = sample_release();
    r.notes = (struct statement_span)SPAN("two\nlines");
    assert_int_equal(release_print(&r, text, &n), E_ARG);
    r = sample_release();
    r.confirm_within_s = 0;
    assert_int_equal(release_print(&r, text, &n), E_ARG);
    struct channel c = sample_channel();
    c.poll_s = 29;
    assert_int_equal(channel_print(&c, text, &n), E_ARG);
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Random edits of a sound text: no crash, no read out of bounds (ASan), and whatever is accepted is printable
 * lines. */
static void mutated_statements_never_read_out_of_bounds(void **state)
{
    (void)state;
    static const char alphabet[] = "\n=:,.-/0aAxfz \0\xFF%?sig";
    uint32_t random = FUZZ_SEED;
    unsigned n_accepted = 0;
    print_message("seed %u, %u rounds\n", (unsigned)FUZZ_SEED, (unsigned)FUZZ_ROUNDS);
    for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
        char text[STATEMENT_MAX_BYTES];
        const unsigned kind = round % 4; /* 1, 3: a channel, 0: a release, 2: a loader */
        const int is_channel = (kind & 1) != 0;
        size_t n = is_channel  ? sample_channel_text(text)
                   : kind == 0 ? sample_text(text)
                               : sample_loader_text(text);
        for (uint32_t edits = next_random(&random) % 4; edits > 0; edits--) {
            const size_t at = next_random(&random) % n;
            const uint32_t what = next_random(&random) % 3;
            if (what == 0) {
                text[at] = alphabet[next_random(&random) % (sizeof alphabet - 1)];
            } else if (what == 1 && n > 1) {
                memmove(text + at, text + at + 1, n - at - 1);
                n--;
            } else {
                n = at + 1;
            }
        }
        uint8_t *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, text, n);
        struct statement s;
        struct statement_span inner;
        struct channel c;
        unsigned n_calls = 0;
        const struct statement_verifier v = {check, &n_calls};
        enum fota_err err = is_channel  ? channel_parse(exact, n, &s, &inner)
                            : kind == 0 ? parse((const char *)exact, n)
                                        : parse_loader((const char *)exact, n);
        if (is_channel && err == FOTA_OK) {
            enum fota_err ignored = channel_read(&s, &c);
            ignored = statement_verify(&s, exact, &v);
            (void)ignored;
            err = parse(inner.at, inner.n_bytes);
        }
        n_accepted += err == FOTA_OK ? 1 : 0;
        free(exact);
    }
    print_message("%u accepted\n", n_accepted);
    assert_true(n_accepted >
                FUZZ_ROUNDS / 10); /* unedited texts and harmless edits: the parser was reached */
    assert_true(n_accepted < FUZZ_ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_is_read_back_as_written),
        cmocka_unit_test(the_target_reads_one_slot_and_only_its_hardware),
        cmocka_unit_test(each_rule_of_the_text_is_enforced),
        cmocka_unit_test(another_format_is_refused_by_a_number_of_its_own),
        cmocka_unit_test(a_loader_is_read_back_as_written),
        cmocka_unit_test(the_target_reads_a_loader_like_a_slot),
        cmocka_unit_test(each_rule_of_a_loader_is_enforced),
        cmocka_unit_test(a_channel_names_a_loader_or_none),
        cmocka_unit_test(the_longest_release_fits_the_longest_channel),
        cmocka_unit_test(nothing_may_follow_or_be_missing_at_the_end),
        cmocka_unit_test(one_good_signature_of_a_known_key_is_enough),
        cmocka_unit_test(signature_lines_are_strict_base64),
        cmocka_unit_test(a_channel_is_read_back_as_written),
        cmocka_unit_test(a_channel_must_hold_a_release_after_one_blank_line),
        cmocka_unit_test(times_are_real_dates),
        cmocka_unit_test(a_release_that_would_not_be_read_is_not_written),
        cmocka_unit_test(mutated_statements_never_read_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
