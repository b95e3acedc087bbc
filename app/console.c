#include "console.h"

#include <string.h>

#include "base/flash_map.h"
#include "stm32f4xx_hal.h"

/* The loops of a flush end even if the wire never becomes free; a character takes 87 us. */
enum { BAUD = 115200, DECIMAL_DIGITS = 10, FLUSH_MAX_LOOPS = 1000000 };

void console_init(struct console *console, uint32_t pclk1_hz)
{
    GPIO_InitTypeDef pin = {.Pin = 1U << BOARD_CONSOLE_PIN,
                            .Mode = GPIO_MODE_AF_PP,
                            .Pull = GPIO_NOPULL,
                            .Speed = GPIO_SPEED_FREQ_LOW,
                            .Alternate = GPIO_AF7_USART2};
    memset(console, 0, sizeof *console);
    /* Clocks first: a peripheral without its clock ignores what is written to it. */
    SET_BIT(RCC->AHB1ENR, BOARD_CONSOLE_CLOCK);
    (void)READ_BIT(RCC->AHB1ENR, BOARD_CONSOLE_CLOCK); /* ES0182: a delay after enabling a peripheral clock */
    __HAL_RCC_USART2_CLK_ENABLE();
    HAL_GPIO_Init(BOARD_CONSOLE_PORT, &pin);
    USART2->BRR = (pclk1_hz + BAUD / 2U) / BAUD; /* oversampling by 16: mantissa and fraction in one number */
    USART2->CR1 = USART_CR1_UE | USART_CR1_TE;
}

static void put(struct console *console, char c)
{
    /* One place stays empty, so that a full ring and an empty one do not look alike. What does not fit is
     * dropped and counted: the control loop comes before the text. */
    uint16_t next = (uint16_t)((console->head + 1U) % CONSOLE_RING_BYTES);
    if (next == console->tail) {
        console->n_dropped++;
        return;
    }
    console->ring[console->head] = c;
    console->head = next;
}

void console_text(struct console *console, const char *text)
{
    for (; *text != '\0'; text++) {
        put(console, *text);
    }
}

/* The last digit is known first, so the digits wait in an array. printf would bring a heap along. */
void console_number(struct console *console, uint32_t value)
{
    char digits[DECIMAL_DIGITS];
    unsigned n_digits = 0;
    do {
        digits[n_digits++] = (char)('0' + value % 10U);
        value /= 10U;
    } while (value > 0);
    while (n_digits > 0) {
        put(console, digits[--n_digits]);
    }
}

/* One character and never a wait. TXE says that the data register can take the next one, although the last
 * may still be leaving. */
void console_poll(struct console *console)
{
    if (console->tail == console->head || (USART2->SR & USART_SR_TXE) == 0) {
        return;
    }
    USART2->DR = (uint8_t)console->ring[console->tail];
    console->tail = (uint16_t)((console->tail + 1U) % CONSOLE_RING_BYTES);
}

void console_flush(struct console *console)
{
    for (unsigned i = 0; i < FLUSH_MAX_LOOPS && console->tail != console->head; i++) {
        console_poll(console);
    }
    /* TC, unlike TXE, says that the stop bit has left: a reset now cuts nothing off. */
    for (unsigned i = 0; i < FLUSH_MAX_LOOPS && (USART2->SR & USART_SR_TC) == 0; i++) {
    }
}
