/*
 * The watchdog, at both ends of its clock's spread.
 *
 * A trial runs under the watchdog, and so does the update that follows its confirm without a reset between.
 * With the longest erases of the datasheet it must not bite: the driver feeds it before each erase, and the
 * longest takes half of its shortest period. If the chip is reset inside an erase all the same, by its pin or
 * by the watchdog (a debugger's hand makes its period short while the erase runs), at several moments, the
 * board starts what was confirmed.
 */
#include <stdio.h>

#include "elf_explore.h"

enum { LOOK_BYTES = 200, IWDG_KR = 0x40003000, IWDG_RLR = 0x40003008, BITE_MAX_MS = 100 };

enum reset { RESET_BY_PIN, RESET_BY_WATCHDOG, RESETS };

/* A store instruction that the core could execute now: one in RAM, near the PC, for the flash is busy. */
static bool find_store(const struct twin *t, uint32_t *at, uint16_t *op)
{
    uint32_t from = (twin_reg(t, 15) & ~1U) - LOOK_BYTES / 2;
    for (*at = from; *at < from + LOOK_BYTES; *at += 2) {
        bool is_store =
            twin_peek(t, *at, op, sizeof *op) && (*op & 0xF800) == 0x6000; /* STR Rt, [Rn, #imm] */
        if (is_store && (*op & 7) != (*op >> 3 & 7)) {
            return true;
        }
    }
    return false;
}

/* A debugger's hand: store a word through the core. */
static bool poke(struct twin *t, uint32_t addr, uint32_t value)
{
    const uint32_t in_it_block = 0x0600FC00; /* xPSR, PM0214 2.1.3 */
    uint32_t at;
    uint16_t op;
    for (unsigned i = 0; i < 4 && (twin_reg(t, 16) & in_it_block) != 0; i++) {
        (void)twin_step(t);
    }
    if ((twin_reg(t, 16) & in_it_block) != 0 || !find_store(t, &at, &op)) {
        return false;
    }
    unsigned rt = op & 7;
    unsigned rn = op >> 3 & 7;
    uint32_t pc = twin_reg(t, 15);
    uint32_t old_rt = twin_reg(t, rt);
    uint32_t old_rn = twin_reg(t, rn);
    twin_set_reg(t, rt, value);
    twin_set_reg(t, rn, addr - (uint32_t)(op >> 6 & 31) * 4);
    twin_set_reg(t, 15, at);
    (void)twin_step(t);
    bool is_done = twin_reg(t, 15) == at + 2;
    twin_set_reg(t, rt, old_rt);
    twin_set_reg(t, rn, old_rn);
    twin_set_reg(t, 15, pc);
    return is_done;
}

static void pull_pin(struct explorer *x)
{
    twin_set_pin(x->board.twin, TWIN_PIN_NRST, false);
    elf_run_us(x, 1000);
    twin_set_pin(x->board.twin, TWIN_PIN_NRST, true);
}

/* RM0090 21.3: unlock, reload value, let it arrive, feed. */
static bool let_it_bite(struct explorer *x)
{
    struct twin *t = x->board.twin;
    uint64_t bites = twin_stats(t)->resets_iwdg;
    if (!poke(t, IWDG_KR, 0x5555) || !poke(t, IWDG_RLR, 1)) {
        return false;
    }
    elf_run_us(x, 400);
    if (!poke(t, IWDG_KR, 0xAAAA)) {
        return false;
    }
    for (unsigned ms = 0; ms < BITE_MAX_MS && twin_stats(t)->resets_iwdg == bites; ms++) {
        elf_run_us(x, 1000);
    }
    return twin_stats(t)->resets_iwdg == bites + 1;
}

static const char *reset_inside(struct explorer *x, enum reset reset, uint32_t into_ms)
{
    struct twin_board *b = &x->board;
    struct twin_start start = {0};
    twin_restore(b->twin, x->in_erase);
    elf_run_us(x, into_ms * 1000);
    uint64_t torn = twin_stats(b->twin)->flash_torn;
    twin_set_pin(b->twin, TWIN_PIN_NSS, true);
    twin_board_clear_console(b);
    if (reset == RESET_BY_PIN) {
        pull_pin(x);
    } else if (!let_it_bite(x)) {
        return "the watchdog does not bite";
    }
    x->counts.cuts++;
    x->counts.watchdog_resets++;
    if (twin_stats(b->twin)->flash_torn != torn + 1) {
        return "the reset did not hit the erase";
    }
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000 && !start.is_there; us += SLICE_US) {
        elf_run_us(x, SLICE_US);
        twin_board_listen(b);
        start = twin_board_last_start(b);
    }
    return !start.is_there || start.version != 2 || start.slot != 'B' ? "the confirmed image does not run"
                                                                      : NULL;
}

static const char *resets_inside(struct explorer *x)
{
    static const uint16_t MOMENTS_MS[] = {1, 50, 400, 1000, 1800};
    const char *why = x->in_erase ? NULL : "nothing was erased";
    for (size_t i = 0; i < sizeof MOMENTS_MS / sizeof MOMENTS_MS[0]; i++) {
        for (enum reset reset = RESET_BY_PIN; reset < RESETS && !why; reset++) {
            why = reset_inside(x, reset, MOMENTS_MS[i]);
        }
    }
    return why;
}

static const char *watchdog_at(struct explorer *x, uint32_t lsi_hz)
{
    const struct twin_config config = {.flash_timing = TWIN_FLASH_MAXIMUM, .seed = 3, .lsi_hz = lsi_hz};
    twin_board_open_with(&x->board, &config, demo_release(1));
    (void)elf_boot(x);
    if (!elf_wait_for(x, "app: confirmed")) {
        return "the factory image does not confirm";
    }
    elf_install(x, 2);
    twin_board_clear_console(&x->board);
    if (!elf_wait_for(x, "app: confirmed")) {
        return "the update does not confirm";
    }
    x->wants_erase = true;
    elf_install(x, 3);
    if (twin_stats(x->board.twin)->resets_iwdg != 0) {
        return "the watchdog bit during an update";
    }
    return resets_inside(x);
}

void elf_watchdog(struct explorer *x)
{
    static const uint32_t SPREAD_HZ[] = {17000, 47000}; /* DS8626, LSI */
    x->scenario = "watchdog";
    x->is_exploring = false;
    for (size_t i = 0; i < sizeof SPREAD_HZ / sizeof SPREAD_HZ[0]; i++) {
        uint64_t before = x->counts.watchdog_resets;
        const char *why = watchdog_at(x, SPREAD_HZ[i]);
        printf("elf/watchdog: LSI %u Hz: ", (unsigned)SPREAD_HZ[i]);
        if (why) {
            printf("%s\n", why);
        } else {
            printf("no bite in an update, %u resets inside an erase survived\n",
                   (unsigned)(x->counts.watchdog_resets - before));
        }
        x->counts.bricks += why ? 1 : 0;
        twin_snapshot_free(x->in_erase);
        x->in_erase = NULL;
        twin_board_close(&x->board);
    }
}
