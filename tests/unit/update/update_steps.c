#include "update_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"

enum { CHUNK_BYTES = 64 };

struct fixture fix;
struct update u;
struct slots_decision decision;
struct image_result images[2];
struct fixture_release v1;
struct fixture_release v2;
struct fixture_release v3;
struct update_reset next_reset = {.cause = RESET_SOFTWARE};
enum boot_request next_request;

struct fixture_release release_of(uint32_t version, uint32_t counter, uint32_t key, uint32_t payload_bytes)
{
    struct fixture_release release = {
        .version = version, .counter = counter, .key = key, .payload_bytes = payload_bytes};
    fixture_release(&release);
    return release;
}

void boot(void)
{
    flash_fake_power_up(&fix.fake, 1);
    memset(&u, 0xA5, sizeof u);
    assert_int_equal(update_open(&u, &fix.config, &next_reset), FOTA_OK);
    update_choose(&u, next_request, &decision, images);
    next_reset = (struct update_reset){.cause = RESET_SOFTWARE};
    next_request = BOOT_REQUEST_NONE;
}

void boots(enum slot slot, bool is_trial)
{
    boot();
    assert_int_equal(decision.action, SLOTS_BOOT);
    assert_int_equal(decision.slot, slot);
    assert_int_equal(decision.is_trial, is_trial);
    assert_int_equal(images[slot].verdict, CRYPTO_ACCEPT);
    assert_int_equal(u.running, slot);
}

void boot_after_failed_run(void)
{
    next_reset = (struct update_reset){.cause = RESET_IWDG, .is_run_failed = true};
    boot();
}

void boot_into_loader(void)
{
    next_request = BOOT_REQUEST_LOADER;
    boot();
    assert_int_equal(decision.action, SLOTS_LOADER);
}

int set_up(void **state)
{
    (void)state;
    if (v1.n_text == 0) {
        v1 = release_of(V1, 1, FIX_KEY_A, 100);
        v2 = release_of(V2, 2, FIX_KEY_A, 700);
        v3 = release_of(V3, 2, FIX_KEY_B, 300);
    }
    fixture_init(&fix);
    fixture_factory(&fix, &v1, SLOT_A);
    boots(SLOT_A, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_A, false);
    return 0;
}

enum fota_err begin(const struct fixture_release *release, struct update_target *target)
{
    return update_begin(&u, release->text, (uint32_t)release->n_text, target);
}

void stream(const struct fixture_release *release, const struct update_target *target, uint32_t from_off,
            uint32_t to_off)
{
    const struct fixture_image *image = &release->image[target->slot];
    for (uint32_t off = from_off; off < to_off; off += CHUNK_BYTES) {
        uint32_t words[CHUNK_BYTES / 4];
        uint32_t n_bytes = to_off - off < CHUNK_BYTES ? to_off - off : (uint32_t)CHUNK_BYTES;
        memset(words, 0xFF, sizeof words);
        memcpy(words, image->bytes + off, n_bytes);
        if (off % FIX_SECTOR_BYTES == 0) {
            assert_int_equal(update_erase(&u, fix.config.first_sector[target->slot] + off / FIX_SECTOR_BYTES),
                             FOTA_OK);
        }
        assert_int_equal(update_program(&u, target->base + off, words, (n_bytes + 3) / 4), FOTA_OK);
    }
}

void receive(const struct fixture_release *release)
{
    struct update_target target;
    assert_int_equal(begin(release, &target), FOTA_OK);
    stream(release, &target, target.resume_off, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
}

void install(const struct fixture_release *release)
{
    receive(release);
    assert_int_equal(update_activate(&u), FOTA_OK);
}

void confirm_release(const struct fixture_release *release, enum slot slot)
{
    install(release);
    boots(slot, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(slot, false);
}

void reject_release(const struct fixture_release *release, enum slot slot, enum slot fallback)
{
    install(release);
    boots(slot, true);
    for (int run = 1; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
        assert_int_equal(u.running, slot);
    }
    boot_after_failed_run();
    assert_int_equal(decision.action, SLOTS_BOOT);
    assert_int_equal(u.running, fallback);
    assert_int_equal(u.record.state[slot], SLOT_STATE_REJECTED);
}

uint32_t n_erases(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < FIX_SECTORS; i++) {
        n += fix.sectors[i].n_erases;
    }
    return n;
}

void fill_journal(uint32_t n_left)
{
    while (journal_has_room(&u.journal, n_left + 1)) {
        assert_int_equal(journal_append(&u.journal, &u.record), FOTA_OK);
    }
}

void lose_journals(void)
{
    flash_fake_lose_sector(&fix.fake, FLASH_J0_SECTOR, 1);
    flash_fake_lose_sector(&fix.fake, FLASH_J1_SECTOR, 2);
}
