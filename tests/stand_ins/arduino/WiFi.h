/** Wi-Fi as the example sketches use it: always connected. */
#ifndef WIFI_H
#define WIFI_H

#include "Arduino.h"

enum { WL_CONNECTED = 3 };

struct WiFiClass {
    void begin(const char *, const char *)
    {
    }
    int status()
    {
        return WL_CONNECTED;
    }
};
extern WiFiClass WiFi;

#endif
