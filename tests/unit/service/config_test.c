/* The configuration of the gateway on Linux: the example is right, and each wrong line is told with what to write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/config.h"

static struct service_config config;
static char told[8192];

static void tell(void *ctx, const char *sentence)
{
    (void)ctx;
    size_t at = strlen(told);
    (void)snprintf(told + at, sizeof told - at, "%s\n", sentence);
}

static enum fota_err read_text(const char *text, size_t n_bytes)
{
    struct service_problems problems = {.tell = tell};
    told[0] = '\0';
    return service_config_read("gw.conf", text, n_bytes, &config, &problems);
}

static const char GOOD[] = "[device]\nname = pump\nproduct = demo\nhw = f407\n[s3]\nbucket = b\nregion = r\n"
                           "[wires]\ntarget = spidev\n";

/* GOOD and this after it. */
static enum fota_err read_with(const char *more)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s", GOOD, more);
    return read_text(text, strlen(text));
}

static void the_example_is_read_as_written(void **state)
{
    (void)state;
    static char text[SERVICE_CONFIG_MAX_BYTES];
    FILE *f = fopen(FOTA_SOURCE_DIR "/docs/gateway.conf", "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    assert_int_equal(fclose(f), 0);
    enum fota_err err = read_text(text, n);
    assert_string_equal(told, "");
    assert_int_equal(err, FOTA_OK);
    assert_string_equal(config.name, "pump-17");
    assert_string_equal(config.region, "eu-central-1");
    assert_int_equal(config.target, SERVICE_SPIDEV);
    assert_int_equal(config.nss, 8);
    assert_int_equal(config.nrst, 25);
    assert_int_equal(config.boot0, 24);
    assert_int_equal(config.log, SERVICE_INFO);
    assert_null(config.metrics);
    /* What stands there as a comment is right too. */
    static char all[2 * SERVICE_CONFIG_MAX_BYTES];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_line = i == 0 || text[i - 1] == '\n';
        if (!(is_line && text[i] == '#' && text[i + 1] >= 'a' && text[i + 1] <= 'z')) {
            all[at++] = text[i];
        }
    }
    err = read_text(all, at);
    assert_string_equal(told, "");
    assert_int_equal(err, FOTA_OK);
    assert_int_equal(config.activate, SERVICE_ACTIVATE_WINDOW);
    assert_int_equal(config.window_from, 2);
    assert_int_equal(config.window_to, 5);
    assert_int_equal(config.poll_s, 3600);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(read_with(""), FOTA_OK);
    assert_string_equal(config.channel, "stable");
    assert_string_equal(config.spi, "/dev/spidev0.0");
    assert_string_equal(config.state, "/var/lib/fota/gateway.state");
    assert_int_equal(config.clock_hz, 4000000);
    assert_int_equal(config.poll_s, 0);
    assert_int_equal(config.activate, SERVICE_ACTIVATE_STATEMENT);
    assert_null(config.endpoint);
    assert_null(config.prefix);
    assert_null(config.report_bucket);
    assert_int_equal(read_with("[s3]\nprefix = fleet/eu-1\nreport-bucket = fota-reports\n"), FOTA_OK);
    assert_string_equal(config.prefix, "fleet/eu-1");
    assert_string_equal(config.report_bucket, "fota-reports");
}

static void every_wrong_line_is_told_with_its_number_and_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"clock = fast",
         "gw.conf:10: clock = fast: this is not a number from 100000 to 10000000; write clock = 4000000"},
        {"clock = 99999", "gw.conf:10: clock = 99999: this is not a number"},
        {"clock = 12345678901", "gw.conf:10: clock = 12345678901: this is not a number"},
        {"target = twin", "gw.conf:10: target was given in line 9 already; remove one of them"},
        {"speed = 3",
         "gw.conf:10: [wires] has no speed; write one of target, spi, gpio, nss, nrst, boot0, clock"},
        {"poll = 60", "gw.conf:10: poll belongs to [service], not to [wires]; move this line there"},
        {"spidev", "gw.conf:10: 'spidev' is no line of a configuration; write key = value"},
        {"[wire]", "gw.conf:10: [wire] is no section; write [device], [s3], [wires], [twin], [service] or "
                   "[hil]"},
        {"[wires", "gw.conf:10: [wires: the bracket is not closed"},
        {"spi =", "gw.conf:10: spi = : this is empty or too long; write spi = /dev/spidev0.0"},
        {"[service]\npoll = 29",
         "gw.conf:11: poll = 29: this is not a number from 30 to 604800; write poll = 3600"},
        {"[service]\nlog = loud",
         "gw.conf:11: log = loud: this is not error, warning, notice, info or debug; write log = info"},
        {"[service]\nrebuild = yes",
         "gw.conf:11: rebuild = yes: this is not never or kit; write rebuild = kit"},
        {"[service]\nactivate = tonight",
         "gw.conf:11: activate = tonight: this is not now, idle, window HH-HH or ask"},
        {"[service]\nactivate = window 2-25", "gw.conf:11: activate = window 2-25"},
        {"[service]\nactivate = window 2", "gw.conf:11: activate = window 2"},
        {"[service]\nactivate = ask may-restart", "gw.conf:11: activate = ask may-restart"},
        {"[s3]\nendpoint = s3.example.com", "gw.conf:11: endpoint = s3.example.com: this is not http:// or "
                                            "https:// with a host and no path; write "
                                            "endpoint = https://s3.example.com"},
        {"[s3]\nendpoint = https://h/path", "gw.conf:11: endpoint = https://h/path"},
        {"[s3]\nauth = key", "gw.conf:11: auth = key: this is not auto or none"},
        {"[s3]\nprefix = /fleet", "gw.conf:11: prefix = /fleet: a folder of a bucket has no slash at its "
                                  "ends, and names between them; "
                                  "write prefix = fleet/eu"},
        {"[s3]\nprefix = fleet/", "gw.conf:11: prefix = fleet/"},
        {"[s3]\nprefix = fleet//eu", "gw.conf:11: prefix = fleet//eu"},
        {"[s3]\nprefix = fleet/../eu", "gw.conf:11: prefix = fleet/../eu"},
        {"[s3]\nprefix =", "gw.conf:11: prefix = : "},
        {"[s3]\nreport-bucket = a/b", "gw.conf:11: report-bucket = a/b: a name has 1 to 63 letters"},
        {"[device]\nchannel = a b", "gw.conf:11: channel = a b: a name has 1 to 32 letters"},
        {"nrst = 8", "gw.conf: [wires] nss, nrst and boot0 are three lines"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_with(cases[i].line), E_ARG);
        if (!strstr(told, cases[i].said)) {
            fail_msg("%s: %s", cases[i].line, told);
        }
    }
}

static void all_that_is_missing_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(read_text("name = x\n", 9), E_ARG);
    static const char *const said[] = {
        "gw.conf:1: name stands before any section; write [device] above it",
        "gw.conf: [device] name is missing; write name = pump-17",
        "gw.conf: [device] product is missing; write product = demo",
        "gw.conf: [device] hw is missing; write hw = f407-disco",
        "gw.conf: [s3] bucket is missing; write bucket = fota-releases",
        "gw.conf: [wires] target is missing; write target = spidev",
    };
    for (unsigned i = 0; i < sizeof said / sizeof said[0]; i++) {
        assert_non_null(strstr(told, said[i]));
    }
}

static void a_twin_needs_a_board(void **state)
{
    (void)state;
    static const char head[] =
        "[device]\nname = p\nproduct = d\nhw = f\n[s3]\nbucket = b\nendpoint = http://h:1\n"
        "[wires]\ntarget = twin\n[twin]\n";
    static const struct {
        const char *lines, *said;
    } cases[] = {
        {"", "[twin] bootloader is missing"},
        {"bootloader = b.elf\n", "[twin] needs a board"},
        {"bootloader = b.elf\nfactory = a.img\n", "[twin] a new board takes both factory and loader"},
        {"bootloader = b.elf\nfactory = a.img\nloader = l.img\n", NULL},
        {"bootloader = b.elf\nflash = f\n", NULL},
        {"flash = f\n", NULL}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%s%s", head, cases[i].lines);
        assert_int_equal(read_text(text, strlen(text)), cases[i].said ? E_ARG : FOTA_OK);
        assert_true(!cases[i].said || strstr(told, cases[i].said));
    }
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    static char text[SERVICE_CONFIG_MAX_BYTES + 1];
    memset(text, '#', sizeof text);
    assert_int_equal(read_text(text, sizeof text), E_ARG);
    assert_non_null(strstr(told, "gw.conf: this is no configuration"));
    assert_int_equal(read_text("a\0b", 3), E_ARG);
    assert_non_null(strstr(told, "gw.conf: this is no configuration"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read_as_written),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(every_wrong_line_is_told_with_its_number_and_what_to_write),
        cmocka_unit_test(all_that_is_missing_is_told_at_once),
        cmocka_unit_test(a_twin_needs_a_board),
        cmocka_unit_test(what_is_no_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
