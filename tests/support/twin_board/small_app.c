#include "small_app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "board_journal.h"
#include "firmware.h"
#include "link/link_codec.h"
#include "release/file.h"
#include "update/info.h"

enum {
    TRAP_PAYLOAD_BYTES = 512,
    TRAP_OP = 0xE7FE, /* b . */
    TRAP_ENTRY = 0x41,
    TRAP_STACK = 0x2001C000,
    AN4286_HZ = 1000000,
    AN4286_GAP_NS = 15000
};

/* --- images ------------------------------------------------------------------------------------------ */

uint8_t *small_app_code(enum slot linked_for, uint32_t mode, uint32_t *n_bytes)
{
    const char *path = linked_for == SLOT_LOADER ? BOOT_APP_L
                       : linked_for == SLOT_A    ? BOOT_APP_A
                                                 : BOOT_APP_B;
    uint8_t *code = NULL;
    size_t n_code = 0;
    uint32_t noise = 1;
    if (file_read(path, SMALL_APP_MAX_BYTES, &code, &n_code, NULL) != FOTA_OK ||
        bytes_load_le32(code + BOOT_APP_MODE_OFF) != BOOT_APP_MODE) {
        twin_board_die(path, "is not the application of one page");
    }
    if (*n_bytes == 0) {
        *n_bytes = (uint32_t)n_code;
    }
    uint8_t *out = calloc(1, *n_bytes);
    if (!out || n_code > *n_bytes) {
        twin_board_die(path, "does not fit");
    }
    for (uint32_t i = 0; i < *n_bytes; i++) {
        noise = noise * 1664525U + 1013904223U;
        out[i] = i < n_code ? code[i] : (uint8_t)(noise >> 24);
    }
    bytes_store_le32(out + BOOT_APP_MODE_OFF, mode);
    free(code);
    return out;
}

const struct key *small_key(void)
{
    static struct key key;
    static bool is_read;
    if (!is_read) {
        firmware_read_key(&key);
        is_read = true;
    }
    return &key;
}

static void build(const struct image_spec *spec, const uint8_t *code, uint32_t n_code, const struct key *key,
                  struct small_image *out)
{
    struct image_signer signer = key_image_signer(key);
    out->n_bytes = sizeof out->bytes;
    if (image_build(spec, code, n_code, &signer, out->bytes, &out->n_bytes) != FOTA_OK) {
        twin_board_die("image_build", "failed");
    }
}

void small_image_make(const struct small_plan *plan, struct small_image *out)
{
    const struct image_spec spec = {
        .load_addr = twin_board_base(plan->linked_for),
        .version = {.major = 1},
        .security_counter = plan->counter ? plan->counter : SMALL_COUNTER,
        .hw_id = plan->hw ? plan->hw : BOARD_NAME,
        .run_flags = plan->run_flags,
    };
    uint32_t n_bytes = 0;
    uint8_t *code = small_app_code(plan->linked_for, plan->mode ? plan->mode : BOOT_APP_HANGS, &n_bytes);
    if (plan->stack != 0) {
        bytes_store_le32(code, plan->stack);
    }
    build(&spec, code, n_bytes, plan->key ? plan->key : small_key(), out);
    free(code);
}

void small_image_make_trap(enum slot slot, const struct key *key, struct small_image *out)
{
    static uint8_t payload[TRAP_PAYLOAD_BYTES];
    const uint32_t base = twin_board_base(slot);
    const struct image_spec spec = {
        .load_addr = base, .version = {.major = 2}, .security_counter = 1, .hw_id = BOARD_NAME};
    for (uint32_t i = 0; i < sizeof payload; i += 2) {
        bytes_store_le16(payload + i, TRAP_OP);
    }
    bytes_store_le32(payload, TRAP_STACK);
    for (uint32_t i = 1; i < 16; i++) {
        bytes_store_le32(payload + (size_t)4 * i, base + IMAGE_HEADER_AREA_BYTES + TRAP_ENTRY);
    }
    build(&spec, payload, sizeof payload, key, out);
}

/* --- the board --------------------------------------------------------------------------------------- */

struct twin_board *small_board_open(const struct twin_config *config)
{
    struct twin_board *b = malloc(sizeof *b);
    struct twin_config strict = *config;
    strict.strict = true;
    assert_non_null(b);
    twin_board_open_with(b, &strict, NULL);
    return b;
}

void small_board_close(struct twin_board *b)
{
    twin_board_close(b);
    free(b);
}

struct twin_board *small_board_open_at(uint64_t seed, uint32_t vdd_mv)
{
    return small_board_open(
        &(struct twin_config){.flash_timing = TWIN_FLASH_TYPICAL, .seed = seed, .vdd_mv = vdd_mv});
}

void small_board_store(struct twin_board *b, enum slot slot, const struct small_image *image)
{
    twin_board_store(b, slot, image->bytes, image->n_bytes);
}

struct boot_app_report small_board_report(const struct twin_board *b)
{
    struct boot_app_report report;
    assert_true(twin_peek(b->twin, BOOT_APP_REPORT_ADDR, &report, sizeof report));
    boot_info_of_view(&report.view, 0, "", &report.info);
    return report;
}

struct boot_app_report small_board_boot(struct twin_board *b)
{
    twin_board_restart(b);
    for (unsigned ms = 0; ms < SMALL_BOOT_MAX_MS; ms += SMALL_STEP_MS) {
        twin_board_run_ms(b, SMALL_STEP_MS);
        if (small_board_report(b).done == BOOT_APP_DONE) {
            return small_board_report(b);
        }
    }
    fail_msg("no application reported within %d ms", SMALL_BOOT_MAX_MS);
    return small_board_report(b);
}

struct twin_board *small_board_open_confirmed(void)
{
    static struct small_image image;
    struct twin_board *b = small_board_open_at(11, 0);
    small_image_make(&(struct small_plan){.linked_for = SLOT_A, .mode = BOOT_APP_CONFIRMS}, &image);
    small_board_store(b, SLOT_A, &image);
    struct boot_app_report report = small_board_boot(b);
    assert_int_equal(report.confirm_err, FOTA_OK);
    assert_int_equal(report.info.active_slot, SLOT_A);
    twin_set_power(b->twin, false);
    return b;
}

uint32_t small_board_wait_for_loader(struct twin_board *b, uint32_t max_ms)
{
    static const uint8_t sof = LINK_SOF, echo = LINK_ACK;
    struct twin *t = b->twin;
    uint64_t start_ns = twin_now_ns(t);
    twin_set_pin(t, TWIN_PIN_NSS, false);
    while (twin_now_ns(t) - start_ns < (uint64_t)max_ms * 1000000U) {
        uint8_t miso[8];
        assert_int_equal(twin_spi_transfer(t, &sof, NULL, 1, AN4286_HZ, AN4286_GAP_NS), TWIN_STOP_TIME);
        assert_int_equal(twin_spi_transfer(t, NULL, miso, sizeof miso, AN4286_HZ, AN4286_GAP_NS),
                         TWIN_STOP_TIME);
        twin_board_must_be_clean(b);
        if (memchr(miso, LINK_ACK, sizeof miso)) {
            assert_int_equal(twin_spi_transfer(t, &echo, NULL, 1, AN4286_HZ, AN4286_GAP_NS), TWIN_STOP_TIME);
            return (uint32_t)((twin_now_ns(t) - start_ns) / 1000000);
        }
        twin_board_run_ms(b, 1);
    }
    fail_msg("no loader answered within %u ms", (unsigned)max_ms);
    return max_ms;
}

/* --- its journal ------------------------------------------------------------------------------------- */

static struct boot_record record_of(struct twin_board *b)
{
    struct boot_record record;
    assert_true(board_journal_read(b->twin, &record));
    assert_int_equal(record.state[SLOT_A], SLOT_STATE_CONFIRMED);
    return record;
}

/* How the journal names an image: the start of its hash; 0 if it was spoiled on purpose. */
static void copy_hash(const struct small_image *image, uint8_t digest[BOOT_RECORD_DIGEST_BYTES])
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    firmware_image_hash(image->bytes, image->n_bytes, hash);
    memcpy(digest, hash, BOOT_RECORD_DIGEST_BYTES);
}

void small_board_try_b(struct twin_board *b)
{
    struct boot_record record = record_of(b);
    record.state[SLOT_B] = SLOT_STATE_TRIAL;
    record.tries = BOOT_TRIAL_RUNS;
    record.starts = BOOT_TRIAL_STARTS;
    record.security_floor = SMALL_FLOOR;
    record.last_reason = FOTA_OK;
    board_journal_append(b->twin, &record);
}

void small_board_try_image(struct twin_board *b, const struct small_image *image)
{
    small_board_store(b, SLOT_B, image);
    small_board_try_b(b);
    struct boot_record record = record_of(b);
    copy_hash(image, record.digest[SLOT_B]);
    board_journal_append(b->twin, &record);
}

void small_board_confirm_a(struct twin_board *b, const struct small_image *image)
{
    struct boot_record record = record_of(b);
    small_board_store(b, SLOT_A, image);
    copy_hash(image, record.digest[SLOT_A]);
    board_journal_append(b->twin, &record);
}

void small_board_confirm_both(struct twin_board *b)
{
    struct boot_record record = record_of(b);
    record.state[SLOT_B] = SLOT_STATE_CONFIRMED;
    record.tries = 0;
    record.starts = 0;
    record.active = SLOT_B;
    record.security_floor = 0;
    record.last_reason = FOTA_OK;
    board_journal_append(b->twin, &record);
}
