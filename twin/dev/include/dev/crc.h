/** CRC calculation unit (RM0090 chapter 4): CRC-32, polynomial 0x04C11DB7, whole words, initial value all
 * ones. */
#ifndef DEV_CRC_H
#define DEV_CRC_H

#include "bus/dev.h"

/** Put "CRC" on the bus. */
void crc_attach(struct chip *chip);

#endif
