/** Wi-Fi as the example sketches use it. The core starts the driver and connects again by itself, without a pause. */
#ifndef WIFI_H
#define WIFI_H

#include "Arduino.h"

typedef enum {
    WL_IDLE_STATUS = 0,
    WL_NO_SSID_AVAIL = 1,
    WL_CONNECTED = 3,
    WL_CONNECT_FAILED = 4,
    WL_CONNECTION_LOST = 5,
    WL_DISCONNECTED = 6
} wl_status_t;

extern "C" {
#include "esp_wifi.h"
}
#define WIFI_STA WIFI_MODE_STA
#define WIFI_AP  WIFI_MODE_AP

class WiFiClass {
  public:
    bool mode(wifi_mode_t mode);
    bool softAP(const char *ssid, const char *passphrase);
    wl_status_t begin(const char *ssid, const char *passphrase);
    wl_status_t status();
    IPAddress localIP();
};
extern WiFiClass WiFi;

#endif
