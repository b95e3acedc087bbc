/**
 * Local time of this machine, by the rules of TZ or /etc/localtime.
 */
#ifndef SERVICE_LOCAL_TIME_H
#define SERVICE_LOCAL_TIME_H

#include <stdint.h>

/**
 * What this machine's clocks on the wall are ahead of UTC at a moment, summer time included.
 * @return seconds; 0: UTC, or a moment that no calendar has
 */
int32_t service_utc_offset_s(uint64_t utc_s);

#endif
