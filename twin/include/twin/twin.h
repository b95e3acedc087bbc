/**
 * The twin: an emulated STM32F407VG (or another part, twin_config.part) that executes the real ARM binaries, driven from outside by its pins.
 *
 * The caller owns time. Virtual time moves only inside twin_run_until, twin_spi_transfer and calls that say
 * so; the same calls give the same run, to the byte. No wall clock, no threads, no global state: two boards =
 * two objects.
 *
 * Faithfulness, and what is refused, per peripheral: docs/TWIN.md. Firmware that does what the reference
 * manual forbids (reserved bits, programming without unlock, an unmodelled register ...) commits a
 * *violation*: named, counted and, in strict mode, fatal (the core stops and twin_run_until returns
 * TWIN_STOP_VIOLATION).
 */
#ifndef TWIN_TWIN_H
#define TWIN_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct twin;
struct twin_snapshot;

enum twin_flash_timing {
    TWIN_FLASH_TYPICAL, /* DS8626 tables 40 and 42 */
    TWIN_FLASH_MAXIMUM,
    TWIN_FLASH_HASTY /* no chip: erases in 100 us, programs in 4, for enumerations where only the order counts
                      */
};
enum twin_rom {
    TWIN_ROM_V9_1,
    TWIN_ROM_V3_1,      /* AN2606: no SPI */
    TWIN_ROM_V9_1_EARLY /* V9.1 whose MISO shows the last ACK while flash work goes on (AN4286 2.8) */
};

enum twin_silicon {
    TWIN_SILICON_LATER, /* revision Z and after */
    TWIN_SILICON_A /* erratum ES0182: IDCODE reads 0x20006411, no prefetch (a violation when it is enabled) */
};

struct twin_config {
    enum twin_flash_timing flash_timing;
    enum twin_rom rom;
    enum twin_silicon silicon;
    const char *part; /* NULL: STM32F407VG; the others are in twin/part.h */
    uint32_t lsi_hz;  /* 17,000..47,000 (DS8626); 0 means 32,000 */
    uint32_t vdd_mv;  /* supply; 0 means 3,300 */
    uint64_t seed;    /* power-on garbage in RAM, torn cells, noise */
    bool strict;      /* violations stop the run */
};

enum twin_pin { TWIN_PIN_NRST, TWIN_PIN_BOOT0, TWIN_PIN_NSS, TWIN_PIN_USER_BUTTON };

enum twin_stop {
    TWIN_STOP_TIME,       /* reached the time asked for */
    TWIN_STOP_BREAKPOINT, /* about to execute the breakpoint's instruction */
    TWIN_STOP_VIOLATION,  /* strict mode: see twin_violation; another call goes on */
    TWIN_STOP_LOCKUP,     /* time is up and the core is locked up (fault in the hard-fault handler) */
    TWIN_STOP_POWER       /* time is up and power is off, or a planned cut took it away just now */
};

/** Counters since creation; flash counters survive resets and power. */
struct twin_stats {
    uint64_t instructions;
    uint64_t cycles;
    uint64_t flash_busy_ns;
    uint64_t flash_programs;        /* program units (x8..x64) */
    uint64_t flash_programs_in[12]; /* the same, by sector */
    uint64_t flash_erases[12];
    uint64_t flash_ops;  /* programs and erases begun; the n-th has number n */
    uint64_t flash_torn; /* operations that a reset or power loss took apart */
    uint64_t flash_suspect_words,
        flash_flaky_words; /* as they stand: left by cut operations, not erased since */
    uint64_t spi_bytes;
    uint64_t resets_pin, resets_software, resets_iwdg, resets_power;
    uint64_t violations;
};

struct twin_violation {
    uint64_t time_ns;
    uint32_t pc;
    char text[160]; /* "FLASH: program without unlock, FLASH_CR.LOCK=1 (RM0090 3.5.1)" */
};

/**
 * @return NULL if memory is short or the configuration is out of range (`why` says which field).
 * The board starts without power, flash blank, option bytes at factory values.
 */
struct twin *twin_create(const struct twin_config *config, char *why, size_t why_bytes);
void twin_destroy(struct twin *t);

/** Factory programmer (SWD, board off or held in reset): load the PT_LOAD segments of an ELF into flash.
 *  @return false with the reason in `why`: file, not an ARM ELF, segment outside flash */
bool twin_load_elf(struct twin *t, const char *path, char *why, size_t why_bytes);
/** Factory programmer: set bytes of the main flash or of the one-time area at 0x1FFF7800 (no AND, no rules).
 * @return false if outside. */
bool twin_flash_store(struct twin *t, uint32_t addr, const void *bytes, size_t n_bytes);

/** Factory programmer: option bytes as FLASH_OPTCR shows them (RM0090 3.9.10; factory value 0x0FFFAAED).
 * Clear bit 16 + n to write-protect sector n; bits 2 and 3: brown-out level, 0 (2.81 V) to 3 (off); bits 8 to
 * 15: readout protection, AA none, CC for ever, else level 1. In force from the next reset. */
void twin_set_options(struct twin *t, uint32_t optcr);
/** Option bytes as they are stored, lock bits 0: in force now or from the next reset. */
uint32_t twin_options(const struct twin *t);

/** What the flash shows of the operation at which the supply was cut. */
enum twin_cut {
    TWIN_CUT_BEFORE,   /* nothing of it happened */
    TWIN_CUT_BLANK,    /* program: as before; erase: reads as blank */
    TWIN_CUT_GARBAGE,  /* program: some of the zeros; erase: each word old, blank, zero or garbage */
    TWIN_CUT_COMPLETE, /* reads as if it were complete */
    TWIN_CUT_FRONT,    /* erase: the front part blank, the rest old; program: as garbage */
    /* Erases by phase, flash_model.h: the cells are programmed to zero first. Of a program: garbage. */
    TWIN_CUT_ZEROING,
    TWIN_CUT_ZERO_FRONT,
    TWIN_CUT_ZERO,
    TWIN_CUT_RISING,
    TWIN_CUT_RISEN,
    TWIN_CUT_BACK,
    TWIN_CUT_STRIPES,
    TWIN_CUT_ONE_OLD,
    TWIN_CUT_ONE_ZERO,
    /* And these, of either. */
    TWIN_CUT_FLAKY,      /* each word as before, as after or between, drawn anew at every reset */
    TWIN_CUT_FADES,      /* reads as if complete until the next reset but one, flaky from then on */
    TWIN_CUT_FADES_LATE, /* the same two resets later */
    TWIN_CUT_OLD,        /* reads as before, but proves nothing */
    TWIN_CUT_HALF,       /* erase: every other word blank; program: as garbage */
    TWIN_CUTS
};
/**
 * Plan a power cut at flash operation number `op` (twin_stats: flash_ops counts them). The run ends there
 * with TWIN_STOP_POWER; twin_set_power(true) goes on. Up to 8 plans.
 * @return false: too late for that number, or 8 planned
 */
bool twin_plan_cut(struct twin *t, uint64_t op, enum twin_cut cut);
/** Forget all planned cuts. */
void twin_forget_cuts(struct twin *t);

/** On: a program that is cut, or that fails (worn sector, or a supply too low for its width), also upsets
 * words of its whole sector (program disturb, F8). Off at first. Belongs to the snapshot. */
void twin_disturb(struct twin *t, bool on);

/** How a sector is worn out. The part has no flag for it: operations end as ever, the array shows it. */
enum twin_wear {
    TWIN_WEAR_NONE,
    TWIN_WEAR_STUCK, /* one word keeps a zero bit for ever */
    TWIN_WEAR_DEAF   /* erases and programs change nothing */
};
/**
 * Wear a sector (0..11) out.
 * @return false: no such sector
 */
bool twin_wear_out(struct twin *t, unsigned sector, enum twin_wear wear);

/** Hash of what is behind suspect words of the flash: two boards whose flash reads alike may differ in it. 0:
 * none. */
uint64_t twin_cells_hash(const struct twin *t);

/** Change the supply, e.g. to 2,600 mV. Below the brown-out level of the option bytes: held in reset; below
 * 1,680 mV: power off. Without power it says what twin_set_power finds: a board may start at a low supply,
 * and below 1,680 mV it does not start. */
void twin_set_supply(struct twin *t, uint32_t vdd_mv);

/** Power on or off. Off: RAM, registers and RTC domain are lost, RAM reads as garbage by seed at the next
 * power-on. */
void twin_set_power(struct twin *t, bool on);
/** Drive a pin: level true = high. NRST is open drain: true releases it. NSS idles high. */
void twin_set_pin(struct twin *t, enum twin_pin pin, bool level);

/** Virtual time since the board was created. */
uint64_t twin_now_ns(const struct twin *t);
/** Run until `time_ns`, or until something else ends the run. A time that has passed: returns at once. */
enum twin_stop twin_run_until(struct twin *t, uint64_t time_ns);
/** Stop before the instruction at `addr` (bit 0 ignored); 0 removes it. One breakpoint. */
void twin_set_breakpoint(struct twin *t, uint32_t addr);

/**
 * Clock bytes over SPI1, mode 0, host is master, NSS as it stands. Moves time by n × (8 / hz + gap).
 * @param mosi  NULL sends 00
 * @param miso  NULL drops
 */
enum twin_stop twin_spi_transfer(struct twin *t, const uint8_t *mosi, uint8_t *miso, size_t n_bytes,
                                 uint32_t hz, uint32_t gap_ns);

/**
 * Noise on NSS or SCK: one byte of which the slave hears only the first `n_bits` (0..7) clock edges; then NSS
 * is high for the rest of the byte, and low again after it. The slave's bit counter stays where it is, so
 * that all that follows is shifted. Call with NSS low.
 * @param miso  what the master reads, never NULL
 */
enum twin_stop twin_spi_torn_byte(struct twin *t, uint8_t mosi, uint8_t *miso, unsigned n_bits, uint32_t hz);

enum twin_wire {
    TWIN_WIRE_NSS,
    TWIN_WIRE_SCK,
    TWIN_WIRE_MOSI,
    TWIN_WIRE_MISO,
    TWIN_WIRE_NRST, /* as a probe sees it: low while anybody pulls it, the chip itself included */
    TWIN_WIRE_BOOT0,
    TWIN_WIRE_BSY, /* no pin: FLASH_SR.BSY */
    TWIN_WIRES
};

/** Who is told of what happens on the wires, in order of time; vcd.h is one. */
struct twin_wire_watch {
    /** A wire but SCK, MOSI or MISO has another level now. */
    void (*level)(void *ctx, uint64_t time_ps, enum twin_wire wire, bool level);
    /** A byte begins on SCK, MOSI and MISO and takes `byte_ps`; mode 0. */
    void (*byte)(void *ctx, uint64_t time_ps, uint64_t byte_ps, uint8_t mosi, uint8_t miso);
};

/** Watch from now on; the present levels are told at once. One watch, NULL ends it. It belongs to the board,
 * not to snapshots. */
void twin_watch_wires(struct twin *t, const struct twin_wire_watch *watch, void *ctx);

/**
 * What the pins of a board are wired to when its firmware is the master of SPI1; join.h is one. Called in order of the
 * board's time, from inside its run: it must not run that board.
 */
struct twin_outside {
    /**
     * A byte begins on SCK, MOSI and MISO and takes `byte_ps`.
     * @param mosi  as it is on the wire, first bit in bit 7
     * @param mode  SPI mode 0..3: CPOL * 2 + CPHA
     * @return what MISO shows, in the same order
     */
    uint8_t (*byte)(void *ctx, uint64_t time_ps, uint8_t mosi, uint64_t byte_ps, unsigned mode);
    /** One or more pins have another level now: twin_pin_level. */
    void (*pins)(void *ctx, uint64_t time_ps);
};

/** Connect from now on; NULL: nothing, MISO floats high. It belongs to the board, not to snapshots. */
void twin_connect(struct twin *t, const struct twin_outside *outside, void *ctx);
/** A resistor or a source on a pin: its level wherever the chip does not drive it. PA4 begins high, others low. */
void twin_pull(struct twin *t, char port, unsigned pin, bool level);
/** Level of a pin as a probe sees it, driven by whomever; no such pin: low. */
bool twin_pin_level(const struct twin *t, char port, unsigned pin);

/**
 * Take console bytes (USART2 TX, PA2) printed since the last call.
 * @return bytes written to `out`, ≤ n_bytes
 */
size_t twin_console_read(struct twin *t, char *out, size_t n_bytes);
/** Type bytes into the console (USART2 RX, PA3). */
void twin_console_write(struct twin *t, const char *bytes, size_t n_bytes);

/** Level of an output pin, e.g. ('D', 12) for the green LED. Inputs and pins without power read false. */
bool twin_gpio_level(const struct twin *t, char port, unsigned pin);

/**
 * Debugger's view: read flash, SRAM or CCM without side effects.
 * @return false if any byte is elsewhere.
 */
bool twin_peek(const struct twin *t, uint32_t addr, void *bytes, size_t n_bytes);
/** Debug port (SWD) while NRST is low, which stands for a halted core: one access of 1, 2 or 4 bytes over the
 * bus, with every rule of the peripheral. It takes no time; twin_run_until lets time pass.
 * @return false: bus error, or no power */
bool twin_debug_read(struct twin *t, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool twin_debug_write(struct twin *t, uint32_t addr, unsigned n_bytes, uint32_t value);
uint32_t twin_reg(const struct twin *t, unsigned n); /* r0..r15, 16 = xPSR */
/** Debugger's hand: set r0..r15 or 16 = xPSR; a PC takes effect with the next instruction. */
void twin_set_reg(struct twin *t, unsigned n, uint32_t value);
/**
 * Execute one instruction, with all that is due until it is over; waits for a busy flash, not for an
 * interrupt. Ignores the breakpoint.
 * @return TWIN_STOP_TIME: done, or 1 ms passed without one (sleep, reset, no power) · else as twin_run_until
 */
enum twin_stop twin_step(struct twin *t);
/**
 * Instruction fault: the instruction at the PC does nothing; an IT block moves on as if it had been there.
 */
void twin_skip_instruction(struct twin *t);

/** The counters as they stand; the next call brings the same object up to date. */
const struct twin_stats *twin_stats(const struct twin *t);
/** @return number of recorded violations; `out` gets the i-th (the first 64 are kept) */
size_t twin_violation(const struct twin *t, size_t i, struct twin_violation *out);

/** Whole state in memory: core, peripherals, RAM, flash, time, counters. Caller frees with
 * twin_snapshot_free. */
struct twin_snapshot *twin_save(const struct twin *t);
void twin_restore(struct twin *t, const struct twin_snapshot *s);
void twin_snapshot_free(struct twin_snapshot *s);
/** True if both hold the same state to the byte; else `why` names the first difference. */
bool twin_snapshot_equal(const struct twin_snapshot *a, const struct twin_snapshot *b, char *why,
                         size_t why_bytes);

#endif
