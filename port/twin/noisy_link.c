#include "port_twin/noisy_link.h"

enum { BYTE_BITS = 8, PPB = 1000000000 };

static struct noisy_link *of(struct link_io *io)
{
    return (struct noisy_link *)io; /* first member */
}

/* --- chance ------------------------------------------------------------------------------------------ */

/* splitmix64: any seed is a good one. */
static uint64_t draw(struct noisy_link *link)
{
    uint64_t z = link->random += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
}

static bool happens(struct noisy_link *link, uint32_t ppb)
{
    return ppb > 0 && draw(link) % PPB < ppb;
}

static uint32_t one_to(struct noisy_link *link, uint32_t most)
{
    return most > 1 ? 1U + (uint32_t)(draw(link) % most) : 1U;
}

/* --- one byte ---------------------------------------------------------------------------------------- */

static uint8_t flip(struct noisy_link *link, uint8_t byte)
{
    unsigned out = byte;
    for (unsigned i = 0; i < BYTE_BITS && link->plan.flip_ppb > 0; i++) {
        if (happens(link, link->plan.flip_ppb)) {
            out ^= 1U << i;
            link->counts.flips++;
        }
    }
    return (uint8_t)out;
}

/* A burst takes the first bits of the byte, and both wires at once. */
static uint8_t burst(struct noisy_link *link, uint8_t byte, uint32_t n_bits)
{
    uint32_t n = n_bits < BYTE_BITS ? n_bits : BYTE_BITS;
    return (uint8_t)(byte ^ (draw(link) & (0xFF00U >> n) & 0xFFU));
}

static uint32_t start_burst(struct noisy_link *link)
{
    if (link->n_burst_bits == 0 && happens(link, link->plan.burst_ppb)) {
        link->n_burst_bits = one_to(link, link->plan.burst_max_bits);
        link->counts.bursts++;
    }
    return link->n_burst_bits;
}

static void start_stuck(struct noisy_link *link)
{
    if (link->stuck == NOISE_FREE && happens(link, link->plan.stuck_ppb)) {
        link->stuck = (enum noise_stuck)one_to(link, NOISE_STUCKS - 1);
        link->stuck_until_us =
            link_io_now_us(&link->under->io) + (uint64_t)one_to(link, link->plan.stuck_max_ms) * 1000U;
        link->counts.stuck++;
    }
}

static bool is_cut_off(const struct noisy_link *link)
{
    return link->stuck == NOISE_NSS_HIGH || link->stuck == NOISE_SCK_STILL;
}

/* The target hears nothing: the time of the byte passes. */
static enum fota_err pass_unheard(struct noisy_link *link, uint8_t *miso)
{
    *miso = 0xFF;
    link_io_delay_us(&link->under->io, BYTE_BITS * 1000000U / link->under->clock_hz + 1U);
    return FOTA_OK;
}

static enum fota_err slip(struct noisy_link *link, uint8_t mosi, uint8_t *miso)
{
    link->counts.slips++;
    enum twin_stop stop =
        twin_spi_torn_byte(link->under->twin, mosi, miso, one_to(link, BYTE_BITS - 1), link->under->clock_hz);
    return stop == TWIN_STOP_TIME || stop == TWIN_STOP_LOCKUP ? FOTA_OK : E_IO;
}

/* The byte as the wires carry it, `mosi` already damaged. */
static enum fota_err carry(struct noisy_link *link, uint8_t mosi, uint8_t *miso)
{
    if (is_cut_off(link)) {
        return pass_unheard(link, miso);
    }
    if (happens(link, link->plan.lost_ppb)) {
        link->counts.lost++;
        return pass_unheard(link, miso);
    }
    if (link->is_selected && happens(link, link->plan.slip_ppb)) {
        return slip(link, mosi, miso);
    }
    enum fota_err err = link_io_transfer(&link->under->io, &mosi, miso, 1);
    if (!err && happens(link, link->plan.doubled_ppb)) {
        link->counts.doubled++;
        err = link_io_transfer(&link->under->io, &mosi, NULL, 1);
    }
    return err;
}

static enum fota_err transfer_byte(struct noisy_link *link, uint8_t mosi, uint8_t *miso)
{
    link->counts.bytes++;
    if (happens(link, link->plan.dead_ppb)) {
        link->counts.deaths++;
        link->is_dead = true;
        return E_IO;
    }
    start_stuck(link);
    if (link->stuck != NOISE_FREE && link_io_now_us(&link->under->io) >= link->stuck_until_us) {
        link->stuck = NOISE_FREE;
    }
    uint32_t n_burst = start_burst(link);
    uint8_t got = 0xFF;
    enum fota_err err = carry(link, burst(link, flip(link, mosi), n_burst), &got);
    got = burst(link, flip(link, got), n_burst);
    link->n_burst_bits -= n_burst < BYTE_BITS ? n_burst : BYTE_BITS;
    if (link->stuck == NOISE_MISO_LOW || link->stuck == NOISE_MISO_HIGH) {
        got = link->stuck == NOISE_MISO_LOW ? 0x00 : 0xFF;
    }
    *miso = got;
    return err;
}

/* --- link_io ----------------------------------------------------------------------------------------- */

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct noisy_link *link = of(io);
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t got;
        enum fota_err err = link->is_dead ? E_IO : transfer_byte(link, mosi ? mosi[i] : 0, &got);
        if (err) {
            return err;
        }
        if (miso) {
            miso[i] = got;
        }
    }
    return FOTA_OK;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    struct noisy_link *link = of(io);
    link->is_selected = selected;
    return link_io_select(&link->under->io, selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    return link_io_set_nrst(&of(io)->under->io, low);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return link_io_set_boot0(&of(io)->under->io, high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(&of(io)->under->io, hz, byte_gap_us);
}

static void delay_us(struct link_io *io, uint32_t us)
{
    link_io_delay_us(&of(io)->under->io, us);
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(&of(io)->under->io);
}

void noisy_link_init(struct noisy_link *link, struct twin_link *under, const struct noise_plan *plan)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *link = (struct noisy_link){.io = {.ops = &ops}, .under = under, .plan = *plan, .random = plan->seed};
}
