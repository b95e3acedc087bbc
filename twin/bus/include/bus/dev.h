/**
 * What a peripheral model sees of the chip, and what the chip sees of it.
 *
 * One file per peripheral in twin/dev/, named as its chapter in RM0090. A model sees its registers, interrupt lines,
 * DMA requests, GPIO levels, events in virtual time and the violation log, all through `struct chip`; it never
 * sees another model. All mutable state of a model is one plain struct without pointers, split in two where it matters: `volatile`
 * state is cleared by reset, non-volatile state (flash array, option bytes, RTC backup domain) is not.
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
    /** Read `n_bytes` (1, 2, 4) at `off`. @return false: bus error */
    bool (*read)(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value);
    bool (*write)(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value);
    void (*reset)(struct dev *dev, enum dev_reset kind);
};

struct dev {
    const struct dev_ops *ops;
    const char *name;      /* "FLASH", "SPI1": as RM0090 */
    uint32_t base;         /* first register */
    uint32_t n_bytes;      /* size of the register window, multiple of 4 */
    struct chip *chip;
    void *state;           /* plain struct, goes into snapshots */
    size_t state_bytes;
};

/** Put a device on the bus; called once while the board is built. The pointer stays valid for the board's life. */
void chip_add_dev(struct chip *chip, struct dev *dev);

/* --- time and events ------------------------------------------------------------------------------------- */

uint64_t chip_now_ps(const struct chip *chip);
/** A named event slot; `fire` runs in virtual-time order, ties by slot number. @return slot id */
unsigned chip_event_add(struct chip *chip, const char *name, void (*fire)(void *ctx), void *ctx);
/** Arm the slot at an absolute time (not in the past; now is allowed). An armed slot moves. */
void chip_event_at(struct chip *chip, unsigned event, uint64_t time_ps);
void chip_event_cancel(struct chip *chip, unsigned event);

/* --- clocks (set by the RCC model, read by the others) ------------------------------------------------------ */

enum chip_clock { CHIP_HCLK, CHIP_PCLK1, CHIP_PCLK2, CHIP_TIMCLK1, CHIP_TIMCLK2, CHIP_LSI };
uint32_t chip_clock_hz(const struct chip *chip, enum chip_clock clock);
void chip_set_clocks(struct chip *chip, uint32_t hclk_hz, uint32_t pclk1_hz, uint32_t pclk2_hz, uint32_t timclk1_hz,
                     uint32_t timclk2_hz);
/** Register a function that hears of every clock change (timers re-schedule). */
void chip_on_clock_change(struct chip *chip, void (*fn)(void *ctx), void *ctx);
/** Is the peripheral's clock enabled in RCC_xxxENR? `bus` as in RM0090: 0 AHB1, 1 AHB2, 2 APB1, 3 APB2. The board
 *  asks before every register access: an access to an unclocked peripheral is a violation and reads 0. */
bool chip_is_clocked(const struct chip *chip, unsigned bus, unsigned bit);

/* --- lines ---------------------------------------------------------------------------------------------------- */

void chip_irq(struct chip *chip, unsigned irq, bool level);
/** DMA request line of a peripheral (RM0090 tables 42, 43), level. Serviced by the DMA model at once when it may. */
void chip_dma_request(struct chip *chip, unsigned controller, unsigned stream, unsigned channel, bool level);
/** How the DMA model hears requests (one listener). */
void chip_on_dma_request(struct chip *chip, void (*fn)(void *ctx, unsigned controller, unsigned stream, unsigned channel,
                                                       bool level), void *ctx);
/** Bus access by a master other than the core (DMA). @return false: bus error, or CCM (not reachable by DMA) */
bool chip_bus_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool chip_bus_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value);

/** Level of a pin as the outside sees or drives it: port 'A'..'I', pin 0..15. */
bool chip_pin_level(const struct chip *chip, char port, unsigned pin);
/** A model or the outside drives a pin. */
void chip_pin_drive(struct chip *chip, char port, unsigned pin, bool level);
/** A listener for pin changes (GPIO, EXTI, SPI NSS). */
void chip_on_pin(struct chip *chip, void (*fn)(void *ctx, char port, unsigned pin, bool level), void *ctx);
/** Alternate function of a pin and whether GPIOx_MODER selects it (set by the GPIO model, read by SPI, USART). */
void chip_set_pin_function(struct chip *chip, char port, unsigned pin, bool alternate, unsigned function);
bool chip_pin_function(const struct chip *chip, char port, unsigned pin, unsigned *function);

enum chip_reset_cause { CHIP_RESET_POWER, CHIP_RESET_BROWN_OUT, CHIP_RESET_PIN, CHIP_RESET_SOFTWARE, CHIP_RESET_IWDG };
/** Ask for a system reset; carried out as soon as the current event or instruction is done. */
void chip_request_reset(struct chip *chip, enum chip_reset_cause cause);
/** Cause of the last reset, for RCC_CSR. */
enum chip_reset_cause chip_reset_cause(const struct chip *chip);

/* --- the guest's faults ------------------------------------------------------------------------------------- */

/** Record what the firmware did wrong, with the manual's section. Strict mode stops the run. */
void chip_violation(struct chip *chip, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
