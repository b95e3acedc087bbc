/** What the chip has. */
#ifndef SOC_SOC_CAPS_H
#define SOC_SOC_CAPS_H

#include "sdkconfig.h"

#ifdef CONFIG_IDF_TARGET_ESP32C3
#define SOC_SPI_PERIPH_NUM 2
#else
#define SOC_SPI_PERIPH_NUM 3
#endif

#endif
