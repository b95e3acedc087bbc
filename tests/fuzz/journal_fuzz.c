/*
 * Journal sectors that hold anything, boot records, and the blocks that a host reads from a loader.
 *
 * An input is one byte a record, and its body: blank, as it comes, whole with its checksum, whole and killed,
 * or with a checksum and a first mark only (docs/spec/journal.md).
 */
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "fake/flash_fake.h"
#include "fuzz.h"
#include "journal/journal.h"
#include "link/link_codec.h"

enum {
    J0_RECORDS = 24,
    J1_RECORDS = 8,
    RECORDS = J0_RECORDS + J1_RECORDS,
    BODY_BYTES = 4 * BOOT_RECORD_BODY_WORDS
};
enum {
    SEQ_MASK = 0x7FFFFFFF,
    BOOTS_MAX = 3,
    W_FLAGS = BOOT_RECORD_FLAGS_WORD,
    W_CRC = BOOT_RECORD_BODY_WORDS,
    W_CRC_C,
    W_D1,
    W_D2
};

const char *const device_name = "journal";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static struct {
    struct flash_fake fake;
    struct flash_fake_sector sectors[2];
    uint32_t words[RECORDS * JOURNAL_RECORD_WORDS];
    struct flash_cell cells[RECORDS * JOURNAL_RECORD_WORDS];
    struct journal journal;
} board;

static const struct journal_area AREAS[JOURNAL_AREAS] = {{FLASH_J0_BASE, FLASH_J0_SECTOR, J0_RECORDS},
                                                         {FLASH_J1_BASE, FLASH_J1_SECTOR, J1_RECORDS}};

static void make_board(void)
{
    board.sectors[0] = (struct flash_fake_sector){
        FLASH_J1_SECTOR, FLASH_J1_BASE, J1_RECORDS * JOURNAL_RECORD_WORDS, true, false, 0};
    board.sectors[1] = (struct flash_fake_sector){
        FLASH_J0_SECTOR, FLASH_J0_BASE, J0_RECORDS * JOURNAL_RECORD_WORDS, true, false, 0};
    flash_fake_init(&board.fake, board.sectors, 2, board.words, board.cells);
}

static void complete(uint32_t words[JOURNAL_RECORD_WORDS], uint8_t kind)
{
    uint32_t crc = crc32_update(0, words, BODY_BYTES);
    words[W_CRC] = kind == 3 ? 0 : crc == 0 || crc == UINT32_MAX ? 1 : crc;
    words[W_CRC_C] = ~crc32c_update(0, words, BODY_BYTES);
    words[W_D1] = 0;
    words[W_D2] = kind == 4 ? UINT32_MAX : 0;
}

/* @return bytes used */
static size_t put_record(unsigned index, const uint8_t *bytes, size_t n_bytes)
{
    uint32_t words[JOURNAL_RECORD_WORDS];
    uint8_t kind = bytes[0] % 5;
    size_t n_want = kind == 0 ? 0 : kind == 1 ? sizeof words : BODY_BYTES - 4; /* the magic is given */
    size_t n = n_bytes - 1 < n_want ? n_bytes - 1 : n_want;
    uint32_t addr = index < J0_RECORDS ? FLASH_J0_BASE + index * JOURNAL_RECORD_BYTES
                                       : FLASH_J1_BASE + (index - J0_RECORDS) * JOURNAL_RECORD_BYTES;
    memset(words, 0xFF, sizeof words);
    if (kind == 1) {
        memcpy(words, bytes + 1, n);
    } else if (kind > 1) {
        words[0] = BOOT_RECORD_MAGIC;
        memcpy(words + 1, bytes + 1, n);
        words[1] &= SEQ_MASK; /* a chip wears out long before it has counted to the end */
        complete(words, kind);
    }
    for (uint32_t i = 0; i < JOURNAL_RECORD_WORDS; i++) {
        if (words[i] != UINT32_MAX) { /* what reads blank is blank */
            flash_fake_load(&board.fake, addr + 4 * i, &words[i], 4);
        }
    }
    return 1 + n;
}

static void check_range(const struct boot_record *r)
{
    if (r->active > SLOT_NONE || r->state[0] > SLOT_STATE_LAST_RESORT ||
        r->state[1] > SLOT_STATE_LAST_RESORT) {
        fuzz_fail("a record is out of range");
    }
}

static bool is_same(const struct boot_record *a, const struct boot_record *b)
{
    uint32_t wa[BOOT_RECORD_BODY_WORDS], wb[BOOT_RECORD_BODY_WORDS];
    boot_record_store(a, wa);
    boot_record_store(b, wb);
    wa[1] = wb[1]; /* the sequence number and what it calls dead are the journal's */
    wa[W_FLAGS] &= ~((uint32_t)(BOOT_FLAG_J0_DEAD | BOOT_FLAG_J1_DEAD) << 24);
    wb[W_FLAGS] &= ~((uint32_t)(BOOT_FLAG_J0_DEAD | BOOT_FLAG_J1_DEAD) << 24);
    return memcmp(wa, wb, sizeof wa) == 0;
}

static enum fota_err load(struct boot_record *out)
{
    flash_fake_power_up(&board.fake, 1);
    return journal_load(&board.journal, &board.fake.flash, AREAS, out);
}

static void must_be(const struct boot_record *want, const char *after)
{
    struct boot_record now = {0};
    enum fota_err err = load(&now);
    if ((err && err != E_JOURNAL_DEGRADED) || !is_same(&now, want)) {
        fuzz_fail("after %s the journal reads as another state (error %u)", after, (unsigned)err);
    }
}

/* One boot that wants to write. @return what the append said */
static enum fota_err boot(struct boot_record *record)
{
    *record = (struct boot_record){.active = SLOT_NONE};
    enum fota_err err = load(record);
    if (err == E_JOURNAL_FORMAT) {
        return err;
    }
    if (err == FOTA_OK || err == E_JOURNAL_DEGRADED) {
        check_range(record);
    }
    if (err == E_JOURNAL_DEGRADED && journal_repair(&board.journal) == FOTA_OK) {
        must_be(record, "a repair");
    }
    err = journal_revive(&board.journal);
    err = err != FOTA_OK ? err : journal_make_room(&board.journal, 1, JOURNAL_NO_SPARE);
    /* A full sector that calls the other one dead needs a spare place. */
    if (err != FOTA_OK && journal_dead_mask(&board.journal) == 0) {
        fuzz_fail("no room can be made on a sound chip (error %u)", (unsigned)err);
    }
    record->active = SLOT_B;
    record->state[SLOT_B] = SLOT_STATE_CONFIRMED;
    record->security_floor++;
    return journal_append(&board.journal, record);
}

/* What no cut leaves may stand where the next record goes. Then the next boot mends it, or the one after. */
static void try_journal(void)
{
    struct boot_record record;
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i < BOOTS_MAX; i++) {
        err = boot(&record);
        if (err == FOTA_OK) {
            must_be(&record, "an append");
            return;
        }
        if (err == E_JOURNAL_FORMAT || (err == E_JOURNAL_FULL && journal_dead_mask(&board.journal) != 0)) {
            if (err == E_JOURNAL_FORMAT &&
                (journal_append(&board.journal, &record) == FOTA_OK || board.fake.n_ops != 0)) {
                fuzz_fail("something is written although the format is not known");
            }
            return;
        }
    }
    fuzz_fail("a sound chip takes no record (error %u)", (unsigned)err);
}

static void try_blocks(const uint8_t *bytes, size_t n_bytes)
{
    struct link_info info;
    struct link_session session;
    struct link_progress progress;
    uint8_t again[LINK_INFO_BLOCK_BYTES];
    if (link_info_load(bytes, n_bytes, &info) == FOTA_OK) {
        link_info_store(again, &info);
        if (memcmp(again + 4, bytes + 4, LINK_INFO_BLOCK_BYTES - 4) != 0) {
            fuzz_fail("an info block reads as another one");
        }
    }
    if (link_session_load(bytes, n_bytes, &BOARD_OWN, &session) == FOTA_OK && session.reason == FOTA_OK &&
        (session.block_max_bytes % 4 != 0 || session.resume_off > FLASH_SLOT_BYTES)) {
        fuzz_fail("a session block is out of range");
    }
    if (link_progress_load(bytes, n_bytes, &progress) == FOTA_OK) {
        link_progress_store(again, &progress);
        if (memcmp(again + 4, bytes + 4, LINK_PROGRESS_BLOCK_BYTES - 4) != 0) {
            fuzz_fail("a progress block reads as another one");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    size_t at = 0;
    try_blocks(bytes, n_bytes);
    make_board();
    for (unsigned index = 0; index < RECORDS && at < n_bytes; index++) {
        at += put_record(index, bytes + at, n_bytes - at);
    }
    try_journal();
    return 0;
}
