#include "port_twin/twin_link.h"

static struct twin_link *of(struct link_io *io)
{
    return (struct twin_link *)io; /* first member */
}

/* A dead or unpowered chip does not stop the master's clock; a planned stop of the twin does. */
static enum fota_err result(struct twin_link *link, enum twin_stop stop)
{
    link->last_stop = stop;
    return stop == TWIN_STOP_TIME || stop == TWIN_STOP_LOCKUP ? FOTA_OK : E_IO;
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct twin_link *link = of(io);
    return result(link, twin_spi_transfer(link->twin, mosi, miso, n_bytes, link->clock_hz, link->gap_ns));
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    twin_set_pin(of(io)->twin, TWIN_PIN_NSS, !selected);
    return FOTA_OK;
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    twin_set_pin(of(io)->twin, TWIN_PIN_NRST, !low);
    return FOTA_OK;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    twin_set_pin(of(io)->twin, TWIN_PIN_BOOT0, high);
    return FOTA_OK;
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    if (hz == 0) {
        return E_ARG;
    }
    of(io)->clock_hz = hz;
    of(io)->gap_ns = byte_gap_us * 1000U;
    return FOTA_OK;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct twin_link *link = of(io);
    link->last_stop = twin_run_until(link->twin, twin_now_ns(link->twin) + (uint64_t)us * 1000U);
}

static uint64_t now_us(struct link_io *io)
{
    return twin_now_ns(of(io)->twin) / 1000U;
}

void twin_link_init(struct twin_link *link, struct twin *twin)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *link = (struct twin_link){
        .io = {.ops = &ops}, .twin = twin, .clock_hz = 1000000, .gap_ns = 0, .last_stop = TWIN_STOP_TIME};
}
