/* FreeRTOS: tasks as threads of which one runs at a time. The thread of the test is a task, too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_rom_sys.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "stand_in_priv.h"

enum {
    TASKS_MAX = 64,
    WDT_US = 5000000,
    CALL_US = 20, /* of a call that does not wait, and what is around it */
    HOST_STACK_BYTES = 1 << 20,
    PAINT = 0xA5,
    PAINTED_BYTES = 16384 /* nothing below so much paint was used */
};
static const uint64_t NEVER = UINT64_MAX;

struct tskTaskControlBlock {
    bool is_used, is_notified, is_watched;
    UBaseType_t priority;
    uint64_t wake_us;     /* ready from then on */
    const void *waits_on; /* may be woken before, by stand_in_wake of this */
    uint64_t fed_us;
    uint32_t stack_bytes;
    uint8_t *host_stack; /* also of a task that is gone, until its thread was joined */
    uint32_t n_unused;   /* of it, as far as was seen */
    TaskFunction_t code;
    void *parameters;
    pthread_t thread;
    pthread_cond_t turn;
    uint32_t notified;
};

static struct {
    pthread_mutex_t lock;
    struct tskTaskControlBlock task[TASKS_MAX];
    struct tskTaskControlBlock *running;
} os = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct tskTaskControlBlock *self(void)
{
    if (!os.running) {
        os.task[0].is_used = true;
        os.task[0].priority = 1;
        os.running = &os.task[0];
        (void)pthread_cond_init(&os.task[0].turn, NULL);
    }
    return os.running;
}

/* The thread of a task that is no more ends, and its memory is free for another. */
static void bury(struct tskTaskControlBlock *t)
{
    (void)pthread_mutex_lock(&os.lock);
    t->is_used = false;
    (void)pthread_cond_signal(&t->turn);
    (void)pthread_mutex_unlock(&os.lock);
    (void)pthread_join(t->thread, NULL);
    (void)pthread_cond_destroy(&t->turn);
    free(t->host_stack);
    memset(t, 0, sizeof *t);
}

static void hand_over(struct tskTaskControlBlock *next)
{
    (void)pthread_mutex_lock(&os.lock);
    os.running = next;
    (void)pthread_cond_signal(&next->turn);
    (void)pthread_mutex_unlock(&os.lock);
}

/* Of the caller no line runs any more; the test's own task goes on. */
static _Noreturn void leave(void)
{
    os.running->is_used = false;
    os.task[0].wake_us = 0;
    hand_over(&os.task[0]);
    pthread_exit(NULL);
}

void stand_in_stop_here(void)
{
    if (self() != &os.task[0]) {
        leave();
    }
}

/* The others end where they wait: a reset asks no task. */
void stand_in_reset_tasks(void)
{
    const struct tskTaskControlBlock *me = self();
    for (unsigned i = 0; i < TASKS_MAX; i++) {
        if (&os.task[i] != me && os.task[i].host_stack) {
            bury(&os.task[i]);
        }
    }
    os.task[0].is_watched = false;
}

/* A thread waits for its turn, or for its end. */
static void await_turn(struct tskTaskControlBlock *me)
{
    (void)pthread_mutex_lock(&os.lock);
    while (os.running != me && me->is_used) {
        (void)pthread_cond_wait(&me->turn, &os.lock);
    }
    const bool is_mine = me->is_used;
    (void)pthread_mutex_unlock(&os.lock);
    if (!is_mine) {
        pthread_exit(NULL);
    }
}

static struct tskTaskControlBlock *next_ready(uint64_t *soonest_us)
{
    struct tskTaskControlBlock *best = NULL;
    const uint64_t now_us = stand_in_now_us();
    *soonest_us = NEVER;
    for (unsigned i = 0; i < TASKS_MAX; i++) {
        struct tskTaskControlBlock *t = &os.task[i];
        if (!t->is_used) {
            continue;
        }
        if (t->wake_us <= now_us && (!best || t->priority > best->priority)) {
            best = t;
        }
        *soonest_us = t->wake_us < *soonest_us ? t->wake_us : *soonest_us;
    }
    return best;
}

/* Somebody else's turn, or time passes until it is somebody's. */
static void give_way(void)
{
    struct tskTaskControlBlock *me = os.running;
    uint64_t soonest_us = NEVER;
    struct tskTaskControlBlock *next = next_ready(&soonest_us);
    while (!next) {
        if (soonest_us == NEVER) {
            (void)fprintf(stderr, "stand_in: every task waits for ever\n");
            abort();
        }
        stand_in_idle_us(soonest_us - stand_in_now_us());
        next = next_ready(&soonest_us);
    }
    if (next != me) {
        hand_over(next);
        await_turn(me);
    }
}

void stand_in_sleep_until(uint64_t until_us)
{
    self()->wake_us = until_us;
    give_way();
    self()->wake_us = 0;
}

void stand_in_wait_us(uint64_t us)
{
    stand_in_sleep_until(stand_in_now_us() + us);
}

void stand_in_wait_on(const void *what, uint64_t until_us)
{
    self()->waits_on = what;
    stand_in_sleep_until(until_us);
    self()->waits_on = NULL;
}

void stand_in_wake(const void *what)
{
    for (unsigned i = 0; i < TASKS_MAX; i++) {
        os.task[i].wake_us = os.task[i].waits_on == what ? 0 : os.task[i].wake_us;
    }
}

bool stand_in_task_goes_on(void)
{
    if (stand_in_alive()) {
        return true;
    }
    if (self() != &os.task[0]) {
        stand_in_sleep_until(NEVER); /* no power: until the reset */
    }
    return false;
}

uint64_t stand_in_ticks_from_now(TickType_t ticks)
{
    if (ticks == portMAX_DELAY) {
        return NEVER;
    }
    const uint64_t tick_us = 1000000U / configTICK_RATE_HZ;
    return (stand_in_now_us() / tick_us + ticks) * tick_us;
}

void vTaskDelay(const TickType_t ticks)
{
    if (ticks > 0 && stand_in_task_goes_on()) {
        stand_in_sleep_until(stand_in_ticks_from_now(ticks));
    }
}

TickType_t xTaskGetTickCount(void)
{
    return (TickType_t)(stand_in_now_us() / (1000000U / configTICK_RATE_HZ));
}

TaskHandle_t xTaskGetCurrentTaskHandle(void)
{
    return self();
}

static void *thread_main(void *arg)
{
    struct tskTaskControlBlock *me = arg;
    await_turn(me);
    me->code(me->parameters);
    stand_in_wrong("a task returned");
    vTaskDelete(NULL);
    return NULL;
}

TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *const name, const uint32_t stack_bytes,
                               void *const parameters, UBaseType_t priority, StackType_t *const stack,
                               StaticTask_t *const task)
{
    pthread_attr_t attr;
    struct tskTaskControlBlock *t = NULL;
    (void)name;
    (void)self();
    if (!stack || !task) {
        return NULL;
    }
    for (unsigned i = 0; i < TASKS_MAX && !t; i++) {
        t = os.task[i].is_used ? NULL : &os.task[i];
    }
    if (!t) {
        return NULL;
    }
    if (t->host_stack) {
        bury(t); /* it deleted itself */
    }
    memset(t, 0, sizeof *t);
    *t = (struct tskTaskControlBlock){.is_used = true,
                                      .priority = priority,
                                      .n_unused = HOST_STACK_BYTES,
                                      .stack_bytes = stack_bytes,
                                      .code = code,
                                      .parameters = parameters};
    (void)pthread_cond_init(&t->turn, NULL);
    t->host_stack = aligned_alloc(4096, HOST_STACK_BYTES);
    if (!t->host_stack) {
        abort();
    }
    memset(t->host_stack, PAINT, HOST_STACK_BYTES);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstack(&attr, t->host_stack, HOST_STACK_BYTES);
    if (pthread_create(&t->thread, &attr, thread_main, t) != 0) {
        abort();
    }
    (void)pthread_attr_destroy(&attr);
    return t;
}

void vTaskDelete(TaskHandle_t task)
{
    struct tskTaskControlBlock *t = task ? task : self();
    t->is_used = false;
    if (t == os.running) {
        uint64_t soonest_us = NEVER;
        struct tskTaskControlBlock *next = next_ready(&soonest_us);
        while (!next) {
            stand_in_idle_us(soonest_us - stand_in_now_us());
            next = next_ready(&soonest_us);
        }
        hand_over(next);
        pthread_exit(NULL);
    }
}

/* Paint that is left below what was used; a frame may leave holes in it. It reads what ASan keeps between the frames. */
__attribute__((no_sanitize_address)) static uint32_t count_unused(struct tskTaskControlBlock *t)
{
    uint32_t lowest = t->n_unused;
    for (uint32_t at = t->n_unused; at > 0 && lowest - at < PAINTED_BYTES; at--) {
        lowest = t->host_stack[at - 1U] == PAINT ? lowest : at - 1U;
    }
    t->n_unused = lowest;
    return lowest;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task)
{
    struct tskTaskControlBlock *t = task ? task : self();
    if (!t->host_stack) {
        return 0; /* the thread of the test */
    }
    const uint32_t n_used =
        HOST_STACK_BYTES - count_unused(t); /* of this machine: more than a 32-bit one needs */
    if (n_used > stand_in.stats.stack_bytes) {
        stand_in.stats.stack_bytes = n_used;
    }
    return n_used < t->stack_bytes ? t->stack_bytes - n_used : 0;
}

/* --- notifications, mutexes --------------------------------------------------------------------------------- */

BaseType_t stand_in_notify_give(TaskHandle_t task)
{
    task->notified++;
    task->wake_us = task->is_notified ? 0 : task->wake_us; /* it waits for this */
    return pdPASS;
}

uint32_t stand_in_notify_take(BaseType_t clear, TickType_t ticks)
{
    struct tskTaskControlBlock *me = self();
    if (ticks == 0) {
        esp_rom_delay_us(CALL_US); /* who asks for ever holds the core, and the watchdog sees it */
    }
    if (me->notified == 0 && ticks > 0 && stand_in_task_goes_on()) {
        me->is_notified = true; /* may be woken by one */
        stand_in_sleep_until(stand_in_ticks_from_now(ticks));
        me->is_notified = false;
    }
    const uint32_t n = me->notified;
    me->notified = clear ? 0 : n > 0 ? n - 1 : 0;
    return n;
}

SemaphoreHandle_t stand_in_mutex(StaticSemaphore_t *memory)
{
    memory->of_the_kernel[0] = 0;
    return (SemaphoreHandle_t)(void *)memory;
}

BaseType_t stand_in_take(SemaphoreHandle_t semaphore, TickType_t ticks)
{
    StaticSemaphore_t *s = (StaticSemaphore_t *)(void *)semaphore;
    (void)ticks;
    if (s->of_the_kernel[0] != 0) {
        stand_in_wrong("a mutex is taken while a task that holds it waits");
    }
    s->of_the_kernel[0] = 1;
    return pdTRUE;
}

BaseType_t stand_in_give(SemaphoreHandle_t semaphore)
{
    StaticSemaphore_t *s = (StaticSemaphore_t *)(void *)semaphore;
    if (s->of_the_kernel[0] == 0) {
        stand_in_wrong("a mutex is given that nobody holds");
    }
    s->of_the_kernel[0] = 0;
    return pdTRUE;
}

/* --- task watchdog ---------------------------------------------------------------------------------------------- */

void stand_in_check_watchdogs(void)
{
    const uint64_t now_us = stand_in_now_us();
    for (unsigned i = 0; i < TASKS_MAX; i++) {
        struct tskTaskControlBlock *t = &os.task[i];
        if (t->is_used && t->is_watched && now_us - t->fed_us > WDT_US) {
            stand_in.stats.wdt_bites++;
            t->fed_us = now_us;
        }
    }
    if (now_us - stand_in.idle_us > WDT_US) {
        stand_in.stats.wdt_bites++;
        stand_in.idle_us = now_us;
    }
}

esp_err_t esp_task_wdt_add(TaskHandle_t task)
{
    struct tskTaskControlBlock *t = task ? task : self();
    if (t->is_watched) {
        return ESP_ERR_INVALID_ARG;
    }
    t->is_watched = true;
    t->fed_us = stand_in_now_us();
    return ESP_OK;
}

esp_err_t esp_task_wdt_delete(TaskHandle_t task)
{
    struct tskTaskControlBlock *t = task ? task : self();
    const bool was_watched = t->is_watched;
    t->is_watched = false;
    return was_watched ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_task_wdt_reset(void)
{
    self()->fed_us = stand_in_now_us();
    return self()->is_watched ? ESP_OK : ESP_ERR_NOT_FOUND;
}
