/*
 * Start of an application in a slot: the vector table, data and RAM code into RAM, then main. Handlers are
 * weak: an application defines those it needs, named as in ST's start-up files.
 *
 * The bootloader enters here as after a reset: MSP from word 0, interrupts enabled, clocks on the internal
 * oscillator.
 */
#include <stdint.h>

#include "base/flash_map.h"
#include "base/slot.h"
#include "stm32f407xx.h"
#include "system_stm32f4xx.h"

/* Places set by slot.ld; only their addresses mean something. */
extern uint32_t slot_data_start[];
extern uint32_t slot_data_end[];
extern const uint32_t slot_data_load[];
extern uint32_t slot_bss_start[];
extern uint32_t slot_bss_end[];
extern uint32_t slot_stack_top[];
extern void (*const __init_array_start[])(void);
extern void (*const __init_array_end[])(void);

int main(void);
void Reset_Handler(void);
void Default_Handler(void);

/* An interrupt without handler, or a fault: reset, with the boot request FAULT, which tells the root that this
 * was a crash (docs/spec/boot.md). */
void Default_Handler(void)
{
    volatile uint32_t *request = (volatile uint32_t *)RAM_REQUEST_ADDR;
    request[0] = BOOT_REQUEST_FAULT;
    request[1] = ~(uint32_t)BOOT_REQUEST_FAULT;
    /* The request must be in RAM before the reset begins; a store may still wait in the core's buffer. */
    __DSB();
    SCB->AIRCR = 0x5FAUL << SCB_AIRCR_VECTKEY_Pos | SCB_AIRCR_SYSRESETREQ_Msk; /* PM0214 4.4.5 */
    for (;;) {
    }
}

/* clang-format off */
#define HANDLERS(X)                                                                                          \
    X(NMI_Handler) X(HardFault_Handler) X(MemManage_Handler) X(BusFault_Handler) X(UsageFault_Handler)       \
    X(SVC_Handler) X(DebugMon_Handler) X(PendSV_Handler) X(SysTick_Handler)                                  \
    X(WWDG_IRQHandler) X(PVD_IRQHandler) X(TAMP_STAMP_IRQHandler) X(RTC_WKUP_IRQHandler)                     \
    X(FLASH_IRQHandler) X(RCC_IRQHandler) X(EXTI0_IRQHandler) X(EXTI1_IRQHandler) X(EXTI2_IRQHandler)        \
    X(EXTI3_IRQHandler) X(EXTI4_IRQHandler) X(DMA1_Stream0_IRQHandler) X(DMA1_Stream1_IRQHandler)            \
    X(DMA1_Stream2_IRQHandler) X(DMA1_Stream3_IRQHandler) X(DMA1_Stream4_IRQHandler)                         \
    X(DMA1_Stream5_IRQHandler) X(DMA1_Stream6_IRQHandler) X(ADC_IRQHandler) X(CAN1_TX_IRQHandler)            \
    X(CAN1_RX0_IRQHandler) X(CAN1_RX1_IRQHandler) X(CAN1_SCE_IRQHandler) X(EXTI9_5_IRQHandler)               \
    X(TIM1_BRK_TIM9_IRQHandler) X(TIM1_UP_TIM10_IRQHandler) X(TIM1_TRG_COM_TIM11_IRQHandler)                 \
    X(TIM1_CC_IRQHandler) X(TIM2_IRQHandler) X(TIM3_IRQHandler) X(TIM4_IRQHandler) X(I2C1_EV_IRQHandler)     \
    X(I2C1_ER_IRQHandler) X(I2C2_EV_IRQHandler) X(I2C2_ER_IRQHandler) X(SPI1_IRQHandler)                     \
    X(SPI2_IRQHandler) X(USART1_IRQHandler) X(USART2_IRQHandler) X(USART3_IRQHandler)                        \
    X(EXTI15_10_IRQHandler) X(RTC_Alarm_IRQHandler) X(OTG_FS_WKUP_IRQHandler)                                \
    X(TIM8_BRK_TIM12_IRQHandler) X(TIM8_UP_TIM13_IRQHandler) X(TIM8_TRG_COM_TIM14_IRQHandler)                \
    X(TIM8_CC_IRQHandler) X(DMA1_Stream7_IRQHandler) X(FSMC_IRQHandler) X(SDIO_IRQHandler)                   \
    X(TIM5_IRQHandler) X(SPI3_IRQHandler) X(UART4_IRQHandler) X(UART5_IRQHandler)                            \
    X(TIM6_DAC_IRQHandler) X(TIM7_IRQHandler) X(DMA2_Stream0_IRQHandler) X(DMA2_Stream1_IRQHandler)          \
    X(DMA2_Stream2_IRQHandler) X(DMA2_Stream3_IRQHandler) X(DMA2_Stream4_IRQHandler) X(ETH_IRQHandler)       \
    X(ETH_WKUP_IRQHandler) X(CAN2_TX_IRQHandler) X(CAN2_RX0_IRQHandler) X(CAN2_RX1_IRQHandler)               \
    X(CAN2_SCE_IRQHandler) X(OTG_FS_IRQHandler) X(DMA2_Stream5_IRQHandler) X(DMA2_Stream6_IRQHandler)        \
    X(DMA2_Stream7_IRQHandler) X(USART6_IRQHandler) X(I2C3_EV_IRQHandler) X(I2C3_ER_IRQHandler)              \
    X(OTG_HS_EP1_OUT_IRQHandler) X(OTG_HS_EP1_IN_IRQHandler) X(OTG_HS_WKUP_IRQHandler)                       \
    X(OTG_HS_IRQHandler) X(DCMI_IRQHandler) X(HASH_RNG_IRQHandler) X(FPU_IRQHandler)
/* clang-format on */

#define WEAK_HANDLER(name) void name(void) __attribute__((weak, alias("Default_Handler")));
HANDLERS(WEAK_HANDLER)

typedef void (*handler)(void);

/* The place of CRYP is named so that a look at the table shows that it was not forgotten. */
enum { N_VECTORS = 98, CRYP_SLOT = 16 + 79 };

/* RM0090 table 62; the entries left out are reserved and stay 0 (79 is CRYP, not on this chip). */
__attribute__((section(".isr_vector"), used)) static const handler vectors[N_VECTORS] = {
    (handler)(uintptr_t)slot_stack_top,
    Reset_Handler,
    NMI_Handler,
    HardFault_Handler,
    MemManage_Handler,
    BusFault_Handler,
    UsageFault_Handler,
    [11] = SVC_Handler,
    DebugMon_Handler,
    [14] = PendSV_Handler,
    SysTick_Handler,
#define VECTOR_OF(irq) [16 + irq##_IRQn] = irq##_IRQHandler
    VECTOR_OF(WWDG),
    VECTOR_OF(PVD),
    VECTOR_OF(TAMP_STAMP),
    VECTOR_OF(RTC_WKUP),
    VECTOR_OF(FLASH),
    VECTOR_OF(RCC),
    VECTOR_OF(EXTI0),
    VECTOR_OF(EXTI1),
    VECTOR_OF(EXTI2),
    VECTOR_OF(EXTI3),
    VECTOR_OF(EXTI4),
    VECTOR_OF(DMA1_Stream0),
    VECTOR_OF(DMA1_Stream1),
    VECTOR_OF(DMA1_Stream2),
    VECTOR_OF(DMA1_Stream3),
    VECTOR_OF(DMA1_Stream4),
    VECTOR_OF(DMA1_Stream5),
    VECTOR_OF(DMA1_Stream6),
    VECTOR_OF(ADC),
    VECTOR_OF(CAN1_TX),
    VECTOR_OF(CAN1_RX0),
    VECTOR_OF(CAN1_RX1),
    VECTOR_OF(CAN1_SCE),
    VECTOR_OF(EXTI9_5),
    VECTOR_OF(TIM1_BRK_TIM9),
    VECTOR_OF(TIM1_UP_TIM10),
    VECTOR_OF(TIM1_TRG_COM_TIM11),
    VECTOR_OF(TIM1_CC),
    VECTOR_OF(TIM2),
    VECTOR_OF(TIM3),
    VECTOR_OF(TIM4),
    VECTOR_OF(I2C1_EV),
    VECTOR_OF(I2C1_ER),
    VECTOR_OF(I2C2_EV),
    VECTOR_OF(I2C2_ER),
    VECTOR_OF(SPI1),
    VECTOR_OF(SPI2),
    VECTOR_OF(USART1),
    VECTOR_OF(USART2),
    VECTOR_OF(USART3),
    VECTOR_OF(EXTI15_10),
    VECTOR_OF(RTC_Alarm),
    VECTOR_OF(OTG_FS_WKUP),
    VECTOR_OF(TIM8_BRK_TIM12),
    VECTOR_OF(TIM8_UP_TIM13),
    VECTOR_OF(TIM8_TRG_COM_TIM14),
    VECTOR_OF(TIM8_CC),
    VECTOR_OF(DMA1_Stream7),
    VECTOR_OF(FSMC),
    VECTOR_OF(SDIO),
    VECTOR_OF(TIM5),
    VECTOR_OF(SPI3),
    VECTOR_OF(UART4),
    VECTOR_OF(UART5),
    VECTOR_OF(TIM6_DAC),
    VECTOR_OF(TIM7),
    VECTOR_OF(DMA2_Stream0),
    VECTOR_OF(DMA2_Stream1),
    VECTOR_OF(DMA2_Stream2),
    VECTOR_OF(DMA2_Stream3),
    VECTOR_OF(DMA2_Stream4),
    VECTOR_OF(ETH),
    VECTOR_OF(ETH_WKUP),
    VECTOR_OF(CAN2_TX),
    VECTOR_OF(CAN2_RX0),
    VECTOR_OF(CAN2_RX1),
    VECTOR_OF(CAN2_SCE),
    VECTOR_OF(OTG_FS),
    VECTOR_OF(DMA2_Stream5),
    VECTOR_OF(DMA2_Stream6),
    VECTOR_OF(DMA2_Stream7),
    VECTOR_OF(USART6),
    VECTOR_OF(I2C3_EV),
    VECTOR_OF(I2C3_ER),
    VECTOR_OF(OTG_HS_EP1_OUT),
    VECTOR_OF(OTG_HS_EP1_IN),
    VECTOR_OF(OTG_HS_WKUP),
    VECTOR_OF(OTG_HS),
    VECTOR_OF(DCMI),
    [CRYP_SLOT] = 0,
    VECTOR_OF(HASH_RNG),
    VECTOR_OF(FPU),
};

void Reset_Handler(void)
{
    /* .data holds the RAM code, too, so nothing that runs from RAM may be called before this loop. RAM is
     * whatever the bootloader left. */
    const uint32_t *from = slot_data_load;
    for (uint32_t *to = slot_data_start; to < slot_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = slot_bss_start; to < slot_bss_end; to++) {
        *to = 0;
    }
    /* It switches on the FPU if the compiler uses it: before the constructors, which may calculate with
     * floats. */
    SystemInit();
    SCB->VTOR = (uint32_t)vectors; /* ST's SystemInit points it at the start of the flash, the bootloader */
    __DSB();
    for (void (*const *construct)(void) = __init_array_start; construct < __init_array_end; construct++) {
        (*construct)(); /* C++ constructors and functions with that attribute */
    }
    main();
    /* A main that returns is a crash as well: a reset, with the request that tells the root so. */
    Default_Handler();
}
