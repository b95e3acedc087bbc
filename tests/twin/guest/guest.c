/* Guest of tests/twin/board_test.c: small programs for the emulated chip. The word at 0x08010000 says which
 * one runs; what they find out is left in SRAM at 0x20010000, which no reset touches. */
#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(addr))

#define FLASH_ACR   REG(0x40023C00)
#define FLASH_KEYR  REG(0x40023C04)
#define FLASH_SR    REG(0x40023C0C)
#define FLASH_CR    REG(0x40023C10)
#define RCC_CR      REG(0x40023800)
#define RCC_PLLCFGR REG(0x40023804)
#define RCC_CFGR    REG(0x40023808)
#define RCC_AHB1ENR REG(0x40023830)
#define RCC_APB1ENR REG(0x40023840)
#define RCC_CSR     REG(0x40023874)
#define PWR_CR      REG(0x40007000)
#define BKP0R       REG(0x40002850)
#define IWDG_KR     REG(0x40003000)
#define SYSTICK_CSR REG(0xE000E010)
#define SYSTICK_RVR REG(0xE000E014)
#define SYSTICK_CVR REG(0xE000E018)
#define AIRCR       REG(0xE000ED0C)
#define ICSR        REG(0xE000ED04)
#define USART2_SR   REG(0x40004400)
#define USART2_DR   REG(0x40004404)
#define USART2_BRR  REG(0x40004408)
#define USART2_CR1  REG(0x4000440C)
#define GPIOA_MODER REG(0x40020000)
#define GPIOA_AFRL  REG(0x40020020)
#define GPIOD_MODER REG(0x40020C00)
#define GPIOD_BSRR  REG(0x40020C18)
#define I2C1_CR1    REG(0x40005400)
#define NOWHERE     REG(0x30000000)

#define COMMAND REG(0x08010000)

/* Results. */
#define OUT_MAGIC REG(0x20010000)
#define OUT_BOOTS REG(0x20010004)
#define OUT_CSR   REG(0x20010008)
#define OUT_TICKS REG(0x2001000C)
#define OUT_LOOPS REG(0x20010010)
#define OUT_DONE  REG(0x20010014)
#define OUT_VALUE REG(0x20010018)
#define OUT_SR    REG(0x2001001C)

enum {
    MAGIC = 0x600DF00D,
    CMD_COUNT = 1,
    CMD_ERASE = 2,
    CMD_ERASE_FROM_RAM = 3,
    CMD_ERASE_UNDER_WATCHDOG = 4,
    CMD_SOFT_RESET = 5,
    CMD_LOG = 6,
    CMD_TICK_168 = 7,
    CMD_LOCKUP = 8,
    CMD_UNMODELLED = 9,
    CMD_HELLO = 10,
    CMD_IDENTITY = 11,
    CMD_BACKUP = 12,
    CMD_STALE_CACHE = 13,
    CMD_FLUSHED_CACHE = 14
};

enum { CR_PG = 1, CR_SER = 2, CR_X32 = 2 << 8, CR_STRT = 1 << 16, SR_BSY = 1 << 16 };

void guest_reset(void);
extern uint32_t guest_data[], guest_data_end[], guest_data_image[];

static void unlock(void)
{
    FLASH_KEYR = 0x45670123;
    FLASH_KEYR = 0xCDEF89AB;
}

static void tick(void)
{
    OUT_TICKS++;
}

static void hard_fault(void)
{
    if (COMMAND == CMD_LOCKUP) {
        (void)NOWHERE; /* a fault in the fault handler */
    }
    for (;;) {
    }
}

static void start_tick(uint32_t cycles)
{
    SYSTICK_RVR = cycles - 1;
    SYSTICK_CVR = 0;
    SYSTICK_CSR = 7;
}

static void count(void)
{
    for (;;) {
        OUT_LOOPS++;
    }
}

/* From flash: the next fetch stalls until the erase is over. */
static void erase(uint32_t sector)
{
    unlock();
    FLASH_CR = CR_SER | CR_X32 | sector << 3;
    FLASH_CR = CR_SER | CR_X32 | sector << 3 | CR_STRT;
    while (FLASH_SR & SR_BSY) {
        OUT_LOOPS++;
    }
    OUT_SR = FLASH_SR;
    OUT_DONE = 1;
}

__attribute__((section(".ramcode"), noinline, long_call)) static void erase_from_ram(uint32_t sector)
{
    FLASH_KEYR = 0x45670123;
    FLASH_KEYR = 0xCDEF89AB;
    FLASH_CR = CR_SER | CR_X32 | sector << 3;
    FLASH_CR = CR_SER | CR_X32 | sector << 3 | CR_STRT;
    while (FLASH_SR & SR_BSY) {
        OUT_LOOPS++;
    }
    OUT_DONE = 1;
}

/* Words in sector 11, one after the other: the place for planned cuts. */
static void write_log(void)
{
    volatile uint32_t *p = (volatile uint32_t *)0x080E0000;
    uint32_t n = 0;
    while (n < 64 && p[n] != 0xFFFFFFFF) {
        n++;
    }
    unlock();
    FLASH_CR = CR_PG | CR_X32;
    for (; n < 64; n++) {
        p[n] = 0xA5A50000 + n;
        while (FLASH_SR & SR_BSY) {
        }
    }
    FLASH_CR = 1u << 31;
    OUT_DONE = 1;
}

static void tick_at_168_mhz(void)
{
    FLASH_ACR = 5 | 7 << 8;
    RCC_CR |= 1 << 16;
    while (!(RCC_CR & 1 << 17)) {
    }
    RCC_PLLCFGR = 8 | 336 << 6 | 1 << 22 | 7 << 24;
    RCC_CR |= 1 << 24;
    while (!(RCC_CR & 1 << 25)) {
    }
    RCC_CFGR = 5 << 10 | 4 << 13;
    RCC_CFGR = 5 << 10 | 4 << 13 | 2;
    while ((RCC_CFGR >> 2 & 3) != 2) {
    }
    start_tick(168000);
    OUT_DONE = 1;
    for (;;) {
        __asm volatile("wfi");
    }
}

static void hello(void)
{
    static const char text[] = "hello from the guest\n";
    RCC_AHB1ENR |= 1 | 1 << 3;
    RCC_APB1ENR |= 1 << 17;
    GPIOA_AFRL |= 7 << 8;
    GPIOA_MODER |= 2 << 4;
    GPIOD_MODER |= 1 << 24;
    GPIOD_BSRR = 1 << 12;
    USART2_BRR = 16000000 / 115200;
    USART2_CR1 = 1 << 13 | 1 << 3;
    for (const char *p = text; *p; p++) {
        while (!(USART2_SR & 1 << 7)) {
        }
        USART2_DR = (uint32_t)*p;
    }
    OUT_DONE = 1;
}

static void backup(void)
{
    RCC_APB1ENR |= 1 << 28;
    PWR_CR |= 1 << 8;
    OUT_VALUE = BKP0R;
    BKP0R = BKP0R + 1;
    OUT_DONE = 1;
}

/* Read, erase, read again with the data cache on; in between it is emptied or not. */
static void erase_under_cache(int is_flushed)
{
    FLASH_ACR = 1 << 10;
    OUT_VALUE = REG(0x08020000);
    erase(5);
    OUT_DONE = 0;
    if (is_flushed) {
        FLASH_ACR = 0;
        FLASH_ACR = 1 << 12;
        FLASH_ACR = 0;
        FLASH_ACR = 1 << 10;
    }
    OUT_VALUE = REG(0x08040000); /* another sector: nothing to say */
    OUT_VALUE = REG(0x08020000);
    OUT_VALUE = REG(0x08020004);
    OUT_DONE = 1;
}

static void run(uint32_t command)
{
    switch (command) {
    case CMD_COUNT:
        start_tick(16000);
        count();
        break;
    case CMD_ERASE:
        start_tick(16000);
        erase(5);
        break;
    case CMD_ERASE_FROM_RAM:
        erase_from_ram(5);
        break;
    case CMD_ERASE_UNDER_WATCHDOG:
        if (OUT_BOOTS == 1) {
            IWDG_KR = 0xCCCC;
            erase(5);
        }
        break;
    case CMD_SOFT_RESET:
        if (OUT_BOOTS < 3) {
            AIRCR = 0x05FA0004;
        }
        break;
    case CMD_LOG:
        write_log();
        break;
    case CMD_TICK_168:
        tick_at_168_mhz();
        break;
    case CMD_LOCKUP:
        __asm volatile("udf #0");
        break;
    case CMD_UNMODELLED:
        I2C1_CR1 = 1;
        OUT_DONE = 1;
        break;
    case CMD_HELLO:
        hello();
        break;
    case CMD_IDENTITY:
        OUT_VALUE = *(volatile uint8_t *)0x1FFF77DE;
        OUT_SR = *(volatile uint16_t *)0x1FFF7A22;
        OUT_DONE = 1;
        break;
    case CMD_BACKUP:
        backup();
        break;
    case CMD_STALE_CACHE:
        erase_under_cache(0);
        break;
    case CMD_FLUSHED_CACHE:
        erase_under_cache(1);
        break;
    default:
        break;
    }
}

void guest_reset(void)
{
    for (uint32_t *p = guest_data, *q = guest_data_image; p < guest_data_end; p++, q++) {
        *p = *q;
    }
    if (OUT_MAGIC != MAGIC) {
        OUT_MAGIC = MAGIC;
        OUT_BOOTS = 0;
        OUT_TICKS = 0;
        OUT_LOOPS = 0;
    }
    OUT_DONE = 0;
    OUT_BOOTS++;
    OUT_CSR = RCC_CSR;
    RCC_CSR = 1 << 24;
    run(COMMAND);
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))0x20008000,
    guest_reset,
    hard_fault,
    hard_fault,
    hard_fault,
    hard_fault,
    hard_fault,
    [15] = tick,
};
