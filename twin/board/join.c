/* Two boards on one set of wires, in lock-step: the master leads, the slave follows up to each byte and pin. */
#include "twin/join.h"

#include "board.h"

#define SLICE_PS 1000000000ULL /* of the master's time: how far the slave may lag while the wires are still */

static bool level_of(const struct twin_join *j, const struct twin_join_pin *pin)
{
    return twin_pin_level(j->master, pin->port, pin->pin);
}

/* --- the slave follows --- */

/* A board without power or with a dead core lets time pass like any other. */
static void run_slave(struct twin_join *j, uint64_t to_ps)
{
    do {
        if (board_run_until_ps(j->slave, to_ps) == TWIN_STOP_VIOLATION) {
            j->broken = TWIN_STOP_VIOLATION;
        }
    } while (chip_now_ps(j->slave->chip) < to_ps);
}

static void end_byte(struct twin_join *j)
{
    run_slave(j, j->byte_end_ps);
    if (j->slave->s.mode != BOARD_OFF) {
        chip_spi_end(j->slave->chip, j->mosi);
    }
    j->slave->s.spi_bytes++;
    j->is_in_byte = false;
}

/* To this time of the master. */
static void follow(struct twin_join *j, uint64_t time_ps)
{
    uint64_t to_ps = time_ps + j->offset_ps;
    if (j->is_in_byte && j->byte_end_ps <= to_ps) {
        end_byte(j);
    }
    run_slave(j, to_ps);
}

/* --- the wires --- */

/* A slave that reads mode 0 samples each bit one late, and is read one late. */
static uint8_t through_mode(struct twin_join *j, uint8_t byte, unsigned mode)
{
    if (mode == 0) {
        return byte;
    }
    if (!j->told_mode) {
        chip_violation(j->slave->chip, "SPI1: the master on the wires clocks in mode %u, not in mode 0",
                       mode);
        j->told_mode = true;
    }
    return (uint8_t)(byte >> 1 | byte << 7);
}

static uint8_t on_byte(void *ctx, uint64_t time_ps, uint8_t mosi, uint64_t byte_ps, unsigned mode)
{
    struct twin_join *j = ctx;
    follow(j, time_ps);
    if (j->is_in_byte) {
        end_byte(j); /* the byte before began late, by the rest of an instruction of the master */
    }
    struct twin *slave = j->slave;
    uint8_t miso = slave->s.mode == BOARD_OFF ? 0xFF : chip_spi_begin(slave->chip);
    board_show_byte(slave, byte_ps, mosi, miso);
    j->is_in_byte = true;
    j->byte_end_ps = chip_now_ps(slave->chip) + byte_ps;
    j->mosi = through_mode(j, mosi, mode);
    return through_mode(j, miso, mode);
}

/* A chip pulls its own NRST low for each internal reset (RM0090 7.1.1): nobody may drive it high. */
static void check_nrst(struct twin_join *j)
{
    bool level = false;
    const struct twin_join_pin *pin = &j->wiring.nrst;
    bool is_driven = chip_pin_driven(j->master->chip, pin->port, pin->pin, &level);
    if (is_driven && level && !j->told_nrst) {
        chip_violation(j->master->chip, "P%c%u drives NRST of another board high: make it open drain",
                       pin->port, pin->pin);
        j->told_nrst = true;
    }
}

static void on_pins(void *ctx, uint64_t time_ps)
{
    struct twin_join *j = ctx;
    check_nrst(j);
    bool nss = level_of(j, &j->wiring.nss);
    bool nrst = level_of(j, &j->wiring.nrst);
    bool boot0 = level_of(j, &j->wiring.boot0);
    if (nss == j->nss && nrst == j->nrst && boot0 == j->boot0) {
        return;
    }
    follow(j, time_ps);
    twin_set_pin(j->slave, TWIN_PIN_NSS, nss);
    twin_set_pin(j->slave, TWIN_PIN_BOOT0, boot0);
    twin_set_pin(j->slave, TWIN_PIN_NRST, nrst);
    j->nss = nss;
    j->nrst = nrst;
    j->boot0 = boot0;
}

static const struct twin_outside wires = {.byte = on_byte, .pins = on_pins};

void twin_join(struct twin_join *j, struct twin *master, struct twin *slave,
               const struct twin_join_wiring *wiring)
{
    *j = (struct twin_join){.master = master,
                            .slave = slave,
                            .wiring = *wiring,
                            .offset_ps = chip_now_ps(slave->chip) - chip_now_ps(master->chip),
                            .broken = TWIN_STOP_TIME};
    twin_pull(master, wiring->nss.port, wiring->nss.pin, true);
    twin_pull(master, wiring->nrst.port, wiring->nrst.pin, true);
    twin_pull(master, wiring->boot0.port, wiring->boot0.pin, false);
    j->nss = level_of(j, &wiring->nss);
    j->nrst = level_of(j, &wiring->nrst);
    j->boot0 = level_of(j, &wiring->boot0);
    twin_set_pin(slave, TWIN_PIN_NSS, j->nss);
    twin_set_pin(slave, TWIN_PIN_BOOT0, j->boot0);
    twin_set_pin(slave, TWIN_PIN_NRST, j->nrst);
    twin_connect(master, &wires, j);
}

void twin_unjoin(struct twin_join *j)
{
    follow(j, chip_now_ps(j->master->chip));
    twin_connect(j->master, NULL, NULL);
    twin_set_pin(j->slave, TWIN_PIN_NSS, true);
    twin_set_pin(j->slave, TWIN_PIN_BOOT0, false);
    twin_set_pin(j->slave, TWIN_PIN_NRST, true);
}

/* --- the run --- */

static bool ends_run(const struct twin_join *j, enum twin_stop stop, uint64_t slice_ps)
{
    bool is_early = chip_now_ps(j->master->chip) < slice_ps; /* a planned power cut */
    return j->broken == TWIN_STOP_VIOLATION || stop == TWIN_STOP_VIOLATION || stop == TWIN_STOP_BREAKPOINT ||
           (stop == TWIN_STOP_POWER && is_early);
}

enum twin_stop twin_join_run_until(struct twin_join *j, uint64_t time_ns)
{
    uint64_t target_ps = time_ns > UINT64_MAX / 1000 ? UINT64_MAX : time_ns * 1000;
    enum twin_stop stop;
    do {
        uint64_t slice_ps = chip_now_ps(j->master->chip) + SLICE_PS;
        slice_ps = slice_ps < target_ps ? slice_ps : target_ps;
        stop = board_run_until_ps(j->master, slice_ps);
        follow(j, chip_now_ps(j->master->chip));
        if (ends_run(j, stop, slice_ps)) {
            stop = j->broken == TWIN_STOP_VIOLATION ? j->broken : stop;
            j->broken = TWIN_STOP_TIME;
            return stop;
        }
    } while (chip_now_ps(j->master->chip) < target_ps);
    return stop;
}
