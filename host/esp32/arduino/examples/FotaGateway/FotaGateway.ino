// An ESP32 that keeps an STM32F407 up to date: MOSI 23, MISO 19, SCK 18, CS 5, NRST 26, BOOT0 25 (pull-down), GND.
// partitions.csv beside this sketch has the partition for images: choose a board with 4 MB of flash.
#include <WiFi.h>
#include <fota_gateway/fota_gateway.h>

const char *WIFI_NAME = "my-network";
const char *WIFI_PASSWORD = "my-password";

// The texts of build/keys/image-key.pub.pem and channel-key.pub.pem.
const char *IMAGE_KEY = "-----BEGIN PUBLIC KEY-----\n"
                        "...\n"
                        "-----END PUBLIC KEY-----\n";
const char *CHANNEL_KEY = "-----BEGIN PUBLIC KEY-----\n"
                          "...\n"
                          "-----END PUBLIC KEY-----\n";
// The root certificate of the S3 server, e.g. Amazon Root CA 1; NULL takes the core's own list.
const char *ROOT_CA = NULL;

static struct fota_gateway gateway;
static struct fota_gateway_task task;
static bool was_connected = false;

// Called by the gateway's own task.
static void onEvent(void *, const struct fota_gateway_event *event)
{
    switch (event->kind) {
    case FOTA_GATEWAY_PROGRESS:
        Serial.printf("%lu of %lu bytes\n", (unsigned long)event->done, (unsigned long)event->total);
        break;
    case FOTA_GATEWAY_CONFIRMED:
        Serial.printf("version %u is confirmed\n", (unsigned)(event->version >> 24));
        break;
    case FOTA_GATEWAY_ROLLED_BACK:
    case FOTA_GATEWAY_FAILED:
        Serial.println(fota_gateway_reason_text(event->reason));
        break;
    default:
        break;
    }
}

static void onLog(void *, char, const char *line)
{
    Serial.println(line);
}

void setup()
{
    struct fota_gateway_config config;
    Serial.begin(115200);
    fota_gateway_config_default(&config);
    config.endpoint = "https://s3.eu-central-1.amazonaws.com";
    config.region = "eu-central-1";
    config.bucket = "my-releases";
    config.product = "demo";
    config.hw = "f407-disco";
    config.image_key = IMAGE_KEY;
    config.channel_key = CHANNEL_KEY;
    config.ca_pem = ROOT_CA;
    config.on_event = onEvent;
    config.on_log = onLog;
    const int reason = fota_gateway_open(&gateway, &config);
    if (reason == 0) {
        fota_gateway_start(&gateway, &task);
    } else {
        Serial.println(fota_gateway_reason_text(reason)); // the line before says which value, and what to do
    }
    WiFi.begin(WIFI_NAME, WIFI_PASSWORD); // the core connects again by itself
}

void loop()
{
    const bool is_connected = WiFi.status() == WL_CONNECTED;
    if (is_connected && !was_connected) {
        fota_gateway_poll_now(&gateway);
    }
    was_connected = is_connected;
    delay(1000);
}
