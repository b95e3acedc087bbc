/* The state that a chip begins with, when it is made and at each reset. */
#include <string.h>

#include "chip_private.h"

static void forget_lines(struct chip *chip)
{
    struct chip_run *run = &chip->run;
    for (size_t i = 0; i < CHIP_PORTS; i++) {
        uint16_t outside = run->port[i].outside;
        memset(&run->port[i], 0, sizeof run->port[i]);
        run->port[i].outside = outside;
    }
    memset(run->enr, 0, sizeof run->enr);
    memset(run->rstr, 0, sizeof run->rstr);
    memset(run->exti_port, 'A', sizeof run->exti_port);
    for (unsigned i = 0; i < CHIP_IRQS; i++) {
        chip_irq(chip, i, false);
    }
}

struct chip *chip_create(const struct chip_host *host, void *ctx)
{
    struct chip *chip = chip_allocate(sizeof *chip);
    chip->host = *host;
    chip->host_ctx = ctx;
    for (size_t i = 0; i < CHIP_EVENTS; i++) {
        chip->run.event_ps[i] = CHIP_NEVER;
    }
    chip->run.next_ps = CHIP_NEVER;
    chip->run.flash_open = true;
    chip->run.vdd_mv = 3300;
    chip->run.port[0].outside = 1u << 4; /* NSS idles high */
    chip->run.clock_hz[CHIP_LSI] = 32000;
    chip_add_state(chip, "chip", &chip->run, sizeof chip->run);
    chip_add_state(chip, "violations", &chip->log, sizeof chip->log);
    chip_add_state(chip, "console", &chip->console, sizeof chip->console);
    forget_lines(chip);
    for (size_t i = 0; i < CHIP_LSI; i++) {
        chip->run.clock_hz[i] =
            16000000; /* HSI, RM0090 7.2; the host is not asked before the board is built */
    }
    return chip;
}

void chip_reset(struct chip *chip, enum dev_reset kind, enum chip_reset_cause cause)
{
    chip_rom_stop(chip);
    forget_lines(chip);
    chip->run.reset_cause = cause;
    chip->run.reset_asked = 0;
    chip->run.strict_stop = false;
    for (size_t i = 0; i < chip->n_devices; i++) {
        struct dev *dev = chip->device[i].dev;
        if (dev->ops->reset) {
            dev->ops->reset(dev, kind);
        }
    }
}
