/**
 * The slave's protocol as a pure state machine: received bytes in, what to present on MISO and work items
 * out.
 *
 * No I/O, no clock. The owner (link_pump.h) feeds bytes, presents what the machine asks for, carries out work
 * items and hands in their results. Transitions are one constant table (docs/spec/link.md shows it); every
 * pair of state and event has a row. NSS is not looked at: clients toggle it as they like.
 */
#ifndef LINK_LINK_SLAVE_H
#define LINK_LINK_SLAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/board_layout.h"
#include "base/err.h"
#include "link/link_proto.h"

enum {
    /* Room for the largest stage with its data word-aligned: 2 spare,
     * n[2], session[4] off[4], data, crc[4]. */
    LINK_BUFFER_BYTES = 12 + LINK_BLOCK_MAX_BYTES + 4
};

/** What MISO repeats while no data is sent: A5, or an answer (79, 1F) with an A5 after it. */
enum link_answer { LINK_ANSWER_NONE = LINK_FILLER, LINK_ANSWER_ACK = LINK_ACK, LINK_ANSWER_NACK = LINK_NACK };

/** What the owner must do after link_slave_rx, link_slave_ack, link_slave_nack or link_slave_data. */
enum link_out {
    LINK_OUT_NONE,
    LINK_OUT_ANSWER, /* present slave->answer. If slave->n_data_bytes is not 0, that data follows right after
                       the echo */
    LINK_OUT_GREET,  /* present filler; and if nothing follows this 5A yet, it may be a sync: show 79 in the
                        second byte after it, as ST's ROM does */
    LINK_OUT_DATA,   /* send slave->buffer: the byte clocked now is the dummy, data is next. Then filler */
    LINK_OUT_WORK    /* do slave->work, then call link_slave_ack, _nack or _reply. Discard bytes received
                        meanwhile */
};

/**
 * Work for the owner, by op:
 * READ    fill bytes with n_bytes from addr, all readable; link_slave_ack sends them
 * WRITE   program bytes (word-aligned, padded with FF to words) at addr, all inside the slot
 * ERASE   bytes holds n_bytes sector numbers, all inside the slot
 * GO      addr is what the host asked for; it does not matter
 * vendor  the request was ACKed, its body is in bytes; answer with link_slave_reply
 */
struct link_work {
    uint8_t op;      /* enum link_op */
    bool is_request; /* a vendor request: answered by link_slave_reply; else by link_slave_ack or _nack */
    uint32_t addr;
    uint32_t n_bytes;
    uint8_t *bytes; /* inside the machine's buffer; valid until the result is handed in */
};

/** All fields are private but answer, buffer, n_data_bytes and work, which the owner reads. */
struct link_slave {
    uint8_t state;  /* enum link_state */
    uint8_t step;   /* enum link_step: what the bytes of the current stage are */
    uint8_t after;  /* enum link_step that follows the echo */
    uint8_t answer; /* enum link_answer to present */
    bool is_synced;
    bool is_slipped;     /* the bit counter of the receiver is off: the owner resets it and clears this */
    uint32_t last_three; /* bytes heard while nothing was counted */
    uint16_t n_have_bytes;
    uint16_t n_want_bytes;
    uint16_t n_data_bytes; /* bytes to send, at the start of buffer; 0 none */
    uint16_t reason;       /* enum fota_err: why the last NACK */
    const struct board_layout *board;
    uint32_t base;   /* bus address of the inactive slot */
    uint8_t *stage;  /* where bytes of the current stage go, inside buffer */
    uint8_t *buffer; /* LINK_BUFFER_BYTES, word-aligned, the owner's */
    struct link_work work;
};

/**
 * Start, not synced: the first 5A is answered with ACK, as after a reset of ST's loader.
 *
 * @param buffer  LINK_BUFFER_BYTES, aligned to 4; stays the caller's. The caller may exchange slave->buffer
 * while it handles LINK_OUT_WORK, to keep the bytes of a block while the next is received
 * @param board   must outlive the machine
 * @param base    bus address of the inactive slot, the only place the host may touch
 */
void link_slave_init(struct link_slave *slave, uint8_t *buffer, const struct board_layout *board,
                     uint32_t base);

/** The inactive slot is another one from now on. */
void link_slave_set_base(struct link_slave *slave, uint32_t base);

/** RM0090 number of the first sector of the inactive slot. */
uint32_t link_slave_first_sector(const struct link_slave *slave);

/**
 * Eat received bytes until there is something to do.
 *
 * @param n_used_bytes  gets how many bytes were eaten (1..n_bytes; 0 only if n_bytes is 0)
 * @return what to do now. During work every byte is eaten and dropped (LINK_OUT_NONE).
 */
enum link_out link_slave_rx(struct link_slave *slave, const uint8_t *bytes, size_t n_bytes,
                            size_t *n_used_bytes);

/**
 * Where the bytes to come belong, so that an owner may put them there without a copy in between: up to the
 * returned number at *room, and then say how many it were with link_slave_filled.
 *
 * @return 0..LINK_BUFFER_BYTES; 0: the machine wants to see each byte (link_slave_rx)
 */
size_t link_slave_room(const struct link_slave *slave, uint8_t **room);

/**
 * @param n_bytes  1..the result of link_slave_room
 * @return as link_slave_rx
 */
enum link_out link_slave_filled(struct link_slave *slave, size_t n_bytes);

/**
 * The work of READ, WRITE, ERASE or GO is done.
 * @return what to do now; LINK_OUT_NONE if there was no work
 */
enum link_out link_slave_ack(struct link_slave *slave);

/**
 * The work failed.
 * @param reason  kept for the info block
 * @return as link_slave_ack
 */
enum link_out link_slave_nack(struct link_slave *slave, enum fota_err reason);

/**
 * The vendor request is carried out: send a reply.
 *
 * @param body     reply body, copied into the buffer
 * @param n_bytes  0..LINK_INFO_BLOCK_BYTES
 * @return as link_slave_ack: LINK_OUT_DATA
 */
enum link_out link_slave_reply(struct link_slave *slave, const uint8_t *body, size_t n_bytes);

/**
 * The line was silent for LINK_SILENCE_MS: abandon a half-received stage or a half-read reply. An answer
 * that waits for its echo stays (clients sleep seconds before they poll for it), and so does work.
 *
 * @param is_gone  silent for LINK_GONE_MS even: whoever speaks next is another host, its first 5A is a sync,
 *                 and an answer that nobody fetched is withdrawn. Work stays.
 */
enum link_out link_slave_silence(struct link_slave *slave, bool is_gone);

/** True while an answer is presented and the host's echo has not come: it is about to act, answer it fast. */
bool link_slave_awaits_echo(const struct link_slave *slave);

/** True between commands: nothing half received, no answer pending. */
bool link_slave_is_idle(const struct link_slave *slave);

#endif
