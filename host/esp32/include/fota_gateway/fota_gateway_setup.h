/**
 * First start of a gateway on an ESP32: a form that asks for Wi-Fi, bucket and product, the record that keeps the answers, a
 * secret of this device, and a button that forgets it all. For C and C++. Nothing here starts Wi-Fi: the application does.
 *
 *     struct fota_gateway_settings settings;                       // after nvs_flash_init
 *     if (fota_gateway_button_was_held(27)) fota_gateway_forget("fota");
 *     fota_gateway_secret("fota", secret);                  // after Wi-Fi was started; print it on the console
 *     if (fota_gateway_settings_load("fota", &settings)) {  // no settings yet:
 *         ... start an access point with WPA2 and `secret` as its password, then
 *         fota_gateway_setup_start(&setup, &setup_config);
 *         ... wait until fota_gateway_setup_is_done(&setup), and restart
 *     }
 *     fota_gateway_settings_apply(&settings, &config);      // and go on as a station, with the same secret as token of the page
 *
 * Who may fill in the form: whoever knows the access point's password, which only the console told. No value of the form is a
 * secret but the Wi-Fi password, and that is never shown again: neither in the form nor in the log. Like all of NVS it can be read
 * by whoever holds the chip, unless NVS is encrypted.
 */
#ifndef FOTA_GATEWAY_FOTA_GATEWAY_SETUP_H
#define FOTA_GATEWAY_FOTA_GATEWAY_SETUP_H

#include "fota_gateway/fota_gateway.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the form asks for; texts end with a NUL. Keys and hardware id come with the program. */
struct fota_gateway_settings {
    char wifi_name[33];     /* 1..32 bytes */
    char wifi_password[64]; /* 8..63 characters; "": a network without one */
    char endpoint[128];     /* https://HOST or http://HOST:PORT, without a path */
    char region[33];
    char bucket[64];
    char product[33];
    char channel[33];
};

enum {
    FOTA_GATEWAY_SECRET_BYTES =
        21, /* 20 characters, digits and small letters without i, l, o, u: 100 bits; and the NUL */
    /* 32-bit pointers; other machines only run the tests. esp_http_server takes its stack of 4,096 bytes and about 3 kB more from
       the heap. */
    FOTA_GATEWAY_SETUP_BYTES = sizeof(void *) == 4 ? 4096 : 4608
};

/**
 * Read the settings.
 *
 * @param nvs_namespace  at most 15 characters; that of the gateway
 * @return 0 · E_NOT_FOUND 0x0802 (there are none) · E_ARG 0x0001 (no namespace) · E_IO 0x0801 (NVS)
 */
int fota_gateway_settings_load(const char *nvs_namespace, struct fota_gateway_settings *out);

/**
 * Save them, into the older of two cells.
 *
 * Power cut: the settings before it, or these
 * @return 0 · E_ARG 0x0001 (one of them is wrong: the form's rules) · E_IO 0x0801 (NVS: nothing was changed)
 */
int fota_gateway_settings_save(const char *nvs_namespace, const struct fota_gateway_settings *settings);

/** Let a configuration point to them; they must outlive the gateway. The bucket is in the path but for Amazon's servers: set
 * is_path_style after it if yours is another one with a name for each bucket. */
void fota_gateway_settings_apply(const struct fota_gateway_settings *settings,
                                 struct fota_gateway_config *config);

/**
 * The secret of this device: password of its access point, token of its page. Drawn at the first call and kept in NVS. Call it when
 * Wi-Fi runs: only then esp_random is true randomness.
 *
 * Power cut: none was kept, and the next call draws another
 * @return 0 · E_ARG 0x0001 (no namespace) · E_IO 0x0801 (NVS)
 */
int fota_gateway_secret(const char *nvs_namespace, char out[FOTA_GATEWAY_SECRET_BYTES]);

/**
 * Factory reset: erase this namespace, with settings, secret and the gateway's record; nothing else of NVS. The gateway must not
 * run. The record lists releases that were refused; the target keeps its own floor against older ones.
 *
 * Power cut: the settings are all there or all gone
 * @return 0 · E_ARG 0x0001 (no namespace) · E_IO 0x0801 (NVS)
 */
int fota_gateway_forget(const char *nvs_namespace);

/**
 * Was the button held for 5 s, and let go? Call it at the start. A button between the pin and GND; the chip's own pull-up is used, an
 * ESP32's 34 to 39 need one outside. A button that is stuck is not one that was held: after 30 s the start goes on. Do not take
 * the BOOT button (GPIO 0 of an ESP32, 9 of a C3): held at reset it stops the chip in its ROM.
 *
 * Takes:      30 ms if it is not pressed, else until it is let go, 30 s at most; other tasks run
 * @return false also for a pin that the chip does not have; the log names it
 */
bool fota_gateway_button_was_held(int pin);

/** Zero it first. */
struct fota_gateway_setup_config {
    const char *nvs_namespace; /* where the settings go; must stay */
    const struct fota_gateway_settings
        *first;    /* what the form shows at first, but for the password; NULL: nothing */
    uint16_t port; /* 0: 80 */
};

/** A form. Zero it, or leave it static; its content is its own. */
struct fota_gateway_setup {
    uint64_t opaque[FOTA_GATEWAY_SETUP_BYTES / 8];
};

/**
 * Serve the form at http://ADDRESS/, until fota_gateway_setup_stop. What is wrong in it is said beside the field, and nothing is saved
 * then. It answers to an address in figures only, as http://192.168.4.1/, and to forms that it gave out itself.
 *
 * @return 0 · E_ARG 0x0001 (no namespace) · E_STATE 0x0004 (it serves already) · E_IO 0x0801 (esp_http_server refuses)
 */
int fota_gateway_setup_start(struct fota_gateway_setup *setup,
                             const struct fota_gateway_setup_config *config);

/** Were settings saved? Then stop, and restart the chip a second later, so that the last page arrives. From any task. */
bool fota_gateway_setup_is_done(struct fota_gateway_setup *setup);

/**
 * From any task but the server's own.
 * @return 0 · E_STATE 0x0004 (it does not serve)
 */
int fota_gateway_setup_stop(struct fota_gateway_setup *setup);

#ifdef __cplusplus
}
#endif

#endif
