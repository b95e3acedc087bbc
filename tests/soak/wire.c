#include "wire.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum wire_op { TRANSFER, SELECT, NRST, BOOT0, CLOCK, DELAY, NOW, RESTORE, STATUS, STOP };
enum { HAS_MOSI = 1, WANTS_MISO = 2 };

struct question {
    uint32_t op, a, b, n_bytes;
    uint8_t bytes[WIRE_PIECE_BYTES];
};

struct answer {
    uint64_t now_us;
    uint32_t err, value, n_bytes, filler;
    uint8_t bytes[WIRE_PIECE_BYTES];
};

static bool read_all(int fd, void *bytes, size_t n_bytes)
{
    uint8_t *at = bytes;
    while (n_bytes > 0) {
        ssize_t n = read(fd, at, n_bytes);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        at += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t n_bytes)
{
    const uint8_t *at = bytes;
    while (n_bytes > 0) {
        ssize_t n = send(fd, at, n_bytes, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static int open_socket(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* --- the board's process ----------------------------------------------------------------------------- */

static enum fota_err act(const struct wire_board *board, const struct question *q, struct answer *a)
{
    switch ((enum wire_op)q->op) {
    case TRANSFER:
        a->n_bytes = q->a & WANTS_MISO ? q->b : 0;
        return link_io_transfer(board->io, q->a & HAS_MOSI ? q->bytes : NULL, a->n_bytes ? a->bytes : NULL,
                                q->b);
    case SELECT:
        return link_io_select(board->io, q->a != 0);
    case NRST:
        return link_io_set_nrst(board->io, q->a != 0);
    case BOOT0:
        return link_io_set_boot0(board->io, q->a != 0);
    case CLOCK:
        return link_io_set_clock(board->io, q->a, q->b);
    case DELAY:
        link_io_delay_us(board->io, q->a);
        return FOTA_OK;
    case RESTORE:
        board->restore(board->ctx);
        return FOTA_OK;
    case STATUS:
        a->value = board->is_updated(board->ctx, &a->filler);
        return FOTA_OK;
    case NOW:
    case STOP:
        return FOTA_OK;
    }
    return E_ARG;
}

/* One connection. @return false: the board is to stop */
static bool serve_one(int fd, const struct wire_board *board)
{
    static struct question q;
    static struct answer a;
    while (read_all(fd, &q, offsetof(struct question, bytes)) && q.n_bytes <= sizeof q.bytes &&
           q.b <= sizeof a.bytes + (q.op == CLOCK ? UINT32_MAX - sizeof a.bytes : 0) &&
           read_all(fd, q.bytes, q.n_bytes)) {
        a.n_bytes = 0;
        a.err = (uint32_t)act(board, &q, &a);
        a.now_us = link_io_now_us(board->io);
        if (!write_all(fd, &a, offsetof(struct answer, bytes) + a.n_bytes)) {
            break;
        }
        if (q.op == STOP) {
            return false;
        }
    }
    return link_io_select(board->io, false) == FOTA_OK && link_io_set_nrst(board->io, false) == FOTA_OK &&
           link_io_set_boot0(board->io, false) == FOTA_OK;
}

bool wire_serve(const char *path, const struct wire_board *board)
{
    struct sockaddr_un address;
    int listener = open_socket(path, &address);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0) {
        return false;
    }
    bool goes_on = true;
    while (goes_on) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            return false;
        }
        goes_on = serve_one(fd, board);
        (void)close(fd);
    }
    return close(listener) == 0;
}

/* --- the gateway's process --------------------------------------------------------------------------- */

static bool ask(struct wire *w, struct question *q, struct answer *a)
{
    return write_all(w->fd, q, offsetof(struct question, bytes) + q->n_bytes) &&
           read_all(w->fd, a, offsetof(struct answer, bytes)) && a->n_bytes <= sizeof a->bytes &&
           read_all(w->fd, a->bytes, a->n_bytes);
}

static struct wire *of_io(struct link_io *io)
{
    return (struct wire *)io;
}

static enum fota_err call(struct link_io *io, enum wire_op op, uint32_t a, uint32_t b)
{
    struct question q = {.op = op, .a = a, .b = b};
    struct answer answer;
    return ask(of_io(io), &q, &answer) ? (enum fota_err)answer.err : E_IO;
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    enum fota_err err = FOTA_OK;
    for (size_t at = 0; at < n_bytes && !err;) {
        size_t n = n_bytes - at < WIRE_PIECE_BYTES ? n_bytes - at : WIRE_PIECE_BYTES;
        struct question q = {.op = TRANSFER, .a = (mosi ? HAS_MOSI : 0U) | (miso ? WANTS_MISO : 0U)};
        struct answer answer;
        q.b = (uint32_t)n;
        if (mosi) {
            q.n_bytes = (uint32_t)n;
            memcpy(q.bytes, mosi + at, n);
        }
        err = ask(of_io(io), &q, &answer) ? (enum fota_err)answer.err : E_IO;
        if (!err && miso) {
            memcpy(miso + at, answer.bytes, n);
        }
        at += n;
    }
    return err;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return call(io, SELECT, selected, 0);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    return call(io, NRST, low, 0);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return call(io, BOOT0, high, 0);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return call(io, CLOCK, hz, byte_gap_us);
}

static void delay_us(struct link_io *io, uint32_t us)
{
    (void)call(io, DELAY, us, 0);
}

static uint64_t now_us(struct link_io *io)
{
    struct question q = {.op = NOW};
    struct answer answer;
    return ask(of_io(io), &q, &answer) ? answer.now_us : UINT64_MAX / 2; /* a board that is gone: late */
}

static uint64_t now_ms(struct clock *clock)
{
    struct wire *w = (struct wire *)(void *)((uint8_t *)clock - offsetof(struct wire, clock));
    return now_us(&w->io) / 1000U;
}

static uint64_t utc_s(struct clock *clock)
{
    struct wire *w = (struct wire *)(void *)((uint8_t *)clock - offsetof(struct wire, clock));
    return w->start_utc_s + now_ms(clock) / 1000U;
}

bool wire_connect(struct wire *w, const char *path, uint64_t start_utc_s)
{
    static const struct link_io_ops io_ops = {.transfer = transfer,
                                              .select = select_target,
                                              .set_nrst = set_nrst,
                                              .set_boot0 = set_boot0,
                                              .set_clock = set_clock,
                                              .delay_us = delay_us,
                                              .now_us = now_us};
    static const struct clock_ops clock_ops = {.now_ms = now_ms, .utc_s = utc_s};
    struct sockaddr_un address;
    *w = (struct wire){.io = {.ops = &io_ops}, .clock = {.ops = &clock_ops}, .start_utc_s = start_utc_s};
    w->fd = open_socket(path, &address);
    if (w->fd >= 0 && connect(w->fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return true;
    }
    wire_hang_up(w);
    return false;
}

void wire_hang_up(struct wire *w)
{
    if (w->fd >= 0) {
        (void)close(w->fd);
    }
    w->fd = -1;
}

bool wire_restore(struct wire *w)
{
    return call(&w->io, RESTORE, 0, 0) == FOTA_OK;
}

bool wire_is_updated(struct wire *w, bool *is_updated, uint32_t *n_wrong)
{
    struct question q = {.op = STATUS};
    struct answer answer;
    if (!ask(w, &q, &answer)) {
        return false;
    }
    *is_updated = answer.value != 0;
    *n_wrong = answer.filler;
    return true;
}

void wire_stop(struct wire *w)
{
    (void)call(&w->io, STOP, 0, 0);
}
