/** The configuration: defaults, and what is wrong with one, in words. */
#ifndef IDF_CONFIG_H
#define IDF_CONFIG_H

#include "crypto/crypto.h"
#include "fota_gateway/fota_gateway.h"
#include "gateway/gateway.h"
#include "idf_log.h"

enum { IDF_CONFIG_KEYS = 4, IDF_CONFIG_DEVICE_BYTES = 13 };

/** What was made of it. */
struct idf_config {
    uint8_t point[IDF_CONFIG_KEYS][CRYPTO_POINT_BYTES]; /* image, next, release, channel */
    char device[IDF_CONFIG_DEVICE_BYTES]; /* MAC address, if the configuration names no device */
    struct gateway_config gateway;        /* points into the two above and the configuration */
    struct s3_config s3;
};

/**
 * Check everything that can be checked without touching anything.
 *
 * @param out  must outlive the gateway
 * @return FOTA_OK · E_ARG · E_KEY_FILE · E_CRYPTO_KEY · E_IO (no MAC address): a line names the value and what to do
 */
FOTA_MUST_CHECK
enum fota_err idf_config_check(const struct fota_gateway_config *config, struct idf_config *out,
                               const struct idf_log *log);

#endif
