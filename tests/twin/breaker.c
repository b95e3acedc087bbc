#include "breaker.h"

enum { OFF_US = 50000 };

uint64_t breaker_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

static struct breaker *breaker_of(struct link_io *io)
{
    return (struct breaker *)io;
}

static struct link_io *inner(struct link_io *io)
{
    return breaker_of(io)->under;
}

/* After a planned cut the supply comes back; the port of the host never noticed. */
static void restore_power(struct breaker *b)
{
    if (b->board->wires.last_stop == TWIN_STOP_POWER) {
        b->has_struck = true;
        twin_set_power(b->board->twin, true);
        link_io_delay_us(&b->board->wires.io, OFF_US);
    }
}

static void strike(struct breaker *b)
{
    struct twin *t = b->board->twin;
    b->has_struck = true;
    switch (b->point.kind) {
    case BREAK_HOST:
        b->is_dead = true;
        break;
    case BREAK_RESET:
        twin_set_pin(t, TWIN_PIN_NRST, false);
        link_io_delay_us(&b->board->wires.io, 1000);
        twin_set_pin(t, TWIN_PIN_NRST, true);
        break;
    case BREAK_POWER:
        twin_set_power(t, false);
        link_io_delay_us(&b->board->wires.io, OFF_US);
        twin_set_power(t, true);
        break;
    default:
        break;
    }
}

static uint64_t count_erases(const struct twin *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 12; i++) {
        n += twin_stats(t)->flash_erases[i];
    }
    return n;
}

/* At most one erase begins between two looks. */
static void note_erase(struct breaker *b)
{
    uint64_t n = count_erases(b->board->twin) - b->n_erases_before;
    if (n > b->n_erases && b->n_erases < BREAK_ERASES_MAX) {
        b->erase_at[b->n_erases++] = twin_stats(b->board->twin)->flash_ops - b->start_ops;
    }
}

static enum fota_err break_transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct breaker *b = breaker_of(io);
    bool by_byte = b->point.kind != BREAK_NONE && b->point.kind != BREAK_TORN;
    size_t n = by_byte && b->n_bytes <= b->point.at && b->point.at < b->n_bytes + n_bytes
                   ? (size_t)(b->point.at - b->n_bytes)
                   : n_bytes;
    enum fota_err err = b->is_dead ? E_IO : FOTA_OK;
    if (!err && n > 0) {
        err = link_io_transfer(inner(io), mosi, miso, n);
    }
    if (!err && n < n_bytes) {
        strike(b);
        err = b->is_dead
                  ? E_IO
                  : link_io_transfer(inner(io), mosi ? mosi + n : NULL, miso ? miso + n : NULL, n_bytes - n);
    }
    b->n_bytes += n_bytes;
    note_erase(b);
    if (err && !b->is_dead) {
        restore_power(b);
        err = FOTA_OK;
    }
    return err;
}

static enum fota_err break_select(struct link_io *io, bool selected)
{
    return breaker_of(io)->is_dead ? E_IO : link_io_select(inner(io), selected);
}

static enum fota_err break_nrst(struct link_io *io, bool low)
{
    return breaker_of(io)->is_dead ? E_IO : link_io_set_nrst(inner(io), low);
}

static enum fota_err break_boot0(struct link_io *io, bool high)
{
    return breaker_of(io)->is_dead ? E_IO : link_io_set_boot0(inner(io), high);
}

static enum fota_err break_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(inner(io), hz, byte_gap_us);
}

static void break_delay(struct link_io *io, uint32_t us)
{
    link_io_delay_us(inner(io), us);
    restore_power(breaker_of(io));
}

static uint64_t break_now(struct link_io *io)
{
    return link_io_now_us(inner(io));
}

void breaker_init(struct breaker *b, struct twin_board *board, struct break_point point)
{
    static const struct link_io_ops ops = {.transfer = break_transfer,
                                           .select = break_select,
                                           .set_nrst = break_nrst,
                                           .set_boot0 = break_boot0,
                                           .set_clock = break_clock,
                                           .delay_us = break_delay,
                                           .now_us = break_now};
    *b = (struct breaker){.io = {.ops = &ops}, .under = &board->wires.io, .board = board, .point = point};
    b->start_ops = twin_stats(board->twin)->flash_ops;
    b->n_erases_before = count_erases(board->twin);
    twin_forget_cuts(board->twin);
    if (point.kind == BREAK_TORN) {
        (void)twin_plan_cut(board->twin, twin_stats(board->twin)->flash_ops + point.at, point.cut);
    }
}
