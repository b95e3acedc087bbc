/* Event groups, and the event loop: one task that calls the handlers, and that stands for Wi-Fi's own tasks, too. */
#include <string.h>

#include "esp_event.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"
#include "stand_in_priv.h"

enum { HANDLERS = 16, QUEUE = 16, DATA_BYTES = 64, PRIORITY = 20, STACK_BYTES = 2304 };

struct handler {
    esp_event_base_t base;
    int32_t id;
    esp_event_handler_t call;
    void *arg;
};

struct event {
    esp_event_base_t base;
    int32_t id;
    uint8_t data[DATA_BYTES];
};

static struct {
    bool is_made;
    struct handler handler[HANDLERS];
    unsigned n_handlers;
    struct event queue[QUEUE];
    unsigned n_queued;
    StaticTask_t task;
    StackType_t stack[STACK_BYTES];
} loop;

void stand_in_reset_events(void)
{
    memset(&loop, 0, sizeof loop);
}

/* --- event groups ----------------------------------------------------------------------------------------------- */

static EventBits_t *bits_of(EventGroupHandle_t group)
{
    return (EventBits_t *)(void *)group;
}

EventGroupHandle_t xEventGroupCreateStatic(StaticEventGroup_t *memory)
{
    memset(memory, 0, sizeof *memory);
    return (EventGroupHandle_t)(void *)memory;
}

EventBits_t xEventGroupSetBits(EventGroupHandle_t group, const EventBits_t bits)
{
    *bits_of(group) |= bits;
    stand_in_wake(group);
    return *bits_of(group);
}

EventBits_t xEventGroupClearBits(EventGroupHandle_t group, const EventBits_t bits)
{
    const EventBits_t before = *bits_of(group);
    *bits_of(group) &= ~bits;
    return before;
}

EventBits_t xEventGroupWaitBits(EventGroupHandle_t group, const EventBits_t bits, const BaseType_t clear,
                                const BaseType_t all, TickType_t ticks)
{
    const uint64_t until_us = stand_in_ticks_from_now(ticks);
    EventBits_t found = *bits_of(group) & bits;
    while ((all ? found != bits : found == 0) && stand_in_now_us() < until_us && stand_in_task_goes_on()) {
        stand_in_wait_on(group, until_us);
        found = *bits_of(group) & bits;
    }
    const EventBits_t out = *bits_of(group);
    if (clear && (all ? found == bits : found != 0)) {
        *bits_of(group) &= ~bits;
    }
    return out;
}

/* --- event loop ------------------------------------------------------------------------------------------------- */

static void deliver(const struct event *event)
{
    for (unsigned i = 0; i < loop.n_handlers; i++) {
        const struct handler *h = &loop.handler[i];
        const uint64_t before_us = stand_in_now_us();
        if (h->base == event->base && (h->id == ESP_EVENT_ANY_ID || h->id == event->id)) {
            struct event copy = *event;
            h->call(h->arg, copy.base, copy.id, copy.data);
        }
        if (stand_in_now_us() != before_us) {
            stand_in_wrong("a handler of the event loop waits: every other event waits with it");
        }
    }
}

static void loop_main(void *unused)
{
    (void)unused;
    for (;;) {
        const uint64_t next_us = stand_in_wifi_work();
        if (loop.n_queued > 0) {
            const struct event event = loop.queue[0];
            loop.n_queued--;
            memmove(loop.queue, loop.queue + 1, loop.n_queued * sizeof event);
            deliver(&event);
        } else {
            stand_in_wait_on(&loop, next_us);
        }
    }
}

void stand_in_wifi_hurry(void)
{
    stand_in_wake(&loop);
}

void stand_in_post(const char *base, int32_t id, const void *data, size_t n_bytes)
{
    if (!loop.is_made || loop.n_queued == QUEUE || n_bytes > DATA_BYTES) {
        stand_in_wrong("an event of %s is lost: there is no event loop, or it is full", base);
        return;
    }
    struct event *event = &loop.queue[loop.n_queued++];
    *event = (struct event){.base = base, .id = id};
    if (n_bytes > 0) {
        memcpy(event->data, data, n_bytes);
    }
    stand_in_wake(&loop);
}

esp_err_t esp_event_loop_create_default(void)
{
    if (loop.is_made) {
        return ESP_ERR_INVALID_STATE;
    }
    loop.is_made =
        xTaskCreateStatic(loop_main, "sys_evt", STACK_BYTES, NULL, PRIORITY, loop.stack, &loop.task);
    return loop.is_made ? ESP_OK : ESP_ERR_NO_MEM;
}

esp_err_t esp_event_handler_instance_register(esp_event_base_t event_base, int32_t event_id,
                                              esp_event_handler_t event_handler, void *event_handler_arg,
                                              esp_event_handler_instance_t *instance)
{
    if (!loop.is_made) {
        return ESP_ERR_INVALID_STATE;
    }
    if (!event_handler || loop.n_handlers == HANDLERS) {
        return event_handler ? ESP_ERR_NO_MEM : ESP_ERR_INVALID_ARG;
    }
    struct handler *h = &loop.handler[loop.n_handlers++];
    *h =
        (struct handler){.base = event_base, .id = event_id, .call = event_handler, .arg = event_handler_arg};
    if (instance) {
        *instance = h;
    }
    return ESP_OK;
}
