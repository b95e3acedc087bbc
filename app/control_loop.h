/**
 * The demo's 1 kHz control loop: the part of an application that must not miss a tick while it is updated.
 * Handler, data and vector are in RAM; it runs on TIM2 at the most urgent priority and watches itself.
 */
#ifndef APP_CONTROL_LOOP_H
#define APP_CONTROL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

enum { CONTROL_LOOP_HZ = 1000, CONTROL_LOOP_STEADY_TICKS = 1000 };

/** What the loop has seen of itself. Written by the handler only. */
struct control_loop {
    volatile uint32_t ticks;
    volatile uint32_t missed;    /* ticks that did not happen: two timer periods and more between two runs */
    volatile uint32_t missed_at; /* tick at which that was noticed last */
    volatile uint32_t worst_counts; /* latest start of a run after its timer event, in timer counts */
    uint32_t last_cycles;           /* DWT cycle counter at the last run */
    uint32_t period_cycles;
    uint32_t counts_per_us;
    int32_t position; /* of the simulated axis that the loop holds */
    int32_t velocity;
    int32_t integral;
};

/**
 * Start TIM2 and its interrupt.
 * @param core_hz
 * @param timer_hz  clock of the timers on APB1
 */
void control_loop_start(struct control_loop *loop, uint32_t core_hz, uint32_t timer_hz);

/** One tick; call it from TIM2_IRQHandler. Runs from RAM. */
void control_loop_tick(struct control_loop *loop);

/** No tick was missed in the last CONTROL_LOOP_STEADY_TICKS: an answer for now, not for ever. */
bool control_loop_is_steady(const struct control_loop *loop);

/** Worst lateness of a tick so far, in tenths of a microsecond. */
uint32_t control_loop_worst_tenths_us(const struct control_loop *loop);

#endif
