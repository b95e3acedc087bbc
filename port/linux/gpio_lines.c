#include "gpio_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const LINE_NAMES[LINUX_LINES] = {
    [LINUX_LINE_NSS] = "NSS", [LINUX_LINE_NRST] = "NRST", [LINUX_LINE_BOOT0] = "BOOT0"};

enum { AT_REST = 1U << LINUX_LINE_NSS | 1U << LINUX_LINE_NRST, ALL_LINES = (1U << LINUX_LINES) - 1U };

static enum fota_err open_failed(struct linux_wires *w, int error)
{
    const char *gpio = w->config.gpio;
    if (error == ENOENT || error == ENODEV || error == ENXIO) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s does not exist: ls /dev/gpiochip* shows the chips; on a Raspberry Pi the pins of "
                       "the header are "
                       "on /dev/gpiochip0, or on /dev/gpiochip4 with a Raspberry Pi 5 and an older kernel",
                       gpio);
        return E_NOT_FOUND;
    }
    if (error == EACCES || error == EPERM) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s may not be opened by this user: add it to the device's group with usermod -aG "
                       "gpio USER, in a "
                       "unit SupplementaryGroups=gpio and DeviceAllow=%s rw",
                       gpio, gpio);
    } else {
        (void)snprintf(w->why, sizeof w->why, "%s cannot be opened: %s", gpio, strerror(error));
    }
    return E_IO;
}

/* Which of the three lines is in use, and who uses it. @return false: none of them */
static bool name_user(struct linux_wires *w, int chip)
{
    for (unsigned i = 0; i < LINUX_LINES; i++) {
        struct gpio_v2_line_info info = {.offset = w->config.line[i]};
        if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &info) == 0 && info.flags & GPIO_V2_LINE_FLAG_USED) {
            (void)snprintf(w->why, sizeof w->why,
                           "line %u of %s (%s) is in use by '%.*s': end that program, remove its overlay "
                           "(dtoverlay=spi0-0cs "
                           "leaves the chip selects free), or wire %s to another line",
                           (unsigned)info.offset, w->config.gpio, LINE_NAMES[i],
                           (int)sizeof info.consumer - 1,
                           info.consumer[0] != '\0' ? info.consumer : "the kernel", LINE_NAMES[i]);
            return true;
        }
    }
    return false;
}

static enum fota_err request_failed(struct linux_wires *w, int chip, int error)
{
    const char *gpio = w->config.gpio;
    if (error == EBUSY && name_user(w, chip)) {
        return E_IO;
    }
    if (error == EINVAL || error == ENOTTY) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s does not give the lines as outputs (%s): this needs Linux 5.10 or later and lines "
                       "that can be "
                       "outputs",
                       gpio, strerror(error));
    } else if (error == EACCES || error == EPERM) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s: no right to use the lines: add this user to the group gpio", gpio);
    } else {
        (void)snprintf(w->why, sizeof w->why, "%s: the lines cannot be requested: %s", gpio, strerror(error));
    }
    return E_IO;
}

static enum fota_err check_numbers(struct linux_wires *w, int chip)
{
    struct gpiochip_info info;
    memset(&info, 0, sizeof info);
    if (ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) < 0) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s is not a GPIO chip (%s): its name looks like /dev/gpiochip0", w->config.gpio,
                       strerror(errno));
        return E_IO;
    }
    for (unsigned i = 0; i < LINUX_LINES; i++) {
        if (w->config.line[i] >= info.lines) {
            (void)snprintf(w->why, sizeof w->why,
                           "%s has the lines 0 to %u, not %u for %s: gpioinfo lists them", w->config.gpio,
                           (unsigned)info.lines - 1U, (unsigned)w->config.line[i], LINE_NAMES[i]);
            return E_IO;
        }
        for (unsigned j = 0; j < i; j++) {
            if (w->config.line[i] == w->config.line[j]) {
                (void)snprintf(w->why, sizeof w->why, "%s and %s have the same line %u: give each its own",
                               LINE_NAMES[j], LINE_NAMES[i], (unsigned)w->config.line[i]);
                return E_IO;
            }
        }
    }
    return FOTA_OK;
}

/* Outputs, NRST open drain, with their levels in the same request: the kernel sets level and direction together. */
static enum fota_err request(struct linux_wires *w, int chip)
{
    struct gpio_v2_line_request r;
    memset(&r, 0, sizeof r);
    for (unsigned i = 0; i < LINUX_LINES; i++) {
        r.offsets[i] = w->config.line[i];
    }
    r.num_lines = LINUX_LINES;
    memcpy(r.consumer, "fota", sizeof "fota");
    r.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
    r.config.num_attrs = 2;
    r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_FLAGS;
    r.config.attrs[0].attr.flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_OPEN_DRAIN;
    r.config.attrs[0].mask = 1U << LINUX_LINE_NRST;
    r.config.attrs[1].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    r.config.attrs[1].attr.values = AT_REST;
    r.config.attrs[1].mask = ALL_LINES;
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0 || r.fd < 0) {
        return request_failed(w, chip, errno);
    }
    w->lines_fd = r.fd;
    return FOTA_OK;
}

enum fota_err gpio_lines_open(struct linux_wires *w)
{
    int chip = open(w->config.gpio, O_RDWR | O_CLOEXEC);
    if (chip < 0) {
        return open_failed(w, errno);
    }
    enum fota_err err = check_numbers(w, chip);
    if (!err) {
        err = request(w, chip);
    }
    (void)close(chip); /* the request has a descriptor of its own */
    return err;
}

enum fota_err gpio_lines_set(struct linux_wires *w, enum linux_line line, bool high)
{
    struct gpio_v2_line_values values = {.bits = high ? 1ULL << line : 0, .mask = 1ULL << line};
    if (ioctl(w->lines_fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0) {
        (void)snprintf(w->why, sizeof w->why, "line %u of %s (%s) cannot be set: %s; look at dmesg",
                       (unsigned)w->config.line[line], w->config.gpio, LINE_NAMES[line], strerror(errno));
        return E_IO;
    }
    return FOTA_OK;
}
