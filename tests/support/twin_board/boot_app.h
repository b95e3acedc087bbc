/**
 * What the test application of boot_test.c and the test agree on.
 */
#ifndef BOOT_APP_H
#define BOOT_APP_H

#include <stdint.h>

#include "update/boot_services.h"

/* Modes are in the image, BOOT_APP_MODE_OFF bytes into the vector table; the test changes them before it
 * signs. */
#define BOOT_APP_MODE            0xB0070000U
#define BOOT_APP_CONFIRMS        0xB0070001U /* confirms itself and feeds the watchdog */
#define BOOT_APP_HANGS           0xB0070002U /* neither */
#define BOOT_APP_SPOILS_STATE    0xB0070003U /* writes into the services' RAM, then calls a service */
#define BOOT_APP_ASKS_FOR_LOADER 0xB0070004U /* as f407/reset.h says, then resets */
#define BOOT_APP_FAULTS          0xB0070005U /* resets as a fault handler does, at once */
#define BOOT_APP_IS_WELL         0xB0070006U /* confirms, then as above */
#define BOOT_APP_IS_BITTEN       0xB0070007U /* starts the watchdog with its shortest period and hangs */
#define BOOT_APP_RESETS          0xB0070008U /* resets without a boot request */
#define BOOT_APP_MODE_OFF        28
#define BOOT_APP_DONE            0x600DB007U

/* Above the bootloader's .bss and below its stack, so that `runs` survives resets. */
#define BOOT_APP_REPORT_ADDR 0x20010000U
#define BOOT_APP_STACK_TOP   0x2001C000U

struct boot_app_report {
    uint32_t is_counting; /* BOOT_APP_DONE once `runs` means something */
    uint32_t runs;        /* starts since power-on */
    uint32_t done;        /* BOOT_APP_DONE when the rest is filled in */
    uint32_t base;
    uint32_t sp, primask, control, basepri, vtor, systick, nvic_enabled, nvic_pending;
    uint32_t rcc_cr, rcc_pllcfgr, rcc_cfgr, rcc_ahb1enr, rcc_apb1enr, rcc_apb2enr, rcc_csr;
    uint32_t flash_acr, flash_cr;
    uint32_t info_err, confirm_err;
    struct boot_view view;
    struct boot_info info; /* made of the view by the test */
};

#endif
