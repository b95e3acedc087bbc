/**
 * A chip without core and board: just enough of bus/dev.h to put one or a few peripheral models on a bus and
 * work them register by register. Time moves only in fake_run and in fake_spi.
 */
#ifndef FAKE_CHIP_H
#define FAKE_CHIP_H

#include "bus/dev.h"

enum { FAKE_SRAM = 0x20000000, FAKE_SRAM_BYTES = 0x20000, FAKE_CCM = 0x10000000, FAKE_CCM_BYTES = 0x1000 };

#define FAKE_US 1000000ULL /* in ps */
#define FAKE_MS 1000000000ULL

/** All clocks 16 MHz, everything clocked, PA4 high, other pins low. Free with fake_chip_destroy. */
struct chip *fake_chip_create(void);
void fake_chip_destroy(struct chip *chip);

/** Reset every device on the bus. */
void fake_reset(struct chip *chip);

/** The core's accesses: an address without a device or a bus error fails the test. */
uint32_t fake_read(struct chip *chip, uint32_t addr);
uint32_t fake_read_n(struct chip *chip, uint32_t addr, unsigned n_bytes);
void fake_write(struct chip *chip, uint32_t addr, uint32_t value);
void fake_write_n(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value);
/** Pointer into SRAM. */
uint8_t *fake_sram(struct chip *chip, uint32_t addr);

/** Let `ps` pass, with all events on the way. */
void fake_run(struct chip *chip, uint64_t ps);
void fake_set_clock(struct chip *chip, enum chip_clock clock, uint32_t hz);
void fake_set_clocked(struct chip *chip, bool clocked);

bool fake_irq(const struct chip *chip, unsigned irq);
/** A DMA request line as it stands. */
bool fake_dma_request(const struct chip *chip, unsigned controller, unsigned stream, unsigned channel);
/** Does a model drive the pin? */
bool fake_is_driven(const struct chip *chip, char port, unsigned pin);

/**
 * One byte over the SPI wires at the rate set (default 1 MHz); time moves by 8 bits.
 * @return MISO
 */
uint8_t fake_spi(struct chip *chip, uint8_t mosi);
void fake_spi_rate(struct chip *chip, uint32_t hz);
/** The two halves of fake_spi, for tests that do something inside the byte. */
uint8_t fake_spi_begin(struct chip *chip);
void fake_spi_end(struct chip *chip, uint8_t mosi);
/** What SPI1 as a master put on the wires. Whatever it sends, the other side answers with its complement. */
enum { FAKE_SENT_MAX = 256 };
struct fake_sent {
    size_t n_bytes;
    uint8_t mosi[FAKE_SENT_MAX];
    uint64_t begin_ps[FAKE_SENT_MAX];
    uint64_t byte_ps; /* of the last one */
    unsigned mode;
};
const struct fake_sent *fake_sent(const struct chip *chip);

/** Start or stop the ROM loader; while it runs it has the SPI wires. */
void fake_rom_start(struct chip *chip);
void fake_rom_stop(struct chip *chip);
/** Address of the last Go, 0 if none. */
uint32_t fake_rom_went(const struct chip *chip);

/** Bytes printed so far, as a string. */
const char *fake_printed(const struct chip *chip);
void fake_type(struct chip *chip, const char *text);

size_t fake_resets_asked(const struct chip *chip);

/** Violations since the last call of fake_expect_violation or creation. */
size_t fake_violations(const struct chip *chip);
const char *fake_violation(const struct chip *chip);
/** Fails the test unless a violation with `part` in its text was recorded last; then forgets all. */
void fake_expect_violation(struct chip *chip, const char *part);

#endif
