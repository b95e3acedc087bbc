// An ESP32 that keeps an STM32F407 up to date: MOSI 23, MISO 19, SCK 18, CS 5, NRST 26, BOOT0 25 (pull-down), GND.
// partitions.csv beside this sketch has the partition for images: choose a board with 4 MB of flash.
#include <WiFi.h>
#include <fota_gateway/fota_gateway.h>

const char *WIFI_NAME = "my-network";
const char *WIFI_PASSWORD = "my-password";
const char *ENDPOINT = "https://s3.eu-central-1.amazonaws.com";
const char *REGION = "eu-central-1";
const char *BUCKET = "my-releases";
bool BUCKET_IS_IN_PATH = false; // true: a server of your own, http://host:port
const char *ROOT_CA = NULL;     // PEM text of the server's root certificate; NULL: the list of the ESP32 core
const char *PRODUCT = "demo";
const char *HARDWARE = "f407-disco";
// The texts of image-key.pub.pem and channel-key.pub.pem, as fota keygen wrote them.
const char *IMAGE_KEY = "-----BEGIN PUBLIC KEY-----\n"
                        "...\n"
                        "-----END PUBLIC KEY-----\n";
const char *CHANNEL_KEY = "-----BEGIN PUBLIC KEY-----\n"
                          "...\n"
                          "-----END PUBLIC KEY-----\n";

static struct fota_gateway gateway;
static struct fota_gateway_task task;

// Called by the gateway's own task.
static void onEvent(void *, const struct fota_gateway_event *event) {
  if (event->kind == FOTA_GATEWAY_PROGRESS) {
    Serial.printf("%lu of %lu bytes\n", (unsigned long)event->done, (unsigned long)event->total);
  } else if (event->kind == FOTA_GATEWAY_CONFIRMED) {
    Serial.println("the new version runs and is confirmed");
  }
}

static void onLog(void *, char, const char *line) {
  Serial.println(line);
}

void setup() {
  struct fota_gateway_config config;
  Serial.begin(115200);
  fota_gateway_config_default(&config);
  config.endpoint = ENDPOINT;
  config.region = REGION;
  config.bucket = BUCKET;
  config.is_path_style = BUCKET_IS_IN_PATH;
  config.ca_pem = ROOT_CA;
  config.product = PRODUCT;
  config.hw = HARDWARE;
  config.image_key = IMAGE_KEY;
  config.channel_key = CHANNEL_KEY;
  config.on_event = onEvent;
  config.on_log = onLog;
  const int reason = fota_gateway_open(&gateway, &config);
  if (reason == 0) {
    fota_gateway_start(&gateway, &task);
  } else { // the line before says which value is wrong, and what to do
    Serial.printf("no updates: %s\n", fota_gateway_reason_text(reason));
  }
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD); // the core connects again by itself
}

void loop() {
  static bool wasConnected = false;
  static unsigned long toldAt = 0;
  const bool isConnected = WiFi.status() == WL_CONNECTED;
  if (isConnected && !wasConnected) {
    Serial.printf("Wi-Fi \"%s\" is there\n", WIFI_NAME);
    fota_gateway_poll_now(&gateway);
  }
  if (!isConnected && millis() - toldAt > 10000) {
    toldAt = millis();
    Serial.printf("no Wi-Fi \"%s\" (status %d): check name, password, and that it has 2.4 GHz\n", WIFI_NAME, (int)WiFi.status());
  }
  wasConnected = isConnected;
  delay(1000);
}
