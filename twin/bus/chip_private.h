/** Inside of struct chip; for the files of twin/bus only. */
#ifndef CHIP_PRIVATE_H
#define CHIP_PRIVATE_H

#include "bus/chip.h"

enum {
    CHIP_DEVS = 64,
    CHIP_MEMORIES = 12,
    CHIP_STATES = 96,
    CHIP_LISTENERS = 8,
    CHIP_PORTS = 9,
    CHIP_BUSES = 4,
    CHIP_CLOCKS = CHIP_LSI + 1,
    CHIP_PAGE_SHIFT = 10, /* register windows are 1 KB apart in 0x40000000..0x4007FFFF */
    CHIP_PAGES = 0x80000 >> CHIP_PAGE_SHIFT,
    CHIP_CONSOLE_OUT_BYTES = 1 << 16,
    CHIP_CONSOLE_IN_BYTES = 256
};

#define CHIP_NEVER UINT64_MAX

struct chip_port {
    uint16_t outside; /* level the outside puts on the pin */
    uint16_t driven;  /* 1: a model drives the pin */
    uint16_t level;   /* the level it drives */
    uint16_t alternate;
    uint8_t function[16];
};

struct chip_log {
    uint64_t count;
    struct chip_violation_record kept[CHIP_VIOLATIONS_KEPT];
};

/** Console ring: `head` is the next byte written, `tail` the next read; both count for ever. */
struct chip_console {
    uint32_t out_head;
    uint32_t out_tail;
    uint32_t in_head;
    uint32_t in_tail;
    uint8_t out[CHIP_CONSOLE_OUT_BYTES];
    uint8_t in[CHIP_CONSOLE_IN_BYTES];
};

/** All that changes while the chip runs, except the console and the log: plain data. */
struct chip_run {
    uint64_t now_ps;
    uint64_t next_ps;
    uint64_t event_ps[CHIP_EVENTS];
    uint32_t clock_hz[CHIP_CLOCKS];
    uint32_t enr[CHIP_BUSES];
    uint32_t rstr[CHIP_BUSES];
    uint32_t irq[3];
    uint32_t vdd_mv;
    uint32_t rom_go_vectors;
    uint32_t reset_cause;
    uint32_t reset_asked; /* bit per enum chip_reset_cause */
    struct chip_port port[CHIP_PORTS];
    char exti_port[16];
    uint32_t options;
    uint32_t lsi_users;
    bool backup_writable;
    bool rtc_enabled;
    bool power_cut;
    bool flash_open;
    bool flash_watched;
    bool rom_running;
    bool rom_go;
    bool strict_stop;
};

struct chip_event {
    const char *name;
    void (*fire)(void *ctx);
    void *ctx;
};

struct chip_device {
    struct dev *dev;
    bool gated;
    unsigned gate_bus;
    unsigned gate_bit;
};

struct chip_block {
    const char *name;
    void *state;
    size_t n_bytes;
};

struct chip_listener {
    void (*fn)(void *ctx);
    void *ctx;
};

struct chip_pin_listener {
    void (*fn)(void *ctx, char port, unsigned pin, bool level);
    void *ctx;
};

struct chip_gate_rule {
    const char *dev_name;
    unsigned bus;
    unsigned bit;
};

struct chip {
    struct chip_host host;
    void *host_ctx;
    bool strict;

    struct chip_run run;
    struct chip_log log;
    struct chip_console console;

    /* Wiring: fixed after the board is built. */
    struct chip_event event[CHIP_EVENTS];
    unsigned n_events;
    struct chip_device device[CHIP_DEVS];
    size_t n_devices;
    uint8_t
        page[CHIP_PAGES]; /* 1 + index of the device whose window holds that KB, 0: look through the list */
    struct chip_memory memory[CHIP_MEMORIES];
    size_t n_memories;
    struct chip_block block[CHIP_STATES];
    size_t n_blocks;
    struct chip_listener clock_listener[CHIP_LISTENERS];
    size_t n_clock_listeners;
    struct chip_pin_listener pin_listener[CHIP_LISTENERS];
    size_t n_pin_listeners;
    struct chip_gate_rule gate[CHIP_DEVS];
    size_t n_gates;
    void (*dma_request)(void *ctx, unsigned controller, unsigned stream, unsigned channel, bool level);
    void *dma_ctx;
    const struct chip_spi_slave *spi;
    void *spi_ctx;
    const struct chip_rom *rom;
    void *rom_ctx;
    struct chip_listener console_input;
    struct chip_listener backup_reset;
    void (*flash_load)(void *ctx, uint32_t addr);
    void *flash_load_ctx;
    void *allocation; /* list of everything chip_alloc gave out */
};

/** Zeroed memory, or the process ends: a twin without memory is of no use. */
void *chip_allocate(size_t n_bytes);

/** A table of the chip is full: a mistake in the board, not in the guest. */
void chip_check_room(size_t used, size_t room, const char *what);
void chip_ask_attention(struct chip *chip);

#endif
