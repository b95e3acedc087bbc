/**
 * Where the flash idles while an image is streamed. A meter between the client and its wires lets time pass
 * in steps of a byte, and books what of each step the flash did nothing to the function that the core was in.
 * Virtual time is the same with and without it.
 */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "bench.h"

enum { IDLE_FLASH_PLACES = 1 << 19, IDLE_RAM_PLACES = 1 << 16 };

struct idle_meter {
    struct link_io io; /* first member */
    struct twin_link *wires;
    uint64_t busy_ns; /* of operations that have begun: the flash still has to work them off */
    uint64_t seen_ns; /* twin_stats, flash_busy_ns at the last look */
    uint64_t flash_ns[IDLE_FLASH_PLACES]; /* idle time, by halfword of code */
    uint64_t ram_ns[IDLE_RAM_PLACES];
};

/** Put the meter between `b`'s client and its wires; it stays there. */
void idle_open(struct idle_meter *meter, struct board *b);

/**
 * Idle time by cause as figures, "idle_<who>_<cause>_ms".
 * @param elf_path  the application, or NULL
 */
void idle_show(const struct idle_meter *meter, const char *who, const char *elf_path);

#endif
