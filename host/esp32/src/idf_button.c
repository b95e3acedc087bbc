#include "idf_button.h"

#include "driver/gpio.h"
#include "fota_gateway/fota_gateway_setup.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "idf_log.h"

enum { MS_PER_S = 1000 };

enum idf_button_is idf_button_sample(struct idf_button *b, bool is_low)
{
    const bool is_new = is_low != b->is_pressed;
    b->n_differ = is_new ? b->n_differ + 1U : 0;
    b->n_agree = is_new ? 0 : b->n_agree + 1U;
    b->held_ms += IDF_BUTTON_SAMPLE_MS;
    if (!b->is_pressed && b->n_agree >= IDF_BUTTON_STEADY) {
        return IDF_BUTTON_WAS_NOT; /* it is not pressed at the start */
    }
    if (b->n_differ >= IDF_BUTTON_STEADY) {
        const uint32_t held_ms = b->held_ms - IDF_BUTTON_STEADY * IDF_BUTTON_SAMPLE_MS;
        b->is_pressed = is_low;
        b->n_differ = 0;
        if (!is_low) {
            return held_ms >= IDF_BUTTON_HOLD_MS ? IDF_BUTTON_WAS_HELD : IDF_BUTTON_WAS_NOT;
        }
    }
    return b->held_ms > IDF_BUTTON_STUCK_MS ? IDF_BUTTON_IS_STUCK : IDF_BUTTON_GOES_ON;
}

bool fota_gateway_button_was_held(int pin)
{
    static const struct idf_log log;
    struct idf_button button = {0};
    enum idf_button_is is = IDF_BUTTON_GOES_ON;
    if (!GPIO_IS_VALID_GPIO(pin)) {
        idf_log(&log, 'E', "button on GPIO %d: this chip has no such pin; take another", pin);
        return false;
    }
    const gpio_config_t config = {
        .pin_bit_mask = UINT64_C(1) << pin, .mode = GPIO_MODE_INPUT, .pull_up_en = GPIO_PULLUP_ENABLE};
    const esp_err_t err = gpio_config(&config);
    if (err != ESP_OK) {
        idf_log(&log, 'E', "button on GPIO %d: %s; take another pin", pin, esp_err_to_name(err));
        return false;
    }
    while (is == IDF_BUTTON_GOES_ON) {
        vTaskDelay((IDF_BUTTON_SAMPLE_MS * configTICK_RATE_HZ + MS_PER_S - 1) / MS_PER_S);
        is = idf_button_sample(&button, gpio_get_level((gpio_num_t)pin) == 0);
    }
    if (is == IDF_BUTTON_IS_STUCK) {
        idf_log(&log, 'W', "button on GPIO %d: low for 30 s; it is stuck, or the pin has no pull-up", pin);
    }
    return is == IDF_BUTTON_WAS_HELD;
}
