/* USER CODE BEGIN Header */
/*
 * An application in the form that CubeMX generates, on ST's HAL, with the agent added: an LED (PD12) blinks,
 * and the application is updated over SPI1. What was added stands between USER CODE marks, so that CubeMX
 * keeps it when it generates the project again. README.md explains the numbered steps.
 */
/* USER CODE END Header */
#include "main.h"

/* USER CODE BEGIN Includes */
#include "agent/agent.h"
/* USER CODE END Includes */

/* USER CODE BEGIN PTD */

/* USER CODE END PTD */

/* USER CODE BEGIN PD */
enum {
    PRIORITY_SPI = 1,    /* of the agent's handlers; the tick has 0, and both run from RAM */
    PRIORITY_MASKED = 2, /* interrupts of this value and above wait while the flash is busy */
    BLINK_MS = 500,
    HEALTHY_MS = 1000,        /* a release that ran so long may stay */
    CONFIRM_WITHIN_MS = 3000, /* a release that does not say so by then is given up */
    WELL_MS = 600000          /* ten minutes: the second sign of health (agent_confirm) */
};
/* USER CODE END PD */

/* USER CODE BEGIN PM */

/* USER CODE END PM */

/* USER CODE BEGIN PV */
extern const uint32_t g_pfnVectors[]; /* the vector table of ST's start-up file */

static struct agent agent; /* step 1: in SRAM, not in CCM */
static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];
/* USER CODE END PV */

void SystemClock_Config(void);
static void MX_GPIO_Init(void);
/* USER CODE BEGIN PFP */
AGENT_RAM_CODE void HAL_IncTick(void);
AGENT_RAM_CODE void SPI1_IRQHandler(void);
AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void);
/* USER CODE END PFP */

/* USER CODE BEGIN 0 */
static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return HAL_GetTick();
}

/* Step 3: the agent. may_erase and may_restart stay NULL: this application may stand still at any time. */
static void start_agent(void)
{
    const struct agent_config config = {.now_ms = now_ms,
                                        .masked_priority = PRIORITY_MASKED,
                                        .spi_priority = PRIORITY_SPI,
                                        .confirm_within_ms = CONFIRM_WITHIN_MS};
    if (agent_init(&agent, &config) != FOTA_OK) {
        Error_Handler();
    }
}

/* Step 5: a new release confirms itself, once it is sure that it works. Yours asks its sensors first. */
static void tell_health(uint32_t now)
{
    static bool is_well;
    if (agent_is_on_trial(&agent) && now >= HEALTHY_MS) {
        (void)!agent_confirm(&agent); /* an error: still on trial, so this is tried again */
    }
    if (!is_well && now >= WELL_MS) {
        is_well = agent_confirm(&agent) == FOTA_OK;
    }
}
/* USER CODE END 0 */

int main(void)
{
    /* USER CODE BEGIN 1 */
    SCB->VTOR = (uint32_t)g_pfnVectors; /* ST's SystemInit points it at the start of the flash, the root */
    agent_vectors_to_ram(vectors);
    /* USER CODE END 1 */

    HAL_Init();

    /* USER CODE BEGIN Init */

    /* USER CODE END Init */

    SystemClock_Config();

    /* USER CODE BEGIN SysInit */

    /* USER CODE END SysInit */

    MX_GPIO_Init();
    /* USER CODE BEGIN 2 */
    uint32_t last_blink = HAL_GetTick();
    start_agent();
    /* USER CODE END 2 */

    /* USER CODE BEGIN WHILE */
    while (1) {
        /* USER CODE END WHILE */

        /* USER CODE BEGIN 3 */
        agent_poll(&agent); /* step 4: moves the update on and feeds the watchdog */
        tell_health(HAL_GetTick());
        if (HAL_GetTick() - last_blink >= BLINK_MS) { /* HAL_Delay would keep the agent waiting */
            last_blink += BLINK_MS;
            HAL_GPIO_TogglePin(LD4_GPIO_Port, LD4_Pin);
        }
    }
    /* USER CODE END 3 */
}

/* 168 MHz from the crystal of 8 MHz: APB1 42 MHz, APB2 84 MHz. */
void SystemClock_Config(void)
{
    RCC_OscInitTypeDef RCC_OscInitStruct = {0};
    RCC_ClkInitTypeDef RCC_ClkInitStruct = {0};

    __HAL_RCC_PWR_CLK_ENABLE();
    __HAL_PWR_VOLTAGESCALING_CONFIG(PWR_REGULATOR_VOLTAGE_SCALE1);
    RCC_OscInitStruct.OscillatorType = RCC_OSCILLATORTYPE_HSE;
    RCC_OscInitStruct.HSEState = RCC_HSE_ON;
    RCC_OscInitStruct.PLL.PLLState = RCC_PLL_ON;
    RCC_OscInitStruct.PLL.PLLSource = RCC_PLLSOURCE_HSE;
    RCC_OscInitStruct.PLL.PLLM = 8;
    RCC_OscInitStruct.PLL.PLLN = 336;
    RCC_OscInitStruct.PLL.PLLP = RCC_PLLP_DIV2;
    RCC_OscInitStruct.PLL.PLLQ = 7;
    if (HAL_RCC_OscConfig(&RCC_OscInitStruct) != HAL_OK) {
        Error_Handler();
    }
    RCC_ClkInitStruct.ClockType =
        RCC_CLOCKTYPE_HCLK | RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_PCLK1 | RCC_CLOCKTYPE_PCLK2;
    RCC_ClkInitStruct.SYSCLKSource = RCC_SYSCLKSOURCE_PLLCLK;
    RCC_ClkInitStruct.AHBCLKDivider = RCC_SYSCLK_DIV1;
    RCC_ClkInitStruct.APB1CLKDivider = RCC_HCLK_DIV4;
    RCC_ClkInitStruct.APB2CLKDivider = RCC_HCLK_DIV2;
    if (HAL_RCC_ClockConfig(&RCC_ClkInitStruct, FLASH_LATENCY_5) != HAL_OK) {
        Error_Handler();
    }
}

static void MX_GPIO_Init(void)
{
    GPIO_InitTypeDef GPIO_InitStruct = {0};

    __HAL_RCC_GPIOD_CLK_ENABLE();
    HAL_GPIO_WritePin(LD4_GPIO_Port, LD4_Pin, GPIO_PIN_RESET);
    GPIO_InitStruct.Pin = LD4_Pin;
    GPIO_InitStruct.Mode = GPIO_MODE_OUTPUT_PP;
    GPIO_InitStruct.Pull = GPIO_NOPULL;
    GPIO_InitStruct.Speed = GPIO_SPEED_FREQ_LOW;
    HAL_GPIO_Init(LD4_GPIO_Port, &GPIO_InitStruct);
}

/* USER CODE BEGIN 4 */
/* Step 2: what must not wait for the flash runs from RAM. ST's own HAL_IncTick is weak, and in flash. */
AGENT_RAM_CODE void HAL_IncTick(void)
{
    uwTick += (uint32_t)uwTickFreq;
}

AGENT_RAM_CODE void SPI1_IRQHandler(void)
{
    agent_irq(&agent);
}

AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void)
{
    agent_irq(&agent);
}
/* USER CODE END 4 */

void Error_Handler(void)
{
    /* USER CODE BEGIN Error_Handler_Debug */
    NVIC_SystemReset(); /* the root counts the trial and decides what runs next */
    /* USER CODE END Error_Handler_Debug */
}
