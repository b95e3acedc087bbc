#include "dev/rom_loader.h"

#include <string.h>

#include "rom_flash.h"

enum rom_byte { SOF = 0x5A, ACK = 0x79, NACK = 0x1F, FILLER = 0xA5, RELEASED = 0xFF };

enum rom_op {
    OP_GET = 0x00,
    OP_GET_VERSION = 0x01,
    OP_GET_ID = 0x02,
    OP_READ = 0x11,
    OP_GO = 0x21,
    OP_WRITE = 0x31,
    OP_ERASE = 0x44,
    OP_WRITE_PROTECT = 0x63,
    OP_WRITE_UNPROTECT = 0x73,
    OP_READOUT_PROTECT = 0x82,
    OP_READOUT_UNPROTECT = 0x92
};

enum { PROTOCOL = 0x11, PID_HIGH = 0x04, PID_LOW = 0x13 };

/* What the loader waits for, or does. */
enum rom_step {
    STEP_OFF,
    STEP_DEAD,    /* V3.1: no SPI */
    STEP_BOOTING, /* system start-up, pins not configured yet */
    STEP_SYNC,
    STEP_IDLE,
    STEP_COMMAND,
    STEP_ECHO,     /* discards bytes until the host's 79, then goes on with `next` */
    STEP_DATA_OUT, /* discards as many bytes as it sends */
    STEP_ADDRESS,
    STEP_READ_LENGTH,
    STEP_WRITE_DATA,
    STEP_ERASE_COUNT,
    STEP_ERASE_LIST,
    STEP_PROTECT_COUNT,
    STEP_PROTECT_LIST,
    STEP_WORK, /* flash busy: the core stalls and bytes are lost */
    /* Steps that happen at once, after an echo. */
    STEP_SEND_REPLY,
    STEP_SEND_MEMORY,
    STEP_JUMP,
    STEP_OPTIONS,
    STEP_RESET
};

enum rom_work { WORK_PROGRAM, WORK_ERASE, WORK_MASS_ERASE, WORK_OPTIONS };

enum {
    BLOCK_BYTES = 256,
    SRAM_BASE = 0x20000000,
    SRAM_END = 0x20020000,
    SRAM_USED_V9 = 0x3000, /* AN2606: overwritten by the loader */
    SRAM_USED_V3 = 0x2000,
    FLASH_BASE = 0x08000000,
    FLASH_BYTES_MOST = 0x100000, /* STM32F40xxG: 12 sectors */
    SECTORS_MOST = 12,
    SYSTEM_BASE = 0x1FFF0000,
    SYSTEM_END = 0x1FFF7A10, /* with OTP */
    OTP_BASE = 0x1FFF7800,
    OPTION_BASE = 0x1FFFC000,
    OPTION_END = 0x1FFFC010
};
enum {
    IWDG_KR = 0x40003000,
    IWDG_PR = 0x40003004,
    IWDG_KEY_UNLOCK = 0x5555,
    IWDG_KEY_RELOAD = 0xAAAA,
    IWDG_PR_MAX = 6 /* divider 256 */
};
static const uint32_t voltage_register = 0xFFFF0000U; /* AN2606 table 4 */
static const uint64_t default_startup_ps = 74000000000ULL;
static const uint64_t program_poll_ps = 2000000ULL;
static const uint64_t erase_poll_ps = 50000000ULL;
static const uint64_t food_period_ps = 100000000000ULL;

struct rom_state {
    uint64_t last_end_ps; /* end of the last byte, for min_gap_ps */
    uint32_t step;        /* enum rom_step */
    uint32_t next;        /* what follows the echo */
    uint32_t op;
    uint32_t work;
    uint32_t addr;
    uint32_t n_in;    /* bytes of this step so far */
    uint32_t n_skip;  /* STEP_DATA_OUT: bytes still to come */
    uint32_t n_data;  /* bytes to write, sectors to erase */
    uint32_t i_data;  /* next of them */
    uint32_t psize;   /* 0 x8, 1 x16, 2 x32, 3 x64 */
    uint32_t options; /* OPTCR to program */
    uint32_t out_head, out_tail;
    uint8_t in[BLOCK_BYTES + 4];
    uint8_t out[BLOCK_BYTES + 4];
    uint8_t dr; /* goes out with the next byte, and again, until something follows it */
    bool first_sync;
    bool hears;  /* this byte, since its first edge */
    bool jammed; /* a misaligned write spoils all later programming */
    bool op_running;
};

struct rom {
    struct rom_state state;
    struct rom_loader_config config;
    struct chip *chip;
    unsigned event;
    unsigned food_event;
};

/* --- bytes to the host ------------------------------------------------------------------------------- */

static void push(struct rom_state *s, uint8_t byte)
{
    if (s->out_head == s->out_tail) {
        s->out_head = 0;
        s->out_tail = 0;
    }
    if (s->out_tail < sizeof s->out) {
        s->out[s->out_tail++] = byte;
    }
}

static void wait_for(struct rom_state *s, enum rom_step step)
{
    s->step = (uint32_t)step;
    s->n_in = 0;
}

static void acknowledge(struct rom_state *s, enum rom_step next)
{
    push(s, ACK);
    s->next = (uint32_t)next;
    wait_for(s, STEP_ECHO);
}

static void refuse(struct rom_state *s)
{
    push(s, NACK);
    s->next = STEP_IDLE;
    wait_for(s, STEP_ECHO);
}

/* The data, then the level of the ACK that closes the command. The host clocks one dummy first. */
static void send_reply(struct rom_state *s)
{
    static const uint8_t get[] = {0x0B,
                                  PROTOCOL,
                                  OP_GET,
                                  OP_GET_VERSION,
                                  OP_GET_ID,
                                  OP_READ,
                                  OP_GO,
                                  OP_WRITE,
                                  OP_ERASE,
                                  OP_WRITE_PROTECT,
                                  OP_WRITE_UNPROTECT,
                                  OP_READOUT_PROTECT,
                                  OP_READOUT_UNPROTECT};
    static const uint8_t version[] = {PROTOCOL};
    static const uint8_t id[] = {0x01, PID_HIGH, PID_LOW};
    const uint8_t *bytes = get;
    size_t n = sizeof get;
    if (s->op == OP_GET_VERSION) {
        bytes = version;
        n = sizeof version;
    } else if (s->op == OP_GET_ID) {
        bytes = id;
        n = sizeof id;
    }
    for (size_t i = 0; i < n; i++) {
        push(s, bytes[i]);
    }
    push(s, ACK);
    s->n_skip = (uint32_t)n + 1U;
    s->next = STEP_IDLE;
    wait_for(s, STEP_DATA_OUT);
}

/* --- addresses --------------------------------------------------------------------------------------- */

static bool is_within(uint32_t addr, uint32_t n_bytes, uint32_t base, uint32_t end)
{
    return addr >= base && addr < end && n_bytes <= end - addr;
}

static bool is_readable(const struct rom *r, uint32_t addr, uint32_t n_bytes)
{
    return is_within(addr, n_bytes, FLASH_BASE, FLASH_BASE + r->config.flash_bytes) ||
           is_within(addr, n_bytes, SRAM_BASE, SRAM_END) ||
           is_within(addr, n_bytes, SYSTEM_BASE, SYSTEM_END) ||
           is_within(addr, n_bytes, OPTION_BASE, OPTION_END);
}

static bool is_flash(const struct rom *r, uint32_t addr, uint32_t n_bytes)
{
    return is_within(addr, n_bytes, FLASH_BASE, FLASH_BASE + r->config.flash_bytes) ||
           is_within(addr, n_bytes, OTP_BASE, SYSTEM_END);
}

static bool is_writable(const struct rom *r, uint32_t addr, uint32_t n_bytes)
{
    return is_flash(r, addr, n_bytes) || is_within(addr, n_bytes, SRAM_BASE + SRAM_USED_V9, SRAM_END) ||
           addr == voltage_register;
}

static bool address_fits(const struct rom *r)
{
    const struct rom_state *s = &r->state;
    switch (s->op) {
    case OP_READ:
        return is_readable(r, s->addr, 1);
    case OP_WRITE:
        return is_writable(r, s->addr, 1);
    default:
        return is_within(s->addr, 8, FLASH_BASE, FLASH_BASE + r->config.flash_bytes) ||
               is_within(s->addr, 8, SRAM_BASE, SRAM_END);
    }
}

/* --- flash work -------------------------------------------------------------------------------------- */

/* Next unit of a write. @return false if it is finished */
static bool program_next(struct rom *r)
{
    struct rom_state *s = &r->state;
    unsigned unit = 1U << s->psize;
    if (s->jammed || s->i_data + unit > s->n_data) {
        return false;
    }
    uint32_t value = 0;
    for (unsigned i = 0; i < unit; i++) {
        value |= (uint32_t)s->in[1 + s->i_data + i] << (8U * i);
    }
    rom_flash_program(r->chip, s->psize, s->addr + s->i_data, value);
    s->i_data += unit;
    return true;
}

static bool erase_next(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->i_data >= s->n_data) {
        return false;
    }
    rom_flash_erase(r->chip, s->psize, s->in[2U * s->i_data + 1U]);
    s->i_data++;
    return true;
}

/* Mass erase and option bytes are one operation each. */
static bool once(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->i_data > 0) {
        return false;
    }
    s->i_data = 1;
    if (s->work == WORK_MASS_ERASE) {
        rom_flash_mass_erase(r->chip, s->psize);
    } else {
        rom_flash_options(r->chip, s->options);
    }
    return true;
}

static bool work_next(struct rom *r)
{
    switch ((enum rom_work)r->state.work) {
    case WORK_PROGRAM:
        return program_next(r);
    case WORK_ERASE:
        return erase_next(r);
    default:
        return once(r);
    }
}

static void finish_work(struct rom *r)
{
    struct rom_state *s = &r->state;
    rom_flash_close(r->chip);
    s->out_head = s->out_tail; /* the answer overtakes a filler that nobody fetched */
    acknowledge(s, s->work == WORK_OPTIONS ? STEP_RESET : STEP_IDLE);
}

/* Poll BSY; when free, the next operation or the answer. The loader never looks at the error flags. */
static void poll_work(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->op_running && rom_flash_is_busy(r->chip)) {
        uint64_t poll_ps = s->work == WORK_PROGRAM ? program_poll_ps : erase_poll_ps;
        chip_event_at(r->chip, r->event, chip_now_ps(r->chip) + poll_ps);
        return;
    }
    s->op_running = work_next(r);
    if (s->op_running) {
        chip_event_at(r->chip, r->event, chip_now_ps(r->chip) + program_poll_ps);
    } else {
        finish_work(r);
    }
}

static void start_work(struct rom *r, enum rom_work work, uint32_t n_data)
{
    struct rom_state *s = &r->state;
    s->work = (uint32_t)work;
    s->n_data = n_data;
    s->i_data = 0;
    s->op_running = false;
    wait_for(s, STEP_WORK);
    if (r->config.busy == ROM_LOADER_BUSY_FILLER) {
        push(s, FILLER);
    }
    rom_flash_open(r->chip);
    poll_work(r);
}

/* --- commands ---------------------------------------------------------------------------------------- */

static void start_options(struct rom *r)
{
    struct rom_state *s = &r->state;
    uint32_t optcr = rom_flash_optcr(r->chip);
    switch (s->op) {
    case OP_WRITE_UNPROTECT:
        s->options = optcr | ROM_OPTCR_NWRP;
        break;
    case OP_READOUT_PROTECT:
        s->options = (optcr & ~(uint32_t)ROM_OPTCR_RDP) | ROM_OPTCR_RDP_LEVEL_1;
        break;
    case OP_READOUT_UNPROTECT:
        s->options = (optcr & ~(uint32_t)ROM_OPTCR_RDP) | ROM_OPTCR_RDP_LEVEL_0;
        break;
    default: /* write protect: the new set replaces the old one */
        s->options = optcr | ROM_OPTCR_NWRP;
        for (uint32_t i = 0; i < s->n_data; i++) {
            s->options &= s->in[i] < r->config.n_sectors ? ~(1U << (ROM_OPTCR_NWRP_SHIFT + s->in[i])) : ~0U;
        }
        break;
    }
    start_work(r, WORK_OPTIONS, 1);
}

static bool is_allowed_at_level_1(uint32_t op)
{
    return op == OP_GET || op == OP_GET_VERSION || op == OP_GET_ID || op == OP_READOUT_UNPROTECT;
}

/* @return the step after the command's ACK; STEP_OFF: no such command */
static enum rom_step first_step(uint32_t op)
{
    switch (op) {
    case OP_GET:
    case OP_GET_VERSION:
    case OP_GET_ID:
        return STEP_SEND_REPLY;
    case OP_READ:
    case OP_GO:
    case OP_WRITE:
        return STEP_ADDRESS;
    case OP_ERASE:
        return STEP_ERASE_COUNT;
    case OP_WRITE_PROTECT:
        return STEP_PROTECT_COUNT;
    case OP_WRITE_UNPROTECT:
    case OP_READOUT_PROTECT:
    case OP_READOUT_UNPROTECT:
        return STEP_OPTIONS;
    default:
        return STEP_OFF;
    }
}

static void on_command(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->n_in < 2) {
        return;
    }
    s->op = s->in[0];
    enum rom_step step = first_step(s->op);
    if ((s->in[0] ^ s->in[1]) != 0xFF || step == STEP_OFF) {
        push(s, NACK); /* without waiting for an echo */
        wait_for(s, STEP_IDLE);
    } else if (!is_allowed_at_level_1(s->op) && rom_flash_is_protected(r->chip)) {
        refuse(s);
    } else {
        acknowledge(s, step);
    }
}

static uint8_t xor_of(const struct rom_state *s)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < s->n_in; i++) {
        sum ^= s->in[i];
    }
    return sum;
}

static void on_address(struct rom *r)
{
    struct rom_state *s = &r->state;
    static const struct {
        uint32_t op;
        enum rom_step next;
    } after[] = {{OP_READ, STEP_READ_LENGTH}, {OP_WRITE, STEP_WRITE_DATA}, {OP_GO, STEP_JUMP}};
    if (s->n_in < 5) {
        return;
    }
    s->addr = (uint32_t)s->in[0] << 24 | (uint32_t)s->in[1] << 16 | (uint32_t)s->in[2] << 8 | s->in[3];
    if (xor_of(s) != 0 || !address_fits(r)) {
        refuse(s);
        return;
    }
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        if (after[i].op == s->op) {
            acknowledge(s, after[i].next);
        }
    }
}

static void on_read_length(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->n_in < 2) {
        return;
    }
    s->n_data = s->in[0] + 1U;
    if ((s->in[0] ^ s->in[1]) != 0xFF || !is_readable(r, s->addr, s->n_data)) {
        refuse(s);
    } else {
        acknowledge(s, STEP_SEND_MEMORY);
    }
}

/* No ACK after the data (AN4286 2.5). */
static void send_memory(struct rom *r)
{
    struct rom_state *s = &r->state;
    for (uint32_t i = 0; i < s->n_data; i++) {
        uint32_t value = 0;
        (void)chip_bus_read(r->chip, s->addr + i, 1, &value);
        push(s, (uint8_t)value);
    }
    s->n_skip = s->n_data + 1U;
    s->next = STEP_IDLE;
    wait_for(s, STEP_DATA_OUT);
}

static void write_voltage(struct rom_state *s)
{
    static const uint8_t psize_of[] = {0, 1, 1, 2, 3}; /* AN2606 table 4 */
    if (s->in[1] < sizeof psize_of) {
        s->psize = psize_of[s->in[1]];
        s->jammed = s->jammed || s->psize == 3; /* needs an external programming voltage; there is none */
        acknowledge(s, STEP_IDLE);
    } else {
        refuse(s);
    }
}

static void write_sram(struct rom *r, uint32_t n_bytes)
{
    struct rom_state *s = &r->state;
    for (uint32_t i = 0; i < n_bytes; i++) {
        (void)chip_bus_write(r->chip, s->addr + i, 1, s->in[1 + i]);
    }
    acknowledge(s, STEP_IDLE);
}

static void on_write_data(struct rom *r)
{
    struct rom_state *s = &r->state;
    uint32_t n_bytes = s->in[0] + 1U;
    if (s->n_in < n_bytes + 2U) {
        return;
    }
    if (xor_of(s) != 0 || !is_writable(r, s->addr, n_bytes)) {
        refuse(s);
    } else if (s->addr == voltage_register) {
        write_voltage(s);
    } else if (!is_flash(r, s->addr, n_bytes)) {
        write_sram(r, n_bytes);
    } else {
        s->jammed = s->jammed || s->addr % 4U != 0 || n_bytes % 4U != 0;
        start_work(r, WORK_PROGRAM, n_bytes);
    }
}

static void on_erase_count(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->n_in < 3) {
        return;
    }
    uint32_t n = (uint32_t)s->in[0] << 8 | s->in[1];
    if (xor_of(s) != 0) {
        refuse(s);
    } else if (n == 0xFFFF) {
        start_work(r, WORK_MASS_ERASE, 1);
    } else if (n >= r->config.n_sectors) { /* bank erases too: this chip has one bank */
        refuse(s);
    } else {
        s->n_data = n + 1U;
        acknowledge(s, STEP_ERASE_LIST);
    }
}

static void on_erase_list(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->n_in < 2U * s->n_data + 1U) {
        return;
    }
    bool valid = xor_of(s) == 0;
    for (uint32_t i = 0; i < s->n_data; i++) {
        valid = valid && s->in[2U * i] == 0 && s->in[2U * i + 1U] < r->config.n_sectors;
    }
    if (valid) {
        start_work(r, WORK_ERASE, s->n_data);
    } else {
        refuse(s);
    }
}

static void on_protect_count(struct rom_state *s)
{
    if (s->n_in < 2) {
        return;
    }
    s->n_data = s->in[0] + 1U;
    if ((s->in[0] ^ s->in[1]) != 0xFF) {
        refuse(s);
    } else {
        acknowledge(s, STEP_PROTECT_LIST);
    }
}

static void on_protect_list(struct rom *r)
{
    struct rom_state *s = &r->state;
    if (s->n_in < s->n_data + 1U) {
        return;
    }
    if (xor_of(s) != 0) {
        refuse(s);
    } else {
        start_options(r);
    }
}

static void after_echo(struct rom *r)
{
    struct rom_state *s = &r->state;
    switch ((enum rom_step)s->next) {
    case STEP_SEND_REPLY:
        send_reply(s);
        break;
    case STEP_SEND_MEMORY:
        send_memory(r);
        break;
    case STEP_OPTIONS:
        start_options(r);
        break;
    case STEP_JUMP:
        wait_for(s, STEP_OFF);
        chip_rom_go(r->chip, s->addr);
        break;
    case STEP_RESET:
        wait_for(s, STEP_OFF);
        chip_request_reset(r->chip, CHIP_RESET_SOFTWARE);
        break;
    default:
        wait_for(s, (enum rom_step)s->next);
        break;
    }
    if (s->first_sync) {
        s->dr = FILLER; /* seen on silicon: A5 during the first command, the last byte during later ones */
        s->first_sync = false;
    }
}

static void on_data_out(struct rom_state *s)
{
    s->n_skip--;
    if (s->n_skip > 0) {
        return;
    }
    if (s->op == OP_READ) {
        wait_for(s, STEP_IDLE);
    } else {
        wait_for(s, STEP_ECHO); /* its ACK is on the wire already */
    }
}

/* Steps that collect bytes in `in`. */
static void on_collected(struct rom *r)
{
    struct rom_state *s = &r->state;
    switch ((enum rom_step)s->step) {
    case STEP_COMMAND:
        on_command(r);
        break;
    case STEP_ADDRESS:
        on_address(r);
        break;
    case STEP_READ_LENGTH:
        on_read_length(r);
        break;
    case STEP_WRITE_DATA:
        on_write_data(r);
        break;
    case STEP_ERASE_COUNT:
        on_erase_count(r);
        break;
    case STEP_ERASE_LIST:
        on_erase_list(r);
        break;
    case STEP_PROTECT_COUNT:
        on_protect_count(s);
        break;
    case STEP_PROTECT_LIST:
        on_protect_list(r);
        break;
    default:
        break;
    }
}

static void on_byte(struct rom *r, uint8_t byte)
{
    struct rom_state *s = &r->state;
    switch ((enum rom_step)s->step) {
    case STEP_SYNC:
        if (byte == SOF) {
            s->first_sync = true;
            acknowledge(s, STEP_IDLE);
        }
        break;
    case STEP_IDLE:
        if (byte == SOF) {
            wait_for(s, STEP_COMMAND);
        }
        break;
    case STEP_ECHO:
        if (byte == ACK) {
            after_echo(r);
        }
        break;
    case STEP_DATA_OUT:
        on_data_out(s);
        break;
    case STEP_OFF:
    case STEP_DEAD:
    case STEP_BOOTING:
    case STEP_WORK:
        break;
    default:
        if (s->n_in < sizeof s->in) {
            s->in[s->n_in++] = byte;
        }
        on_collected(r);
        break;
    }
}

/* --- wires and events -------------------------------------------------------------------------------- */

static uint8_t on_byte_begin(void *ctx)
{
    struct rom *r = ctx;
    struct rom_state *s = &r->state;
    bool alive = s->step != STEP_OFF && s->step != STEP_DEAD && s->step != STEP_BOOTING;
    s->hears = alive && !chip_pin_level(r->chip, 'A', 4);
    if (!s->hears) {
        return RELEASED;
    }
    if (chip_now_ps(r->chip) - s->last_end_ps < r->config.min_gap_ps) {
        s->hears = false;
        return s->dr;
    }
    uint8_t miso = s->dr;
    if (s->out_head < s->out_tail) {
        s->dr = s->out[s->out_head++];
    }
    return miso;
}

static void on_byte_end(void *ctx, uint8_t mosi)
{
    struct rom *r = ctx;
    struct rom_state *s = &r->state;
    s->last_end_ps = chip_now_ps(r->chip);
    if (s->hears) {
        s->hears = false;
        on_byte(r, mosi);
    }
}

static void on_event(void *ctx)
{
    struct rom *r = ctx;
    if (r->state.step == STEP_BOOTING) {
        wait_for(&r->state, STEP_SYNC);
    } else if (r->state.step == STEP_WORK) {
        poll_work(r);
    }
}

static void on_stop(void *ctx)
{
    struct rom *r = ctx;
    memset(&r->state, 0, sizeof r->state);
    chip_event_cancel(r->chip, r->event);
    chip_event_cancel(r->chip, r->food_event);
}

/* The loader's variables and buffers: any pattern will do, as long as what stood there is gone. */
static void overwrite_sram(struct rom *r, uint32_t n_bytes)
{
    for (uint32_t off = 0; off < n_bytes; off += 4) {
        (void)chip_bus_write(r->chip, SRAM_BASE + off, 4, 0xB007B007U ^ off * 0x9E3779B1U);
    }
}

/* The longest period for a watchdog that runs, and food for it (AN2606). One that does not run keeps SR.PVU:
 * the prescaler never arrives without LSI, and code that waits for it after Go hangs. */
static void calm_watchdog(struct rom *r)
{
    (void)chip_bus_write(r->chip, IWDG_KR, 4, IWDG_KEY_UNLOCK);
    (void)chip_bus_write(r->chip, IWDG_PR, 4, IWDG_PR_MAX);
    (void)chip_bus_write(r->chip, IWDG_KR, 4, IWDG_KEY_RELOAD);
    chip_event_at(r->chip, r->food_event, chip_now_ps(r->chip) + food_period_ps);
}

static void on_food(void *ctx)
{
    struct rom *r = ctx;
    (void)chip_bus_write(r->chip, IWDG_KR, 4, IWDG_KEY_RELOAD);
    chip_event_at(r->chip, r->food_event, chip_now_ps(r->chip) + food_period_ps);
}

static void on_start(void *ctx)
{
    struct rom *r = ctx;
    on_stop(r);
    calm_watchdog(r);
    overwrite_sram(r, r->config.has_spi ? SRAM_USED_V9 : SRAM_USED_V3);
    r->state.dr = FILLER;
    if (!r->config.has_spi) {
        r->state.step = STEP_DEAD;
        return;
    }
    r->state.step = STEP_BOOTING;
    uint64_t startup_ps = r->config.startup_ps ? r->config.startup_ps : default_startup_ps;
    chip_event_at(r->chip, r->event, chip_now_ps(r->chip) + startup_ps);
}

static const struct chip_rom rom_calls = {on_start, on_stop, {on_byte_begin, on_byte_end}};

void rom_loader_attach(struct chip *chip, const struct rom_loader_config *config)
{
    struct rom *r = chip_alloc(chip, sizeof *r);
    r->chip = chip;
    r->config = *config;
    if (r->config.flash_bytes == 0) {
        r->config.flash_bytes = FLASH_BYTES_MOST;
        r->config.n_sectors = SECTORS_MOST;
    }
    r->event = chip_event_add(chip, "ROM loader", on_event, r);
    r->food_event = chip_event_add(chip, "ROM loader feeds the watchdog", on_food, r);
    chip_add_state(chip, "ROM loader", &r->state, sizeof r->state);
    chip_on_rom(chip, &rom_calls, r);
}
