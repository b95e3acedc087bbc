/* MPU, eight regions (ARMv7-M ARM B3.5, PM0214 4.2). Memory attributes but XN
 * have no effect here: there is no cache. */
#include "core.h"

enum { TYPE = 0, CTRL = 4, RNR = 8, RBAR = 0xC, RASR = 0x10, ALIAS_END = 0x2C };
enum { CTRL_ENABLE = 1, CTRL_HFNMIENA = 2, CTRL_PRIVDEFENA = 4, RBAR_VALID = 0x10, RASR_ENABLE = 1 };
#define RASR_XN 0x10000000u

uint32_t mpu_read(const struct cpu *c, uint32_t off)
{
    const struct mpu *m = &c->s.mpu;
    switch (off) {
    case TYPE:
        return MPU_REGIONS << 8;
    case CTRL:
        return m->ctrl;
    case RNR:
        return m->rnr;
    default:
        if (off > ALIAS_END) {
            return 0;
        }
        return (off & 7) == 4 ? (m->rbar[m->rnr] & ~0x1Fu) | m->rnr : m->rasr[m->rnr];
    }
}

void mpu_write(struct cpu *c, uint32_t off, uint32_t value)
{
    struct mpu *m = &c->s.mpu;
    switch (off) {
    case TYPE:
        break;
    case CTRL:
        m->ctrl = value & 7;
        break;
    case RNR:
        m->rnr = value & (MPU_REGIONS - 1);
        break;
    default:
        if (off > ALIAS_END) {
            break;
        }
        if ((off & 7) == 4) { /* RBAR and its aliases */
            if (value & RBAR_VALID) {
                m->rnr = value & (MPU_REGIONS - 1);
            }
            m->rbar[m->rnr] = value & ~0x1Fu;
        } else {
            m->rasr[m->rnr] = value;
        }
        break;
    }
    core_refresh(c);
}

static bool region_matches(const struct mpu *m, unsigned i, uint32_t addr)
{
    const uint32_t rasr = m->rasr[i];
    const unsigned size = (rasr >> 1 & 31) + 1;
    if (!(rasr & RASR_ENABLE) || size < 5) {
        return false;
    }
    const uint32_t off = addr - (m->rbar[i] & (size < 32 ? ~((1u << size) - 1) : 0));
    if (size < 32 && off >> size) {
        return false;
    }
    return size < 8 || !(rasr >> 8 >> (off >> (size - 3) & 7) & 1);
}

static bool permits(uint32_t rasr, enum mpu_access access, bool privileged)
{
    /* AP: 0 none, 1 P rw, 2 P rw U r, 3 all, 5 P r, 6 and 7 all r */
    static const uint8_t read_ok[8] = {0, 2, 3, 3, 0, 2, 3, 3};
    static const uint8_t write_ok[8] = {0, 2, 2, 3, 0, 0, 0, 0};
    const unsigned ap = rasr >> 24 & 7;
    const uint8_t who = privileged ? 2 : 1;
    if (access == MPU_EXECUTE && (rasr & RASR_XN)) {
        return false;
    }
    return (access == MPU_WRITE ? write_ok : read_ok)[ap] & who;
}

bool mpu_allows(const struct cpu *c, uint32_t addr, enum mpu_access access, bool privileged)
{
    const struct mpu *m = &c->s.mpu;
    const bool in_fault = c->s.ipsr == EXC_HARD || c->s.ipsr == EXC_NMI || c->s.faultmask;
    if (!(m->ctrl & CTRL_ENABLE) || (in_fault && !(m->ctrl & CTRL_HFNMIENA)) || addr >= 0xE0000000) {
        return true;
    }
    for (unsigned i = MPU_REGIONS; i-- > 0;) {
        if (region_matches(m, i, addr)) {
            return permits(m->rasr[i], access, privileged);
        }
    }
    return privileged && (m->ctrl & CTRL_PRIVDEFENA);
}
