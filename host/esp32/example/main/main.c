/* An ESP32 that keeps one STM32F407 up to date. Wi-Fi, bucket and pins come from menuconfig, the keys from main/keys/. With
 * EXAMPLE_FIRST_START Wi-Fi, bucket and product come from a form, and there is a local page. */
#include "esp_err.h"
#include "esp_ota_ops.h"
#include "first_start.h"
#include "fota_gateway/fota_gateway_page.h"
#include "nvs_flash.h"
#include "say.h"
#include "sdkconfig.h"
#include "wifi.h"

/* CMakeLists.txt embeds the files of main/keys/ under these names, each with a NUL at its end. */
extern const char image_key[] __asm__("_binary_image_key_pub_pem_start");
extern const char channel_key[] __asm__("_binary_channel_key_pub_pem_start");

static struct fota_gateway gateway;
static struct fota_gateway_task task;
static struct fota_gateway_page page;
static struct first_start first;

#ifdef CONFIG_EXAMPLE_FIRST_START
enum { HAS_FIRST_START = 1 };
#else
enum { HAS_FIRST_START = 0 };
#endif

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
}

static void on_network(void *ctx)
{
    fota_gateway_poll_now(ctx);
}

/* After the network's start. Without a page there are updates all the same. */
static void start_page(void)
{
    const struct fota_gateway_page_config config = {.token = first.secret};
    const int reason = fota_gateway_page_start(&page, &gateway, &config);
    if (reason != 0) {
        say('W', "no page: %s", fota_gateway_reason_text(reason));
    } else {
        say('I', "the page is at this chip's address, with the token %s", first.secret);
    }
}

static bool start(void)
{
    struct fota_gateway_config config;
    const struct fota_gateway_settings *set = &first.settings;
    start_nvs();
    configure(&config);
    if (HAS_FIRST_START && !first_start(&first)) {
        return false;
    }
    if (HAS_FIRST_START) {
        fota_gateway_settings_apply(set, &config);
    }
    const int reason = fota_gateway_open(&gateway, &config);
    if (reason != 0) {
        say('E', "no updates: %s. The line before says what to change", fota_gateway_reason_text(reason));
        return false;
    }
    if (fota_gateway_start(&gateway, &task) != 0) {
        say('E', "no updates: the task of the gateway cannot be created");
        return false;
    }
    const bool is_up = HAS_FIRST_START ? wifi_start(set->wifi_name, set->wifi_password)
                                       : wifi_start(CONFIG_EXAMPLE_WIFI_SSID, CONFIG_EXAMPLE_WIFI_PASSWORD);
    if (HAS_FIRST_START && is_up) {
        start_page();
    }
    return is_up;
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
