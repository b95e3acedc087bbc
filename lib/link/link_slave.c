#include "link/link_slave.h"

#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "link/link_codec.h"
#include "link_table.h"

/* --- the table ------------------------------------------------------------------------------------------ */

#define PACK(state, event, action, next)                                                                     \
    [LINK_STATE_##state][LINK_EVENT_##event] = (LINK_ACTION_##action << 4) | LINK_STATE_##next,
#define COUNT(state, event, action, next) +1

static const uint8_t table[LINK_N_STATES][LINK_N_EVENTS] = {LINK_TABLE(PACK)};

/* C fills a forgotten pair with 0 in silence; a doubled one is a compile error (-Woverride-init). */
_Static_assert((0 LINK_TABLE(COUNT)) == LINK_N_STATES * LINK_N_EVENTS,
               "every pair of state and event has a row");
_Static_assert(LINK_N_STATES <= 16 && LINK_N_ACTIONS <= 16, "a row is packed into one byte");

/* --- what the commands are ------------------------------------------------------------------------------ */

enum { GET_BYTES = 13, VERSION_AT = 1, ID_BYTES = 3 };

#define ONE_COMMAND(id, opcode, name, step, at, n, handler)  +1
#define COMMAND_BYTE(id, opcode, name, step, at, n, handler) LINK_OP_##id,

enum { N_COMMANDS = 0 LINK_COMMANDS(ONE_COMMAND) };

/* Get as ST's ROM of V1.1 answers it: number of bytes that follow minus 1, protocol version, commands. After
 * it, Get ID. */
static const uint8_t answers[GET_BYTES + ID_BYTES] = {
    N_COMMANDS, LINK_PROTOCOL_VERSION, LINK_COMMANDS(COMMAND_BYTE) 1, LINK_CHIP_ID >> 8, LINK_CHIP_ID & 0xFF,
};

_Static_assert(GET_BYTES == 2 + N_COMMANDS, "Get lists every command of AN4286");

/* An operation: what follows its ACK. ANSWER: `from` is where in `answers`, `to` how many bytes; REQUEST: the
 * least and the most bytes of its body. */
struct op_row {
    uint8_t op;
    uint8_t step;
    uint16_t from;
    uint16_t to;
};

#define COMMAND_ROW(id, opcode, name, stage, at, n, handler)                                                 \
    {.op = LINK_OP_##id, .step = LINK_STEP_##stage, .from = (at), .to = (n)},
#define REQUEST_ROW(id, opcode, name, least, most, reply, when, body, handler)                               \
    {.op = LINK_OP_##id, .step = LINK_STEP_REQUEST, .from = (least), .to = (most)},

static const struct op_row op_rows[] = {LINK_COMMANDS(COMMAND_ROW) LINK_REQUESTS(REQUEST_ROW)};

/* @return the command's row, or NULL */
static const struct op_row *find_op(uint8_t op)
{
    for (size_t i = 0; i < sizeof op_rows / sizeof op_rows[0]; i++) {
        if (op_rows[i].op == op) {
            return &op_rows[i];
        }
    }
    return NULL;
}

uint32_t link_slave_first_sector(const struct link_slave *slave)
{
    const struct board_area *slots = slave->board->slot;
    return slots[slave->base == slots[SLOT_A].base ? SLOT_A : SLOT_B].first_sector;
}

/* --- stages --------------------------------------------------------------------------------------------- */

/* How many bytes a stage has before anything of it can be judged (AN4286 2). Two stages tell their length
 * in these bytes; their judges then ask for MORE. */
static uint16_t first_want_bytes(uint8_t step)
{
    static const uint8_t want[] = {
        [LINK_STEP_FRAME] = 2,       /* op ~op, the 5A is gone */
        [LINK_STEP_ADDRESS] = 5,     /* addr[4] xor */
        [LINK_STEP_READ_LENGTH] = 2, /* n-1 ~(n-1) */
        [LINK_STEP_WRITE] = 1,       /* n-1, then data[n] xor */
        [LINK_STEP_ERASE_COUNT] = 3, /* n-1[2] xor */
        [LINK_STEP_REQUEST] = 2,     /* n[2], then body[n] crc[4] */
    };
    return want[step];
}

static void enter_stage(struct link_slave *slave, uint8_t step)
{
    slave->step = step;
    slave->n_have_bytes = 0;
    /* Bytes of a stage are counted, not classified: what came before it must not complete a pattern of
     * has_slipped after it. */
    slave->last_three = 0;
    if (step != LINK_STEP_ERASE_LIST) { /* its length was told in the stage before */
        slave->n_want_bytes = first_want_bytes(step);
    }
    /* The data of WRITE (after one byte) and of BLOCK (after ten) must be word-aligned for the flash. */
    slave->stage = slave->buffer + (step == LINK_STEP_WRITE ? 3 : 2);
}

static enum link_event refuse(struct link_slave *slave, enum fota_err reason)
{
    slave->reason = (uint16_t)reason;
    return LINK_EVENT_FAIL;
}

/* How many bytes from its address on the host may read; 0: none. For an address below an area the unsigned
 * difference is far above its end. */
static uint32_t readable_bytes(const struct link_slave *slave)
{
    /* The inactive slot, and the info block at its virtual address. Nothing else is readable: not the
     * running image, not the root, not RAM. */
    uint32_t off = slave->work.addr - slave->base;
    uint32_t info_off = slave->work.addr - LINK_INFO_ADDR;
    uint32_t slot_bytes = slave->board->slot[SLOT_A].n_bytes;
    if (off < slot_bytes) {
        return slot_bytes - off;
    }
    return info_off < LINK_INFO_BLOCK_BYTES ? LINK_INFO_BLOCK_BYTES - info_off : 0;
}

/* This stage is in order: acknowledge it, and go on with `step` when the host has echoed the ACK. */
static enum link_event expect(struct link_slave *slave, uint8_t step)
{
    slave->after = step;
    return LINK_EVENT_PASS;
}

/* The command is complete: give the work to the owner. The machine stops until link_slave_ack, _nack or
 * _reply, so `bytes` stay as they are for that time. */
static enum link_event hand_out(struct link_slave *slave, uint8_t *bytes, uint32_t n_bytes)
{
    slave->work.bytes = bytes;
    slave->work.n_bytes = n_bytes;
    slave->work.is_request = slave->step == LINK_STEP_REQUEST;
    slave->after = LINK_STEP_NONE;
    return LINK_EVENT_RUN;
}

/* --- judges: is a complete stage in order? ----------------------------------------------------------- */

/* A sync reads as a command: its 5A and two polls (AN4286 1). Two 00 are a sync at any time; from a host that
 * is new, whatever it polls with. */
static bool is_sync(const struct link_slave *slave)
{
    return !slave->is_synced || (slave->stage[0] == LINK_DUMMY && slave->stage[1] == LINK_DUMMY);
}

static enum link_event judge_frame(struct link_slave *slave)
{
    const struct op_row *row = (slave->stage[0] ^ slave->stage[1]) == 0xFF ? find_op(slave->stage[0]) : NULL;
    /* A known opcode wins over a sync: a host that is new may start with any command (docs/spec/link.md
     * 2). */
    bool is_greeting = !row && is_sync(slave);
    slave->is_synced = true;
    slave->work.op = slave->stage[0];
    slave->after = LINK_STEP_NONE;
    if (is_greeting) {
        return LINK_EVENT_PASS;
    }
    if (!row) {
        return refuse(slave, E_LINK_COMMAND);
    }
    if (row->step == LINK_STEP_NEVER) {
        return refuse(slave, E_UNSUPPORTED); /* option bytes are never written in the field */
    }
    if (row->step == LINK_STEP_ANSWER) {
        memcpy(slave->buffer, answers + row->from, row->to); /* DMA finds it in RAM */
        slave->n_data_bytes = row->to;
        return LINK_EVENT_PASS;
    }
    return expect(slave, row->step);
}

static enum link_event judge_address(struct link_slave *slave)
{
    uint32_t addr = bytes_load_be32(slave->stage);
    slave->work.addr = addr;
    /* Where a host wants to jump to does not matter: the root decides what boots. */
    if (slave->work.op == LINK_OP_GO) {
        return hand_out(slave, slave->stage, 0);
    }
    bool is_write = slave->work.op == LINK_OP_WRITE;
    if (readable_bytes(slave) == 0 || (is_write && (addr % 4 != 0 || addr >= LINK_INFO_ADDR))) {
        return refuse(slave, E_LINK_ADDRESS);
    }
    return expect(slave, is_write ? LINK_STEP_WRITE : LINK_STEP_READ_LENGTH);
}

/* READ_LENGTH and WRITE: one byte says how many. */
static enum link_event judge_length(struct link_slave *slave)
{
    uint32_t n_bytes = slave->stage[0] + 1U;
    bool is_write = slave->step == LINK_STEP_WRITE;
    while (is_write && n_bytes % 4 != 0) {
        slave->stage[1 + n_bytes++] = 0xFF; /* over the checked checksum */
    }
    if (n_bytes > readable_bytes(slave)) {
        return refuse(slave, E_LINK_LENGTH);
    }
    if (is_write) {
        return hand_out(slave, slave->stage + 1, n_bytes);
    }
    slave->n_data_bytes = (uint16_t)n_bytes;
    return hand_out(slave, slave->buffer, n_bytes);
}

/* All that a host may erase: the inactive slot. */
static enum link_event mass_erase(struct link_slave *slave)
{
    uint32_t n_sectors = slave->board->slot[SLOT_A].n_sectors;
    for (uint32_t i = 0; i < n_sectors; i++) {
        slave->stage[i] = (uint8_t)(link_slave_first_sector(slave) + i);
    }
    return hand_out(slave, slave->stage, n_sectors);
}

static enum link_event judge_erase_count(struct link_slave *slave)
{
    uint32_t n_sectors = bytes_load_be16(slave->stage) + 1U;
    uint32_t most = slave->board->slot[SLOT_A].n_sectors;
    if (n_sectors == LINK_ERASE_MASS + 1U) {
        return mass_erase(slave);
    }
    if (n_sectors > most) { /* the other special codes too: FFFE, FFFD banks */
        return refuse(slave, E_LINK_LENGTH);
    }
    slave->n_want_bytes = (uint16_t)(2 * n_sectors + 1);
    return expect(slave, LINK_STEP_ERASE_LIST);
}

static enum link_event judge_erase_list(struct link_slave *slave)
{
    uint32_t n_sectors = slave->n_want_bytes / 2U;
    for (uint32_t i = 0; i < n_sectors; i++) {
        uint32_t sector = bytes_load_be16(slave->stage + 2 * i);
        if (sector - link_slave_first_sector(slave) >= slave->board->slot[SLOT_A].n_sectors) {
            return refuse(slave, E_LINK_ADDRESS);
        }
        slave->stage[i] = (uint8_t)sector;
    }
    return hand_out(slave, slave->stage, n_sectors);
}

static enum link_event judge_request(struct link_slave *slave)
{
    const struct op_row *row = find_op(slave->work.op);
    size_t n_body = bytes_load_be16(slave->stage);
    /* The length is checked before the rest is received, so that a packet can never outgrow the buffer. */
    if (slave->n_have_bytes == 2) {
        if (n_body < row->from || n_body > row->to) {
            return refuse(slave, E_LINK_LENGTH);
        }
        slave->n_want_bytes = (uint16_t)(n_body + LINK_PACKET_OVERHEAD_BYTES);
        return LINK_EVENT_MORE;
    }
    enum fota_err err = link_packet_check(slave->stage, slave->n_have_bytes, &n_body);
    if (err) {
        return refuse(slave, err);
    }
    (void)hand_out(slave, slave->stage + 2, (uint32_t)n_body);
    return expect(slave, LINK_STEP_RUN); /* first the ACK and its echo, then the work, then the reply */
}

/* Stages of AN4286 after the frame: all end with a checksum over all their bytes. */
static enum link_event judge_stage(struct link_slave *slave)
{
    /* READ_LENGTH has one byte and its complement: the checksum of a block of one byte (AN4286 2.1). */
    uint8_t sum = slave->step == LINK_STEP_READ_LENGTH ? 0xFF : 0;
    if (slave->step == LINK_STEP_WRITE && slave->n_have_bytes == 1) {
        slave->n_want_bytes = (uint16_t)(slave->stage[0] + 3U); /* n-1, data[n], xor */
        return LINK_EVENT_MORE;
    }
    uint8_t rest = link_xor(slave->stage, slave->n_have_bytes) ^ sum;
    /* Some hosts count N into the checksum of the list (AN4286 2.8 can be read so): N = n_sectors - 1. */
    uint8_t n_of_list = slave->step == LINK_STEP_ERASE_LIST ? (uint8_t)(slave->n_want_bytes / 2U - 1U) : 0;
    if (rest != 0 && rest != n_of_list) {
        return refuse(slave, E_LINK_CHECKSUM);
    }
    switch (slave->step) {
    case LINK_STEP_ADDRESS:
        return judge_address(slave);
    case LINK_STEP_ERASE_COUNT:
        return judge_erase_count(slave);
    case LINK_STEP_ERASE_LIST:
        return judge_erase_list(slave);
    default:
        return judge_length(slave);
    }
}

FOTA_NOINLINE static enum link_event judge(struct link_slave *slave)
{
    if (slave->step == LINK_STEP_FRAME) {
        return judge_frame(slave);
    }
    return slave->step == LINK_STEP_REQUEST ? judge_request(slave) : judge_stage(slave);
}

/* --- actions -------------------------------------------------------------------------------------------- */

static void set_answer(struct link_slave *slave, enum link_answer answer, enum link_out *out)
{
    slave->answer = (uint8_t)answer;
    *out = LINK_OUT_ANSWER;
}

/* The host has echoed the ACK. What comes next was decided when the stage was judged: data to send, work
 * to do, the end of the command, or another stage of it. */
static enum link_event advance(struct link_slave *slave, enum link_out *out)
{
    set_answer(slave, LINK_ANSWER_NONE, out);
    if (slave->n_data_bytes > 0) {
        return LINK_EVENT_SEND;
    }
    if (slave->after == LINK_STEP_RUN) {
        return LINK_EVENT_RUN;
    }
    if (slave->after == LINK_STEP_NONE) {
        return LINK_EVENT_END;
    }
    enter_stage(slave, slave->after);
    return LINK_EVENT_MORE;
}

/* Carry out one action. @return the event that follows from it, LINK_EVENT_HANDLED if none */
static enum link_event act(struct link_slave *slave, enum link_action action, enum link_out *out)
{
    switch (action) {
    case LINK_ACTION_JUDGE:
        return judge(slave);
    case LINK_ACTION_PRESENT_ACK:
        set_answer(slave, LINK_ANSWER_ACK, out);
        break;
    case LINK_ACTION_PRESENT_NACK:
        slave->n_data_bytes = 0;
        set_answer(slave, LINK_ANSWER_NACK, out);
        break;
    case LINK_ACTION_HAND_OUT:
        *out = LINK_OUT_WORK;
        break;
    case LINK_ACTION_ADVANCE:
        return advance(slave, out);
    case LINK_ACTION_TRANSMIT:
        slave->n_have_bytes = 0;
        slave->n_want_bytes = (uint16_t)(slave->n_data_bytes + 1);
        slave->answer = LINK_ANSWER_NONE;
        *out = LINK_OUT_DATA;
        break;
    case LINK_ACTION_CLOSE_DATA:
        slave->n_data_bytes = 0;
        return slave->work.op == LINK_OP_READ ? LINK_EVENT_END : LINK_EVENT_PASS; /* Read ends without ACK */
    case LINK_ACTION_START:
    case LINK_ACTION_REST:
    case LINK_ACTION_RESTART:
        if (action != LINK_ACTION_REST) {
            enter_stage(slave, LINK_STEP_FRAME);
        }
        slave->is_slipped = action == LINK_ACTION_RESTART;
        slave->n_data_bytes = 0;
        set_answer(slave, LINK_ANSWER_NONE, out); /* also ends a reply that nobody fetched */
        if (action == LINK_ACTION_START) {
            *out = LINK_OUT_GREET;
        }
        break;
    case LINK_ACTION_ILLEGAL:
        slave->reason = E_STATE;
        break;
    default:
        break;
    }
    return LINK_EVENT_HANDLED;
}

/* At most three rounds: an echo or a full stage leads to a judgement, and that to a presentation. */
static enum link_out dispatch(struct link_slave *slave, enum link_event event)
{
    enum link_out out = LINK_OUT_NONE;
    while (event != LINK_EVENT_HANDLED) {
        /* The next state is set before the action runs, because the event that an action returns belongs
         * to that state. */
        uint8_t row = table[slave->state][event];
        slave->state = row & 0x0F;
        event = act(slave, (enum link_action)(row >> 4), &out);
    }
    return out;
}

/* --- the owner's side -------------------------------------------------------------------------------- */

void link_slave_init(struct link_slave *slave, uint8_t *buffer, const struct board_layout *board,
                     uint32_t base)
{
    memset(slave, 0, sizeof *slave);
    slave->board = board;
    slave->buffer = buffer;
    slave->stage = buffer;
    slave->base = base;
    slave->answer = LINK_ANSWER_NONE;
}

void link_slave_set_base(struct link_slave *slave, uint32_t base)
{
    slave->base = base;
}

size_t link_slave_room(const struct link_slave *slave, uint8_t **room)
{
    *room = slave->stage + slave->n_have_bytes;
    return slave->state == LINK_STATE_STAGE ? (size_t)(slave->n_want_bytes - slave->n_have_bytes) : 0;
}

enum link_out link_slave_filled(struct link_slave *slave, size_t n_bytes)
{
    slave->n_have_bytes = (uint16_t)(slave->n_have_bytes + n_bytes);
    return dispatch(slave, slave->n_have_bytes == slave->n_want_bytes ? LINK_EVENT_FULL : LINK_EVENT_MORE);
}

/* Counted bytes are taken as a run. @return what to do now */
static enum link_out take_counted(struct link_slave *slave, const uint8_t *bytes, size_t n_bytes,
                                  size_t *n_used_bytes)
{
    size_t n_take = (size_t)(slave->n_want_bytes - slave->n_have_bytes);
    if (n_take > n_bytes) {
        n_take = n_bytes;
    }
    /* In state DATA the host only clocks our bytes out: what it sends meanwhile means nothing. */
    if (slave->state == LINK_STATE_STAGE) {
        memcpy(slave->stage + slave->n_have_bytes, bytes, n_take);
    }
    *n_used_bytes += n_take;
    return link_slave_filled(slave, n_take);
}

/*
 * Is this a sync (5A 00 00) that arrived shifted by some bits? A glitch on SCK shifts every byte after it,
 * and nothing the host sends makes sense until the bit counter is reset.
 *
 * 5A ends with one zero bit. After it come the 8 zero bits of a 00, and then the beginning of another 00. So
 * the last three bytes end with 10 to 16 zero bits, and the 5A is before them. With 9 or 17 zero bits, the 5A
 * is where it belongs, and nothing is shifted.
 */
static bool has_slipped(uint32_t last_three)
{
    for (unsigned shift = 9; shift < 16; shift++) {
        if ((last_three & ((1U << (shift + 8)) - 1U)) == (uint32_t)LINK_SOF << shift) {
            return true;
        }
    }
    return false;
}

static enum link_event classify(struct link_slave *slave, uint8_t byte)
{
    slave->last_three = (slave->last_three << 8 | byte) & 0xFFFFFFU;
    if (has_slipped(slave->last_three)) {
        return LINK_EVENT_SLIP;
    }
    if (byte == LINK_SOF) {
        return LINK_EVENT_SOF;
    }
    return byte == LINK_ACK ? LINK_EVENT_ECHO : LINK_EVENT_BYTE;
}

/* Stops at the first byte that asks the owner for something: what was received after it may belong to
 * another state, and is given again. */
enum link_out link_slave_rx(struct link_slave *slave, const uint8_t *bytes, size_t n_bytes,
                            size_t *n_used_bytes)
{
    enum link_out out = LINK_OUT_NONE;
    size_t n_used = 0;
    while (n_used < n_bytes && out == LINK_OUT_NONE) {
        if (slave->state == LINK_STATE_STAGE || slave->state == LINK_STATE_DATA) {
            out = take_counted(slave, bytes + n_used, n_bytes - n_used, &n_used);
        } else {
            out = dispatch(slave, classify(slave, bytes[n_used++]));
        }
    }
    *n_used_bytes = n_used;
    return out;
}

enum link_out link_slave_ack(struct link_slave *slave)
{
    return dispatch(slave, LINK_EVENT_PASS);
}

/* The reason is kept only if there was work to refuse: a late call must not overwrite the reason of another
 * command. */
enum link_out link_slave_nack(struct link_slave *slave, enum fota_err reason)
{
    enum link_out out = dispatch(slave, LINK_EVENT_FAIL);
    if (out != LINK_OUT_NONE) {
        slave->reason = (uint16_t)reason;
    }
    return out;
}

/* A reply is built only while the slave waits for one. A late call would otherwise write into a buffer
 * that already receives the next command. */
enum link_out link_slave_reply(struct link_slave *slave, const uint8_t *body, size_t n_bytes)
{
    if (slave->state == LINK_STATE_WORK) {
        slave->buffer[0] = LINK_REPLY;
        slave->n_data_bytes = (uint16_t)(1 + link_packet_store(slave->buffer + 1, body, n_bytes));
    }
    return dispatch(slave, LINK_EVENT_REPLY);
}

/* A host that was silent for LINK_GONE_MS is taken for another one, whose first frame may be a sync with
 * any two bytes. */
enum link_out link_slave_silence(struct link_slave *slave, bool is_gone)
{
    slave->is_synced = slave->is_synced && !is_gone;
    return dispatch(slave, is_gone ? LINK_EVENT_GONE : LINK_EVENT_SILENCE);
}

bool link_slave_awaits_echo(const struct link_slave *slave)
{
    return slave->state == LINK_STATE_ACK || slave->state == LINK_STATE_NACK;
}

bool link_slave_is_idle(const struct link_slave *slave)
{
    return slave->state == LINK_STATE_IDLE;
}
