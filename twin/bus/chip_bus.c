/* Address decoding, clock gates, and the names of what is not there. */
#include "chip_private.h"

#include <string.h>

/* --- wiring --- */

static void apply_gate(struct chip_device *d, const struct chip_gate_rule *rule)
{
    if (strcmp(d->dev->name, rule->dev_name) == 0) {
        d->gated = true;
        d->gate_bus = rule->bus;
        d->gate_bit = rule->bit;
    }
}

#define PAGED_BASE 0x40000000U

static void note_pages(struct chip *chip, size_t index)
{
    const struct dev *dev = chip->device[index].dev;
    uint32_t first = (dev->base - PAGED_BASE) >> CHIP_PAGE_SHIFT;
    bool whole = dev->base % (1U << CHIP_PAGE_SHIFT) == 0;
    for (uint32_t i = 0; whole && i < dev->n_bytes >> CHIP_PAGE_SHIFT && first + i < CHIP_PAGES; i++) {
        chip->page[first + i] = (uint8_t)(index + 1);
    }
}

void chip_add_dev(struct chip *chip, struct dev *dev)
{
    chip_check_room(chip->n_devices, CHIP_DEVS, "devices");
    struct chip_device *d = &chip->device[chip->n_devices++];
    *d = (struct chip_device){.dev = dev};
    dev->chip = chip;
    note_pages(chip, chip->n_devices - 1);
    if (dev->state_bytes) {
        chip_add_state(chip, dev->name, dev->state, dev->state_bytes);
    }
    for (size_t i = 0; i < chip->n_gates; i++) {
        apply_gate(d, &chip->gate[i]);
    }
}

void chip_gate(struct chip *chip, const char *dev_name, unsigned bus, unsigned bit)
{
    chip_check_room(chip->n_gates, CHIP_DEVS, "clock gates");
    struct chip_gate_rule *rule = &chip->gate[chip->n_gates++];
    *rule = (struct chip_gate_rule){dev_name, bus, bit};
    for (size_t i = 0; i < chip->n_devices; i++) {
        apply_gate(&chip->device[i], rule);
    }
}

void chip_add_memory(struct chip *chip, const struct chip_memory *memory)
{
    chip_check_room(chip->n_memories, CHIP_MEMORIES, "memories");
    chip->memory[chip->n_memories++] = *memory;
    if (!memory->is_rom) {
        chip_add_state(chip, memory->name, memory->bytes, memory->n_bytes);
    }
}

uint32_t chip_dev_base(const struct chip *chip, const char *name)
{
    for (size_t i = 0; i < chip->n_devices; i++) {
        if (strcmp(chip->device[i].dev->name, name) == 0) {
            return chip->device[i].dev->base;
        }
    }
    return 0;
}

/* --- gates --- */

bool chip_is_clocked(const struct chip *chip, unsigned bus, unsigned bit)
{
    return (chip->run.enr[bus] >> bit) & 1u;
}

void chip_set_enables(struct chip *chip, unsigned bus, uint32_t enr)
{
    chip->run.enr[bus] = enr;
}

void chip_set_resets(struct chip *chip, unsigned bus, uint32_t rstr)
{
    uint32_t risen = rstr & ~chip->run.rstr[bus];
    chip->run.rstr[bus] = rstr;
    for (size_t i = 0; i < chip->n_devices; i++) {
        const struct chip_device *d = &chip->device[i];
        if (d->gated && d->gate_bus == bus && ((risen >> d->gate_bit) & 1u) && d->dev->ops->reset) {
            d->dev->ops->reset(d->dev, DEV_RESET_SYSTEM);
        }
    }
}

static const char *const bus_names[CHIP_BUSES] = {"AHB1", "AHB2", "APB1", "APB2"};

static bool gate_is_open(struct chip *chip, const struct chip_device *d, uint32_t addr)
{
    if (!d->gated) {
        return true;
    }
    const char *bus = bus_names[d->gate_bus];
    if (!chip_is_clocked(chip, d->gate_bus, d->gate_bit)) {
        chip_violation(chip, "%s: access at 0x%08X without clock, RCC_%sENR bit %u is 0 (RM0090 7.3)",
                       d->dev->name, (unsigned)addr, bus, d->gate_bit);
        return false;
    }
    if ((chip->run.rstr[d->gate_bus] >> d->gate_bit) & 1u) {
        chip_violation(chip, "%s: access at 0x%08X while held in reset, RCC_%sRSTR bit %u is 1 (RM0090 7.3)",
                       d->dev->name, (unsigned)addr, bus, d->gate_bit);
        return false;
    }
    return true;
}

/* --- decoding --- */

/* RM0090 2.3, table 1: what a touched address would be on the real part. */
static const struct {
    uint32_t base;
    uint32_t end;
    const char *name;
} map[] = {
    {0x40000000, 0x40000400, "TIM2"},         {0x40000400, 0x40000800, "TIM3"},
    {0x40000800, 0x40000C00, "TIM4"},         {0x40000C00, 0x40001000, "TIM5"},
    {0x40001000, 0x40001400, "TIM6"},         {0x40001400, 0x40001800, "TIM7"},
    {0x40001800, 0x40001C00, "TIM12"},        {0x40001C00, 0x40002000, "TIM13"},
    {0x40002000, 0x40002400, "TIM14"},        {0x40002800, 0x40002C00, "RTC"},
    {0x40002C00, 0x40003000, "WWDG"},         {0x40003000, 0x40003400, "IWDG"},
    {0x40003400, 0x40003800, "I2S2ext"},      {0x40003800, 0x40003C00, "SPI2"},
    {0x40003C00, 0x40004000, "SPI3"},         {0x40004000, 0x40004400, "I2S3ext"},
    {0x40004400, 0x40004800, "USART2"},       {0x40004800, 0x40004C00, "USART3"},
    {0x40004C00, 0x40005000, "UART4"},        {0x40005000, 0x40005400, "UART5"},
    {0x40005400, 0x40005800, "I2C1"},         {0x40005800, 0x40005C00, "I2C2"},
    {0x40005C00, 0x40006000, "I2C3"},         {0x40006400, 0x40006800, "CAN1"},
    {0x40006800, 0x40006C00, "CAN2"},         {0x40007000, 0x40007400, "PWR"},
    {0x40007400, 0x40007800, "DAC"},          {0x40010000, 0x40010400, "TIM1"},
    {0x40010400, 0x40010800, "TIM8"},         {0x40011000, 0x40011400, "USART1"},
    {0x40011400, 0x40011800, "USART6"},       {0x40012000, 0x40012400, "ADC"},
    {0x40012C00, 0x40013000, "SDIO"},         {0x40013000, 0x40013400, "SPI1"},
    {0x40013800, 0x40013C00, "SYSCFG"},       {0x40013C00, 0x40014000, "EXTI"},
    {0x40014000, 0x40014400, "TIM9"},         {0x40014400, 0x40014800, "TIM10"},
    {0x40014800, 0x40014C00, "TIM11"},        {0x40020000, 0x40022400, "GPIO"},
    {0x40023000, 0x40023400, "CRC"},          {0x40023800, 0x40023C00, "RCC"},
    {0x40023C00, 0x40024000, "FLASH"},        {0x40024000, 0x40025000, "BKPSRAM"},
    {0x40026000, 0x40026400, "DMA1"},         {0x40026400, 0x40026800, "DMA2"},
    {0x40028000, 0x40029400, "Ethernet MAC"}, {0x40040000, 0x40080000, "USB OTG HS"},
    {0x50000000, 0x50040000, "USB OTG FS"},   {0x50050000, 0x50050400, "DCMI"},
    {0x50060000, 0x50060400, "CRYP"},         {0x50060400, 0x50060800, "HASH"},
    {0x50060800, 0x50060C00, "RNG"},          {0x60000000, 0xA0001000, "FSMC"},
    {0xE0042000, 0xE0042400, "DBGMCU"},
};

static const char *unmodelled(uint32_t addr)
{
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        if (addr >= map[i].base && addr < map[i].end) {
            return map[i].name;
        }
    }
    return NULL;
}

static const struct chip_device *device_at(const struct chip *chip, uint32_t addr)
{
    uint32_t page = (addr - PAGED_BASE) >> CHIP_PAGE_SHIFT;
    if (page < CHIP_PAGES && chip->page[page]) {
        return &chip->device[chip->page[page] - 1];
    }
    for (size_t i = 0; i < chip->n_devices; i++) {
        if (addr - chip->device[i].dev->base < chip->device[i].dev->n_bytes) {
            return &chip->device[i];
        }
    }
    return NULL;
}

static const struct chip_memory *memory_at(const struct chip *chip, uint32_t addr, size_t n_bytes)
{
    for (size_t i = 0; i < chip->n_memories; i++) {
        const struct chip_memory *m = &chip->memory[i];
        if (addr >= m->base && addr - m->base < m->n_bytes && n_bytes <= m->n_bytes - (addr - m->base)) {
            return m;
        }
    }
    return NULL;
}

const uint8_t *chip_memory_at(const struct chip *chip, uint32_t addr, size_t n_bytes)
{
    const struct chip_memory *m = memory_at(chip, addr, n_bytes);
    return m ? m->bytes + (addr - m->base) : NULL;
}

/* Nothing modelled stands at `addr`. @return is it a peripheral that we lack (read 0), not a hole (bus
 * error)? */
static bool nothing_at(struct chip *chip, uint32_t addr, const char *verb)
{
    const char *name = unmodelled(addr);
    if (name) {
        chip_violation(chip, "%s: %s of register 0x%08X, which the twin does not model (docs/TWIN.md)", name,
                       verb, (unsigned)addr);
        return true;
    }
    chip_violation(chip, "bus: %s at 0x%08X, where nothing is: bus error (RM0090 2.3)", verb, (unsigned)addr);
    return false;
}

static uint32_t load(const uint8_t *p, unsigned n_bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        v |= (uint32_t)p[i] << (8 * i);
    }
    return v;
}

bool chip_core_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    *value = 0;
    const struct chip_device *d = device_at(chip, addr);
    if (d) {
        return gate_is_open(chip, d, addr) ? d->dev->ops->read(d->dev, addr - d->dev->base, n_bytes, value)
                                           : true;
    }
    const struct chip_memory *m = memory_at(chip, addr, n_bytes);
    if (m) {
        *value = load(m->bytes + (addr - m->base), n_bytes);
        return true;
    }
    return nothing_at(chip, addr, "read");
}

static bool memory_write(struct chip *chip, const struct chip_memory *m, uint32_t addr, unsigned n_bytes,
                         uint32_t value)
{
    if (m->store) {
        return m->store(m->ctx, addr, n_bytes, value);
    }
    if (m->is_rom) {
        chip_violation(chip, "bus: write at 0x%08X, which is read-only (%s): bus error", (unsigned)addr,
                       m->name);
        return false;
    }
    for (unsigned i = 0; i < n_bytes; i++) {
        m->bytes[addr - m->base + i] = (uint8_t)(value >> (8 * i));
    }
    chip_code_changed(chip, addr, n_bytes);
    return true;
}

bool chip_core_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    const struct chip_device *d = device_at(chip, addr);
    if (d) {
        return gate_is_open(chip, d, addr) ? d->dev->ops->write(d->dev, addr - d->dev->base, n_bytes, value)
                                           : true;
    }
    const struct chip_memory *m = memory_at(chip, addr, n_bytes);
    if (m) {
        return memory_write(chip, m, addr, n_bytes, value);
    }
    return nothing_at(chip, addr, "write");
}

/* Masters other than the core reach all but CCM (RM0090 2.1.3, figure 1). */
static bool reachable(struct chip *chip, uint32_t addr, unsigned n_bytes)
{
    const struct chip_memory *m = memory_at(chip, addr, n_bytes);
    if (m && m->core_only) {
        chip_violation(chip, "bus: a master other than the core at 0x%08X (%s), which only the core reaches",
                       (unsigned)addr, m->name);
        return false;
    }
    return true;
}

bool chip_bus_read(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    return reachable(chip, addr, n_bytes) && chip_core_read(chip, addr, n_bytes, value);
}

bool chip_bus_write(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    return reachable(chip, addr, n_bytes) && chip_core_write(chip, addr, n_bytes, value);
}
