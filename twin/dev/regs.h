/**
 * Small helpers that the models share: narrow accesses to 32-bit registers, and the checks that every
 * register needs.
 */
#ifndef DEV_REGS_H
#define DEV_REGS_H

#include "bus/dev.h"

/** Ones in the lowest `n_bytes` (1, 2, 4) bytes. */
static inline uint32_t regs_mask(unsigned n_bytes)
{
    return n_bytes == 4 ? 0xFFFFFFFFU : (1U << (8U * n_bytes)) - 1U;
}

/** The bytes of `reg` that an access of `n_bytes` at `off` sees. */
static inline uint32_t regs_extract(uint32_t reg, uint32_t off, unsigned n_bytes)
{
    uint32_t lane = reg >> (8U * (off & 3U));
    return lane & regs_mask(n_bytes);
}

/** `reg` after a write of `n_bytes` at `off`. */
static inline uint32_t regs_merge(uint32_t reg, uint32_t off, unsigned n_bytes, uint32_t value)
{
    uint32_t mask = regs_mask(n_bytes);
    unsigned shift = 8U * (off & 3U);
    return (reg & ~(mask << shift)) | ((value & mask) << shift);
}

/** Report bits of `value` outside `allowed`: they must be kept at their reset value. */
static inline void regs_reserved(struct dev *dev, const char *reg, uint32_t value, uint32_t allowed)
{
    if (value & ~allowed) {
        chip_violation(dev->chip, "%s: reserved bits 0x%08X written to %s", dev->name,
                       (unsigned)(value & ~allowed), reg);
    }
}

/** Report a function that is switched on and not modelled. */
static inline void regs_unmodelled(struct dev *dev, const char *what, uint32_t bits)
{
    if (bits) {
        chip_violation(dev->chip, "%s: %s is not modelled", dev->name, what);
    }
}

/** Report an access where the manual has no register. */
static inline void regs_hole(struct dev *dev, uint32_t off)
{
    chip_violation(dev->chip, "%s: no register at offset 0x%02X", dev->name, (unsigned)off);
}

/** Report a write to a register that can only be read. */
static inline void regs_read_only(struct dev *dev, const char *reg)
{
    chip_violation(dev->chip, "%s: write to %s, which is read-only", dev->name, reg);
}

#endif
