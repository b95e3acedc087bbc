/**
 * FLASH, embedded flash memory interface (RM0090 chapter 3, STM32F405/407; timing DS8626 tables 40 and 42):
 * array, one-time area, option bytes, registers.
 *
 * Rules enforced: key sequences (a wrong one is a bus error and locks until reset), LOCK, PG/SER/MER/STRT,
 * PSIZE against access width and supply, alignment, write protection, BSY, EOP and OPERR only with their
 * interrupt enables, wait states against HCLK and supply. Programming clears bits only (AND). A value with a
 * one where the cell holds a zero is a violation (RM0090 3.6.4); so is, in the array, any value but zero over a
 * cell that is not blank (axiom F3). Zero over anything is none, nor are cleared bits in the one-time area.
 * While an operation runs, the chip's flash is closed for reads; writes to CR and to the array wait.
 *
 * The array changes when an operation ends. A reset or power loss before leaves what flash_model.h says, by
 * plan or by seed; suspect words are known from then on (flash_faults.h), and a non-zero program on one is a
 * violation.
 */
#ifndef DEV_FLASH_IF_H
#define DEV_FLASH_IF_H

#include "bus/dev.h"
#include "dev/flash_faults.h"

enum {
    FLASH_IF_BYTES = 0x100000, /* of the largest part */
    FLASH_IF_SECTORS = 12,
    FLASH_IF_OTP_BYTES = 528, /* 16 blocks of 32 bytes, 16 lock bytes */
    FLASH_IF_MAX_PLANS = 8
};

/** Factory value of FLASH_OPTCR: no protection, BOR off, software watchdog, but locked (RM0090 3.9.10). */
#define FLASH_IF_OPTCR_FACTORY 0x0FFFAAEDU

struct flash_if_config {
    bool maximum_timing; /* DS8626 maximum instead of typical */
    bool hasty_timing;   /* erases and programs in microseconds: no chip */
    bool is_revision_a;  /* prefetch is a violation (ES0182) */
    uint32_t n_sectors;  /* of the part, 1..FLASH_IF_SECTORS; 0: all of them */
    uint64_t seed;       /* of torn cells */
};

/** Counters since creation; they survive resets and power. */
struct flash_if_stats {
    uint64_t ops; /* programs and erases begun; the n-th has number n */
    uint64_t programs;
    uint64_t programs_in[FLASH_IF_SECTORS]; /* of the array only */
    uint64_t erases[FLASH_IF_SECTORS];
    uint64_t busy_ps;
    uint64_t torn;
};

/**
 * Put "FLASH", its array and the one-time area on the bus.
 * @param array  FLASH_IF_BYTES, kept by the caller
 */
struct dev *flash_if_attach(struct chip *chip, uint8_t *array, const struct flash_if_config *config);

/** The counters; valid as long as the chip. */
const struct flash_if_stats *flash_if_stats(const struct dev *flash);

/**
 * Plan a power cut at operation number `op` (1 is the first since creation): the supply goes when the
 * operation has done what `cut` says.
 * @return false: the plan is full (FLASH_IF_MAX_PLANS) or the operation has been
 */
bool flash_if_plan_cut(struct dev *flash, uint64_t op, struct flash_cut_pair cut);
/** Forget every plan. */
void flash_if_forget_plans(struct dev *flash);

/** What is behind the words of the array. */
struct flash_cells *flash_if_cells(struct dev *flash);
/**
 * Factory programmer: put bytes into the array, blank or solid.
 * @param off  in the array, with n_bytes
 */
void flash_if_store(struct dev *flash, uint32_t off, const void *bytes, uint32_t n_bytes);
/**
 * Factory programmer: put bytes into the one-time area, lock bytes at its end.
 * @param off  in it, with n_bytes
 */
void flash_if_store_otp(struct dev *flash, uint32_t off, const void *bytes, uint32_t n_bytes);
/** For the board, whenever the core starts after a reset: flaky words read anew. */
void flash_if_boot(struct dev *flash);
/** From now on the sector (0..11) is worn out. The part has no flag for it: only a look at the array shows
 * it. */
void flash_if_wear(struct dev *flash, unsigned sector, enum flash_wear wear);

/** Factory programmer: set option bytes as FLASH_OPTCR shows them (lock bits ignored). In force from the next
 * reset. */
void flash_if_set_options(struct dev *flash, uint32_t optcr);

/** Option bytes as they are stored, lock bits 0. */
uint32_t flash_if_options(const struct dev *flash);

/** Sector of a byte offset in the array; FLASH_IF_SECTORS if outside. */
unsigned flash_if_sector(uint32_t off);
/** First offset of a sector; of FLASH_IF_SECTORS: the end. */
uint32_t flash_if_sector_off(unsigned sector);

#endif
