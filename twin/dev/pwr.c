/* PWR: RM0090 chapter 5. */
#include "dev/pwr.h"

#include "regs.h"

enum { CR = 0x00, CSR = 0x04, WINDOW = 0x400 };
enum { CR_LPDS = 1 << 0, CR_PDDS = 1 << 1, CR_CWUF = 1 << 2, CR_CSBF = 1 << 3, CR_PVDE = 1 << 4 };
enum { CR_DBP = 1 << 8, CR_FPDS = 1 << 9, CR_VOS = 1 << 14, CR_RESET = CR_VOS, CR_LEGAL = 0x43FF };
enum { CSR_PVDO = 1 << 2, CSR_EWUP = 1 << 8, CSR_BRE = 1 << 9, CSR_VOSRDY = 1 << 14 };
enum { VOS2_MAX_HZ = 144000000 }; /* DS8626 table 14: scale 2 */

struct pwr_state {
    uint32_t cr;
    uint32_t csr;
};

struct pwr {
    struct dev dev;
    struct pwr_state s;
};

/* Falling thresholds by PLS, typical (DS8626 table 19). */
static uint32_t pvd_threshold_mv(uint32_t cr)
{
    static const uint16_t mv[8] = {2040, 2190, 2350, 2510, 2660, 2840, 2930, 3030};
    return mv[(cr >> 5) & 7];
}

static uint32_t csr(const struct pwr *p)
{
    bool low = chip_vdd_mv(p->dev.chip) < pvd_threshold_mv(p->s.cr);
    return p->s.csr | CSR_VOSRDY | ((p->s.cr & CR_PVDE) && low ? CSR_PVDO : 0);
}

static void check_scale(void *ctx)
{
    struct pwr *p = ctx;
    uint32_t hclk_hz = chip_clock_hz(p->dev.chip, CHIP_HCLK);
    if (!(p->s.cr & CR_VOS) && hclk_hz > VOS2_MAX_HZ) {
        chip_violation(p->dev.chip, "PWR: HCLK %u Hz with CR.VOS=0, the maximum is 144 MHz (RM0090 5.4.1)",
                       (unsigned)hclk_hz);
    }
}

static bool pwr_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct pwr *p = (struct pwr *)dev;
    if ((off & ~3U) > CSR) {
        regs_hole(dev, off);
        return true;
    }
    *value = regs_extract((off & ~3U) == CR ? p->s.cr : csr(p), off, n_bytes);
    return true;
}

static void write_cr(struct pwr *p, uint32_t value)
{
    regs_reserved(&p->dev, "CR", value, CR_LEGAL);
    regs_unmodelled(&p->dev, "Stop or Standby (LPDS, PDDS, FPDS)", value & (CR_LPDS | CR_PDDS | CR_FPDS));
    p->s.cr = value & CR_LEGAL & ~(uint32_t)(CR_CWUF | CR_CSBF);
    chip_set_backup_writable(p->dev.chip, value & CR_DBP);
    check_scale(p);
}

static bool pwr_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct pwr *p = (struct pwr *)dev;
    switch (off & ~3U) {
    case CR:
        write_cr(p, regs_merge(p->s.cr, off, n_bytes, value));
        break;
    case CSR:
        value = regs_merge(p->s.csr, off, n_bytes, value);
        regs_unmodelled(dev, "the wake-up pin or the backup regulator (CSR)", value & (CSR_EWUP | CSR_BRE));
        p->s.csr = value & (CSR_EWUP | CSR_BRE);
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    return true;
}

static void pwr_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    ((struct pwr *)dev)->s = (struct pwr_state){.cr = CR_RESET};
    chip_set_backup_writable(dev->chip, false);
}

static const struct dev_ops ops = {.read = pwr_read, .write = pwr_write, .reset = pwr_reset};

void pwr_attach(struct chip *chip)
{
    struct pwr *p = chip_alloc(chip, sizeof *p);
    p->s.cr = CR_RESET;
    p->dev = (struct dev){.ops = &ops,
                          .name = "PWR",
                          .base = 0x40007000,
                          .n_bytes = WINDOW,
                          .state = &p->s,
                          .state_bytes = sizeof p->s};
    chip_add_dev(chip, &p->dev);
    chip_on_clock_change(chip, check_scale, p);
}
