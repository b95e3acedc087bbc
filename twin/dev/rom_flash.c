#include "rom_flash.h"

enum flash_reg {
    KEYR = 0x40023C04,
    OPTKEYR = 0x40023C08,
    SR = 0x40023C0C,
    CR = 0x40023C10,
    OPTCR = 0x40023C14
};

enum flash_bits {
    SR_BSY = 1 << 16,
    SR_FLAGS = 0xF3,
    CR_PG = 1 << 0,
    CR_SER = 1 << 1,
    CR_MER = 1 << 2,
    CR_SNB_SHIFT = 3,
    CR_PSIZE_SHIFT = 8,
    CR_STRT = 1 << 16,
    OPTCR_OPTLOCK = 1 << 0,
    OPTCR_OPTSTRT = 1 << 1
};
static const uint32_t cr_lock = 0x80000000U;

static uint32_t peek(struct chip *chip, uint32_t addr)
{
    uint32_t value = 0;
    (void)chip_bus_read(chip, addr, 4, &value);
    return value;
}

static void poke(struct chip *chip, uint32_t addr, uint32_t value)
{
    (void)chip_bus_write(chip, addr, 4, value);
}

void rom_flash_open(struct chip *chip)
{
    if (peek(chip, CR) & cr_lock) {
        poke(chip, KEYR, 0x45670123U);
        poke(chip, KEYR, 0xCDEF89ABU);
    }
}

void rom_flash_close(struct chip *chip)
{
    poke(chip, SR, SR_FLAGS);
    poke(chip, CR, 0);
}

bool rom_flash_is_busy(struct chip *chip)
{
    return (peek(chip, SR) & SR_BSY) != 0;
}

bool rom_flash_is_protected(struct chip *chip)
{
    return (peek(chip, OPTCR) & ROM_OPTCR_RDP) != ROM_OPTCR_RDP_LEVEL_0;
}

uint32_t rom_flash_optcr(struct chip *chip)
{
    return peek(chip, OPTCR);
}

void rom_flash_program(struct chip *chip, uint32_t psize, uint32_t addr, uint32_t value)
{
    poke(chip, SR, SR_FLAGS);
    poke(chip, CR, (uint32_t)CR_PG | psize << CR_PSIZE_SHIFT);
    (void)chip_bus_write(chip, addr, 1U << psize, value);
}

static void start_erase(struct chip *chip, uint32_t cr)
{
    poke(chip, SR, SR_FLAGS);
    poke(chip, CR, cr);
    poke(chip, CR, cr | CR_STRT);
}

void rom_flash_erase(struct chip *chip, uint32_t psize, uint32_t sector)
{
    start_erase(chip, (uint32_t)CR_SER | sector << CR_SNB_SHIFT | psize << CR_PSIZE_SHIFT);
}

void rom_flash_mass_erase(struct chip *chip, uint32_t psize)
{
    start_erase(chip, (uint32_t)CR_MER | psize << CR_PSIZE_SHIFT);
}

void rom_flash_options(struct chip *chip, uint32_t optcr)
{
    if (peek(chip, OPTCR) & OPTCR_OPTLOCK) {
        poke(chip, OPTKEYR, 0x08192A3BU);
        poke(chip, OPTKEYR, 0x4C5D6E7FU);
    }
    optcr &= ~(uint32_t)(OPTCR_OPTLOCK | OPTCR_OPTSTRT);
    poke(chip, OPTCR, optcr);
    poke(chip, OPTCR, optcr | OPTCR_OPTSTRT);
}
