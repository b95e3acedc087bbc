/**
 * The link in a test: pump and state machine on one end of simulated wires, a host that clocks bytes on the
 * other, and a slot of flash behind the pump that knows what an erase is. One byte is one step of time;
 * nothing here waits.
 */
#ifndef TEST_LINK_H
#define TEST_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flash_map.h"
#include "link/link_pump.h"

enum {
    TEST_SLOT_BYTES = FLASH_SLOT_BYTES,
    TEST_STEPS_PER_MS = 1000,
    TEST_POLLS_MAX = 3000000,
    TEST_SESSION = 0x51515151,
    TEST_PATTERN_BYTES = 5
};

/** The wires: one byte waits in the slave's transmit register, as in the chip. */
struct test_wire {
    uint8_t pattern[TEST_PATTERN_BYTES];
    uint8_t answer;
    unsigned phase;
    uint8_t ready;
    uint8_t last_mosi;
    unsigned n_slip_bits; /* the slave counts its bytes so many bits late: clock edges were lost. A resync
                             cures it */
    uint8_t data[512];
    size_t n_data, data_at;
    uint8_t reply[512]; /* staged until the echo */
    size_t n_reply;
    uint8_t rx[1 << 16];
    size_t n_rx, rx_at;
    bool is_armed, has_answered;
    unsigned n_resyncs;
    bool is_dead; /* drops what the host sends */
};

struct test_link {
    struct link_pump pump;
    struct test_wire wire;
    uint64_t steps;
    unsigned poll_every; /* bytes on the wires between two polls of the pump: a busy owner has many */
    bool uses_arm;

    uint8_t slot[TEST_SLOT_BYTES];
    unsigned n_erases[12];
    unsigned n_programs, n_begins, n_finishes, n_activates, n_aborts, n_restarts, n_retries;
    unsigned outside;       /* erases or programs outside the inactive slot: must stay 0 */
    unsigned busy_answers;  /* how often the application still says "not now" */
    unsigned fail_program;  /* n-th program from now fails, 0 never */
    unsigned again_answers; /* how often finish says that it goes on, after again_ms of work */
    unsigned again_ms;
    uint32_t retry_number;
    bool is_loader; /* the next session is that of a loader */
    uint8_t loader[FLASH_LOADER_BYTES];
    enum fota_err begin_err, finish_err;
    uint32_t image_bytes, resume_off, session_id;

    unsigned polls_max;  /* how often the host polls before it gives up */
    unsigned flip_every; /* one bit in so many is wrong, on either wire; 0 none */
    uint32_t flip_seed;
    unsigned n_flips;
    bool plant_no_erase; /* a planted bug: erase does nothing */
};

void host_start(struct test_link *b, bool uses_arm, unsigned poll_every);

/**
 * Clock one byte.
 * @return MISO
 */
uint8_t host_clock(struct test_link *b, uint8_t mosi);
void host_write(struct test_link *b, const uint8_t *bytes, size_t n_bytes);
void host_read(struct test_link *b, uint8_t *bytes, size_t n_bytes);
/** Let time pass without a clock. */
void host_wait_ms(struct test_link *b, unsigned ms);

/**
 * ACK procedure as AN4286 shows it: a dummy, polls, echo.
 * @return 79, 1F, or 0 after many polls
 */
uint8_t host_ack(struct test_link *b);
uint8_t host_command(struct test_link *b, uint8_t op);
/** @return answer of the request */
uint8_t host_request(struct test_link *b, uint8_t op, const uint8_t *body, size_t n_bytes);
/**
 * Fetch a reply.
 * @return its body's size, SIZE_MAX if none came or its CRC is wrong
 */
size_t host_reply(struct test_link *b, uint8_t *body, size_t max_bytes);
/** Request and progress reply. */
struct link_progress host_exchange(struct test_link *b, uint8_t op, const uint8_t *body, size_t n_bytes);
struct link_progress host_block(struct test_link *b, uint32_t session, uint32_t off, const uint8_t *data,
                                size_t n_bytes);
struct link_session host_begin(struct test_link *b);
struct link_info host_info(struct test_link *b);

/**
 * AN4286: address stage, write, erase one sector.
 * @return the answer that ended it
 */
uint8_t host_address(struct test_link *b, uint32_t addr);
uint8_t host_write_memory(struct test_link *b, uint32_t addr, const uint8_t *data, size_t n_bytes);
uint8_t host_erase_sector(struct test_link *b, uint16_t sector);

/** Pseudo-random bytes, same for the same seed. */
uint32_t host_random(uint32_t *state);
void host_fill(uint8_t *bytes, size_t n_bytes, uint32_t seed);

#endif
