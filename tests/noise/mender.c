#include "mender.h"

#include "base/crc.h"
#include "link/link_proto.h"

enum { CRC_BYTES = 4, FRAME = LINK_SOF << 16 | LINK_OP_BLOCK << 8 | (0xFF ^ LINK_OP_BLOCK) };

enum { BETWEEN, ACKED, LENGTH, BODY, CHECK };

/* Follow one byte of the master. @return what goes to the target in its place */
static uint8_t follow(struct mender *m, uint8_t mosi)
{
    uint8_t out = mosi;
    m->last = m->last << 8 | mosi;
    if ((m->last & 0xFFFFFFU) == FRAME && m->state <= ACKED) {
        m->state = ACKED;
        return out;
    }
    switch (m->state) {
    case ACKED: /* polls, then the echo */
        m->state = mosi == LINK_ACK ? LENGTH : mosi == LINK_DUMMY ? ACKED : BETWEEN;
        m->n_left_bytes = 2;
        m->crc = 0;
        break;
    case LENGTH:
        m->crc = crc32_update(m->crc, &mosi, 1);
        if (--m->n_left_bytes == 0) {
            m->n_left_bytes = m->last & 0xFFFFU;
            m->state = m->n_left_bytes > 0 && m->n_left_bytes <= LINK_REQUEST_MAX_BYTES ? BODY : BETWEEN;
        }
        break;
    case BODY:
        m->crc = crc32_update(m->crc, &mosi, 1);
        if (--m->n_left_bytes == 0) {
            m->n_left_bytes = CRC_BYTES;
            m->state = CHECK;
        }
        break;
    case CHECK:
        m->n_left_bytes--;
        out = (uint8_t)(m->crc >> 8 * m->n_left_bytes);
        m->state = m->n_left_bytes > 0 ? CHECK : BETWEEN;
        break;
    default:
        break;
    }
    return out;
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct mender *m = (struct mender *)io; /* first member */
    enum fota_err err = FOTA_OK;
    for (size_t i = 0; i < n_bytes && !err; i++) {
        uint8_t out = follow(m, mosi ? mosi[i] : LINK_DUMMY);
        err = m->under->transfer(io, &out, miso ? miso + i : NULL, 1);
    }
    return err;
}

void mender_init(struct mender *mender, struct twin *twin)
{
    static struct link_io_ops ops; /* the twin's, but for one */
    *mender = (struct mender){.state = BETWEEN};
    twin_link_init(&mender->wires, twin);
    mender->under = mender->wires.io.ops;
    ops = *mender->under;
    ops.transfer = transfer;
    mender->wires.io.ops = &ops;
}
