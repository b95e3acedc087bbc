/** What a test gives to the ESP-IDF example in the place of menuconfig: variables, so that each test can set them. The rest of
 * the menu has its defaults (tools/kconfig.py). */
#ifndef GIVEN_H
#define GIVEN_H

enum { GIVEN_BYTES = 128 };
extern char given_endpoint[GIVEN_BYTES], given_ssid[GIVEN_BYTES], given_password[GIVEN_BYTES];

#include "example_sdkconfig.h"

#endif
