/* The gateway's pure parts: state table, delays, record in two cells, image check by stream. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "gateway_delay.h"
#include "gateway_priv.h"
#include "site.h"

/* A kind that is added without a name is noticed here, not by whoever reads a log. */
static void every_event_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GATEWAY_EVENT_KINDS; i++) {
        const char *name = gateway_event_name((enum gateway_event_kind)i);
        assert_non_null(name);
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(name, gateway_event_name((enum gateway_event_kind)j));
        }
    }
    assert_string_equal(gateway_event_name((enum gateway_event_kind)GATEWAY_EVENT_KINDS), "?");
}

/* --- state table ------------------------------------------------------------------------------------- */

static void every_pair_of_state_and_event_is_decided(void **state)
{
    (void)state;
    unsigned n_legal = 0;
    for (unsigned s = 0; s < GATEWAY_STATES; s++) {
        for (unsigned i = 0; i < GATEWAY_INPUTS; i++) {
            enum gateway_state next = GATEWAY_STATES;
            enum fota_err err = gateway_fsm_next((enum gateway_state)s, (enum gateway_input)i, &next);
            assert_true((err == FOTA_OK && next < GATEWAY_STATES) ||
                        (err == E_STATE && next == GATEWAY_STATES));
            n_legal += err == FOTA_OK;
        }
    }
    assert_int_equal(n_legal, 47);
}

static void every_state_is_reached_and_left(void **state)
{
    (void)state;
    bool is_reached[GATEWAY_STATES] = {[GATEWAY_BOOT] = true};
    for (unsigned round = 0; round < GATEWAY_STATES; round++) {
        for (unsigned s = 0; s < GATEWAY_STATES; s++) {
            unsigned n_exits = 0;
            for (unsigned i = 0; i < GATEWAY_INPUTS; i++) {
                enum gateway_state next;
                if (gateway_fsm_next((enum gateway_state)s, (enum gateway_input)i, &next) == FOTA_OK) {
                    n_exits += next != s;
                    is_reached[next] = is_reached[next] || is_reached[s];
                }
            }
            assert_true(n_exits > 0);
        }
    }
    for (unsigned s = 0; s < GATEWAY_STATES; s++) {
        assert_true(is_reached[s]);
    }
}

static void nothing_is_fetched_unless_it_was_checked_and_tried_unless_it_was_handed_over(void **state)
{
    (void)state;
    for (unsigned s = 0; s < GATEWAY_STATES; s++) {
        for (unsigned i = 0; i < GATEWAY_INPUTS; i++) {
            enum gateway_state next = GATEWAY_STATES;
            if (gateway_fsm_next((enum gateway_state)s, (enum gateway_input)i, &next)) {
                continue;
            }
            assert_true(next != GATEWAY_FETCH || s == GATEWAY_CHECK || s == GATEWAY_FETCH);
            assert_true(next != GATEWAY_HANDOVER || s == GATEWAY_FETCH);
            assert_true(next != GATEWAY_ACTIVATE || s == GATEWAY_HANDOVER || s == GATEWAY_ACTIVATE);
            assert_true(next != GATEWAY_CHECK || s == GATEWAY_DECIDE || s == GATEWAY_LOADER ||
                        s == GATEWAY_CHECK);
        }
    }
}

static void numbers_out_of_range_are_errors_and_have_names(void **state)
{
    (void)state;
    enum gateway_state next = GATEWAY_BOOT;
    assert_int_equal(gateway_fsm_next(GATEWAY_STATES, GATEWAY_ON_TIMER, &next), E_ARG);
    assert_int_equal(gateway_fsm_next(GATEWAY_WAIT, GATEWAY_INPUTS, &next), E_ARG);
    assert_string_equal(gateway_state_name(GATEWAY_STATES), "?");
    assert_string_equal(gateway_state_name(GATEWAY_ROLLED_BACK), "ROLLED_BACK");
    assert_string_equal(gateway_input_name(GATEWAY_ON_QUIET), "QUIET");
    assert_true(strlen(gateway_state_text(GATEWAY_CHECK)) > 10);
}

/* The table of docs/spec/gateway.md as the code would write it. */
static size_t print_table(char *out, size_t cap)
{
    size_t n = 0;
    for (unsigned s = 0; s < GATEWAY_STATES; s++) {
        const char *separator = "";
        n += (size_t)snprintf(out + n, cap - n, "| %s | ", gateway_state_name((enum gateway_state)s));
        for (unsigned i = 0; i < GATEWAY_INPUTS; i++) {
            enum gateway_state next;
            if (gateway_fsm_next((enum gateway_state)s, (enum gateway_input)i, &next) == FOTA_OK) {
                n += (size_t)snprintf(out + n, cap - n, "%s%s: %s", separator,
                                      gateway_input_name((enum gateway_input)i), gateway_state_name(next));
                separator = ", ";
            }
        }
        n += (size_t)snprintf(out + n, cap - n, " |\n");
    }
    return n;
}

static void document_shows_the_state_table_of_the_code(void **state)
{
    (void)state;
    static char document[32768];
    static char table[8192];
    FILE *file = fopen(FOTA_SOURCE_DIR "/docs/spec/gateway.md", "r");
    assert_non_null(file);
    size_t n = fread(document, 1, sizeof document - 1, file);
    assert_int_equal(fclose(file), 0);
    document[n] = '\0';
    assert_true(print_table(table, sizeof table) < sizeof table);
    if (!strstr(document, table)) {
        fail_msg("docs/spec/gateway.md should have:\n%s", table);
    }
}

/* --- delays ------------------------------------------------------------------------------------------ */

static void quiet_polls_spread_over_a_quarter_each_way(void **state)
{
    (void)state;
    uint32_t r;
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    gateway_random_init(&r, 1);
    for (int i = 0; i < 10000; i++) {
        uint32_t ms = gateway_delay_quiet(&r, 3600000);
        low = ms < low ? ms : low;
        high = ms > high ? ms : high;
    }
    assert_true(low >= 2700000 && low < 2710000);
    assert_true(high <= 4500000 && high > 4490000);
}

static void first_polls_of_a_street_spread_over_five_minutes(void **state)
{
    (void)state;
    unsigned in_minute[5] = {0};
    for (uint32_t seed = 1; seed <= 5000; seed++) {
        uint32_t r;
        gateway_random_init(&r, seed * 2654435761U);
        uint32_t ms = gateway_delay_first(&r, 3600000);
        assert_true(ms <= 300000);
        in_minute[ms / 60000 < 4 ? ms / 60000 : 4]++;
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_in_range(in_minute[i], 800, 1200);
    }
}

static void backoff_grows_by_three_at_most_and_is_capped(void **state)
{
    (void)state;
    uint32_t r;
    uint32_t previous = 0;
    bool was_long = false;
    gateway_random_init(&r, 9);
    for (int i = 0; i < 1000; i++) {
        uint32_t ms = gateway_delay_backoff(&r, 30000, 21600000, previous);
        assert_true(ms >= 30000 && ms <= 21600000);
        assert_true(previous == 0 || ms <= 3 * (uint64_t)previous || ms == 30000);
        was_long = was_long || ms > 3600000;
        previous = ms;
    }
    assert_true(was_long);
}

static void same_seed_same_delays_and_zero_is_a_seed(void **state)
{
    (void)state;
    uint32_t a, b, zero;
    gateway_random_init(&a, 77);
    gateway_random_init(&b, 77);
    gateway_random_init(&zero, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gateway_random_in(&a, 0, UINT32_MAX), gateway_random_in(&b, 0, UINT32_MAX));
    }
    assert_int_not_equal(gateway_random_in(&zero, 0, UINT32_MAX), gateway_random_in(&zero, 0, UINT32_MAX));
    assert_int_equal(gateway_random_in(&a, 5, 5), 5);
    assert_int_equal(gateway_random_in(&a, 5, 4), 5);
}

/* --- record ------------------------------------------------------------------------------------------ */

static struct site site; /* its store; too large for the stack */
static uint8_t scratch[GATEWAY_RECORD_BYTES];

static struct gateway_record full_record(uint32_t mark)
{
    struct gateway_record r;
    gateway_record_init(&r);
    uint8_t *bytes = (uint8_t *)r.channel;
    for (unsigned i = 0; i < sizeof r.channel; i++) {
        bytes[i] = (uint8_t)(i + mark);
    }
    r.n_channel_bytes = STATEMENT_MAX_BYTES;
    r.trusted_time_s = UINT64_C(0x123456789A) + mark;
    r.channel_seq = mark;
    memcpy(r.etag, "\"0123456789abcdef\"", 19);
    memset(r.channel_sha256, (int)mark, sizeof r.channel_sha256);
    r.is_in_trial = true;
    r.trial_slot = 1;
    r.trial_version = 0x02030004;
    r.trial_retry = 3;
    memset(r.trial_hash, 0x3C, sizeof r.trial_hash);
    memset(r.images, 0x2B, sizeof r.images);
    r.attempts = 4;
    return r;
}

static void record_comes_back_field_by_field(void **state)
{
    (void)state;
    site_init(&site);
    struct gateway_record put = full_record(9);
    struct gateway_record got;
    gateway_record_init(&got);
    gateway_record_reject(&put, put.images, E_SLOT_TRIALS_SPENT, 2);
    assert_int_equal(gateway_record_load(&site.store.store, scratch, &got), E_NOT_FOUND);
    assert_int_equal(gateway_record_save(&site.store.store, scratch, &put), FOTA_OK);
    assert_int_equal(gateway_record_load(&site.store.store, scratch, &got), FOTA_OK);
    assert_int_equal(got.generation, put.generation);
    assert_int_equal(got.trusted_time_s, put.trusted_time_s);
    assert_int_equal(got.channel_seq, 9);
    assert_string_equal(got.etag, put.etag);
    assert_int_equal(got.n_channel_bytes, STATEMENT_MAX_BYTES);
    assert_memory_equal(got.channel, put.channel, sizeof put.channel);
    assert_memory_equal(got.channel_sha256, put.channel_sha256, sizeof put.channel_sha256);
    assert_int_equal(gateway_record_rejected(&got, put.images)->reason, E_SLOT_TRIALS_SPENT);
    assert_int_equal(gateway_record_rejected(&got, put.images)->retry, 2);
    assert_true(got.is_in_trial);
    assert_int_equal(got.trial_version, 0x02030004);
    assert_memory_equal(got.trial_hash, put.trial_hash, sizeof put.trial_hash);
    assert_int_equal(got.attempts, 4);
}

static void save_that_tears_at_any_byte_leaves_the_record_before_it(void **state)
{
    (void)state;
    site_init(&site);
    struct gateway_record r = full_record(1);
    struct gateway_record got;
    assert_int_equal(gateway_record_save(&site.store.store, scratch, &r), FOTA_OK);
    r = full_record(2);
    r.generation = 1;
    unsigned older = (r.generation + 1) % STORE_CELLS;
    uint8_t before[STORE_CELL_BYTES];
    memcpy(before, site.store.cell[older], sizeof before);
    assert_int_equal(gateway_record_save(&site.store.store, scratch, &r), FOTA_OK);
    uint8_t after[STORE_CELL_BYTES];
    memcpy(after, site.store.cell[older], sizeof after);
    for (size_t torn = 0; torn <= GATEWAY_RECORD_BYTES; torn++) {
        memcpy(site.store.cell[older], before, sizeof before);
        memcpy(site.store.cell[older], after, torn);
        assert_int_equal(gateway_record_load(&site.store.store, scratch, &got), FOTA_OK);
        assert_int_equal(got.channel_seq, torn == GATEWAY_RECORD_BYTES ? 2 : 1);
    }
}

static void one_flipped_bit_makes_a_cell_worthless(void **state)
{
    (void)state;
    site_init(&site);
    struct gateway_record r = full_record(1);
    struct gateway_record got;
    assert_int_equal(gateway_record_save(&site.store.store, scratch, &r), FOTA_OK);
    unsigned cell = r.generation % STORE_CELLS;
    for (size_t i = 0; i < GATEWAY_RECORD_BYTES; i++) {
        site.store.cell[cell][i] ^= (uint8_t)(1U << (i % 8));
        assert_int_equal(gateway_record_load(&site.store.store, scratch, &got), E_NOT_FOUND);
        site.store.cell[cell][i] ^= (uint8_t)(1U << (i % 8));
    }
}

static void generation_may_wrap(void **state)
{
    (void)state;
    site_init(&site);
    struct gateway_record r = full_record(1);
    struct gateway_record got;
    r.generation = UINT32_MAX - 2;
    for (uint32_t i = 0; i < 6; i++) {
        r.channel_seq = 100 + i;
        assert_int_equal(gateway_record_save(&site.store.store, scratch, &r), FOTA_OK);
        assert_int_equal(gateway_record_load(&site.store.store, scratch, &got), FOTA_OK);
        assert_int_equal(got.channel_seq, 100 + i);
    }
}

static void four_rejected_releases_are_remembered_and_repeats_take_no_room(void **state)
{
    (void)state;
    struct gateway_record r;
    uint8_t images[32];
    gateway_record_init(&r);
    for (uint8_t i = 1; i <= 5; i++) {
        memset(images, i, sizeof images);
        gateway_record_reject(&r, images, E_IMAGE_HASH, 0);
        gateway_record_reject(&r, images, E_IMAGE_KEY, i);
        assert_int_equal(gateway_record_rejected(&r, images)->reason, E_IMAGE_KEY);
    }
    memset(images, 1, sizeof images);
    assert_null(gateway_record_rejected(&r, images));
    for (uint8_t i = 2; i <= 5; i++) {
        memset(images, i, sizeof images);
        assert_non_null(gateway_record_rejected(&r, images));
    }
}

/* --- image check ------------------------------------------------------------------------------------- */

static struct test_release release;

static struct image_policy policy_b(void)
{
    return (struct image_policy){.base = FLASH_SLOT_B_BASE,
                                 .slot_bytes = FLASH_SLOT_BYTES,
                                 .ram_bytes = RAM_BYTES,
                                 .ccm_bytes = CCM_BYTES,
                                 .security_floor = 1,
                                 .hw_id = "f407-disco",
                                 .keys = {site.release_key.point, NULL}};
}

static enum fota_err check(const uint8_t *bytes, uint32_t n_bytes, uint32_t total_bytes, uint32_t piece_bytes,
                           const uint8_t sha256[32])
{
    static struct gateway_image image;
    const struct image_policy policy = policy_b();
    gateway_image_init(&image, total_bytes);
    for (uint32_t off = 0; off < n_bytes; off += piece_bytes) {
        uint32_t n = n_bytes - off < piece_bytes ? n_bytes - off : piece_bytes;
        enum fota_err err = gateway_image_take(&image, bytes + off, n);
        if (err) {
            return err;
        }
    }
    return gateway_image_finish(&image, &policy, sha256);
}

static int make_small_image(void **state)
{
    (void)state;
    site_init(&site);
    struct test_spec spec = test_spec(&site.release_key, &site.channel_key, 0x02000000, 2);
    spec.payload_bytes = 64;
    test_release_make(&spec, &release);
    return 0;
}

static void stream_check_agrees_with_the_bootloader_whatever_the_pieces(void **state)
{
    (void)state;
    for (uint32_t piece = 1; piece <= release.n_image[1]; piece++) {
        assert_int_equal(
            check(release.image[1], release.n_image[1], release.n_image[1], piece, release.digest[1]),
            FOTA_OK);
    }
}

/* The header area is 512 bytes, of which 32 are used: the padding is signed too. */
/* The check with the digest of these very bytes, as if a statement named them. */
static enum fota_err check_named(const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, bytes, n_bytes);
    crypto_sha256_final(&hash, digest);
    return check(bytes, n_bytes, n_bytes, 1000, digest);
}

static void every_flipped_bit_is_refused_by_name(void **state)
{
    (void)state;
    static uint8_t bytes[TEST_IMAGE_MAX_BYTES];
    const uint32_t n = release.n_image[1];
    unsigned n_by_module[16] = {0};
    memcpy(bytes, release.image[1], n);
    for (uint32_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        enum fota_err err = check_named(bytes, n);
        assert_int_not_equal(err, FOTA_OK);
        if (bit % 64 == 5) { /* bytes that nobody signed say nothing, whatever is wrong with them */
            assert_int_equal(check(bytes, n, n, 1000, release.digest[1]), E_UPDATE_DAMAGED);
        }
        n_by_module[((unsigned)err >> 8) & 15U]++;
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_int_equal(n_by_module[2], 8 * n); /* all are E_IMAGE_* */
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < release.n_image[1]; n++) {
        assert_int_equal(check(release.image[1], n, release.n_image[1], 100, release.digest[1]),
                         E_UPDATE_DAMAGED);
        if (n > 0) { /* and if the statement itself announces so few bytes */
            assert_int_equal((unsigned)check_named(release.image[1], n) >> 8, (unsigned)E_IMAGE_MAGIC >> 8);
        }
    }
}

static void more_bytes_than_announced_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        check(release.image[1], release.n_image[1] + 1, release.n_image[1], 100, release.digest[1]),
        E_IMAGE_TRAILING);
}

static void another_good_image_is_not_the_announced_one(void **state)
{
    (void)state;
    assert_int_equal(check(release.image[1], release.n_image[1], release.n_image[1], 100, release.digest[0]),
                     E_UPDATE_DAMAGED);
}

/* --- the state record, field by field ---------------------------------------------------------------- */

/* Where walk_record puts these fields (docs/spec/gateway.md). */
enum {
    OFF_ISSUED = 8,
    OFF_ETAG_END = 4 + 4 + 8 + 4 + 32 + GATEWAY_ETAG_MAX_BYTES - 1,
    OFF_N_CHANNEL = OFF_ETAG_END + 1,
    OFF_REJECTED_NEXT = OFF_N_CHANNEL + 4 + STATEMENT_MAX_BYTES + GATEWAY_REJECTED_MAX * 40,
    OFF_IN_TRIAL = OFF_REJECTED_NEXT + 4,
    OFF_TRIAL_SLOT = OFF_IN_TRIAL + 4
};

static void load_with(uint32_t off, uint32_t value, enum fota_err wanted)
{
    static struct gateway_record record;
    struct ram_store store;
    ram_store_init(&store);
    gateway_record_init(&record);
    assert_int_equal(gateway_record_save(&store.store, scratch, &record), FOTA_OK);
    uint8_t *cell = store.cell[record.generation % STORE_CELLS];
    bytes_store_le32(cell + off, value);
    bytes_store_le32(cell + GATEWAY_RECORD_BYTES - 4, crc32_update(0, cell, GATEWAY_RECORD_BYTES - 4));
    enum fota_err err = gateway_record_load(&store.store, scratch, &record);
    if (err != wanted) {
        fail_msg("%" PRIu32 " at %" PRIu32 ": %s", value, off, fota_err_name(err));
    }
    gateway_record_reject(&record, scratch, E_IMAGE_KEY, 0); /* writes where rejected_next says */
}

static void record_with_a_field_out_of_range_is_none_however_right_its_crc(void **state)
{
    (void)state;
    load_with(OFF_REJECTED_NEXT, GATEWAY_REJECTED_MAX - 1, FOTA_OK);
    load_with(OFF_REJECTED_NEXT, GATEWAY_REJECTED_MAX, E_NOT_FOUND);
    load_with(OFF_REJECTED_NEXT, 250, E_NOT_FOUND);
    load_with(OFF_REJECTED_NEXT, 256, E_NOT_FOUND); /* 0, if it were cut to a byte */
    load_with(OFF_N_CHANNEL, STATEMENT_MAX_BYTES, FOTA_OK);
    load_with(OFF_N_CHANNEL, STATEMENT_MAX_BYTES + 1, E_NOT_FOUND);
    load_with(OFF_N_CHANNEL, 0x10000, E_NOT_FOUND);
    load_with(OFF_IN_TRIAL, 1, FOTA_OK);
    load_with(OFF_IN_TRIAL, 2, E_NOT_FOUND);
    load_with(OFF_TRIAL_SLOT, SLOT_B, FOTA_OK);
    load_with(OFF_TRIAL_SLOT, SLOT_NONE, E_NOT_FOUND);
    load_with(OFF_ETAG_END - 3, 0x41414141, E_NOT_FOUND);
    load_with(OFF_ISSUED + 4, 0x1000, E_NOT_FOUND);
}

static void bad_field_in_the_newer_cell_leaves_the_older_one(void **state)
{
    (void)state;
    static struct gateway_record record;
    struct ram_store store;
    ram_store_init(&store);
    gateway_record_init(&record);
    record.channel_seq = 5;
    assert_int_equal(gateway_record_save(&store.store, scratch, &record), FOTA_OK);
    record.channel_seq = 6;
    assert_int_equal(gateway_record_save(&store.store, scratch, &record), FOTA_OK);
    uint8_t *cell = store.cell[record.generation % STORE_CELLS];
    bytes_store_le32(cell + OFF_REJECTED_NEXT, 250);
    bytes_store_le32(cell + GATEWAY_RECORD_BYTES - 4, crc32_update(0, cell, GATEWAY_RECORD_BYTES - 4));
    assert_int_equal(gateway_record_load(&store.store, scratch, &record), FOTA_OK);
    assert_int_equal(record.channel_seq, 5);
}

/* --- hours ------------------------------------------------------------------------------------------- */

static uint32_t wait_s(const struct gateway_window *window, const char *asked, uint32_t hour, uint32_t minute)
{
    const struct statement_span span = {asked, strlen(asked)};
    const uint64_t midnight_s = UINT64_C(20000) * 86400;
    uint32_t out_s = 0;
    enum fota_err err = gateway_when(window, &span, midnight_s + hour * 3600 + minute * 60, &out_s);
    assert_int_equal(err, out_s ? E_UPDATE_WINDOW : FOTA_OK);
    return out_s;
}

static void target_restarts_only_in_the_hours_of_owner_and_release(void **state)
{
    (void)state;
    const struct gateway_window any = {0};
    const struct gateway_window night = {.is_set = true, .from_h = 2, .to_h = 5};
    const struct gateway_window late = {.is_set = true, .from_h = 22, .to_h = 4};
    const struct gateway_window east = {.is_set = true, .from_h = 2, .to_h = 5, .utc_offset_s = 7200};
    assert_int_equal(wait_s(&any, "idle", 12, 0), 0);
    assert_int_equal(wait_s(&night, "now", 2, 0), 0);
    assert_int_equal(wait_s(&night, "now", 4, 59), 0);
    assert_int_equal(wait_s(&night, "now", 5, 0), 21 * 3600);
    assert_int_equal(wait_s(&night, "now", 1, 59), 60);
    assert_int_equal(wait_s(&late, "now", 23, 0), 0);
    assert_int_equal(wait_s(&late, "now", 3, 59), 0);
    assert_int_equal(wait_s(&late, "now", 4, 0), 18 * 3600);
    assert_int_equal(wait_s(&east, "now", 0, 0), 0);
    assert_int_equal(wait_s(&east, "now", 3, 0), 21 * 3600);
    assert_int_equal(wait_s(&any, "window:10-11", 9, 0), 3600);
    assert_int_equal(wait_s(&any, "window:10-11", 10, 30), 0);
    assert_int_equal(wait_s(&any, "window:00-00", 10, 30), 0);        /* the whole day */
    assert_int_equal(wait_s(&night, "window:10-11", 3, 0), 7 * 3600); /* both have to allow it */
    uint32_t out_s = 0;
    const struct statement_span now = {"now", 3};
    const struct statement_span hours = {"window:10-11", 12};
    assert_int_equal(gateway_when(&any, &now, 0, &out_s), FOTA_OK);
    assert_int_equal(gateway_when(&night, &now, 0, &out_s), E_UPDATE_WINDOW); /* no clock: hours never come */
    assert_int_equal(gateway_when(&any, &hours, 0, &out_s), E_UPDATE_WINDOW);
    assert_true(out_s > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_a_name_of_its_own),
        cmocka_unit_test(every_pair_of_state_and_event_is_decided),
        cmocka_unit_test(every_state_is_reached_and_left),
        cmocka_unit_test(nothing_is_fetched_unless_it_was_checked_and_tried_unless_it_was_handed_over),
        cmocka_unit_test(numbers_out_of_range_are_errors_and_have_names),
        cmocka_unit_test(document_shows_the_state_table_of_the_code),
        cmocka_unit_test(quiet_polls_spread_over_a_quarter_each_way),
        cmocka_unit_test(first_polls_of_a_street_spread_over_five_minutes),
        cmocka_unit_test(backoff_grows_by_three_at_most_and_is_capped),
        cmocka_unit_test(same_seed_same_delays_and_zero_is_a_seed),
        cmocka_unit_test(record_comes_back_field_by_field),
        cmocka_unit_test(save_that_tears_at_any_byte_leaves_the_record_before_it),
        cmocka_unit_test(one_flipped_bit_makes_a_cell_worthless),
        cmocka_unit_test(generation_may_wrap),
        cmocka_unit_test(four_rejected_releases_are_remembered_and_repeats_take_no_room),
        cmocka_unit_test_setup(stream_check_agrees_with_the_bootloader_whatever_the_pieces, make_small_image),
        cmocka_unit_test_setup(every_flipped_bit_is_refused_by_name, make_small_image),
        cmocka_unit_test_setup(every_truncation_is_refused, make_small_image),
        cmocka_unit_test_setup(more_bytes_than_announced_are_refused, make_small_image),
        cmocka_unit_test_setup(another_good_image_is_not_the_announced_one, make_small_image),
        cmocka_unit_test(record_with_a_field_out_of_range_is_none_however_right_its_crc),
        cmocka_unit_test(bad_field_in_the_newer_cell_leaves_the_older_one),
        cmocka_unit_test(target_restarts_only_in_the_hours_of_owner_and_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
