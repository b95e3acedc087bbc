/**
 * Wires that something happens to at a chosen byte or flash operation: the host dies, somebody resets the
 * board, or its power fails.
 */
#ifndef TESTS_TWIN_BREAKER_H
#define TESTS_TWIN_BREAKER_H

#include "twin_board.h"

enum { BREAK_ERASES_MAX = 16 };

enum break_kind {
    BREAK_NONE,
    BREAK_HOST,  /* the host dies: nothing more is sent, pins stay */
    BREAK_RESET, /* somebody pulses NRST */
    BREAK_POWER, /* the board loses power between two bytes */
    BREAK_TORN,  /* the board loses power at a flash operation, which is torn */
    BREAK_KINDS
};

struct break_point {
    enum break_kind kind;
    uint64_t at; /* byte on the wire from now on, or flash operation from now on */
    enum twin_cut cut;
};

struct breaker {
    struct link_io io;     /* first member */
    struct link_io *under; /* wires of `board`, or what stands between: change it after breaker_init */
    struct twin_board *board;
    struct break_point point;
    uint64_t n_bytes;
    uint64_t start_ops;
    uint64_t n_erases_before;
    unsigned n_erases; /* that began since breaker_init, and which operations they are: `at` of BREAK_TORN */
    uint64_t erase_at[BREAK_ERASES_MAX];
    bool is_dead;    /* the port of the host fails from here */
    bool has_struck; /* what was planned has happened */
};

/** Put the wires of `board` behind a breaker; plans the cut of BREAK_TORN. */
void breaker_init(struct breaker *b, struct twin_board *board, struct break_point point);

/** Pseudo-random number, 31 bits. */
uint64_t breaker_random(uint64_t *seed);

#endif
