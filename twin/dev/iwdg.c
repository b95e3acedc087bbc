/* IWDG: RM0090 chapter 21. */
#include "dev/iwdg.h"

#include "regs.h"

#include <string.h>

enum { KR = 0x00, PR = 0x04, RLR = 0x08, SR = 0x0C, WINDOW = 0x400 };
enum { KEY_UNLOCK = 0x5555, KEY_RELOAD = 0xAAAA, KEY_START = 0xCCCC };
enum { SR_PVU = 1, SR_RVU = 2, RLR_RESET = 0xFFF };
enum { SYNC_LSI_CYCLES = 5 }; /* RM0090 21.4.4: up to 5 cycles of the 40 kHz clock */
enum { OPTCR_WDG_SW = 1 << 5 };

#define PS_PER_S 1000000000000ULL

struct iwdg_state {
    uint32_t pr;  /* in force */
    uint32_t rlr; /* in force */
    uint32_t new_pr;
    uint32_t new_rlr;
    uint32_t sr;
    bool unlocked;
    bool started;
};

struct iwdg {
    struct dev dev;
    struct iwdg_state s;
    unsigned bite_event;
    unsigned pr_event;
    unsigned rlr_event;
};

static uint64_t lsi_cycles_ps(const struct iwdg *w, uint64_t cycles)
{
    return cycles * PS_PER_S / chip_clock_hz(w->dev.chip, CHIP_LSI);
}

static void bite(void *ctx)
{
    struct iwdg *w = ctx;
    chip_request_reset(w->dev.chip, CHIP_RESET_IWDG);
}

/* Load the counter: it reaches 0 after (RL + 1) periods of the prescaled clock (RM0090 table 107). */
static void reload(struct iwdg *w)
{
    if (w->s.started) {
        uint32_t shift = w->s.pr > 6 ? 6 : w->s.pr;
        uint64_t cycles = (4ULL << shift) * (w->s.rlr + 1);
        chip_event_at(w->dev.chip, w->bite_event, chip_now_ps(w->dev.chip) + lsi_cycles_ps(w, cycles));
    }
}

static void pr_arrives(void *ctx)
{
    struct iwdg *w = ctx;
    w->s.pr = w->s.new_pr;
    w->s.sr &= ~(uint32_t)SR_PVU;
}

static void rlr_arrives(void *ctx)
{
    struct iwdg *w = ctx;
    w->s.rlr = w->s.new_rlr;
    w->s.sr &= ~(uint32_t)SR_RVU;
}

/* A value on its way: without LSI it never arrives and the SR bit stays (AN2606 names the consequence). */
static void send(struct iwdg *w, uint32_t sr_bit, unsigned event)
{
    w->s.sr |= sr_bit;
    if (chip_lsi_is_on(w->dev.chip)) {
        chip_event_at(w->dev.chip, event, chip_now_ps(w->dev.chip) + lsi_cycles_ps(w, SYNC_LSI_CYCLES));
    }
}

static void start(struct iwdg *w)
{
    if (w->s.started) {
        return;
    }
    w->s.started = true;
    chip_use_lsi(w->dev.chip, CHIP_LSI_IWDG, true);
    if (w->s.sr & SR_PVU) {
        send(w, SR_PVU, w->pr_event);
    }
    if (w->s.sr & SR_RVU) {
        send(w, SR_RVU, w->rlr_event);
    }
    reload(w);
}

static void write_key(struct iwdg *w, uint32_t key)
{
    w->s.unlocked = key == KEY_UNLOCK;
    if (key == KEY_RELOAD) {
        reload(w);
    } else if (key == KEY_START) {
        start(w);
    } else if (key != KEY_UNLOCK) {
        chip_violation(w->dev.chip, "IWDG: key 0x%04X written, known are 5555, AAAA, CCCC (RM0090 21.4.1)",
                       (unsigned)key);
    }
}

static void write_config(struct iwdg *w, uint32_t off, uint32_t value)
{
    bool is_pr = off == PR;
    const char *reg = is_pr ? "PR" : "RLR";
    if (!w->s.unlocked) {
        chip_violation(w->dev.chip, "IWDG: %s written without key 5555 (RM0090 21.3.2)", reg);
        return;
    }
    regs_reserved(&w->dev, reg, value, is_pr ? 7 : 0xFFF);
    if (w->s.sr & (is_pr ? SR_PVU : SR_RVU)) {
        chip_violation(w->dev.chip, "IWDG: %s written while SR says an update is under way (RM0090 21.4.4)",
                       reg);
        return;
    }
    if (is_pr) {
        w->s.new_pr = value & 7;
        send(w, SR_PVU, w->pr_event);
    } else {
        w->s.new_rlr = value & 0xFFF;
        send(w, SR_RVU, w->rlr_event);
    }
}

static bool iwdg_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct iwdg *w = (struct iwdg *)dev;
    uint32_t v = 0;
    switch (off & ~3U) {
    case KR:
        break;
    case PR:
        v = w->s.sr & SR_PVU ? w->s.new_pr : w->s.pr;
        break;
    case RLR:
        v = w->s.sr & SR_RVU ? w->s.new_rlr : w->s.rlr;
        break;
    case SR:
        v = w->s.sr;
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    *value = regs_extract(v, off, n_bytes);
    return true;
}

static bool iwdg_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct iwdg *w = (struct iwdg *)dev;
    switch (off) {
    case KR:
        write_key(w, value & 0xFFFF);
        break;
    case PR:
    case RLR:
        write_config(w, off, value & regs_mask(n_bytes));
        break;
    case SR:
        regs_read_only(dev, "SR");
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    return true;
}

static void iwdg_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct iwdg *w = (struct iwdg *)dev;
    memset(&w->s, 0, sizeof w->s);
    w->s.rlr = RLR_RESET;
    chip_event_cancel(dev->chip, w->bite_event);
    chip_event_cancel(dev->chip, w->pr_event);
    chip_event_cancel(dev->chip, w->rlr_event);
    chip_use_lsi(dev->chip, CHIP_LSI_IWDG, false);
    /* FLASH stands before IWDG in the board's list, so the option bytes of this reset are known here. */
    if (!(chip_options(dev->chip) & OPTCR_WDG_SW)) {
        start(w);
    }
}

static const struct dev_ops ops = {.read = iwdg_read, .write = iwdg_write, .reset = iwdg_reset};

void iwdg_attach(struct chip *chip)
{
    struct iwdg *w = chip_alloc(chip, sizeof *w);
    w->s.rlr = RLR_RESET;
    w->dev = (struct dev){.ops = &ops,
                          .name = "IWDG",
                          .base = 0x40003000,
                          .n_bytes = WINDOW,
                          .state = &w->s,
                          .state_bytes = sizeof w->s};
    chip_add_dev(chip, &w->dev);
    w->bite_event = chip_event_add(chip, "IWDG bites", bite, w);
    w->pr_event = chip_event_add(chip, "IWDG PR update", pr_arrives, w);
    w->rlr_event = chip_event_add(chip, "IWDG RLR update", rlr_arrives, w);
}
