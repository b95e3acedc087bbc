/** Inside of struct twin; for the files of twin/board only. */
#ifndef BOARD_H
#define BOARD_H

#include "bus/chip.h"
#include "cpu/cpu.h"
#include "twin/part.h"
#include "twin/twin.h"

enum {
    SRAM_BYTES = 0x20000,
    CCM_BYTES = 0x10000,
    FLASH_BYTES = 0x100000, /* room for the largest part; how much there is says twin.part */
    SYSTEM_MEMORY_BYTES = 0x7800,
    IDENTITY_BYTES = 0x30
};

#define FLASH_BASE         0x08000000U
#define FLASH_SR           0x40023C0CU /* RM0090 3.9.4: BSY is what waiting loops look at */
#define SRAM_BASE          0x20000000U
#define CCM_BASE           0x10000000U
#define SYSTEM_MEMORY_BASE 0x1FFF0000U
#define OTP_BASE           0x1FFF7800U
#define IDENTITY_BASE      0x1FFF7A10U

enum board_mode {
    BOARD_OFF,      /* no supply */
    BOARD_HELD,     /* in reset: `hold` says why */
    BOARD_STARTING, /* reset released, BOOT0 not sampled yet */
    BOARD_RUNNING,
    BOARD_LOCKUP, /* the core is dead, the rest lives */
    BOARD_ROM     /* the ROM loader model runs, the core stands */
};

enum board_hold {
    HOLD_SUPPLY = 1 << 0,   /* reset temporisation after power-on */
    HOLD_NRST = 1 << 1,     /* the outside pulls NRST low */
    HOLD_INTERNAL = 1 << 2, /* the chip itself pulls NRST low after an internal reset */
    HOLD_BROWN_OUT = 1 << 3
};

/** Plain state of the board itself; goes into snapshots. */
struct board_state {
    uint64_t base_ps;     /* time ... */
    uint64_t base_cycles; /* ... at this cycle; from here on at hclk_hz */
    uint64_t ps_per_cycle_q32;
    uint64_t power_ons;
    uint64_t resets_pin;
    uint64_t resets_software;
    uint64_t resets_iwdg;
    uint64_t spi_bytes;
    uint32_t hclk_hz;
    uint32_t mode;
    uint32_t hold;
    uint32_t boot0;
    uint32_t nrst;
    uint32_t mem_mode;
    uint32_t stalled; /* the core waits for the flash */
};

struct twin {
    struct twin_config config;
    const struct twin_part *part;
    struct chip *chip;
    struct cpu *cpu;
    struct dev *flash_dev;
    struct board_state s;
    uint64_t target_ps; /* end of the run under way */
    bool in_core;       /* inside cpu_run */
    bool at_breakpoint; /* the last run ended before the breakpoint's instruction */
    uint32_t breakpoint;
    bool is_stepping;                    /* inside twin_step */
    uint64_t step_from;                  /* instructions before it */
    const struct twin_wire_watch *watch; /* NULL: nobody looks at the wires */
    void *watch_ctx;
    uint32_t shown;                     /* mask of enum twin_wire: levels that the watch was told */
    const struct twin_outside *outside; /* what SPI1 and the pins are wired to; NULL: nothing */
    void *outside_ctx;
    unsigned nrst_event;
    unsigned release_event;
    unsigned supply_event;
    unsigned start_event;
    struct twin_stats stats;
    uint8_t flash[FLASH_BYTES];
    uint8_t sram[SRAM_BYTES];
    uint8_t ccm[CCM_BYTES];
    uint8_t system_memory[SYSTEM_MEMORY_BYTES];
    uint8_t identity[IDENTITY_BYTES];
};

/* f407.c */
/** Put every peripheral of the part on the chip. */
void f407_build(struct twin *t);

/* clock.c */
uint64_t board_ps_at(const struct twin *t, uint64_t cycles);
/** First cycle at or after a time. */
uint64_t board_cycles_at(const struct twin *t, uint64_t time_ps);
/** Bring the chip's time up to the core's cycles. */
void board_sync(struct twin *t);
/** From now on `hclk_hz`; time and cycles meet at the chip's present time. */
void board_rebase(struct twin *t, uint32_t hclk_hz);
/**
 * Let the core's cycles pass until `time_ps` with every event on the way.
 * @return false: attention wanted
 */
bool board_pass_until(struct twin *t, uint64_t time_ps);

/* reset.c */
void board_add_events(struct twin *t);
void board_reset(struct twin *t, enum chip_reset_cause cause);
void board_power_off(struct twin *t);
void board_rom_go(struct twin *t, uint32_t vectors);
void board_apply_alias(struct twin *t);

/* run.c */
enum twin_stop board_run_until_ps(struct twin *t, uint64_t target_ps);

/* wires.c */
/** Tell the watch of the wires' levels, as far as they changed. */
void board_show_wires(struct twin *t);
/** Tell the watch of a byte that begins now. */
void board_show_byte(struct twin *t, uint64_t byte_ps, uint8_t mosi, uint8_t miso);
/** Tell the outside that pins have changed. */
void board_show_pins(struct twin *t);
/**
 * SPI1 is the master: a byte begins.
 * @return what MISO shows
 */
uint8_t board_master_byte(struct twin *t, uint8_t mosi, uint64_t byte_ps, unsigned mode);

#endif
