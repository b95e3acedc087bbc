/* Instruction fetch: the checks of an execution, and the decode cache (ARMv7-M ARM B3.1). An instruction is decoded
 * when it is first fetched; memory.c forgets it when its bytes are written. */
#include "core.h"

static uint32_t halfword(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

struct op *fetch_decode(struct cpu *c, const struct code_region *region, uint32_t off)
{
    struct op *op = &region->ops[off >> 1];
    const uint32_t hw1 = halfword(region->bytes + off);
    const uint32_t hw2 = off + 4 <= region->n_bytes ? halfword(region->bytes + off + 2) : 0;
    decode_op(region->base + off, hw1, hw2, op);
    if (region == &c->sram_code) {
        c->sram_has_code[off >> CODE_PAGE_SHIFT] = 1;
        c->sram_has_code[(off + 2) >> CODE_PAGE_SHIFT] = 1;
    }
    return op;
}

static const struct op *fetch_from(struct cpu *c, const struct code_region *region, uint32_t off,
                                   bool is_flash)
{
    if (is_flash && !mem_flash_ready(c)) {
        return NULL;
    }
    const struct op *op = &region->ops[off >> 1];
    return op->fn ? op : fetch_decode(c, region, off);
}

const struct op *fetch_checked(struct cpu *c, uint32_t pc)
{
    if (!mpu_allows(c, pc, MPU_EXECUTE, exc_is_privileged(c))) {
        exc_fault(c, CFSR_IACCVIOL);
        return NULL;
    }
    if (pc - CPU_FLASH_BASE < c->flash_bytes - 1) {
        return fetch_from(c, &c->flash_code, pc - CPU_FLASH_BASE, true);
    }
    if (pc - CPU_SRAM_BASE < c->sram_bytes - 1) {
        return fetch_from(c, &c->sram_code, pc - CPU_SRAM_BASE, false);
    }
    if (c->alias_code.bytes && pc < c->alias_code.n_bytes - 1) {
        return fetch_from(c, &c->alias_code, pc, mem_alias_is_flash(c));
    }
    /* CCM hangs on the data bus only (RM0090 2.1). */
    exc_fault(c, mem_is_device(pc) ? CFSR_IACCVIOL : CFSR_IBUSERR);
    return NULL;
}
