/*
 * Start-up of the STM32F407: ours, with the names of ST's file, which CubeMX puts in its place. The linker script gives
 * _estack, _sidata, _sdata, _edata, _sbss and _ebss. A handler that nobody defines is Default_Handler, an endless loop:
 * the watchdog ends it.
 */
    .syntax unified
    .cpu cortex-m4
    .thumb

    .section .text.Reset_Handler, "ax", %progbits
    .global Reset_Handler
    .type Reset_Handler, %function
Reset_Handler:
    ldr sp, =_estack
    ldr r0, =_sdata
    ldr r1, =_edata
    ldr r2, =_sidata
    b 2f
1:  ldr r3, [r2], #4
    str r3, [r0], #4
2:  cmp r0, r1
    blo 1b
    ldr r0, =_sbss
    ldr r1, =_ebss
    movs r3, #0
    b 4f
3:  str r3, [r0], #4
4:  cmp r0, r1
    blo 3b
    bl SystemInit
    bl __libc_init_array
    bl main
    b Default_Handler
    .size Reset_Handler, . - Reset_Handler

    .section .text.Default_Handler, "ax", %progbits
    .type Default_Handler, %function
Default_Handler:
    b Default_Handler
    .size Default_Handler, . - Default_Handler

    .macro vector name
    .word \name
    .weak \name
    .thumb_set \name, Default_Handler
    .endm

/* RM0090 table 62. Entries of 0 are reserved; number 79 is CRYP, which this chip does not have. */
    .section .isr_vector, "a", %progbits
    .global g_pfnVectors
    .type g_pfnVectors, %object
g_pfnVectors:
    .word _estack
    .word Reset_Handler
    .irp name, NMI_Handler, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler
    vector \name
    .endr
    .word 0, 0, 0, 0
    vector SVC_Handler
    vector DebugMon_Handler
    .word 0
    vector PendSV_Handler
    vector SysTick_Handler
    .irp irq, WWDG, PVD, TAMP_STAMP, RTC_WKUP, FLASH, RCC, EXTI0, EXTI1, EXTI2, EXTI3, EXTI4, \
        DMA1_Stream0, DMA1_Stream1, DMA1_Stream2, DMA1_Stream3, DMA1_Stream4, DMA1_Stream5, DMA1_Stream6, ADC, \
        CAN1_TX, CAN1_RX0, CAN1_RX1, CAN1_SCE, EXTI9_5, TIM1_BRK_TIM9, TIM1_UP_TIM10, TIM1_TRG_COM_TIM11, TIM1_CC, \
        TIM2, TIM3, TIM4, I2C1_EV, I2C1_ER, I2C2_EV, I2C2_ER, SPI1, SPI2, USART1, USART2, USART3, EXTI15_10, \
        RTC_Alarm, OTG_FS_WKUP, TIM8_BRK_TIM12, TIM8_UP_TIM13, TIM8_TRG_COM_TIM14, TIM8_CC, DMA1_Stream7, FSMC, \
        SDIO, TIM5, SPI3, UART4, UART5, TIM6_DAC, TIM7, DMA2_Stream0, DMA2_Stream1, DMA2_Stream2, DMA2_Stream3, \
        DMA2_Stream4, ETH, ETH_WKUP, CAN2_TX, CAN2_RX0, CAN2_RX1, CAN2_SCE, OTG_FS, DMA2_Stream5, DMA2_Stream6, \
        DMA2_Stream7, USART6, I2C3_EV, I2C3_ER, OTG_HS_EP1_OUT, OTG_HS_EP1_IN, OTG_HS_WKUP, OTG_HS, DCMI
    vector \irq\()_IRQHandler
    .endr
    .word 0
    vector HASH_RNG_IRQHandler
    vector FPU_IRQHandler
    .size g_pfnVectors, . - g_pfnVectors
