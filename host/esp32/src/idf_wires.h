/** port/link_io.h on an ESP32: SPI master by polling without DMA, NSS, NRST and BOOT0 as plain GPIO. */
#ifndef IDF_WIRES_H
#define IDF_WIRES_H

#include "driver/spi_master.h"
#include "fota_gateway/fota_gateway.h"
#include "idf_log.h"
#include "port/link_io.h"

enum { IDF_WIRES_CLOCKS = 3 /* an ESP32 has room for three devices on a bus; a clock is a device */ };

/** Opened by idf_wires_open; its content is its own. */
struct idf_wires {
    struct link_io io; /* first member */
    struct fota_gateway_pins pins;
    int spi_host;
    uint32_t max_hz;
    uint32_t gap_us;
    unsigned n_devices;
    unsigned used; /* the device whose clock is set; its bus is acquired */
    bool is_acquired;
    spi_device_handle_t device[IDF_WIRES_CLOCKS];
    uint32_t hz[IDF_WIRES_CLOCKS];
    int64_t yielded_us; /* when other tasks last had this core */
    bool is_watched;
    const struct idf_log *log;
};

/**
 * Set the levels of NSS (high), NRST (released) and BOOT0 (low), then make the pins outputs; then open the bus.
 *
 * Takes:     the bus for good: no other device may be on it
 * @return FOTA_OK · E_IO: a line was logged
 */
FOTA_MUST_CHECK
enum fota_err idf_wires_open(struct idf_wires *wires, const struct fota_gateway_config *config,
                             const struct idf_log *log);

#endif
