/* STM32F405 and STM32F407: which peripherals stand where. Order matters for reset: RCC first (clocks, gates), FLASH
 * before IWDG (option bytes). */
#include "board.h"

#include "dev/crc.h"
#include "dev/dbgmcu.h"
#include "dev/dma.h"
#include "dev/exti.h"
#include "dev/flash_if.h"
#include "dev/gpio.h"
#include "dev/iwdg.h"
#include "dev/pwr.h"
#include "dev/rcc.h"
#include "dev/rom_loader.h"
#include "dev/rtc.h"
#include "dev/spi.h"
#include "dev/syscfg.h"
#include "dev/tim.h"
#include "dev/usart.h"

#include <string.h>

enum { AHB1, AHB2, APB1, APB2 };

/* RM0090 7.3.10 .. 7.3.14: the bit is the same in ENR and RSTR. */
static const struct {
    const char *dev;
    unsigned bus;
    unsigned bit;
} gates[] = {
    {"GPIOA", AHB1, 0}, {"GPIOB", AHB1, 1},   {"GPIOC", AHB1, 2}, {"GPIOD", AHB1, 3},  {"GPIOE", AHB1, 4},
    {"GPIOF", AHB1, 5}, {"GPIOG", AHB1, 6},   {"GPIOH", AHB1, 7}, {"GPIOI", AHB1, 8},  {"CRC", AHB1, 12},
    {"DMA1", AHB1, 21}, {"DMA2", AHB1, 22},   {"TIM2", APB1, 0},  {"TIM3", APB1, 1},   {"TIM4", APB1, 2},
    {"TIM5", APB1, 3},  {"TIM6", APB1, 4},    {"TIM7", APB1, 5},  {"TIM12", APB1, 6},  {"TIM13", APB1, 7},
    {"TIM14", APB1, 8}, {"USART2", APB1, 17}, {"PWR", APB1, 28},  {"TIM1", APB2, 0},   {"TIM8", APB2, 1},
    {"SPI1", APB2, 12}, {"SYSCFG", APB2, 14}, {"TIM9", APB2, 16}, {"TIM10", APB2, 17}, {"TIM11", APB2, 18},
};

static void add_memories(struct twin *t)
{
    chip_add_memory(t->chip, &(struct chip_memory){
                                 .name = "SRAM", .base = SRAM_BASE, .bytes = t->sram, .n_bytes = SRAM_BYTES});
    chip_add_memory(
        t->chip,
        &(struct chip_memory){
            .name = "CCM", .base = CCM_BASE, .bytes = t->ccm, .n_bytes = CCM_BYTES, .core_only = true});
    chip_add_memory(t->chip, &(struct chip_memory){.name = "system memory",
                                                   .base = SYSTEM_MEMORY_BASE,
                                                   .bytes = t->system_memory,
                                                   .n_bytes = SYSTEM_MEMORY_BYTES,
                                                   .is_rom = true});
    chip_add_memory(t->chip, &(struct chip_memory){.name = "identity",
                                                   .base = IDENTITY_BASE,
                                                   .bytes = t->identity,
                                                   .n_bytes = IDENTITY_BYTES,
                                                   .is_rom = true});
}

/* System memory holds no code here, only what firmware and production read: the loader's version (AN2606),
 * the unique number and the flash size (RM0090 39). */
static void fill_constants(struct twin *t)
{
    enum { ROM_ID_OFF = 0x77DE, UID_OFF = 0x00, FLASH_SIZE_OFF = 0x12 };
    t->system_memory[ROM_ID_OFF] = t->config.rom == TWIN_ROM_V3_1 ? 0x31 : 0x91;
    memset(t->identity, 0xFF, sizeof t->identity);
    uint64_t seed = t->config.seed ^ 0x55494431ULL;
    for (unsigned i = 0; i < 12; i++) {
        t->identity[UID_OFF + i] = (uint8_t)flash_random(&seed);
    }
    uint32_t flash_kb = t->part->flash_bytes / 1024;
    t->identity[FLASH_SIZE_OFF] = (uint8_t)flash_kb;
    t->identity[FLASH_SIZE_OFF + 1] = (uint8_t)(flash_kb >> 8);
}

void f407_build(struct twin *t)
{
    struct chip *chip = t->chip;
    fill_constants(t);
    add_memories(t);
    rcc_attach(chip);
    struct flash_if_config flash = {.maximum_timing = t->config.flash_timing == TWIN_FLASH_MAXIMUM,
                                    .hasty_timing = t->config.flash_timing == TWIN_FLASH_HASTY,
                                    .is_revision_a = t->config.silicon == TWIN_SILICON_A,
                                    .n_sectors = t->part->n_sectors,
                                    .seed = t->config.seed};
    t->flash_dev = flash_if_attach(chip, t->flash, &flash);
    pwr_attach(chip);
    iwdg_attach(chip);
    rtc_attach(chip);
    syscfg_attach(chip);
    crc_attach(chip);
    dbgmcu_attach(chip, t->config.silicon == TWIN_SILICON_A);
    gpio_attach(chip);
    (void)exti_attach(chip);
    dma_attach(chip);
    spi_attach(chip);
    usart_attach(chip);
    tim_attach(chip);
    struct rom_loader_config rom = {.flash_bytes = t->part->flash_bytes,
                                    .n_sectors = t->part->n_sectors,
                                    .has_spi = t->config.rom != TWIN_ROM_V3_1,
                                    .busy = t->config.rom == TWIN_ROM_V9_1_EARLY ? ROM_LOADER_BUSY_STALE
                                                                                 : ROM_LOADER_BUSY_FILLER};
    rom_loader_attach(chip, &rom);
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        chip_gate(chip, gates[i].dev, gates[i].bus, gates[i].bit);
    }
}
