/**
 * The loader in system memory, by behaviour (AN2606 patterns for STM32F40x, AN4286 V1.1 on SPI1). No ARM code
 * runs: the core stands still, the model answers on the wires and works on the chip as a bus master, FLASH
 * registers included.
 *
 * What a host must cope with, all of it modelled: MISO repeats the last byte for ever, so an old ACK (79) is
 * seen as first answer to the next command; a write is acknowledged whatever became of it; the loader has no
 * time-outs; it overwrites SRAM at its start; it programs bytes until told the supply voltage; a misaligned
 * write spoils all writes that follow. It sets the watchdog to its longest period and feeds it.
 */
#ifndef DEV_ROM_LOADER_H
#define DEV_ROM_LOADER_H

#include "bus/dev.h"

/** What MISO shows while flash work goes on and the answer is not known yet. */
enum rom_loader_busy {
    ROM_LOADER_BUSY_FILLER, /* A5 */
    ROM_LOADER_BUSY_STALE   /* the last byte again: an old 79 looks like the answer (AN4286 2.8, older
                               products) */
};

struct rom_loader_config {
    uint32_t flash_bytes; /* of the part; 0: 1 MB in 12 sectors */
    uint32_t n_sectors;
    bool has_spi; /* V9.1: true. V3.1: false, the SPI pins stay dead */
    enum rom_loader_busy busy;
    uint64_t startup_ps; /* from reset to the first byte it can hear; 0: 74 ms (AN2606, V9.1, no HSE) */
    uint64_t min_gap_ps; /* a byte that begins sooner after the last one is lost; 0: none is lost */
};

/** Register the ROM loader with the chip (chip_on_rom). The configuration is copied. */
void rom_loader_attach(struct chip *chip, const struct rom_loader_config *config);

#endif
