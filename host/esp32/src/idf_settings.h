/** The settings of fota_gateway_setup.h in NVS: two cells, of which the newer one that is whole counts. */
#ifndef IDF_SETTINGS_H
#define IDF_SETTINGS_H

#include "fota_gateway/fota_gateway_setup.h"
#include "idf_log.h"

/** Is this a namespace: 1 to 15 characters? A line says what is wrong. */
bool idf_settings_is_space(const char *nvs_namespace, const struct idf_log *log);

/** `n_chars` of the alphabet of the secret, and a NUL. */
void idf_settings_draw(char *out, size_t n_chars);

#endif
