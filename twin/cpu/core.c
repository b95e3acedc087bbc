/* What every file of the core may call: nothing in here calls back into one of them. */
#include "core.h"

void core_refresh(struct cpu *c)
{
    const bool is_checked = (c->s.mpu.ctrl & 1) || (c->s.ccr & CCR_UNALIGN_TRP) || c->unprivileged_access;
    const bool mpu_on = c->s.mpu.ctrl & 1;
    c->sram_fast = is_checked ? 0 : c->sram_bytes - 3;
    c->flash_fast = is_checked || c->flash_watched || !c->s.flash_open ? 0 : c->flash_bytes - 3;
    c->sram_fetch = mpu_on ? 0 : c->sram_bytes - 1;
    c->flash_fetch = mpu_on || !c->s.flash_open ? 0 : c->flash_bytes - 1;
}

void core_violation(struct cpu *c, const char *text)
{
    if (c->violation) {
        c->violation(c->violation_ctx, text);
    }
}
