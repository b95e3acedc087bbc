/**
 * Private to host/link_client, its lowest file: single steps on the wire. Every function counts into the
 * client's stats.
 */
#ifndef LINK_WIRE_H
#define LINK_WIRE_H

#include <stddef.h>

#include "link_client/link_client.h"

/** NSS low / high around one command; `wire_close` keeps the first error. */
FOTA_MUST_CHECK
enum fota_err wire_open(struct link_client *c);
FOTA_MUST_CHECK
enum fota_err wire_close(struct link_client *c, enum fota_err err);

/** Clock bytes out and drop what comes in. */
FOTA_MUST_CHECK
enum fota_err wire_send(struct link_client *c, const uint8_t *bytes, size_t n_bytes);

/** Clock 00 and keep what comes in. */
FOTA_MUST_CHECK
enum fota_err wire_receive(struct link_client *c, uint8_t *bytes, size_t n_bytes);

/** Clock `n_bytes` of 00 into the void. */
FOTA_MUST_CHECK
enum fota_err wire_flush(struct link_client *c, size_t n_bytes);

/** Send `bytes` and their XOR checksum (AN4286 2.1). */
FOTA_MUST_CHECK
enum fota_err wire_send_checked(struct link_client *c, const uint8_t *bytes, size_t n_bytes);

/** Polls: 2 ms quickly, for answers that come after flash work of at most 1 ms; 25 ms for a block or a
 * signature; then slowly. */
enum {
    WIRE_FAST_POLLS = 100,
    WIRE_FAST_POLL_US = 20,
    WIRE_BLOCK_POLLS = 100,
    WIRE_BLOCK_POLL_US = 250,
    WIRE_SLOW_POLL_US = 1000
};

/**
 * Poll with 00 until MISO is `first` or `second`: quickly at first, in the end once a millisecond, so that
 * the ring of a slave whose core is stalled by an erase is not flooded.
 * @return FOTA_OK (with `*got`) · E_TIMEOUT · E_IO
 */
FOTA_MUST_CHECK
enum fota_err wire_poll(struct link_client *c, uint8_t first, uint8_t second, uint32_t timeout_ms,
                        uint8_t *got);

/**
 * ACK procedure.
 * @return FOTA_OK · E_LINK_NACK (echoed as well) · E_TIMEOUT · E_IO
 */
FOTA_MUST_CHECK
enum fota_err wire_ack(struct link_client *c, uint32_t timeout_ms);

/** How long to wait for an answer that comes at once from a loader that heard the bytes: briefly in the first
 * try of a command, `timeout_ms` in the later ones. */
uint32_t wire_patience_ms(const struct link_client *c, uint32_t timeout_ms);

/** The read phase of Get, Get Version and Get ID: one dummy, then the bytes. */
FOTA_MUST_CHECK
enum fota_err wire_read_phase(struct link_client *c, uint8_t *bytes, size_t n_bytes);

/** 5A op ~op and the ACK procedure. */
FOTA_MUST_CHECK
enum fota_err wire_command(struct link_client *c, uint8_t op, uint32_t timeout_ms);

/** Damage on the wire: the same command may succeed next time. */
bool wire_is_worth_repeating(enum fota_err err);

#endif
