/* The three GPIO lines, as one request of the kernel's v2 interface. */
#ifndef PORT_LINUX_GPIO_LINES_H
#define PORT_LINUX_GPIO_LINES_H

#include "port_linux/linux_wires.h"

/** Request the lines at rest.
 *  @return as linux_wires_open */
FOTA_MUST_CHECK
enum fota_err gpio_lines_open(struct linux_wires *w);

/** Set a line: high or low; NRST high is released.
 *  @return FOTA_OK · E_IO (w->why is set) */
FOTA_MUST_CHECK
enum fota_err gpio_lines_set(struct linux_wires *w, enum linux_line line, bool high);

#endif
