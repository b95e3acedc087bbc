/*
 * The contract of port/flash.h on the driver of the chip (port/stm32f407/flash.c), as a firmware of its own
 * in sector 0: the cases of flash_contract.c, and those that only the chip has (interrupts). Sector 3 is the
 * one that is worked on, then sector 5.
 */
#include "guest.h"

#include <stddef.h>

#include "f407/clock.h"
#include "f407/flash.h"
#include "f407/iwdg.h"
#include "flash_contract.h"
#include "stm32f407xx.h"

enum { SECTOR_SMALL = 3, SECTOR_LARGE = 5, CLOSED = 4, SYSTICK_US = 20, PRIORITY_SHIFT = 4 };

void guest_start(void);
int main(void);
uint32_t host_call(uint32_t what, uint32_t argument);

extern uint32_t guest_bss_start[];
extern uint32_t guest_bss_end[];
extern uint32_t guest_stack_top[];

/* The host stands here and returns by itself. */
__attribute__((naked, noipa, section(".host_call"))) uint32_t host_call(uint32_t what, uint32_t argument)
{
    (void)what;
    (void)argument;
    __asm volatile("bx lr");
}

static void fault(void)
{
    (void)host_call(GUEST_FAULT, __get_IPSR());
    for (;;) {
    }
}

union vector {
    void (*handler)(void);
    uint32_t *stack;
};

__attribute__((section(".vectors"), used)) static const union vector VECTORS[16] = {
    {.stack = guest_stack_top}, {.handler = guest_start}, {.handler = fault}, {.handler = fault},
    {.handler = fault},         {.handler = fault},       {.handler = fault}, {.handler = fault},
    {.handler = fault},         {.handler = fault},       {.handler = fault}, {.handler = fault},
    {.handler = fault},         {.handler = fault},       {.handler = fault}, {.handler = fault}};

void guest_start(void)
{
    for (volatile uint32_t *word = guest_bss_start; word < guest_bss_end; word++) {
        *word = 0;
    }
    (void)main();
}

/* --- the world --- */

static void protect(const struct flash_contract_env *env, uint32_t sector, bool on)
{
    (void)env;
    (void)host_call(GUEST_PROTECT, sector | (uint32_t)on << 8);
}

static void starve(const struct flash_contract_env *env, bool on)
{
    (void)env;
    (void)host_call(GUEST_STARVE, on);
}

static void wear_out(const struct flash_contract_env *env, uint32_t sector, bool on)
{
    (void)env;
    (void)host_call(GUEST_WEAR_OUT, sector | (uint32_t)on << 8);
}

static bool is_locked(const struct flash_contract_env *env)
{
    (void)env;
    return (FLASH->CR & FLASH_CR_LOCK) != 0;
}

static uint32_t now_us(const struct flash_contract_env *env)
{
    (void)env;
    return host_call(GUEST_NOW_US, 0);
}

static uint32_t load(const struct flash_contract_env *env, uint32_t addr)
{
    (void)env;
    return *(const volatile uint32_t *)addr;
}

static const struct flash_contract_world WORLD = {protect, starve, wear_out, is_locked, now_us, load};

/* --- interrupts: handler, vectors and data in RAM, so that it could run at any time --- */

static volatile uint32_t n_ticks;
static volatile uint32_t n_ticks_while_busy;
static union vector ram_vectors[16] __attribute__((aligned(512))); /* PM0214 4.4.4: TBLOFF begins at bit 9 */

__attribute__((section(".ram_code"), noinline)) static void tick(void)
{
    n_ticks++;
    if ((FLASH->SR & FLASH_SR_BSY) != 0) {
        n_ticks_while_busy++;
    }
}

static void start_ticks(uint32_t priority)
{
    for (uint32_t i = 0; i < 16; i++) {
        ram_vectors[i] = VECTORS[i];
    }
    ram_vectors[15].handler = tick;
    SCB->VTOR = (uint32_t)ram_vectors;
    n_ticks = 0;
    n_ticks_while_busy = 0;
    SCB->SHP[11] = (uint8_t)(priority << PRIORITY_SHIFT);
    SysTick->LOAD = CLOCK_HCLK_HZ / 1000000 * SYSTICK_US - 1;
    SysTick->VAL = 0;
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    __enable_irq();
}

static void stop_ticks(void)
{
    SysTick->CTRL = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk;
    SCB->VTOR = FLASH_BASE;
}

/* An erase and a run of words under ticks of a priority, with BASEPRI value `basepri` for the driver. */
static const char *work_under_ticks(const struct flash_contract_env *env, uint32_t priority, uint32_t basepri)
{
    uint32_t words[64];
    for (uint32_t i = 0; i < 64; i++) {
        words[i] = i * 0x01010101U;
    }
    ((struct f407_flash *)env->flash)->basepri = basepri;
    start_ticks(priority);
    bool is_done = flash_erase_sector(env->flash, env->sector) == FOTA_OK &&
                   flash_program(env->flash, env->base, words, 64) == FOTA_OK;
    bool is_restored = __get_PRIMASK() == 0 && __get_BASEPRI() == 0;
    stop_ticks();
    if (!is_done) {
        return "erase or program failed under interrupts";
    }
    return is_restored ? NULL : "PRIMASK or BASEPRI are not as they were";
}

static const char *no_interrupt_runs_while_flash_is_busy(const struct flash_contract_env *env)
{
    const char *broken = work_under_ticks(env, 0, 0);
    if (broken) {
        return broken;
    }
    if (n_ticks_while_busy != 0) {
        return "an interrupt ran while the flash was busy, although all were to be masked";
    }
    return n_ticks >= 5 ? NULL : "interrupts were masked between the words of a run";
}

static const char *urgent_interrupts_run_and_others_wait(const struct flash_contract_env *env)
{
    const char *broken = work_under_ticks(env, 8, 8 << PRIORITY_SHIFT);
    if (broken || n_ticks_while_busy != 0) {
        return broken ? broken : "an interrupt of the masked priority ran while the flash was busy";
    }
    broken = work_under_ticks(env, 7, 8 << PRIORITY_SHIFT);
    if (broken) {
        return broken;
    }
    return n_ticks_while_busy >= 3 ? NULL : "an interrupt more urgent than BASEPRI waited for the flash";
}

static const char *masks_that_were_set_stay_set(const struct flash_contract_env *env)
{
    uint32_t word = 1;
    ((struct f407_flash *)env->flash)->basepri = 0x80;
    __disable_irq();
    __set_BASEPRI(0x40);
    bool is_done = flash_erase_sector(env->flash, env->sector) == FOTA_OK &&
                   flash_program(env->flash, env->base, &word, 1) == FOTA_OK;
    bool is_kept = __get_PRIMASK() == 1 && __get_BASEPRI() == 0x40;
    __set_BASEPRI(0);
    __enable_irq();
    return is_done && is_kept ? NULL : "PRIMASK or BASEPRI are not as they were";
}

static const char *
sector_0_and_the_applications_own_are_refused_whatever_was_opened(const struct flash_contract_env *env)
{
    static const uint8_t NEVER[] = {0, 2, 4, 1};
    static const uint32_t BASE[] = {0x08000000, 0x08008000, 0x08010000, 0x08004000};
    struct f407_flash open;
    uint32_t zero = 0;
    (void)env;
    f407_flash_open(&open, UINT32_MAX);
    for (uint32_t i = 0; i < 4; i++) {
        if (NEVER[i] == 1) { /* the loader: only while it is opened, for its own service */
            f407_flash_open(&open, ~(1U << 1));
        }
        if (flash_erase_sector(&open.flash, NEVER[i]) != E_FLASH_RANGE ||
            flash_program(&open.flash, BASE[i], &zero, 1) != E_FLASH_RANGE) {
            return "a sector that is never written was written";
        }
    }
    return NULL;
}

static const char *option_bytes_stay_locked(const struct flash_contract_env *env)
{
    uint32_t word = 1;
    bool is_done = flash_erase_sector(env->flash, env->sector) == FOTA_OK &&
                   flash_program(env->flash, env->base, &word, 1) == FOTA_OK;
    if (!is_done) {
        return "erase or program failed";
    }
    return (FLASH->OPTCR & FLASH_OPTCR_OPTLOCK) != 0 ? NULL : "the option bytes are unlocked";
}

/* The fastest LSI, the longest erases, and nobody but the driver to feed the watchdog. At 16 MHz, so that the
 * wait is cheap to execute; once started the watchdog stays, so this is the last case. */
static const char *erases_in_a_row_outlast_no_watchdog_time(const struct flash_contract_env *env)
{
    clock_reset();
    iwdg_start();
    for (uint32_t i = 0; i < 4; i++) {
        if (flash_erase_sector(env->flash, env->sector) != FOTA_OK) {
            return "erase failed";
        }
    }
    return NULL;
}

static const struct flash_contract_case LAST[] = {
    {"erases_in_a_row_outlast_no_watchdog_time", erases_in_a_row_outlast_no_watchdog_time}, {NULL, NULL}};

static const struct flash_contract_case DRIVER[] = {
    {"option_bytes_stay_locked", option_bytes_stay_locked},
    {"no_interrupt_runs_while_flash_is_busy", no_interrupt_runs_while_flash_is_busy},
    {"urgent_interrupts_run_and_others_wait", urgent_interrupts_run_and_others_wait},
    {"masks_that_were_set_stay_set", masks_that_were_set_stay_set},
    {"sector_0_and_the_applications_own_are_refused_whatever_was_opened",
     sector_0_and_the_applications_own_are_refused_whatever_was_opened},
    {NULL, NULL}};

/* --- the run --- */

static void run_all(const struct flash_contract_case *cases, const struct flash_contract_env *env)
{
    for (const struct flash_contract_case *c = cases; c->name; c++) {
        f407_flash_open((struct f407_flash *)env->flash, 1U << SECTOR_SMALL | 1U << SECTOR_LARGE);
        if (host_call(GUEST_CASE_BEGINS, (uint32_t)c->name) != 0) {
            const char *broken = c->run(env);
            (void)host_call(GUEST_CASE_ENDS, (uint32_t)broken);
        }
    }
}

int main(void)
{
    struct f407_flash flash;
    struct flash_contract_env env = {&flash.flash, SECTOR_SMALL, 0x0800C000, 4096,
                                     CLOSED,       0x08010000,   &WORLD,     NULL};
    (void)clock_init();
    f407_flash_load_ram_code();
    run_all(FLASH_CONTRACT, &env);
    run_all(DRIVER, &env);
    (void)host_call(GUEST_LARGE_SECTOR, 0);
    env.sector = SECTOR_LARGE;
    env.base = 0x08020000;
    env.n_words = 32768;
    run_all(FLASH_CONTRACT, &env);
    run_all(LAST, &env);
    (void)host_call(GUEST_ALL_DONE, 0);
    for (;;) {
    }
}
