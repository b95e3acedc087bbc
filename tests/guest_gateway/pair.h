/**
 * Two boards: a microcontroller that is the gateway (guest/), and a target with the real firmware (support/twin_board),
 * joined by their wires (twin/join.h). The test is the gateway's network: its mailbox is answered from an S3 in memory
 * (support/gateway). Only virtual time.
 */
#ifndef GUEST_GATEWAY_PAIR_H
#define GUEST_GATEWAY_PAIR_H

#include "gateway/gateway.h"
#include "mailbox.h"
#include "s3_fake.h"
#include "twin/join.h"
#include "twin_board.h"

enum { PAIR_PIECES_MAX = 256 };

/** A reply on its way to the gateway. */
struct pair_reply {
    size_t n_pieces;
    size_t next;
    struct mailbox_piece piece[PAIR_PIECES_MAX];
};

struct pair {
    struct twin *gateway;
    struct twin_board target;
    struct twin_join join;
    struct s3_fake server;
    struct pair_reply reply;
    struct mailbox_usage usage;                     /* as of the last wait */
    struct gateway_event last[GATEWAY_EVENT_KINDS]; /* newest of each kind */
    unsigned n_events[GATEWAY_EVENT_KINDS];
};

/** A target with this release confirmed in slot A (NULL: 1.0.0 of the demo), an empty bucket, a gateway that starts
 * now. */
struct pair *pair_open(const struct test_release *release);
void pair_close(struct pair *p);

/** Put the blobs and the channel object into the bucket. */
void pair_publish(struct pair *p, const struct test_release *release);

/** Let both run for `ms`. */
void pair_run_ms(struct pair *p, uint32_t ms);

/** Let both run until the gateway tells of an event of this kind; a minute without one fails the test. */
void pair_run_until(struct pair *p, enum gateway_event_kind kind);

/** The gateway loses its supply for `ms`, and with it all that it remembered. */
void pair_cut_gateway(struct pair *p, uint32_t ms);

#endif
