/** Version of the API: the newest that the stand-ins imitate; STAND_IN_IDF_MINOR takes an older 5.x. */
#ifndef ESP_IDF_VERSION_H
#define ESP_IDF_VERSION_H

#ifndef STAND_IN_IDF_MINOR
#define STAND_IN_IDF_MINOR 5
#endif
#define ESP_IDF_VERSION_MAJOR                    5
#define ESP_IDF_VERSION_MINOR                    STAND_IN_IDF_MINOR
#define ESP_IDF_VERSION_PATCH                    0
#define ESP_IDF_VERSION_VAL(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define ESP_IDF_VERSION                                                                                      \
    ESP_IDF_VERSION_VAL(ESP_IDF_VERSION_MAJOR, ESP_IDF_VERSION_MINOR, ESP_IDF_VERSION_PATCH)

#endif
