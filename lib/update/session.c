#include <string.h>

#include "base/bytes.h"
#include "format/release_statement.h"
#include "update_private.h"

enum slot update_inactive_slot(const struct update *u)
{
    enum slot active = (enum slot)u->record.active;
    if (u->running != SLOT_NONE && u->running != active) {
        return SLOT_NONE;
    }
    if (active == SLOT_NONE) {
        /* In the loader with nothing confirmed: go on where something was received, else A. */
        uint8_t state_b = u->record.state[SLOT_B];
        bool is_b_begun = state_b == SLOT_STATE_RECEIVING || state_b == SLOT_STATE_PENDING;
        return is_b_begun ? SLOT_B : SLOT_A;
    }
    return active == SLOT_A ? SLOT_B : SLOT_A;
}

static enum fota_err check_signature(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                     const uint8_t *text, size_t n_bytes, const uint8_t *der,
                                     size_t n_der_bytes)
{
    const struct update_config *config = ctx;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    for (uint32_t i = 0; i < IMAGE_KEYS; i++) {
        if (config->keys[i] == NULL) {
            continue;
        }
        image_keyhash(config->keys[i], hash);
        if (memcmp(hash, key_id, STATEMENT_KEY_ID_BYTES) != 0) {
            continue;
        }
        struct crypto_sha256 sha;
        crypto_sha256_init(&sha);
        crypto_sha256_update(&sha, text, n_bytes);
        crypto_sha256_final(&sha, hash);
        return crypto_p256_verify(config->keys[i], hash, der, n_der_bytes) == CRYPTO_ACCEPT
                   ? FOTA_OK
                   : E_STATEMENT_SIGNATURE;
    }
    return E_STATEMENT_KEY;
}

/* Signature first, then what it says, then whether it is for us and now. */
static enum fota_err read_statement(const struct update *u, enum slot slot, const uint8_t *text,
                                    uint32_t n_bytes, struct release_slot *out)
{
    struct statement statement;
    struct statement_verifier verifier = {check_signature, (void *)(uintptr_t)u->config};
    enum fota_err err = release_parse(text, n_bytes, &statement);
    if (err) {
        return err;
    }
    err = statement_verify(&statement, text, &verifier);
    if (err) {
        return err;
    }
    err = release_slot_read(&statement, slot, u->config->hw_id, out);
    if (err) {
        return err;
    }
    if (out->boot_min > u->config->bootloader_version) {
        return E_UNSUPPORTED;
    }
    if (out->security_counter < update_floor(u)) {
        return E_STATEMENT_COUNTER;
    }
    return out->image_bytes > update_slot_bytes(u) ? E_IMAGE_SIZE : FOTA_OK;
}

/* Sectors of a slot that are blank, of those behind its first `n_bytes`; what an image needs is erased
 * anyway. Blank proves nothing where an erase may have been cut (axiom F6: it may read otherwise some day),
 * so there are none in a slot that is being received or whose reception was given up. */
static uint32_t clean_sectors(const struct update *u, enum slot slot, uint32_t n_bytes)
{
    const struct update_config *config = u->config;
    uint32_t mask = 0;
    bool is_doubtful = u->record.state[slot] == SLOT_STATE_RECEIVING || u->record.resume_sectors != 0;
    uint32_t k = (n_bytes + config->sector_bytes - 1) / config->sector_bytes;
    for (; k < config->n_sectors && !is_doubtful; k++) {
        const uint8_t *sector = config->slot[slot] + (size_t)k * config->sector_bytes;
        mask |= (uint32_t)bytes_all_equal(sector, config->sector_bytes, 0xFF) << k;
    }
    return mask;
}

/* What is known about the slot from now on; the record is the one of before otherwise. The floor rises to the
 * confirmed image here, because the slot's image, its fallback, goes. `digest` may be the record's own. */
static enum fota_err put_state(struct update *u, enum slot slot, enum slot_state state, const uint8_t *digest)
{
    struct boot_record record = u->record;
    record.security_floor = update_floor(u);
    record.state[slot] = (uint8_t)state;
    record.tries = state == SLOT_STATE_TRIAL ? BOOT_TRIAL_RUNS : 0;
    record.resume_sectors = state == SLOT_STATE_EMPTY; /* given up: see clean_sectors */
    memcpy(record.digest[slot], digest, BOOT_RECORD_DIGEST_BYTES);
    return update_commit(u, &record);
}

/* Another state of the same content. */
static enum fota_err change_state(struct update *u, enum slot slot, enum slot_state state)
{
    return put_state(u, slot, state, u->record.digest[slot]);
}

/* True if the slot is known to hold, or to be receiving, the image with this digest; *off: bytes of it that
 * are there. */
static bool is_held(const struct update *u, enum slot slot, const struct release_slot *release, uint32_t *off)
{
    const struct boot_record *record = &u->record;
    uint8_t state = record->state[slot];
    *off = release->image_bytes;
    if (state == SLOT_STATE_RECEIVING) {
        uint32_t received = record->resume_sectors * u->config->sector_bytes;
        *off = received < *off ? received : *off;
    }
    return state != SLOT_STATE_EMPTY && state != SLOT_STATE_REJECTED &&
           memcmp(record->digest[slot], release->sha256, BOOT_RECORD_DIGEST_BYTES) == 0;
}

static bool is_rejected(const struct update *u, const uint8_t *digest)
{
    static const uint8_t NONE[BOOT_RECORD_DIGEST_BYTES] = {0};
    bool is_hit = false;
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        const uint8_t *rejected = u->record.rejected[slot];
        is_hit = is_hit ||
                 (memcmp(rejected, NONE, sizeof NONE) != 0 && memcmp(rejected, digest, sizeof NONE) == 0);
    }
    return is_hit;
}

static void close_session(struct update *u)
{
    u->session = UPDATE_CLOSED;
    u->session_id = 0;
    u->session_bytes = 0;
    u->session_flashed = 0;
}

enum fota_err update_begin(struct update *u, const uint8_t *statement, uint32_t n_bytes,
                           struct update_target *out)
{
    enum slot slot = update_inactive_slot(u);
    if (slot == SLOT_NONE) {
        return E_STATE;
    }
    /* Without a statement: anything that fits the slot, under a digest that stands for "not known". */
    struct release_slot release = {.image_bytes = update_slot_bytes(u)};
    bytes_store_be32(release.sha256, (uint32_t)UPDATE_OPEN_SESSION_ID);
    if (n_bytes != 0) {
        enum fota_err err = read_statement(u, slot, statement, n_bytes, &release);
        if (err) {
            return err;
        }
    }
    uint32_t session_id = bytes_load_be32(release.sha256);
    if (is_rejected(u, release.sha256)) {
        return E_SLOT_REJECTED;
    }
    if (u->session != UPDATE_CLOSED && u->session_id != session_id) {
        return E_UPDATE_SESSION;
    }
    uint32_t off;
    if (!is_held(u, slot, &release, &off)) {
        u->session_clean = clean_sectors(u, slot, release.image_bytes);
        update_make_room(u);
        enum fota_err err = put_state(u, slot, SLOT_STATE_RECEIVING, release.sha256);
        if (err) {
            return err;
        }
        off = 0;
    }
    if (u->session == UPDATE_CLOSED) {
        crypto_sha256_init(u->config->hash);
    }
    if (u->session == UPDATE_CLOSED || off > u->session_flashed) {
        u->session_flashed = off; /* BEGIN again in an open session: what is in flash stays counted */
    }
    memcpy(u->session_sha256, release.sha256, sizeof u->session_sha256);
    u->session = UPDATE_RECEIVING;
    u->session_slot = slot;
    u->session_id = session_id;
    u->session_bytes = release.image_bytes;
    *out = (struct update_target){session_id, slot, u->config->base[slot], release.image_bytes, off};
    return FOTA_OK;
}

/* A statement was given: size and digest are known. */
static bool is_described(const struct update *u)
{
    return u->session_id != (uint32_t)UPDATE_OPEN_SESSION_ID;
}

/* Where `addr` is in the session's slot. The second look at the slot is deliberate: an address decides what
 * is lost. */
static enum fota_err locate(const struct update *u, uint32_t addr, uint32_t n_bytes, uint32_t *off)
{
    if (u->session == UPDATE_CLOSED) {
        return E_UPDATE_NO_SESSION;
    }
    enum slot slot = u->session_slot;
    *off = addr - u->config->base[slot];
    if (slot != update_inactive_slot(u) || slot == u->running || *off > update_slot_bytes(u) ||
        n_bytes > update_slot_bytes(u) - *off) {
        return E_FLASH_RANGE;
    }
    return FOTA_OK;
}

/* Before cells of sector `k` of the slot change, the record must not vouch for them any more. */
static enum fota_err disown(struct update *u, uint32_t k)
{
    enum slot slot = u->session_slot;
    u->session = UPDATE_RECEIVING;
    if (u->record.state[slot] == SLOT_STATE_RECEIVING && u->record.resume_sectors <= k) {
        return FOTA_OK;
    }
    return change_state(u, slot, SLOT_STATE_RECEIVING);
}

/* Cells from `off` on change: a hash that has them is of no use. */
static void forget_hash_beyond(const struct update *u, uint32_t off)
{
    if (crypto_sha256_length(u->config->hash) > off) {
        crypto_sha256_init(u->config->hash);
    }
}

enum fota_err update_erase(struct update *u, uint32_t sector)
{
    uint32_t off = 0;
    uint32_t k = sector - u->config->first_sector[u->session_slot];
    if (u->session != UPDATE_CLOSED && k >= u->config->n_sectors) {
        return E_FLASH_RANGE;
    }
    enum fota_err err = locate(u, u->config->base[u->session_slot] + k * u->config->sector_bytes,
                               u->config->sector_bytes, &off);
    if (err) {
        return err;
    }
    err = disown(u, k);
    if (err) {
        return err;
    }
    if (u->session_flashed > off) {
        u->session_flashed = off;
    }
    forget_hash_beyond(u, off);
    if ((u->session_clean >> k & 1) != 0) {
        return FOTA_OK; /* an erase ran to its end, and nothing was programmed since */
    }
    err = flash_erase_sector(u->config->flash, sector);
    u->session_clean |= (uint32_t)(err == FOTA_OK) << k;
    return err;
}

/* The hash goes along while words come one behind the other, up to where the image's tail may begin, which is
 * hashed apart (image.c). update_finish reads what it lacks. */
static enum fota_err program_and_hash(struct update *u, uint32_t off, uint32_t addr, const uint32_t *words,
                                      uint32_t n_words)
{
    struct flash *flash = u->config->flash;
    forget_hash_beyond(u, off);
    flash->companion_ctx = NULL;
    if (off == crypto_sha256_length(u->config->hash) &&
        off + 4 * n_words + IMAGE_TLV_MAX_BYTES <= u->session_bytes) {
        flash->companion_ctx = u->config->hash;
    }
    enum fota_err err = flash_program(flash, addr, words, n_words);
    flash->companion_ctx = NULL;
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
    uint32_t k = off / u->config->sector_bytes;
    err = disown(u, k);
    if (err) {
        return err;
    }
    u->session_clean &= ~(1U << k);
    err = program_and_hash(u, off, addr, words, n_words);
    if (err || off != u->session_flashed) {
        return err;
    }
    u->session_flashed += 4 * n_words;
    uint32_t n_complete = u->session_flashed / u->config->sector_bytes;
    if (is_described(u) && n_complete > u->record.resume_sectors && u->session_flashed < u->session_bytes) {
        struct boot_record record = u->record;
        record.resume_sectors = (uint8_t)n_complete;
        /* If this fails, the next session sends a sector again; the bytes are in flash all the same. */
        err = update_commit(u, &record);
        (void)err;
    }
    return FOTA_OK;
}

/* A longer image may have been here before: erase the sectors that the new one does not reach. What parse
 * says is not trusted for more than that; a wrong size fails verification afterwards. */
static enum fota_err clear_rest(struct update *u)
{
    struct image image;
    const uint8_t *slot = u->config->slot[u->session_slot];
    if (image_parse(slot, update_slot_bytes(u), &image) != FOTA_OK) {
        return FOTA_OK;
    }
    uint32_t sector_bytes = u->config->sector_bytes;
    for (uint32_t k = (image.total_bytes + sector_bytes - 1) / sector_bytes; k < u->config->n_sectors; k++) {
        enum fota_err err = update_erase(u, u->config->first_sector[u->session_slot] + k);
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

static enum fota_err check_received(const struct update *u, struct image_result *result)
{
    enum fota_err err = update_verify_slot(u, u->session_slot, update_floor(u), result);
    if (err) {
        return err;
    }
    if (is_described(u) && (result->image.total_bytes != u->session_bytes ||
                            memcmp(result->file_sha256, u->session_sha256, CRYPTO_SHA256_BYTES) != 0)) {
        return E_UPDATE_DIGEST;
    }
    return is_rejected(u, result->file_sha256) ? E_SLOT_REJECTED : FOTA_OK;
}

enum fota_err update_finish(struct update *u)
{
    if (u->session == UPDATE_CLOSED) {
        return E_UPDATE_NO_SESSION;
    }
    if (is_described(u) && u->session_flashed < u->session_bytes) {
        return E_UPDATE_INCOMPLETE;
    }
    struct image_result result;
    enum slot slot = u->session_slot;
    enum fota_err err = u->record.state[slot] == SLOT_STATE_RECEIVING ? clear_rest(u) : FOTA_OK;
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
        err = put_state(u, slot, SLOT_STATE_PENDING, result.file_sha256);
        if (err) {
            return err;
        }
    }
    u->session = UPDATE_FINISHED;
    return FOTA_OK;
}

enum fota_err update_activate(struct update *u)
{
    enum slot slot = update_inactive_slot(u);
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

enum fota_err update_abort(struct update *u)
{
    static const uint8_t UNKNOWN[BOOT_RECORD_DIGEST_BYTES] = {0};
    enum slot slot = update_inactive_slot(u);
    close_session(u);
    if (slot == SLOT_NONE || u->record.state[slot] < SLOT_STATE_RECEIVING ||
        u->record.state[slot] > SLOT_STATE_TRIAL) {
        return FOTA_OK;
    }
    return put_state(u, slot, SLOT_STATE_EMPTY, UNKNOWN);
}

enum fota_err update_hash(const struct update *u, uint32_t off, uint32_t n_bytes,
                          uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    enum slot slot = update_inactive_slot(u);
    if (slot == SLOT_NONE || off > update_slot_bytes(u) || n_bytes > update_slot_bytes(u) - off) {
        return E_FLASH_RANGE;
    }
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, u->config->slot[slot] + off, n_bytes);
    crypto_sha256_final(&ctx, sha256);
    return FOTA_OK;
}
