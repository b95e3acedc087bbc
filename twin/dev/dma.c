#include "dev/dma.h"

#include <string.h>

#include "regs.h"

enum dma_reg { LISR = 0x00, HISR = 0x04, LIFCR = 0x08, HIFCR = 0x0C, STREAM_0 = 0x10, STREAM_STRIDE = 0x18 };
enum dma_stream_reg { CR = 0x00, NDTR = 0x04, PAR = 0x08, M0AR = 0x0C, M1AR = 0x10, FCR = 0x14 };

enum dma_cr {
    CR_EN = 1 << 0,
    CR_DMEIE = 1 << 1,
    CR_TEIE = 1 << 2,
    CR_HTIE = 1 << 3,
    CR_TCIE = 1 << 4,
    CR_PFCTRL = 1 << 5,
    CR_DIR_SHIFT = 6,
    CR_CIRC = 1 << 8,
    CR_PINC = 1 << 9,
    CR_MINC = 1 << 10,
    CR_PSIZE_SHIFT = 11,
    CR_MSIZE_SHIFT = 13,
    CR_MSIZE = 3 << 13,
    CR_PINCOS = 1 << 15,
    CR_PL_SHIFT = 16,
    CR_DBM = 1 << 18,
    CR_CT = 1 << 19,
    CR_BURST = 15 << 21,
    CR_CHSEL_SHIFT = 25,
    CR_ALL = 0x0FEFFFFF,
    CR_ANY_TIME = CR_EN | CR_DMEIE | CR_TEIE | CR_HTIE | CR_TCIE /* may be written while EN = 1 */
};

enum dma_dir { DIR_FROM_PERIPHERAL, DIR_TO_PERIPHERAL, DIR_MEMORY, DIR_RESERVED };

enum dma_fcr { FCR_FTH = 3, FCR_DMDIS = 1 << 2, FCR_FS_EMPTY = 4 << 3, FCR_FEIE = 1 << 7, FCR_RESET = 0x21 };

/* Flags of one stream, before they are shifted to its place in LISR or HISR. */
enum dma_flag { FEIF = 1 << 0, DMEIF = 1 << 2, TEIF = 1 << 3, HTIF = 1 << 4, TCIF = 1 << 5, ANY_FLAG = 0x3D };

enum {
    STREAMS = 8,
    ISR_MASK = 0x0F7D0F7D,
    M2M_ITEMS_PER_STEP = 16,
    M2M_CLOCKS_PER_ITEM = 4,
    SERVICE_LIMIT = 1 << 20
};

struct dma_stream {
    uint32_t cr, ndtr, par, m0ar, m1ar, fcr;
    uint32_t block_items;    /* NDTR at the start of the block; what it is reloaded with */
    uint32_t p_addr, m_addr; /* next addresses */
    uint32_t ahead;          /* item fetched from memory before its request */
    uint32_t has_ahead;
    uint32_t requests; /* level of each channel's request, bit = channel */
    uint32_t flags;
};

struct dma_state {
    struct dma_stream stream[STREAMS];
};

struct dma {
    struct dev dev;
    struct dma_state state;
    unsigned number; /* 1, 2 */
    bool is_serving; /* only inside serve_requests */
    unsigned m2m_event;
};

struct dmas {
    struct dma dma[2];
};

static const unsigned irqs[2][STREAMS] = {{11, 12, 13, 14, 15, 16, 17, 47}, {56, 57, 58, 59, 60, 68, 69, 70}};

static enum dma_dir dir_of(const struct dma_stream *s)
{
    return (enum dma_dir)((s->cr >> CR_DIR_SHIFT) & 3U);
}

static unsigned item_bytes(const struct dma_stream *s)
{
    return 1U << ((s->cr >> CR_PSIZE_SHIFT) & 3U);
}

static void update_irq(struct dma *d, unsigned n)
{
    const struct dma_stream *s = &d->state.stream[n];
    bool level = ((s->cr & CR_TCIE) && (s->flags & TCIF)) || ((s->cr & CR_HTIE) && (s->flags & HTIF)) ||
                 ((s->cr & CR_TEIE) && (s->flags & TEIF)) || ((s->cr & CR_DMEIE) && (s->flags & DMEIF)) ||
                 ((s->fcr & FCR_FEIE) && (s->flags & FEIF));
    chip_irq(d->dev.chip, irqs[d->number - 1][n], level);
}

static void transfer_error(struct dma *d, unsigned n, const char *what, uint32_t addr)
{
    struct dma_stream *s = &d->state.stream[n];
    chip_violation(d->dev.chip, "%s stream %u: %s 0x%08X", d->dev.name, n, what, (unsigned)addr);
    s->cr &= ~(uint32_t)CR_EN;
    s->has_ahead = 0;
    s->flags |= TEIF;
    update_irq(d, n);
}

static uint32_t memory_base(const struct dma_stream *s)
{
    return (s->cr & CR_DBM) && (s->cr & CR_CT) ? s->m1ar : s->m0ar;
}

static void start_block(struct dma_stream *s)
{
    s->ndtr = s->block_items;
    s->p_addr = s->par;
    s->m_addr = memory_base(s);
}

static void step_memory(struct dma_stream *s)
{
    if (s->cr & CR_MINC) {
        s->m_addr += item_bytes(s);
    }
}

static void step_peripheral(struct dma_stream *s)
{
    if (s->cr & CR_PINC) {
        s->p_addr += item_bytes(s);
    }
}

/* Account for one item that arrived. */
static void item_done(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    s->ndtr--;
    if (s->ndtr == s->block_items / 2U) {
        s->flags |= HTIF;
    }
    if (s->ndtr == 0) {
        s->flags |= TCIF;
        if (s->cr & CR_DBM) {
            s->cr ^= CR_CT;
            start_block(s);
        } else if (s->cr & CR_CIRC) {
            start_block(s);
        } else {
            s->cr &= ~(uint32_t)CR_EN;
        }
    }
    update_irq(d, n);
}

static bool fetch_ahead(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    uint32_t addr = s->m_addr;
    if (!chip_bus_read(d->dev.chip, addr, item_bytes(s), &s->ahead)) {
        transfer_error(d, n, "bus error at memory address", addr);
        return false;
    }
    s->has_ahead = 1;
    step_memory(s);
    return true;
}

/* Memory to peripheral: the item goes out, and the next one is
 * fetched at once (direct mode, RM0090 10.3.12). */
static void serve_to_peripheral(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    uint32_t addr = s->p_addr;
    if (!s->has_ahead && !fetch_ahead(d, n)) {
        return;
    }
    s->has_ahead = 0;
    if (!chip_bus_write(d->dev.chip, addr, item_bytes(s), s->ahead)) {
        transfer_error(d, n, "bus error at peripheral address", addr);
        return;
    }
    step_peripheral(s);
    item_done(d, n);
    if (s->cr & CR_EN) {
        (void)fetch_ahead(d, n);
    }
}

/* Peripheral (or, memory to memory, the address in PAR) to memory. */
static void serve_to_memory(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    uint32_t value = 0;
    uint32_t from = s->p_addr;
    uint32_t to = s->m_addr;
    if (!chip_bus_read(d->dev.chip, from, item_bytes(s), &value)) {
        transfer_error(d, n, "bus error at source address", from);
        return;
    }
    if (!chip_bus_write(d->dev.chip, to, item_bytes(s), value)) {
        transfer_error(d, n, "bus error at memory address", to);
        return;
    }
    step_peripheral(s);
    step_memory(s);
    item_done(d, n);
}

static bool wants_service(const struct dma_stream *s)
{
    unsigned channel = s->cr >> CR_CHSEL_SHIFT;
    return (s->cr & CR_EN) && s->ndtr > 0 && dir_of(s) != DIR_MEMORY && (s->requests & (1U << channel));
}

/* Highest PL first, then the lower stream number (RM0090 10.3.4). @return STREAMS: nobody */
static unsigned next_stream(const struct dma *d)
{
    unsigned best = STREAMS;
    unsigned best_priority = 0;
    for (unsigned n = 0; n < STREAMS; n++) {
        const struct dma_stream *s = &d->state.stream[n];
        unsigned priority = (s->cr >> CR_PL_SHIFT) & 3U;
        if (wants_service(s) && (best == STREAMS || priority > best_priority)) {
            best = n;
            best_priority = priority;
        }
    }
    return best;
}

/* Items move until no request stands. A transfer changes request lines and so calls back in here: then only
 * the level is noted, and this loop goes on with it. */
static void serve_requests(struct dma *d)
{
    if (d->is_serving) {
        return;
    }
    d->is_serving = true;
    unsigned n = next_stream(d);
    for (unsigned i = 0; n < STREAMS && i < SERVICE_LIMIT; i++) {
        if (dir_of(&d->state.stream[n]) == DIR_TO_PERIPHERAL) {
            serve_to_peripheral(d, n);
        } else {
            serve_to_memory(d, n);
        }
        n = next_stream(d);
    }
    d->is_serving = false;
    if (n < STREAMS) {
        chip_violation(d->dev.chip, "%s stream %u: its request never falls", d->dev.name, n);
    }
}

static void on_request(void *ctx, unsigned controller, unsigned stream, unsigned channel, bool level)
{
    struct dmas *all = ctx;
    if (controller < 1 || controller > 2 || stream >= STREAMS || channel > 7) {
        return;
    }
    struct dma *d = &all->dma[controller - 1];
    uint32_t bit = 1U << channel;
    uint32_t *requests = &d->state.stream[stream].requests;
    *requests = level ? *requests | bit : *requests & ~bit;
    if (level) {
        serve_requests(d);
    }
}

static bool is_m2m_running(const struct dma_stream *s)
{
    return (s->cr & CR_EN) && dir_of(s) == DIR_MEMORY && s->ndtr > 0;
}

static void arm_m2m(struct dma *d)
{
    uint64_t hz = chip_clock_hz(d->dev.chip, CHIP_HCLK);
    uint64_t step_ps =
        hz ? (uint64_t)M2M_ITEMS_PER_STEP * M2M_CLOCKS_PER_ITEM * 1000000000000ULL / hz : 1000000ULL;
    chip_event_at(d->dev.chip, d->m2m_event, chip_now_ps(d->dev.chip) + step_ps);
}

static void on_m2m(void *ctx)
{
    struct dma *d = ctx;
    bool again = false;
    for (unsigned n = 0; n < STREAMS; n++) {
        struct dma_stream *s = &d->state.stream[n];
        for (unsigned i = 0; i < M2M_ITEMS_PER_STEP && is_m2m_running(s); i++) {
            serve_to_memory(d, n);
        }
        again = again || is_m2m_running(s);
    }
    if (again) {
        arm_m2m(d);
    }
}

static unsigned flag_shift(unsigned n)
{
    static const unsigned shifts[4] = {0, 6, 16, 22};
    return shifts[n % 4U];
}

static uint32_t read_isr(const struct dma *d, unsigned first)
{
    uint32_t isr = 0;
    for (unsigned n = first; n < first + 4; n++) {
        isr |= d->state.stream[n].flags << flag_shift(n);
    }
    return isr;
}

static void clear_flags(struct dma *d, unsigned first, uint32_t value)
{
    regs_reserved(&d->dev, first ? "HIFCR" : "LIFCR", value, ISR_MASK);
    for (unsigned n = first; n < first + 4; n++) {
        d->state.stream[n].flags &= ~(value >> flag_shift(n));
        update_irq(d, n);
    }
}

static uint32_t read_stream(const struct dma_stream *s, uint32_t reg)
{
    switch (reg) {
    case CR:
        return s->cr;
    case NDTR:
        return s->ndtr;
    case PAR:
        return s->par;
    case M0AR:
        return s->m0ar;
    case M1AR:
        return s->m1ar;
    default:
        return s->fcr;
    }
}

static bool dma_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct dma *d = (struct dma *)dev;
    uint32_t reg = off & ~3U;
    uint32_t word = 0;
    if (reg == LISR) {
        word = read_isr(d, 0);
    } else if (reg == HISR) {
        word = read_isr(d, 4);
    } else if (reg == LIFCR || reg == HIFCR) {
        word = 0;
    } else if (reg < STREAM_0 + STREAMS * STREAM_STRIDE) {
        word =
            read_stream(&d->state.stream[(reg - STREAM_0) / STREAM_STRIDE], (reg - STREAM_0) % STREAM_STRIDE);
    } else {
        regs_hole(dev, off);
    }
    *value = regs_extract(word, off, n_bytes);
    return true;
}

/* What RM0090 10.3 and 10.5 forbid in a stream's set-up. @return NULL if fine, else the text */
static const char *setup_fault(const struct dma *d, const struct dma_stream *s)
{
    bool is_m2m = dir_of(s) == DIR_MEMORY;
    uint32_t misaligned = item_bytes(s) - 1U;
    if (dir_of(s) == DIR_RESERVED || ((s->cr >> CR_PSIZE_SHIFT) & 3U) == 3U) {
        return "reserved DIR or PSIZE";
    }
    if (s->ndtr == 0) {
        return "enabled with NDTR = 0";
    }
    if (is_m2m && (d->number == 1 || (s->cr & (CR_CIRC | CR_DBM)))) {
        return "memory to memory needs DMA2, no circular and no double-buffer mode (RM0090 10.3.6)";
    }
    if (s->cr & (CR_PFCTRL | CR_PINCOS | CR_BURST)) {
        return "peripheral flow control, PINCOS and bursts are not modelled";
    }
    if (!is_m2m && (s->fcr & FCR_DMDIS)) {
        return "FIFO mode (FCR.DMDIS) is not modelled";
    }
    if ((s->par | s->m0ar | (s->cr & CR_DBM ? s->m1ar : 0U)) & misaligned) {
        return "an address is not aligned to the item size (RM0090 10.3.11)";
    }
    return NULL;
}

static void enable(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    if (s->flags) {
        chip_violation(d->dev.chip, "%s stream %u: enabled while event flags 0x%02X stand (RM0090 10.5.5)",
                       d->dev.name, n, (unsigned)s->flags);
    }
    if (s->ndtr == 0) {
        s->ndtr = s->block_items; /* EN reloads what was programmed last (RM0090 10.5.6) */
    }
    const char *fault = setup_fault(d, s);
    if (fault) {
        chip_violation(d->dev.chip, "%s stream %u: %s", d->dev.name, n, fault);
        s->cr &= ~(uint32_t)CR_EN;
        return;
    }
    /* Direct mode knows one size (RM0090 10.5.5, MSIZE); memory to memory here too. */
    s->cr = (s->cr & ~(uint32_t)CR_MSIZE) | ((s->cr >> CR_PSIZE_SHIFT & 3U) << CR_MSIZE_SHIFT);
    s->block_items = s->ndtr;
    start_block(s);
    s->has_ahead = 0;
    if (dir_of(s) == DIR_MEMORY) {
        s->fcr |= FCR_DMDIS;
        arm_m2m(d);
    } else if (dir_of(s) == DIR_TO_PERIPHERAL && !fetch_ahead(d, n)) {
        return;
    }
    serve_requests(d);
}

/* Software stops a stream: what was fetched ahead is dropped; TCIF
 * says that it has stopped (RM0090 10.3.14). */
static void disable(struct dma *d, unsigned n)
{
    struct dma_stream *s = &d->state.stream[n];
    s->cr &= ~(uint32_t)CR_EN;
    s->has_ahead = 0;
    s->flags |= TCIF;
}

static void write_cr(struct dma *d, unsigned n, uint32_t value)
{
    struct dma_stream *s = &d->state.stream[n];
    uint32_t old = s->cr;
    regs_reserved(&d->dev, "SxCR", value, CR_ALL);
    value &= CR_ALL;
    if (!(old & CR_EN)) {
        s->cr = value;
        if (value & CR_EN) {
            enable(d, n);
        }
        update_irq(d, n);
        return;
    }
    if ((old ^ value) & ~(uint32_t)CR_ANY_TIME) {
        chip_violation(d->dev.chip, "%s stream %u: CR bits 0x%08X changed while EN = 1 (RM0090 10.5.5)",
                       d->dev.name, n, (unsigned)((old ^ value) & ~(uint32_t)CR_ANY_TIME));
    }
    s->cr = (old & ~(uint32_t)CR_ANY_TIME) | (value & CR_ANY_TIME);
    if (!(value & CR_EN)) {
        disable(d, n);
    }
    update_irq(d, n);
}

static void refuse_while_enabled(struct dma *d, unsigned n, const char *reg)
{
    chip_violation(d->dev.chip, "%s stream %u: %s written while EN = 1 (RM0090 10.5)", d->dev.name, n, reg);
}

/* In double-buffer mode the idle buffer may get a new address; touching the busy one stops the stream. */
static void write_memory_address(struct dma *d, unsigned n, unsigned which, uint32_t value)
{
    struct dma_stream *s = &d->state.stream[n];
    bool enabled = (s->cr & CR_EN) != 0;
    bool is_busy = which == ((s->cr & CR_CT) ? 1U : 0U);
    if (enabled && (!(s->cr & CR_DBM) || is_busy)) {
        refuse_while_enabled(d, n, which ? "M1AR" : "M0AR");
        if (s->cr & CR_DBM) {
            s->cr &= ~(uint32_t)CR_EN;
            s->flags |= TEIF;
            update_irq(d, n);
        }
        return;
    }
    if (which) {
        s->m1ar = value;
    } else {
        s->m0ar = value;
    }
}

static void write_fcr(struct dma *d, unsigned n, uint32_t value)
{
    struct dma_stream *s = &d->state.stream[n];
    uint32_t frozen = FCR_FTH | FCR_DMDIS;
    regs_reserved(&d->dev, "SxFCR", value, FCR_FTH | FCR_DMDIS | (7U << 3) | FCR_FEIE);
    if ((s->cr & CR_EN) && ((s->fcr ^ value) & frozen)) {
        refuse_while_enabled(d, n, "FCR");
        value = (value & ~frozen) | (s->fcr & frozen);
    }
    s->fcr = (value & (frozen | FCR_FEIE)) | FCR_FS_EMPTY;
    update_irq(d, n);
}

static void write_stream(struct dma *d, unsigned n, uint32_t reg, uint32_t value)
{
    struct dma_stream *s = &d->state.stream[n];
    bool enabled = (s->cr & CR_EN) != 0;
    switch (reg) {
    case CR:
        write_cr(d, n, value);
        break;
    case NDTR:
        regs_reserved(&d->dev, "SxNDTR", value, 0xFFFF);
        if (enabled) {
            refuse_while_enabled(d, n, "NDTR");
            break;
        }
        s->ndtr = value & 0xFFFFU;
        s->block_items = s->ndtr;
        break;
    case PAR:
        if (enabled) {
            refuse_while_enabled(d, n, "PAR");
            break;
        }
        s->par = value;
        break;
    case M0AR:
        write_memory_address(d, n, 0, value);
        break;
    case M1AR:
        write_memory_address(d, n, 1, value);
        break;
    default:
        write_fcr(d, n, value);
        break;
    }
}

static bool dma_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct dma *d = (struct dma *)dev;
    if (n_bytes != 4) {
        chip_violation(dev->chip, "%s: %u-byte write at offset 0x%02X, words only (RM0090 10.5)", dev->name,
                       n_bytes, (unsigned)off);
        return true;
    }
    if (off == LISR || off == HISR) {
        regs_read_only(dev, "an interrupt status register");
    } else if (off == LIFCR) {
        clear_flags(d, 0, value);
    } else if (off == HIFCR) {
        clear_flags(d, 4, value);
    } else if (off < STREAM_0 + STREAMS * STREAM_STRIDE) {
        write_stream(d, (off - STREAM_0) / STREAM_STRIDE, (off - STREAM_0) % STREAM_STRIDE, value);
    } else {
        regs_hole(dev, off);
    }
    return true;
}

static void dma_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct dma *d = (struct dma *)dev;
    for (unsigned n = 0; n < STREAMS; n++) {
        uint32_t requests = d->state.stream[n].requests; /* belong to the peripherals */
        memset(&d->state.stream[n], 0, sizeof d->state.stream[n]);
        d->state.stream[n].requests = requests;
        d->state.stream[n].fcr = FCR_RESET;
        update_irq(d, n);
    }
    chip_event_cancel(dev->chip, d->m2m_event);
}

static const struct dev_ops dma_ops = {.read = dma_read, .write = dma_write, .reset = dma_reset};

void dma_attach(struct chip *chip)
{
    static const char *const names[2] = {"DMA1", "DMA2"};
    struct dmas *all = chip_alloc(chip, sizeof *all);
    for (unsigned i = 0; i < 2; i++) {
        struct dma *d = &all->dma[i];
        d->number = i + 1;
        d->dev = (struct dev){.ops = &dma_ops,
                              .name = names[i],
                              .base = 0x40026000U + 0x400U * i,
                              .n_bytes = 0x400,
                              .chip = chip,
                              .state = &d->state,
                              .state_bytes = sizeof d->state};
        for (unsigned n = 0; n < STREAMS; n++) {
            d->state.stream[n].fcr = FCR_RESET;
        }
        d->m2m_event = chip_event_add(chip, names[i], on_m2m, d);
        chip_add_dev(chip, &d->dev);
    }
    chip_on_dma_request(chip, on_request, all);
}
