/* The wires of a Linux board, on the stand-in for the kernel: run by run.sh with standin.so preloaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "link_client/link_client.h"
#include "link_client/link_rom.h"
#include "port_linux/linux_wires.h"

static const struct linux_wires_config CONFIG = {
    .spi = "/dev/spidev0.0", .gpio = "/dev/gpiochip0", .line = {8, 25, 24}};

static char log_path[256];

static void set(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void clear_log(void)
{
    FILE *f = fopen(log_path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

/* Lines of the log that hold `text`. */
static unsigned log_count(const char *text)
{
    char line[256];
    unsigned n = 0;
    FILE *f = fopen(log_path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        n += strstr(line, text) ? 1 : 0;
    }
    assert_int_equal(fclose(f), 0);
    return n;
}

static void open_wires(struct linux_wires *w)
{
    clear_log();
    enum fota_err err = linux_wires_open(w, &CONFIG);
    if (err) {
        fail_msg("%s", w->why);
    }
}

static void lines_are_requested_at_rest(void **state)
{
    (void)state;
    struct linux_wires w;
    open_wires(&w);
    assert_int_equal(log_count("request 8 25 24 for fota"), 1);
    assert_int_equal(log_count("lines"), 1);
    assert_int_equal(log_count("lines nss=1 nrst=1 boot0=0"), 1);
    assert_int_equal(link_io_set_boot0(&w.io, true), FOTA_OK);
    assert_int_equal(link_io_set_nrst(&w.io, true), FOTA_OK);
    assert_int_equal(link_io_select(&w.io, true), FOTA_OK);
    assert_int_equal(log_count("lines nss=0 nrst=0 boot0=1"), 1);
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
    assert_int_equal(log_count("lines nss=1 nrst=1 boot0=0"), 2);
}

/* A block of 4,110 bytes does not fit the default buffer of 4,096. */
static void transfers_are_split_at_the_buffer_of_the_kernel(void **state)
{
    (void)state;
    static const struct {
        const char *bufsiz;
        unsigned n_messages;
    } cases[] = {{"4096", 2}, {"0", 2}, {"65536", 1}, {"1000", 5}, {"100", 42}};
    static uint8_t mosi[4110], miso[4110];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct linux_wires w;
        set("FOTA_STANDIN_BUFSIZ", cases[i].bufsiz);
        open_wires(&w);
        if (link_io_transfer(&w.io, mosi, miso, sizeof mosi)) {
            fail_msg("bufsiz %s: %s", cases[i].bufsiz, w.why);
        }
        assert_int_equal(log_count("message"), cases[i].n_messages);
        assert_int_equal(linux_wires_close(&w), FOTA_OK);
    }
    set("FOTA_STANDIN_BUFSIZ", NULL);
}

static void a_gap_is_a_transfer_for_each_byte(void **state)
{
    (void)state;
    uint8_t bytes[70] = {0};
    struct linux_wires w;
    open_wires(&w);
    assert_int_equal(link_io_set_clock(&w.io, 1000000, 15), FOTA_OK);
    assert_int_equal(link_io_transfer(&w.io, bytes, NULL, sizeof bytes), FOTA_OK);
    assert_int_equal(log_count("message 32 transfers 32 bytes 1000000 Hz gap 15"), 2);
    assert_int_equal(log_count("message 6 transfers 6 bytes 1000000 Hz gap 15"), 1);
    assert_int_equal(link_io_set_clock(&w.io, 0, 0), E_ARG);
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
}

static void the_clock_stays_below_the_limit(void **state)
{
    (void)state;
    struct linux_wires_config config = CONFIG;
    struct linux_wires w;
    config.max_hz = 2000000;
    clear_log();
    assert_int_equal(linux_wires_open(&w, &config), FOTA_OK);
    assert_int_equal(link_io_set_clock(&w.io, 8000000, 0), FOTA_OK);
    assert_int_equal(link_io_transfer(&w.io, NULL, NULL, 3), FOTA_OK);
    assert_int_equal(log_count("3 bytes 2000000 Hz"), 1);
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
}

/* Each failure of a call gives a sentence with the device and what to do. */
static void each_error_names_device_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *used;
        enum fota_err err;
        const char *device, *remedy;
    } cases[] = {
        {"spi_open=2", NULL, E_NOT_FOUND, "/dev/spidev0.0 does not exist", "dtoverlay=spi0-0cs"},
        {"spi_open=13", NULL, E_IO, "/dev/spidev0.0", "usermod -aG spi"},
        {"spi_open=16", NULL, E_IO, "/dev/spidev0.0 is in use", "end it"},
        {"spi_open=5", NULL, E_IO, "/dev/spidev0.0 cannot be opened", "Input/output error"},
        {"spi_mode=25", NULL, E_IO, "/dev/spidev0.0 is not an SPI device", "/dev/spidev0.0"},
        {"spi_mode=22", NULL, E_IO, "/dev/spidev0.0 does not take SPI mode 0", "another SPI"},
        {"gpio_open=2", NULL, E_NOT_FOUND, "/dev/gpiochip0 does not exist", "ls /dev/gpiochip*"},
        {"gpio_open=13", NULL, E_IO, "/dev/gpiochip0", "usermod -aG gpio"},
        {"gpio_open=5", NULL, E_IO, "/dev/gpiochip0 cannot be opened", "Input/output error"},
        {"gpio_info=25", NULL, E_IO, "/dev/gpiochip0 is not a GPIO chip", "/dev/gpiochip0"},
        {"gpio_request=22", NULL, E_IO, "/dev/gpiochip0", "Linux 5.10"},
        {"gpio_request=1", NULL, E_IO, "/dev/gpiochip0", "group gpio"},
        {"gpio_request=12", NULL, E_IO, "/dev/gpiochip0", "cannot be requested"},
        {NULL, "25:spi0 CS1", E_IO, "line 25 of /dev/gpiochip0 (NRST) is in use by 'spi0 CS1'", "dtoverlay"},
        {NULL, "8:", E_IO, "line 8 of /dev/gpiochip0 (NSS) is in use by 'the kernel'", "another line"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct linux_wires w;
        set("FOTA_STANDIN_FAULT", cases[i].fault);
        set("FOTA_STANDIN_USED", cases[i].used);
        assert_int_equal(linux_wires_open(&w, &CONFIG), cases[i].err);
        if (!strstr(w.why, cases[i].device) || !strstr(w.why, cases[i].remedy)) {
            fail_msg("%s: %s", cases[i].fault ? cases[i].fault : cases[i].used, w.why);
        }
        assert_int_equal(linux_wires_close(&w), FOTA_OK);
    }
    set("FOTA_STANDIN_FAULT", NULL);
    set("FOTA_STANDIN_USED", NULL);
}

static void a_controller_without_no_cs_is_taken_as_it_is(void **state)
{
    (void)state;
    struct linux_wires w;
    set("FOTA_STANDIN_FAULT", "spi_mode=22@1");
    struct linux_wires_config config = CONFIG;
    assert_int_equal(linux_wires_open(&w, &config), FOTA_OK);
    set("FOTA_STANDIN_FAULT", NULL);
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
}

static void wrong_line_numbers_are_named(void **state)
{
    (void)state;
    struct linux_wires_config config = CONFIG;
    struct linux_wires w;
    config.line[LINUX_LINE_BOOT0] = 54;
    assert_int_equal(linux_wires_open(&w, &config), E_IO);
    assert_string_equal(w.why, "/dev/gpiochip0 has the lines 0 to 53, not 54 for BOOT0: gpioinfo lists them");
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
    config.line[LINUX_LINE_BOOT0] = 25;
    assert_int_equal(linux_wires_open(&w, &config), E_IO);
    assert_string_equal(w.why, "NRST and BOOT0 have the same line 25: give each its own");
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
}

static void errors_of_transfers_and_lines_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *device, *remedy;
    } cases[] = {{"spi_message=90", "/dev/spidev0.0 refuses a message of 8 bytes", "spidev.bufsiz=65536"},
                 {"spi_message=22", "/dev/spidev0.0 refuses a transfer at 1000000 Hz", "clock = 1000000"},
                 {"spi_message=108", "/dev/spidev0.0 is gone", "load it again"},
                 {"spi_message=5", "/dev/spidev0.0: a transfer failed", "dmesg"}};
    struct linux_wires w;
    uint8_t bytes[8] = {0};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_wires(&w);
        set("FOTA_STANDIN_FAULT", cases[i].fault);
        assert_int_equal(link_io_transfer(&w.io, bytes, bytes, sizeof bytes), E_IO);
        if (!strstr(w.why, cases[i].device) || !strstr(w.why, cases[i].remedy)) {
            fail_msg("%s: %s", cases[i].fault, w.why);
        }
        set("FOTA_STANDIN_FAULT", NULL);
        assert_int_equal(linux_wires_close(&w), FOTA_OK);
    }
    open_wires(&w);
    set("FOTA_STANDIN_FAULT", "gpio_set=5");
    assert_int_equal(link_io_set_nrst(&w.io, true), E_IO);
    assert_string_equal(w.why,
                        "line 25 of /dev/gpiochip0 (NRST) cannot be set: Input/output error; look at dmesg");
    assert_int_equal(linux_wires_close(&w), E_IO); /* not at rest, and it says so */
    set("FOTA_STANDIN_FAULT", NULL);
}

/* The board is the twin in the server's process: agent, reset, ROM with its gaps, and back. */
static void the_wires_reach_a_board(void **state)
{
    (void)state;
    struct linux_wires w;
    struct link_client link;
    struct link_peer peer;
    struct link_rom rom;
    uint8_t vectors[256];
    open_wires(&w);
    link_client_init(&link, &w.io, NULL);
    assert_int_equal(link_client_detect(&link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    assert_int_equal(link_rom_enter(&link, &rom), FOTA_OK);
    assert_int_equal(rom.version, 0x91);
    assert_int_equal(link_client_read(&link, 0x08000000, vectors, sizeof vectors), FOTA_OK);
    assert_int_equal(vectors[7], 0x08); /* the reset vector points into the flash */
    assert_true(log_count("gap 15") > 0);
    assert_int_equal(link_client_reset(&link, LINK_BOOT_FLASH), FOTA_OK);
    link_io_delay_us(&w.io, 1000000);
    assert_int_equal(link_client_detect(&link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    assert_int_equal(linux_wires_close(&w), FOTA_OK);
}

/* For the shell: into the ROM and back (--rom), or say whether an agent answers (--agent). */
static int drive(const char *what)
{
    struct linux_wires w;
    struct link_client link;
    struct link_peer peer = {.kind = LINK_PEER_PLAIN};
    struct link_rom rom;
    enum fota_err err = linux_wires_open(&w, &CONFIG);
    if (!err) {
        link_client_init(&link, &w.io, NULL);
        err = strcmp(what, "--rom") == 0 ? link_rom_enter(&link, &rom) : link_client_detect(&link, &peer);
    }
    if (!err && strcmp(what, "--rom") == 0) {
        err = link_client_reset(&link, LINK_BOOT_FLASH);
    } else if (!err && peer.kind != LINK_PEER_AGENT) {
        err = E_LINK_NO_VENDOR;
    }
    enum fota_err close_err = linux_wires_close(&w);
    return err || close_err ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return drive(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_requested_at_rest),
        cmocka_unit_test(transfers_are_split_at_the_buffer_of_the_kernel),
        cmocka_unit_test(a_gap_is_a_transfer_for_each_byte),
        cmocka_unit_test(the_clock_stays_below_the_limit),
        cmocka_unit_test(each_error_names_device_and_remedy),
        cmocka_unit_test(a_controller_without_no_cs_is_taken_as_it_is),
        cmocka_unit_test(wrong_line_numbers_are_named),
        cmocka_unit_test(errors_of_transfers_and_lines_are_told),
        cmocka_unit_test(the_wires_reach_a_board),
    };
    (void)snprintf(log_path, sizeof log_path, "%s",
                   getenv("FOTA_STANDIN_LOG") ? getenv("FOTA_STANDIN_LOG") : "");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
