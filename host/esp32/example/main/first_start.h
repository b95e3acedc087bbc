/** The first start: Wi-Fi, bucket and product come from a form, which an access point of this chip serves, and stay in NVS. */
#ifndef FIRST_START_H
#define FIRST_START_H

#include "fota_gateway/fota_gateway_setup.h"

struct first_start {
    struct fota_gateway_settings settings;
    char secret
        [FOTA_GATEWAY_SECRET_BYTES]; /* of this device: password of its access point, token of its page */
};

/**
 * Load the settings. If there are none, serve the form until it is filled in, and restart the chip. If the button
 * (CONFIG_EXAMPLE_BUTTON) was held for 5 s, forget them before. Call nvs_flash_init before, and start no Wi-Fi.
 *
 * @param out  must stay
 * @return false: it cannot; the log says what is wrong
 */
bool first_start(struct first_start *out);

#endif
