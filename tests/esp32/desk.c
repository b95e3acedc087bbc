#include "desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

enum { LOOK_MS = 100 };

void desk_set_up(struct desk *desk)
{
    static const char *const none[] = {NULL};
    test_key_make(&desk->image_key, 1);
    test_key_make(&desk->channel_key, 2);
    rig_pem(desk->image_key.point, desk->image_pem);
    rig_pem(desk->channel_key.point, desk->channel_pem);
    struct test_spec spec = test_spec(&desk->image_key, &desk->channel_key, DESK_VERSION_1, 1);
    test_release_make(&spec, &desk->factory);
    spec = test_spec(&desk->image_key, &desk->channel_key, DESK_VERSION_2, 2);
    test_release_make(&spec, &desk->update);
    const struct test_loader_spec loader_spec = {.key = &desk->image_key, .version = DESK_VERSION_1};
    test_loader_make(&loader_spec, &desk->loader);
    local_s3_start(&desk->s3, none);
    for (unsigned slot = 0; slot < 2; slot++) {
        local_s3_put(&desk->s3, desk->update.blob[slot], desk->update.image[slot],
                     desk->update.n_image[slot]);
    }
    local_s3_put(&desk->s3, "v1/channels/demo/f407-disco/stable.fc", desk->update.channel,
                 desk->update.n_channel);
}

void desk_tear_down(struct desk *desk)
{
    local_s3_stop(&desk->s3);
}

void desk_plug_in(struct desk *desk)
{
    target_fake_init(&desk->target, desk->image_key.point);
    target_fake_loader(&desk->target, desk->loader.image, desk->loader.n_image);
    target_fake_factory(&desk->target, desk->factory.image[0], desk->factory.n_image[0]);
    stand_in_new(&(struct stand_in_config){.board = &desk->target.io,
                                           .nss = 5,
                                           .nrst = 26,
                                           .boot0 = 25,
                                           .is_nvs_off = true,
                                           .sntp_s = TEST_NOW_S});
}

void desk_start_trial(void)
{
    stand_in_app_make(stand_in_app(1), STAND_IN_APP_BYTES, 2);
    assert_int_equal(esp_ota_set_boot_partition(esp_ota_get_next_update_partition(NULL)), ESP_OK);
    stand_in_reset();
    assert_int_equal(stand_in_running(), 1);
    assert_true(desk_is_on_trial());
}

bool desk_is_on_trial(void)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

void desk_await(const char *words, uint32_t max_s)
{
    const uint64_t until_us = stand_in_now_us() + (uint64_t)max_s * 1000000U;
    while (!stand_in_logged(words)) {
        if (stand_in_now_us() > until_us) {
            fail_msg("no log line says \"%s\"; the last one: %s", words,
                     stand_in_logged("") ? stand_in_logged("") : "");
        }
        vTaskDelay(LOOK_MS);
    }
}

void desk_check_updated(const struct desk *desk)
{
    struct flash_fake *flash = (struct flash_fake *)(uintptr_t)&desk->target.flash; /* looked at only */
    assert_int_equal(desk->target.running_version, DESK_VERSION_2);
    assert_false(desk->target.is_trial);
    assert_memory_equal(flash_fake_at(flash, FLASH_SLOT_B_BASE), desk->update.image[1],
                        desk->update.n_image[1]);
}

void desk_check_manners(void)
{
    assert_string_equal(stand_in_fault(), "");
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
}
