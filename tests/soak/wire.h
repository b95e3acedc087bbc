/**
 * The wires of a board in a process of its own, over a Unix socket: port/link_io.h on the gateway's side, any
 * other link_io on the board's. The board's process accepts one connection after the other. A gateway that is
 * killed leaves its lines as a kernel leaves them: NSS high, NRST released, BOOT0 low.
 */
#ifndef SOAK_WIRE_H
#define SOAK_WIRE_H

#include <stdbool.h>

#include "port/clock.h"
#include "port/link_io.h"

enum { WIRE_PIECE_BYTES = 4096, WIRE_PATH_BYTES = 96 };

/** What the board's process can do besides its wires. */
struct wire_board {
    struct link_io *io;
    void (*restore)(void *ctx); /* back to the factory */
    bool (*is_updated)(void *ctx,
                       uint32_t *n_wrong); /* n_wrong: bytes of the image that are not the release's */
    void *ctx;
};

/**
 * Listen on `path` and serve until a connection says so. Runs in the board's process.
 * @return false: no socket
 */
bool wire_serve(const char *path, const struct wire_board *board);

/** The gateway's side. */
struct wire {
    struct link_io io; /* first member */
    struct clock clock;
    int fd;
    uint64_t start_utc_s;
};

/**
 * Connect to the board's process.
 * @return false: nobody listens (yet)
 */
bool wire_connect(struct wire *w, const char *path, uint64_t start_utc_s);
void wire_hang_up(struct wire *w);

/**
 * Calls to the board's process.
 * @return false: it is gone
 */
bool wire_restore(struct wire *w);
bool wire_is_updated(struct wire *w, bool *is_updated, uint32_t *n_wrong);
/** The board's process ends. */
void wire_stop(struct wire *w);

#endif
