/* RTC: the backup registers only. RM0090 chapter 26. */
#include "dev/rtc.h"

#include "regs.h"

#include <string.h>

enum { BKP0R = 0x50, BACKUPS = 20, WINDOW = 0x400 };

/* Non-volatile while there is supply. */
struct rtc_state {
    uint32_t bkp[BACKUPS];
};

struct rtc {
    struct dev dev;
    struct rtc_state s;
};

static bool is_backup(struct dev *dev, uint32_t off)
{
    if (off < BKP0R || off >= BKP0R + 4 * BACKUPS) {
        chip_violation(dev->chip, "RTC: register at offset 0x%02X; only the backup registers are modelled",
                       (unsigned)off);
        return false;
    }
    return true;
}

static bool rtc_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct rtc *r = (struct rtc *)dev;
    if (is_backup(dev, off)) {
        *value = regs_extract(r->s.bkp[(off - BKP0R) / 4], off, n_bytes);
    }
    return true;
}

static bool rtc_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct rtc *r = (struct rtc *)dev;
    if (!is_backup(dev, off)) {
        return true;
    }
    if (!chip_backup_is_writable(dev->chip)) {
        chip_violation(dev->chip, "RTC: backup register written while PWR_CR.DBP=0 (RM0090 5.1.2)");
        return true;
    }
    uint32_t *bkp = &r->s.bkp[(off - BKP0R) / 4];
    *bkp = regs_merge(*bkp, off, n_bytes, value);
    return true;
}

static void clear(void *ctx)
{
    struct rtc *r = ctx;
    memset(&r->s, 0, sizeof r->s);
}

static void rtc_reset(struct dev *dev, enum dev_reset kind)
{
    if (kind == DEV_RESET_POWER) {
        clear(dev);
    }
}

static const struct dev_ops ops = {.read = rtc_read, .write = rtc_write, .reset = rtc_reset};

void rtc_attach(struct chip *chip)
{
    struct rtc *r = chip_alloc(chip, sizeof *r);
    r->dev = (struct dev){.ops = &ops,
                          .name = "RTC",
                          .base = 0x40002800,
                          .n_bytes = WINDOW,
                          .state = &r->s,
                          .state_bytes = sizeof r->s};
    chip_add_dev(chip, &r->dev);
    chip_on_backup_reset(chip, clear, r);
}
