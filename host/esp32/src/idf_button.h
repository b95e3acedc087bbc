/** A button that was held and let go, from samples of its level. No I/O. */
#ifndef IDF_BUTTON_H
#define IDF_BUTTON_H

#include <stdbool.h>
#include <stdint.h>

enum {
    IDF_BUTTON_SAMPLE_MS = 10,
    IDF_BUTTON_STEADY = 3,
    IDF_BUTTON_HOLD_MS = 5000,
    IDF_BUTTON_STUCK_MS = 30000
};

/** Zero it at the start. */
struct idf_button {
    bool is_pressed;   /* as it is believed */
    unsigned n_differ; /* samples in a row that say otherwise */
    unsigned n_agree;  /* that say so */
    uint32_t held_ms;
};

enum idf_button_is { IDF_BUTTON_GOES_ON, IDF_BUTTON_WAS_HELD, IDF_BUTTON_WAS_NOT, IDF_BUTTON_IS_STUCK };

/** One sample, IDF_BUTTON_SAMPLE_MS after the one before. A level counts once three samples in a row agree on it. */
enum idf_button_is idf_button_sample(struct idf_button *b, bool is_low);

#endif
