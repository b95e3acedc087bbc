/**
 * SPI1 as slave and as master (RM0090 chapter 28): one transmit buffer and a shift register, nothing else between
 * software and the wire.
 *
 * Slave: the byte in the buffer moves to the shift register when the first SCK edge of a byte
 * comes, so an answer must be in DR one frame ahead; nothing new in DR: the last byte goes out again.
 * The wires (chip_on_spi) are those of a mode 0 master, MSB first. SPE or NSS changing inside a byte slips bits, which
 * stay slipped until SPE goes 0 or the peripheral is reset.
 *
 * Master: the byte in the buffer moves on at once, and takes 8 periods of PCLK2 divided by BR; the wires are
 * chip_spi_master_byte. NSS for the slave is a GPIO.
 *
 * Pins PA4 NSS, PA5 SCK, PA6 MISO, PA7 MOSI, alternate function 5.
 */
#ifndef DEV_SPI_H
#define DEV_SPI_H

#include "bus/dev.h"

/** Put "SPI1" on the bus and on the SPI wires. */
void spi_attach(struct chip *chip);

#endif
