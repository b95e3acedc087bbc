/* An ESP32 that keeps one STM32F407 up to date, with a local page. Wi-Fi and bucket come from menuconfig, or from the form of the first
 * start if menuconfig names no Wi-Fi; the keys come from main/keys/. */
#include "esp_err.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "fota_gateway/fota_gateway_page.h"
#include "fota_gateway/fota_gateway_setup.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "say.h"
#include "sdkconfig.h"
#include "wifi.h"

/* CMakeLists.txt embeds the files of main/keys/ under these names, each with a NUL at its end. */
extern const char image_key[] __asm__("_binary_image_key_pub_pem_start");
extern const char channel_key[] __asm__("_binary_channel_key_pub_pem_start");

#define SPACE CONFIG_FOTA_GATEWAY_NVS_NAMESPACE
enum { LOOK_TICKS = configTICK_RATE_HZ / 2, LAST_PAGE_TICKS = configTICK_RATE_HZ };

static struct fota_gateway gateway;
static struct fota_gateway_task task;
static struct fota_gateway_page page;
static struct fota_gateway_setup form;
static struct fota_gateway_settings settings;
static char
    secret[FOTA_GATEWAY_SECRET_BYTES]; /* of this device: token of its page, password of its access point */

/* NVS holds the gateway's record. The board stays as it is if the record is lost: it tells the gateway what it runs. */
static void start_nvs(void)
{
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        say('W', "NVS is erased (%s): the gateway reads its state from the board again",
            esp_err_to_name(err));
        err = nvs_flash_erase();
        err = err == ESP_OK ? nvs_flash_init() : err;
    }
    if (err != ESP_OK) {
        say('E', "NVS does not start (%s): is there a partition nvs of 20 kB or more?", esp_err_to_name(err));
    }
}

static void configure(struct fota_gateway_config *config)
{
    fota_gateway_config_default(config); /* what menuconfig says */
    config->image_key = image_key;
    config->channel_key = channel_key;
    config->is_watched = true;
#ifdef CONFIG_EXAMPLE_PATH_STYLE
    config->is_path_style = true;
#endif
    if (CONFIG_EXAMPLE_KEY_ID[0] != '\0') {
        config->key_id = CONFIG_EXAMPLE_KEY_ID;
        config->secret = CONFIG_EXAMPLE_SECRET[0] != '\0' ? CONFIG_EXAMPLE_SECRET : NULL;
    }
    if (settings.wifi_name[0] != '\0') {
        fota_gateway_settings_apply(&settings, config);
    }
}

static void forget_if_asked(void)
{
    if (CONFIG_EXAMPLE_BUTTON_GPIO >= 0 && fota_gateway_button_was_held(CONFIG_EXAMPLE_BUTTON_GPIO) &&
        fota_gateway_forget(SPACE) == 0) {
        say('W', "the button was held: settings, secret and record are forgotten");
    }
}

/* First start: an access point with the form, until it was filled in. */
static bool ask_for_settings(void)
{
    const struct fota_gateway_setup_config config = {.nvs_namespace = SPACE};
    if (!wifi_host("fota-gateway", secret) || fota_gateway_setup_start(&form, &config) != 0) {
        return false;
    }
    say('I', "join the Wi-Fi fota-gateway with the password %s and open http://192.168.4.1/", secret);
    while (!fota_gateway_setup_is_done(&form)) {
        vTaskDelay(LOOK_TICKS);
    }
    vTaskDelay(LAST_PAGE_TICKS);          /* the last page arrives */
    (void)fota_gateway_setup_stop(&form); /* it was started */
    say('I', "the settings are saved: the chip restarts with them");
    esp_restart();
}

static bool start_gateway(void)
{
    const struct fota_gateway_page_config page_config = {.token = secret};
    struct fota_gateway_config config;
    configure(&config);
    int reason = fota_gateway_open(&gateway, &config);
    if (reason != 0) {
        say('E', "no updates: %s. The line before says what to change", fota_gateway_reason_text(reason));
        return false;
    }
    reason = fota_gateway_page_start(&page, &gateway, &page_config);
    if (reason != 0) {
        say('W', "no page: %s. The line before says why", fota_gateway_reason_text(reason));
    }
    if (fota_gateway_start(&gateway, &task) != 0) {
        say('E', "no updates: the task of the gateway cannot be created");
        return false;
    }
    return true;
}

static void on_network(void *ctx)
{
    say('I', "the page is at port 80 of this chip; its token is %s", secret);
    fota_gateway_poll_now(ctx);
}

static bool start(void)
{
    start_nvs();
    forget_if_asked();
    if (!wifi_open()) {
        return false;
    }
    const int reason = fota_gateway_secret(SPACE, secret); /* the radio is on: it is random */
    if (reason != 0) {
        say('E', "this device has no secret: %s. The line before says why", fota_gateway_reason_text(reason));
        return false;
    }
    if (CONFIG_EXAMPLE_WIFI_SSID[0] != '\0') {
        return start_gateway() && wifi_join(CONFIG_EXAMPLE_WIFI_SSID, CONFIG_EXAMPLE_WIFI_PASSWORD);
    }
    if (fota_gateway_settings_load(SPACE, &settings) != 0) {
        return ask_for_settings();
    }
    return start_gateway() && wifi_join(settings.wifi_name, settings.wifi_password);
}

/* An application that came over the air and has no gateway could never be replaced so. Any other stays: a restart would mend nothing. */
static void give_way_on_trial(void)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    if (esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
        state == ESP_OTA_IMG_PENDING_VERIFY) {
        say('E', "this application is on trial: the chip restarts into the one before it");
        const esp_err_t err = esp_ota_mark_app_invalid_rollback_and_reboot(); /* returns only on failure */
        say('E', "there is no application before it (%s): load one by cable", esp_err_to_name(err));
    }
}

void app_main(void);
void app_main(void)
{
    if (start()) {
        wifi_keep(on_network, &gateway);
    } else {
        give_way_on_trial();
    }
}
