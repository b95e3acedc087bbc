/**
 * Planted bug for the noise checker: wires that give every BLOCK request the CRC of the bytes as they arrive.
 * A loader behind them behaves as one that does not check its blocks.
 */
#ifndef NOISE_MENDER_H
#define NOISE_MENDER_H

#include "port_twin/twin_link.h"

struct mender {
    struct twin_link wires; /* first member: a link to the twin like any other */
    const struct link_io_ops *under;
    unsigned state;
    uint32_t last; /* the latest bytes on MOSI */
    uint32_t n_left_bytes;
    uint32_t crc;
};

void mender_init(struct mender *mender, struct twin *twin);

#endif
