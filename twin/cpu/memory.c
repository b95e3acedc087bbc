/* The core's view of memory: regions, alignment, bit-band (ARMv7-M ARM B3.1, RM0090 2.3). */
#include <stdlib.h>

#include "core.h"

enum {
    SRAM_BIT_BAND = 0x22000000,
    PERIPHERAL_BASE = 0x40000000,
    PERIPHERAL_BIT_BAND = 0x42000000,
    BIT_BAND_BYTES = 0x02000000,
    DEVICE_END = 0x60000000,
    PAGE_BYTES = 1 << CODE_PAGE_SHIFT
};
#define EXTERNAL_DEVICE_BASE 0xA0000000u
#define PPB_BASE             0xE0000000u
#define PPB_BYTES            0x00100000u
#define DBGMCU_BASE          0xE0042000u

static uint32_t get(const uint8_t *p, unsigned n_bytes)
{
    uint32_t v = 0;
    memcpy(&v, p, n_bytes);
    return v;
}

/* Wait while the flash is busy. @return false: the run ends, the access has not
 * happened */
bool mem_flash_ready(struct cpu *c)
{
    while (!c->s.flash_open) {
        if (!c->bus.wait_flash(c->bus.ctx)) {
            c->restart = true;
            core_attention(c);
            return false;
        }
    }
    return true;
}

static void tell_flash_load(struct cpu *c, uint32_t addr, unsigned n_bytes)
{
    if (c->flash_watched && c->bus.flash_load) {
        c->bus.flash_load(c->bus.ctx, addr, n_bytes);
    }
}

static bool is_in(uint32_t addr, uint32_t base, uint32_t n_bytes)
{
    return addr - base < n_bytes;
}

static enum mem_result read_region(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    if (is_in(addr, CPU_FLASH_BASE, c->flash_bytes)) {
        if (!mem_flash_ready(c)) {
            return MEM_RESTART;
        }
        tell_flash_load(c, addr, n_bytes);
        *value = get(c->flash + (addr - CPU_FLASH_BASE), n_bytes);
    } else if (is_in(addr, CPU_SRAM_BASE, c->sram_bytes)) {
        *value = get(c->sram + (addr - CPU_SRAM_BASE), n_bytes);
    } else if (is_in(addr, CPU_CCM_BASE, c->ccm_bytes)) {
        *value = get(c->ccm + (addr - CPU_CCM_BASE), n_bytes);
    } else if (c->alias_code.bytes && addr < c->alias_code.n_bytes) {
        if (mem_alias_is_flash(c) && !mem_flash_ready(c)) {
            return MEM_RESTART;
        }
        if (mem_alias_is_flash(c)) {
            tell_flash_load(c, CPU_FLASH_BASE + addr, n_bytes);
        }
        *value = get(c->alias_code.bytes + addr, n_bytes);
    } else if (is_in(addr, PPB_BASE, PPB_BYTES) && !is_in(addr, DBGMCU_BASE, 0x1000)) {
        return system_read(c, addr, n_bytes, value) ? MEM_OK : MEM_ERROR;
    } else {
        const bool is_read = c->bus.read(c->bus.ctx, addr, n_bytes, value);
        if (addr == c->bus.steady && is_read && n_bytes == 4) {
            c->steady_seen(c, *value);
        }
        return is_read ? MEM_OK : MEM_ERROR;
    }
    return MEM_OK;
}

static enum mem_result write_region(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    if (is_in(addr, CPU_SRAM_BASE, c->sram_bytes)) {
        const uint32_t off = addr - CPU_SRAM_BASE;
        memcpy(c->sram + off, &value, n_bytes);
        if (c->sram_has_code[off >> CODE_PAGE_SHIFT]) {
            mem_code_written(c, addr, n_bytes);
        }
    } else if (is_in(addr, CPU_CCM_BASE, c->ccm_bytes)) {
        memcpy(c->ccm + (addr - CPU_CCM_BASE), &value, n_bytes);
    } else if (is_in(addr, PPB_BASE, PPB_BYTES) && !is_in(addr, DBGMCU_BASE, 0x1000)) {
        return system_write(c, addr, n_bytes, value) ? MEM_OK : MEM_ERROR;
    } else {
        return c->bus.write(c->bus.ctx, addr, n_bytes, value) ? MEM_OK : MEM_ERROR;
    }
    return MEM_OK;
}

/* Bit-band alias: word `off / 4` stands for one bit. @return false: `addr` is
 * no alias */
static bool bit_band(uint32_t addr, uint32_t *target, unsigned *bit)
{
    uint32_t base = CPU_SRAM_BASE;
    uint32_t off = addr - SRAM_BIT_BAND;
    if (off >= BIT_BAND_BYTES) {
        base = PERIPHERAL_BASE;
        off = addr - PERIPHERAL_BIT_BAND;
    }
    if (off >= BIT_BAND_BYTES) {
        return false;
    }
    *target = base + (off >> 7 << 2);
    *bit = off >> 2 & 31;
    return true;
}

static enum mem_result read_aligned(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    uint32_t target;
    unsigned bit;
    if (!bit_band(addr, &target, &bit)) {
        return read_region(c, addr, n_bytes, value);
    }
    const enum mem_result result = read_region(c, target, 4, value);
    *value = *value >> bit & 1;
    return result;
}

static enum mem_result write_aligned(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    uint32_t target;
    unsigned bit;
    uint32_t word = 0;
    if (!bit_band(addr, &target, &bit)) {
        return write_region(c, addr, n_bytes, value);
    }
    const enum mem_result result = read_region(c, target, 4, &word);
    return result ? result : write_region(c, target, 4, (word & ~(1u << bit)) | (value & 1) << bit);
}

/* Device memory and the system region of the default map (B3.1): no unaligned access, no execution. */
bool mem_is_device(uint32_t addr)
{
    return is_in(addr, PERIPHERAL_BASE, DEVICE_END - PERIPHERAL_BASE) || addr >= EXTERNAL_DEVICE_BASE;
}

/* Alignment and protection before any byte moves. @return false: a fault was
 * raised */
static bool check_access(struct cpu *c, uint32_t addr, unsigned n_bytes, enum mpu_access access)
{
    const bool privileged = exc_is_privileged(c) && !c->unprivileged_access;
    if ((addr & (n_bytes - 1)) && ((c->s.ccr & CCR_UNALIGN_TRP) || mem_is_device(addr))) {
        exc_fault(c, CFSR_UNALIGNED);
        return false;
    }
    if (!mpu_allows(c, addr, access, privileged)) {
        c->s.mmfar = addr;
        exc_fault(c, CFSR_DACCVIOL | CFSR_MMARVALID);
        return false;
    }
    if (addr >= PPB_BASE && !privileged) {
        c->s.bfar = addr;
        exc_fault(c, CFSR_PRECISERR | CFSR_BFARVALID);
        return false;
    }
    return true;
}

static bool settle(struct cpu *c, enum mem_result result, uint32_t addr)
{
    if (result == MEM_ERROR && (c->s.ccr & CCR_BFHFNMIGN) && exc_execution_priority(c, false) < 0) {
        return true; /* handlers of faults may probe (B3.2.8) */
    }
    if (result == MEM_ERROR) {
        c->s.bfar = addr;
        exc_fault(c, CFSR_PRECISERR | CFSR_BFARVALID);
    }
    return result == MEM_OK;
}

bool mem_load_slow(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    if (!check_access(c, addr, n_bytes, MPU_READ)) {
        return false;
    }
    *value = 0;
    if ((addr & (n_bytes - 1)) == 0) {
        return settle(c, read_aligned(c, addr, n_bytes, value), addr);
    }
    uint32_t whole = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        uint32_t byte = 0;
        if (!settle(c, read_aligned(c, addr + i, 1, &byte), addr + i)) {
            return false;
        }
        whole |= (byte & 0xFF) << 8 * i;
    }
    *value = whole;
    return true;
}

bool mem_store_slow(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    if (!check_access(c, addr, n_bytes, MPU_WRITE)) {
        return false;
    }
    if ((addr & (n_bytes - 1)) == 0) {
        const uint32_t mask = n_bytes == 4 ? 0xFFFFFFFFu : (1u << 8 * n_bytes) - 1;
        return settle(c, write_aligned(c, addr, n_bytes, value & mask), addr);
    }
    for (unsigned i = 0; i < n_bytes; i++) {
        if (!settle(c, write_aligned(c, addr + i, 1, value >> 8 * i & 0xFF), addr + i)) {
            return false;
        }
    }
    return true;
}

enum mem_result mem_read_word(struct cpu *c, uint32_t addr, bool is_vector, uint32_t *value)
{
    if (!is_vector && !mpu_allows(c, addr, MPU_READ, exc_is_privileged(c))) {
        return MEM_PROTECTED;
    }
    return read_region(c, addr, 4, value);
}

enum mem_result mem_write_word(struct cpu *c, uint32_t addr, uint32_t value)
{
    if (!mpu_allows(c, addr, MPU_WRITE, exc_is_privileged(c))) {
        return MEM_PROTECTED;
    }
    return write_region(c, addr, 4, value);
}

/* --- decoded instructions that are no longer so --------------------------------------------------- */

static void forget(const struct code_region *region, uint32_t off, size_t n_bytes)
{
    if (!region->bytes || off >= region->n_bytes) {
        return;
    }
    const size_t room = region->n_bytes - off;
    const size_t n = n_bytes < room ? n_bytes : room;
    const size_t first = off >= 2 ? (off - 2) >> 1 : 0; /* a 32-bit instruction may begin before */
    const size_t last = (off + n - 1) >> 1;
    for (size_t i = first; i <= last; i++) {
        if (region->ops[i].fn) { /* read first: an untouched page stays untouched */
            region->ops[i].fn = NULL;
        }
    }
}

void mem_code_written(struct cpu *c, uint32_t addr, uint32_t n_bytes)
{
    forget(&c->sram_code, addr - CPU_SRAM_BASE, n_bytes);
    if (c->alias_code.bytes == c->sram) {
        forget(&c->alias_code, addr - CPU_SRAM_BASE, n_bytes);
    }
}

void cpu_code_changed(struct cpu *c, uint32_t addr, size_t n_bytes)
{
    if (n_bytes == 0) {
        return;
    }
    if (is_in(addr, CPU_FLASH_BASE, c->flash_bytes)) {
        forget(&c->flash_code, addr - CPU_FLASH_BASE, n_bytes);
        if (mem_alias_is_flash(c)) {
            forget(&c->alias_code, addr - CPU_FLASH_BASE, n_bytes);
        }
    } else if (is_in(addr, CPU_SRAM_BASE, c->sram_bytes)) {
        const uint32_t off = addr - CPU_SRAM_BASE;
        for (size_t page = off / PAGE_BYTES;
             page <= (off + n_bytes - 1) / PAGE_BYTES && page < c->sram_bytes / PAGE_BYTES; page++) {
            if (c->sram_has_code[page]) {
                const uint32_t start = (uint32_t)page * PAGE_BYTES;
                mem_code_written(c, CPU_SRAM_BASE + start, PAGE_BYTES);
            }
        }
    }
}

void cpu_set_alias(struct cpu *c, const uint8_t *bytes, size_t n_bytes)
{
    struct code_region *alias = &c->alias_code;
    if (alias->bytes == bytes && alias->n_bytes == n_bytes) {
        return;
    }
    if (alias->bytes) {
        forget(alias, 0, alias->n_bytes);
    }
    if (n_bytes > alias->n_ops * 2) {
        free(alias->ops);
        alias->n_ops = n_bytes / 2 + 1;
        alias->ops = calloc(alias->n_ops, sizeof *alias->ops);
    }
    alias->base = 0;
    alias->bytes = alias->ops ? bytes : NULL;
    alias->n_bytes = alias->bytes ? (uint32_t)n_bytes : 0;
}
