/* RCC: RM0090 chapter 7 (STM32F405/407 register set). */
#include "dev/rcc.h"

#include "regs.h"

enum {
    CR = 0x00,
    PLLCFGR = 0x04,
    CFGR = 0x08,
    CIR = 0x0C,
    AHB1RSTR = 0x10,
    AHB2RSTR = 0x14,
    AHB3RSTR = 0x18,
    APB1RSTR = 0x20,
    APB2RSTR = 0x24,
    AHB1ENR = 0x30,
    AHB2ENR = 0x34,
    AHB3ENR = 0x38,
    APB1ENR = 0x40,
    APB2ENR = 0x44,
    AHB1LPENR = 0x50,
    AHB2LPENR = 0x54,
    AHB3LPENR = 0x58,
    APB1LPENR = 0x60,
    APB2LPENR = 0x64,
    BDCR = 0x70,
    CSR = 0x74,
    SSCGR = 0x80,
    PLLI2SCFGR = 0x84,
    WINDOW = 0x400,
    REGS = 0x88 / 4
};

enum { CR_HSION = 1 << 0, CR_HSIRDY = 1 << 1, CR_HSEON = 1 << 16, CR_HSERDY = 1 << 17, CR_CSSON = 1 << 19 };
enum { CR_PLLON = 1 << 24, CR_PLLRDY = 1 << 25, CR_PLLI2SON = 1 << 26 };
enum { SW_HSI, SW_HSE, SW_PLL, SW_MASK = 3 };
enum { PLL_M_MASK = 0x3F, PLL_SRC_HSE = 1 << 22 };
enum { CSR_LSION = 1 << 0, CSR_LSIRDY = 1 << 1, CSR_RMVF = 1 << 24 };
enum { CSR_BOR = 1 << 25, CSR_PIN = 1 << 26, CSR_POR = 1 << 27, CSR_SFT = 1 << 28, CSR_IWDG = 1 << 29 };
enum { BDCR_LSEON = 1 << 0, BDCR_RTCEN = 1 << 15, BDCR_BDRST = 1 << 16 };

#define CSR_FLAGS     0xFE000000U
#define CR_WRITABLE   0x050D00F9U
#define PLLCFGR_LEGAL 0x2F437FFFU
#define CFGR_WRITABLE 0xFFFFFCF3U
#define BDCR_WRITABLE 0x00018305U
#define CR_RESET      0x00007B83U /* HSICAL is factory trim: any value */
#define PLLCFGR_RESET 0x24003010U
#define PS_PER_US     1000000ULL

/* Bits that exist on the 407 (RM0090 7.3.10 .. 7.3.20). */
static const struct {
    uint32_t off;
    uint32_t legal;
    uint32_t reset;
    const char *name;
} plain[] = {
    {AHB1RSTR, 0x226011FF, 0, "AHB1RSTR"},
    {AHB2RSTR, 0x000000C1, 0, "AHB2RSTR"},
    {AHB3RSTR, 0x00000001, 0, "AHB3RSTR"},
    {APB1RSTR, 0x36FEC9FF, 0, "APB1RSTR"},
    {APB2RSTR, 0x00075933, 0, "APB2RSTR"},
    {AHB1ENR, 0x7E7411FF, 0x00100000, "AHB1ENR"},
    {AHB2ENR, 0x000000C1, 0, "AHB2ENR"},
    {AHB3ENR, 0x00000001, 0, "AHB3ENR"},
    {APB1ENR, 0x36FEC9FF, 0, "APB1ENR"},
    {APB2ENR, 0x00075F33, 0, "APB2ENR"},
    {AHB1LPENR, 0x7E6791FF, 0x7E6791FF, "AHB1LPENR"},
    {AHB2LPENR, 0x000000F1, 0x000000F1, "AHB2LPENR"},
    {AHB3LPENR, 0x00000001, 0x00000001, "AHB3LPENR"},
    {APB1LPENR, 0x36FEC9FF, 0x36FEC9FF, "APB1LPENR"},
    {APB2LPENR, 0x00075F33, 0x00075F33, "APB2LPENR"},
    {SSCGR, 0xCFFFFFFF, 0, "SSCGR"},
    {PLLI2SCFGR, 0x70007FC0, 0x20003000, "PLLI2SCFGR"},
};

/* `reg` is the volatile half; BDCR and the reset flags live on. */
struct rcc_state {
    uint32_t reg[REGS];
    uint32_t bdcr;
    uint32_t flags;
    uint32_t sws;
    bool hsi_ready;
    bool hse_ready;
    bool pll_ready;
    bool lsi_ready;
};

struct rcc {
    struct dev dev;
    struct rcc_state s;
    unsigned hsi_event;
    unsigned hse_event;
    unsigned pll_event;
    unsigned lsi_event;
};

/* --- clock tree --- */

static uint32_t pll_input_hz(const struct rcc *r)
{
    return r->s.reg[PLLCFGR / 4] & PLL_SRC_HSE ? RCC_HSE_HZ : RCC_HSI_HZ;
}

static uint32_t pll_hz(const struct rcc *r)
{
    uint32_t cfg = r->s.reg[PLLCFGR / 4];
    uint32_t m = cfg & PLL_M_MASK;
    uint32_t n = (cfg >> 6) & 0x1FF;
    uint32_t p = 2 * (((cfg >> 16) & 3) + 1);
    return (uint32_t)((uint64_t)pll_input_hz(r) * n / (m ? m : 1) / p);
}

/* RM0090 7.3.2 and DS8626 table 36. */
static void check_pll(struct rcc *r)
{
    struct chip *chip = r->dev.chip;
    uint32_t cfg = r->s.reg[PLLCFGR / 4];
    uint32_t m = cfg & PLL_M_MASK;
    uint32_t n = (cfg >> 6) & 0x1FF;
    if (m < 2 || n < 50 || n > 432 || ((cfg >> 24) & 15) < 2) {
        chip_violation(chip,
                       "RCC: PLL on with M=%u N=%u Q=%u; allowed are M>=2, 50<=N<=432, Q>=2 (RM0090 7.3.2)",
                       (unsigned)m, (unsigned)n, (unsigned)((cfg >> 24) & 15));
        return;
    }
    uint32_t in_hz = pll_input_hz(r) / m;
    uint64_t vco_hz = (uint64_t)in_hz * n;
    if (in_hz < 950000 || in_hz > 2100000) {
        chip_violation(chip, "RCC: PLL input %u Hz, allowed is 1..2 MHz (RM0090 7.3.2)", (unsigned)in_hz);
    }
    if (vco_hz < 100000000 || vco_hz > 432000000) {
        chip_violation(chip, "RCC: PLL VCO %llu Hz, allowed is 100..432 MHz (RM0090 7.3.2)",
                       (unsigned long long)vco_hz);
    }
    bool source_ready = cfg & PLL_SRC_HSE ? r->s.hse_ready : r->s.hsi_ready;
    if (!source_ready) {
        chip_violation(chip, "RCC: PLL on before its source is ready (RM0090 7.2.3)");
    }
}

static uint32_t ahb_divider(uint32_t hpre)
{
    static const uint16_t div[8] = {2, 4, 8, 16, 64, 128, 256, 512};
    return hpre & 8 ? div[hpre & 7] : 1;
}

static uint32_t apb_divider(uint32_t ppre)
{
    return ppre & 4 ? 2U << (ppre & 3) : 1;
}

static void check_limit(struct rcc *r, const char *clock, uint32_t hz, uint32_t max_hz)
{
    if (hz > max_hz) {
        chip_violation(r->dev.chip, "RCC: %s at %u Hz, the maximum is %u Hz (DS8626 table 14)", clock,
                       (unsigned)hz, (unsigned)max_hz);
    }
}

static void set_clocks(struct rcc *r)
{
    uint32_t cfgr = r->s.reg[CFGR / 4];
    uint32_t sys_hz = r->s.sws == SW_PLL ? pll_hz(r) : r->s.sws == SW_HSE ? RCC_HSE_HZ : RCC_HSI_HZ;
    uint32_t hclk_hz = sys_hz / ahb_divider((cfgr >> 4) & 15);
    uint32_t div1 = apb_divider((cfgr >> 10) & 7);
    uint32_t div2 = apb_divider((cfgr >> 13) & 7);
    uint32_t pclk1_hz = hclk_hz / div1;
    uint32_t pclk2_hz = hclk_hz / div2;
    struct chip *chip = r->dev.chip;
    if (hclk_hz == chip_clock_hz(chip, CHIP_HCLK) && pclk1_hz == chip_clock_hz(chip, CHIP_PCLK1) &&
        pclk2_hz == chip_clock_hz(chip, CHIP_PCLK2)) {
        return;
    }
    check_limit(r, "HCLK", hclk_hz, 168000000);
    check_limit(r, "PCLK1", pclk1_hz, 42000000);
    check_limit(r, "PCLK2", pclk2_hz, 84000000);
    chip_set_clocks(chip, hclk_hz, pclk1_hz, pclk2_hz, div1 == 1 ? pclk1_hz : 2 * pclk1_hz,
                    div2 == 1 ? pclk2_hz : 2 * pclk2_hz);
}

/* The switch happens when the wanted source is ready (RM0090 7.2.6). */
static void try_switch(struct rcc *r)
{
    uint32_t sw = r->s.reg[CFGR / 4] & SW_MASK;
    bool ready = sw == SW_PLL ? r->s.pll_ready : sw == SW_HSE ? r->s.hse_ready : r->s.hsi_ready;
    if (ready) {
        r->s.sws = sw;
    }
    set_clocks(r);
}

static void hsi_up(void *ctx)
{
    struct rcc *r = ctx;
    r->s.hsi_ready = true;
    try_switch(r);
}

static void hse_up(void *ctx)
{
    struct rcc *r = ctx;
    r->s.hse_ready = true;
    try_switch(r);
}

static void pll_up(void *ctx)
{
    struct rcc *r = ctx;
    r->s.pll_ready = true;
    try_switch(r);
}

static void lsi_up(void *ctx)
{
    struct rcc *r = ctx;
    r->s.lsi_ready = true;
}

/* --- writes --- */

/* One oscillator bit: start its ready event, or stop it. */
static void oscillator(struct rcc *r, bool was_on, bool on, bool *ready, unsigned event, uint32_t start_us)
{
    if (on && !was_on) {
        chip_event_at(r->dev.chip, event, chip_now_ps(r->dev.chip) + start_us * PS_PER_US);
    } else if (!on && was_on) {
        *ready = false;
        chip_event_cancel(r->dev.chip, event);
    }
}

/* An oscillator in use cannot be stopped: the hardware keeps the bit (RM0090 7.3.1). */
static uint32_t keep_used(struct rcc *r, uint32_t value)
{
    bool pll_used = r->s.sws == SW_PLL;
    bool pll_on = r->s.reg[CR / 4] & CR_PLLON;
    bool pll_hse = r->s.reg[PLLCFGR / 4] & PLL_SRC_HSE;
    uint32_t used = pll_used ? CR_PLLON : 0;
    if (r->s.sws == SW_HSI || (pll_used && pll_on && !pll_hse)) {
        used |= CR_HSION;
    }
    if (r->s.sws == SW_HSE || (pll_used && pll_on && pll_hse)) {
        used |= CR_HSEON;
    }
    if (used & ~value) {
        chip_violation(r->dev.chip, "RCC: CR switches off the clock in use (RM0090 7.3.1)");
    }
    return value | used;
}

static void write_cr(struct rcc *r, uint32_t value)
{
    uint32_t old = r->s.reg[CR / 4];
    regs_reserved(&r->dev, "CR", value & ~0x0A02FF02U, CR_WRITABLE);
    regs_unmodelled(&r->dev, "PLLI2S", value & CR_PLLI2SON);
    value = keep_used(r, value);
    r->s.reg[CR / 4] = (value & CR_WRITABLE) | (CR_RESET & 0xFF00U);
    oscillator(r, old & CR_HSION, value & CR_HSION, &r->s.hsi_ready, r->hsi_event, RCC_HSI_START_US);
    oscillator(r, old & CR_HSEON, value & CR_HSEON, &r->s.hse_ready, r->hse_event, RCC_HSE_START_US);
    if (!(old & CR_PLLON) && (value & CR_PLLON)) {
        check_pll(r);
    }
    oscillator(r, old & CR_PLLON, value & CR_PLLON, &r->s.pll_ready, r->pll_event, RCC_PLL_LOCK_US);
}

static void write_pllcfgr(struct rcc *r, uint32_t value)
{
    regs_reserved(&r->dev, "PLLCFGR", value, PLLCFGR_LEGAL);
    if ((r->s.reg[CR / 4] & CR_PLLON) && value != r->s.reg[PLLCFGR / 4]) {
        chip_violation(r->dev.chip, "RCC: PLLCFGR changed while the PLL is on (RM0090 7.3.2)");
        return;
    }
    r->s.reg[PLLCFGR / 4] = value;
}

static void write_cfgr(struct rcc *r, uint32_t value)
{
    regs_reserved(&r->dev, "CFGR", value & ~0xCU, CFGR_WRITABLE);
    if ((value & SW_MASK) == 3) {
        chip_violation(r->dev.chip, "RCC: CFGR.SW=11 is not allowed (RM0090 7.3.3)");
        value = (value & ~3U) | r->s.sws;
    }
    r->s.reg[CFGR / 4] = value & CFGR_WRITABLE;
    try_switch(r);
}

static void write_bdcr(struct rcc *r, uint32_t value)
{
    struct chip *chip = r->dev.chip;
    if (!chip_backup_is_writable(chip)) {
        chip_violation(chip, "RCC: BDCR written while PWR_CR.DBP=0 (RM0090 7.3.20)");
        return;
    }
    regs_reserved(&r->dev, "BDCR", value & ~2U, BDCR_WRITABLE);
    if ((value & BDCR_BDRST) && !(r->s.bdcr & BDCR_BDRST)) {
        chip_backup_reset(chip);
        value = BDCR_BDRST;
    }
    r->s.bdcr = value & BDCR_WRITABLE;
    chip_set_rtc_enabled(chip, r->s.bdcr & BDCR_RTCEN);
}

static void write_csr(struct rcc *r, uint32_t value)
{
    struct chip *chip = r->dev.chip;
    uint32_t old = r->s.reg[CSR / 4];
    regs_reserved(&r->dev, "CSR", value & ~(CSR_FLAGS | CSR_LSIRDY), CSR_LSION | CSR_RMVF);
    if (value & CSR_RMVF) {
        r->s.flags = 0;
    }
    r->s.reg[CSR / 4] = value & CSR_LSION;
    chip_use_lsi(chip, CHIP_LSI_RCC, value & CSR_LSION);
    oscillator(r, old & CSR_LSION, value & CSR_LSION, &r->s.lsi_ready, r->lsi_event, RCC_LSI_START_US);
}

static void write_plain(struct rcc *r, size_t i, uint32_t value)
{
    struct chip *chip = r->dev.chip;
    uint32_t off = plain[i].off;
    regs_reserved(&r->dev, plain[i].name, value, plain[i].legal);
    value &= plain[i].legal;
    r->s.reg[off / 4] = value;
    switch (off) {
    case AHB1RSTR:
    case AHB2RSTR:
        chip_set_resets(chip, (off - AHB1RSTR) / 4, value);
        break;
    case APB1RSTR:
    case APB2RSTR:
        chip_set_resets(chip, 2 + (off - APB1RSTR) / 4, value);
        break;
    case AHB1ENR:
    case AHB2ENR:
        chip_set_enables(chip, (off - AHB1ENR) / 4, value);
        break;
    case APB1ENR:
    case APB2ENR:
        chip_set_enables(chip, 2 + (off - APB1ENR) / 4, value);
        break;
    default:
        break;
    }
}

/* --- bus --- */

static uint32_t read_word(const struct rcc *r, uint32_t off)
{
    const struct rcc_state *s = &r->s;
    uint32_t v = s->reg[off / 4];
    switch (off) {
    case CR:
        return v | (s->hsi_ready ? CR_HSIRDY : 0) | (s->hse_ready ? CR_HSERDY : 0) |
               (s->pll_ready ? CR_PLLRDY : 0);
    case CFGR:
        return v | s->sws << 2;
    case BDCR:
        return s->bdcr;
    case CSR:
        return v | s->flags | (s->lsi_ready ? CSR_LSIRDY : 0);
    default:
        return v;
    }
}

/* Index into `plain`, or -1. */
static int plain_index(uint32_t off)
{
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (plain[i].off == off) {
            return (int)i;
        }
    }
    return -1;
}

static bool is_register(uint32_t off)
{
    return off <= CIR || off == BDCR || off == CSR || plain_index(off) >= 0;
}

static bool rcc_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct rcc *r = (struct rcc *)dev;
    if (!is_register(off & ~3U)) {
        regs_hole(dev, off);
        return true;
    }
    *value = regs_extract(read_word(r, off & ~3U), off, n_bytes);
    return true;
}

static bool rcc_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct rcc *r = (struct rcc *)dev;
    uint32_t word = off & ~3U;
    if (!is_register(word)) {
        regs_hole(dev, off);
        return true;
    }
    value = regs_merge(read_word(r, word), off, n_bytes, value);
    int i = plain_index(word);
    if (i >= 0) {
        write_plain(r, (size_t)i, value);
        return true;
    }
    switch (word) {
    case CR:
        write_cr(r, value);
        break;
    case PLLCFGR:
        write_pllcfgr(r, value);
        break;
    case CFGR:
        write_cfgr(r, value);
        break;
    case CIR:
        regs_unmodelled(dev, "a clock interrupt (CIR)", value & 0x3F00U);
        break;
    case BDCR:
        write_bdcr(r, value);
        break;
    default:
        write_csr(r, value);
        break;
    }
    return true;
}

/* Every reset pulls NRST low, so PINRSTF comes with each (RM0090 7.1.2). */
static uint32_t flags_of(enum chip_reset_cause cause)
{
    switch (cause) {
    case CHIP_RESET_POWER:
        return CSR_PIN | CSR_POR | CSR_BOR;
    case CHIP_RESET_BROWN_OUT:
        return CSR_PIN | CSR_BOR;
    case CHIP_RESET_SOFTWARE:
        return CSR_PIN | CSR_SFT;
    case CHIP_RESET_IWDG:
        return CSR_PIN | CSR_IWDG;
    case CHIP_RESET_PIN:
        break;
    }
    return CSR_PIN;
}

static void rcc_reset(struct dev *dev, enum dev_reset kind)
{
    struct rcc *r = (struct rcc *)dev;
    struct chip *chip = dev->chip;
    struct rcc_state *s = &r->s;
    uint32_t flags = kind == DEV_RESET_POWER ? 0 : s->flags;
    uint32_t bdcr = kind == DEV_RESET_POWER ? 0 : s->bdcr;
    *s = (struct rcc_state){
        .flags = flags | flags_of(chip_reset_cause(chip)), .bdcr = bdcr, .hsi_ready = true};
    s->reg[CR / 4] = CR_RESET & ~(uint32_t)CR_HSIRDY;
    s->reg[PLLCFGR / 4] = PLLCFGR_RESET;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        s->reg[plain[i].off / 4] = plain[i].reset;
    }
    chip_event_cancel(chip, r->hsi_event);
    chip_event_cancel(chip, r->hse_event);
    chip_event_cancel(chip, r->pll_event);
    chip_event_cancel(chip, r->lsi_event);
    chip_set_enables(chip, 0, s->reg[AHB1ENR / 4]);
    chip_use_lsi(chip, CHIP_LSI_RCC, false);
    chip_set_rtc_enabled(chip, bdcr & BDCR_RTCEN);
    set_clocks(r);
}

static const struct dev_ops ops = {.read = rcc_read, .write = rcc_write, .reset = rcc_reset};

void rcc_attach(struct chip *chip)
{
    struct rcc *r = chip_alloc(chip, sizeof *r);
    r->dev = (struct dev){.ops = &ops,
                          .name = "RCC",
                          .base = 0x40023800,
                          .n_bytes = WINDOW,
                          .state = &r->s,
                          .state_bytes = sizeof r->s};
    chip_add_dev(chip, &r->dev);
    r->hsi_event = chip_event_add(chip, "HSI ready", hsi_up, r);
    r->hse_event = chip_event_add(chip, "HSE ready", hse_up, r);
    r->pll_event = chip_event_add(chip, "PLL locked", pll_up, r);
    r->lsi_event = chip_event_add(chip, "LSI ready", lsi_up, r);
}
