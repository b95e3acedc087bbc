/** Events of the core as log lines. */
#ifndef IDF_SAY_H
#define IDF_SAY_H

#include "gateway/gateway.h"
#include "idf_log.h"

/** A line for what somebody may want to know; nothing for the rest. */
void idf_say_event(const struct idf_log *log, const struct gateway_event *event);

#endif
