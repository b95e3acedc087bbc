/**
 * A cooperative scheduler: tasks are functions that run to their end, in the order of their priority. It has
 * no heap, and one stack for all.
 */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stdint.h>

/** One task. The table of all tasks is sorted: the most urgent one comes first. */
struct task {
    void (*run)(void *ctx); /* must return; as long as it runs, no other task does */
    void *ctx;
    uint32_t period_ms; /* 0: whenever no other task is due */
    uint32_t due_ms;    /* the scheduler's own; begin with 0 */
};

/**
 * Run the most urgent task that is due, and only that one: after it, a more urgent one may be due.
 *
 * A task that was late, for example because the flash was being erased, runs once, not once for each period
 * missed.
 */
void scheduler_step(struct task *tasks, uint32_t n_tasks, uint32_t now_ms);

#endif
