/*
 * A board in a process of its own: the twin, whose wires a client reaches over a UNIX socket. It outlives its clients, as
 * a board outlives a gateway that is killed; its lines keep their levels then, as those of a Raspberry Pi do. Its time is
 * virtual and moves only when a client clocks, waits or lets time pass.
 *
 * board_server SOCKET BOOTLOADER.elf LOADER.img FACTORY.img [--blank | --bare]    no image; nothing at all
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/flash_map.h"
#include "release/file.h"
#include "twin/twin.h"
#include "wire_protocol.h"

enum { SETTLE_MS = 3000, NS_PER_MS = 1000000 };

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "board_server: %s: %s\n", what, why);
    exit(1);
}

static void store(struct twin *t, const char *path, uint32_t addr, size_t limit)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    if (file_read(path, limit, &bytes, &n_bytes, NULL) || !twin_flash_store(t, addr, bytes, n_bytes)) {
        die(path, "cannot be read or does not fit");
    }
    free(bytes);
}

static bool read_all(int fd, void *out, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        ssize_t n = read(fd, (uint8_t *)out + at, n_bytes - at);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t n_bytes)
{
    return send(fd, bytes, n_bytes, MSG_NOSIGNAL) == (ssize_t)n_bytes;
}

static bool is_bad(enum twin_stop stop)
{
    return stop != TWIN_STOP_TIME && stop != TWIN_STOP_LOCKUP;
}

static enum twin_stop carry_out(struct twin *t, const struct wire_request *r, const uint8_t *mosi,
                                uint8_t *miso)
{
    switch (r->op) {
    case WIRE_TRANSFER:
        return twin_spi_transfer(t, mosi, miso, r->n, r->a, r->b);
    case WIRE_LINES:
        twin_set_pin(t, TWIN_PIN_NSS, r->a & 1U);
        twin_set_pin(t, TWIN_PIN_BOOT0, r->a & 4U);
        twin_set_pin(t, TWIN_PIN_NRST, r->a & 2U);
        return TWIN_STOP_TIME;
    case WIRE_DELAY:
        return twin_run_until(t, twin_now_ns(t) + (uint64_t)r->a * 1000U);
    case WIRE_POWER:
        twin_set_power(t, r->a != 0);
        return TWIN_STOP_TIME;
    default:
        return TWIN_STOP_TIME;
    }
}

static void serve(struct twin *t, int fd)
{
    static uint8_t mosi[WIRE_BYTES_MAX], miso[WIRE_BYTES_MAX];
    struct wire_request r;
    while (read_all(fd, &r, sizeof r) && r.n <= WIRE_BYTES_MAX && read_all(fd, mosi, r.n)) {
        enum twin_stop stop = carry_out(t, &r, mosi, miso);
        const struct wire_reply reply = {is_bad(stop), r.op == WIRE_TRANSFER ? r.n : 0,
                                         twin_now_ns(t) / 1000U};
        if (!write_all(fd, &reply, sizeof reply) || !write_all(fd, miso, reply.n)) {
            break;
        }
    }
    (void)close(fd);
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof at.sun_path) {
        die(path, "too long for a socket");
    }
    memcpy(at.sun_path, path, strlen(path));
    (void)unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0) {
        die(path, "no socket");
    }
    return fd;
}

int main(int argc, char **argv)
{
    char why[256];
    const struct twin_config config = {.flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1};
    const char *option = argc > 5 ? argv[5] : "";
    if (argc < 5) {
        die("usage", "board_server SOCKET BOOTLOADER.elf LOADER.img FACTORY.img [--blank | --bare]");
    }
    bool is_bare = strcmp(option, "--bare") == 0;
    (void)signal(SIGPIPE, SIG_IGN);
    struct twin *t = twin_create(&config, why, sizeof why);
    if (!t || (!is_bare && !twin_load_elf(t, argv[2], why, sizeof why))) {
        die(argv[2], why);
    }
    if (!is_bare) {
        store(t, argv[3], FLASH_LOADER_BASE, FLASH_LOADER_BYTES);
    }
    if (option[0] == '\0') {
        store(t, argv[4], FLASH_SLOT_A_BASE, FLASH_SLOT_BYTES);
    }
    int listener = listen_at(argv[1]);
    twin_set_power(t, true);
    (void)twin_run_until(t, (uint64_t)SETTLE_MS * NS_PER_MS);
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            die("accept", "failed");
        }
        serve(t, fd);
    }
}
