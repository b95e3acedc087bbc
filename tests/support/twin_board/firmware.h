/**
 * What a factory programs into every board: the root into sector 0, the signed loader into sector 1. Made
 * from the firmware build; a bench without it ends the program with a sentence.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <stdint.h>

#include "format/image_build.h"
#include "release/key.h"
#include "twin/twin.h"

enum { FIRMWARE_LOADER_MAX_BYTES = 0x4000 + IMAGE_OVERHEAD_MAX_BYTES, FIRMWARE_ROOT_MAX_BYTES = 0x4000 };

/** A loader as a file. */
struct firmware_loader {
    uint32_t n_bytes;
    uint8_t bytes[FIRMWARE_LOADER_MAX_BYTES];
};

/** What is special about a loader; zero fields are the good values. */
struct firmware_loader_plan {
    const struct key *key; /* NULL: the development key, whose public half is in the root */
    uint32_t load_addr;    /* 0: sector 1 */
    const char *hw;        /* NULL: BOARD_NAME */
    uint32_t counter;      /* 0: 1 */
    uint8_t major;         /* of its version; 0: 1 */
};

/** Folder with the firmware: $FOTA_FIRMWARE if it is set, else build/f407. */
const char *firmware_folder(void);

/** The development key whose public half is in the root of build/f407. */
void firmware_read_key(struct key *out);

/** The loader of the build, signed. */
void firmware_make_loader(const struct firmware_loader_plan *plan, struct firmware_loader *out);

/** What names an image in journal and INFO: SHA-256 over its signed bytes (TLV 0x10). All 0: not an image. */
void firmware_image_hash(const uint8_t *image, uint32_t n_bytes, uint8_t hash[CRYPTO_SHA256_BYTES]);

/**
 * The root as flat bytes.
 * @return how many
 */
uint32_t firmware_read_root(uint8_t out[FIRMWARE_ROOT_MAX_BYTES]);

/**
 * The loader as flat bytes, not signed.
 * @return how many
 */
uint32_t firmware_read_loader(uint8_t out[FIRMWARE_ROOT_MAX_BYTES]);

/** Root and loader into their sectors. */
void firmware_program(struct twin *t);

/** The root alone: sector 1 stays as it is. */
void firmware_program_root(struct twin *t);

/** Sector 1: these bytes, the rest blank. */
void firmware_store_loader(struct twin *t, const struct firmware_loader *loader);

#endif
