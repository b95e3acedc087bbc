#include "f407/supply.h"

#include <stdint.h>

#include "stm32f407xx.h"

enum {
    SETTLE_LOOPS = SUPPLY_SETTLE_US * (168 / 5 + 1), /* loops of at least 5 cycles */
    /* RM0090 3.6.5: 101 is the lowest threshold that is above 2.7 V for every part (DS8626 table 19). */
    LEVEL = 5
};

/* An application may use the detector itself, at a higher level. */
bool supply_is_good(void)
{
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR; /* ES0182 2.1.13: a peripheral answers two cycles after its clock */
    /* The detector needs time after its level was changed; until then its answer is about the old one. */
    uint32_t cr = PWR->CR;
    if (!(cr & PWR_CR_PVDE) || (cr & PWR_CR_PLS) >> PWR_CR_PLS_Pos < LEVEL) {
        PWR->CR = (cr & ~PWR_CR_PLS) | (uint32_t)LEVEL << PWR_CR_PLS_Pos | PWR_CR_PVDE;
        for (volatile uint32_t i = 0; i < SETTLE_LOOPS; i++) {
        }
    }
    return !(PWR->CSR & PWR_CSR_PVDO);
}
