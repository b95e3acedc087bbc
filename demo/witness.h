/**
 * What the board itself shows: its console, its flash, its journal. The demo believes these and not the
 * gateway.
 */
#ifndef DEMO_WITNESS_H
#define DEMO_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/board_layout.h"
#include "base/slot.h"
#include "format/boot_record.h"

struct twin;

enum { WITNESS_CONSOLE_BYTES = 1 << 20 };

struct witness {
    struct twin *twin;
    const struct board_layout *board;
    FILE *log; /* copy of the console */
    char console[WITNESS_CONSOLE_BYTES];
    size_t n_console;
    size_t mark; /* where "since" begins */
};

/** @param log  open file that gets everything the console prints */
void witness_init(struct witness *w, struct twin *twin, const struct board_layout *board, FILE *log);

/** Take what the console printed since the last call. */
void witness_listen(struct witness *w);

/** From here on, witness_count and witness_largest look only at what is printed later. */
void witness_mark(struct witness *w);

/** How often `text` was printed since the mark. */
unsigned witness_count(const struct witness *w, const char *text);

/**
 * The largest number that stood after `text` since the mark.
 * @return false: not printed
 */
bool witness_largest(const struct witness *w, const char *text, uint64_t *out);

/**
 * Read the boot state out of the twin's flash, with the bootloader's own journal code.
 * @return false: no state
 */
bool witness_record(const struct witness *w, struct boot_record *out);

/** True if the slot holds exactly the bytes of the file. */
bool witness_slot_is_file(const struct witness *w, enum slot slot, const char *path);

#endif
