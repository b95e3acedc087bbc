/* What the stand-in for the kernel and the board server say to each other, over a UNIX socket, both on one machine. */
#ifndef TESTS_LINUX_WIRE_PROTOCOL_H
#define TESTS_LINUX_WIRE_PROTOCOL_H

#include <stdint.h>

enum wire_op {
    WIRE_TRANSFER, /* a = Hz, b = gap in ns; n bytes of MOSI follow, the reply has n bytes of MISO */
    WIRE_LINES,    /* a = levels, bit 0 NSS, 1 NRST, 2 BOOT0 */
    WIRE_DELAY,    /* a = us */
    WIRE_NOW,
    WIRE_POWER /* a = 0: off, 1: on */
};

enum { WIRE_BYTES_MAX = 65536 };

struct wire_request {
    uint32_t op, a, b, n;
};

/* `is_bad` is 1 if the twin stopped for a reason of its own. */
struct wire_reply {
    uint32_t is_bad, n;
    uint64_t now_us;
};

#endif
