/**
 * The supply, by the programmable voltage detector (RM0090 5.2.2). Flash programming by words needs 2.7 V
 * (RM0090 table 7), and nothing runs fast before the supply has been looked at.
 */
#ifndef F407_SUPPLY_H
#define F407_SUPPLY_H

#include <stdbool.h>

enum { SUPPLY_SETTLE_US = 100 /* before the detector is believed after it was switched on */ };

/** Is the supply above what programming by words needs? Switches the detector on if need be. Takes ≤ 0.2 ms
 * the first time at 168 MHz, ≤ 3 ms at 16 MHz. */
bool supply_is_good(void);

#endif
