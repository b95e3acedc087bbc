/**
 * The state of FLASH and its operations; for flash_if.c, which has the registers and the rules of who may begin one.
 */
#ifndef FLASH_OP_H
#define FLASH_OP_H

#include "dev/flash_if.h"

#include "flash_regs.h"

enum op_kind { OP_NONE, OP_PROGRAM, OP_ERASE, OP_MASS_ERASE, OP_OPTIONS };

/** The operation under way. */
struct flash_op {
    uint32_t kind;
    uint32_t addr;
    uint32_t n_bytes;
    uint32_t sector;
    uint8_t value[8];
    uint64_t end_ps;
    uint64_t number;
};

struct flash_plan {
    uint64_t op; /* 0: free */
    struct flash_cut_pair cut;
};

/** Lost by reset. */
struct flash_volatile {
    uint32_t acr;
    uint32_t sr;
    uint32_t cr;
    uint32_t optcr;
    uint32_t key_step; /* 0, 1: first key seen; 2: locked until reset */
    uint32_t optkey_step;
    bool is_planned; /* the cut under way: */
    struct flash_cut_pair cut;
    uint32_t dcache_used;  /* 1: DCEN was on since the cache was reset */
    uint32_t dcache_stale; /* bit n: sector n was erased meanwhile */
    struct flash_op op;
};

struct flash_state {
    struct flash_volatile v;
    uint32_t options; /* non-volatile, as OPTCR without its lock bits */
    uint8_t otp[FLASH_IF_OTP_BYTES];
    uint8_t option_bytes[OPTION_BYTES];
    struct flash_plan plan[FLASH_IF_MAX_PLANS];
    struct flash_if_stats stats;
};

struct flash_if {
    struct dev dev;
    struct flash_state s;
    struct flash_if_config config;
    struct flash_cells *cells;
    uint8_t *array;
    unsigned done_event;
    unsigned cut_event;
};

/** PSIZE of CR: the width of programs and erases is 8 << this (RM0090 table 7). */
unsigned flash_op_psize(const struct flash_if *f);

/** Set error flags of SR. OPERR comes with them only if its interrupt is enabled (RM0090 3.9.7). */
void flash_op_raise(struct flash_if *f, uint32_t flags);

/** Bring the interrupt line in line with SR and CR. */
void flash_op_update_irq(struct flash_if *f);

bool flash_op_is_protected(const struct flash_if *f, unsigned sector);

/** The option bytes as memory shows them (RM0090 table 14): RDP and user at +0, nWRP at +8. */
void flash_op_set_options(struct flash_if *f, uint32_t optcr);

/** Where an address of the array or of the one-time area is kept. */
uint8_t *flash_op_bytes_at(struct flash_if *f, uint32_t addr);

/**
 * The planned cut of operation number `op`; 0: a free place for one.
 * @return NULL: there is none
 */
struct flash_plan *flash_op_plan_for(struct flash_if *f, uint64_t op);

/** Begin an operation; its number and its end are filled in. */
void flash_op_begin(struct flash_if *f, const struct flash_op *op);

/**
 * Whoever writes to the array or CR while BSY waits on the AHB (RM0090 3.5.1).
 * @return false: drop the write
 */
bool flash_op_wait(struct flash_if *f);

/** Reset or power loss: leave of the operation under way what the plan or the seed says. */
void flash_op_tear(struct flash_if *f);

/** Ask to be told of loads, if a stale line of the data cache could show. */
void flash_op_watch_dcache(struct flash_if *f);

/** Words of the sector that `off` is in read otherwise than before. */
void flash_op_code_upset(struct flash_if *f, uint32_t off);

/* What the chip calls; `ctx` is the struct flash_if. */
void flash_op_done(void *ctx);
void flash_op_cut(void *ctx);
void flash_op_loaded(void *ctx, uint32_t addr);

#endif
