#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "boot_rig.h"
#include "firmware.h"
#include "format/image_build.h"
#include "guest/boot_app.h"
#include "journal/journal.h"
#include "link/link_codec.h"
#include "release/file.h"
#include "release/key.h"
#include "swd_flash.h"
#include "twin/twin.h"
#include "update/info.h"

/* Linked for slot A, slot B, and sector 1. */
enum { PAYLOADS = 3 };
static uint8_t *payload[PAYLOADS];
static size_t n_payload[PAYLOADS];
struct key image_key;

/* --- signed and badly signed images ------------------------------------------------------------------ */

void make_image(const struct plan *plan, struct test_image *out)
{
    static const uint32_t base[PAYLOADS] = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE, FLASH_LOADER_BASE};
    static uint8_t bytes[PAYLOAD_MAX_BYTES];
    const unsigned place = plan->linked_for == SLOT_LOADER ? PAYLOADS - 1 : plan->linked_for;
    uint32_t n_bytes = (uint32_t)n_payload[place];
    assert_true(n_bytes <= sizeof bytes);
    memcpy(bytes, payload[place], n_bytes);
    assert_int_equal(bytes_load_le32(bytes + BOOT_APP_MODE_OFF), BOOT_APP_MODE);
    bytes_store_le32(bytes + BOOT_APP_MODE_OFF, plan->mode ? plan->mode : BOOT_APP_HANGS);
    if (plan->stack != 0) {
        bytes_store_le32(bytes, plan->stack);
    }
    const struct image_spec spec = {
        .load_addr = base[place],
        .version = {.major = 1},
        .security_counter = plan->counter ? plan->counter : COUNTER,
        .hw_id = plan->hw ? plan->hw : BOARD_NAME,
        .run_flags = plan->run_flags,
    };
    struct image_signer signer = key_image_signer(plan->key ? plan->key : &image_key);
    out->n_bytes = sizeof out->bytes;
    assert_int_equal(image_build(&spec, bytes, n_bytes, &signer, out->bytes, &out->n_bytes), FOTA_OK);
}

/* --- the board --------------------------------------------------------------------------------------- */

void assert_no_violation(const struct twin *t)
{
    struct twin_violation first;
    if (twin_violation(t, 0, &first) > 0) {
        fail_msg("at %llu us, pc %08x: %s", (unsigned long long)first.time_ns / 1000, (unsigned)first.pc,
                 first.text);
    }
}

void run_ms(struct twin *t, uint32_t ms)
{
    enum twin_stop stop = twin_run_until(t, twin_now_ns(t) + (uint64_t)ms * 1000000U);
    assert_no_violation(t);
    assert_int_equal(stop, TWIN_STOP_TIME);
}

struct twin *make_board_with(const struct twin_config *config)
{
    char why[256] = "";
    struct twin_config strict = *config;
    strict.strict = true;
    strict.part = BOARD_PART;
    struct twin *t = twin_create(&strict, why, sizeof why);
    if (t == NULL) {
        fail_msg("%s", why);
    }
    firmware_program(t);
    return t;
}

struct twin *make_board_at(uint64_t seed, uint32_t vdd_mv)
{
    return make_board_with(
        &(struct twin_config){.flash_timing = TWIN_FLASH_TYPICAL, .seed = seed, .vdd_mv = vdd_mv});
}

struct twin *make_board(uint64_t seed)
{
    return make_board_at(seed, 0);
}

void erase_loader(struct twin *t)
{
    static uint8_t blank[FLASH_LOADER_BYTES];
    memset(blank, 0xFF, sizeof blank);
    assert_true(twin_flash_store(t, FLASH_LOADER_BASE, blank, sizeof blank));
}

void store_loader(struct twin *t, const struct test_image *image)
{
    erase_loader(t);
    assert_true(twin_flash_store(t, FLASH_LOADER_BASE, image->bytes, image->n_bytes));
}

void store_image(struct twin *t, enum slot slot, const struct test_image *image)
{
    static uint8_t blank[FLASH_SLOT_BYTES];
    uint32_t base = slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
    memset(blank, 0xFF, sizeof blank);
    assert_true(twin_flash_store(t, base, blank, sizeof blank));
    assert_true(twin_flash_store(t, base, image->bytes, image->n_bytes));
}

struct boot_app_report report_of(const struct twin *t)
{
    struct boot_app_report report;
    assert_true(twin_peek(t, BOOT_APP_REPORT_ADDR, &report, sizeof report));
    boot_info_of_view(&report.view, 0, "", &report.info);
    return report;
}

struct boot_app_report boot(struct twin *t)
{
    twin_set_power(t, false);
    twin_set_power(t, true);
    for (unsigned ms = 0; ms < BOOT_MAX_MS; ms += STEP_MS) {
        run_ms(t, STEP_MS);
        if (report_of(t).done == BOOT_APP_DONE) {
            return report_of(t);
        }
    }
    fail_msg("no application reported within %d ms", BOOT_MAX_MS);
    return report_of(t);
}

/* --- the journal, written by the factory: lib/journal over the twin's flash, as a debugger would ----- */

/* Change the journal's state: slot B becomes a trial, the floor is what the test says. */
void journal_says_b_is_on_trial(struct twin *t)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    assert_int_equal(journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record), FOTA_OK);
    assert_int_equal(record.state[SLOT_A], SLOT_STATE_CONFIRMED);
    record.state[SLOT_B] = SLOT_STATE_TRIAL;
    record.tries = BOOT_TRIAL_RUNS;
    record.starts = BOOT_TRIAL_STARTS;
    record.security_floor = FLOOR;
    record.last_reason = FOTA_OK;
    assert_int_equal(journal_append(&journal, &record), FOTA_OK);
}

/* How the journal names an image: the start of its hash. */
static void copy_hash(const struct test_image *image, uint8_t digest[BOOT_RECORD_DIGEST_BYTES])
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    firmware_image_hash(image->bytes, image->n_bytes, hash); /* 0 if it was spoiled on purpose */
    memcpy(digest, hash, BOOT_RECORD_DIGEST_BYTES);
}

/* As above, and the journal knows slot B's image by its hash. */
void put_on_trial(struct twin *t, const struct test_image *image)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    store_image(t, SLOT_B, image);
    journal_says_b_is_on_trial(t);
    assert_int_equal(journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record), FOTA_OK);
    copy_hash(image, record.digest[SLOT_B]);
    assert_int_equal(journal_append(&journal, &record), FOTA_OK);
}

void put_confirmed(struct twin *t, const struct test_image *image)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    store_image(t, SLOT_A, image);
    assert_int_equal(journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record), FOTA_OK);
    assert_int_equal(record.state[SLOT_A], SLOT_STATE_CONFIRMED);
    copy_hash(image, record.digest[SLOT_A]);
    assert_int_equal(journal_append(&journal, &record), FOTA_OK);
}

void journal_says_both_are_confirmed(struct twin *t)
{
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    assert_int_equal(journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record), FOTA_OK);
    record.state[SLOT_B] = SLOT_STATE_CONFIRMED;
    record.tries = 0;
    record.starts = 0;
    record.active = SLOT_B;
    record.security_floor = 0;
    record.last_reason = FOTA_OK;
    assert_int_equal(journal_append(&journal, &record), FOTA_OK);
}

struct twin *confirmed_board(void)
{
    static struct test_image image;
    struct twin *t = make_board(11);
    make_image(&(struct plan){.linked_for = SLOT_A, .mode = BOOT_APP_CONFIRMS}, &image);
    store_image(t, SLOT_A, &image);
    struct boot_app_report report = boot(t);
    assert_int_equal(report.confirm_err, FOTA_OK);
    assert_int_equal(report.info.active_slot, SLOT_A);
    twin_set_power(t, false);
    return t;
}

void tear_the_newest_record(struct twin *t)
{
    const uint32_t torn = 0x00400200;
    struct swd_flash flash = swd_flash(t);
    struct journal journal;
    struct boot_record record;
    assert_int_equal(journal_load(&journal, &flash.flash, SWD_JOURNAL_AREAS, &record), FOTA_OK);
    assert_true(
        twin_flash_store(t, SWD_JOURNAL_AREAS[1].base + journal.head[1].newest * JOURNAL_RECORD_BYTES + 8,
                         &torn, sizeof torn));
}

uint32_t wait_for_loader(struct twin *t, uint32_t max_ms)
{
    static const uint8_t sof = LINK_SOF, echo = LINK_ACK;
    uint64_t start_ns = twin_now_ns(t);
    twin_set_pin(t, TWIN_PIN_NSS, false);
    while (twin_now_ns(t) - start_ns < (uint64_t)max_ms * 1000000U) {
        uint8_t miso[8];
        assert_int_equal(twin_spi_transfer(t, &sof, NULL, 1, 1000000, 15000), TWIN_STOP_TIME);
        assert_int_equal(twin_spi_transfer(t, NULL, miso, sizeof miso, 1000000, 15000), TWIN_STOP_TIME);
        assert_no_violation(t);
        if (memchr(miso, LINK_ACK, sizeof miso) != NULL) {
            assert_int_equal(twin_spi_transfer(t, &echo, NULL, 1, 1000000, 15000), TWIN_STOP_TIME);
            return (uint32_t)((twin_now_ns(t) - start_ns) / 1000000);
        }
        run_ms(t, 1);
    }
    fail_msg("no loader answered within %u ms", (unsigned)max_ms);
    return max_ms;
}

int read_inputs(void **state)
{
    (void)state;
    if (key_read_private(FOTA_SOURCE_DIR "/build/keys/" KEY_IMAGE ".pem", &image_key) != FOTA_OK) {
        fail_msg("build/keys/" KEY_IMAGE ".pem is missing; build the firmware first (make fw)");
    }
    static const char *const path[PAYLOADS] = {BOOT_APP_A, BOOT_APP_B, BOOT_APP_L};
    for (unsigned slot = 0; slot < PAYLOADS; slot++) {
        assert_int_equal(file_read(path[slot], PAYLOAD_MAX_BYTES, &payload[slot], &n_payload[slot], NULL),
                         FOTA_OK);
    }
    return 0;
}

int forget_inputs(void **state)
{
    (void)state;
    key_forget(&image_key);
    for (unsigned slot = 0; slot < PAYLOADS; slot++) {
        free(payload[slot]);
    }
    return 0;
}
