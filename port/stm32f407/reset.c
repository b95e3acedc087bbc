#include "f407/reset.h"

#include <stddef.h>

#include "f407/clock.h"
#include "stm32f407xx.h"

enum { NVIC_REGISTERS = 3, CRASHES_MAX = 255 };

/* The last words of the services' RAM: above what the ROM loader overwrites. */
struct retained {
    uint32_t n_crashes;
    uint32_t started;
    uint32_t reason;
    uint32_t request;
    uint32_t not_request; /* its complement */
};

_Static_assert(sizeof(struct retained) == RAM_RETAINED_BYTES, "boot.ld leaves room for it");
_Static_assert(RAM_RETAINED_ADDR == RAM_SERVICES_BASE + RAM_SERVICES_BYTES - RAM_RETAINED_BYTES &&
                   RAM_REQUEST_ADDR == RAM_RETAINED_ADDR + offsetof(struct retained, request),
               "the request ends the services' RAM");

/* Volatile: the words outlive this program, so each store must happen, also right before a reset. */
static volatile struct retained *retained(void)
{
    return (volatile struct retained *)RAM_RETAINED_ADDR;
}

_Static_assert(RCC_CSR_SFTRSTF_Pos - RESET_SOFTWARE == RCC_CSR_LPWRRSTF_Pos - RESET_LOW_POWER,
               "from the software reset on, causes are in the order of their flags");

/* Read the reset flags and clear them. They add up over resets until RMVF is written (RM0090 7.3.21): without
 * clearing, an old watchdog reset would be blamed on every image that runs later. */
static enum reset_cause take_cause(void)
{
    uint32_t csr = RCC->CSR;
    RCC->CSR = csr | RCC_CSR_RMVF;
    uint32_t highest = 31 - (uint32_t)__CLZ(csr);
    if (csr >= RCC_CSR_SFTRSTF) {
        return (enum reset_cause)(highest - RCC_CSR_SFTRSTF_Pos + RESET_SOFTWARE);
    }
    /* Every reset sets PINRSTF. A power-on sets all three; a brown-out alone leaves PORRSTF clear. */
    if (csr & RCC_CSR_PORRSTF) {
        return RESET_POWER_ON;
    }
    return csr & RCC_CSR_BORRSTF ? RESET_BROWN_OUT : RESET_PIN;
}

void reset_chip(void)
{
    NVIC_SystemReset();
    for (;;) {
    }
}

/* The second word makes the request believable: RAM after a power-on is random, and two random words are
 * complements of each other once in four thousand million times. */
void reset_leave_request(enum boot_request request)
{
    retained()->request = request;
    retained()->not_request = ~(uint32_t)request;
}

/* A request holds for one boot. It is cleared before anything is done about it, so that a request which makes
 * a program crash is not carried out again and again. */
static enum boot_request take_request(void)
{
    volatile struct retained *words = retained();
    uint32_t request = words->request;
    bool is_whole = words->not_request == ~request;
    words->not_request = 0; /* no complement of a request */
    words->request = 0;
    return is_whole ? (enum boot_request)request : BOOT_REQUEST_NONE;
}

/* What ran before this reset is also cleared: until this boot starts something, no reset ends a run. */
void reset_take_origin(struct reset_origin *out)
{
    volatile struct retained *words = retained();
    out->cause = take_cause();
    out->request = take_request();
    if (out->cause <= RESET_BROWN_OUT) { /* the power was gone: RAM is garbage */
        words->n_crashes = 0;
        words->started = RESET_STARTED_NOTHING;
    }
    out->started = (enum reset_started)words->started;
    words->started = RESET_STARTED_NOTHING;
}

void reset_note_started(enum reset_started started)
{
    retained()->started = started;
    if (started == RESET_STARTED_LOADER) {
        retained()->reason = FOTA_OK;
    }
}

void reset_note_reason(enum fota_err reason)
{
    retained()->reason = reason;
}

/* A watchdog, or a fault handler that said so. */
static bool is_crash(const struct reset_origin *origin)
{
    return origin->cause == RESET_IWDG || origin->cause == RESET_WWDG ||
           origin->request == BOOT_REQUEST_FAULT;
}

/* Only crashes of a confirmed application count; those of a trial are counted in the journal. The number
 * starts again at 1 if it was out of range, which it is only if something wrote over it. */
uint32_t reset_count_crashes(const struct reset_origin *origin)
{
    uint32_t n_crashes = retained()->n_crashes;
    if (origin->started == RESET_STARTED_APPLICATION && is_crash(origin)) {
        n_crashes = n_crashes < CRASHES_MAX ? n_crashes + 1 : 1;
        retained()->n_crashes = n_crashes;
    }
    return n_crashes;
}

bool reset_is_loader_crash(const struct reset_origin *origin)
{
    return origin->started == RESET_STARTED_LOADER && is_crash(origin);
}

/* Resets by software and by a watchdog are the trial's own doing. Power, brown-out and the reset pin are not:
 * a technician who presses the button three times must not make the board reject a good image. */
bool reset_is_run_failed(const struct reset_origin *origin)
{
    return origin->started == RESET_STARTED_TRIAL && origin->cause >= RESET_SOFTWARE &&
           origin->cause <= RESET_WWDG;
}

void reset_forget_crashes(void)
{
    retained()->n_crashes = 0;
    retained()->started = RESET_STARTED_APPLICATION;
}

/* Everything the bootloader may have used: pins and DMA of the link, SPI1, the voltage detector. */
static void reset_peripherals(void)
{
    uint32_t ahb1 = RCC_AHB1RSTR_GPIOARST | RCC_AHB1RSTR_DMA2RST;
    RCC->AHB1RSTR = ahb1;
    RCC->APB1RSTR = RCC_APB1RSTR_PWRRST;
    RCC->APB2RSTR = RCC_APB2RSTR_SPI1RST;
    RCC->AHB1RSTR = 0;
    RCC->APB1RSTR = 0;
    RCC->APB2RSTR = 0;
    RCC->AHB1ENR = RCC_AHB1ENR_CCMDATARAMEN; /* its value after reset */
    RCC->APB1ENR = 0;
    RCC->APB2ENR = 0;
}

/* Disable every interrupt and clear what is pending: the next program has no handler for it yet. */
static void reset_interrupts(void)
{
    for (uint32_t i = 0; i < NVIC_REGISTERS; i++) {
        NVIC->ICER[i] = 0xFFFFFFFF;
        NVIC->ICPR[i] = 0xFFFFFFFF;
    }
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk | SCB_ICSR_PENDSVCLR_Msk;
}

void reset_jump(uint32_t vectors)
{
    /* The program must find the chip as after a reset, so that it runs here as it runs from a debugger. */
    __disable_irq();
    reset_peripherals();
    clock_reset();
    reset_interrupts();
    /* Read before VTOR is moved: if nothing is there, the fault finds our own handler, which resets. */
    const volatile uint32_t *table = (const volatile uint32_t *)vectors;
    uint32_t stack = table[0];
    uint32_t entry = table[1];
    SCB->VTOR = vectors;
    __DSB();
    __ISB();
    /* Nothing may touch the stack between the new MSP and the jump. Interrupts are enabled as after reset;
     * none is pending and none enabled. */
    __asm volatile("msr msp, %0\n"
                   "cpsie i\n"
                   "bx %1\n"
                   :
                   : "r"(stack), "r"(entry)
                   : "memory");
    for (;;) {
    }
}
