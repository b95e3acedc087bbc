/* USER CODE BEGIN Header */
/**
 * Handlers of exceptions, as CubeMX names them.
 */
/* USER CODE END Header */
#ifndef STM32F4XX_IT_H
#define STM32F4XX_IT_H

/* USER CODE BEGIN Includes */

/* USER CODE END Includes */

void NMI_Handler(void);
void HardFault_Handler(void);
void MemManage_Handler(void);
void BusFault_Handler(void);
void UsageFault_Handler(void);
void SVC_Handler(void);
void DebugMon_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
/* USER CODE BEGIN EFP */

/* USER CODE END EFP */

#endif
