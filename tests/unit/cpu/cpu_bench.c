/*
 * How fast the core is: million instructions a second of wall time, on loops that an updater lives in.
 *
 * Usage: cpu_bench bench_guest.bin
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/cpu.h"

enum { FLASH_BYTES = 64 * 1024, SRAM_BYTES = 64 * 1024, REPEATS = 7, FIRST_FUNCTION = 8 };

static const char *const names[] = {"CRC32, bitwise", "SHA-like ALU loop", "word copy in SRAM",
                                    "MMIO poll loop"};

static bool bus_read(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    *value = 0;
    return true;
}

static bool bus_write(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    (void)value;
    return true;
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t word_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Call a guest function once. @return false: it did not come back */
static bool call(struct cpu *cpu, uint32_t function)
{
    enum { RETURN_TO = CPU_FLASH_BASE + FLASH_BYTES - 4 };
    cpu_reset(cpu);
    cpu_set_reg(cpu, 14, RETURN_TO | 1);
    cpu_set_reg(cpu, 15, function);
    cpu_set_breakpoint(cpu, RETURN_TO);
    return cpu_run(cpu, UINT64_MAX) == CPU_STOP_BREAKPOINT;
}

static bool measure(struct cpu *cpu, const char *name, uint32_t function)
{
    double best = 1e9;
    uint64_t instructions = 0;
    uint64_t cycles = 0;
    for (unsigned i = 0; i < REPEATS; i++) {
        const uint64_t instructions_before = cpu_instructions(cpu);
        const uint64_t cycles_before = cpu_cycles(cpu);
        const double start = seconds();
        if (!call(cpu, function)) {
            (void)fprintf(stderr, "cpu_bench: %s stopped at %08" PRIx32 "\n", name, cpu_reg(cpu, 15));
            return false;
        }
        const double took = seconds() - start;
        best = took < best ? took : best;
        instructions = cpu_instructions(cpu) - instructions_before;
        cycles = cpu_cycles(cpu) - cycles_before;
    }
    (void)printf("%-20s %10.2f %12.2f %10.1f %10.0f\n", name, (double)instructions / 1e6,
                 (double)cycles / (double)instructions, best * 1e3, (double)instructions / best / 1e6);
    return true;
}

int main(int argc, char **argv)
{
    static uint8_t flash[FLASH_BYTES];
    static uint8_t sram[SRAM_BYTES];
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f || fread(flash, 1, sizeof flash, f) == 0) {
        (void)fprintf(stderr, "usage: cpu_bench bench_guest.bin (which could not be read)\n");
        return 2;
    }
    (void)fclose(f);
    const struct cpu_bus bus = {.read = bus_read, .write = bus_write};
    struct cpu *cpu = cpu_create(&bus, flash, sizeof flash, sram, sizeof sram, NULL, 0);
    cpu_set_alias(cpu, flash, sizeof flash);
    (void)printf("%-20s %10s %12s %10s %10s\n", "", "M insns", "cycles/insn", "best ms", "MIPS");
    bool ok = true;
    for (unsigned i = 0; ok && i < sizeof names / sizeof names[0]; i++) {
        ok = measure(cpu, names[i], word_at(flash + FIRST_FUNCTION + 4 * i));
    }
    cpu_destroy(cpu);
    return ok ? 0 : 1;
}
