/**
 * A factory board whose loader listens, kept as a snapshot, so that every test starts from the same state:
 * the real bootloader, version 1.0.0 confirmed in slot A, slot B blank. The update for slot B is a tiny
 * application (boot_app.c) that confirms itself at once and says so in RAM.
 */
#ifndef LOADER_BOARD_H
#define LOADER_BOARD_H

#include "twin_board.h"

enum { LOADER_FLASH_BYTES = 0x100000 };

/** Who answers on the wires. */
enum loader_kind {
    LOADER_BOOTLOADER, /* its loader: slot A holds a tiny application that asks for it whenever it starts */
    LOADER_AGENT       /* the agent in the demo application */
};

struct loader_config {
    enum loader_kind kind;
    enum twin_flash_timing timing;
    uint32_t payload_bytes; /* of the update: code and filling */
};

struct loader_board {
    struct loader_config config;
    struct twin_board base;
    struct twin_snapshot *ready; /* loader listening, nobody has talked to it yet */
    struct test_release factory, update;
    uint8_t before[LOADER_FLASH_BYTES];
};

/** Build, start, and prove that the loader answers; ends the program if the firmware is missing. */
void loader_board_open(struct loader_board *board, const struct loader_config *config);
void loader_board_close(struct loader_board *board);

/** One of each kind of loader. */
enum { LOADER_KINDS = 2 };
void loader_board_open_all(struct loader_board boards[LOADER_KINDS], enum twin_flash_timing timing,
                           uint32_t payload_bytes);
void loader_board_close_all(struct loader_board boards[LOADER_KINDS]);

/** Back to the snapshot. */
void loader_board_restore(struct loader_board *board);

/** Version 2.0.0 runs from slot B and has confirmed itself. */
bool loader_board_is_updated(const struct loader_board *board);

/** Bytes of flash that differ from the snapshot, outside slot B and the journal. */
uint32_t loader_board_outside(const struct loader_board *board);

/** Bytes among the first `n_bytes` of slot B that are not the update's. */
uint32_t loader_board_wrong(const struct loader_board *board, uint32_t n_bytes);

#endif
