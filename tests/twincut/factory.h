/**
 * What the programs of this folder share: boards made at a factory bench, with images and journals as the
 * test wants them, and helpers that end the program with a message when the bench itself is broken.
 */
#ifndef TWINCUT_FACTORY_H
#define TWINCUT_FACTORY_H

#include <stdint.h>

#include "format/boot_record.h"
#include "format/image.h"
#include "release/key.h"
#include "twin/twin.h"

enum { FACTORY_IMAGE_MAX_BYTES = 4096 + IMAGE_OVERHEAD_MAX_BYTES };

/** A small image. */
struct small_image {
    uint32_t n_bytes;
    uint8_t bytes[FACTORY_IMAGE_MAX_BYTES];
};

/** Print and exit(2): the bench is broken, nothing was tested. */
_Noreturn void factory_die(const char *what, const char *why);

/** The development key whose public half is in the bootloader of build/f407. */
void factory_read_key(struct key *out);

/** Board with root and loader of build/f407, power off. */
struct twin *factory_board(const struct twin_config *config);

/**
 * Image whose code, from the reset handler to its end, is one endless loop: wherever the core gets into it,
 * it stays.
 */
void factory_trap_image(uint32_t slot, const struct key *key, struct small_image *out);

void factory_store(struct twin *t, uint32_t slot, const uint8_t *bytes, uint32_t n_bytes);

/** Append a state to the journal in the board's flash, as a debugger would. Starts a journal if there is
 * none. */
void factory_journal(struct twin *t, const struct boot_record *record);

/**
 * Newest state of the journal.
 * @return false: there is none
 */
bool factory_record(struct twin *t, struct boot_record *out);

/** Both sectors of the journal are sound: a boot has nothing to mend. */
bool factory_is_sound(struct twin *t);

/** Leave what a cut in the last words of a write leaves: J1's newest record does not verify. The journal must
 * be sound. */
void factory_damage(struct twin *t);

/**
 * Is this scenario to be run: named on the command line, or none is? Words that begin with '-' do not count.
 */
bool factory_is_asked_for(const char *name, int argc, char **argv);

#endif
