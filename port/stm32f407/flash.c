#include "f407/flash.h"

#include <stdbool.h>

#include "base/flash_map.h"
#include "f407/iwdg.h"
#include "f407/supply.h"
#include "stm32f407xx.h"

enum {
    KEY1 = 0x45670123,
    /* A wait loop takes at least 5 cycles of at most 168 MHz, so these loops last longer than the datasheet's
     * maxima; at a slower clock they last longer still, but they end. */
    PROGRAM_MAX_LOOPS = 2 * FLASH_PROGRAM_MAX_US * (168 / 5 + 1),
    ERASE_MAX_LOOPS = 2 * FLASH_ERASE_MAX_MS * (168000 / 5),
    SMALL_SECTORS = 4 /* 16 KB each; sector 4 has 64 KB, the others 128 KB (RM0090 table 5) */
};

#define KEY2       0xCDEF89ABU
#define BLANK      0xFFFFFFFFU
#define SR_ERRORS  (FLASH_SR_WRPERR | FLASH_SR_PGAERR | FLASH_SR_PGPERR | FLASH_SR_PGSERR)
#define SR_FLAGS   (SR_ERRORS | FLASH_SR_EOP | FLASH_SR_SOP)
#define SR_DIFFERS (1U << 31) /* not of the hardware */
#define CR_X32     FLASH_CR_PSIZE_1

/* What the code in RAM has to do: an erase, or a run of words. */
struct ram_op {
    uint32_t cr;             /* FLASH_CR of the operation */
    volatile uint32_t *word; /* first to program; for an erase FLASH_CR itself */
    const uint32_t *values;  /* one a word; for an erase FLASH_CR with STRT */
    uint32_t n_words;        /* 1 for an erase */
    uint32_t max_loops;
    uint32_t basepri;
    const struct flash *flash; /* has the overlapped work, which an erase never runs: CR is no last word */
};

extern uint32_t ram_code_start[];
extern uint32_t ram_code_end[];
extern const uint32_t ram_code_load[];

void f407_flash_load_ram_code(void)
{
    const uint32_t *from = ram_code_load;
    uint32_t *to = ram_code_start;
    do { /* every boot service does this first: 3.5 cycles a word instead of 10 */
        __asm volatile("ldmia %0!, {r2-r5}\n\tstmia %1!, {r2-r5}"
                       : "+l"(from), "+l"(to)
                       :
                       : "r2", "r3", "r4", "r5", "memory");
    } while (to < ram_code_end);
    __DSB();
    __ISB();
}

/*
 * Carry out an erase or a run of words, and wait for its end. Runs from RAM and calls nothing. Returns
 * FLASH_SR of the last operation: BSY still set means it did not end in time. SR_DIFFERS: a word is neither
 * blank nor to become 0, or does not read as written; the words after it are untouched.
 *
 * While the last of 16 words is under way, the overlapped work reads them.
 *
 * The data cache is off meanwhile, so each look at a word is one at the array. Both caches are emptied at the
 * end; that can be done only while they are off (RM0090 3.9.1).
 */
__attribute__((section(".ram_code"), noinline, long_call)) static uint32_t ram_run(const struct ram_op *op)
{
    const uint32_t primask = __get_PRIMASK();
    const uint32_t basepri = __get_BASEPRI();
    const uint32_t acr = FLASH->ACR;
    const uint32_t cr = op->cr;
    const uint32_t mask = op->basepri;
    const uint32_t *value = op->values;
    volatile uint32_t *word = op->word;
    uint32_t n_left = op->n_words;
    uint32_t sr = 0;
    FLASH->ACR = acr & ~FLASH_ACR_DCEN;
    FLASH->SR = SR_FLAGS; /* of before; a flag from now on ends the run */
    do {
        const uint32_t wanted = *value++;
        if (cr & FLASH_CR_PG) {
            /* A program only clears bits, and silently (RM0090 3.6.4). So a word must be blank before; 0,
             * with which the journal kills and marks, is right over anything. */
            if (*word != BLANK && wanted != 0) {
                sr = SR_DIFFERS;
                break;
            }
        }
        /* No application runs, or it has not asked for its interrupts: then all are masked. Otherwise only
         * those of the given priority and below, and for one word or one erase at a time. */
        if (mask == 0) {
            __disable_irq();
        }
        __set_BASEPRI_MAX(mask); /* 0: without effect (PM0214 2.1.3) */
        if (wanted != BLANK) {
            FLASH->CR = cr;
            *word = wanted;
            __DSB();
        }
        if (flash_is_overlap_due(op->flash, (uint32_t)word)) {
            op->flash->overlap(op->flash->overlap_ctx, value - FLASH_OVERLAP_WORDS);
        }
        uint32_t i = op->max_loops;
        do {
            sr = FLASH->SR;
        } while ((sr & FLASH_SR_BSY) && --i != 0);
        if (sr == 0) {
            FLASH->CR = CR_X32; /* a write while busy would stall the bus (RM0090 3.9.6) */
            if ((cr & FLASH_CR_PG) && *word != wanted) {
                sr = SR_DIFFERS;
            }
        }
        __set_BASEPRI(basepri);
        __set_PRIMASK(primask);
    } while (word++, --n_left != 0 && sr == 0);
    uint32_t off = acr & ~(FLASH_ACR_ICEN | FLASH_ACR_DCEN);
    FLASH->ACR = off;
    FLASH->ACR = off | FLASH_ACR_ICRST | FLASH_ACR_DCRST;
    FLASH->ACR = off;
    FLASH->ACR = acr;
    return sr;
}

/* Prepare for writing. A wrong key sequence locks the registers
 * until reset, so it is sent only when locked. */
static enum fota_err unlock(void)
{
    /* x32 programming below 2.7 V may seem to work and not last (RM0090 3.6.2): so nothing is begun then. */
    if (!supply_is_good()) {
        return E_FLASH_SUPPLY;
    }
    if (FLASH->CR & FLASH_CR_LOCK) {
        FLASH->KEYR = KEY1;
        FLASH->KEYR = KEY2;
    }
    return FLASH->CR & FLASH_CR_LOCK ? E_FLASH_PROTECTED : FOTA_OK;
}

/* Run one operation of this flash and judge its flags. The registers are locked again in any case. */
static enum fota_err carry_out(struct flash *base, struct ram_op *op, enum fota_err failed)
{
    enum fota_err err = unlock();
    if (err) {
        return err;
    }
    op->basepri = ((const struct f407_flash *)base)->basepri;
    op->flash = base;
    uint32_t sr = ram_run(op);
    FLASH->CR |= FLASH_CR_LOCK;
    /* The most serious first: while the flash is still busy, the other flags say nothing yet. */
    if (sr & FLASH_SR_BSY) {
        return E_FLASH_TIMEOUT;
    }
    if (sr & FLASH_SR_WRPERR) {
        return E_FLASH_PROTECTED;
    }
    if (sr & SR_ERRORS) {
        return failed;
    }
    return sr ? E_FLASH_VERIFY : FOTA_OK;
}

/* RM0090 table 5 as far as it may be written: four sectors of 16 KB, then all of 128 KB; sector 4, the one of
 * 64 KB, is never written. */
static uint32_t sector_shift(bool is_small)
{
    return is_small ? 14 : 17;
}

static uint32_t sector_base(uint32_t sector)
{
    return FLASH_MAP_BASE + (sector < SMALL_SECTORS ? sector << sector_shift(true)
                                                    : (sector - SMALL_SECTORS) << sector_shift(false));
}

static uint32_t sector_of(uint32_t addr)
{
    uint32_t off = addr - FLASH_MAP_BASE;
    return off >> sector_shift(true) < SMALL_SECTORS ? off >> sector_shift(true)
                                                     : SMALL_SECTORS + (off >> sector_shift(false));
}

/* Sectors 0, 2 and 4 are never written, whatever mask the owner gives: a wrong mask cannot destroy the
 * root. */
static bool may_write(const struct f407_flash *flash, uint32_t sector)
{
    return sector < FLASH_SECTORS && (flash->sectors & ~(uint32_t)FLASH_NEVER_WRITTEN) >> sector & 1;
}

/* Four words a turn: of 128 KB there are many. */
static bool is_blank(uint32_t addr, uint32_t n_words)
{
    const volatile uint32_t *word = (const volatile uint32_t *)addr;
    const volatile uint32_t *end = word + n_words;
    uint32_t all = BLANK;
    for (; word != end && all == BLANK; word += 4) {
        all = word[0] & word[1] & word[2] & word[3];
    }
    return all == BLANK;
}

/* The watchdog is fed before: an erase takes up to 2 s, during which nobody else may get the chance to. After
 * it each word is read, because a sector near the end of its life may report success and not be blank. */
static enum fota_err erase_sector(struct flash *base, uint32_t sector)
{
    struct f407_flash *flash = (struct f407_flash *)base;
    if (!may_write(flash, sector)) {
        return E_FLASH_RANGE;
    }
    iwdg_feed();
    const uint32_t cr = CR_X32 | FLASH_CR_SER | sector << FLASH_CR_SNB_Pos;
    const uint32_t start = cr | FLASH_CR_STRT;
    struct ram_op op = {
        .cr = cr, .word = &FLASH->CR, .values = &start, .n_words = 1, .max_loops = ERASE_MAX_LOOPS};
    enum fota_err err = carry_out(base, &op, E_FLASH_ERASE);
    if (err) {
        return err;
    }
    return is_blank(sector_base(sector), 1U << sector_shift(sector < SMALL_SECTORS) >> 2) ? FOTA_OK
                                                                                          : E_FLASH_NOT_BLANK;
}

static enum fota_err program(struct flash *base, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    const struct f407_flash *flash = (const struct f407_flash *)base;
    if (addr % 4 != 0) {
        return E_FLASH_ALIGN;
    }
    if (n_words == 0) {
        return FOTA_OK;
    }
    /* The first and the last word are looked at. Sectors in between are the owner's too, because every
     * caller stays within one area of the map. */
    if (n_words > FLASH_MAP_BYTES / 4 || !may_write(flash, sector_of(addr)) ||
        !may_write(flash, sector_of(addr + 4 * n_words - 4))) {
        return E_FLASH_RANGE;
    }
    struct ram_op op = {.cr = CR_X32 | FLASH_CR_PG,
                        .word = (volatile uint32_t *)addr,
                        .values = words,
                        .n_words = n_words,
                        .max_loops = PROGRAM_MAX_LOOPS};
    return carry_out(base, &op, E_FLASH_PROGRAM);
}

static enum fota_err read(struct flash *base, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    (void)base;
    uint32_t off = addr - FLASH_MAP_BASE;
    if (addr % 4 != 0) {
        return E_FLASH_ALIGN;
    }
    if (off >= FLASH_MAP_BYTES || n_words > (FLASH_MAP_BYTES - off) / 4) {
        return E_FLASH_RANGE;
    }
    /* The data cache was emptied after the last write, but cells that a cut left marginal read differently
     * from time to time: past the cache, each look is a new one. */
    uint32_t acr = FLASH->ACR;
    FLASH->ACR = acr & ~FLASH_ACR_DCEN;
    const volatile uint32_t *from = (const volatile uint32_t *)addr;
    for (uint32_t i = 0; i < n_words; i++) {
        words[i] = from[i];
    }
    FLASH->ACR = acr;
    return FOTA_OK;
}

void f407_flash_open(struct f407_flash *flash, uint32_t sectors)
{
    static const struct flash_ops flash_ops = {
        .erase_sector = erase_sector, .program = program, .read = read};
    *flash = (struct f407_flash){.flash = {.ops = &flash_ops}, .sectors = sectors};
}
