/** Which pin may carry which signal, on which chip. Pure: nothing is touched. */
#ifndef IDF_PINS_H
#define IDF_PINS_H

#include "base/err.h"
#include "fota_gateway/fota_gateway.h"
#include "idf_log.h"

/** A chip. Pins as bit masks. */
struct idf_chip {
    const char *name;
    uint64_t there;                /* GPIOs that exist */
    uint64_t input_only;           /* without output and pulls */
    uint64_t flash;                /* carry the chip's own flash */
    uint64_t console;              /* UART0 or USB: allowed, and told */
    uint64_t must_be_high;         /* strapping: high, or not driven, at the ESP32's own reset */
    uint64_t must_be_low;          /* strapping: low, or not driven */
    uint64_t never;                /* strapping, and any level but one keeps the chip from starting */
    uint64_t pulled_up;            /* at reset, by the chip itself */
    int n_spi;                     /* SPI2 alone: 1, and SPI3: 2 */
    struct fota_gateway_pins pins; /* defaults */
    int spi_host;
};

extern const struct idf_chip IDF_CHIP_ESP32, IDF_CHIP_ESP32C3;

/** The chip that this is built for; NULL: one that is not known here, GPIO_IS_VALID_OUTPUT_GPIO decides. */
const struct idf_chip *idf_chip(void);

/**
 * @param chip  NULL: of idf_chip
 * @return FOTA_OK · E_ARG: a line names signal, pin and what to do
 */
FOTA_MUST_CHECK
enum fota_err idf_pins_check(const struct idf_chip *chip, const struct fota_gateway_config *config,
                             const struct idf_log *log);

#endif
