// As FotaGateway, with a local page (its address and its token are printed) and the BOOT button of the DevKit: "look for news now".
#include <WiFi.h>
#include <esp_random.h>
#include <fota_gateway/fota_gateway_page.h>

const char *WIFI_NAME = "my-network";
const char *WIFI_PASSWORD = "my-password";
const char *ENDPOINT = "https://s3.eu-central-1.amazonaws.com";
const char *REGION = "eu-central-1";
const char *BUCKET = "my-releases";
bool BUCKET_IS_IN_PATH = false; // true: a server of your own, http://host:port
const char *ROOT_CA = NULL;     // PEM text of the server's root certificate; NULL: the list of the ESP32 core
const char *PRODUCT = "demo";
const char *HARDWARE = "f407-disco";
const char *IMAGE_KEY = "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n";   // text of image-key.pub.pem
const char *CHANNEL_KEY = "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n"; // text of channel-key.pub.pem
const uint8_t BUTTON = 0; // GPIO 0 to ground, as on the DevKit: free once the ESP32 has started

static struct fota_gateway gateway;
static struct fota_gateway_task task;
static struct fota_gateway_page page;
static char token[33]; // new at each start; a product keeps its own in NVS, never in its source

static void onLog(void *, char, const char *line) {
  Serial.println(line);
}

void setup() {
  struct fota_gateway_config config;
  struct fota_gateway_page_config pageConfig = {};
  Serial.begin(115200);
  pinMode(BUTTON, INPUT_PULLUP);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD); // the core connects again by itself
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
  config.on_log = onLog;
  int reason = fota_gateway_open(&gateway, &config);
  if (reason == 0) {
    for (int i = 0; i < 4; i++) { // the radio is on: these numbers are random
      snprintf(token + 8 * i, 9, "%08lx", (unsigned long)esp_random());
    }
    pageConfig.token = token;
    reason = fota_gateway_page_start(&page, &gateway, &pageConfig);
    fota_gateway_start(&gateway, &task);
  }
  if (reason != 0) { // the line before says which value is wrong, and what to do
    Serial.printf("no page, or no updates: %s\n", fota_gateway_reason_text(reason));
  }
}

void loop() {
  static bool wasConnected = false, wasPressed = false;
  const bool isConnected = WiFi.status() == WL_CONNECTED;
  const bool isPressed = digitalRead(BUTTON) == LOW;
  if (isConnected && !wasConnected) {
    Serial.printf("the page: http://%s/ with the token %s\n", WiFi.localIP().toString().c_str(), token);
  }
  if ((isConnected && !wasConnected) || (isPressed && !wasPressed)) {
    fota_gateway_poll_now(&gateway);
  }
  wasConnected = isConnected;
  wasPressed = isPressed;
  delay(50); // also lets the button settle
}
