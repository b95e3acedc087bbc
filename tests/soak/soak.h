/**
 * The parts of the soak. Each prints a table and adds its figures (build/gateway.json); bars.h says what they must be.
 */
#ifndef SOAK_H
#define SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figures.h"
#include "soak_site.h"

struct soak {
    uint32_t n_updates; /* of each run */
    uint32_t n_ends;    /* of gateway and target each */
    uint32_t n_tears;   /* for each write */
    uint32_t n_real;    /* updates of the twin in each of its runs */
    uint32_t seed;
    bool is_quick;
    const char *json; /* NULL: no file */
    const char *only; /* one part; NULL: all */
    uint32_t run;     /* of the parts `real` and `rows` only this row of their table, 1..; 0 all */
    enum soak_plant plant;
    struct figures figures;
};

/** A figure for the file, held against its bar if it has one. `name` is kept, not copied. */
void soak_figure(struct soak *s, const char *name, double value);

/** A promise without a figure; a broken one is told and counted. */
void soak_check(struct soak *s, bool is_right, const char *what);

/** Five bad networks, and clean ones: updates that end confirmed, bytes fetched for each byte of image. */
void soak_networks(struct soak *s);

/** Ends of the gateway at its calls to the outside and in each of its writes, power cuts of the target at its flash
 * operations. */
void soak_ends(struct soak *s);

/** Polls with nothing new; statements with a date ahead of everybody, and what follows them. */
void soak_polls(struct soak *s);

/** Updates of the twin through sockets and TLS, the gateway's process killed in some. */
void soak_real(struct soak *s);

/** One update of the twin through each row of the fault proxy that a gateway must live with. */
void soak_rows(struct soak *s);

/** What hostile servers can hold: minutes of waiting. */
void soak_holds(struct soak *s);

#endif
