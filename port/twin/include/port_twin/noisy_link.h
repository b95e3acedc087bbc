/**
 * A link_io with bad wires: every transfer to the twin passes through noise that a seed decides, so that the
 * same seed is the same run. Chances are parts per billion: 100,000 is a bit error rate of 1e-4.
 */
#ifndef PORT_TWIN_NOISY_LINK_H
#define PORT_TWIN_NOISY_LINK_H

#include "port_twin/twin_link.h"

/** What is wrong with the wires. Zero: nothing. */
struct noise_plan {
    uint64_t seed;
    uint32_t flip_ppb;       /* per bit, on MOSI and on MISO: it arrives as the other value */
    uint32_t burst_ppb;      /* per byte: from here on each bit is a coin toss, on both wires ... */
    uint32_t burst_max_bits; /* ... for 1 to so many bits */
    uint32_t lost_ppb;       /* per byte: the target hears nothing of it */
    uint32_t doubled_ppb;    /* per byte: the target hears it twice */
    uint32_t slip_ppb;       /* per byte: the target hears 1 to 7 of its bits, and is shifted from then on */
    uint32_t stuck_ppb;      /* per byte: one wire sticks ... */
    uint32_t stuck_max_ms;   /* ... for 1 ms to so many */
    uint32_t dead_ppb;       /* per byte: the master is reset, see is_dead */
};

/** A wire that sticks. MISO low or high; NSS high; SCK still: the target hears nothing and MISO floats. */
enum noise_stuck {
    NOISE_FREE,
    NOISE_MISO_LOW,
    NOISE_MISO_HIGH,
    NOISE_NSS_HIGH,
    NOISE_SCK_STILL,
    NOISE_STUCKS
};

struct noise_counts {
    uint64_t bytes;
    uint32_t flips, bursts, lost, doubled, slips, stuck, deaths;
};

/** Read `counts` and `is_dead`; change `plan` at any time. */
struct noisy_link {
    struct link_io io;
    struct twin_link *under;
    struct noise_plan plan;
    struct noise_counts counts;
    uint64_t random;
    uint32_t n_burst_bits; /* left */
    enum noise_stuck stuck;
    uint64_t stuck_until_us;
    bool is_selected;
    bool is_dead; /* the master was reset: transfers return E_IO until its owner starts it again and clears
                     this */
};

/** @param under  open; must outlive the link */
void noisy_link_init(struct noisy_link *link, struct twin_link *under, const struct noise_plan *plan);

#endif
