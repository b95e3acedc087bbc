/* Guest of tests/twin/join_test.c: a master on SPI1 that starts the ROM loader of another board by its pins and asks
 * it for its ID (AN4286). The word at 0x08010000 says how: bits 0 and 1 are the SPI mode, bit 2 makes NRST push-pull
 * instead of open drain. What MISO showed is left in SRAM at 0x20010000. */
#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(addr))

#define RCC_AHB1ENR  REG(0x40023830)
#define RCC_APB2ENR  REG(0x40023844)
#define GPIOA_MODER  REG(0x40020000)
#define GPIOA_BSRR   REG(0x40020018)
#define GPIOA_AFRL   REG(0x40020020)
#define GPIOB_MODER  REG(0x40020400)
#define GPIOB_OTYPER REG(0x40020404)
#define GPIOB_BSRR   REG(0x40020418)
#define SPI1_CR1     REG(0x40013000)
#define SPI1_SR      REG(0x40013008)
#define SPI1_DR      REG(0x4001300C)
#define SYSTICK_CSR  REG(0xE000E010)
#define SYSTICK_RVR  REG(0xE000E014)
#define SYSTICK_CVR  REG(0xE000E018)

#define COMMAND   REG(0x08010000)
#define OUT_DONE  REG(0x20010000)
#define OUT_BYTES REG(0x20010004)
#define OUT_MISO  ((volatile uint8_t *)0x20010008)

enum { PUSH_PULL = 4, BR_16 = 3 << 3, MSTR = 1 << 2, SPE = 1 << 6, SSI = 1 << 8, SSM = 1 << 9 };
enum { RXNE = 1, TXE = 2, BSY = 1 << 7, COUNTFLAG = 1 << 16, GAP_US = 15 };
enum { NSS = 1 << 4, NRST = 1 << 0, BOOT0 = 1 << 1, RESET = 16 };

void guest_reset(void);

static void delay_us(uint32_t us)
{
    SYSTICK_RVR = us * 16 - 1;
    SYSTICK_CVR = 0;
    SYSTICK_CSR = 5;
    while (!(SYSTICK_CSR & COUNTFLAG)) {
    }
    SYSTICK_CSR = 0;
}

static uint8_t transfer(uint8_t mosi)
{
    SPI1_DR = mosi;
    while (!(SPI1_SR & RXNE)) {
    }
    const uint8_t miso = (uint8_t)SPI1_DR;
    OUT_MISO[OUT_BYTES] = miso;
    OUT_BYTES = OUT_BYTES + 1;
    delay_us(GAP_US);
    return miso;
}

static void wait_for_ack(void)
{
    for (unsigned i = 0; i < 20 && transfer(0) != 0x79; i++) {
    }
    (void)transfer(0x79);
}

static void start_rom(void)
{
    GPIOB_BSRR = BOOT0;
    GPIOB_BSRR = NRST << RESET;
    delay_us(2000);
    GPIOB_BSRR = NRST;
    for (unsigned i = 0; i < 4; i++) {
        delay_us(50000);
    }
    GPIOB_BSRR = BOOT0 << RESET;
}

static void ask_for_id(void)
{
    GPIOA_BSRR = NSS << RESET;
    (void)transfer(0x5A);
    wait_for_ack();
    (void)transfer(0x5A);
    (void)transfer(0x02);
    (void)transfer(0xFD);
    wait_for_ack();
    for (unsigned i = 0; i < 4; i++) {
        (void)transfer(0);
    }
    wait_for_ack();
    while (SPI1_SR & BSY) {
    }
    GPIOA_BSRR = NSS;
}

void guest_reset(void)
{
    OUT_DONE = 0;
    OUT_BYTES = 0;
    RCC_AHB1ENR |= 3;
    RCC_APB2ENR |= 1 << 12;
    (void)RCC_APB2ENR;
    GPIOA_BSRR = NSS;
    GPIOB_BSRR = NRST | BOOT0 << RESET;
    GPIOB_OTYPER = COMMAND & PUSH_PULL ? 0 : NRST;
    GPIOB_MODER = (GPIOB_MODER & ~15U) | 5;
    GPIOA_AFRL = 0x55500000;
    GPIOA_MODER = (GPIOA_MODER & ~0xFF00U) | 0xA900; /* PA4 output, PA5..PA7 alternate */
    const uint32_t mode = COMMAND & 3;
    SPI1_CR1 = MSTR | SSM | SSI | BR_16 | mode;
    SPI1_CR1 = MSTR | SSM | SSI | BR_16 | mode | SPE;
    start_rom();
    ask_for_id();
    OUT_DONE = 1;
    for (;;) {
        __asm volatile("wfi");
    }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[4])(void) = {
    (void (*)(void))0x20008000, guest_reset, guest_reset, guest_reset};
