#include "control_loop.h"

#include <string.h>

#include "agent/agent.h"
#include "stm32f4xx_hal.h"

/* The controller in fixed point: gains in 256ths. The numbers only have to be stable; nothing is built
 * after them. */
enum { SETPOINT = 1000, GAIN_P = 24, GAIN_I = 1, GAIN_SHIFT = 8, FRICTION_SHIFT = 4, DRIVE_MAX = 4000 };

void control_loop_start(struct control_loop *loop, uint32_t core_hz, uint32_t timer_hz)
{
    TIM_HandleTypeDef timer = {.Instance = TIM2,
                               .Init = {.Prescaler = 0,
                                        .CounterMode = TIM_COUNTERMODE_UP,
                                        .Period = timer_hz / CONTROL_LOOP_HZ - 1U,
                                        .ClockDivision = TIM_CLOCKDIVISION_DIV1,
                                        .AutoReloadPreload = TIM_AUTORELOAD_PRELOAD_DISABLE}};
    memset(loop, 0, sizeof *loop);
    loop->period_cycles = core_hz / CONTROL_LOOP_HZ;
    loop->counts_per_us = timer_hz / 1000000U;
    /* The cycle counter of the core measures the distance of two runs. TRCENA switches it on, with or
     * without a debugger. */
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    __HAL_RCC_TIM2_CLK_ENABLE();
    HAL_TIM_Base_Init(&timer);
    /* Without this the first tick would come at once, and count as a late one. */
    __HAL_TIM_CLEAR_FLAG(&timer, TIM_FLAG_UPDATE); /* set by the init's own update event */
    HAL_NVIC_SetPriority(TIM2_IRQn, 0, 0);
    HAL_NVIC_EnableIRQ(TIM2_IRQn);
    HAL_TIM_Base_Start_IT(&timer);
}

/* A PI controller holds a simulated axis at its set point: work of the kind that a real loop does. */
static inline __attribute__((always_inline)) void control(struct control_loop *loop)
{
    int32_t error = SETPOINT - loop->position;
    loop->integral += error;
    int32_t drive = (GAIN_P * error + GAIN_I * (loop->integral >> GAIN_SHIFT)) >> GAIN_SHIFT;
    if (drive > DRIVE_MAX) {
        drive = DRIVE_MAX;
    } else if (drive < -DRIVE_MAX) {
        drive = -DRIVE_MAX;
    }
    loop->velocity += drive - (loop->velocity >> FRICTION_SHIFT);
    loop->position += loop->velocity >> GAIN_SHIFT;
}

AGENT_RAM_CODE void control_loop_tick(struct control_loop *loop)
{
    uint32_t late_counts = TIM2->CNT; /* the timer restarted from 0 when it asked for this run */
    uint32_t now_cycles = DWT->CYCCNT;
    /* Flags of this register are cleared by writing 0, and 1 leaves them: an assignment and no
     * read-modify-write, which could clear a flag that came in between. */
    TIM2->SR = ~(uint32_t)TIM_SR_UIF;
    /* Rounded to whole periods, so that a run which is a little late is late and not missed. Two periods
     * and more between runs are ticks that never came. */
    if (loop->ticks > 0) {
        uint32_t periods = (now_cycles - loop->last_cycles + loop->period_cycles / 2U) / loop->period_cycles;
        if (periods > 1U) {
            loop->missed += periods - 1U;
            loop->missed_at = loop->ticks;
        }
    }
    loop->last_cycles = now_cycles;
    loop->ticks++;
    if (late_counts > loop->worst_counts) {
        loop->worst_counts = late_counts;
    }
    control(loop);
    __DSB(); /* erratum 838869: the cleared flag must reach the NVIC before the return */
}

bool control_loop_is_steady(const struct control_loop *loop)
{
    return loop->missed == 0 || loop->ticks - loop->missed_at >= CONTROL_LOOP_STEADY_TICKS;
}

uint32_t control_loop_worst_tenths_us(const struct control_loop *loop)
{
    return loop->counts_per_us > 0 ? loop->worst_counts * 10U / loop->counts_per_us : 0;
}
