/* link_io on spidev and GPIO lines; time is the machine's monotonic clock. */
#include "port_linux/linux_wires.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "gpio_lines.h"
#include "spi_dev.h"

enum { FIRST_HZ = 1000000, GAP_MAX_US = UINT16_MAX, US_PER_S = 1000000 };

static struct linux_wires *of(struct link_io *io)
{
    return (struct linux_wires *)io; /* first member */
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    return spi_dev_transfer(of(io), mosi, miso, n_bytes);
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return gpio_lines_set(of(io), LINUX_LINE_NSS, !selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    return gpio_lines_set(of(io), LINUX_LINE_NRST, !low);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return gpio_lines_set(of(io), LINUX_LINE_BOOT0, high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    struct linux_wires *w = of(io);
    if (hz == 0 || byte_gap_us > GAP_MAX_US) {
        return E_ARG;
    }
    w->hz = w->config.max_hz && hz > w->config.max_hz ? w->config.max_hz : hz;
    w->gap_us = byte_gap_us;
    return FOTA_OK;
}

/* A signal does not shorten it: pulse and pause have their least length whatever the process is told meanwhile. */
static void delay_us(struct link_io *io, uint32_t us)
{
    (void)io;
    struct timespec left = {.tv_sec = us / US_PER_S, .tv_nsec = (long)(us % US_PER_S) * 1000L};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

static uint64_t now_us(struct link_io *io)
{
    (void)io;
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000U;
}

enum fota_err linux_wires_open(struct linux_wires *w, const struct linux_wires_config *config)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *w = (struct linux_wires){.io = {.ops = &ops}, .config = *config, .spi_fd = -1, .lines_fd = -1};
    enum fota_err err = set_clock(&w->io, FIRST_HZ, 0);
    if (!err) {
        err = gpio_lines_open(w);
    }
    return err ? err : spi_dev_open(w);
}

/* All three, whatever the first says. */
static enum fota_err rest(struct linux_wires *w)
{
    enum fota_err err = gpio_lines_set(w, LINUX_LINE_BOOT0, false);
    enum fota_err nrst_err = gpio_lines_set(w, LINUX_LINE_NRST, true);
    enum fota_err nss_err = gpio_lines_set(w, LINUX_LINE_NSS, true);
    return err ? err : nrst_err ? nrst_err : nss_err;
}

enum fota_err linux_wires_close(struct linux_wires *w)
{
    enum fota_err err = FOTA_OK;
    if (w->lines_fd >= 0) {
        err = rest(w);
        (void)close(w->lines_fd); /* nothing is buffered */
    }
    if (w->spi_fd >= 0) {
        (void)close(w->spi_fd);
    }
    w->lines_fd = -1;
    w->spi_fd = -1;
    return err;
}
