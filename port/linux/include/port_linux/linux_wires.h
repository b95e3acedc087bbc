/**
 * link_io.h on the wires of a Linux board: SPI through spidev, and NSS, NRST and BOOT0 as GPIO lines through the
 * kernel's character device (its v2 interface itself, ADR 0017). A Raspberry Pi is the usual one.
 *
 * NSS is a GPIO line, not the chip select of the SPI controller: a session of the link is many transfers with
 * pauses between them, and spidev raises its own chip select after each message.
 */
#ifndef PORT_LINUX_LINUX_WIRES_H
#define PORT_LINUX_LINUX_WIRES_H

#include "port/link_io.h"

enum { LINUX_WIRES_WHY_BYTES = 320, LINUX_WIRES_BUFSIZ_DEFAULT = 4096 };

/** The lines that the wires drive. */
enum linux_line { LINUX_LINE_NSS, LINUX_LINE_NRST, LINUX_LINE_BOOT0, LINUX_LINES };

/** Where the target is. Strings outlive the wires. */
struct linux_wires_config {
    const char *spi;  /* e.g. `/dev/spidev0.0` */
    const char *gpio; /* e.g. `/dev/gpiochip0` */
    /** Numbers on that chip; on a Raspberry Pi those of the GPIO, not of the header's pin. */
    uint32_t line[LINUX_LINES];
    uint32_t max_hz; /* never clock faster; 0: as fast as the link asks for */
};

/** Public only to be embedded; read `why`. */
struct linux_wires {
    struct link_io io; /* first member */
    struct linux_wires_config config;
    int spi_fd, lines_fd; /* -1: not open */
    uint32_t bufsiz;      /* most bytes of one SPI message */
    uint32_t hz, gap_us;
    char why[LINUX_WIRES_WHY_BYTES]; /* after a failure: what failed, where, and what to do; no full stop */
};

/**
 * Open both devices and bring the lines to rest: NSS high, NRST released (open drain, never driven high), BOOT0 low.
 * The kernel sets these levels together with the direction, so that no line has another one meanwhile; a target that
 * runs is not disturbed. Mode 0, 1 MHz, no gap.
 *
 * @param w  call linux_wires_close afterwards, also after a failure
 * @return FOTA_OK · E_NOT_FOUND (no such device) · E_IO (no permission, a line in use, not such a device);
 *         `w->why` is the sentence for people
 */
FOTA_MUST_CHECK
enum fota_err linux_wires_open(struct linux_wires *w, const struct linux_wires_config *config);

/**
 * Bring the lines to rest and close the devices. The target goes on with what it does.
 * A process that is killed does not come here; what its lines do then is up to the GPIO driver. So a service runs
 * `fota gateway --leave-running` after the process has ended, however it ended.
 *
 * @return FOTA_OK · E_IO (a line could not be brought to rest; `w->why` is the sentence for people)
 */
FOTA_MUST_CHECK
enum fota_err linux_wires_close(struct linux_wires *w);

#endif
