/*
 * Public AN4286 hosts have habits. Each is told again here byte for byte, against a loader that polls fast
 * (bootloader) and one whose main loop is slow (agent). What is told: who polls how, what counts as ACK, who
 * echoes, who sends too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "test_link.h"

enum { POLLS_MAX = 20000 };

static const struct {
    bool uses_arm;
    unsigned poll_every;
} owners[] = {{false, 1}, {true, 1}, {true, 23}, {true, 400}};

enum { N_OWNERS = sizeof owners / sizeof owners[0] };

static struct test_link *start(size_t owner)
{
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, owners[owner].uses_arm, owners[owner].poll_every);
    return b;
}

static void stop(struct test_link *b)
{
    assert_int_equal(b->outside, 0);
    free(b);
}

static void send(struct test_link *b, const void *bytes, size_t n_bytes)
{
    host_write(b, bytes, n_bytes);
}

/* 256 bytes as clients write them: N, data, XOR of all. */
static void send_data_frame(struct test_link *b, const uint8_t *data)
{
    uint8_t frame[258] = {0xFF};
    memcpy(frame + 1, data, 256);
    frame[257] = link_xor(frame, 257);
    send(b, frame, sizeof frame);
}

/* --- first poll counts, echo after ACK and NACK (sensor hub on SPI, 4.8 MHz, no gaps) ---------------- */

static uint8_t first_poll_counts(struct test_link *b)
{
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint8_t byte = host_clock(b, 0);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            host_clock(b, LINK_ACK);
            return byte;
        }
    }
    return 0;
}

static void host_that_counts_the_first_poll_writes_an_image_and_goes(void **state)
{
    (void)state;
    static uint8_t data[256];
    host_fill(data, sizeof data, 3);
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        send(b, "\x5A", 1);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        for (uint8_t sector = 8; sector < 11; sector++) {
            send(b, "\x5A\x44\xBB", 3);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
            send(b, "\0\0\0", 3);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
            uint8_t list[] = {0, sector, sector};
            send(b, list, sizeof list);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
        }
        for (uint32_t off = 0; off < 8192; off += 256) {
            uint8_t addr[5];
            link_address_store(addr, FLASH_SLOT_B_BASE + off);
            send(b, "\x5A\x31\xCE", 3);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
            send(b, addr, sizeof addr);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
            send_data_frame(b, data);
            assert_int_equal(first_poll_counts(b), LINK_ACK);
            assert_memory_equal(b->slot + off, data, sizeof data);
        }
        send(b, "\x5A\x21\xDE", 3);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\x08\x00\x00\x00\x08", 5);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        host_wait_ms(b, 50);
        assert_int_equal(b->n_activates, 1);
        assert_true(b->n_restarts > 0);
        stop(b);
    }
}

/* --- erase without a checksum: the first poll is the checksum. Always echoes, even after a time-out --- */

static void host_whose_first_poll_is_the_erase_checksum_and_that_syncs_again(void **state)
{
    (void)state;
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        send(b, "\x5A", 1);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\x5A", 1); /* again: at any time */
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\x5A", 1);
        send(b, "\x44\xBB", 2);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\0\0", 2);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\0\x09", 2);
        send(b, "\x09", 1);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        assert_int_equal(b->n_erases[9], 1);
        host_clock(b, LINK_ACK); /* an echo too many */
        uint8_t back[257], expected[256];
        memset(expected, 0xFF, sizeof expected);
        send(b, "\x5A", 1);
        send(b, "\x11\xEE", 2);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        uint8_t addr[5];
        link_address_store(addr, FLASH_SLOT_B_BASE + FLASH_SLOT_SECTOR_BYTES);
        send(b, addr, sizeof addr);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        send(b, "\xFF\x00", 2);
        assert_int_equal(first_poll_counts(b), LINK_ACK);
        host_read(b, back, sizeof back);
        assert_memory_equal(back + 1, expected, sizeof expected);
        stop(b);
    }
}

/* --- first poll ignored; a bare 79 ends Get; 5A on MOSI while it reads; no echo after NACK ----------- */

static uint8_t ignore_first_poll(struct test_link *b, bool echoes_nack)
{
    host_clock(b, 0);
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint8_t byte = host_clock(b, 0);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            if (byte == LINK_ACK || echoes_nack) {
                host_clock(b, LINK_ACK);
            }
            return byte;
        }
    }
    return 0;
}

static void host_that_clocks_5a_while_it_reads_and_never_echoes_a_nack(void **state)
{
    (void)state;
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        uint8_t n = 0;
        send(b, "\x5A", 1);
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        send(b, "\x5A\x00\xFF", 3);
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        host_clock(b, 0);
        n = host_clock(b, 0);
        assert_int_equal(n, 11);
        for (unsigned i = 0; i < n + 1U; i++) {
            host_clock(b, 0xEE); /* the buffer's garbage goes out while it reads */
        }
        host_clock(b, LINK_ACK); /* no poll before the echo */
        send(b, "\x5A\x01\xFE", 3);
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        host_clock(b, 0);
        assert_int_equal(host_clock(b, LINK_SOF), 0x11);
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        send(b, "\x5A\x63\x9C", 3);
        assert_int_equal(ignore_first_poll(b, false), LINK_NACK);
        send(b, "\0\x5A\x02\xFD", 4); /* no echo, and a 00 before the frame: it still works */
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        uint8_t id[4];
        host_read(b, id, sizeof id);
        assert_int_equal(id[2] << 8 | id[3], 0x413);
        assert_int_equal(ignore_first_poll(b, false), LINK_ACK);
        stop(b);
    }
}

/* --- reads one byte too many in GetVersion and GetID, then wants the ACK ----------------------------- */

static void host_that_reads_one_byte_too_many_still_finds_the_ack(void **state)
{
    (void)state;
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        uint8_t reply[5];
        send(b, "\x5A", 1);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\x5A\x01\xFE", 3);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        host_read(b, reply, 3);
        assert_int_equal(reply[1], 0x11);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\x5A\x02\xFD", 3);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        host_read(b, reply, 5);
        assert_int_equal(reply[2] << 8 | reply[3], 0x413);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\x5A\x44\xBB", 3); /* mass erase: of the slot */
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\xFF\xFF\x00", 3);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        assert_int_equal(b->n_erases[8] + b->n_erases[9] + b->n_erases[10], 3);
        stop(b);
    }
}

/* --- strict: A5 in the first byte, A5 or an answer in the polls, A5 during the echo ------------------ */

static uint8_t strict_ack(struct test_link *b, uint8_t first, uint8_t poll)
{
    assert_int_equal(host_clock(b, first), LINK_FILLER);
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint8_t byte = host_clock(b, poll);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            assert_int_equal(host_clock(b, LINK_ACK), LINK_FILLER);
            return byte;
        }
        assert_int_equal(byte, LINK_FILLER);
    }
    return 0;
}

static void strict_host_sees_a5_wherever_it_insists_on_it(void **state)
{
    (void)state;
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        uint8_t reply[4];
        unsigned n_syncs = 0;
        while (host_clock(b, LINK_SOF) != LINK_FILLER && n_syncs++ < 10) {
        }
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        send(b, "\x5A\x02\xFD", 3);
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        host_read(b, reply, 4);
        assert_int_equal(reply[3], 0x13);
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        send(b, "\x5A\x44\xBB", 3);
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        send(b, "\xFF\xFF", 2); /* mass erase; the 00 of the ACK procedure is its checksum */
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        send(b, "\x00", 1); /* and a 00 too many */
        send(b, "\x5A\x01\xFE", 3);
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        host_read(b, reply, 2);
        assert_int_equal(reply[1], 0x11);
        assert_int_equal(strict_ack(b, 0, LINK_FILLER), LINK_ACK);
        stop(b);
    }
}

/* --- list of several sectors, its checksum over the codes only --------------------------------------- */

static void host_that_erases_several_sectors_in_one_list(void **state)
{
    (void)state;
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        struct test_link *b = start(owner);
        send(b, "\x5A", 1);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\x5A\x44\xBB", 3);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\0\x01\x01", 3);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        send(b, "\0\x08\0\x0A\x02", 5);
        assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
        assert_int_equal(b->n_erases[8] + b->n_erases[10], 2);
        assert_int_equal(b->n_erases[9], 0);
        stop(b);
    }
}

/* A clock edge is lost, or one is too many: the slave's bytes begin in the middle of the host's. A host that
 * polls every 20 ms leaves no silence; its next sync heals the loader. */
static void after_a_torn_byte_the_next_sync_heals_the_loader(void **state)
{
    (void)state;
    static const char *const before[] = {"", "\x5A\x02\xFD",
                                         "\x5A\x63\x9C"}; /* idle, an ACK stands, a NACK */
    for (size_t owner = 0; owner < N_OWNERS; owner++) {
        for (unsigned i = 0; i < 3 * 7; i++) {
            struct test_link *b = start(owner);
            unsigned n_polls = 0;
            send(b, "\x5A", 1);
            assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
            send(b, before[i % 3], strlen(before[i % 3]));
            b->wire.n_slip_bits = 1 + i / 3;
            for (unsigned n = 0; n < 4; n++) {
                host_clock(b, 0);
                host_wait_ms(b, 20);
            }
            send(b, "\x5A", 1);
            for (uint8_t seen = 0; seen != LINK_ACK; n_polls++) {
                host_wait_ms(b, 20);
                seen = host_clock(b, 0);
                assert_in_range(n_polls, 0, 12);
            }
            host_clock(b, LINK_ACK);
            assert_int_equal(b->wire.n_resyncs, 1);
            uint8_t id[4];
            send(b, "\x5A\x02\xFD", 3);
            assert_int_equal(ignore_first_poll(b, true), LINK_ACK);
            host_read(b, id, sizeof id);
            assert_int_equal(id[3], 0x13);
            stop(b);
        }
    }
}

/* Out of scope by design (docs/spec/link.md): hosts of protocol V1.0 never echo. What they meet must still be
 * harmless. */
static void host_without_echo_gets_nowhere_and_writes_nothing(void **state)
{
    (void)state;
    struct test_link *b = start(0);
    static const uint8_t poll_addr[] = {0x08, 0x08, 0, 0, 0};
    send(b, "\x5A", 1);
    for (unsigned i = 0; i < 5; i++) {
        host_clock(b, 0);
    }
    send(b, "\x5A\x31\xCE", 3);
    for (unsigned i = 0; i < 30; i++) {
        host_clock(b, poll_addr[0]);
    }
    send(b, poll_addr, sizeof poll_addr);
    for (unsigned i = 0; i < 300; i++) {
        host_clock(b, 0xFF);
    }
    assert_int_equal(b->n_begins + b->n_programs, 0);
    stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_that_counts_the_first_poll_writes_an_image_and_goes),
        cmocka_unit_test(host_whose_first_poll_is_the_erase_checksum_and_that_syncs_again),
        cmocka_unit_test(host_that_clocks_5a_while_it_reads_and_never_echoes_a_nack),
        cmocka_unit_test(host_that_reads_one_byte_too_many_still_finds_the_ack),
        cmocka_unit_test(strict_host_sees_a5_wherever_it_insists_on_it),
        cmocka_unit_test(host_that_erases_several_sectors_in_one_list),
        cmocka_unit_test(after_a_torn_byte_the_next_sync_heals_the_loader),
        cmocka_unit_test(host_without_echo_gets_nowhere_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
