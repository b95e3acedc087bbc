/* Keys of the model (crypto_model.c), in place of those that keys_header.py makes for the bootloader. */
#ifndef STUB_BOOT_KEYS_H
#define STUB_BOOT_KEYS_H

#include "model.h"

#define BOOT_KEYS model_points

#endif
