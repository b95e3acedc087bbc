/* What is wrong with a configuration is said in words, before a pin moves; what is right opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "driver/gpio.h"
#include "idf_pem.h"
#include "idf_pins.h"
#include "rig.h"

static struct rig rig;
static const struct idf_log QUIET;

/* A P-384 key, and a certificate whose text lost its end. */
static const char P384[] = "-----BEGIN PUBLIC KEY-----\n"
                           "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEqxRsxFsU7ynAcALhFDRjZYpZPpUU5ehK\n"
                           "qxRsxFsU7ynAcALhFDRjZYpZPpUU5ehKqxRsxFsU7ynAcALhFDRjZYpZPpUU5ehK\n"
                           "qxRsxFsU7ynAcALhFDRjZYpZPpUU5ehK\n"
                           "-----END PUBLIC KEY-----\n";
static const char TORN_CA[] =
    "-----BEGIN CERTIFICATE-----\nMIIDQTCCAimgAwIBAgITBmyfz5m/\n-----END CERTIFICATE-----\n";

static int open_rig(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    rig_pem(rig.image_key.point, rig.image_pem);
    rig_pem(rig.channel_key.point, rig.channel_pem);
    fota_gateway_config_default(&rig.config);
    rig.config.endpoint = "https://s3.test";
    rig.config.region = "test-1";
    rig.config.bucket = "releases";
    rig.config.product = "demo";
    rig.config.hw = "f407-disco";
    rig.config.image_key = rig.image_pem;
    rig.config.channel_key = rig.channel_pem;
    stand_in_new(&(struct stand_in_config){.utc_s = TEST_NOW_S});
    return 0;
}

static void refused(int err, const char *words)
{
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), err);
    if (!stand_in_logged(words)) {
        fail_msg("no log line says \"%s\"; the last one: %s", words,
                 stand_in_logged("") ? stand_in_logged("") : "none");
    }
    uint32_t wait_ms = 0;
    assert_int_equal(fota_gateway_step(&rig.gateway, &wait_ms), E_STATE); /* and it does not run */
    assert_int_equal(fota_gateway_run(&rig.gateway), E_STATE);
    assert_int_equal(stand_in_stats()->flash_ops, 0);
}

static void the_defaults_open(void **state)
{
    (void)state;
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), 0);
    assert_non_null(stand_in_logged("240ac4000110")); /* the device is named after its MAC address */
    assert_string_equal(stand_in_fault(), "");
}

static void a_wrong_pin_is_named_with_what_to_do(void **state)
{
    (void)state;
    static const struct {
        struct fota_gateway_pins pins;
        const char *words;
    } rows[] = {{{23, 19, 18, 5, 34, 25}, "NRST on GPIO 34: this pin of an ESP32 is an input only"},
                {{23, 19, 18, 5, 26, 0}, "BOOT0 on GPIO 0"},
                {{23, 19, 18, 5, 2, 25}, "NRST on GPIO 2"},
                {{23, 12, 18, 5, 26, 25}, "MISO on GPIO 12"},
                {{23, 19, 18, 5, 26, 15}, "BOOT0 on GPIO 15"},
                {{6, 19, 18, 5, 26, 25}, "MOSI on GPIO 6: this pin of an ESP32 carries the chip's own flash"},
                {{23, 19, 24, 5, 26, 25}, "SCK on GPIO 24: this pin of an ESP32 does not exist"},
                {{23, 19, 18, 31, 26, 25}, "NSS (CS) on GPIO 31"},
                {{23, 19, 18, -1, 26, 25}, "NSS (CS) on GPIO -1"},
                {{23, 19, 18, 1000, 26, 25}, "NSS (CS) on GPIO 1000"},
                {{23, 19, 18, 26, 26, 25}, "both on GPIO 26"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig.config.pins = rows[i].pins;
        refused(E_ARG, rows[i].words);
    }
    rig.config.pins = (struct fota_gateway_pins){23, 35, 18, 5, 26, 25}; /* MISO may be an input only */
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), 0);
}

enum { MOSI, MISO, SCK, NSS, NRST, BOOT0, SIGNALS };

/* The defaults of the chip with this signal on that pin. */
static enum fota_err check_pin(const struct idf_chip *chip, unsigned signal, int pin)
{
    struct fota_gateway_config config = rig.config;
    int *const of[SIGNALS] = {&config.pins.mosi, &config.pins.miso, &config.pins.sck,
                              &config.pins.nss,  &config.pins.nrst, &config.pins.boot0};
    config.pins = chip->pins;
    config.spi_host = 1;
    *of[signal] = pin;
    return idf_pins_check(chip, &config, &QUIET);
}

static void no_signal_may_have(const struct idf_chip *chip, int first, int last, unsigned but_signal,
                               const char *why)
{
    for (int pin = first; pin <= last; pin++) {
        for (unsigned signal = MOSI; signal < SIGNALS; signal++) {
            char name[32];
            (void)snprintf(name, sizeof name, "on GPIO %d: ", pin);
            if (signal == but_signal) {
                assert_int_equal(check_pin(chip, signal, pin), FOTA_OK);
                continue;
            }
            assert_int_equal(check_pin(chip, signal, pin), E_ARG);
            const char *line = stand_in_logged(name);
            if (!line || !strstr(line, why) || !strstr(line, "take another, GPIO")) {
                fail_msg("GPIO %d for signal %u: the line is \"%s\"", pin, signal, line ? line : "none");
            }
        }
    }
}

static void every_pin_that_cannot_work_is_refused_for_every_signal(void **state)
{
    (void)state;
    no_signal_may_have(&IDF_CHIP_ESP32, 6, 11, SIGNALS, "carries the chip's own flash");
    no_signal_may_have(&IDF_CHIP_ESP32, 12, 12, SIGNALS, "decides at reset how the flash is fed");
    no_signal_may_have(&IDF_CHIP_ESP32, 24, 24, SIGNALS, "does not exist");
    no_signal_may_have(&IDF_CHIP_ESP32, 28, 31, SIGNALS, "does not exist");
    no_signal_may_have(&IDF_CHIP_ESP32, 34, 39, MISO, "is an input only");
    no_signal_may_have(&IDF_CHIP_ESP32, 40, 70, SIGNALS, "does not exist");
    no_signal_may_have(&IDF_CHIP_ESP32C3, 22, 48, SIGNALS, "does not exist");
    no_signal_may_have(&IDF_CHIP_ESP32C3, 11, 17, SIGNALS, "carries the chip's own flash");
}

static void a_strapping_pin_is_refused_where_its_level_would_be_wrong(void **state)
{
    (void)state;
    static const struct {
        int pin;
        bool is_good[SIGNALS]; /* MOSI, MISO, SCK, NSS, NRST, BOOT0 */
    } rows[] = {{0, {true, false, false, true, false, false}},
                {2, {true, true, true, false, false, true}},
                {5, {true, true, true, true, true, false}},
                {15, {true, true, true, true, true, false}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned signal = MOSI; signal < SIGNALS; signal++) {
            const bool is_default_of_nss = rows[i].pin == 5 && signal != NSS;
            const bool is_good = rows[i].is_good[signal] && !is_default_of_nss;
            assert_int_equal(check_pin(&IDF_CHIP_ESP32, signal, rows[i].pin), is_good ? FOTA_OK : E_ARG);
        }
    }
}

static void an_esp32_c3_has_other_pins(void **state)
{
    (void)state;
    struct fota_gateway_config config = rig.config;
    config.pins = IDF_CHIP_ESP32C3.pins;
    config.spi_host = 1;
    assert_int_equal(idf_pins_check(&IDF_CHIP_ESP32C3, &config, &QUIET), FOTA_OK);
    config.pins.nrst = 26;
    assert_int_equal(idf_pins_check(&IDF_CHIP_ESP32C3, &config, &QUIET), E_ARG);
    assert_non_null(stand_in_logged("NRST on GPIO 26: this pin of an ESP32-C3 does not exist"));
    config.pins.nrst = 9;
    assert_int_equal(idf_pins_check(&IDF_CHIP_ESP32C3, &config, &QUIET), E_ARG);
    config.pins.nrst = 4;
    config.spi_host = 2;
    assert_int_equal(idf_pins_check(&IDF_CHIP_ESP32C3, &config, &QUIET), E_ARG);
    assert_non_null(stand_in_logged("no such SPI host"));
}

static void wrong_names_and_numbers_are_named(void **state)
{
    (void)state;
    const struct fota_gateway_config good = rig.config;
    rig.config.channel = "a-name-of-more-than-thirty-two-characters";
    refused(E_ARG, "channel \"a-name-of-more-than-thirty-two-characters\" has 41 characters: at most 32");
    rig.config = good;
    rig.config.product = NULL;
    refused(E_ARG, "product is not set");
    rig.config = good;
    rig.config.product = "a-name-of-more-than-thirty-two-characters";
    refused(E_ARG, "product \"a-name-of-more-than-thirty-two-characters\" has 41 characters: at most 32");
    rig.config = good;
    rig.config.hw = "sixteen-letters-";
    refused(E_ARG, "hw \"sixteen-letters-\" has 16 characters: at most 15");
    rig.config = good;
    rig.config.poll_s = 604801;
    refused(E_ARG, "poll_s 604801 is out of range");
    rig.config = good;
    rig.config.byte_gap_us = 1001;
    refused(E_ARG, "byte_gap_us 1001 is out of range");
    rig.config = good;
    rig.config.stage_image_bytes = 0;
    refused(E_ARG, "stage_image_bytes 0 is out of range");
    rig.config = good;
    rig.config.key_id = "AKIA";
    refused(E_ARG, "secret is not set");
    rig.config = good;
    rig.config.clock_hz = 20000000;
    refused(E_ARG, "clock_hz 20000000 is out of range");
    rig.config = good;
    rig.config.from_h = 24;
    refused(E_ARG, "hours are 0 to 23");
    rig.config = good;
    rig.config.endpoint = "s3.test";
    refused(E_ARG, "endpoint \"s3.test\"");
    rig.config = good;
    rig.config.nvs_namespace = "sixteen-letters-";
    refused(E_ARG, "nvs_namespace \"sixteen-letters-\"");
}

static void wrong_keys_and_certificates_are_named(void **state)
{
    (void)state;
    rig.config.channel_key = P384;
    refused(E_CRYPTO_KEY, "channel_key is a key of another curve");
    rig.config.channel_key = "not a key";
    refused(E_KEY_FILE, "channel_key is no public key");
    rig.config.channel_key = NULL;
    refused(E_KEY_FILE, "channel_key is no public key");
    rig.config.channel_key = rig.channel_pem;
    rig.config.image_key = P384;
    refused(E_CRYPTO_KEY, "image_key is a key of another curve");
    rig.config.image_key = rig.image_pem;
    rig.config.next_key = P384;
    refused(E_CRYPTO_KEY, "next_key is a key of another curve");
    rig.config.next_key = NULL;
    rig.config.release_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n";
    refused(E_KEY_FILE, "release_key is no public key");
    rig.config.release_key = NULL;
    static const char *const no_ca[] = {TORN_CA, "", "a certificate",
                                        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof no_ca / sizeof no_ca[0]; i++) {
        rig.config.ca_pem = no_ca[i];
        refused(E_KEY_FILE, "ca_pem is no certificate");
    }
}

static void memory_that_cannot_serve_is_named(void **state)
{
    (void)state;
    stand_in_new(&(struct stand_in_config){.is_nvs_off = true});
    refused(E_IO, "call nvs_flash_init() before");
    stand_in_new(&(struct stand_in_config){.stage_bytes = 1});
    refused(E_NOT_FOUND, "there is no data partition fota_stage");
    stand_in_new(&(struct stand_in_config){.stage_bytes = 0x10000});
    refused(E_NO_SPACE, "enlarge it");
    rig.config.stage_label = NULL;
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), 0); /* two passes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_defaults_open, open_rig),
        cmocka_unit_test_setup(a_wrong_pin_is_named_with_what_to_do, open_rig),
        cmocka_unit_test_setup(every_pin_that_cannot_work_is_refused_for_every_signal, open_rig),
        cmocka_unit_test_setup(a_strapping_pin_is_refused_where_its_level_would_be_wrong, open_rig),
        cmocka_unit_test_setup(an_esp32_c3_has_other_pins, open_rig),
        cmocka_unit_test_setup(wrong_names_and_numbers_are_named, open_rig),
        cmocka_unit_test_setup(wrong_keys_and_certificates_are_named, open_rig),
        cmocka_unit_test_setup(memory_that_cannot_serve_is_named, open_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
