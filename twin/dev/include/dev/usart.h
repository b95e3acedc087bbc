/**
 * USART2, asynchronous 8N1-style use (RM0090 chapter 30): TX timed by BRR to the chip's console, RX from the
 * console's queue one byte per frame time, flags, interrupts, DMA requests. Pins: PA2 TX, PA3 RX, alternate
 * function 7.
 */
#ifndef DEV_USART_H
#define DEV_USART_H

#include "bus/dev.h"

/** Put "USART2" on the bus; the console is chip_console_put/take. */
void usart_attach(struct chip *chip);

#endif
