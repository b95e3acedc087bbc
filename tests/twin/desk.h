/**
 * A desk with a board on it: the twin, its wires, a link client, and the firmware of build/f407, for tests of
 * what a host does to a board in any state.
 */
#ifndef TESTS_TWIN_DESK_H
#define TESTS_TWIN_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "release_maker.h"
#include "twin/twin.h"

enum { DESK_SETTLE_MS = 2500, DESK_BOOTLOADER_BYTES = 0x4000 };

struct desk {
    struct twin *twin;
    struct twin_link wires;
    struct link_client link;
    bool is_strict; /* a core that starts in erased flash breaks rules, and may */
};

/** Releases signed with the key in the bootloader; [0] is 1.0.0, [1] is 2.0.0. Made by desk_set_up. */
extern struct test_release desk_release[2];

enum { DESK_LARGE_BYTES = 2 * 0x20000 + 40000, DESK_STATEMENT_BYTES = 1280 };

/** A release that a session takes a while for: 2.0.0, filled up. */
struct desk_large {
    uint32_t n_image[2];
    uint8_t image[2][DESK_LARGE_BYTES];
    uint32_t n_statement;
    char statement[DESK_STATEMENT_BYTES];
};
/** @param n_bytes  about the size of the images, ≤ DESK_LARGE_BYTES */
void desk_make_large(struct desk_large *out, uint32_t n_bytes);

/** The root as flat bytes, and the signed loader. */
extern uint8_t desk_bootloader[DESK_BOOTLOADER_BYTES];
extern uint32_t desk_n_bootloader;
extern struct firmware_loader desk_loader;

/**
 * Group set-up of cmocka: read binaries and key, sign. Fails with a sentence if the firmware is not built.
 */
int desk_set_up(void **state);

/** A board with blank flash, power off. */
void desk_open(struct desk *d, enum twin_rom rom, enum twin_flash_timing timing, bool is_strict);

/** A board that runs 1.0.0 in slot A and has confirmed it. Made once in a program, then from a snapshot. */
void desk_open_healthy(struct desk *d);

/** Root and loader. */
void desk_load_bootloader(const struct desk *d);
void desk_run_ms(const struct desk *d, uint32_t ms);

/** Nothing the firmware did broke a rule, unless the board is not strict. */
void desk_close(struct desk *d);

/** Bytes from a seed. */
void desk_fill(uint8_t *bytes, size_t n_bytes, uint64_t seed);

#endif
