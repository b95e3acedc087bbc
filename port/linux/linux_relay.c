#include "port_linux/linux_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static enum fota_err failed(struct linux_relay *r, const char *what)
{
    const int error = errno;
    (void)snprintf(r->why, sizeof r->why,
                   "line %u of %s (relay) cannot be %s: %s; gpioinfo shows who uses it", (unsigned)r->line,
                   r->gpio, what, strerror(error));
    return error == ENOENT ? E_NOT_FOUND : E_IO;
}

enum fota_err linux_relay_open(struct linux_relay *r, const char *gpio, uint32_t line, bool is_on_high)
{
    struct gpio_v2_line_request request;
    *r = (struct linux_relay){.gpio = gpio, .line = line, .is_on_high = is_on_high, .fd = -1};
    int chip = open(gpio, O_RDWR | O_CLOEXEC);
    if (chip < 0) {
        return failed(r, "opened");
    }
    memset(&request, 0, sizeof request);
    request.offsets[0] = line;
    request.num_lines = 1;
    memcpy(request.consumer, "fota relay", sizeof "fota relay");
    request.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
    request.config.num_attrs = 1;
    request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    request.config.attrs[0].attr.values = is_on_high ? 1 : 0;
    request.config.attrs[0].mask = 1;
    enum fota_err err = ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0 ? failed(r, "requested") : FOTA_OK;
    (void)close(chip); /* the request has a descriptor of its own */
    r->fd = err ? -1 : request.fd;
    return err;
}

enum fota_err linux_relay_set(struct linux_relay *r, bool is_on)
{
    struct gpio_v2_line_values values = {.bits = is_on == r->is_on_high ? 1 : 0, .mask = 1};
    return ioctl(r->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0 ? failed(r, "set") : FOTA_OK;
}

enum fota_err linux_relay_close(struct linux_relay *r)
{
    enum fota_err err = FOTA_OK;
    if (r->fd >= 0) {
        err = linux_relay_set(r, true);
        (void)close(r->fd); /* nothing is buffered */
    }
    r->fd = -1;
    return err;
}
