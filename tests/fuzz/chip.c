/* The flash of the chip as memory at its real address, and the driver that f407/flash.h promises. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "f407/clock.h"
#include "f407/flash.h"
#include "f407/reset.h"
#include "fuzz.h"

enum {
    ERASE_US = 1000000,
    PROGRAM_US = 16,
    BLANK_BYTE = 0xFF,
    RECORD_WORDS = 20,
    PAGE_BYTES = 4096,
    OPTIONS_OPEN = 0x0FFFAAED /* FLASH_OPTCR: no sector is protected */
};

static const uint32_t SECTOR_BASE[FLASH_SECTORS + 1] = {
    0x08000000, 0x08004000, 0x08008000, 0x0800C000, 0x08010000, 0x08020000, 0x08040000,
    0x08060000, 0x08080000, 0x080A0000, 0x080C0000, 0x080E0000, 0x08100000};

static struct {
    uint32_t writable;    /* sectors, as the watch has it */
    uint32_t tail_dirty;  /* sectors that were written after their hot bytes */
    uint32_t erased;      /* sectors that were erased since the snapshot */
    unsigned program_bad; /* programs until one fails, 0 never */
    uint64_t now_us;
} chip;

void fuzz_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "BROKEN PROMISE (%s): ", device_name);
    (void)vfprintf(stderr, fmt, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    abort();
}

static void map_blank(uint32_t addr, size_t n_bytes)
{
    void *want = (void *)(uintptr_t)addr;
    void *got =
        mmap(want, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != want) {
        fuzz_fail("no flash at 0x%08X: %s", (unsigned)addr, strerror(errno));
    }
    memset(want, BLANK_BYTE, n_bytes);
}

void chip_map(void)
{
    const uint32_t options = OPTIONS_OPEN;
    map_blank(FLASH_MAP_BASE, FLASH_MAP_BYTES);
    map_blank(F407_OPTIONS_ADDR & ~(PAGE_BYTES - 1U), PAGE_BYTES);
    memcpy(chip_at(F407_OPTIONS_ADDR), &options, sizeof options);
    map_blank(OTP_EPOCH_BASE & ~(PAGE_BYTES - 1U), PAGE_BYTES);
}

uint8_t *chip_at(uint32_t addr)
{
    return (uint8_t *)(uintptr_t)addr;
}

void chip_save(struct chip_snapshot *out)
{
    for (unsigned s = 0; s < FLASH_SECTORS; s++) {
        memcpy(out->hot[s], chip_at(SECTOR_BASE[s]), CHIP_HOT_BYTES);
    }
}

void chip_restore(const struct chip_snapshot *from)
{
    for (unsigned s = 0; s < FLASH_SECTORS; s++) {
        memcpy(chip_at(SECTOR_BASE[s]), from->hot[s], CHIP_HOT_BYTES);
        if (chip.tail_dirty >> s & 1) {
            memset(chip_at(SECTOR_BASE[s] + CHIP_HOT_BYTES), BLANK_BYTE,
                   SECTOR_BASE[s + 1] - SECTOR_BASE[s] - CHIP_HOT_BYTES);
        }
    }
    chip.tail_dirty = 0;
    chip.erased = 0;
    chip.program_bad = 0;
}

static uint32_t slot_sectors(enum slot slot)
{
    return slot == SLOT_A ? 7U << FLASH_SLOT_A_SECTOR : slot == SLOT_B ? 7U << FLASH_SLOT_B_SECTOR : 0;
}

void chip_protect(enum slot running, enum slot active)
{
    chip.writable =
        1U << FLASH_J0_SECTOR | 1U << FLASH_J1_SECTOR | slot_sectors(SLOT_A) | slot_sectors(SLOT_B);
    chip.writable &= ~(slot_sectors(running) | slot_sectors(active));
}

void chip_check(const struct chip_snapshot *from)
{
    for (unsigned s = 0; s < FLASH_SECTORS; s++) {
        bool is_changed = memcmp(chip_at(SECTOR_BASE[s]), from->hot[s], CHIP_HOT_BYTES) != 0;
        bool was_ever_open = s == FLASH_J0_SECTOR || s == FLASH_J1_SECTOR || s >= FLASH_SLOT_A_SECTOR;
        if (is_changed && !was_ever_open) {
            fuzz_fail("sector %u has changed", s);
        }
    }
}

void chip_fail_program(unsigned n)
{
    chip.program_bad = n;
}

uint32_t chip_now_ms(void)
{
    return (uint32_t)(chip.now_us / 1000);
}

void chip_pass_us(uint32_t us)
{
    chip.now_us += us;
}

static unsigned sector_of(uint32_t addr)
{
    unsigned s = 0;
    while (s < FLASH_SECTORS - 1 && addr >= SECTOR_BASE[s + 1]) {
        s++;
    }
    return s;
}

bool chip_was_erased(uint32_t addr)
{
    return (chip.erased >> sector_of(addr) & 1) != 0;
}

static void watch(unsigned sector, const char *what)
{
    if (!(chip.writable >> sector & 1)) {
        fuzz_fail("%s in sector %u, which is not of the inactive slot or the journal", what, sector);
    }
}

static enum fota_err erase_sector(struct flash *base, uint32_t sector)
{
    const struct f407_flash *flash = (const struct f407_flash *)base;
    if (sector >= FLASH_SECTORS || !(flash->sectors >> sector & 1)) {
        return E_FLASH_RANGE;
    }
    watch(sector, "erase");
    uint32_t n_bytes = SECTOR_BASE[sector + 1] - SECTOR_BASE[sector];
    bool is_dirty = chip.tail_dirty >> sector & 1;
    memset(chip_at(SECTOR_BASE[sector]), BLANK_BYTE, is_dirty ? n_bytes : CHIP_HOT_BYTES);
    chip.tail_dirty &= ~(1U << sector);
    chip.erased |= 1U << sector;
    chip_pass_us(ERASE_US);
    return FOTA_OK;
}

static enum fota_err program_word(uint32_t addr, uint32_t wanted)
{
    uint32_t old;
    unsigned sector = sector_of(addr);
    watch(sector, "program");
    memcpy(&old, chip_at(addr), 4);
    if (old != 0xFFFFFFFFU && wanted != 0) {
        return E_FLASH_VERIFY;
    }
    if (chip.program_bad && --chip.program_bad == 0) {
        return E_FLASH_PROGRAM;
    }
    memcpy(chip_at(addr), &wanted, 4);
    if (addr - SECTOR_BASE[sector] >= CHIP_HOT_BYTES) {
        chip.tail_dirty |= 1U << sector;
    }
    return FOTA_OK;
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
    if (addr < FLASH_MAP_BASE || addr >= SECTOR_BASE[FLASH_SECTORS] || n_words > FLASH_MAP_BYTES / 4 ||
        addr + 4 * n_words > SECTOR_BASE[FLASH_SECTORS] || !(flash->sectors >> sector_of(addr) & 1) ||
        !(flash->sectors >> sector_of(addr + 4 * n_words - 4) & 1)) {
        return E_FLASH_RANGE;
    }
    for (uint32_t i = 0; i < n_words; i++) {
        enum fota_err err = program_word(addr + 4 * i, words[i]);
        if (err) {
            return err;
        }
        if (flash_is_overlap_due(base, addr + 4 * i)) {
            base->overlap(base->overlap_ctx, words + i + 1 - FLASH_OVERLAP_WORDS);
        }
    }
    chip_pass_us(PROGRAM_US * n_words);
    return FOTA_OK;
}

/* Not watched by the sanitizers, and a journal record in one: the journal is read from end to end after each
 * reset. */
__attribute__((no_sanitize("address", "undefined"))) static enum fota_err
read_words(struct flash *base, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    (void)base;
    if (addr < FLASH_MAP_BASE || addr - FLASH_MAP_BASE > FLASH_MAP_BYTES ||
        n_words > (FLASH_MAP_BYTES - (addr - FLASH_MAP_BASE)) / 4) {
        return E_FLASH_RANGE;
    }
    const uint32_t *from = (const uint32_t *)(const void *)chip_at(addr);
    if (n_words == RECORD_WORDS) {
        __builtin_memcpy(words, from, 4 * RECORD_WORDS);
        return FOTA_OK;
    }
    for (uint32_t i = 0; i < n_words; i++) {
        words[i] = from[i];
    }
    return FOTA_OK;
}

/* Bytes from `addr` on that need no look: after the hot bytes of a sector that nothing was written to. */
static uint32_t known_blank(uint32_t addr)
{
    unsigned sector = sector_of(addr);
    bool is_tail = addr - SECTOR_BASE[sector] >= CHIP_HOT_BYTES && !(chip.tail_dirty >> sector & 1);
    return is_tail ? SECTOR_BASE[sector + 1] - addr : 0;
}

/* The linker sends bytes_all_equal here (--wrap): the same answer, but not byte by byte over a whole slot. */
bool __wrap_bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value);
bool __wrap_bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value)
{
    while (n_bytes > 0) {
        uintptr_t addr = (uintptr_t)p;
        bool is_flash = addr >= FLASH_MAP_BASE && addr < FLASH_MAP_BASE + FLASH_MAP_BYTES;
        size_t n = is_flash && value == BLANK_BYTE ? known_blank((uint32_t)addr) : 0;
        if (n == 0) {
            n = CHIP_HOT_BYTES - addr % CHIP_HOT_BYTES;
            n = n < n_bytes ? n : n_bytes;
            if (p[0] != value || memcmp(p, p + 1, n - 1) != 0) {
                return false;
            }
        }
        n = n < n_bytes ? n : n_bytes;
        p += n;
        n_bytes -= n;
    }
    return true;
}

void f407_flash_open(struct f407_flash *flash, uint32_t sectors)
{
    static const struct flash_ops ops = {
        .erase_sector = erase_sector, .program = program, .read = read_words};
    *flash = (struct f407_flash){.flash = {.ops = &ops}, .sectors = sectors};
}

void f407_flash_load_ram_code(void)
{
}

void clock_settle(void)
{
    chip_pass_us(CLOCK_SETTLE_MS * 1000U);
}

void reset_forget_crashes(void)
{
}
