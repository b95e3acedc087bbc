#include "spi_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* spidev counts each transfer of a message as rounded up to the cache line that DMA needs, 128 bytes on arm64, when it
 * compares a message with its buffer (spidev_message in the kernel's spidev.c). */
enum { DMA_ALIGN_BYTES = 128, GAP_TRANSFERS_MAX = 32, ZEROS_BYTES = 256 };

static const char BUFSIZ_FILE[] = "/sys/module/spidev/parameters/bufsiz";
static const uint8_t ZEROS[ZEROS_BYTES];

/* Some kernels have spidev built in and show no parameter: then its default holds. */
static uint32_t read_bufsiz(void)
{
    char text[16] = "";
    int fd = open(BUFSIZ_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return LINUX_WIRES_BUFSIZ_DEFAULT;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd); /* nothing was written */
    unsigned long bytes = n > 0 ? strtoul(text, NULL, 10) : 0;
    return bytes > 0 && bytes <= UINT32_MAX ? (uint32_t)bytes : LINUX_WIRES_BUFSIZ_DEFAULT;
}

static enum fota_err open_failed(struct linux_wires *w, int error)
{
    const char *spi = w->config.spi;
    if (error == ENOENT || error == ENODEV || error == ENXIO) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s does not exist: SPI is off; on a Raspberry Pi write dtparam=spi=on and "
                       "dtoverlay=spi0-0cs into "
                       "/boot/firmware/config.txt and restart it",
                       spi);
        return E_NOT_FOUND;
    }
    if (error == EACCES || error == EPERM) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s may not be opened by this user: add it to the device's group with usermod -aG spi "
                       "USER, in a unit "
                       "SupplementaryGroups=spi and DeviceAllow=%s rw",
                       spi, spi);
    } else if (error == EBUSY) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s is in use by another program: end it, or give this board another SPI", spi);
    } else {
        (void)snprintf(w->why, sizeof w->why, "%s cannot be opened: %s", spi, strerror(error));
    }
    return E_IO;
}

/* Without the controller's own chip select where its driver can do without; else that pin moves and must not be wired. */
static bool set_mode(int fd)
{
    uint32_t mode = SPI_MODE_0 | SPI_NO_CS;
    uint32_t plain = SPI_MODE_0;
    uint8_t bits = 8;
    return (ioctl(fd, SPI_IOC_WR_MODE32, &mode) == 0 || ioctl(fd, SPI_IOC_WR_MODE32, &plain) == 0) &&
           ioctl(fd, SPI_IOC_WR_BITS_PER_WORD, &bits) == 0;
}

enum fota_err spi_dev_open(struct linux_wires *w)
{
    w->spi_fd = open(w->config.spi, O_RDWR | O_CLOEXEC);
    if (w->spi_fd < 0) {
        return open_failed(w, errno);
    }
    w->bufsiz = read_bufsiz();
    if (set_mode(w->spi_fd)) {
        return FOTA_OK;
    }
    if (errno == ENOTTY) {
        (void)snprintf(w->why, sizeof w->why, "%s is not an SPI device: its name looks like /dev/spidev0.0",
                       w->config.spi);
    } else {
        (void)snprintf(w->why, sizeof w->why,
                       "%s does not take SPI mode 0 with 8 bits: %s; give this board another SPI",
                       w->config.spi, strerror(errno));
    }
    return E_IO;
}

static enum fota_err transfer_failed(struct linux_wires *w, int error, size_t n_bytes)
{
    const char *spi = w->config.spi;
    if (error == EMSGSIZE) {
        (void)snprintf(
            w->why, sizeof w->why,
            "%s refuses a message of %zu bytes although its buffer has %u: add spidev.bufsiz=65536 to "
            "/boot/firmware/cmdline.txt and restart",
            spi, n_bytes, (unsigned)w->bufsiz);
    } else if (error == EINVAL) {
        (void)snprintf(
            w->why, sizeof w->why,
            "%s refuses a transfer at %u Hz: give a clock that its controller can do (clock = 1000000)", spi,
            (unsigned)w->hz);
    } else if (error == ESHUTDOWN || error == ENODEV) {
        (void)snprintf(w->why, sizeof w->why,
                       "%s is gone: its driver was removed; load it again and start anew", spi);
    } else {
        (void)snprintf(w->why, sizeof w->why, "%s: a transfer failed: %s; look at dmesg", spi,
                       strerror(error));
    }
    return E_IO;
}

/* One message. EINTR cannot leave half of one on the wires: spidev waits for the whole. */
static enum fota_err message(struct linux_wires *w, struct spi_ioc_transfer *t, size_t n_transfers,
                             size_t n_bytes)
{
    static const unsigned long one = SPI_IOC_MESSAGE(1);
    const unsigned long request =
        one + ((unsigned long)(n_transfers - 1) * sizeof(struct spi_ioc_transfer) << _IOC_SIZESHIFT);
    return ioctl(w->spi_fd, request, t) < 0 ? transfer_failed(w, errno, n_bytes) : FOTA_OK;
}

static struct spi_ioc_transfer part(const struct linux_wires *w, const uint8_t *mosi, uint8_t *miso,
                                    size_t off, size_t n_bytes)
{
    return (struct spi_ioc_transfer){.tx_buf = (uint64_t)(uintptr_t)(mosi ? mosi + off : ZEROS),
                                     .rx_buf = (uint64_t)(uintptr_t)(miso ? miso + off : NULL),
                                     .len = (uint32_t)n_bytes,
                                     .speed_hz = w->hz,
                                     .delay_usecs = (uint16_t)w->gap_us,
                                     .bits_per_word = 8};
}

/* As much of a message as the buffer takes, however the kernel rounds. */
static size_t chunk_bytes(const struct linux_wires *w, bool has_mosi)
{
    size_t most = w->bufsiz >= DMA_ALIGN_BYTES ? w->bufsiz - w->bufsiz % DMA_ALIGN_BYTES : w->bufsiz;
    return has_mosi || most < ZEROS_BYTES ? most : ZEROS_BYTES;
}

static enum fota_err transfer_without_gaps(struct linux_wires *w, const uint8_t *mosi, uint8_t *miso,
                                           size_t n_bytes)
{
    const size_t most = chunk_bytes(w, mosi);
    enum fota_err err = FOTA_OK;
    for (size_t off = 0; off < n_bytes && !err;) {
        const size_t n = n_bytes - off < most ? n_bytes - off : most;
        struct spi_ioc_transfer t = part(w, mosi, miso, off, n);
        err = message(w, &t, 1, n);
        off += n;
    }
    return err;
}

/* AN4286: at least 15 us between bytes for ST's ROM. A transfer of one byte with a delay after it is the only pause
 * that every controller's driver keeps; word_delay_usecs is ignored by most. */
static enum fota_err transfer_with_gaps(struct linux_wires *w, const uint8_t *mosi, uint8_t *miso,
                                        size_t n_bytes)
{
    struct spi_ioc_transfer t[GAP_TRANSFERS_MAX];
    size_t most = w->bufsiz / DMA_ALIGN_BYTES;
    most = most < 1 ? 1 : most > GAP_TRANSFERS_MAX ? GAP_TRANSFERS_MAX : most;
    enum fota_err err = FOTA_OK;
    for (size_t off = 0; off < n_bytes && !err;) {
        const size_t n = n_bytes - off < most ? n_bytes - off : most;
        for (size_t i = 0; i < n; i++) {
            t[i] = part(w, mosi, miso, off + i, 1);
        }
        err = message(w, t, n, n);
        off += n;
    }
    return err;
}

enum fota_err spi_dev_transfer(struct linux_wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    return w->gap_us ? transfer_with_gaps(w, mosi, miso, n_bytes)
                     : transfer_without_gaps(w, mosi, miso, n_bytes);
}
