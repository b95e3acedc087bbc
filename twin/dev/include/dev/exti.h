/**
 * EXTI, external interrupt controller (RM0090 chapter 12): lines 0..15 from pins (port by chip_exti_port),
 * lines 16..22 from inside the chip. Interrupt mode only; event mode (EMR) is a violation.
 */
#ifndef DEV_EXTI_H
#define DEV_EXTI_H

#include "bus/dev.h"

/** Lines that do not come from a pin (RM0090 12.2.5). */
enum exti_line {
    EXTI_LINE_PVD = 16,
    EXTI_LINE_RTC_ALARM = 17,
    EXTI_LINE_USB_FS = 18,
    EXTI_LINE_ETH = 19,
    EXTI_LINE_USB_HS = 20,
    EXTI_LINE_RTC_STAMP = 21,
    EXTI_LINE_RTC_WAKEUP = 22
};

/**
 * Put "EXTI" on the bus.
 * @return the device, for exti_internal_line
 */
struct dev *exti_attach(struct chip *chip);

/** Level of an internal line (16..22); edges count as the trigger registers say. Other lines: ignored. */
void exti_internal_line(struct dev *exti, enum exti_line line, bool level);

#endif
