/* USER CODE BEGIN Header */
/**
 * What the files of this application share.
 */
/* USER CODE END Header */
#ifndef MAIN_H
#define MAIN_H

#include "stm32f4xx_hal.h"

/* USER CODE BEGIN Includes */

/* USER CODE END Includes */

/** Called when ST's HAL reports an error that the application cannot go on with. Does not return. */
void Error_Handler(void);

/* USER CODE BEGIN EFP */

/* USER CODE END EFP */

#define LD4_Pin       GPIO_PIN_12
#define LD4_GPIO_Port GPIOD
/* USER CODE BEGIN Private defines */

/* USER CODE END Private defines */

#endif
