/**
 * Symbols of an ELF file: where a function of the firmware is.
 */
#ifndef BENCH_SYMBOL_H
#define BENCH_SYMBOL_H

#include <stdbool.h>
#include <stdint.h>

struct symbol {
    uint32_t addr; /* without the bit that says Thumb */
    uint32_t n_bytes;
};

/** @return false: the file cannot be read, or has no symbol of that name; `out` is then untouched */
bool symbol_find(const char *elf_path, const char *name, struct symbol *out);

#endif
