/*
 * The smallest application a bootloader can start, for tests/twin/boot_test.c. It notes in what state it
 * found the chip, does one thing, and stops. What to do stands in vector 7, which the core does not use
 * (PM0214 2.3.4).
 */
#include <stdbool.h>
#include <stdint.h>

#include "boot_app.h"
#include "update/boot_services.h"

#define REG(addr) (*(volatile uint32_t *)(addr))
#define REPORT    ((volatile struct boot_app_report *)BOOT_APP_REPORT_ADDR)

void boot_app_start(void);
void boot_app_main(uint32_t sp, uint32_t primask, uint32_t control, uint32_t basepri);

/* Volatile: the test changes the mode in the image, which the compiler cannot know. */
__attribute__((section(".vectors"), used)) static const volatile uintptr_t vectors[16] = {
    BOOT_APP_STACK_TOP,
    (uintptr_t)boot_app_start,
    [7] = BOOT_APP_MODE,
};

/* First instruction: nothing may have changed before it is noted. The linker puts it right after the
 * vectors. */
__attribute__((naked, section(".start"), used)) void boot_app_start(void)
{
    __asm volatile("mov r0, sp\n"
                   "mrs r1, primask\n"
                   "mrs r2, control\n"
                   "mrs r3, basepri\n"
                   "b boot_app_main\n");
}

static void note_entry(uint32_t sp, uint32_t primask, uint32_t control, uint32_t basepri)
{
    REPORT->sp = sp;
    REPORT->primask = primask;
    REPORT->control = control;
    REPORT->basepri = basepri;
    REPORT->vtor = REG(0xE000ED08);
    REPORT->systick = REG(0xE000E010);
    REPORT->nvic_enabled = REG(0xE000E100) | REG(0xE000E104) | REG(0xE000E108);
    REPORT->nvic_pending = REG(0xE000E200) | REG(0xE000E204) | REG(0xE000E208);
    REPORT->rcc_cr = REG(0x40023800);
    REPORT->rcc_pllcfgr = REG(0x40023804);
    REPORT->rcc_cfgr = REG(0x40023808);
    REPORT->rcc_ahb1enr = REG(0x40023830);
    REPORT->rcc_apb1enr = REG(0x40023840);
    REPORT->rcc_apb2enr = REG(0x40023844);
    REPORT->rcc_csr = REG(0x40023874);
    REPORT->flash_acr = REG(0x40023C00);
    REPORT->flash_cr = REG(0x40023C10);
}

void boot_app_main(uint32_t sp, uint32_t primask, uint32_t control, uint32_t basepri)
{
    const struct boot_services *services = (const struct boot_services *)FLASH_SERVICES_ADDR;
    uint32_t mode = vectors[7];
    note_entry(sp, primask, control, basepri);
    REPORT->base = SLOT_BASE;
    REPORT->runs = REPORT->is_counting == BOOT_APP_DONE ? REPORT->runs + 1 : 1;
    REPORT->is_counting = BOOT_APP_DONE;
    if (mode == BOOT_APP_SPOILS_STATE) {
        REG(RAM_SERVICES_BASE + 0x480) ^= 0x00010000;
    }
    static const struct boot_call INFO = {.op = BOOT_OP_INFO, .out = (void *)&REPORT->view};
    static const struct boot_call CONFIRM = {.op = BOOT_OP_CONFIRM};
    REPORT->info_err = services->call(&INFO);
    if (mode == BOOT_APP_CONFIRMS || mode == BOOT_APP_IS_WELL) {
        REPORT->confirm_err = services->call(&CONFIRM);
        REPORT->info_err = services->call(&INFO);
    }
    bool is_fault = mode == BOOT_APP_FAULTS || mode == BOOT_APP_IS_WELL;
    if (is_fault || mode == BOOT_APP_ASKS_FOR_LOADER) {
        uint32_t request = is_fault ? BOOT_REQUEST_FAULT : BOOT_REQUEST_LOADER;
        REG(RAM_REQUEST_ADDR) = request;
        REG(RAM_REQUEST_ADDR + 4) = ~request;
    }
    REPORT->done = BOOT_APP_DONE;
    if (is_fault || mode == BOOT_APP_ASKS_FOR_LOADER || mode == BOOT_APP_RESETS) {
        __asm volatile("dsb");
        REG(0xE000ED0C) = 0x05FA0004;
    }
    if (mode == BOOT_APP_IS_BITTEN) {
        REG(0x40003000) = 0xCCCC;
    }
    for (;;) {
        if (mode == BOOT_APP_CONFIRMS) {
            REG(0x40003000) = 0xAAAA;
        }
    }
}
