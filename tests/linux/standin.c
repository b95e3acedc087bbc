/*
 * Stand-in for the kernel's spidev and GPIO character device, to be preloaded in front of the C library: open, ioctl and
 * close of the very program run against it, and what they do reaches the wires of a board server. It refuses what the
 * kernel refuses. Waiting and the monotonic clock are the board's virtual time, so that no test depends on this machine.
 *
 *   FOTA_BOARD           socket of the board server; without it transfers read FF and time is the machine's
 *   FOTA_STANDIN_BUFSIZ  bytes of spidev's buffer, default 4096; 0: the parameter is not shown
 *   FOTA_STANDIN_FAULT   CALL=ERRNO[@N],...: the N-th call (default: each) fails; CALL is spi_open, gpio_open, spi_mode,
 *                        spi_message, gpio_info, gpio_request, gpio_set
 *   FOTA_STANDIN_USED    LINE:CONSUMER: this line is in use
 *   FOTA_STANDIN_RELAY   LINE: low, it cuts the board's power; LINE:dead: it does nothing
 *   FOTA_STANDIN_NOISE   HZ: faster transfers have a damaged byte now and then
 *   FOTA_STANDIN_KILL    N: the process is killed after the N-th change of a line
 *   FOTA_STANDIN_LOG     file for one line per message, request and change
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire_protocol.h"

/* Prototypes of their own: the C library's differ between its versions in what they mark. */
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int ioctl(int fd, unsigned long request, ...);
int close(int fd);

enum kind { OTHER, SPI, CHIP, LINES, RELAY };
enum { FDS = 256, CHIP_LINES = 54, DMA_ALIGN = 128, NSS = 1, NRST = 2, BOOT0 = 4, NOISE_EVERY = 3000 };

static struct {
    unsigned char kind[FDS];
    int board; /* socket + 1, 0: not connected yet */
    uint64_t now_us;
    uint32_t offset[3];
    uint32_t levels;
    unsigned n_changes, n_calls[8];
    uint32_t random;
    bool is_dead; /* the relay */
} S = {.levels = NSS | NRST, .random = 1};

static const char *const CALLS[] = {"spi_open",  "gpio_open",    "spi_mode", "spi_message",
                                    "gpio_info", "gpio_request", "gpio_set"};
enum call { SPI_OPEN, GPIO_OPEN, SPI_MODE, SPI_MESSAGE, GPIO_INFO, GPIO_REQUEST, GPIO_SET };

static void note(const char *format, ...)
{
    const char *path = getenv("FOTA_STANDIN_LOG");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (f) {
        va_list args;
        va_start(args, format);
        (void)vfprintf(f, format, args);
        va_end(args);
        (void)fclose(f);
    }
}

/* Is this call to fail? Sets errno. */
static bool fails(enum call call)
{
    const char *plan = getenv("FOTA_STANDIN_FAULT");
    const size_t n_name = strlen(CALLS[call]);
    S.n_calls[call]++;
    for (; plan && *plan; plan = strchr(plan, ',') ? strchr(plan, ',') + 1 : "") {
        if (strncmp(plan, CALLS[call], n_name) == 0 && plan[n_name] == '=') {
            char *end = NULL;
            const long error = strtol(plan + n_name + 1, &end, 10);
            const unsigned long at = *end == '@' ? strtoul(end + 1, NULL, 10) : 0;
            if (at == 0 || at == S.n_calls[call]) {
                errno = (int)error;
                return true;
            }
        }
    }
    return false;
}

/* --- the board --------------------------------------------------------------------------------------- */

static int board(void)
{
    const char *path = getenv("FOTA_BOARD");
    if (S.board == 0 && path) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(at.sun_path, path, strnlen(path, sizeof at.sun_path - 1));
        if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
            (void)fprintf(stderr, "stand-in: no board at %s\n", path);
            abort();
        }
        S.board = fd + 1;
    }
    return S.board - 1;
}

static void get_all(int fd, void *out, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        ssize_t n = read(fd, (uint8_t *)out + at, n_bytes - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            (void)fprintf(stderr, "stand-in: the board server is gone\n");
            abort();
        }
        at += (size_t)n;
    }
}

static void ask(enum wire_op op, uint32_t a, uint32_t b, const uint8_t *mosi, uint8_t *miso, uint32_t n_bytes)
{
    const int fd = board();
    if (fd < 0) {
        if (miso) {
            memset(miso, 0xFF, n_bytes);
        }
        return;
    }
    static uint8_t drop[WIRE_BYTES_MAX];
    const struct wire_request r = {op, a, b, n_bytes};
    struct wire_reply reply;
    if (send(fd, &r, sizeof r, MSG_NOSIGNAL) != (ssize_t)sizeof r ||
        (n_bytes && send(fd, mosi, n_bytes, MSG_NOSIGNAL) != (ssize_t)n_bytes)) {
        (void)fprintf(stderr, "stand-in: the board server is gone\n");
        abort();
    }
    get_all(fd, &reply, sizeof reply);
    get_all(fd, miso ? miso : drop, reply.n);
    S.now_us = reply.now_us;
}

/* --- spidev ------------------------------------------------------------------------------------------ */

static uint32_t buffer_bytes(void)
{
    const char *text = getenv("FOTA_STANDIN_BUFSIZ");
    const uint32_t n = text ? (uint32_t)strtoul(text, NULL, 10) : 4096;
    return n ? n : 4096;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* Flips a bit of one byte in NOISE_EVERY, if the clock is too fast. */
static void ruin(uint8_t *bytes, uint32_t n, uint32_t hz)
{
    const char *limit = getenv("FOTA_STANDIN_NOISE");
    if (!limit || hz <= strtoul(limit, NULL, 10)) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        S.random = S.random * 1664525U + 1013904223U; /* Numerical Recipes */
        if ((S.random >> 8) % NOISE_EVERY == 0) {
            bytes[i] ^= (uint8_t)(1U << (S.random >> 24 & 7U));
        }
    }
}

static void spi_part(const struct spi_ioc_transfer *t)
{
    static uint8_t mosi[WIRE_BYTES_MAX], miso[WIRE_BYTES_MAX];
    uint8_t *rx = (uint8_t *)(uintptr_t)t->rx_buf;
    memset(mosi, 0, t->len);
    if (t->tx_buf) {
        memcpy(mosi, (const uint8_t *)(uintptr_t)t->tx_buf, t->len);
    }
    ruin(mosi, t->len, t->speed_hz);
    ask(WIRE_TRANSFER, t->speed_hz, t->delay_usecs * 1000U, mosi, miso, t->len);
    ruin(miso, t->len, t->speed_hz);
    if (rx) {
        memcpy(rx, miso, t->len);
    }
}

static int spi_message(const struct spi_ioc_transfer *t, unsigned n)
{
    uint32_t total = 0, bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        total += (t[i].len + DMA_ALIGN - 1) / DMA_ALIGN * DMA_ALIGN;
        bytes += t[i].len;
        if (t[i].speed_hz == 0 || t[i].pad != 0 || (t[i].len > 0 && t[i].tx_buf == 0 && t[i].rx_buf == 0) ||
            t[i].bits_per_word != 8) {
            return refuse(EINVAL);
        }
    }
    note("message %u transfers %u bytes %u Hz gap %u\n", n, bytes, t[0].speed_hz, t[0].delay_usecs);
    if (total > buffer_bytes() && (n > 1 || t[0].len > buffer_bytes() || buffer_bytes() >= DMA_ALIGN)) {
        return refuse(EMSGSIZE);
    }
    for (unsigned i = 0; i < n; i++) {
        spi_part(&t[i]);
    }
    return (int)bytes;
}

static int spi_ioctl(unsigned long request, void *arg)
{
    if (request == SPI_IOC_WR_MODE32 || request == SPI_IOC_WR_BITS_PER_WORD) {
        return fails(SPI_MODE) ? -1 : 0;
    }
    if (_IOC_TYPE(request) == SPI_IOC_MAGIC && _IOC_NR(request) == 0 && _IOC_DIR(request) == _IOC_WRITE &&
        _IOC_SIZE(request) % sizeof(struct spi_ioc_transfer) == 0) {
        return fails(SPI_MESSAGE) ? -1
                                  : spi_message(arg, _IOC_SIZE(request) / sizeof(struct spi_ioc_transfer));
    }
    return refuse(ENOTTY);
}

/* --- GPIO -------------------------------------------------------------------------------------------- */

static bool is_used(uint32_t offset, const char **consumer)
{
    const char *used = getenv("FOTA_STANDIN_USED");
    char *end = NULL;
    if (!used || strtoul(used, &end, 10) != offset || *end != ':') {
        return false;
    }
    *consumer = end + 1;
    return true;
}

static int new_fd(enum kind kind)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0 && fd < FDS) {
        S.kind[fd] = (unsigned char)kind;
    }
    return fd;
}

static void drive(uint32_t levels)
{
    if (levels == S.levels) {
        return;
    }
    S.levels = levels;
    note("lines nss=%u nrst=%u boot0=%u\n", levels & 1U, levels >> 1 & 1U, levels >> 2 & 1U);
    ask(WIRE_LINES, levels, 0, NULL, NULL, 0);
    const char *at = getenv("FOTA_STANDIN_KILL");
    if (at && ++S.n_changes == strtoul(at, NULL, 10)) {
        (void)kill(getpid(), SIGKILL);
    }
}

/* One line, for a relay: its level is power at once. */
static int relay_request(struct gpio_v2_line_request *r)
{
    const char *relay = getenv("FOTA_STANDIN_RELAY");
    const struct gpio_v2_line_config *c = &r->config;
    char *end = NULL;
    if (c->flags != GPIO_V2_LINE_FLAG_OUTPUT || c->num_attrs != 1 ||
        c->attrs[0].attr.id != GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES || c->attrs[0].mask != 1) {
        return refuse(EINVAL);
    }
    if (!relay || strtoul(relay, &end, 10) != r->offsets[0]) {
        return refuse(EBUSY);
    }
    S.is_dead = strcmp(end, ":dead") == 0;
    r->fd = new_fd(RELAY);
    return 0;
}

static int gpio_request(struct gpio_v2_line_request *r)
{
    const char *consumer = NULL;
    const struct gpio_v2_line_config *c = &r->config;
    if (r->num_lines != 3 || c->num_attrs != 2 || !(c->flags & GPIO_V2_LINE_FLAG_OUTPUT) ||
        c->attrs[0].attr.id != GPIO_V2_LINE_ATTR_ID_FLAGS || c->attrs[0].mask != NRST ||
        !(c->attrs[0].attr.flags & GPIO_V2_LINE_FLAG_OPEN_DRAIN) ||
        c->attrs[1].attr.id != GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES || c->attrs[1].mask != 7) {
        return refuse(EINVAL);
    }
    for (unsigned i = 0; i < 3; i++) {
        if (is_used(r->offsets[i], &consumer)) {
            return refuse(EBUSY);
        }
        S.offset[i] = r->offsets[i];
    }
    note("request %u %u %u for %s\n", S.offset[0], S.offset[1], S.offset[2], r->consumer);
    r->fd = new_fd(LINES);
    S.levels = 8; /* what the lines were before is not known: told at once */
    drive((uint32_t)c->attrs[1].attr.values & 7U);
    return 0;
}

static int chip_ioctl(unsigned long request, void *arg)
{
    if (request == GPIO_GET_CHIPINFO_IOCTL) {
        struct gpiochip_info *info = arg;
        info->lines = CHIP_LINES;
        return fails(GPIO_INFO) ? -1 : 0;
    }
    if (request == GPIO_V2_GET_LINEINFO_IOCTL) {
        struct gpio_v2_line_info *info = arg;
        const char *consumer = NULL;
        info->flags = 0;
        if (is_used(info->offset, &consumer)) {
            info->flags = GPIO_V2_LINE_FLAG_USED;
            (void)snprintf(info->consumer, sizeof info->consumer, "%s", consumer);
        }
        return 0;
    }
    if (request == GPIO_V2_GET_LINE_IOCTL) {
        struct gpio_v2_line_request *r = arg;
        return fails(GPIO_REQUEST) ? -1 : r->num_lines == 1 ? relay_request(r) : gpio_request(r);
    }
    return refuse(ENOTTY);
}

/* Low cuts the power. */
static int relay_ioctl(unsigned long request, const void *arg)
{
    const struct gpio_v2_line_values *v = arg;
    if (request != GPIO_V2_LINE_SET_VALUES_IOCTL || v->mask != 1) {
        return refuse(EINVAL);
    }
    note("relay %u\n", (unsigned)(v->bits & 1U));
    if (!S.is_dead) {
        ask(WIRE_POWER, (uint32_t)(v->bits & 1U), 0, NULL, NULL, 0);
    }
    return 0;
}

static int lines_ioctl(unsigned long request, const void *arg)
{
    const struct gpio_v2_line_values *v = arg;
    if (request != GPIO_V2_LINE_SET_VALUES_IOCTL || v->mask == 0 || v->mask > 7) {
        return refuse(EINVAL);
    }
    if (fails(GPIO_SET)) {
        return -1;
    }
    drive((S.levels & ~(uint32_t)v->mask) | (uint32_t)(v->bits & v->mask));
    return 0;
}

/* --- in front of the C library ----------------------------------------------------------------------- */

static int bufsiz_file(void)
{
    const char *text = getenv("FOTA_STANDIN_BUFSIZ");
    if (text && strcmp(text, "0") == 0) {
        return refuse(ENOENT);
    }
    const int fd = (int)syscall(SYS_memfd_create, "bufsiz", 0U);
    (void)dprintf(fd, "%u\n", buffer_bytes());
    (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static int open_any(const char *path, int flags, unsigned mode)
{
    if (strcmp(path, "/sys/module/spidev/parameters/bufsiz") == 0) {
        return bufsiz_file();
    }
    if (strcmp(path, "/dev/spidev0.0") == 0) {
        return fails(SPI_OPEN) ? -1 : new_fd(SPI);
    }
    if (strcmp(path, "/dev/gpiochip0") == 0) {
        return fails(GPIO_OPEN) ? -1 : new_fd(CHIP);
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static unsigned mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, unsigned) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const unsigned mode = mode_of(flags, args);
    va_end(args);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const unsigned mode = mode_of(flags, args);
    va_end(args);
    return open_any(path, flags | O_LARGEFILE, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS) {
        S.kind[fd] = OTHER;
    }
    return (int)syscall(SYS_close, fd);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    switch (fd >= 0 && fd < FDS ? S.kind[fd] : OTHER) {
    case SPI:
        return spi_ioctl(request, arg);
    case CHIP:
        return chip_ioctl(request, arg);
    case LINES:
        return lines_ioctl(request, arg);
    case RELAY:
        return relay_ioctl(request, arg);
    default:
        return (int)syscall(SYS_ioctl, fd, request, arg);
    }
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_MONOTONIC || !getenv("FOTA_BOARD")) {
        return (int)syscall(SYS_clock_gettime, clock, out);
    }
    if (S.board == 0) {
        ask(WIRE_NOW, 0, 0, NULL, NULL, 0);
    }
    *out = (struct timespec){(time_t)(S.now_us / 1000000U), (long)(S.now_us % 1000000U) * 1000L};
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
    if (clock != CLOCK_MONOTONIC || flags != 0 || !getenv("FOTA_BOARD")) {
        return syscall(SYS_clock_nanosleep, clock, flags, wanted, left) ? errno : 0;
    }
    ask(WIRE_DELAY, (uint32_t)(wanted->tv_sec * 1000000 + wanted->tv_nsec / 1000), 0, NULL, NULL, 0);
    return 0;
}
