/**
 * The board that fota-elf-cuts cuts: bootloader and demo application of build/f407, its wires, its console,
 * and what it must look like whatever happened to it.
 */
#ifndef TWINCUT_CUTS_BOARD_H
#define TWINCUT_CUTS_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "link_client/link_client.h"
#include "release_maker.h"
#include "twin/twin.h"

enum {
    CUTS_CONSOLE_BYTES = 1 << 14,
    CUTS_VERSIONS = 3,
    CUTS_REBUILT = 4, /* release 4.0.0: the program of 2.0.0, which says so, in an image of its own */
    CUTS_RELEASES = 4
};

/** Releases 1.0.0 (factory), 2.0.0 (good), 3.0.0 (never confirms) and CUTS_REBUILT. */
struct cuts_releases {
    struct test_release release[CUTS_RELEASES];
};

/** What an application said when it started. */
struct cuts_start {
    bool is_there;
    unsigned version; /* major */
    char slot;
    char state[16];
    unsigned tries_left;
};

struct cuts_board {
    struct twin *twin;
    const struct cuts_releases *releases;
    uint8_t sector0[0x4000];
    size_t n_console;
    char console[CUTS_CONSOLE_BYTES];
};

/** Read binaries and key, sign. Ends the program if they are missing. */
void cuts_make_releases(struct cuts_releases *out);

/** A board with 1.0.0 in A, power off. */
void cuts_open(struct cuts_board *b, const struct cuts_releases *releases, const struct twin_config *config);
void cuts_close(struct cuts_board *b);

/** Forget what the console said. */
void cuts_clear_console(struct cuts_board *b);
/** Take what the console says. */
void cuts_listen(struct cuts_board *b);
/** The last start of an application that the console tells of, if its line is complete. */
struct cuts_start cuts_last_start(const struct cuts_board *b);
/** @return true if the console said it */
bool cuts_said(const struct cuts_board *b, const char *text);

/**
 * What never may change, and what must be true of the running application.
 * @return NULL, or what is wrong
 */
const char *cuts_check(const struct cuts_board *b, const struct cuts_start *start);

/** Hash of the whole flash. */
uint64_t cuts_flash_hash(const struct cuts_board *b);

/**
 * Install a release from wherever the board stands: agent or loader. Ends with the reset of ACTIVATE.
 * @return FOTA_OK · as the link client
 */
FOTA_MUST_CHECK
enum fota_err cuts_install(const struct cuts_board *b, unsigned version, struct link_io *io);

#endif
