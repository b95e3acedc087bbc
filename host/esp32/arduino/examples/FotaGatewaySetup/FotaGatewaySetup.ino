// As FotaGatewayPage, but set up from a phone: at its first start it opens a Wi-Fi of its own with a form. Its password is printed.
// A button from GPIO 27 to ground, held for 5 s at the start and let go, makes it forget its settings.
#include <WiFi.h>
#include <fota_gateway/fota_gateway_page.h>
#include <fota_gateway/fota_gateway_setup.h>
const char *ROOT_CA = NULL; // PEM text of the server's root certificate; NULL: the list of the ESP32 core
const char *HARDWARE = "f407-disco";
const char *IMAGE_KEY = "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n";   // text of image-key.pub.pem
const char *CHANNEL_KEY = "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n"; // text of channel-key.pub.pem
const char *SPACE = "fota"; // in NVS
const int BUTTON = 27;      // not the BOOT button: held at the start it stops the chip in its ROM

static struct fota_gateway gateway;
static struct fota_gateway_task task;
static struct fota_gateway_page page;
static struct fota_gateway_setup form;
static struct fota_gateway_settings settings;
static char secret[FOTA_GATEWAY_SECRET_BYTES]; // of this device: password of its own Wi-Fi, token of its page

static void onLog(void *, char, const char *line) {
  Serial.println(line);
}

static int askForSettings() {
  struct fota_gateway_setup_config config = {};
  config.nvs_namespace = SPACE;
  WiFi.mode(WIFI_AP);
  WiFi.softAP("fota-gateway", secret);
  Serial.printf("join the Wi-Fi fota-gateway with the password %s and open http://192.168.4.1/\n", secret);
  return fota_gateway_setup_start(&form, &config);
}

static int startGateway() {
  struct fota_gateway_config config;
  struct fota_gateway_page_config pageConfig = {};
  fota_gateway_config_default(&config);
  fota_gateway_settings_apply(&settings, &config);
  config.ca_pem = ROOT_CA;
  config.hw = HARDWARE;
  config.image_key = IMAGE_KEY;
  config.channel_key = CHANNEL_KEY;
  config.on_log = onLog;
  pageConfig.token = secret;
  WiFi.begin(settings.wifi_name, settings.wifi_password); // the core connects again by itself
  const int opened = fota_gateway_open(&gateway, &config);
  const int shown = opened == 0 ? fota_gateway_page_start(&page, &gateway, &pageConfig) : opened;
  return shown == 0 ? fota_gateway_start(&gateway, &task) : shown;
}

void setup() {
  Serial.begin(115200);
  if (fota_gateway_button_was_held(BUTTON) && fota_gateway_forget(SPACE) == 0) {
    Serial.println("settings and secret are forgotten");
  }
  WiFi.mode(WIFI_STA); // the secret is drawn while the radio is on: only then it is random
  int reason = fota_gateway_secret(SPACE, secret);
  if (reason == 0 && fota_gateway_settings_load(SPACE, &settings) != 0) {
    reason = askForSettings();
  } else if (reason == 0) {
    reason = startGateway();
  }
  if (reason != 0) { // the line before says what is wrong, and what to do
    Serial.printf("no page, or no updates: %s\n", fota_gateway_reason_text(reason));
  }
}

void loop() {
  static bool wasConnected = false;
  const bool isConnected = WiFi.status() == WL_CONNECTED;
  delay(1000);
  if (fota_gateway_setup_is_done(&form)) {
    delay(1000); // its last page arrives
    fota_gateway_setup_stop(&form);
    ESP.restart(); // with the new settings
  } else if (isConnected && !wasConnected) {
    Serial.printf("the page: http://%s/ with the token %s\n", WiFi.localIP().toString().c_str(), secret);
    fota_gateway_poll_now(&gateway);
  }
  wasConnected = isConnected;
}
