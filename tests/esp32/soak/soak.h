/**
 * The parts of the soak of the ESP32 port. Each prints a table and adds its figures (build/esp32.json); bars_esp32.c says what
 * they must be.
 */
#ifndef ESP32_SOAK_H
#define ESP32_SOAK_H

#include "figures.h"
#include "site.h"

struct soak {
    uint32_t n_updates; /* of each network */
    uint32_t n_ends;    /* of gateway and target each */
    uint32_t n_tears;   /* for each write; 0: a few writes, once */
    uint32_t n_twin;    /* rows of the twin's table; 0 none */
    uint32_t run;       /* of the part `networks` only this row of its table, 1..; 0 all */
    uint32_t seed;
    const char *json;  /* NULL: no file */
    const char *sizes; /* what tools/esp32_size.py wrote; NULL: not quoted */
    const char *only;  /* one part; NULL: all */
    bool is_whole, is_quick;
    enum site_plant plant;
    uint64_t stack_bytes; /* the most that the task used on this machine */
    struct figures figures;
};

/** Bad networks and bad wires, and clean ones: updates that end confirmed, bytes fetched for each byte of image. */
void soak_networks(struct soak *s);

/** Ends of the gateway at its calls to ESP-IDF and in each write of NVS and staging partition, power cuts of the target at its
 * flash operations, and of both. */
void soak_ends(struct soak *s);

/** 384 KB: into the staging partition, at erases of 45 and 400 ms. */
void soak_fetch(struct soak *s);

/** The real firmware on the twin: 384 KB out of the staging partition; updates through faults and ends. */
void soak_twin(struct soak *s);

/** Notes what the task needed. To be called before a site ends. */
void soak_note_stack(struct soak *s);

#endif
