/**
 * Independent watchdog (RM0090 21). Once started it cannot be stopped but by a reset.
 */
#ifndef F407_IWDG_H
#define F407_IWDG_H

enum {
    /* /64 and 4096 counts: 8.19 s at 32 kHz. LSI is 17 to 47 kHz (DS8626 table 35): 5.6 s to 15.4 s, so the
     * fastest one still outlasts two erases of 2 s. */
    IWDG_NOMINAL_MS = 8192,
    IWDG_SHORTEST_MS = 5577,
    IWDG_LONGEST_MS = 15421
};

/** Start it with the period above. Takes ≤ 2 ms (the registers pass to the LSI clock domain). */
void iwdg_start(void);

/** Begin the period anew; harmless if it does not run. */
void iwdg_feed(void);

#endif
