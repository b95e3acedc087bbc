#include "idf_pins.h"

#include "driver/gpio.h"
#include "sdkconfig.h"

#define PIN(n)            (UINT64_C(1) << (n))
#define PINS(first, last) ((UINT64_C(1) << (last)) * 2U - (UINT64_C(1) << (first)))

/* ESP32 datasheet 2.2 (pins) and 2.4 (strapping). */
const struct idf_chip IDF_CHIP_ESP32 = {
    .name = "ESP32",
    .there = PINS(0, 23) | PINS(25, 27) | PINS(32, 39),
    .input_only = PINS(34, 39),
    .flash = PINS(6, 11),
    .console = PIN(1) | PIN(3),
    .must_be_high = PIN(0),
    .must_be_low = PIN(2),
    .never = PIN(12),
    .pulled_up = PIN(0) | PIN(5) | PIN(15),
    .n_spi = 2,
    .pins = {.mosi = 23, .miso = 19, .sck = 18, .nss = 5, .nrst = 26, .boot0 = 25},
    .spi_host = 2};
/* ESP32-C3 datasheet 2.3 and 2.6. */
const struct idf_chip IDF_CHIP_ESP32C3 = {
    .name = "ESP32-C3",
    .there = PINS(0, 21),
    .flash = PINS(11, 17),
    .console = PINS(18, 21),
    .must_be_high = PIN(8) | PIN(9),
    .pulled_up = PIN(9),
    .n_spi = 1,
    .pins = {.mosi = 7, .miso = 2, .sck = 6, .nss = 10, .nrst = 4, .boot0 = 5},
    .spi_host = 1};

enum signal { MOSI, MISO, SCK, NSS, NRST, BOOT0, SIGNALS };
static const char *const NAMES[SIGNALS] = {"MOSI", "MISO", "SCK", "NSS (CS)", "NRST", "BOOT0"};

const struct idf_chip *idf_chip(void)
{
#if defined(CONFIG_IDF_TARGET_ESP32)
    return &IDF_CHIP_ESP32;
#elif defined(CONFIG_IDF_TARGET_ESP32C3)
    return &IDF_CHIP_ESP32C3;
#else
    return NULL;
#endif
}

static bool is_in(uint64_t mask, int pin)
{
    return pin >= 0 && pin < 64 && (mask >> pin & 1U) != 0;
}

/* What the pin is by itself, whatever it carries. @return NULL: nothing against it */
static const char *wrong_pin(const struct idf_chip *chip, enum signal signal, int pin)
{
    if (!is_in(chip->there, pin)) {
        return "does not exist on this chip";
    }
    if (is_in(chip->flash, pin)) {
        return "carries the chip's own flash";
    }
    if (is_in(chip->input_only, pin) && signal != MISO) {
        return "is an input only: it can be MISO and nothing else";
    }
    if (is_in(chip->never, pin)) {
        return "decides at reset how the flash is fed: with the wrong level the chip never starts";
    }
    return NULL;
}

/* What the level at the chip's own reset does. The target pulls NRST up and drives MISO and, in its own resets, NRST low; BOOT0
 * and SCK have pull-downs; NSS rests high. @return NULL: nothing against it */
static const char *wrong_strap(const struct idf_chip *chip, enum signal signal, int pin)
{
    if (signal == BOOT0 && is_in(chip->pulled_up, pin)) {
        return "is pulled up at reset: the target would start its ROM loader";
    }
    if (is_in(chip->must_be_high, pin) &&
        (signal == BOOT0 || signal == MISO || signal == NRST || signal == SCK)) {
        return "must be high at reset, and this signal can hold it low: the chip would not start its program";
    }
    if (is_in(chip->must_be_low, pin) && (signal == NRST || signal == NSS)) {
        return "must be low while the chip is flashed, and this signal holds it high";
    }
    return NULL;
}

static enum fota_err check_one(const struct idf_chip *chip, enum signal signal, const int *pin,
                               const struct idf_log *log)
{
    const char *why = wrong_pin(chip, signal, pin[signal]);
    why = why ? why : wrong_strap(chip, signal, pin[signal]);
    if (why) {
        const struct fota_gateway_pins *p = &chip->pins;
        const int good[SIGNALS] = {p->mosi, p->miso, p->sck, p->nss, p->nrst, p->boot0};
        idf_log(log, 'E', "%s on GPIO %d: this pin of an %s %s; take another, GPIO %d is the default",
                NAMES[signal], pin[signal], chip->name, why, good[signal]);
        return E_ARG;
    }
    if (is_in(chip->console, pin[signal])) {
        idf_log(log, 'W', "%s on GPIO %d: this pin of an %s is the console's, too", NAMES[signal],
                pin[signal], chip->name);
    }
    return FOTA_OK;
}

/* A chip that this table does not know: what the headers say of it. */
static enum fota_err check_by_headers(enum signal signal, int pin, const struct idf_log *log)
{
    bool is_there = signal == MISO ? GPIO_IS_VALID_GPIO(pin) : GPIO_IS_VALID_OUTPUT_GPIO(pin);
    if (!is_there) {
        idf_log(log, 'E', "%s on GPIO %d: this chip has no such %s; take another", NAMES[signal], pin,
                signal == MISO ? "pin" : "output");
    }
    return is_there ? FOTA_OK : E_ARG;
}

static enum fota_err check_twice_used(const int pin[SIGNALS], const struct idf_log *log)
{
    for (unsigned i = 0; i < SIGNALS; i++) {
        for (unsigned k = i + 1; k < SIGNALS; k++) {
            if (pin[i] == pin[k]) {
                idf_log(log, 'E', "%s and %s are both on GPIO %d: give each a pin of its own", NAMES[i],
                        NAMES[k], pin[i]);
                return E_ARG;
            }
        }
    }
    return FOTA_OK;
}

enum fota_err idf_pins_check(const struct idf_chip *chip, const struct fota_gateway_config *config,
                             const struct idf_log *log)
{
    const struct fota_gateway_pins *p = &config->pins;
    const int pin[SIGNALS] = {p->mosi, p->miso, p->sck, p->nss, p->nrst, p->boot0};
    chip = chip ? chip : idf_chip();
    for (unsigned i = 0; i < SIGNALS; i++) {
        const enum fota_err err =
            chip ? check_one(chip, (enum signal)i, pin, log) : check_by_headers((enum signal)i, pin[i], log);
        if (err) {
            return err;
        }
    }
    const int n_spi = chip ? chip->n_spi : 1;
    if (config->spi_host < 1 || config->spi_host > n_spi) {
        idf_log(log, 'E', "spi_host %d: %s; give %s", config->spi_host,
                config->spi_host == 0 ? "SPI1 belongs to the flash" : "this chip has no such SPI host",
                n_spi > 1 ? "1 (SPI2) or 2 (SPI3)" : "1 (SPI2)");
        return E_ARG;
    }
    return check_twice_used(pin, log);
}
