/** FreeRTOS: queues. */
#ifndef FREERTOS_QUEUE_H
#define FREERTOS_QUEUE_H

#include "freertos/task.h"

typedef struct QueueDefinition *QueueHandle_t;

#endif
