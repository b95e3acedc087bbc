#include "hil_wires.h"

enum { RESET_US = 2000, US_PER_MS = 1000, US_PER_S = 1000000, BITS = 8 };

static struct hil_wires *of(struct link_io *io)
{
    return (struct hil_wires *)io; /* first member */
}

/* --- power ------------------------------------------------------------------------------------------- */

bool hil_power_exists(const struct hil_power *p)
{
    return p->relay || p->twin;
}

enum fota_err hil_power_set(const struct hil_power *p, bool is_on)
{
    if (p->twin) {
        twin_set_power(p->twin, is_on);
        return FOTA_OK;
    }
    return p->relay ? linux_relay_set(p->relay, is_on) : E_IO;
}

/* --- disturbance ------------------------------------------------------------------------------------- */

void hil_wires_plan(struct hil_wires *w, enum hil_upset upset, uint64_t us)
{
    w->upset = upset;
    w->upset_us = link_io_now_us(w->inner) + us;
}

static enum fota_err pulse_nrst(struct hil_wires *w)
{
    enum fota_err err = link_io_set_nrst(w->inner, true);
    link_io_delay_us(w->inner, RESET_US);
    enum fota_err end = link_io_set_nrst(w->inner, false);
    return err ? err : end;
}

static enum fota_err cut_power(struct hil_wires *w)
{
    enum fota_err err = hil_power_set(&w->power, false);
    link_io_delay_us(w->inner, w->power.off_ms * US_PER_MS);
    enum fota_err end = hil_power_set(&w->power, true);
    return err ? err : end;
}

/* Not in a reset of the link's own: that would end early. Then it happens with the next call. */
static enum fota_err disturb(struct hil_wires *w)
{
    const enum hil_upset upset = w->upset;
    if (upset == HIL_UPSET_NONE || w->is_reset) {
        return FOTA_OK;
    }
    w->upset = HIL_UPSET_NONE;
    w->n_upsets++;
    return upset == HIL_UPSET_NRST ? pulse_nrst(w) : cut_power(w);
}

/* How long until it is due, at most `us`; `us` if it is not due by then. */
static uint64_t until_due(struct hil_wires *w, uint64_t us)
{
    const uint64_t now = link_io_now_us(w->inner);
    if (w->upset == HIL_UPSET_NONE || w->upset_us >= now + us) {
        return us;
    }
    return w->upset_us > now ? w->upset_us - now : 0;
}

static enum fota_err move(struct hil_wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    w->n_bytes += n_bytes;
    return n_bytes ? link_io_transfer(w->inner, mosi, miso, n_bytes) : FOTA_OK;
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct hil_wires *w = of(io);
    const uint64_t us = (uint64_t)n_bytes * w->gap_us + (uint64_t)n_bytes * BITS * US_PER_S / w->hz;
    const uint64_t before = until_due(w, us);
    if (before >= us) {
        return move(w, mosi, miso, n_bytes);
    }
    const size_t n = (size_t)(before * n_bytes / us);
    enum fota_err err = move(w, mosi, miso, n);
    if (!err) {
        err = disturb(w);
    }
    return err ? err : move(w, mosi ? mosi + n : NULL, miso ? miso + n : NULL, n_bytes - n);
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct hil_wires *w = of(io);
    const uint64_t before = until_due(w, us);
    link_io_delay_us(w->inner, (uint32_t)before);
    if (before < us) {
        (void)disturb(w); /* a line that fails says so with the next call */
        link_io_delay_us(w->inner, us - (uint32_t)before);
    }
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return link_io_select(of(io)->inner, selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    of(io)->is_reset = low;
    return link_io_set_nrst(of(io)->inner, low);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return link_io_set_boot0(of(io)->inner, high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    struct hil_wires *w = of(io);
    if (hz == 0) {
        return E_ARG;
    }
    w->asked_hz = hz;
    w->hz = w->fast_hz && byte_gap_us == 0 ? w->fast_hz : hz;
    w->gap_us = byte_gap_us;
    return link_io_set_clock(w->inner, w->hz, byte_gap_us);
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(of(io)->inner);
}

enum fota_err hil_wires_hurry(struct hil_wires *w, uint32_t fast_hz)
{
    w->fast_hz = fast_hz;
    return set_clock(&w->io, w->asked_hz, w->gap_us);
}

void hil_wires_init(struct hil_wires *w, struct link_io *inner)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *w = (struct hil_wires){.io = {.ops = &ops}, .inner = inner, .hz = US_PER_S, .asked_hz = US_PER_S};
}
