/**
 * What a peripheral model sees of the chip, and what the chip sees of it.
 *
 * One file per peripheral in twin/dev/, named as its chapter in RM0090. A model sees its registers, interrupt
 * lines, DMA requests, GPIO levels, events in virtual time and the violation log, all through `struct chip`;
 * it never sees another model. All mutable state of a model is one plain struct without pointers, split in
 * two where it matters: `volatile` state is cleared by reset, non-volatile state (flash array, option bytes,
 * RTC backup domain) is not.
 *
 * Each model exports one function `<name>_attach(struct chip *chip, ...)` in dev/<name>.h: it takes memory
 * with chip_alloc, fills in its struct dev, registers events and listeners and calls chip_add_dev. All
 * registration happens there, before the first run; nothing is registered later. board/f407.c calls the
 * attach functions.
 */
#ifndef BUS_DEV_H
#define BUS_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip; /* the board's side; functions below */
struct dev;

enum dev_reset { DEV_RESET_POWER, DEV_RESET_SYSTEM };

struct dev_ops {
    /**
     * Read `n_bytes` (1, 2, 4) at `off`.
     * @return false: bus error
     */
    bool (*read)(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value);
    bool (*write)(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value);
    void (*reset)(struct dev *dev, enum dev_reset kind);
};

struct dev {
    const struct dev_ops *ops;
    const char *name; /* "FLASH", "SPI1": as RM0090 */
    uint32_t base;    /* first register */
    uint32_t n_bytes; /* size of the register window, multiple of 4 */
    struct chip *chip;
    void *state; /* plain struct, goes into snapshots */
    size_t state_bytes;
};

/** Put a device on the bus; called once while the board is built. The pointer stays valid for the board's
 * life. */
void chip_add_dev(struct chip *chip, struct dev *dev);
/** Zeroed memory that lives as long as the chip (a model's struct dev and state). Never NULL: aborts if
 * memory is short. */
void *chip_alloc(struct chip *chip, size_t n_bytes);
/** A range of memory on the bus. It is part of every snapshot unless `is_rom`. */
struct chip_memory {
    const char *name;
    uint32_t base;
    uint8_t *bytes;
    size_t n_bytes;
    bool is_rom;    /* constant: not in snapshots */
    bool core_only; /* CCM: no other master reaches it */
    /**
     * Stores go here; NULL: plain RAM (or, if `is_rom`, a bus error).
     * @return false: bus error
     */
    bool (*store)(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value);
    void *ctx;
};
void chip_add_memory(struct chip *chip, const struct chip_memory *memory);
/** A plain block of state that belongs to no struct dev and must be in snapshots. */
void chip_add_state(struct chip *chip, const char *name, void *state, size_t n_bytes);

/* --- time and events --- */

/** Inside `fire` this is the event's own time, so that periodic events do not drift. */
uint64_t chip_now_ps(const struct chip *chip);
/**
 * A named event slot; `fire` runs in virtual-time order, ties by slot number.
 * @return slot id
 */
unsigned chip_event_add(struct chip *chip, const char *name, void (*fire)(void *ctx), void *ctx);
/** Arm the slot at an absolute time (not in the past; now is allowed). An armed slot moves. */
void chip_event_at(struct chip *chip, unsigned event, uint64_t time_ps);
void chip_event_cancel(struct chip *chip, unsigned event);

/* --- clocks (set by the RCC model, read by the others) --- */

enum chip_clock { CHIP_HCLK, CHIP_PCLK1, CHIP_PCLK2, CHIP_TIMCLK1, CHIP_TIMCLK2, CHIP_LSI };
/** Frequency of a clock as it stands. */
uint32_t chip_clock_hz(const struct chip *chip, enum chip_clock clock);
/** Set all but LSI and tell everyone who listens; for the RCC model. */
void chip_set_clocks(struct chip *chip, uint32_t hclk_hz, uint32_t pclk1_hz, uint32_t pclk2_hz,
                     uint32_t timclk1_hz, uint32_t timclk2_hz);
/** Register a function that hears of every clock change (timers re-schedule). */
void chip_on_clock_change(struct chip *chip, void (*fn)(void *ctx), void *ctx);
/**
 * Is the peripheral's clock enabled in RCC_xxxENR? `bus` as in RM0090: 0 AHB1, 1 AHB2, 2 APB1, 3 APB2. The
 * board asks before every register access: an access to an unclocked peripheral is a violation and reads 0.
 */
bool chip_is_clocked(const struct chip *chip, unsigned bus, unsigned bit);

/** For the RCC model: the value of RCC_xxxENR (bus 0..3), and a rising edge or fall of RCC_xxxRSTR bits. A
 * device whose bit rises has ops->reset(DEV_RESET_SYSTEM) called; while its bit stands, accesses are
 * violations. */
void chip_set_enables(struct chip *chip, unsigned bus, uint32_t enr);
void chip_set_resets(struct chip *chip, unsigned bus, uint32_t rstr);
/** For the board: which bit of RCC_xxxENR/RSTR gates the device of that name. Devices without one are always
 * clocked. */
void chip_gate(struct chip *chip, const char *dev_name, unsigned bus, unsigned bit);

/* --- lines --- */

/** Level of an interrupt line of the NVIC (RM0090 table 62). */
void chip_irq(struct chip *chip, unsigned irq, bool level);
/** DMA request line of a peripheral (RM0090 tables 42, 43), level. Serviced by the DMA model at once when it
 * may. */
void chip_dma_request(struct chip *chip, unsigned controller, unsigned stream, unsigned channel, bool level);
/** How the DMA model hears requests (one listener). */
void chip_on_dma_request(struct chip *chip,
                         void (*fn)(void *ctx, unsigned controller, unsigned stream, unsigned channel,
                                    bool level),
                         void *ctx);
/**
 * Bus access by a master other than the core (DMA).
 * @return false: bus error, or CCM (not reachable by DMA)
 */
bool chip_bus_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool chip_bus_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value);

/** Level of a pin as the outside sees or drives it: port 'A'..'I', pin 0..15. */
bool chip_pin_level(const struct chip *chip, char port, unsigned pin);
/** A model drives a pin (output or alternate function). It wins over the outside until released. */
void chip_pin_drive(struct chip *chip, char port, unsigned pin, bool level);
/** A model stops driving (input, analog, reset): the pin shows the outside's level again. */
void chip_pin_release(struct chip *chip, char port, unsigned pin);
/** The outside drives a pin; default low, but PA4 (NSS) high. */
void chip_pin_outside(struct chip *chip, char port, unsigned pin, bool level);
/** A listener for pin changes (GPIO, EXTI, SPI NSS). */
void chip_on_pin(struct chip *chip, void (*fn)(void *ctx, char port, unsigned pin, bool level), void *ctx);
/** Alternate function of a pin and whether GPIOx_MODER selects it (set by the GPIO model, read by SPI,
 * USART). */
void chip_set_pin_function(struct chip *chip, char port, unsigned pin, bool alternate, unsigned function);
bool chip_pin_function(const struct chip *chip, char port, unsigned pin, unsigned *function);

/** SYSCFG_EXTICR: the port whose pin `line` (0..15) feeds EXTI line `line`; set by SYSCFG, read by EXTI. */
void chip_set_exti_port(struct chip *chip, unsigned line, char port);
char chip_exti_port(const struct chip *chip, unsigned line);

/* --- wires to the outside --- */

/**
 * A slave on the SPI1 wires, seen from the master that owns the clock. For each byte the board calls `begin`
 * at the first SCK edge (the answer is latched: what the slave shifts out on MISO, 0xFF if nothing drives it)
 * and 8 bit times later `end` with the byte that came on MOSI. Both are called with the chip's time set; NSS
 * is pin A4.
 */
struct chip_spi_slave {
    uint8_t (*begin)(void *ctx);
    void (*end)(void *ctx, uint8_t mosi);
};
/** The SPI1 peripheral registers itself. */
void chip_on_spi(struct chip *chip, const struct chip_spi_slave *slave, void *ctx);
/**
 * SPI1 is the master: a byte begins on its wires now.
 * @param mosi     in the order of the wire, first bit in bit 7
 * @param byte_ps  first edge to last edge
 * @param mode     SPI mode 0..3: CPOL * 2 + CPHA
 * @return what MISO shows, in the same order; 0xFF if nothing is connected
 */
uint8_t chip_spi_master_byte(struct chip *chip, uint8_t mosi, uint64_t byte_ps, unsigned mode);

/**
 * The ROM loader model: the core stands still while it runs. It gets the SPI wires instead of SPI1, uses
 * time through events, and reaches flash, FLASH registers and SRAM as any bus master by chip_bus_read/write.
 */
struct chip_rom {
    void (*start)(void *ctx); /* BOOT0 was high at reset */
    void (*stop)(void *ctx);  /* reset or power loss: forget everything, cancel events */
    struct chip_spi_slave spi;
};
void chip_on_rom(struct chip *chip, const struct chip_rom *rom, void *ctx);
/** The ROM's Go: it stops, the core starts with MSP from `vectors` and PC from `vectors` + 4, peripherals as
 * they are. */
void chip_rom_go(struct chip *chip, uint32_t vectors);

/**
 * Console (USART2): a byte left on TX; bytes typed from outside wait in a queue until the model takes them.
 */
void chip_console_put(struct chip *chip, uint8_t byte);
bool chip_console_take(struct chip *chip, uint8_t *byte);
/** Called when the queue stops being empty; the model then takes a byte per frame time. */
void chip_on_console_input(struct chip *chip, void (*fn)(void *ctx), void *ctx);

enum chip_reset_cause {
    CHIP_RESET_POWER,
    CHIP_RESET_BROWN_OUT,
    CHIP_RESET_PIN,
    CHIP_RESET_SOFTWARE,
    CHIP_RESET_IWDG
};
/** Ask for a system reset; carried out as soon as the current event or instruction is done. */
void chip_request_reset(struct chip *chip, enum chip_reset_cause cause);
/** Cause of the last reset, for RCC_CSR. */
enum chip_reset_cause chip_reset_cause(const struct chip *chip);

/* --- what only the FLASH and SYSCFG models say --- */

/** Flash free for reads, or busy: then whoever reads it waits. */
void chip_flash_open(struct chip *chip, bool open);
/** Hear of the core's loads from flash, or no longer: while the data cache may hold what the array no longer
 * does. */
void chip_watch_flash(struct chip *chip, bool on);
void chip_on_flash_load(struct chip *chip, void (*fn)(void *ctx, uint32_t addr), void *ctx);
/** Bytes of flash changed: the core forgets decoded instructions. */
void chip_code_changed(struct chip *chip, uint32_t addr, size_t n_bytes);
/** What stands at address 0 (BOOT0 at reset, SYSCFG_MEMRMP later): 0 flash, 1 system memory, 3 SRAM. */
void chip_set_alias(struct chip *chip, unsigned mem_mode);
/**
 * Hold the bus until `time_ps`, with every event on the way (a register access that stalls the AHB). The
 * core takes no interrupt meanwhile.
 * @return false: reset or power loss ended it, drop the access
 */
bool chip_stall_until(struct chip *chip, uint64_t time_ps);
/** The supply is cut now (a planned fault): carried out like a reset request, the run ends with
 * TWIN_STOP_POWER. */
void chip_cut_power(struct chip *chip);
/** Option bytes in force, as FLASH_OPTCR reads (BOR level, WDG_SW, RDP, nWRP): set by FLASH at reset. */
void chip_set_options(struct chip *chip, uint32_t optcr);
uint32_t chip_options(const struct chip *chip);
/** PWR_CR.DBP: may RTC, backup registers and RCC_BDCR be written? Set by PWR. */
void chip_set_backup_writable(struct chip *chip, bool writable);
bool chip_backup_is_writable(const struct chip *chip);
/** RCC_BDCR: RTCEN as it stands, and BDRST, which clears the backup domain. Set by RCC, heard by RTC. */
void chip_set_rtc_enabled(struct chip *chip, bool enabled);
bool chip_rtc_is_enabled(const struct chip *chip);
void chip_backup_reset(struct chip *chip);
void chip_on_backup_reset(struct chip *chip, void (*fn)(void *ctx), void *ctx);
/** LSI runs while RCC_CSR.LSION stands or IWDG counts. */
enum chip_lsi_user { CHIP_LSI_RCC, CHIP_LSI_IWDG };
void chip_use_lsi(struct chip *chip, enum chip_lsi_user user, bool on);
bool chip_lsi_is_on(const struct chip *chip);
/** Supply in mV, for the rules that depend on it. */
uint32_t chip_vdd_mv(const struct chip *chip);

/* --- the guest's faults --- */

/** Record what the firmware did wrong, with the manual's section. Strict mode stops the run. */
void chip_violation(struct chip *chip, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
