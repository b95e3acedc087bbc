#include "idle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "symbol.h"

#define BOOTLOADER FOTA_BUILD_DIR "/f407/bootloader/bootloader.elf"

enum { STEP_NS = 500, KEY_BYTES = 64, TEXT_BYTES = 96 };

/* --- the meter --------------------------------------------------------------------------------------- */

static void book(struct idle_meter *m, uint64_t since_ns)
{
    const struct twin *t = m->wires->twin;
    const struct twin_stats *stats = twin_stats(t);
    const uint64_t passed_ns = twin_now_ns(t) - since_ns;
    m->busy_ns += stats->flash_busy_ns - m->seen_ns;
    m->seen_ns = stats->flash_busy_ns;
    const uint64_t busy_ns = m->busy_ns < passed_ns ? m->busy_ns : passed_ns;
    m->busy_ns -= busy_ns;
    const uint32_t pc = twin_reg(t, 15);
    if ((pc - FLASH_MAP_BASE) / 2 < IDLE_FLASH_PLACES) {
        m->flash_ns[(pc - FLASH_MAP_BASE) / 2] += passed_ns - busy_ns;
    } else if ((pc - RAM_BASE) / 2 < IDLE_RAM_PLACES) {
        m->ram_ns[(pc - RAM_BASE) / 2] += passed_ns - busy_ns;
    }
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct idle_meter *m = (struct idle_meter *)io;
    for (size_t i = 0; i < n_bytes; i++) {
        const uint64_t since_ns = twin_now_ns(m->wires->twin);
        const enum fota_err err =
            link_io_transfer(&m->wires->io, mosi ? mosi + i : NULL, miso ? miso + i : NULL, 1);
        book(m, since_ns);
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct idle_meter *m = (struct idle_meter *)io;
    struct twin *t = m->wires->twin;
    const uint64_t end_ns = twin_now_ns(t) + us * 1000ULL;
    while (twin_now_ns(t) < end_ns) {
        const uint64_t since_ns = twin_now_ns(t);
        uint64_t step_ns = m->busy_ns > STEP_NS ? m->busy_ns : STEP_NS;
        step_ns = step_ns < end_ns - since_ns ? step_ns : end_ns - since_ns;
        m->wires->last_stop = twin_run_until(t, since_ns + step_ns);
        book(m, since_ns);
    }
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return link_io_select(&((struct idle_meter *)io)->wires->io, selected);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(&((struct idle_meter *)io)->wires->io, hz, byte_gap_us);
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(&((struct idle_meter *)io)->wires->io);
}

void idle_open(struct idle_meter *meter, struct board *b)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    memset(meter, 0, sizeof *meter);
    meter->io.ops = &ops;
    meter->wires = &b->wires;
    meter->seen_ns = twin_stats(b->twin)->flash_busy_ns;
    b->link.io = &meter->io;
}

/* --- causes ------------------------------------------------------------------------------------------ */

enum cause { WORDS, HASH, SIGNATURE, SERVICES, BLOCK_CRC, RECEIVE, BLANK, LINK, CAUSES };

static const struct {
    const char *key, *text;
} cause_names[CAUSES] = {
    [WORDS] = {"words", "between two words: checks before, read-back after"},
    [HASH] = {"hash", "SHA-256 beyond the time of the word it runs beside"},
    [SIGNATURE] = {"signature", "signatures of statement and image"},
    [SERVICES] = {"services", "boot services: checksum, code in RAM, address checks"},
    [BLOCK_CRC] = {"crc", "CRC-32 of blocks"},
    [RECEIVE] = {"receive", "SPI driver"},
    [BLANK] = {"blank", "blank checks"},
    [LINK] = {"link", "protocol, journal, application's main loop"},
};

/* Functions of each cause, by the beginning of their names; all others are LINK. */
static const struct {
    const char *prefix;
    enum cause cause;
} rules[] = {
    {"ram_run", WORDS},
    {"hash_block", HASH},
    {"crypto_sha256", HASH},
    {"crypto_p256", SIGNATURE},
    {"number_", SIGNATURE},
    {"sum_state", SERVICES},
    {"sum", SIGNATURE},
    {"run", SIGNATURE},
    {"halve", SIGNATURE},
    {"subtract_mod", SIGNATURE},
    {"load_point", SIGNATURE},
    {"statement_", SIGNATURE},
    {"f407_flash_load", SERVICES},
    {"enter", SERVICES},
    {"services_", SERVICES},
    {"service_", SERVICES},
    {"update_program", SERVICES},
    {"program", SERVICES},
    {"carry_out", SERVICES},
    {"unlock", SERVICES},
    {"locate", SERVICES},
    {"may_write", SERVICES},
    {"sector_of", SERVICES},
    {"crc32_run", BLOCK_CRC},
    {"spi_", RECEIVE},
    {"play", RECEIVE},
    {"erase_sector", BLANK},
    {"bytes_all_equal", BLANK},
};

static enum cause cause_of(const struct symbol_list *list, uint32_t addr)
{
    const char *name = symbol_at(list, addr);
    for (size_t i = 0; name && i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(name, rules[i].prefix, strlen(rules[i].prefix)) == 0) {
            return rules[i].cause;
        }
    }
    return LINK;
}

static void add_places(const uint64_t *places_ns, uint32_t n_places, uint32_t base,
                       const struct symbol_list lists[2], uint64_t sum_ns[CAUSES])
{
    for (uint32_t i = 0; i < n_places; i++) {
        const uint32_t addr = base + 2 * i;
        const bool is_app = base == FLASH_MAP_BASE && addr >= FLASH_BOOT_BASE + FLASH_BOOT_BYTES;
        if (places_ns[i] > 0) {
            sum_ns[cause_of(&lists[is_app], addr)] += places_ns[i];
        }
    }
}

void idle_show(const struct idle_meter *meter, const char *who, const char *elf_path)
{
    static char keys[4 * CAUSES][KEY_BYTES]; /* the table of figures keeps them */
    static char texts[4 * CAUSES][TEXT_BYTES];
    static unsigned n;
    struct symbol_list lists[2] = {{0}, {0}};
    uint64_t sum_ns[CAUSES] = {0};
    if (!symbols_read(BOOTLOADER, &lists[0]) || (elf_path && !symbols_read(elf_path, &lists[1]))) {
        bench_fail("the firmware's symbols cannot be read; run `make fw` first");
    }
    add_places(meter->flash_ns, IDLE_FLASH_PLACES, FLASH_MAP_BASE, lists, sum_ns);
    add_places(meter->ram_ns, IDLE_RAM_PLACES, RAM_BASE, lists, sum_ns);
    figure_text("  the flash idles, ms:");
    for (unsigned c = 0; c < CAUSES && n < 4 * CAUSES; c++, n++) {
        (void)snprintf(keys[n], sizeof keys[n], "idle_%s_%s_ms", who, cause_names[c].key);
        (void)snprintf(texts[n], sizeof texts[n], "    %s", cause_names[c].text);
        figure_add(keys[n], (double)sum_ns[c] / 1e6, 1, texts[n]);
    }
    symbols_free(&lists[0]);
    symbols_free(&lists[1]);
}
