/* Lines and wires: interrupts, DMA requests, pins, SPI, console, ROM loader, flash state. */
#include "chip_private.h"

/* --- interrupts and DMA --- */

void chip_irq(struct chip *chip, unsigned irq, bool level)
{
    uint32_t bit = 1u << (irq % 32);
    uint32_t *word = &chip->run.irq[irq / 32];
    if (((*word & bit) != 0) == level) {
        return;
    }
    *word ^= bit;
    if (chip->host.irq) {
        chip->host.irq(chip->host_ctx, irq, level);
    }
}

bool chip_irq_level(const struct chip *chip, unsigned irq)
{
    return (chip->run.irq[irq / 32] >> (irq % 32)) & 1u;
}

void chip_dma_request(struct chip *chip, unsigned controller, unsigned stream, unsigned channel, bool level)
{
    if (chip->dma_request) {
        chip->dma_request(chip->dma_ctx, controller, stream, channel, level);
    }
}

void chip_on_dma_request(struct chip *chip,
                         void (*fn)(void *ctx, unsigned controller, unsigned stream, unsigned channel,
                                    bool level),
                         void *ctx)
{
    chip->dma_request = fn;
    chip->dma_ctx = ctx;
}

/* --- pins --- */

static struct chip_port *port_of(struct chip *chip, char port)
{
    return &chip->run.port[(unsigned)(port - 'A') % CHIP_PORTS];
}

static const struct chip_port *port_at(const struct chip *chip, char port)
{
    return &chip->run.port[(unsigned)(port - 'A') % CHIP_PORTS];
}

bool chip_pin_level(const struct chip *chip, char port, unsigned pin)
{
    const struct chip_port *p = port_at(chip, port);
    uint32_t levels = ((uint32_t)p->driven & p->level) | (~(uint32_t)p->driven & p->outside);
    return (levels >> pin) & 1u;
}

bool chip_pin_driven(const struct chip *chip, char port, unsigned pin, bool *level)
{
    const struct chip_port *p = port_at(chip, port);
    *level = ((uint32_t)p->level >> pin) & 1u;
    return ((uint32_t)p->driven >> pin) & 1u;
}

static void tell_if_changed(struct chip *chip, char port, unsigned pin, bool before)
{
    bool now = chip_pin_level(chip, port, pin);
    if (now == before) {
        return;
    }
    for (size_t i = 0; i < chip->n_pin_listeners; i++) {
        chip->pin_listener[i].fn(chip->pin_listener[i].ctx, port, pin, now);
    }
}

static void put_bit(uint16_t *word, unsigned pin, bool level)
{
    *word = (uint16_t)(((uint32_t)*word & ~(1u << pin)) | ((uint32_t)level << pin));
}

void chip_pin_drive(struct chip *chip, char port, unsigned pin, bool level)
{
    bool before = chip_pin_level(chip, port, pin);
    put_bit(&port_of(chip, port)->driven, pin, true);
    put_bit(&port_of(chip, port)->level, pin, level);
    tell_if_changed(chip, port, pin, before);
}

void chip_pin_release(struct chip *chip, char port, unsigned pin)
{
    bool before = chip_pin_level(chip, port, pin);
    put_bit(&port_of(chip, port)->driven, pin, false);
    put_bit(&port_of(chip, port)->level, pin, false);
    tell_if_changed(chip, port, pin, before);
}

void chip_pin_outside(struct chip *chip, char port, unsigned pin, bool level)
{
    bool before = chip_pin_level(chip, port, pin);
    put_bit(&port_of(chip, port)->outside, pin, level);
    tell_if_changed(chip, port, pin, before);
}

void chip_on_pin(struct chip *chip, void (*fn)(void *ctx, char port, unsigned pin, bool level), void *ctx)
{
    chip_check_room(chip->n_pin_listeners, CHIP_LISTENERS, "pin listeners");
    chip->pin_listener[chip->n_pin_listeners++] = (struct chip_pin_listener){fn, ctx};
}

void chip_set_pin_function(struct chip *chip, char port, unsigned pin, bool alternate, unsigned function)
{
    put_bit(&port_of(chip, port)->alternate, pin, alternate);
    port_of(chip, port)->function[pin] = (uint8_t)function;
}

bool chip_pin_function(const struct chip *chip, char port, unsigned pin, unsigned *function)
{
    const struct chip_port *p = port_at(chip, port);
    *function = p->function[pin];
    return ((uint32_t)p->alternate >> pin) & 1u;
}

void chip_set_exti_port(struct chip *chip, unsigned line, char port)
{
    chip->run.exti_port[line % 16] = port;
}

char chip_exti_port(const struct chip *chip, unsigned line)
{
    return chip->run.exti_port[line % 16];
}

/* --- SPI and ROM --- */

void chip_on_spi(struct chip *chip, const struct chip_spi_slave *slave, void *ctx)
{
    chip->spi = slave;
    chip->spi_ctx = ctx;
}

void chip_on_rom(struct chip *chip, const struct chip_rom *rom, void *ctx)
{
    chip->rom = rom;
    chip->rom_ctx = ctx;
}

uint8_t chip_spi_begin(struct chip *chip)
{
    if (chip->run.rom_running) {
        return chip->rom->spi.begin(chip->rom_ctx);
    }
    return chip->spi ? chip->spi->begin(chip->spi_ctx) : 0xFF;
}

void chip_spi_end(struct chip *chip, uint8_t mosi)
{
    if (chip->run.rom_running) {
        chip->rom->spi.end(chip->rom_ctx, mosi);
    } else if (chip->spi) {
        chip->spi->end(chip->spi_ctx, mosi);
    }
}

uint8_t chip_spi_master_byte(struct chip *chip, uint8_t mosi, uint64_t byte_ps, unsigned mode)
{
    return chip->host.spi_byte ? chip->host.spi_byte(chip->host_ctx, mosi, byte_ps, mode) : 0xFF;
}

void chip_rom_start(struct chip *chip)
{
    if (chip->rom) {
        chip->run.rom_running = true;
        chip->rom->start(chip->rom_ctx);
    }
}

void chip_rom_stop(struct chip *chip)
{
    if (chip->run.rom_running) {
        chip->rom->stop(chip->rom_ctx);
    }
    chip->run.rom_running = false;
    chip->run.rom_go = false;
}

bool chip_rom_is_running(const struct chip *chip)
{
    return chip->run.rom_running;
}

void chip_rom_go(struct chip *chip, uint32_t vectors)
{
    chip->run.rom_go = true;
    chip->run.rom_go_vectors = vectors;
    chip_ask_attention(chip);
}

bool chip_take_rom_go(struct chip *chip, uint32_t *vectors)
{
    bool go = chip->run.rom_go;
    *vectors = chip->run.rom_go_vectors;
    chip->run.rom_go = false;
    return go;
}

/* --- console --- */

void chip_console_put(struct chip *chip, uint8_t byte)
{
    struct chip_console *c = &chip->console;
    c->out[c->out_head++ % CHIP_CONSOLE_OUT_BYTES] = byte;
    if (c->out_head - c->out_tail > CHIP_CONSOLE_OUT_BYTES) {
        c->out_tail++; /* nobody reads: the oldest byte goes */
    }
}

size_t chip_console_drain(struct chip *chip, char *out, size_t n_bytes)
{
    struct chip_console *c = &chip->console;
    size_t n = 0;
    while (n < n_bytes && c->out_tail != c->out_head) {
        out[n++] = (char)c->out[c->out_tail++ % CHIP_CONSOLE_OUT_BYTES];
    }
    return n;
}

void chip_on_console_input(struct chip *chip, void (*fn)(void *ctx), void *ctx)
{
    chip->console_input = (struct chip_listener){fn, ctx};
}

void chip_console_type(struct chip *chip, const char *bytes, size_t n_bytes)
{
    struct chip_console *c = &chip->console;
    bool was_empty = c->in_head == c->in_tail;
    for (size_t i = 0; i < n_bytes && c->in_head - c->in_tail < CHIP_CONSOLE_IN_BYTES; i++) {
        c->in[c->in_head++ % CHIP_CONSOLE_IN_BYTES] = (uint8_t)bytes[i];
    }
    if (was_empty && n_bytes && chip->console_input.fn) {
        chip->console_input.fn(chip->console_input.ctx);
    }
}

bool chip_console_take(struct chip *chip, uint8_t *byte)
{
    struct chip_console *c = &chip->console;
    if (c->in_head == c->in_tail) {
        return false;
    }
    *byte = c->in[c->in_tail++ % CHIP_CONSOLE_IN_BYTES];
    return true;
}

/* --- flash --- */

void chip_flash_open(struct chip *chip, bool open)
{
    chip->run.flash_open = open;
    if (chip->host.flash_open) {
        chip->host.flash_open(chip->host_ctx, open);
    }
}

bool chip_flash_is_open(const struct chip *chip)
{
    return chip->run.flash_open;
}

void chip_watch_flash(struct chip *chip, bool on)
{
    chip->run.flash_watched = on;
    if (chip->host.watch_flash) {
        chip->host.watch_flash(chip->host_ctx, on);
    }
}

bool chip_flash_is_watched(const struct chip *chip)
{
    return chip->run.flash_watched;
}

void chip_on_flash_load(struct chip *chip, void (*fn)(void *ctx, uint32_t addr), void *ctx)
{
    chip->flash_load = fn;
    chip->flash_load_ctx = ctx;
}

void chip_flash_loaded(struct chip *chip, uint32_t addr)
{
    if (chip->run.flash_watched && chip->flash_load) {
        chip->flash_load(chip->flash_load_ctx, addr);
    }
}

void chip_code_changed(struct chip *chip, uint32_t addr, size_t n_bytes)
{
    if (chip->host.code_changed) {
        chip->host.code_changed(chip->host_ctx, addr, n_bytes);
    }
}

void chip_set_alias(struct chip *chip, unsigned mem_mode)
{
    if (chip->host.set_alias) {
        chip->host.set_alias(chip->host_ctx, mem_mode);
    }
}

/* --- option bytes, backup domain, LSI --- */

void chip_set_options(struct chip *chip, uint32_t optcr)
{
    chip->run.options = optcr;
}

uint32_t chip_options(const struct chip *chip)
{
    return chip->run.options;
}

void chip_set_backup_writable(struct chip *chip, bool writable)
{
    chip->run.backup_writable = writable;
}

bool chip_backup_is_writable(const struct chip *chip)
{
    return chip->run.backup_writable;
}

void chip_set_rtc_enabled(struct chip *chip, bool enabled)
{
    chip->run.rtc_enabled = enabled;
}

bool chip_rtc_is_enabled(const struct chip *chip)
{
    return chip->run.rtc_enabled;
}

void chip_on_backup_reset(struct chip *chip, void (*fn)(void *ctx), void *ctx)
{
    chip->backup_reset = (struct chip_listener){fn, ctx};
}

void chip_backup_reset(struct chip *chip)
{
    if (chip->backup_reset.fn) {
        chip->backup_reset.fn(chip->backup_reset.ctx);
    }
}

void chip_use_lsi(struct chip *chip, enum chip_lsi_user user, bool on)
{
    uint32_t bit = 1u << user;
    chip->run.lsi_users = on ? chip->run.lsi_users | bit : chip->run.lsi_users & ~bit;
}

bool chip_lsi_is_on(const struct chip *chip)
{
    return chip->run.lsi_users != 0;
}
