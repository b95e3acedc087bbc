#include "stage_contract.h"

#include <string.h>

enum {
    A = 1, /* items by number: digest, bytes and note follow from it */
    B = 2,
    C = 3,
    ITEM_BYTES = 20001,
    PIECE_BYTES = 1999,
    CHUNK_BYTES = 700,
    CUTS_MAX = 2000,
    SEEDS = 3
};

#define MUST(condition, text)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return text;                                                                                     \
        }                                                                                                    \
    } while (0)

#define MUST_HOLD(call)                                                                                      \
    do {                                                                                                     \
        const char *broken_ = (call);                                                                        \
        if (broken_) {                                                                                       \
            return broken_;                                                                                  \
        }                                                                                                    \
    } while (0)

static uint8_t byte_of(unsigned number, uint32_t off)
{
    return (uint8_t)(off * 7U + (off >> 8) * 13U + number * 101U);
}

static struct stage_item item_of(unsigned number)
{
    struct stage_item item = {.total_bytes = ITEM_BYTES, .n_note_bytes = 10 * number};
    memset(item.digest, (int)number, sizeof item.digest);
    return item;
}

static enum fota_err begin(struct stage *stage, unsigned number)
{
    uint8_t note[STAGE_NOTE_MAX_BYTES];
    const struct stage_item item = item_of(number);
    memset(note, (int)(number + 50), sizeof note);
    return stage_begin(stage, &item, note);
}

static enum fota_err append(struct stage *stage, unsigned number, uint32_t off, uint32_t n_bytes)
{
    uint8_t bytes[ITEM_BYTES];
    for (uint32_t i = 0; i < n_bytes; i++) {
        bytes[i] = byte_of(number, off + i);
    }
    return stage_append(stage, off, bytes, n_bytes);
}

/* From what is there to `end`, in pieces. */
static enum fota_err fill(struct stage *stage, unsigned number, uint32_t end)
{
    struct stage_item item;
    enum fota_err err = stage_look(stage, STAGE_INCOMING, &item);
    for (uint32_t off = err ? end : item.n_bytes; !err && off < end;) {
        const uint32_t n = end - off < PIECE_BYTES ? end - off : PIECE_BYTES;
        err = append(stage, number, off, n);
        off += n;
    }
    return err;
}

/* Begin, fill and keep. */
static enum fota_err put(struct stage *stage, unsigned number, enum stage_shelf shelf)
{
    enum fota_err err = begin(stage, number);
    if (!err) {
        err = fill(stage, number, ITEM_BYTES);
    }
    return err ? err : stage_keep(stage, shelf);
}

static bool has_item(struct stage *stage, enum stage_shelf shelf, unsigned number, struct stage_item *item)
{
    return stage_look(stage, shelf, item) == FOTA_OK && item->digest[0] == number &&
           item->digest[STAGE_DIGEST_BYTES - 1] == number && item->total_bytes == ITEM_BYTES &&
           item->n_bytes <= ITEM_BYTES;
}

/* Does the shelf hold exactly this item: digest, note, and n_bytes of its own bytes? */
static const char *check(struct stage *stage, enum stage_shelf shelf, unsigned number, uint32_t n_bytes)
{
    uint8_t bytes[CHUNK_BYTES];
    struct stage_item item;
    MUST(has_item(stage, shelf, number, &item), "the item is not on its shelf");
    MUST(item.n_bytes == n_bytes, "the item has another number of bytes");
    MUST(item.n_note_bytes == 10 * number && stage_note(stage, shelf, bytes, item.n_note_bytes) == FOTA_OK,
         "the note is lost");
    for (uint32_t i = 0; i < item.n_note_bytes; i++) {
        MUST(bytes[i] == number + 50, "the note has other bytes");
    }
    for (uint32_t off = 0; off < n_bytes;) {
        const uint32_t n = n_bytes - off < CHUNK_BYTES ? n_bytes - off : CHUNK_BYTES;
        MUST(stage_read(stage, shelf, off, bytes, n) == FOTA_OK, "bytes cannot be read");
        for (uint32_t i = 0; i < n; i++) {
            MUST(bytes[i] == byte_of(number, off + i), "other bytes read back");
        }
        off += n;
    }
    return NULL;
}

static bool is_empty(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_item item;
    return stage_look(stage, shelf, &item) == E_NOT_FOUND;
}

/* --- without power cuts ------------------------------------------------------------------------------ */

static const char *a_new_store_is_empty(struct stage_contract_env *env)
{
    struct stage_item item;
    uint8_t byte = 0;
    MUST(is_empty(env->stage, STAGE_INCOMING) && is_empty(env->stage, STAGE_SLOT_A) &&
             is_empty(env->stage, STAGE_SLOT_B),
         "a shelf is not empty");
    MUST(stage_read(env->stage, STAGE_SLOT_A, 0, &byte, 1) == E_NOT_FOUND, "an empty shelf was read");
    MUST(stage_append(env->stage, 0, &byte, 1) == E_NOT_FOUND, "bytes were taken before anything was begun");
    MUST(stage_keep(env->stage, STAGE_SLOT_A) == E_NOT_FOUND, "nothing was kept");
    MUST(stage_look(env->stage, STAGE_SHELVES, &item) == E_ARG, "a shelf that does not exist was looked at");
    MUST(stage_keep(env->stage, STAGE_SHELVES) == E_ARG, "something was kept on a shelf that does not exist");
    MUST(stage_drop(env->stage, STAGE_SLOT_B) == FOTA_OK, "an empty shelf could not be emptied");
    return NULL;
}

static const char *appended_bytes_read_back_at_once(struct stage_contract_env *env)
{
    static const uint32_t SIZES[] = {1, 2, 4095, 4096, 4097, 1, 509};
    uint32_t off = 0;
    MUST(begin(env->stage, A) == FOTA_OK, "begin failed");
    for (unsigned i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        MUST(append(env->stage, A, off, SIZES[i]) == FOTA_OK, "append failed");
        off += SIZES[i];
        MUST_HOLD(check(env->stage, STAGE_INCOMING, A, off));
    }
    MUST(append(env->stage, A, off, 0) == FOTA_OK, "no bytes are nothing to do");
    return check(env->stage, STAGE_INCOMING, A, off);
}

static const char *gap_overlap_and_excess_are_refused(struct stage_contract_env *env)
{
    uint8_t byte = 0;
    MUST(begin(env->stage, A) == FOTA_OK && fill(env->stage, A, 5000) == FOTA_OK, "begin failed");
    MUST(append(env->stage, A, 5001, 1) == E_ARG, "a gap was taken");
    MUST(append(env->stage, A, 4999, 2) == E_ARG, "an overlap was taken");
    MUST(append(env->stage, A, 5000, ITEM_BYTES - 4999) == E_ARG, "more bytes were taken than the item has");
    MUST(stage_read(env->stage, STAGE_INCOMING, 5000, &byte, 1) == E_ARG,
         "a byte was read that is not there");
    MUST(stage_read(env->stage, STAGE_INCOMING, UINT32_MAX, &byte, 2) == E_ARG, "an offset wrapped around");
    return check(env->stage, STAGE_INCOMING, A, 5000);
}

static const char *wrong_items_are_refused(struct stage_contract_env *env)
{
    uint8_t note[STAGE_NOTE_MAX_BYTES] = {0};
    struct stage_item item = item_of(A);
    item.total_bytes = 0;
    MUST(stage_begin(env->stage, &item, note) == E_ARG, "an item of no bytes was begun");
    item.total_bytes = env->shelf_bytes + 1;
    MUST(stage_begin(env->stage, &item, note) == E_NO_SPACE, "an item was begun that is too large");
    item.total_bytes = env->shelf_bytes;
    item.n_note_bytes = STAGE_NOTE_MAX_BYTES + 1;
    MUST(stage_begin(env->stage, &item, note) == E_ARG, "a note was taken that is too long");
    MUST(is_empty(env->stage, STAGE_INCOMING), "a refused item is there");
    item.n_note_bytes = STAGE_NOTE_MAX_BYTES;
    MUST(stage_begin(env->stage, &item, note) == FOTA_OK, "the longest note was refused");
    MUST(stage_note(env->stage, STAGE_INCOMING, note, STAGE_NOTE_MAX_BYTES) == FOTA_OK, "it is lost");
    item.n_note_bytes = 0;
    MUST(stage_begin(env->stage, &item, NULL) == FOTA_OK, "an item without a note was refused");
    MUST(stage_note(env->stage, STAGE_INCOMING, note, 1) == E_ARG,
         "a byte of a note that is not there was read");
    return NULL;
}

static const char *the_same_item_goes_on_and_another_begins_anew(struct stage_contract_env *env)
{
    struct stage_item item = item_of(A);
    MUST(put(env->stage, B, STAGE_SLOT_B) == FOTA_OK, "keep failed");
    item.n_note_bytes = 0;
    MUST(stage_begin(env->stage, &item, NULL) == FOTA_OK && fill(env->stage, A, 7001) == FOTA_OK,
         "begin failed");
    MUST(begin(env->stage, A) == FOTA_OK, "begin of the same item failed");
    MUST_HOLD(check(env->stage, STAGE_INCOMING, A, 7001)); /* with its new note */
    MUST(begin(env->stage, C) == FOTA_OK, "begin of another item failed");
    MUST_HOLD(check(env->stage, STAGE_INCOMING, C, 0));
    MUST(fill(env->stage, C, 100) == FOTA_OK, "append failed");
    item = item_of(C);
    item.total_bytes--;
    MUST(stage_begin(env->stage, &item, (const uint8_t *)"123456789012345678901234567890") == FOTA_OK &&
             stage_look(env->stage, STAGE_INCOMING, &item) == FOTA_OK && item.n_bytes == 0,
         "an item of another size is another item");
    return check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES);
}

static const char *kept_items_stay_while_others_arrive(struct stage_contract_env *env)
{
    MUST(begin(env->stage, A) == FOTA_OK && fill(env->stage, A, ITEM_BYTES - 1) == FOTA_OK, "begin failed");
    MUST(stage_keep(env->stage, STAGE_SLOT_A) == E_STATE, "an item was kept that is not complete");
    MUST(fill(env->stage, A, ITEM_BYTES) == FOTA_OK, "append failed");
    MUST(stage_keep(env->stage, STAGE_INCOMING) == E_ARG, "INCOMING was kept on itself");
    MUST(stage_keep(env->stage, STAGE_SLOT_A) == FOTA_OK, "keep failed");
    MUST(is_empty(env->stage, STAGE_INCOMING), "a kept item is still on INCOMING");
    MUST(put(env->stage, B, STAGE_SLOT_B) == FOTA_OK, "keep of a second item failed");
    MUST(begin(env->stage, C) == FOTA_OK && fill(env->stage, C, ITEM_BYTES) == FOTA_OK,
         "a third did not fit");
    MUST_HOLD(check(env->stage, STAGE_SLOT_A, A, ITEM_BYTES));
    MUST_HOLD(check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES));
    MUST_HOLD(check(env->stage, STAGE_INCOMING, C, ITEM_BYTES));
    MUST(stage_keep(env->stage, STAGE_SLOT_A) == FOTA_OK, "keep over an old item failed");
    MUST_HOLD(check(env->stage, STAGE_SLOT_A, C, ITEM_BYTES));
    MUST(stage_drop(env->stage, STAGE_SLOT_A) == FOTA_OK, "drop failed");
    MUST(is_empty(env->stage, STAGE_SLOT_A), "a dropped item is still there");
    return check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES);
}

/* --- restart and power cuts -------------------------------------------------------------------------- */

/* INCOMING after a loss: a whole beginning of the item, at most STAGE_LOSS_MAX_BYTES shorter than before. */
static const char *check_loss(struct stage_contract_env *env, unsigned number, uint32_t before)
{
    struct stage_item item;
    MUST(has_item(env->stage, STAGE_INCOMING, number, &item), "the incoming item is lost");
    MUST(item.n_bytes + STAGE_LOSS_MAX_BYTES >= before, "more was lost than the contract allows");
    return check(env->stage, STAGE_INCOMING, number, item.n_bytes);
}

static const char *a_restart_finds_what_was_there(struct stage_contract_env *env)
{
    if (!env->world->restart) {
        return NULL;
    }
    MUST(put(env->stage, B, STAGE_SLOT_B) == FOTA_OK, "keep failed");
    MUST(begin(env->stage, A) == FOTA_OK, "begin failed");
    for (uint32_t end = 0; end < ITEM_BYTES; end += 3001) {
        MUST(fill(env->stage, A, end) == FOTA_OK, "append failed");
        env->world->restart(env);
        MUST_HOLD(check_loss(env, A, end));
        MUST_HOLD(check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES));
    }
    MUST(fill(env->stage, A, ITEM_BYTES) == FOTA_OK && stage_keep(env->stage, STAGE_SLOT_A) == FOTA_OK,
         "the rest could not be appended");
    env->world->restart(env);
    MUST_HOLD(check(env->stage, STAGE_SLOT_A, A, ITEM_BYTES));
    MUST(is_empty(env->stage, STAGE_INCOMING), "INCOMING is not empty");
    return NULL;
}

static const char *power_that_fails_between_calls_costs_little(struct stage_contract_env *env)
{
    if (!env->world->power_up) {
        return NULL;
    }
    MUST(put(env->stage, B, STAGE_SLOT_B) == FOTA_OK && begin(env->stage, A) == FOTA_OK, "begin failed");
    for (uint32_t end = 0; end < ITEM_BYTES; end += 1777) {
        MUST(fill(env->stage, A, end) == FOTA_OK, "append failed");
        env->world->power_up(env, end);
        MUST_HOLD(check_loss(env, A, end));
        MUST_HOLD(check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES));
    }
    return NULL;
}

/* What has to hold after a cut in the script below: each shelf is what one of the calls left. */
static const char *check_after_cut(struct stage_contract_env *env, uint32_t *n_before)
{
    struct stage_item item;
    const enum fota_err err = stage_look(env->stage, STAGE_INCOMING, &item);
    MUST(err == FOTA_OK || err == E_NOT_FOUND, "INCOMING cannot be looked at");
    if (!err) {
        const unsigned number = item.digest[0];
        MUST(number == A || number == B || number == C, "INCOMING holds an item that nobody began");
        MUST_HOLD(check(env->stage, STAGE_INCOMING, number, item.n_bytes));
        MUST(number != C || item.n_bytes + STAGE_LOSS_MAX_BYTES >= *n_before, "more was lost than allowed");
    }
    MUST(is_empty(env->stage, STAGE_SLOT_B) || !check(env->stage, STAGE_SLOT_B, B, ITEM_BYTES),
         "slot B's shelf holds something else");
    if (!is_empty(env->stage, STAGE_SLOT_A)) {
        const char *is_not_a = check(env->stage, STAGE_SLOT_A, A, ITEM_BYTES);
        MUST(!is_not_a || !check(env->stage, STAGE_SLOT_A, C, ITEM_BYTES),
             "slot A's shelf holds neither the old item nor the new one");
    }
    return NULL;
}

/* Two items kept, a third over the first, and one dropped. @param n_sure bytes of the third that were appended */
static enum fota_err script(struct stage_contract_env *env, uint32_t *n_sure)
{
    enum fota_err err = put(env->stage, A, STAGE_SLOT_A);
    if (!err) {
        err = put(env->stage, B, STAGE_SLOT_B);
    }
    if (!err) {
        err = begin(env->stage, C);
    }
    for (uint32_t off = 0; !err && off < ITEM_BYTES;) {
        const uint32_t n = ITEM_BYTES - off < PIECE_BYTES ? ITEM_BYTES - off : PIECE_BYTES;
        err = append(env->stage, C, off, n);
        off += n;
        *n_sure = err ? *n_sure : off;
    }
    if (!err) {
        *n_sure = 0; /* it leaves INCOMING now */
        err = stage_keep(env->stage, STAGE_SLOT_A);
    }
    return err ? err : stage_drop(env->stage, STAGE_SLOT_B);
}

static void empty(struct stage_contract_env *env)
{
    for (enum stage_shelf shelf = STAGE_INCOMING; shelf <= STAGE_SLOT_B; shelf++) {
        enum fota_err err = stage_drop(env->stage, shelf);
        (void)err; /* shows in the next case's first look */
    }
}

/* One cut, and the whole script again after it. @param is_cut false: the script has fewer writes */
static const char *cut_once(struct stage_contract_env *env, uint32_t write, uint32_t seed, bool *is_cut)
{
    uint32_t n_sure = 0;
    empty(env);
    env->world->cut_at(env, write, seed);
    enum fota_err err = script(env, &n_sure);
    *is_cut = env->world->is_cut(env);
    MUST(*is_cut || err == FOTA_OK, "a call failed without a cut");
    env->world->power_up(env, seed + write);
    MUST_HOLD(check_after_cut(env, &n_sure));
    MUST(script(env, &n_sure) == FOTA_OK, "the store does not work after a cut");
    MUST_HOLD(check(env->stage, STAGE_SLOT_A, C, ITEM_BYTES));
    MUST(is_empty(env->stage, STAGE_SLOT_B) && is_empty(env->stage, STAGE_INCOMING), "a shelf is not empty");
    return NULL;
}

static const char *a_cut_in_any_write_leaves_whole_items(struct stage_contract_env *env)
{
    if (!env->world->cut_at) {
        return NULL;
    }
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        bool is_cut = true;
        for (uint32_t write = 1; is_cut && write < CUTS_MAX; write++) {
            MUST_HOLD(cut_once(env, write, seed, &is_cut));
        }
        MUST(!is_cut, "the script never ends");
    }
    return NULL;
}

const struct stage_contract_case STAGE_CONTRACT[] = {
    {"a_new_store_is_empty", a_new_store_is_empty},
    {"appended_bytes_read_back_at_once", appended_bytes_read_back_at_once},
    {"gap_overlap_and_excess_are_refused", gap_overlap_and_excess_are_refused},
    {"wrong_items_are_refused", wrong_items_are_refused},
    {"the_same_item_goes_on_and_another_begins_anew", the_same_item_goes_on_and_another_begins_anew},
    {"kept_items_stay_while_others_arrive", kept_items_stay_while_others_arrive},
    {"a_restart_finds_what_was_there", a_restart_finds_what_was_there},
    {"power_that_fails_between_calls_costs_little", power_that_fails_between_calls_costs_little},
    {"a_cut_in_any_write_leaves_whole_items", a_cut_in_any_write_leaves_whole_items},
    {NULL, NULL}};
