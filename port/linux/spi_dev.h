/* spidev: one full-duplex transfer in as many messages as the kernel's buffer asks for. */
#ifndef PORT_LINUX_SPI_DEV_H
#define PORT_LINUX_SPI_DEV_H

#include "port_linux/linux_wires.h"

/** Open w->config.spi in mode 0 and learn its buffer size.
 *  @return as linux_wires_open */
FOTA_MUST_CHECK
enum fota_err spi_dev_open(struct linux_wires *w);

/** Transfer at w->hz with w->gap_us after each byte.
 *  @return FOTA_OK · E_IO (w->why is set) */
FOTA_MUST_CHECK
enum fota_err spi_dev_transfer(struct linux_wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes);

#endif
