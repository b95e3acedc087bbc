#include <stddef.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "update_private.h"

enum { FINISH_RECORDS = 2 /* what update_finish and update_activate write */ };

/* What is in the slot may be the only image that can boot. */
static bool is_kept(const struct update *u, enum slot slot)
{
    uint8_t state = u->record.state[slot];
    return state == SLOT_STATE_TRIAL || state == SLOT_STATE_LAST_RESORT;
}

enum slot update_inactive_slot(const struct update *u)
{
    /* While a trial runs, the other slot holds the image to go back to: none is inactive. */
    enum slot active = (enum slot)u->record.active;
    if (u->running != SLOT_NONE && u->running != active) {
        return SLOT_NONE;
    }
    if (active != SLOT_NONE) {
        return active == SLOT_A ? SLOT_B : SLOT_A;
    }
    /* In the loader with nothing confirmed: go on where something was received, else A. */
    uint8_t state_b = u->record.state[SLOT_B];
    bool is_b_begun = state_b == SLOT_STATE_RECEIVING || state_b == SLOT_STATE_PENDING;
    if (is_kept(u, SLOT_A)) {
        return is_kept(u, SLOT_B) ? SLOT_NONE : SLOT_B;
    }
    return is_b_begun ? SLOT_B : SLOT_A;
}

FOTA_NOINLINE void update_hash_bytes(const uint8_t *bytes, uint32_t n_bytes,
                                     uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, n_bytes);
    crypto_sha256_final(&ctx, sha256);
}

enum fota_err update_check_signature(const struct update *u, const uint8_t key_id[BOOT_KEY_ID_BYTES],
                                     const uint8_t *text, uint32_t n_bytes, const uint8_t *der,
                                     uint32_t n_der_bytes)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    for (uint32_t i = 0; i < IMAGE_KEYS; i++) {
        const uint8_t *key = config_of(u)->keys[i];
        if (!key) {
            continue;
        }
        /* The statement names its key by a part of the hash of it. That only finds the key; the signature
         * must verify with it. */
        image_keyhash(key, hash);
        if (memcmp(hash, key_id, BOOT_KEY_ID_BYTES) != 0) {
            continue;
        }
        if (i == IMAGE_KEY_ACTIVE && (u->record.flags & BOOT_FLAG_KEY_REVOKED) != 0) {
            return E_STATEMENT_REVOKED;
        }
        update_hash_bytes(text, n_bytes, hash);
        return crypto_p256_verify(key, hash, der, n_der_bytes) == CRYPTO_ACCEPT ? FOTA_OK
                                                                                : E_STATEMENT_SIGNATURE;
    }
    return E_STATEMENT_KEY;
}

/*
 * Mask of the slot's sectors after the first `n_bytes` bytes that need no erase. (Sectors that the image needs
 * are always erased.)
 *
 * If an erase of a sector may have been cut, reading blank proves nothing: it may read otherwise some day
 * (axiom F6). So no sector counts as blank while the slot is being received, or after a reception was
 * abandoned.
 */
static uint32_t clean_sectors(const struct update *u, enum slot slot, uint32_t n_bytes)
{
    const struct update_config *config = config_of(u);
    uint32_t mask = 0;
    bool is_doubtful =
        u->record.state[slot] == SLOT_STATE_RECEIVING || (u->record.flags & BOOT_FLAG_ABANDONED) != 0;
    uint32_t k = (n_bytes + config->sector_bytes - 1) / config->sector_bytes;
    for (; k < config->n_sectors && !is_doubtful; k++) {
        const uint8_t *sector = config->slot[slot] + (size_t)k * config->sector_bytes;
        mask |= (uint32_t)bytes_all_equal(sector, config->sector_bytes, 0xFF) << k;
    }
    return mask;
}

/*
 * Record a new state of the slot, and the image that it is about; the rest of the record stays.
 *
 * The security floor rises to the counter of the confirmed image here and nowhere else. As long as the other
 * slot holds an older image to fall back to, a higher floor would lock that image out. From this moment on it
 * is about to be overwritten, so nothing is lost by it.
 *
 * `digest` may be the record's own.
 */
static enum fota_err put_state(struct update *u, enum slot slot, enum slot_state state, const uint8_t *digest)
{
    struct boot_record *record = update_draft(u);
    record->security_floor = update_floor(u);
    record->state[slot] = (uint8_t)state;
    uint8_t *other = &record->state[1 - slot];
    if (state == SLOT_STATE_TRIAL) {
        record->tries = BOOT_TRIAL_RUNS;
        record->starts = BOOT_TRIAL_STARTS;
        /* A trial that waited while nothing is confirmed: the new one
         * goes first, and this is its way back. */
        if (*other == SLOT_STATE_TRIAL) {
            *other = SLOT_STATE_LAST_RESORT;
        }
    } else if (*other != SLOT_STATE_TRIAL) {
        record->tries = 0;
        record->starts = 0;
    }
    record->resume_sectors = 0;
    memcpy(record->digest[slot], digest, BOOT_RECORD_DIGEST_BYTES);
    if (state == SLOT_STATE_PENDING) {
        memcpy(record->counterpart, u->offer.hash[1 - slot], BOOT_RECORD_DIGEST_BYTES);
    }
    /* See clean_sectors. With nothing confirmed the doubt may be about the other slot: it stays. */
    if (state == SLOT_STATE_EMPTY) {
        record->flags |= BOOT_FLAG_ABANDONED;
    } else if (record->active != SLOT_NONE) {
        record->flags &= (uint8_t)~BOOT_FLAG_ABANDONED;
    }
    return update_record(u, record);
}

/* Another state of the same content. */
static enum fota_err change_state(struct update *u, enum slot slot, enum slot_state state)
{
    return put_state(u, slot, state, u->record.digest[slot]);
}

/* True if the slot is known to hold, or to be receiving, the image with this digest; *off: bytes of it that
 * are there. Without a statement the digest is all 0, as in the record while such an image is received. */
static bool is_held(const struct update *u, enum slot slot, const struct update_offer *release, uint32_t *off)
{
    const struct boot_record *record = &u->record;
    uint8_t state = record->state[slot];
    *off = release->image_bytes;
    if (state == SLOT_STATE_RECEIVING) {
        uint32_t received = record->resume_sectors * config_of(u)->sector_bytes;
        *off = received < *off ? received : *off;
    }
    return state != SLOT_STATE_EMPTY && state != SLOT_STATE_REJECTED &&
           memcmp(record->digest[slot], release->hash[slot], BOOT_RECORD_DIGEST_BYTES) == 0;
}

/*
 * Open the session: bytes from offset `off` on are to come.
 *
 * A host that lost our reply sends BEGIN again. The session is open then, and more bytes may be in flash than
 * `off` says, because the record counts whole sectors only. What is in flash stays counted.
 */
static void open_session(struct update *u, const struct update_offer *offer, uint32_t off)
{
    if (u->session == UPDATE_CLOSED) {
        crypto_sha256_init(config_of(u)->hash);
    }
    if (u->session == UPDATE_CLOSED || off > u->session_flashed) {
        u->session_flashed = off; /* BEGIN again in an open session: what is in flash stays counted */
    }
    u->offer = *offer;
    u->session = UPDATE_RECEIVING;
}

/* Free records that a whole update needs. A journal without its mirror cannot make room at a boot. */
FOTA_NOINLINE static uint32_t records_of_update(const struct update *u)
{
    return journal_dead_mask(&u->journal) == 0 ? JOURNAL_FREE_AT_JUMP : JOURNAL_FREE_ALONE;
}

/* A journal sector that failed once is tried again when an update begins: a sector that was refused because of
 * a weak supply may be good. If it fails again, the update goes on with the other sector. */
static enum fota_err revive(struct update *u)
{
    if (journal_dead_mask(&u->journal) == 0) {
        return FOTA_OK;
    }
    enum fota_err err = update_take_erase(u);
    if (err == FOTA_OK) {
        enum fota_err still_dead = journal_revive(&u->journal);
        (void)still_dead;
    }
    return err;
}

/*
 * Take the slot for this release, with room in the journal for all records of its update.
 *
 * The order protects what is in the slot. First the journal says that the slot is being received, so no boot
 * starts an image in it; only then may cells of the slot change. A power cut between the two leaves a slot
 * that is whole but counts as being received, which costs a transfer and nothing else.
 *
 * With two good journal sectors one can be erased while the other holds the state. With one, the state is
 * kept meanwhile in the spare place at the end of the slot (rule R13), so that is used only after the record
 * has given the slot up.
 */
static enum fota_err claim(struct update *u, enum slot slot, const struct update_offer *release)
{
    const struct boot_record *record = &u->record;
    bool is_claimed = record->state[slot] == SLOT_STATE_RECEIVING && record->resume_sectors == 0 &&
                      memcmp(record->digest[slot], release->hash[slot], BOOT_RECORD_DIGEST_BYTES) == 0;
    if (!is_claimed) {
        bool has_mirror = journal_dead_mask(&u->journal) == 0;
        uint32_t n_records = has_mirror ? JOURNAL_FREE_AT_JUMP : 1;
        enum fota_err err = update_make_room(u, n_records, JOURNAL_NO_SPARE);
        if (err == E_JOURNAL_FULL) {
            /* Not even a record that gives the slot up: its last sector goes first. At worst a fallback is
             * lost a little earlier. */
            err = update_make_room(u, n_records, JOURNAL_MIRRORS + (uint32_t)slot);
        }
        err = err == E_UPDATE_BUSY ? err : revive(u);
        if (err) {
            return err;
        }
        u->session_clean = clean_sectors(u, slot, release->image_bytes);
        err = put_state(u, slot, SLOT_STATE_RECEIVING, release->hash[slot]);
        if (err) {
            return err;
        }
    }
    if (!journal_has_room(&u->journal, records_of_update(u))) {
        u->session_clean = 0;
        enum fota_err err = update_make_room(u, records_of_update(u), JOURNAL_MIRRORS + (uint32_t)slot);
        return err == E_UPDATE_BUSY ? err : FOTA_OK;
    }
    return FOTA_OK;
}

/* Is the place that the offer is for one that an update may write, and large enough? */
static enum fota_err check_place(const struct update *u, const struct update_offer *offer)
{
    uint32_t room_bytes = update_slot_bytes(u);
    if (offer->slot == SLOT_LOADER) {
        enum fota_err err = update_check_moment(u);
        if (err) {
            return err;
        }
        room_bytes = config_of(u)->loader.n_bytes;
    } else if (offer->slot > SLOT_B || offer->slot != (uint32_t)update_inactive_slot(u)) {
        return E_STATE;
    }
    return offer->image_bytes > room_bytes ? E_IMAGE_SIZE : FOTA_OK;
}

/* A plain session never goes on as a signed one, whatever the ids are, nor the other way round. */
static bool is_same_session(const struct update *u, const struct update_offer *offer)
{
    return u->offer.kind == offer->kind && u->offer.session_id == offer->session_id;
}

/* Called for a new session and for one that goes on after a reset. If the slot already holds the beginning of
 * this very image, the host is told where to go on, and nothing is erased. */
enum fota_err update_begin_offer(struct update *u, const struct update_offer *offer, uint32_t *resume_off)
{
    enum fota_err err = check_place(u, offer);
    if (err) {
        return err;
    }
    /* One session at a time. A host that wants another release must ABORT this one first, so that two
     * hosts cannot overwrite each other without noticing. */
    if (u->session != UPDATE_CLOSED && !is_same_session(u, offer)) {
        return E_UPDATE_SESSION;
    }
    enum slot slot = (enum slot)offer->slot;
    uint32_t off = 0;
    if (slot != SLOT_LOADER &&
        (!is_held(u, slot, offer, &off) || !journal_has_room(&u->journal, records_of_update(u)))) {
        err = claim(u, slot, offer);
        if (err) {
            return err;
        }
        off = 0;
    }
    open_session(u, offer, off);
    *resume_off = off;
    return FOTA_OK;
}

static void close_session(struct update *u)
{
    u->session = UPDATE_CLOSED;
}

/* A statement was given: size and digest are known. */
static bool is_described(const struct update *u)
{
    return u->offer.kind == UPDATE_OFFER_SIGNED;
}

/* Is a session open for a slot? One for the loader writes nothing here. */
FOTA_NOINLINE static enum fota_err check_open(const struct update *u)
{
    if (u->session == UPDATE_CLOSED) {
        return E_UPDATE_NO_SESSION;
    }
    return u->offer.slot > SLOT_B ? E_STATE : FOTA_OK;
}

/* Offset of `addr` in the session's slot. BEGIN has checked that the slot is the inactive one; this checks it
 * again before each erase and program, because a wrong address here would destroy the running image. The
 * subtraction wraps round for an address before the slot, and the result is refused as too large. */
static enum fota_err locate(const struct update *u, uint32_t addr, uint32_t n_bytes, uint32_t *off)
{
    enum fota_err err = check_open(u);
    if (err) {
        return err;
    }
    enum slot slot = (enum slot)u->offer.slot;
    *off = addr - config_of(u)->base[slot];
    if (slot != update_inactive_slot(u) || slot == u->running || *off > update_slot_bytes(u) ||
        n_bytes > update_slot_bytes(u) - *off) {
        return E_FLASH_RANGE;
    }
    return FOTA_OK;
}

/* Before cells of sector `k` change, the record must no longer count that sector as received. Otherwise a cut
 * in the erase would leave a record that says "complete" about a sector that is torn, and the next session
 * would resume after it. */
static enum fota_err lower_resume_sectors(struct update *u, uint32_t k)
{
    enum slot slot = (enum slot)u->offer.slot;
    u->session = UPDATE_RECEIVING;
    if (u->record.state[slot] == SLOT_STATE_RECEIVING && u->record.resume_sectors <= k) {
        return FOTA_OK;
    }
    return change_state(u, slot, SLOT_STATE_RECEIVING);
}

/* The running hash covers the slot from its start up to some offset. If cells before that offset change, it is
 * wrong and starts anew; update_finish then reads those bytes again. */
static void forget_hash_beyond(const struct update *u, uint32_t off)
{
    if (crypto_sha256_length(config_of(u)->hash) > off) {
        crypto_sha256_init(config_of(u)->hash);
    }
}

enum fota_err update_erase(struct update *u, uint32_t sector)
{
    uint32_t off = 0;
    enum fota_err err = check_open(u);
    if (err) {
        return err;
    }
    uint32_t k = sector - config_of(u)->first_sector[u->offer.slot];
    if (k >= config_of(u)->n_sectors) {
        return E_FLASH_RANGE;
    }
    uint32_t sector_bytes = config_of(u)->sector_bytes;
    err = locate(u, config_of(u)->base[u->offer.slot] + k * sector_bytes, sector_bytes, &off);
    if (err == FOTA_OK) {
        err = lower_resume_sectors(u, k);
    }
    /* Clean: an erase ran to its end, and nothing was programmed since. */
    bool is_clean = (u->session_clean >> k & 1) != 0;
    if (err == FOTA_OK && !is_clean) {
        err = update_take_erase(u);
    }
    if (err) {
        return err;
    }
    if (u->session_flashed > off) {
        u->session_flashed = off;
    }
    forget_hash_beyond(u, off);
    if (!is_clean) {
        err = flash_erase_sector(config_of(u)->flash, sector);
        u->session_clean |= (uint32_t)(err == FOTA_OK) << k;
    }
    return err;
}

/*
 * Program words, and hash them in the time that the flash needs for each (16 us a word, DS8626 table 40).
 *
 * That works only for words in ascending order. It stops where the image's TLVs may begin, because image.c
 * does not hash these together with the program. What the running hash lacks, update_finish reads from flash.
 */
static enum fota_err program_and_hash(struct update *u, uint32_t off, uint32_t addr, const uint32_t *words,
                                      uint32_t n_words)
{
    struct flash *flash = config_of(u)->flash;
    forget_hash_beyond(u, off);
    flash->overlap_ctx = NULL;
    if (off == crypto_sha256_length(config_of(u)->hash) &&
        off + 4 * n_words + IMAGE_TLV_MAX_BYTES <= u->offer.image_bytes) {
        flash->overlap_ctx = config_of(u)->hash;
    }
    enum fota_err err = flash_program(flash, addr, words, n_words);
    flash->overlap_ctx = NULL;
    if (err) {
        forget_hash_beyond(u, 0);
    }
    return err;
}

enum fota_err update_program(struct update *u, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    uint32_t off = 0;
    if (n_words > update_slot_bytes(u) / 4) {
        return E_FLASH_RANGE;
    }
    enum fota_err err = locate(u, addr, 4 * n_words, &off);
    if (err) {
        return err;
    }
    /* The journal may have to believe what stands at a spare place (rule R13). */
    if (journal_is_forged(config_of(u)->journal, addr, words, n_words)) {
        return E_FLASH_RANGE;
    }
    uint32_t k = off / config_of(u)->sector_bytes;
    /* Before the first word, for the same reason as before an erase: the record must not count a sector
     * that is about to change. */
    err = lower_resume_sectors(u, k);
    if (err) {
        return err;
    }
    u->session_clean &= ~(1U << k);
    err = program_and_hash(u, off, addr, words, n_words);
    if (err || off != u->session_flashed) {
        return err;
    }
    u->session_flashed += 4 * n_words;
    /* One record for each complete sector. A reset then costs the host at most one sector to send again,
     * and the journal three records an image. */
    uint32_t n_complete = u->session_flashed / config_of(u)->sector_bytes;
    if (is_described(u) && n_complete > u->record.resume_sectors &&
        u->session_flashed < u->offer.image_bytes) {
        struct boot_record *record = update_draft(u);
        record->resume_sectors = (uint8_t)n_complete;
        /* If this fails, the next session sends a sector again; the bytes are in flash all the same. */
        err = update_commit(u, record);
        (void)err;
    }
    return FOTA_OK;
}

/* A longer image may have been here before: erase the sectors that the new one does not reach. What parse
 * says is not trusted for more than that; a wrong size fails verification afterwards. */
static enum fota_err clear_rest(struct update *u)
{
    struct image image;
    const uint8_t *slot = config_of(u)->slot[u->offer.slot];
    if (image_parse(slot, update_slot_bytes(u), &image) != FOTA_OK) {
        return FOTA_OK;
    }
    uint32_t sector_bytes = config_of(u)->sector_bytes;
    for (uint32_t k = (image.total_bytes + sector_bytes - 1) / sector_bytes; k < config_of(u)->n_sectors;
         k++) {
        enum fota_err err = update_erase(u, config_of(u)->first_sector[u->offer.slot] + k);
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

/* True if the loader, which nothing protects from being replaced, was signed with the key of this hash. */
static bool is_key_of_loader(const struct update *u, const uint8_t *keyhash)
{
    const struct update_loader *loader = &config_of(u)->loader;
    struct image image;
    return loader->bytes && !update_is_loader_protected(u) &&
           image_parse(loader->bytes, loader->n_bytes, &image) == FOTA_OK &&
           memcmp(loader->bytes + image.keyhash_off, keyhash, CRYPTO_SHA256_BYTES) == 0;
}

static enum fota_err check_received(const struct update *u, struct image_result *result)
{
    enum slot slot = (enum slot)u->offer.slot;
    enum fota_err err = update_verify_slot(u, slot, update_floor(u), result);
    if (err) {
        return err;
    }
    if (is_described(u) && (result->image.total_bytes != u->offer.image_bytes ||
                            memcmp(result->file_sha256, u->offer.sha256, CRYPTO_SHA256_BYTES) != 0 ||
                            memcmp(result->image_hash, u->offer.hash[slot], BOOT_RECORD_DIGEST_BYTES) != 0)) {
        return E_UPDATE_DIGEST;
    }
    if (boot_record_is_rejected(&u->record, slot, result->image_hash)) {
        return E_SLOT_REJECTED;
    }
    /* Confirmed, it would end the key of the only loader. */
    uint32_t revokes_off = result->image.revokes_off;
    return revokes_off != 0 && is_key_of_loader(u, config_of(u)->slot[slot] + revokes_off)
               ? E_UPDATE_LOADER_KEY
               : FOTA_OK;
}

/*
 * Verify what is in the slot and record it as pending. Nothing that was checked on the way counts: the
 * signature is checked over the bytes as they now are in flash.
 *
 * The order is: make room in the journal first, since no erase may be needed between verification and the
 * record; erase what an older, longer image left after this one, since trailing bytes are refused; verify;
 * record. If verification fails, the slot goes back to "receiving, no sector complete".
 */
enum fota_err update_finish(struct update *u)
{
    enum fota_err err = check_open(u);
    if (err) {
        return err;
    }
    if (is_described(u) && u->session_flashed < u->offer.image_bytes) {
        return E_UPDATE_INCOMPLETE;
    }
    if (update_make_room(u, FINISH_RECORDS, JOURNAL_NO_SPARE) == E_UPDATE_BUSY) {
        return E_UPDATE_BUSY;
    }
    struct image_result result;
    enum slot slot = (enum slot)u->offer.slot;
    err = u->record.state[slot] == SLOT_STATE_RECEIVING ? clear_rest(u) : FOTA_OK;
    if (err) {
        return err;
    }
    enum fota_err reason = check_received(u, &result);
    if (reason) {
        /* Start over from the first byte, whoever resumes. */
        u->record.last_reason = (uint16_t)reason;
        u->session_flashed = 0;
        u->session = UPDATE_RECEIVING;
        err = change_state(u, slot, SLOT_STATE_RECEIVING);
        return err ? err : reason;
    }
    if (u->record.state[slot] != SLOT_STATE_PENDING) {
        err = put_state(u, slot, SLOT_STATE_PENDING, result.image_hash);
        if (err) {
            return err;
        }
    }
    u->session = UPDATE_FINISHED;
    return FOTA_OK;
}

/* From pending to trial, with one record. A host repeats ACTIVATE if the reply was lost, so a slot that is on
 * trial already is no error. */
enum fota_err update_activate(struct update *u)
{
    enum slot slot = update_inactive_slot(u);
    if (u->session != UPDATE_CLOSED && u->offer.slot == SLOT_LOADER) {
        close_session(u); /* what loader_install did needs no activation */
        return FOTA_OK;
    }
    if (slot == SLOT_NONE) {
        return E_STATE;
    }
    if (u->record.state[slot] != SLOT_STATE_TRIAL) {
        if (u->record.state[slot] != SLOT_STATE_PENDING) {
            return E_STATE;
        }
        enum fota_err err = change_state(u, slot, SLOT_STATE_TRIAL);
        if (err) {
            return err;
        }
    }
    close_session(u);
    return FOTA_OK;
}

/* The slot becomes empty, and the record says that its reception was abandoned: an erase may have been cut in
 * it, so its blank sectors are not trusted later (clean_sectors). */
enum fota_err update_abort(struct update *u)
{
    static const uint8_t UNKNOWN[BOOT_RECORD_DIGEST_BYTES] = {0};
    bool is_loader = u->session != UPDATE_CLOSED && u->offer.slot == SLOT_LOADER;
    enum slot slot = is_loader ? SLOT_NONE : update_inactive_slot(u);
    enum fota_err err = FOTA_OK;
    /* Only what an update has brought is discarded: a confirmed fallback or a rejection in the slot stays
     * recorded. */
    if (slot != SLOT_NONE && u->record.state[slot] >= SLOT_STATE_RECEIVING &&
        u->record.state[slot] <= SLOT_STATE_TRIAL) {
        err = put_state(u, slot, SLOT_STATE_EMPTY, UNKNOWN);
    }
    if (err != E_UPDATE_BUSY) {
        close_session(u);
    }
    return err;
}

/* The operator lets rejected releases be tried again. The number only goes up: a request that arrives twice, or
 * an old one that is repeated by somebody else, changes nothing. */
enum fota_err update_retry(struct update *u, uint32_t number)
{
    struct boot_record *record = update_draft(u);
    if (number <= record->retry) {
        return FOTA_OK;
    }
    record->retry = number;
    memset(record->rejected, 0, sizeof record->rejected);
    /* The slot of a rejected image becomes empty: its bytes may be tried if nothing else boots, and the
     * release may be received again. */
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        if (record->state[slot] == SLOT_STATE_REJECTED) {
            record->state[slot] = SLOT_STATE_EMPTY;
            memset(record->digest[slot], 0, BOOT_RECORD_DIGEST_BYTES);
        }
    }
    return update_record(u, record);
}

/* What update_tell_view copies. */
#define SAME_PLACE(field)                                                                                    \
    _Static_assert(offsetof(struct update, field) == offsetof(struct boot_view, field), "a view begins "     \
                                                                                        "alike")
SAME_PLACE(record);
SAME_PLACE(reset);
SAME_PLACE(running);
SAME_PLACE(stay);
SAME_PLACE(session);
SAME_PLACE(session_flashed);
_Static_assert(offsetof(struct update, offer) == offsetof(struct boot_view, session_id) &&
                   offsetof(struct update, offer.image_bytes) == offsetof(struct boot_view, session_bytes),
               "and goes on with the offer");

void update_tell_view(const struct update *u, struct boot_view *out)
{
    memcpy(out, u, offsetof(struct boot_view, inactive));
    out->inactive = update_inactive_slot(u);
    out->security_floor = update_floor(u);
    out->journal_ok = journal_sound_mask(&u->journal) | journal_dead_mask(&u->journal) << 4;
}
