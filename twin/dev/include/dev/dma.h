/**
 * DMA1 and DMA2, eight streams each (RM0090 chapter 10): direct mode, circular, double buffer, flags,
 * interrupts, priorities; memory to memory on DMA2. A data item moves at the instant of its request. In
 * direct mode from memory to peripheral one item is fetched ahead as on the chip (RM0090 10.3.12): a byte
 * changed in memory after that is late.
 */
#ifndef DEV_DMA_H
#define DEV_DMA_H

#include "bus/dev.h"

/** Put "DMA1" and "DMA2" on the bus and listen to the DMA requests. */
void dma_attach(struct chip *chip);

#endif
