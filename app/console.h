/**
 * The demo's console: USART2 on the board's pin (PA2), 115200 8N1, transmit only. Text goes to a ring that console_poll empties
 * one character at a time, so that printing never blocks the main loop; when the ring is full, the rest of a
 * line is dropped and counted. By registers: the pinned HAL package has no UART driver.
 */
#ifndef APP_CONSOLE_H
#define APP_CONSOLE_H

#include <stdint.h>

enum { CONSOLE_RING_BYTES = 1024 };

struct console {
    char ring[CONSOLE_RING_BYTES];
    uint16_t head;
    uint16_t tail;
    uint32_t n_dropped;
};

/** @param pclk1_hz  clock of APB1 */
void console_init(struct console *console, uint32_t pclk1_hz);

void console_text(struct console *console, const char *text);
void console_number(struct console *console, uint32_t value);

/** Move at most one character to the wire. */
void console_poll(struct console *console);

/** Send all that is left, waiting for it: before a reset. Takes 87 us per character. */
void console_flush(struct console *console);

#endif
