/**
 * link_io on the registers of an STM32F407: SPI1 as master on PA5 to PA7, NSS on PA4, the target's NRST on PB0 (open
 * drain) and BOOT0 on PB1. Blocks without gaps go by DMA2, the rest byte by byte.
 */
#ifndef GUEST_SPI_LINK_H
#define GUEST_SPI_LINK_H

#include "port/link_io.h"

struct spi_link {
    struct link_io io;
    uint32_t gap_us;
    uint32_t byte_ns; /* of a byte on the wires */
};

/** Levels first, then the pins; 1 MHz with gaps of 15 us (AN4286 1), target released. chip_start comes before. */
void spi_link_init(struct spi_link *link);

#endif
