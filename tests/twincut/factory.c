#include "factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "firmware.h"
#include "format/image_build.h"
#include "journal/journal.h"
#include "swd_flash.h"

enum {
    TRAP_PAYLOAD_BYTES = 512,
    TRAP_OP = 0xE7FE, /* b . */
    TRAP_ENTRY = 0x41,
    TRAP_STACK = 0x2001C000
};

_Noreturn void factory_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

void factory_read_key(struct key *out)
{
    firmware_read_key(out);
}

struct twin *factory_board(const struct twin_config *config)
{
    char why[256] = "";
    struct twin_config of_board = *config;
    of_board.part = BOARD_PART;
    struct twin *t = twin_create(&of_board, why, sizeof why);
    if (t == NULL) {
        factory_die("twin", why);
    }
    firmware_program(t);
    return t;
}

void factory_trap_image(uint32_t slot, const struct key *key, struct small_image *out)
{
    static uint8_t payload[TRAP_PAYLOAD_BYTES];
    uint32_t base = slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
    for (uint32_t i = 0; i < sizeof payload; i += 2) {
        bytes_store_le16(payload + i, TRAP_OP);
    }
    bytes_store_le32(payload, TRAP_STACK);
    for (uint32_t i = 1; i < 16; i++) {
        bytes_store_le32(payload + (size_t)4 * i, base + IMAGE_HEADER_AREA_BYTES + TRAP_ENTRY);
    }
    const struct image_spec spec = {
        .load_addr = base, .version = {.major = 2}, .security_counter = 1, .hw_id = BOARD_NAME};
    struct image_signer signer = key_image_signer(key);
    out->n_bytes = sizeof out->bytes;
    if (image_build(&spec, payload, sizeof payload, &signer, out->bytes, &out->n_bytes) != FOTA_OK) {
        factory_die("image_build", "failed");
    }
}

void factory_store(struct twin *t, uint32_t slot, const uint8_t *bytes, uint32_t n_bytes)
{
    static uint8_t blank[FLASH_SLOT_BYTES];
    uint32_t base = slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
    memset(blank, 0xFF, sizeof blank);
    if (!twin_flash_store(t, base, blank, sizeof blank) || !twin_flash_store(t, base, bytes, n_bytes)) {
        factory_die("slot", "image too long");
    }
}

/* --- journal --- */

void factory_journal(struct twin *t, const struct boot_record *record)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record old;
    enum fota_err err = journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &old);
    if (err != FOTA_OK && err != E_JOURNAL_LOST) {
        factory_die("journal", "not sound");
    }
    if (journal_make_room(&journal, 1, JOURNAL_NO_SPARE) != FOTA_OK ||
        journal_append(&journal, record) != FOTA_OK) {
        factory_die("journal", "cannot be written");
    }
}

bool factory_record(struct twin *t, struct boot_record *out)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    return journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, out) != E_JOURNAL_LOST;
}

bool factory_is_sound(struct twin *t)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    return journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record) == FOTA_OK;
}

void factory_damage(struct twin *t)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    uint32_t word;
    if (journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record) != FOTA_OK) {
        factory_die("journal", "not sound");
    }
    uint32_t addr = SWD_JOURNAL_AREAS[1].base + journal.head[1].newest * JOURNAL_RECORD_BYTES + 8;
    if (!twin_peek(t, addr, &word, sizeof word)) {
        factory_die("journal", "not in flash");
    }
    word ^= 1;
    (void)twin_flash_store(t, addr, &word, sizeof word);
}

bool factory_is_asked_for(const char *name, int argc, char **argv)
{
    bool is_any = false;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            is_any = true;
            if (strcmp(argv[i], name) == 0) {
                return true;
            }
        }
    }
    return !is_any;
}
