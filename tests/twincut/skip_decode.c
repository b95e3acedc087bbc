/* DDI 0403E A5: encodings of loads as a Cortex-M4 has them. */
#include "skip_decode.h"

enum { LOW_REGISTERS = 0xFF, NOT_PC = 0x7FFF };

static uint32_t narrow(uint32_t op)
{
    uint32_t high_rt = 1U << (op >> 8 & 7);
    uint32_t low_rt = 1U << (op & 7);
    switch (op >> 11) {
    case 0x09: /* LDR literal */
    case 0x13: /* LDR from the stack */
        return high_rt;
    case 0x0A: /* register offset: 101 0ooo, load from 011 on */
    case 0x0B:
        return (op >> 9 & 7) >= 3 ? low_rt : 0;
    case 0x0D: /* LDR */
    case 0x0F: /* LDRB */
    case 0x11: /* LDRH */
        return low_rt;
    case 0x19: /* LDM */
        return op & LOW_REGISTERS;
    case 0x17: /* POP among others */
        return (op >> 9) == 0x5E ? op & LOW_REGISTERS : 0;
    default:
        return 0;
    }
}

static uint32_t wide(uint32_t first, uint32_t second)
{
    uint32_t rt = 1U << (second >> 12);
    uint32_t is_load = first >> 4 & 1;
    if (!is_load) {
        return 0;
    }
    if (first >> 9 == 0x74) {
        if (!(first >> 6 & 1)) {
            return second & NOT_PC; /* LDM */
        }
        if ((first & 0x0120) != 0) {
            return (rt | 1U << (second >> 8 & 15)) & NOT_PC; /* LDRD */
        }
        return (first & 0x0080) == 0 ? rt & NOT_PC
                                     : 0; /* LDREX; the others are TBB, TBH and byte exclusives */
    }
    return first >> 9 == 0x7C ? rt & NOT_PC : 0;
}

uint32_t skip_loaded_registers(uint16_t first, uint16_t second)
{
    return first >> 11 >= 0x1D ? wide(first, second) : narrow(first);
}
