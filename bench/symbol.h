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

enum { SYMBOL_NAME_BYTES = 48 };

/** Functions of a file, for symbol_at. Free with symbols_free. */
struct symbol_list {
    uint32_t n;
    struct named_symbol {
        struct symbol symbol;
        char name[SYMBOL_NAME_BYTES];
    } * at;
};

/** @return false: the file cannot be read, has no functions, or memory is short */
bool symbols_read(const char *elf_path, struct symbol_list *out);

/** Name of the function that has `addr`, NULL if none has. Functions without a size have what lies up to the
 * next. */
const char *symbol_at(const struct symbol_list *list, uint32_t addr);

void symbols_free(struct symbol_list *list);

#endif
