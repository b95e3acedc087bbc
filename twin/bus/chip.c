/* The chip's memory, its state list, what asks for a reset, and what it says about the guest's faults. */
#include "chip_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct allocation {
    struct allocation *next;
    max_align_t bytes[];
};

void *chip_allocate(size_t n_bytes)
{
    void *p = calloc(1, n_bytes);
    if (!p) {
        (void)fprintf(stderr, "twin: out of memory (%zu bytes)\n", n_bytes);
        abort();
    }
    return p;
}

void chip_check_room(size_t used, size_t room, const char *what)
{
    if (used >= room) {
        (void)fprintf(stderr, "twin: table of %s is full (%zu): raise it in chip_private.h\n", what, room);
        abort();
    }
}

void *chip_alloc(struct chip *chip, size_t n_bytes)
{
    struct allocation *a = chip_allocate(sizeof *a + n_bytes);
    a->next = chip->allocation;
    chip->allocation = a;
    return a->bytes;
}

void chip_destroy(struct chip *chip)
{
    if (!chip) {
        return;
    }
    struct allocation *a = chip->allocation;
    while (a) {
        struct allocation *next = a->next;
        free(a);
        a = next;
    }
    free(chip);
}

void chip_set_strict(struct chip *chip, bool strict)
{
    chip->strict = strict;
}

void chip_set_vdd_mv(struct chip *chip, uint32_t vdd_mv)
{
    chip->run.vdd_mv = vdd_mv;
}

uint32_t chip_vdd_mv(const struct chip *chip)
{
    return chip->run.vdd_mv;
}

void chip_set_lsi_hz(struct chip *chip, uint32_t lsi_hz)
{
    chip->run.clock_hz[CHIP_LSI] = lsi_hz;
}

/* --- state --- */

void chip_add_state(struct chip *chip, const char *name, void *state, size_t n_bytes)
{
    chip_check_room(chip->n_blocks, CHIP_STATES, "state blocks");
    chip->block[chip->n_blocks++] = (struct chip_block){name, state, n_bytes};
}

size_t chip_states(const struct chip *chip)
{
    return chip->n_blocks;
}

void *chip_state(const struct chip *chip, size_t i, const char **name, size_t *n_bytes)
{
    *name = chip->block[i].name;
    *n_bytes = chip->block[i].n_bytes;
    return chip->block[i].state;
}

/* --- reset --- */

void chip_ask_attention(struct chip *chip)
{
    if (chip->host.stop) {
        chip->host.stop(chip->host_ctx);
    }
}

void chip_request_reset(struct chip *chip, enum chip_reset_cause cause)
{
    chip->run.reset_asked |= 1u << cause;
    chip_ask_attention(chip);
}

bool chip_take_reset(struct chip *chip, enum chip_reset_cause *cause)
{
    for (unsigned i = CHIP_RESET_POWER; i <= CHIP_RESET_IWDG; i++) {
        if (chip->run.reset_asked & (1u << i)) {
            chip->run.reset_asked = 0;
            *cause = (enum chip_reset_cause)i;
            return true;
        }
    }
    return false;
}

void chip_cut_power(struct chip *chip)
{
    chip->run.power_cut = true;
    chip_ask_attention(chip);
}

bool chip_take_power_cut(struct chip *chip)
{
    bool cut = chip->run.power_cut;
    chip->run.power_cut = false;
    return cut;
}

enum chip_reset_cause chip_reset_cause(const struct chip *chip)
{
    return (enum chip_reset_cause)chip->run.reset_cause;
}

bool chip_wants_attention(const struct chip *chip)
{
    return chip->run.reset_asked || chip->run.power_cut || chip->run.strict_stop || chip->run.rom_go;
}

/* --- violations --- */

void chip_violation(struct chip *chip, const char *fmt, ...)
{
    struct chip_log *log = &chip->log;
    if (log->count < CHIP_VIOLATIONS_KEPT) {
        struct chip_violation_record *r = &log->kept[log->count];
        r->time_ns = chip->run.now_ps / 1000;
        r->pc = chip->host.pc ? chip->host.pc(chip->host_ctx) : 0;
        va_list args;
        va_start(args, fmt);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands in the line above */
        (void)vsnprintf(r->text, sizeof r->text, fmt, args);
        va_end(args);
    }
    log->count++;
    if (chip->strict) {
        chip->run.strict_stop = true;
        chip_ask_attention(chip);
    }
}

uint64_t chip_violations(const struct chip *chip)
{
    return chip->log.count;
}

const struct chip_violation_record *chip_violation_at(const struct chip *chip, size_t i)
{
    bool kept = i < CHIP_VIOLATIONS_KEPT && i < chip->log.count;
    return kept ? &chip->log.kept[i] : NULL;
}

bool chip_take_strict_stop(struct chip *chip)
{
    bool stop = chip->run.strict_stop;
    chip->run.strict_stop = false;
    return stop;
}
