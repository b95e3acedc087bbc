#include "service/local_time.h"

#include <time.h>

int32_t service_utc_offset_s(uint64_t utc_s)
{
    time_t at = (time_t)utc_s;
    struct tm local;
    return localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
}
