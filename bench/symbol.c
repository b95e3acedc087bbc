/* Functions of the firmware by name and by address. */
#include "symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf.h"
#include "release/file.h"

enum { ELF_MAX_BYTES = 16 << 20 };

struct search {
    const char *name;
    struct symbol *out;
};

static bool is_wanted(void *ctx, const struct elf_symbol *symbol)
{
    const struct search *search = ctx;
    if (strcmp(symbol->name, search->name) != 0) {
        return false;
    }
    *search->out = (struct symbol){symbol->addr, symbol->n_bytes};
    return true;
}

bool symbol_find(const char *elf_path, const char *name, struct symbol *out)
{
    uint8_t *elf = NULL;
    size_t n_bytes = 0;
    struct search search = {name, out};
    if (file_read(elf_path, ELF_MAX_BYTES, &elf, &n_bytes, NULL)) {
        return false;
    }
    bool is_found = elf_symbols(elf, n_bytes, is_wanted, &search);
    free(elf);
    return is_found;
}

/* Functions only: marks of the linker script have the addresses of functions, too. */
static bool count_function(void *ctx, const struct elf_symbol *symbol)
{
    uint32_t *n = ctx;
    *n += symbol->is_function;
    return false;
}

static bool take_function(void *ctx, const struct elf_symbol *symbol)
{
    struct symbol_list *list = ctx;
    if (symbol->is_function) {
        struct named_symbol *to = &list->at[list->n++];
        to->symbol = (struct symbol){symbol->addr, symbol->n_bytes};
        (void)snprintf(to->name, sizeof to->name, "%s", symbol->name);
    }
    return false;
}

bool symbols_read(const char *elf_path, struct symbol_list *out)
{
    uint8_t *elf = NULL;
    size_t n_bytes = 0;
    uint32_t n = 0;
    *out = (struct symbol_list){0};
    if (file_read(elf_path, ELF_MAX_BYTES, &elf, &n_bytes, NULL)) {
        return false;
    }
    (void)elf_symbols(elf, n_bytes, count_function, &n);
    out->at = calloc((size_t)n + 1, sizeof *out->at);
    if (out->at) {
        (void)elf_symbols(elf, n_bytes, take_function, out);
    }
    free(elf);
    return out->n > 0;
}

const char *symbol_at(const struct symbol_list *list, uint32_t addr)
{
    const struct named_symbol *best = NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct named_symbol *s = &list->at[i];
        if (s->symbol.addr <= addr && (!best || s->symbol.addr >= best->symbol.addr)) {
            best = s;
        }
    }
    return best ? best->name : NULL;
}

void symbols_free(struct symbol_list *list)
{
    free(list->at);
    *list = (struct symbol_list){0};
}
