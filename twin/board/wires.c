/* What a probe on the board's wires sees; nothing in here changes the board. */
#include "board.h"

static uint32_t levels(const struct twin *t)
{
    bool is_low = t->s.mode == BOARD_OFF || !t->s.nrst || (t->s.hold & ~(uint32_t)HOLD_NRST) != 0;
    return (uint32_t)chip_pin_level(t->chip, 'A', 4) << TWIN_WIRE_NSS | (uint32_t)!is_low << TWIN_WIRE_NRST |
           (t->s.boot0 & 1) << TWIN_WIRE_BOOT0 | (uint32_t)!chip_flash_is_open(t->chip) << TWIN_WIRE_BSY;
}

static void tell(struct twin *t, uint32_t now, uint32_t mask)
{
    t->shown = now;
    for (unsigned wire = 0; wire < TWIN_WIRES; wire++) {
        if (mask >> wire & 1) {
            t->watch->level(t->watch_ctx, chip_now_ps(t->chip), (enum twin_wire)wire, now >> wire & 1);
        }
    }
}

void board_show_wires(struct twin *t)
{
    if (t->watch) {
        uint32_t now = levels(t);
        tell(t, now, now ^ t->shown);
    }
}

void board_show_byte(struct twin *t, uint64_t byte_ps, uint8_t mosi, uint8_t miso)
{
    if (t->watch) {
        t->watch->byte(t->watch_ctx, chip_now_ps(t->chip), byte_ps, mosi, miso);
    }
}

/* --- the outside, when the board is the master --- */

void board_show_pins(struct twin *t)
{
    if (t->outside) {
        t->outside->pins(t->outside_ctx, chip_now_ps(t->chip));
    }
}

uint8_t board_master_byte(struct twin *t, uint8_t mosi, uint64_t byte_ps, unsigned mode)
{
    const struct twin_outside *o = t->outside;
    uint8_t miso = o ? o->byte(t->outside_ctx, chip_now_ps(t->chip), mosi, byte_ps, mode) : 0xFF;
    t->s.spi_bytes++;
    board_show_byte(t, byte_ps, mosi, miso);
    return miso;
}

void twin_connect(struct twin *t, const struct twin_outside *outside, void *ctx)
{
    t->outside = outside;
    t->outside_ctx = ctx;
    board_show_pins(t);
}

static bool is_pin(char port, unsigned pin)
{
    return port >= 'A' && port <= 'I' && pin < 16;
}

void twin_pull(struct twin *t, char port, unsigned pin, bool level)
{
    if (is_pin(port, pin)) {
        chip_pin_outside(t->chip, port, pin, level);
        board_show_wires(t);
    }
}

bool twin_pin_level(const struct twin *t, char port, unsigned pin)
{
    return is_pin(port, pin) && chip_pin_level(t->chip, port, pin);
}

void twin_watch_wires(struct twin *t, const struct twin_wire_watch *watch, void *ctx)
{
    const uint32_t spi = 1U << TWIN_WIRE_SCK | 1U << TWIN_WIRE_MOSI | 1U << TWIN_WIRE_MISO;
    t->watch = watch;
    t->watch_ctx = ctx;
    if (watch) {
        tell(t, levels(t), ((1U << TWIN_WIRES) - 1) & ~spi);
    }
}
