/* The few registers that agent/agent.c touches, for a build on the host. */
#ifndef STUB_STM32F407XX_H
#define STUB_STM32F407XX_H

#include <stdint.h>

#include "base/attr.h"

#define __NVIC_PRIO_BITS 4U

struct stub_iwdg {
    uint32_t KR;
};
struct stub_scb {
    uint32_t VTOR;
};
struct stub_flash {
    uint32_t OPTCR;
};
extern struct stub_flash stub_flash;
extern struct stub_iwdg stub_iwdg;
extern struct stub_scb stub_scb;

#define IWDG    (&stub_iwdg)
#define SCB     (&stub_scb)
#define FLASH   (&stub_flash)
#define __DSB() ((void)0)

FOTA_NORETURN void NVIC_SystemReset(void);

#endif
