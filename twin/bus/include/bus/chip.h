/**
 * The board's side of the chip: what twin/board needs to run the peripherals of bus/dev.h around a core.
 *
 * It knows nothing of the core: everything it asks for goes through struct chip_host, whose members may all
 * be NULL, so that a register-level test drives a single peripheral with nothing else on the board. All
 * mutable state is in plain blocks that chip_state lists; snapshots are copies of these blocks.
 */
#ifndef BUS_CHIP_H
#define BUS_CHIP_H

#include "bus/dev.h"

enum {
    CHIP_EVENTS = 64,
    CHIP_IRQS = 82, /* RM0090 table 62 */
    CHIP_VIOLATIONS_KEPT = 64,
    CHIP_VIOLATION_CHARS = 160
};

/** What the chip asks of the core and the board; each may be NULL. */
struct chip_host {
    void (*irq)(void *ctx, unsigned irq, bool level);
    void (*flash_open)(void *ctx, bool open);
    void (*watch_flash)(void *ctx, bool on);
    void (*code_changed)(void *ctx, uint32_t addr, size_t n_bytes);
    void (*set_alias)(void *ctx, unsigned mem_mode);
    void (*event_moved)(void *ctx, uint64_t time_ps); /* an event was armed for this time */
    void (*clocks_changed)(void *ctx, uint32_t hclk_hz);
    void (*stop)(void *ctx); /* leave the core soon: reset asked for, violation in strict mode, ROM's Go */
    uint32_t (*pc)(void *ctx);
    bool (*stall_until)(void *ctx, uint64_t time_ps); /* NULL: chip_advance does it */
    /* chip_spi_master_byte; NULL: nothing is connected */
    uint8_t (*spi_byte)(void *ctx, uint8_t mosi, uint64_t byte_ps, unsigned mode);
};

struct chip_violation_record {
    uint64_t time_ns;
    uint32_t pc;
    char text[CHIP_VIOLATION_CHARS];
};

/** @param host  copied. Aborts if memory is short. */
struct chip *chip_create(const struct chip_host *host, void *ctx);
void chip_destroy(struct chip *chip);

/** Strict mode: a violation wants the board's attention. */
void chip_set_strict(struct chip *chip, bool strict);
/** Set the supply; resets are the board's business. */
void chip_set_vdd_mv(struct chip *chip, uint32_t vdd_mv);
/** Set the frequency of LSI, 17,000..47,000 (DS8626). */
void chip_set_lsi_hz(struct chip *chip, uint32_t lsi_hz);

/* --- time --- */

/** Time of the earliest armed event, UINT64_MAX if none. */
uint64_t chip_next_event_ps(const struct chip *chip);
/** Set the time without firing anything; for the instant of a bus access. Never moves backwards. */
void chip_set_now_ps(struct chip *chip, uint64_t now_ps);
/** Fire every event up to and including `to_ps` in order of time, then of slot, and set the time to `to_ps`.
 *  @return false: an event asked for attention (reset, strict violation); the time is that event's */
bool chip_advance(struct chip *chip, uint64_t to_ps);
/** Is something waiting for the board: a reset request, a power cut, a strict violation, the ROM's Go? */
bool chip_wants_attention(const struct chip *chip);

/* --- bus --- */

/** An access by the core outside its own arrays. Decodes, checks the clock gate, logs violations. */
bool chip_core_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool chip_core_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value);
/** The memory that holds [addr, addr + n_bytes), NULL if none: for the debugger's view. */
const uint8_t *chip_memory_at(const struct chip *chip, uint32_t addr, size_t n_bytes);
/** Base of the chip's device of that name; 0 if there is none. For tests. */
uint32_t chip_dev_base(const struct chip *chip, const char *name);

/* --- reset --- */

/** Forget lines, drives, gates and clocks, then reset every device in the order they were added. */
void chip_reset(struct chip *chip, enum dev_reset kind, enum chip_reset_cause cause);
/**
 * Take the oldest pending reset request.
 * @return false: none
 */
bool chip_take_reset(struct chip *chip, enum chip_reset_cause *cause);
/** @return true once after chip_cut_power */
bool chip_take_power_cut(struct chip *chip);

/* --- wires --- */

/**
 * First SCK edge of a byte.
 * @return what MISO will show
 */
uint8_t chip_spi_begin(struct chip *chip);
/** Last SCK edge of a byte. */
void chip_spi_end(struct chip *chip, uint8_t mosi);
/** Hand the chip to the ROM loader model; nothing if none is registered. */
void chip_rom_start(struct chip *chip);
/** Take the chip back from it. */
void chip_rom_stop(struct chip *chip);
/** Does the ROM loader model answer on the wires? */
bool chip_rom_is_running(const struct chip *chip);
/** @return true once after the ROM said Go; `vectors` is where */
bool chip_take_rom_go(struct chip *chip, uint32_t *vectors);
size_t chip_console_drain(struct chip *chip, char *out, size_t n_bytes);
void chip_console_type(struct chip *chip, const char *bytes, size_t n_bytes);
bool chip_irq_level(const struct chip *chip, unsigned irq);
bool chip_flash_is_open(const struct chip *chip);
bool chip_flash_is_watched(const struct chip *chip);
/** The core loads from flash; for the model that watches. */
void chip_flash_loaded(struct chip *chip, uint32_t addr);
/**
 * Level of a pin that a model drives.
 * @return false if none drives it
 */
bool chip_pin_driven(const struct chip *chip, char port, unsigned pin, bool *level);

/* --- violations --- */

/** Number of violations since the chip was created. */
uint64_t chip_violations(const struct chip *chip);
/** @return NULL if the i-th was not kept */
const struct chip_violation_record *chip_violation_at(const struct chip *chip, size_t i);
/** Strict mode: a violation happened since the last call. */
bool chip_take_strict_stop(struct chip *chip);

/* --- snapshots --- */

/** Number of state blocks. */
size_t chip_states(const struct chip *chip);
/** The i-th block of plain state. */
void *chip_state(const struct chip *chip, size_t i, const char **name, size_t *n_bytes);

#endif
