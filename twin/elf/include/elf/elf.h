/**
 * ELF files of the firmware: what is to be loaded, and where functions are. The one reader of this project: the twin
 * loads with it, `fota` takes the root from it, the benches name functions with it.
 *
 * Works on a file that is in memory. A file that is broken in any way is an error and never a read outside it.
 */
#ifndef ELF_ELF_H
#define ELF_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_SEGMENTS_MAX = 32 /* more than any firmware has */ };

/** Bytes [off, off + n_bytes) of the file belong at addr (the physical one, where they lie in flash). */
struct elf_segment {
    uint32_t off;
    uint32_t addr;
    uint32_t n_bytes;
};

struct elf_symbol {
    const char *name; /* in the file */
    uint32_t addr;    /* without the bit that says Thumb */
    uint32_t n_bytes; /* 0: not told */
    bool is_function;
};

/** Does it begin as an ELF file does? */
bool elf_is(const uint8_t *file, size_t n_bytes);

/**
 * The segments with contents that are to be loaded, of a linked program for 32-bit ARM.
 * @param room       places in `segments`, ELF_SEGMENTS_MAX say
 * @param why        what is wrong, in words
 * @param why_bytes  its size
 * @return how many, at least 1; -1: `why` says why not
 */
int elf_segments(const uint8_t *file, size_t n_bytes, struct elf_segment *segments, size_t room, char *why,
                 size_t why_bytes);

/**
 * What elf_symbols calls for each symbol.
 * @return true: enough, stop here
 */
typedef bool elf_take_symbol(void *ctx, const struct elf_symbol *symbol);

/**
 * Walk through the symbol table, in its order.
 * @return true if `take` stopped it; false: it came to the end, or there is no table
 */
bool elf_symbols(const uint8_t *file, size_t n_bytes, elf_take_symbol *take, void *ctx);

#endif
