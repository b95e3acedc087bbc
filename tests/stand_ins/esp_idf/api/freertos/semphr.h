/** FreeRTOS: semaphores. */
#ifndef FREERTOS_SEMPHR_H
#define FREERTOS_SEMPHR_H

#include "freertos/queue.h"

typedef QueueHandle_t SemaphoreHandle_t;

SemaphoreHandle_t stand_in_mutex(StaticSemaphore_t *memory);
BaseType_t stand_in_take(SemaphoreHandle_t semaphore, TickType_t ticks);
BaseType_t stand_in_give(SemaphoreHandle_t semaphore);
#define xSemaphoreCreateMutexStatic(memory) stand_in_mutex(memory)
#define xSemaphoreTake(semaphore, ticks)    stand_in_take((semaphore), (ticks))
#define xSemaphoreGive(semaphore)           stand_in_give(semaphore)

#endif
