/** PEM texts of a configuration: public keys, and a look at a CA before TLS gets it. Pure. */
#ifndef IDF_PEM_H
#define IDF_PEM_H

#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

/**
 * A P-256 public key, as `openssl ec -pubout` and `fota keygen` write it.
 *
 * @return FOTA_OK · E_KEY_FILE (no PEM text of a public key) · E_CRYPTO_KEY (a key of another curve or kind)
 */
FOTA_MUST_CHECK
enum fota_err idf_pem_key(const char *pem, uint8_t point[CRYPTO_POINT_BYTES]);

/**
 * Does the text hold a certificate, as far as that shows without reading it?
 * @return FOTA_OK · E_KEY_FILE
 */
FOTA_MUST_CHECK
enum fota_err idf_pem_certificate(const char *pem);

#endif
