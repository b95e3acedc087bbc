/**
 * RTC backup registers BKP0R..BKP19R (RM0090 26.6.20): kept over every reset, lost with the supply (VBAT is
 * tied to VDD on the board). The calendar, alarms and wake-up timer are not modelled: touching them is a
 * violation.
 */
#ifndef DEV_RTC_H
#define DEV_RTC_H

#include "bus/dev.h"

/** Put "RTC" on the bus. */
void rtc_attach(struct chip *chip);

#endif
