/* From the symbol table of an ELF file (System V ABI, chapter 4). */
#include "symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "release/file.h"

enum {
    STT_FUNC = 2,
    STT_MASK = 15,
    ELF_MAX_BYTES = 16 << 20,
    SECTION_BYTES = 40,
    SYMBOL_BYTES = 16,
    SHT_SYMTAB = 2,
    E_SHOFF = 32,
    E_SHNUM = 48
};

/* One section of the file. */
struct section {
    uint32_t type, off, n_bytes, link;
};

static bool read_section(const uint8_t *elf, size_t n_bytes, uint32_t index, struct section *out)
{
    const size_t at = bytes_load_le32(elf + E_SHOFF) + (size_t)index * SECTION_BYTES;
    if (index >= bytes_load_le16(elf + E_SHNUM) || at + SECTION_BYTES > n_bytes) {
        return false;
    }
    *out = (struct section){bytes_load_le32(elf + at + 4), bytes_load_le32(elf + at + 16),
                            bytes_load_le32(elf + at + 20), bytes_load_le32(elf + at + 24)};
    return (size_t)out->off + out->n_bytes <= n_bytes;
}

static bool look_up(const uint8_t *elf, const struct section *symbols, const struct section *names,
                    const char *name, struct symbol *out)
{
    for (uint32_t i = 0; i + SYMBOL_BYTES <= symbols->n_bytes; i += SYMBOL_BYTES) {
        const uint8_t *symbol = elf + symbols->off + i;
        const uint32_t at = bytes_load_le32(symbol);
        if (at + strlen(name) < names->n_bytes && strcmp((const char *)elf + names->off + at, name) == 0) {
            *out = (struct symbol){bytes_load_le32(symbol + 4) & ~1U, bytes_load_le32(symbol + 8)};
            return true;
        }
    }
    return false;
}

bool symbol_find(const char *elf_path, const char *name, struct symbol *out)
{
    uint8_t *elf = NULL;
    size_t n_bytes = 0;
    bool is_found = false;
    struct section symbols;
    struct section names;
    if (file_read(elf_path, ELF_MAX_BYTES, &elf, &n_bytes, NULL)) {
        return false;
    }
    for (uint32_t i = 0; n_bytes > E_SHNUM + 1 && !is_found && read_section(elf, n_bytes, i, &symbols); i++) {
        if (symbols.type == SHT_SYMTAB && read_section(elf, n_bytes, symbols.link, &names)) {
            is_found = look_up(elf, &symbols, &names, name, out);
        }
    }
    free(elf);
    return is_found;
}

/* Names of functions only: marks of the linker script have the addresses of functions, too. */
static void take_functions(const uint8_t *elf, const struct section *symbols, const struct section *names,
                           struct symbol_list *out)
{
    for (uint32_t i = 0; i + SYMBOL_BYTES <= symbols->n_bytes; i += SYMBOL_BYTES) {
        const uint8_t *symbol = elf + symbols->off + i;
        const uint32_t name_at = bytes_load_le32(symbol);
        if ((symbol[12] & STT_MASK) != STT_FUNC || name_at >= names->n_bytes) {
            continue;
        }
        struct named_symbol *to = &out->at[out->n++];
        to->symbol = (struct symbol){bytes_load_le32(symbol + 4) & ~1U, bytes_load_le32(symbol + 8)};
        (void)snprintf(to->name, sizeof to->name, "%s", (const char *)elf + names->off + name_at);
    }
}

bool symbols_read(const char *elf_path, struct symbol_list *out)
{
    uint8_t *elf = NULL;
    size_t n_bytes = 0;
    struct section symbols;
    struct section names;
    *out = (struct symbol_list){0};
    if (file_read(elf_path, ELF_MAX_BYTES, &elf, &n_bytes, NULL)) {
        return false;
    }
    for (uint32_t i = 0; n_bytes > E_SHNUM + 1 && !out->at && read_section(elf, n_bytes, i, &symbols); i++) {
        if (symbols.type == SHT_SYMTAB && read_section(elf, n_bytes, symbols.link, &names)) {
            out->at = calloc(symbols.n_bytes / SYMBOL_BYTES + 1, sizeof *out->at);
            if (out->at) {
                take_functions(elf, &symbols, &names, out);
            }
        }
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
