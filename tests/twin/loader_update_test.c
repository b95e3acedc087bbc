/* A running, confirmed application takes a new loader, on the twin: real ARM binaries below the SPI wire, the
 * link client above it. What is refused is refused by number and writes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "firmware.h"
#include "format/boot_record.h"
#include "link_client/link_ladder.h"
#include "loader_offer.h"
#include "release/file.h"
#include "twin_board.h"

enum {
    NEW_VERSION = 0x01000001,
    OPTIONS_AT_FACTORY = 0x0FFFAAED,
    OPTIONS_PROTECT_BIT = 16, /* nWRP of sector 0: clear it to protect */
    REPORTS_MS = 1100,        /* the demo reports once a second */
    START_MAX_MS = 500,
    HIGH_FLOOR = 5,
    SAME_SIZE_TRIES = 64
};

static struct test_loader fresh;

static int set_up(void **state)
{
    (void)state;
    loader_offer_make_odd(&(struct test_loader_spec){.version = NEW_VERSION}, &fresh);
    return 0;
}

/* --- the board --------------------------------------------------------------------------------------- */

static void start_anew(struct twin_board *b)
{
    twin_board_restart(b);
    twin_board_clear_console(b);
    twin_board_run_ms(b, TWIN_BOARD_SETTLE_MS);
}

static struct boot_info info_of(struct twin_board *b)
{
    struct link_peer peer;
    assert_int_equal(link_client_detect(&b->link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, LINK_PEER_AGENT);
    return peer.info.boot;
}

static void assert_loader_is(const struct boot_info *info, const struct test_loader *loader)
{
    assert_memory_equal(info->loader_hash, loader->hash, sizeof info->loader_hash);
    assert_int_equal(info->loader_version, loader->version);
    assert_int_equal(info->flags & BOOT_FLAG_LOADER_OPEN, 0);
}

/* The application has not been started again, and its control loop has missed nothing. */
static void assert_undisturbed(struct twin_board *b)
{
    twin_board_run_ms(b, REPORTS_MS);
    twin_board_listen(b);
    assert_false(twin_board_said(b, "app: version "));
    assert_true(twin_board_ticks(b).n_reports > 0);
    assert_int_equal(twin_board_ticks(b).missed, 0);
}

static void assert_starts_on_request(struct twin_board *b, const struct test_loader *loader)
{
    struct link_ladder ladder;
    assert_int_equal(link_ladder_climb(&b->link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &ladder), FOTA_OK);
    assert_int_equal(ladder.peer.kind, LINK_PEER_BOOTLOADER);
    assert_int_equal(ladder.peer.info.boot.running_slot, SLOT_NONE);
    assert_loader_is(&ladder.peer.info.boot, loader);
}

static uint64_t erases_but_of_sector_1(const struct twin_board *b)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        n += i == FLASH_LOADER_SECTOR ? 0 : twin_stats(b->twin)->flash_erases[i];
    }
    return n;
}

/* --- taken ------------------------------------------------------------------------------------------- */

static void confirmed_application_takes_a_loader_while_its_loop_goes_on(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_session session;
    struct link_progress progress;
    twin_board_open_confirmed(&b);
    twin_board_clear_console(&b);
    struct boot_info info = info_of(&b);
    const uint64_t erases = erases_but_of_sector_1(&b), ops = twin_stats(b.twin)->flash_ops;
    assert_int_not_equal(memcmp(info.loader_hash, fresh.hash, sizeof info.loader_hash), 0);
    assert_int_equal(loader_offer_send(&b.link, &fresh, &session), FOTA_OK);
    assert_int_equal(session.slot, SLOT_LOADER);
    assert_int_equal(session.base, FLASH_LOADER_BASE);
    assert_int_equal(session.resume_off, 0);
    assert_int_equal(twin_stats(b.twin)->flash_ops, ops); /* it is all in RAM */
    assert_int_equal(link_client_finish(&b.link, session.session_id, &progress), FOTA_OK);
    assert_true(loader_offer_is_in_flash(b.twin, &fresh)); /* its last word filled up with FF */
    assert_int_equal(twin_stats(b.twin)->flash_erases[FLASH_LOADER_SECTOR], 1);
    assert_int_equal(link_client_finish(&b.link, session.session_id, &progress), FOTA_OK); /* a lost reply */
    assert_int_equal(twin_stats(b.twin)->flash_erases[FLASH_LOADER_SECTOR], 1);
    assert_int_equal(link_client_activate(&b.link, session.session_id, &progress), FOTA_OK);
    info = info_of(&b);
    assert_loader_is(&info, &fresh);
    assert_int_equal(info.session_id, 0);
    assert_int_equal(erases_but_of_sector_1(&b), erases);
    assert_undisturbed(&b);
    assert_starts_on_request(&b, &fresh);
    twin_board_close(&b);
}

/* --- refused ----------------------------------------------------------------------------------------- */

static void assert_begin_refused(struct twin_board *b, const struct test_loader *loader, enum fota_err reason)
{
    struct link_session session;
    uint64_t ops = twin_stats(b->twin)->flash_ops;
    assert_int_equal(link_client_begin(&b->link, (const uint8_t *)loader->statement,
                                       (uint32_t)loader->n_statement, &session),
                     reason);
    assert_int_equal(twin_stats(b->twin)->flash_ops, ops);
}

/* `image` comes for `loader`. */
static void assert_finish_refused(struct twin_board *b, const struct test_loader *loader,
                                  const uint8_t *image, enum fota_err reason)
{
    struct link_session session;
    struct link_progress progress;
    uint64_t ops = twin_stats(b->twin)->flash_ops;
    assert_int_equal(link_client_begin(&b->link, (const uint8_t *)loader->statement,
                                       (uint32_t)loader->n_statement, &session),
                     FOTA_OK);
    assert_int_equal(host_stream(&b->link, &session, image), FOTA_OK);
    assert_int_equal(link_client_finish(&b->link, session.session_id, &progress), reason);
    assert_int_equal(twin_stats(b->twin)->flash_ops, ops);
    assert_int_equal(link_client_begin(&b->link, (const uint8_t *)loader->statement,
                                       (uint32_t)loader->n_statement, &session),
                     FOTA_OK);
    assert_int_equal(session.resume_off, 0); /* it was in RAM: from its start, if at all */
    assert_int_equal(link_client_abort(&b->link, session.session_id, &progress), FOTA_OK);
}

static void application_on_trial_takes_no_loader(void **state)
{
    (void)state;
    struct twin_board b;
    struct boot_info info = {.running_slot = SLOT_NONE};
    twin_board_open_with(
        &b,
        &(struct twin_config){
            .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_HASTY, .seed = 1, .strict = true},
        demo_release(1));
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, START_MAX_MS);
    info = info_of(&b);
    assert_int_equal(info.running_slot, SLOT_A);
    assert_int_equal(info.slot_state[SLOT_A], SLOT_STATE_TRIAL);
    assert_begin_refused(&b, &fresh, E_LOADER_NOT_NOW);
    twin_board_run_ms(&b, TWIN_BOARD_SETTLE_MS); /* it has confirmed itself */
    assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
    assert_true(loader_offer_is_in_flash(b.twin, &fresh));
    twin_board_close(&b);
}

static void loader_that_answers_is_not_replaced(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_ladder ladder;
    twin_board_open_confirmed(&b);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &ladder), FOTA_OK);
    assert_int_equal(ladder.peer.kind, LINK_PEER_BOOTLOADER);
    assert_begin_refused(&b, &fresh, E_LOADER_MEMORY); /* nobody lends any: it is the only thing that runs */
    twin_board_close(&b);
}

/* Sectors 0 and 1, each write-protected or open. */
static void write_protection_of_sector_1_alone_decides(void **state)
{
    (void)state;
    for (uint32_t protected_mask = 0; protected_mask < 4; protected_mask++) {
        struct twin_board b;
        const bool is_open = (protected_mask >> FLASH_LOADER_SECTOR & 1U) == 0;
        const uint32_t options = OPTIONS_AT_FACTORY & ~(protected_mask << OPTIONS_PROTECT_BIT);
        twin_board_open_confirmed(&b);
        twin_set_options(b.twin, options);
        start_anew(&b);
        struct boot_info info = info_of(&b);
        assert_int_equal(~info.option_bytes >> OPTIONS_PROTECT_BIT & 3U, protected_mask);
        if (is_open) {
            assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
        } else {
            assert_begin_refused(&b, &fresh, E_LOADER_PROTECTED);
        }
        assert_int_equal(loader_offer_is_in_flash(b.twin, &fresh), is_open);
        assert_int_equal(twin_stats(b.twin)->flash_erases[FLASH_LOADER_SECTOR], is_open ? 1 : 0);
        twin_board_close(&b);
    }
}

static void loader_of_another_key_board_or_place_is_refused(void **state)
{
    (void)state;
    static struct test_loader bad;
    struct test_key other;
    struct twin_board b;
    test_key_make(&other, 9);
    twin_board_open_confirmed(&b);
    (void)info_of(&b);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .key = &other}, &bad);
    assert_begin_refused(&b, &bad, E_STATEMENT_KEY);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .hw = "f407-other"}, &bad);
    assert_begin_refused(&b, &bad, E_STATEMENT_PRODUCT);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .boot_min = 0x63000000}, &bad);
    assert_begin_refused(&b, &bad, E_UNSUPPORTED);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .image_key = &other}, &bad);
    assert_finish_refused(&b, &bad, bad.image, E_IMAGE_KEY);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .base = FLASH_SLOT_A_BASE}, &bad);
    assert_finish_refused(&b, &bad, bad.image, E_IMAGE_SLOT);
    assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
    twin_board_close(&b);
}

/* The floor is the counter of the confirmed application. */
static void make_application_of_counter(uint32_t counter, struct test_release *out)
{
    static uint8_t code[TEST_IMAGE_MAX_BYTES];
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), 0x01000000, 1);
    spec.security_counter = counter;
    assert_int_equal(
        file_read(FOTA_FIRMWARE_DIR "/app/demo-1.0.0-a.bin", sizeof code, &bytes, &n_bytes, NULL), FOTA_OK);
    memcpy(code, bytes, n_bytes);
    free(bytes);
    for (unsigned slot = 0; slot < 2; slot++) { /* B is not looked at */
        spec.payload[slot] = code;
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes;
    }
    test_release_make(&spec, out);
}

static void loader_below_the_security_floor_is_refused(void **state)
{
    (void)state;
    static struct test_loader low, high;
    static struct test_release app;
    struct link_ladder ladder;
    struct twin_board b;
    make_application_of_counter(HIGH_FLOOR, &app);
    twin_board_open_with(
        &b,
        &(struct twin_config){
            .rom = TWIN_ROM_V9_1, .flash_timing = TWIN_FLASH_HASTY, .seed = 1, .strict = true},
        NULL);
    assert_true(twin_flash_store(b.twin, FLASH_SLOT_A_BASE, app.image[0], app.n_image[0]));
    twin_set_power(b.twin, true);
    twin_board_run_ms(&b, TWIN_BOARD_SETTLE_MS);
    assert_int_equal(info_of(&b).security_floor, HIGH_FLOOR);
    assert_begin_refused(&b, &fresh, E_STATEMENT_COUNTER);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION,
                                                 .security_counter = HIGH_FLOOR,
                                                 .image_counter = HIGH_FLOOR - 1},
                      &low); /* its statement says more than is in it */
    assert_finish_refused(&b, &low, low.image, E_IMAGE_COUNTER);
    /* The loader of the factory is below the floor too, and starts: the floor is not asked then. */
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &ladder), FOTA_OK);
    assert_int_equal(link_ladder_climb(&b.link, LINK_RUNG_RESET, LINK_RUNG_RESET, &ladder), FOTA_OK);
    loader_offer_make(&(struct test_loader_spec){.version = NEW_VERSION, .security_counter = HIGH_FLOOR},
                      &high);
    assert_int_equal(loader_offer_install(&b.link, &high), FOTA_OK);
    twin_board_close(&b);
}

/* Another good loader of the same size. */
static void make_twin_of(const struct test_loader *loader, struct test_loader *out)
{
    for (uint32_t i = 1; i < SAME_SIZE_TRIES; i++) {
        loader_offer_make(&(struct test_loader_spec){.version = loader->version + i}, out);
        if (out->n_image == loader->n_image) {
            return;
        }
    }
    fail_msg("no loader of this size");
}

static void bytes_that_the_statement_does_not_name_are_refused(void **state)
{
    (void)state;
    static struct test_loader other;
    static uint8_t damaged[FLASH_LOADER_BYTES];
    struct twin_board b;
    make_twin_of(&fresh, &other);
    memcpy(damaged, fresh.image, sizeof damaged);
    damaged[fresh.n_image / 2] ^= 1;
    twin_board_open_confirmed(&b);
    (void)info_of(&b);
    assert_finish_refused(&b, &fresh, other.image, E_UPDATE_DIGEST); /* signed, good, and not this one */
    assert_finish_refused(&b, &fresh, damaged, E_IMAGE_HASH);
    assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
    assert_true(loader_offer_is_in_flash(b.twin, &fresh));
    twin_board_close(&b);
}

/* --- beside other sessions --------------------------------------------------------------------------- */

static void loader_and_release_sessions_do_not_mix(void **state)
{
    (void)state;
    const struct test_release *release = demo_release(2);
    struct twin_board b;
    struct link_session session;
    struct link_progress progress;
    twin_board_open_confirmed(&b);
    (void)info_of(&b);
    assert_int_equal(link_client_begin(&b.link, (const uint8_t *)release->statement,
                                       (uint32_t)release->n_statement, &session),
                     FOTA_OK);
    assert_begin_refused(&b, &fresh, E_UPDATE_SESSION);
    assert_int_equal(link_client_abort(&b.link, session.session_id, &progress), FOTA_OK);
    assert_int_equal(loader_offer_send(&b.link, &fresh, &session), FOTA_OK);
    uint64_t ops = twin_stats(b.twin)->flash_ops;
    struct link_session other;
    assert_int_equal(link_client_begin(&b.link, (const uint8_t *)release->statement,
                                       (uint32_t)release->n_statement, &other),
                     E_UPDATE_SESSION);
    /* A host without a statement cannot write into it either. */
    static const uint8_t word[4] = {0};
    struct link_info info;
    assert_int_equal(link_client_write(&b.link, FLASH_SLOT_B_BASE, word, sizeof word), E_LINK_NACK);
    assert_int_equal(link_client_info(&b.link, &info), FOTA_OK);
    assert_int_equal(info.last_link_reason, E_UPDATE_SESSION);
    assert_int_equal(twin_stats(b.twin)->flash_ops, ops);
    assert_int_equal(link_client_finish(&b.link, session.session_id, &progress), FOTA_OK);
    assert_true(loader_offer_is_in_flash(b.twin, &fresh));
    assert_int_equal(link_client_activate(&b.link, session.session_id, &progress), FOTA_OK);
    assert_int_equal(link_client_begin(&b.link, (const uint8_t *)release->statement,
                                       (uint32_t)release->n_statement, &session),
                     FOTA_OK);
    twin_board_close(&b);
}

static void power_that_fails_while_the_bytes_come_costs_nothing(void **state)
{
    (void)state;
    struct twin_board b;
    struct link_session session;
    twin_board_open_confirmed(&b);
    struct boot_info before = info_of(&b);
    uint64_t ops = twin_stats(b.twin)->flash_ops;
    assert_int_equal(loader_offer_send(&b.link, &fresh, &session), FOTA_OK);
    start_anew(&b);
    struct boot_info after = info_of(&b);
    assert_memory_equal(after.loader_hash, before.loader_hash, sizeof after.loader_hash);
    assert_int_equal(after.session_id, 0);
    assert_int_equal(twin_stats(b.twin)->flash_ops, ops);
    assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
    assert_true(loader_offer_is_in_flash(b.twin, &fresh));
    twin_board_close(&b);
}

/* --- sector 1 in ruins ------------------------------------------------------------------------------- */

static void lost_loader_below_a_healthy_application_is_taken_anew(void **state)
{
    (void)state;
    static const uint8_t garbage[FLASH_LOADER_BYTES] = {0};
    static uint8_t blank[FLASH_LOADER_BYTES], none[sizeof((struct boot_info *)NULL)->loader_hash];
    const struct {
        const uint8_t *bytes;
        uint32_t off, n_bytes;
        bool is_seen; /* in the header: INFO knows */
    } loss[] = {{blank, 0, sizeof blank, true},
                {garbage, 0, 8, true},
                {garbage, 0x1000, 8, false},
                {blank, 0x2000, 0x2000, true}};
    memset(blank, 0xFF, sizeof blank);
    for (size_t i = 0; i < sizeof loss / sizeof loss[0]; i++) {
        struct twin_board b;
        twin_board_open_confirmed(&b);
        twin_set_power(b.twin, false);
        assert_true(
            twin_flash_store(b.twin, FLASH_LOADER_BASE + loss[i].off, loss[i].bytes, loss[i].n_bytes));
        start_anew(&b);
        struct boot_info info = info_of(&b);
        assert_int_equal(info.running_slot, SLOT_A);
        assert_int_equal(info.n_crashes, 0);
        assert_int_equal(memcmp(info.loader_hash, none, sizeof none) == 0, loss[i].is_seen);
        assert_int_not_equal(memcmp(info.loader_hash, fresh.hash, sizeof info.loader_hash), 0);
        assert_int_equal(loader_offer_install(&b.link, &fresh), FOTA_OK);
        assert_true(loader_offer_is_in_flash(b.twin, &fresh));
        info = info_of(&b);
        assert_loader_is(&info, &fresh);
        assert_starts_on_request(&b, &fresh);
        twin_board_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confirmed_application_takes_a_loader_while_its_loop_goes_on),
        cmocka_unit_test(application_on_trial_takes_no_loader),
        cmocka_unit_test(loader_that_answers_is_not_replaced),
        cmocka_unit_test(write_protection_of_sector_1_alone_decides),
        cmocka_unit_test(loader_of_another_key_board_or_place_is_refused),
        cmocka_unit_test(loader_below_the_security_floor_is_refused),
        cmocka_unit_test(bytes_that_the_statement_does_not_name_are_refused),
        cmocka_unit_test(loader_and_release_sessions_do_not_mix),
        cmocka_unit_test(power_that_fails_while_the_bytes_come_costs_nothing),
        cmocka_unit_test(lost_loader_below_a_healthy_application_is_taken_anew),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
