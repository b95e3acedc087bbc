/**
 * A board on the twin, as every test of the real firmware sets it up: the chip, the wires with a link client at
 * their other end, and what the console says. If the set-up itself is broken (no firmware was built, memory is
 * short, the firmware broke a rule of the reference manual), the program ends with a sentence and exit code 2.
 */
#ifndef TWIN_BOARD_H
#define TWIN_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "format/boot_record.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "release_maker.h"
#include "twin/twin.h"

enum {
    TWIN_BOARD_CONSOLE_BYTES = 1 << 18,
    TWIN_BOARD_SETTLE_MS = 2500 /* from power-on: verification, start-up, health check, confirm */
};

struct twin_board {
    struct twin *twin;
    struct twin_link wires;
    struct link_client link;
    bool is_strict; /* a core that starts in erased flash breaks rules, and may */
    size_t n_console;
    char console[TWIN_BOARD_CONSOLE_BYTES]; /* a string */
};

/** What the demo application said on the console when it started. */
struct twin_start {
    bool is_there;
    unsigned version; /* major */
    char slot;        /* 'A' or 'B' */
    char state[16];
    unsigned tries_left;
};

/** The 1 kHz control loop of the demo application, by its own reports. */
struct twin_board_ticks {
    unsigned n_reports;
    unsigned missed; /* the most that a report says */
    unsigned worst_tenths_us;
};

/** Print both and exit(2): the set-up is broken, nothing was tested. */
_Noreturn void twin_board_die(const char *what, const char *why);

/** A chip of this build's board with blank flash, power off. `config->part` does not count. */
void twin_board_open(struct twin_board *b, const struct twin_config *config);

/** The same with root, loader, and a release in slot A; NULL: without one. */
void twin_board_open_with(struct twin_board *b, const struct twin_config *config,
                          const struct test_release *release);

/** A strict board that runs 1.0.0 of the demo in slot A and has confirmed it. Made once in a program, then restored
 * from a snapshot. */
void twin_board_open_confirmed(struct twin_board *b);

/** Ends the program if a strict board broke a rule. */
void twin_board_close(struct twin_board *b);

/** The same check, while the board is open. */
void twin_board_must_be_clean(struct twin_board *b);

/** Let time pass. Ends the program if a strict board breaks a rule or stops. */
void twin_board_run_ms(struct twin_board *b, uint32_t ms);

/** Power off and on. */
void twin_board_restart(struct twin_board *b);

/** A snapshot; ends the program if memory is short. */
struct twin_snapshot *twin_board_save(const struct twin_board *b);

/* --- flash ------------------------------------------------------------------------------------------- */

/** First address of a slot; of SLOT_LOADER: of the loader's sector. */
uint32_t twin_board_base(enum slot slot);

/** An image into its slot or the loader's sector, the rest of which becomes blank. NULL, 0: all of it blank. */
void twin_board_store(struct twin_board *b, enum slot slot, const uint8_t *image, uint32_t n_bytes);

/** The slot holds the release's image, byte for byte. */
bool twin_board_holds(const struct twin_board *b, enum slot slot, const struct test_release *release);

/** Erases of the slot's sectors since the chip was made. */
uint64_t twin_board_erases(const struct twin_board *b, enum slot slot);

/* --- console ----------------------------------------------------------------------------------------- */

/** Take what the console says, after what it said before. */
void twin_board_listen(struct twin_board *b);

/** Forget what it said up to now. */
void twin_board_clear_console(struct twin_board *b);

/** Is the text among what was taken? */
bool twin_board_said(const struct twin_board *b, const char *text);

/**
 * Run until it says the text, which counts from now on.
 * @return false: not within `max_ms`
 */
bool twin_board_wait_for(struct twin_board *b, const char *text, uint32_t max_ms);

/** How often it said the text. */
unsigned twin_board_count(const struct twin_board *b, const char *text);

/** The last start of an application, if its line is complete. */
struct twin_start twin_board_last_start(const struct twin_board *b);

/** What the reports of the demo's control loop come to. */
struct twin_board_ticks twin_board_ticks(const struct twin_board *b);

/** Bytes that look random, from a seed. */
void twin_board_fill(uint8_t *bytes, size_t n_bytes, uint64_t seed);

/* --- releases of the demo application ------------------------------------------------------------------ */

enum {
    DEMO_VERSIONS = 3, /* 1.0.0; 2.0.0, which confirms itself; 3.0.0, which never does */
    DEMO_REBUILT = 4   /* 4.0.0: the program of 2.0.0, which says so, in an image of its own */
};

/** Release `major`.0.0, 1..4, signed with the development keys. Made at the first call. */
const struct test_release *demo_release(unsigned major);

/** Keys that releases for the firmware of the build are signed with. */
struct test_key *demo_image_key(void);
struct test_key *demo_channel_key(void);

/* --- a host that installs ------------------------------------------------------------------------------ */

/**
 * Bytes of an image to the target, from where the session stands.
 * @return FOTA_OK · as link_client_block
 */
FOTA_MUST_CHECK
enum fota_err host_stream(struct link_client *c, const struct link_session *session, const uint8_t *image);

/**
 * Install a release over these wires, by a host that has just been switched on, from wherever the board stands: agent or
 * loader. Ends with the reset of ACTIVATE.
 * @return FOTA_OK · as the link client
 */
FOTA_MUST_CHECK
enum fota_err host_install(struct link_io *io, const struct test_release *release);

#endif
