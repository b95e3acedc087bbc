#include "link/link_pump.h"

#include <string.h>

enum { PUMP_MAX_RECEIVES = 64, QUIET_MS = 5 };

/* --- what the slave wants to be shown or sent -------------------------------------------------------- */

static void present(struct link_pump *pump, enum link_out out)
{
    const struct link_port_ops *port = pump->config.port;
    void *ctx = pump->config.port_ctx;
    struct link_slave *slave = &pump->slave;
    /* One filler after the data: a transmitter that runs dry repeats its last byte, and that must not look
     * like an answer (79 or 1F). */
    uint32_t n_bytes = slave->n_data_bytes > 0 ? slave->n_data_bytes + 1U : 0;
    if (out == LINK_OUT_NONE) {
        return;
    }
    /* The time until the owner's patience ends starts with the work, not with the command: the host may
     * have clocked its bytes slowly. */
    if (out == LINK_OUT_WORK) {
        pump->has_work = true;
        pump->n_progresses = 0;
        link_session_start_work(&pump->session);
        pump->since_ms = pump->now_ms;
    }
    if (n_bytes > 0) {
        slave->buffer[n_bytes - 1] = LINK_FILLER;
    }
    if (out == LINK_OUT_DATA) {
        port->send(ctx, slave->buffer, n_bytes);
    } else if (slave->answer != LINK_ANSWER_NONE && port->arm) {
        /* The interrupt handler takes the echo and goes on with the data by itself, because the main loop
         * would be too late for that. So the data are handed over together with the answer. */
        port->arm(ctx, slave->answer, slave->buffer, n_bytes);
    } else {
        port->present(ctx, slave->answer);
    }
}

/* --- work -------------------------------------------------------------------------------------------- */

/* Words go to flash in pieces of chunk_words. The host's echo comes within microseconds of the answer that it
 * saw; an owner without `arm` must be back in time for it, and programs later. */
static void program_some(struct link_pump *pump)
{
    bool is_echo_due = !pump->config.port->arm && link_slave_awaits_echo(&pump->slave) &&
                       pump->now_ms - pump->heard_ms < LINK_ECHO_GRACE_MS;
    if (!is_echo_due) {
        link_session_program_some(&pump->session, pump->config.chunk_words);
    }
}

/* E_UPDATE_BUSY: is the work item to be tried again at the next poll? Each part that was done begins the wait
 * anew, but not for ever: a host always gets an answer. */
static bool is_tried_again(struct link_pump *pump)
{
    if (!pump->session.has_progressed) {
        return pump->now_ms - pump->since_ms < LINK_BUSY_MAX_MS;
    }
    if (pump->n_progresses >= LINK_PROGRESSES_MAX) {
        return false;
    }
    pump->n_progresses++;
    pump->since_ms = pump->now_ms;
    pump->is_clock_late = true;
    return true;
}

/* Try the work item once. It ends in a reply, an ACK or a NACK, or stays for the next poll. */
static void work(struct link_pump *pump)
{
    struct link_result result;
    enum link_out out;
    if (pump->session.job.n_words > 0) {
        return; /* one thing after another: words of the block before are still under way */
    }
    link_session_work(&pump->session, &result);
    if (result.err == E_UPDATE_BUSY && is_tried_again(pump)) {
        return;
    }
    if (result.reply != LINK_REPLY_NONE) {
        out = link_slave_reply(&pump->slave, result.body, result.n_bytes);
    } else {
        out = result.err ? link_slave_nack(&pump->slave, result.err) : link_slave_ack(&pump->slave);
    }
    pump->has_work = false;
    pump->is_clock_late = true;
    /* A restart is waited for from now on, however long the owner said "busy". */
    pump->since_ms = pump->now_ms;
    /* What the host clocked meanwhile were polls; the ring may have run over with them. */
    pump->config.port->discard(pump->config.port_ctx);
    present(pump, out);
}

/* --- received bytes ---------------------------------------------------------------------------------- */

/* True while the slave can take bytes: during work they are polls, and after a slip they are no bytes. */
static bool is_listening(const struct link_pump *pump)
{
    return !pump->has_work && !pump->slave.is_slipped;
}

/* The slave counts bytes of a stage: they go straight to where it keeps them. */
static void receive_stage(struct link_pump *pump, size_t n_bytes)
{
    present(pump, link_slave_filled(&pump->slave, n_bytes));
}

/* The slave looks at each byte: a start, an echo, or a poll. */
static void receive_bytes(struct link_pump *pump, const uint8_t *bytes, size_t n_bytes)
{
    enum link_out out = LINK_OUT_NONE;
    size_t at = 0;
    while (at < n_bytes && is_listening(pump)) {
        size_t n_used;
        out = link_slave_rx(&pump->slave, bytes + at, n_bytes - at, &n_used);
        present(pump, out);
        at += n_used;
    }
    /* If the 5A is the last byte that came, the ACK of a sync can still be shown in its place, two bytes
     * later. */
    if (at == n_bytes && out == LINK_OUT_GREET && pump->config.port->greet) {
        pump->config.port->greet(pump->config.port_ctx);
    }
}

/* Take what the port has, once. @return true if there may be more:
 * it filled all the room that it was given */
static bool receive_once(struct link_pump *pump)
{
    uint8_t bytes[LINK_RX_CHUNK_BYTES];
    uint8_t *stage;
    size_t n_stage_bytes = link_slave_room(&pump->slave, &stage);
    bool is_stage = n_stage_bytes > 0;
    size_t n_bytes = pump->config.port->receive(pump->config.port_ctx, is_stage ? stage : bytes,
                                                is_stage ? n_stage_bytes : sizeof bytes);
    if (n_bytes == 0) {
        return false;
    }
    pump->heard_ms = pump->now_ms;
    pump->has_silence = false;
    if (is_stage) {
        receive_stage(pump, n_bytes);
        return n_bytes ==
               n_stage_bytes; /* less: the host is slower than this loop, which need not run after it */
    }
    receive_bytes(pump, bytes, n_bytes);
    return true;
}

/* The number of turns is bounded, so that a host that never stops clocking cannot keep the main loop here. */
static void receive_all(struct link_pump *pump)
{
    for (unsigned i = 0; i < PUMP_MAX_RECEIVES && is_listening(pump) && receive_once(pump); i++) {
    }
}

/* --- what time brings -------------------------------------------------------------------------------- */

/* A sync was heard whose bits lie across bytes. The bit counter is reset when no byte is on the wires; until
 * then what comes is no byte either. */
static void handle_slip(struct link_pump *pump)
{
    const struct link_port_ops *port = pump->config.port;
    void *ctx = pump->config.port_ctx;
    bool is_quiet =
        pump->now_ms - pump->heard_ms >= LINK_SLIP_QUIET_MS || (port->is_selected && !port->is_selected(ctx));
    if (pump->slave.is_slipped && is_quiet) {
        /* What arrived before the resync is garbage, so the ring is emptied after it. A good byte that comes
         * between the two lines is lost with the rest, which costs the host one more try. */
        port->resync(ctx);
        port->discard(ctx);
        pump->slave.is_slipped = false;
    }
}

static void handle_silence(struct link_pump *pump)
{
    uint32_t quiet_ms = pump->now_ms - pump->heard_ms;
    bool is_gone = quiet_ms >= LINK_GONE_MS && pump->slave.is_synced;
    /* During work the silence is ours: the host waits for its answer. One silence is handled once, and
     * once more when it has become so long that the host is gone. */
    if (pump->has_work || (!is_gone && (pump->has_silence || quiet_ms < LINK_SILENCE_MS))) {
        return;
    }
    pump->has_silence = true;
    present(pump, link_slave_silence(&pump->slave, is_gone));
    pump->config.port->resync(pump->config.port_ctx);
}

/* The host has its answer when it stops to clock; a host that clocks on is not waited for. */
static void handle_restart(struct link_pump *pump)
{
    bool is_answered = link_slave_is_idle(&pump->slave) && pump->now_ms - pump->heard_ms >= QUIET_MS &&
                       !pump->config.port->is_sending(pump->config.port_ctx);
    if (pump->session.wants_restart &&
        (is_answered || pump->now_ms - pump->since_ms >= LINK_RESTART_MAX_MS)) {
        pump->config.ops->restart(pump->config.ops_ctx);
    }
}

enum fota_err link_pump_init(struct link_pump *pump, const struct link_pump_config *config)
{
    /* A chunk of 0 words would never finish a block. */
    bool is_usable = config->chunk_words >= 1 && config->chunk_words <= LINK_BLOCK_MAX_BYTES / 4 &&
                     (config->inactive == SLOT_A || config->inactive == SLOT_B);
    if (!is_usable) {
        return E_ARG;
    }
    memset(pump, 0, sizeof *pump);
    pump->config = *config;
    link_slave_init(&pump->slave, (uint8_t *)pump->buffer[0], config->board,
                    config->board->slot[config->inactive].base);
    link_session_init(&pump->session, config->ops, config->ops_ctx, config->loader, &pump->slave,
                      (uint8_t *)pump->buffer[1]);
    config->port->present(config->port_ctx, LINK_ANSWER_NONE);
    return FOTA_OK;
}

void link_pump_poll(struct link_pump *pump, uint32_t now_ms)
{
    pump->now_ms = now_ms;
    if (pump->is_clock_late) { /* the work may have taken seconds: what is waited for now starts now */
        pump->is_clock_late = false;
        pump->heard_ms = now_ms;
        pump->since_ms = now_ms;
    }
    /* First the bytes, then the work that they may have asked for, then flash, and the clock last: a byte
     * that has arrived always counts before it is decided that none came. */
    receive_all(pump);
    handle_slip(pump);
    if (pump->has_work) {
        work(pump);
    }
    program_some(pump);
    handle_silence(pump);
    handle_restart(pump);
}

bool link_pump_is_idle(const struct link_pump *pump)
{
    return link_slave_is_idle(&pump->slave) && !pump->has_work && pump->session.job.n_words == 0 &&
           !pump->session.wants_restart && !pump->config.port->is_sending(pump->config.port_ctx);
}

bool link_pump_has_session(const struct link_pump *pump)
{
    return pump->session.kind != LINK_SESSION_NONE;
}

void link_pump_progressed(struct link_pump *pump)
{
    pump->session.has_progressed = true;
}

bool link_pump_is_synced(const struct link_pump *pump)
{
    return pump->slave.is_synced;
}
