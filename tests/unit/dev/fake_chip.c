#include "fake_chip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    DEVS = 32,
    EVENTS = 48,
    LISTENERS = 32,
    PORTS = 9,
    PINS = 16,
    CLOCKS = 6,
    ALLOCS = 64,
    IRQS = 96,
    TEXT = 256
};

struct event {
    void (*fire)(void *ctx);
    void *ctx;
    uint64_t time_ps;
    bool armed;
};

struct chip {
    struct dev *dev[DEVS];
    size_t devs;
    struct event event[EVENTS];
    size_t events;
    void *alloc[ALLOCS];
    size_t allocs;
    uint64_t now_ps;
    uint32_t clock_hz[CLOCKS];
    bool clocked;
    struct {
        void (*fn)(void *ctx);
        void *ctx;
    } on_clock[LISTENERS];
    size_t on_clocks;
    struct {
        void (*fn)(void *ctx, char port, unsigned pin, bool level);
        void *ctx;
    } on_pin[LISTENERS];
    size_t on_pins;
    struct {
        bool outside, driven, drive, alternate;
        unsigned function;
    } pin[PORTS][PINS];
    char exti_port[PINS];
    bool irq[IRQS];
    uint8_t request[2][8];
    void (*on_dma)(void *ctx, unsigned controller, unsigned stream, unsigned channel, bool level);
    void *on_dma_ctx;
    const struct chip_spi_slave *spi;
    void *spi_ctx;
    uint32_t spi_hz;
    struct fake_sent sent;
    const struct chip_rom *rom;
    void *rom_ctx;
    bool rom_runs;
    uint32_t rom_went;
    char printed[TEXT];
    size_t n_printed;
    char typed[TEXT];
    size_t n_typed, n_taken;
    void (*on_input)(void *ctx);
    void *on_input_ctx;
    size_t resets_asked;
    size_t violations;
    char violation[TEXT];
    uint8_t sram[FAKE_SRAM_BYTES];
};

struct chip *fake_chip_create(void)
{
    struct chip *c = calloc(1, sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < CLOCKS; i++) {
        c->clock_hz[i] = 16000000;
    }
    c->clocked = true;
    c->spi_hz = 1000000;
    c->pin[0][4].outside = true;
    for (size_t i = 0; i < PINS; i++) {
        c->exti_port[i] = 'A';
    }
    return c;
}

void fake_chip_destroy(struct chip *chip)
{
    for (size_t i = 0; i < chip->allocs; i++) {
        free(chip->alloc[i]);
    }
    free(chip);
}

void fake_reset(struct chip *chip)
{
    for (size_t i = 0; i < chip->devs; i++) {
        chip->dev[i]->ops->reset(chip->dev[i], DEV_RESET_SYSTEM);
    }
}

/* --- bus --------------------------------------------------------------------------------------------- */

void chip_add_dev(struct chip *chip, struct dev *dev)
{
    assert_true(chip->devs < DEVS);
    chip->dev[chip->devs++] = dev;
}

void *chip_alloc(struct chip *chip, size_t n_bytes)
{
    assert_true(chip->allocs < ALLOCS);
    void *block = calloc(1, n_bytes);
    assert_non_null(block);
    chip->alloc[chip->allocs++] = block;
    return block;
}

void chip_add_state(struct chip *chip, const char *name, void *state, size_t n_bytes)
{
    (void)chip;
    (void)name;
    (void)state;
    (void)n_bytes;
}

static struct dev *dev_at(const struct chip *chip, uint32_t addr)
{
    for (size_t i = 0; i < chip->devs; i++) {
        struct dev *dev = chip->dev[i];
        if (addr >= dev->base && addr - dev->base < dev->n_bytes) {
            return dev;
        }
    }
    return NULL;
}

static bool is_sram(uint32_t addr, unsigned n_bytes)
{
    return addr >= FAKE_SRAM && addr - FAKE_SRAM <= FAKE_SRAM_BYTES - n_bytes;
}

bool chip_bus_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    if (is_sram(addr, n_bytes)) {
        *value = 0;
        for (unsigned i = 0; i < n_bytes; i++) {
            *value |= (uint32_t)chip->sram[addr - FAKE_SRAM + i] << (8U * i);
        }
        return true;
    }
    struct dev *dev = dev_at(chip, addr);
    return dev && dev->ops->read(dev, addr - dev->base, n_bytes, value);
}

bool chip_bus_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    if (is_sram(addr, n_bytes)) {
        for (unsigned i = 0; i < n_bytes; i++) {
            chip->sram[addr - FAKE_SRAM + i] = (uint8_t)(value >> (8U * i));
        }
        return true;
    }
    struct dev *dev = dev_at(chip, addr);
    return dev && dev->ops->write(dev, addr - dev->base, n_bytes, value);
}

uint32_t fake_read_n(struct chip *chip, uint32_t addr, unsigned n_bytes)
{
    uint32_t value = 0;
    assert_true(chip_bus_read(chip, addr, n_bytes, &value));
    return value;
}

uint32_t fake_read(struct chip *chip, uint32_t addr)
{
    return fake_read_n(chip, addr, 4);
}

void fake_write_n(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    assert_true(chip_bus_write(chip, addr, n_bytes, value));
}

void fake_write(struct chip *chip, uint32_t addr, uint32_t value)
{
    fake_write_n(chip, addr, 4, value);
}

uint8_t *fake_sram(struct chip *chip, uint32_t addr)
{
    assert_true(is_sram(addr, 1));
    return &chip->sram[addr - FAKE_SRAM];
}

/* --- time -------------------------------------------------------------------------------------------- */

uint64_t chip_now_ps(const struct chip *chip)
{
    return chip->now_ps;
}

unsigned chip_event_add(struct chip *chip, const char *name, void (*fire)(void *ctx), void *ctx)
{
    (void)name;
    assert_true(chip->events < EVENTS);
    chip->event[chip->events] = (struct event){.fire = fire, .ctx = ctx};
    return (unsigned)chip->events++;
}

void chip_event_at(struct chip *chip, unsigned event, uint64_t time_ps)
{
    assert_true(event < chip->events);
    assert_true(time_ps >= chip->now_ps);
    chip->event[event].time_ps = time_ps;
    chip->event[event].armed = true;
}

void chip_event_cancel(struct chip *chip, unsigned event)
{
    chip->event[event].armed = false;
}

static struct event *next_event(struct chip *chip)
{
    struct event *next = NULL;
    for (size_t i = 0; i < chip->events; i++) {
        struct event *e = &chip->event[i];
        if (e->armed && (!next || e->time_ps < next->time_ps)) {
            next = e;
        }
    }
    return next;
}

void fake_run(struct chip *chip, uint64_t ps)
{
    uint64_t end_ps = chip->now_ps + ps;
    struct event *e = next_event(chip);
    while (e && e->time_ps <= end_ps) {
        chip->now_ps = e->time_ps;
        e->armed = false;
        e->fire(e->ctx);
        e = next_event(chip);
    }
    chip->now_ps = end_ps;
}

uint32_t chip_clock_hz(const struct chip *chip, enum chip_clock clock)
{
    return chip->clock_hz[clock];
}

void chip_on_clock_change(struct chip *chip, void (*fn)(void *ctx), void *ctx)
{
    assert_true(chip->on_clocks < LISTENERS);
    chip->on_clock[chip->on_clocks].fn = fn;
    chip->on_clock[chip->on_clocks++].ctx = ctx;
}

void fake_set_clock(struct chip *chip, enum chip_clock clock, uint32_t hz)
{
    chip->clock_hz[clock] = hz;
    for (size_t i = 0; i < chip->on_clocks; i++) {
        chip->on_clock[i].fn(chip->on_clock[i].ctx);
    }
}

bool chip_is_clocked(const struct chip *chip, unsigned bus, unsigned bit)
{
    (void)bus;
    (void)bit;
    return chip->clocked;
}

void fake_set_clocked(struct chip *chip, bool clocked)
{
    chip->clocked = clocked;
}

/* --- lines ------------------------------------------------------------------------------------------- */

void chip_irq(struct chip *chip, unsigned irq, bool level)
{
    assert_true(irq < IRQS);
    chip->irq[irq] = level;
}

bool fake_irq(const struct chip *chip, unsigned irq)
{
    return chip->irq[irq];
}

void chip_dma_request(struct chip *chip, unsigned controller, unsigned stream, unsigned channel, bool level)
{
    uint8_t *line = &chip->request[controller - 1][stream];
    uint8_t bit = (uint8_t)(1U << channel);
    *line = (uint8_t)(level ? *line | bit : *line & ~bit);
    if (chip->on_dma) {
        chip->on_dma(chip->on_dma_ctx, controller, stream, channel, level);
    }
}

void chip_on_dma_request(struct chip *chip,
                         void (*fn)(void *ctx, unsigned controller, unsigned stream, unsigned channel,
                                    bool level),
                         void *ctx)
{
    chip->on_dma = fn;
    chip->on_dma_ctx = ctx;
}

bool fake_dma_request(const struct chip *chip, unsigned controller, unsigned stream, unsigned channel)
{
    return chip->request[controller - 1][stream] & (1U << channel);
}

bool chip_pin_level(const struct chip *chip, char port, unsigned pin)
{
    int p = port - 'A';
    return chip->pin[p][pin].driven ? chip->pin[p][pin].drive : chip->pin[p][pin].outside;
}

static void tell_pin(struct chip *chip, char port, unsigned pin, bool before)
{
    bool level = chip_pin_level(chip, port, pin);
    for (size_t i = 0; level != before && i < chip->on_pins; i++) {
        chip->on_pin[i].fn(chip->on_pin[i].ctx, port, pin, level);
    }
}

void chip_pin_drive(struct chip *chip, char port, unsigned pin, bool level)
{
    bool before = chip_pin_level(chip, port, pin);
    chip->pin[port - 'A'][pin].driven = true;
    chip->pin[port - 'A'][pin].drive = level;
    tell_pin(chip, port, pin, before);
}

void chip_pin_release(struct chip *chip, char port, unsigned pin)
{
    bool before = chip_pin_level(chip, port, pin);
    chip->pin[port - 'A'][pin].driven = false;
    tell_pin(chip, port, pin, before);
}

void chip_pin_outside(struct chip *chip, char port, unsigned pin, bool level)
{
    bool before = chip_pin_level(chip, port, pin);
    chip->pin[port - 'A'][pin].outside = level;
    tell_pin(chip, port, pin, before);
}

bool fake_is_driven(const struct chip *chip, char port, unsigned pin)
{
    return chip->pin[port - 'A'][pin].driven;
}

void chip_on_pin(struct chip *chip, void (*fn)(void *ctx, char port, unsigned pin, bool level), void *ctx)
{
    assert_true(chip->on_pins < LISTENERS);
    chip->on_pin[chip->on_pins].fn = fn;
    chip->on_pin[chip->on_pins++].ctx = ctx;
}

void chip_set_pin_function(struct chip *chip, char port, unsigned pin, bool alternate, unsigned function)
{
    chip->pin[port - 'A'][pin].alternate = alternate;
    chip->pin[port - 'A'][pin].function = function;
}

bool chip_pin_function(const struct chip *chip, char port, unsigned pin, unsigned *function)
{
    *function = chip->pin[port - 'A'][pin].function;
    return chip->pin[port - 'A'][pin].alternate;
}

void chip_set_exti_port(struct chip *chip, unsigned line, char port)
{
    chip->exti_port[line] = port;
}

char chip_exti_port(const struct chip *chip, unsigned line)
{
    return chip->exti_port[line];
}

/* --- wires ------------------------------------------------------------------------------------------- */

void chip_on_spi(struct chip *chip, const struct chip_spi_slave *slave, void *ctx)
{
    chip->spi = slave;
    chip->spi_ctx = ctx;
}

uint8_t chip_spi_master_byte(struct chip *chip, uint8_t mosi, uint64_t byte_ps, unsigned mode)
{
    struct fake_sent *sent = &chip->sent;
    assert_true(sent->n_bytes < FAKE_SENT_MAX);
    sent->mosi[sent->n_bytes] = mosi;
    sent->begin_ps[sent->n_bytes++] = chip->now_ps;
    sent->byte_ps = byte_ps;
    sent->mode = mode;
    return (uint8_t)~mosi;
}

const struct fake_sent *fake_sent(const struct chip *chip)
{
    return &chip->sent;
}

void chip_on_rom(struct chip *chip, const struct chip_rom *rom, void *ctx)
{
    chip->rom = rom;
    chip->rom_ctx = ctx;
}

void chip_rom_go(struct chip *chip, uint32_t vectors)
{
    chip->rom_went = vectors;
    chip->rom_runs = false;
}

void fake_rom_start(struct chip *chip)
{
    chip->rom_runs = true;
    chip->rom->start(chip->rom_ctx);
}

void fake_rom_stop(struct chip *chip)
{
    chip->rom_runs = false;
    chip->rom->stop(chip->rom_ctx);
}

uint32_t fake_rom_went(const struct chip *chip)
{
    return chip->rom_went;
}

uint8_t fake_spi_begin(struct chip *chip)
{
    return chip->rom_runs ? chip->rom->spi.begin(chip->rom_ctx) : chip->spi->begin(chip->spi_ctx);
}

void fake_spi_end(struct chip *chip, uint8_t mosi)
{
    if (chip->rom_runs) {
        chip->rom->spi.end(chip->rom_ctx, mosi);
    } else {
        chip->spi->end(chip->spi_ctx, mosi);
    }
}

uint8_t fake_spi(struct chip *chip, uint8_t mosi)
{
    uint8_t miso = fake_spi_begin(chip);
    fake_run(chip, 8ULL * 1000000000000ULL / chip->spi_hz);
    fake_spi_end(chip, mosi);
    return miso;
}

void fake_spi_rate(struct chip *chip, uint32_t hz)
{
    chip->spi_hz = hz;
}

void chip_console_put(struct chip *chip, uint8_t byte)
{
    assert_true(chip->n_printed < TEXT - 1);
    chip->printed[chip->n_printed++] = (char)byte;
}

bool chip_console_take(struct chip *chip, uint8_t *byte)
{
    if (chip->n_taken == chip->n_typed) {
        return false;
    }
    *byte = (uint8_t)chip->typed[chip->n_taken++];
    return true;
}

void chip_on_console_input(struct chip *chip, void (*fn)(void *ctx), void *ctx)
{
    chip->on_input = fn;
    chip->on_input_ctx = ctx;
}

const char *fake_printed(const struct chip *chip)
{
    return chip->printed;
}

void fake_type(struct chip *chip, const char *text)
{
    size_t n = strlen(text);
    bool was_empty = chip->n_taken == chip->n_typed;
    assert_true(chip->n_typed + n <= TEXT);
    memcpy(&chip->typed[chip->n_typed], text, n);
    chip->n_typed += n;
    if (was_empty && chip->on_input) {
        chip->on_input(chip->on_input_ctx);
    }
}

void chip_request_reset(struct chip *chip, enum chip_reset_cause cause)
{
    (void)cause;
    chip->resets_asked++;
}

size_t fake_resets_asked(const struct chip *chip)
{
    return chip->resets_asked;
}

/* --- the guest's faults ------------------------------------------------------------------------------ */

void chip_violation(struct chip *chip, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(chip->violation, sizeof chip->violation, fmt, args);
    va_end(args);
    chip->violations++;
}

size_t fake_violations(const struct chip *chip)
{
    if (chip->violations) {
        print_message("violation: %s\n", chip->violation);
    }
    return chip->violations;
}

const char *fake_violation(const struct chip *chip)
{
    return chip->violation;
}

void fake_expect_violation(struct chip *chip, const char *part)
{
    if (chip->violations == 0 || !strstr(chip->violation, part)) {
        fail_msg("expected a violation with \"%s\", last of %zu is \"%s\"", part, chip->violations,
                 chip->violation);
    }
    chip->violations = 0;
    chip->violation[0] = '\0';
}
