/**
 * Public AN4286 hosts, told again from what is known of them (their bytes, waits and habits), so that one can
 * see whether a board of ours serves them. Each has a file of its own, which begins with its story; what they
 * share, AN4286 itself with a habit at each turn, is in habits.c.
 *
 * What every story needs to be told on our board, and nothing else is changed:
 * - addresses and sectors are those of the inactive slot (B), where they would use the start of the flash;
 * - the chip answers Get ID with 0413, where they expect their own;
 * - the image is one for slot B, and small.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twin/twin.h"

/** What a wait is for. */
enum wait { WAIT_COMMAND, WAIT_STAGE, WAIT_FLASH, WAITS };

/** How a host goes about AN4286. Zero: as the application note says. */
struct habits {
    uint32_t hz;
    uint32_t gap_ns;           /* between the bytes of one transfer */
    bool is_nss_tied;          /* low for ever; else low while a transfer runs */
    bool splits_sof;           /* 5A is a transfer of its own */
    bool skips_first;          /* throws the first byte of an ACK procedure away */
    bool is_strict;            /* that byte, all polls and the byte of the echo must be A5 or the verdict */
    uint8_t poll;              /* what it clocks while it polls */
    uint32_t poll_us;          /* wait before each poll */
    uint32_t polls_max[WAITS]; /* 0: no limit but the time */
    uint32_t max_us[WAITS];    /* 0: no limit but the polls */
    bool is_mute_on_nack;      /* no echo after 1F */
    bool echoes_timeout;       /* 79 even if no verdict came */
    bool has_garbage;          /* MOSI while it reads */
    uint32_t address_us;       /* wait before an address */
    uint32_t checksum_us;      /* wait before the checksum of data */
    uint32_t part_bytes;       /* of one Write and Read; 0: 256 */
    uint8_t n_over_read;       /* bytes it reads too many in Get Version and Get ID */
    bool believes_refusal;     /* takes a refused Write command for success */
};

/** The wires, from the master's side. */
struct wires {
    struct twin *twin;
    const struct habits *habits;
    bool has_nrst;           /* wired: C2 pulses it */
    const char *stage;       /* what it was doing when it gave up */
    uint64_t verdict_max_us; /* longest wait for the verdict on a command frame so far */
};

/** What is to be done. */
struct job {
    uint32_t base; /* of the inactive slot */
    uint16_t first_sector;
    uint16_t n_sectors; /* that a client which lists sectors erases */
    const uint8_t *image;
    uint32_t n_bytes;
};

enum client_end {
    CLIENT_DONE,    /* identified, erased, written and verified */
    CLIENT_GAVE_UP, /* `stage` says where */
    CLIENT_FOOLED   /* believes it wrote, and reads something else */
};

/** Each runs its whole story. */
enum client_end client_c1(struct wires *w, const struct job *job);
enum client_end client_c2(struct wires *w, const struct job *job);
enum client_end client_c3(struct wires *w, const struct job *job);
enum client_end client_c4(struct wires *w, const struct job *job);
enum client_end client_c5(struct wires *w, const struct job *job);
enum client_end client_c6(struct wires *w, const struct job *job);
enum client_end client_c7(struct wires *w, const struct job *job);
enum client_end client_c8(struct wires *w, const struct job *job);
enum client_end client_c9(struct wires *w, const struct job *job);
/** C9 before it learned to skip the first byte and to echo a NACK. */
enum client_end client_c9_old(struct wires *w, const struct job *job);
enum client_end client_c10(struct wires *w, const struct job *job);
enum client_end client_c12(struct wires *w, const struct job *job);
enum client_end client_c13(struct wires *w, const struct job *job);
enum client_end client_c14(struct wires *w, const struct job *job);
enum client_end client_c15(struct wires *w, const struct job *job);
enum client_end client_c16(struct wires *w, const struct job *job);
enum client_end client_c17(struct wires *w, const struct job *job);

/* --- shared by the stories (habits.c) ---------------------------------------------------------------- */

enum { ACK = 0x79, NACK = 0x1F, SOF = 0x5A, BUSY = 0xA5, CHIP = 0x0413, BLOCK = 256 };

/** One transfer; NULL sends 00, or drops. */
void wires_transfer(struct wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes);
/** One byte each way. */
uint8_t wires_byte(struct wires *w, uint8_t mosi);
void wires_wait_us(struct wires *w, uint64_t us);

/** Bytes of an address and its checksum. */
void put_address(uint8_t out[5], uint32_t addr);
/**
 * n-1, data, checksum.
 * @return its length
 */
size_t put_block(uint8_t out[BLOCK + 2], const uint8_t *data, uint32_t n_bytes);

/**
 * ACK procedure.
 * @return 79, 1F, or 0: none, or not as the host insists on
 */
uint8_t tell_ack(struct wires *w, enum wait wait);
/**
 * Bytes, then the ACK procedure.
 * @return true: ACK
 */
bool tell_stage(struct wires *w, const void *bytes, size_t n_bytes, enum wait wait);
/**
 * `5A op ~op`.
 * @return true: ACK
 */
bool tell_command(struct wires *w, uint8_t op);
/**
 * Command, then address.
 * @return true: ACK, ACK
 */
bool tell_address(struct wires *w, uint8_t op, uint32_t addr);
/** Bytes that the loader sends, at MISO. */
void tell_receive(struct wires *w, uint8_t *bytes, size_t n_bytes);
/** Get Version and Get ID are ours. */
bool tell_version(struct wires *w);
bool tell_id(struct wires *w);
/** One sector. */
bool tell_erase(struct wires *w, uint16_t sector);
/** Write all, then read all and compare. */
enum client_end tell_write_and_verify(struct wires *w, const struct job *job);

/** CLIENT_GAVE_UP, with the stage. */
enum client_end gave_up(struct wires *w, const char *stage);

#endif
