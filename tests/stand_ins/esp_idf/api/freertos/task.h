/** FreeRTOS: tasks. */
#ifndef FREERTOS_TASK_H
#define FREERTOS_TASK_H

#include "freertos/FreeRTOS.h"

typedef struct tskTaskControlBlock *TaskHandle_t;
typedef void (*TaskFunction_t)(void *);
typedef enum {
    eNoAction,
    eSetBits,
    eIncrement,
    eSetValueWithOverwrite,
    eSetValueWithoutOverwrite
} eNotifyAction;

BaseType_t xTaskCreate(TaskFunction_t code, const char *const name, const uint32_t stack_bytes,
                       void *const parameters, UBaseType_t priority, TaskHandle_t *const created);
BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *const name, const uint32_t stack_bytes,
                                   void *const parameters, UBaseType_t priority, TaskHandle_t *const created,
                                   const BaseType_t core);
TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *const name, const uint32_t stack_bytes,
                               void *const parameters, UBaseType_t priority, StackType_t *const stack,
                               StaticTask_t *const task);
void vTaskDelete(TaskHandle_t task);
void vTaskDelay(const TickType_t ticks);
BaseType_t xTaskDelayUntil(TickType_t *const previous, const TickType_t increment);
TickType_t xTaskGetTickCount(void);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);

BaseType_t stand_in_notify_give(TaskHandle_t task);
uint32_t stand_in_notify_take(BaseType_t clear, TickType_t ticks);
#define xTaskNotifyGive(task)          stand_in_notify_give(task)
#define ulTaskNotifyTake(clear, ticks) stand_in_notify_take((clear), (ticks))

#endif
