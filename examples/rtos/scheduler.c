#include "scheduler.h"

#include <stdbool.h>

/* The difference is signed, so that the wrap of the clock after 49 days does no harm. */
static bool is_due(const struct task *task, uint32_t now_ms)
{
    return (int32_t)(now_ms - task->due_ms) >= 0;
}

/* Keep the rhythm, unless whole periods were missed: then begin a new one. */
static void set_next(struct task *task, uint32_t now_ms)
{
    task->due_ms += task->period_ms;
    if (task->period_ms == 0 || is_due(task, now_ms)) {
        task->due_ms = now_ms + task->period_ms;
    }
}

void scheduler_step(struct task *tasks, uint32_t n_tasks, uint32_t now_ms)
{
    for (uint32_t i = 0; i < n_tasks; i++) {
        if (is_due(&tasks[i], now_ms)) {
            set_next(&tasks[i], now_ms);
            tasks[i].run(tasks[i].ctx);
            return;
        }
    }
}
