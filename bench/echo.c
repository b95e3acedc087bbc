#include "base/bytes.h"
#include "bench.h"
#include "link/link_proto.h"

enum {
    SPI_HZ = 8000000,
    TRANSFERS = 400,
    POLLS_MAX = 200,
    POLL_NS = 5000,
    DRIFT_NS = 137, /* so that the host meets every phase of the loader's main loop */
    STEP_NS = 100,
    SILENCE_US = 600000,
    LONGEST_NS = LINK_ECHO_GAP_US * 1000
};

static void clock_bytes(struct board *b, const uint8_t *mosi, uint8_t *miso, size_t n_bytes, uint32_t then_ns)
{
    twin_set_pin(b->twin, TWIN_PIN_NSS, false);
    (void)twin_spi_transfer(b->twin, mosi, miso, n_bytes, SPI_HZ, 0);
    (void)twin_run_until(b->twin, twin_now_ns(b->twin) + then_ns);
}

/* The host's ACK procedure, with a pause of `after_ns` after its echo. @return false: no ACK came */
static bool take_ack(struct board *b, uint32_t after_ns)
{
    static const uint8_t echo = LINK_ACK;
    uint8_t byte = 0;
    for (unsigned i = 0; i < POLLS_MAX && byte != LINK_ACK; i++) {
        clock_bytes(b, NULL, &byte, 1, POLL_NS);
    }
    (void)twin_run_until(b->twin, twin_now_ns(b->twin) + LONGEST_NS);
    clock_bytes(b, &echo, NULL, 1, after_ns);
    return byte == LINK_ACK;
}

/* @return false: the data of one of so many Get IDs came too late. The loader is in step again then */
static bool is_never_late(struct board *b, uint32_t gap_ns)
{
    static const uint8_t frame[] = {LINK_SOF, LINK_OP_GET_ID, (uint8_t)~LINK_OP_GET_ID};
    for (unsigned i = 0; i < TRANSFERS; i++) {
        uint8_t id[4];
        clock_bytes(b, frame, NULL, sizeof frame, POLL_NS + i * DRIFT_NS % POLL_NS);
        bool is_acked = take_ack(b, gap_ns);
        clock_bytes(b, NULL, id, sizeof id, LONGEST_NS);
        if (!is_acked || bytes_load_be16(id + 2) != LINK_CHIP_ID || !take_ack(b, LONGEST_NS)) {
            board_run_us(b, SILENCE_US);
            clock_bytes(b, (const uint8_t[]){LINK_ACK}, NULL, 1, LONGEST_NS);
            board_run_us(b, SILENCE_US);
            return false;
        }
    }
    return true;
}

/* The shortest pause that none is late after, and none after any longer one that was tried. */
static uint32_t shortest_gap_ns(struct board *b)
{
    uint32_t late_ns = 0, good_ns = LONGEST_NS;
    if (!is_never_late(b, LONGEST_NS)) {
        bench_fail("echo gap: data is late after %u us", (unsigned)LINK_ECHO_GAP_US);
    }
    while (good_ns - late_ns > STEP_NS) {
        uint32_t middle_ns = late_ns + (good_ns - late_ns) / 2;
        bool is_good = is_never_late(b, middle_ns);
        good_ns = is_good ? middle_ns : good_ns;
        late_ns = is_good ? late_ns : middle_ns;
    }
    return good_ns;
}

void echo_measure(void)
{
    static struct bench_image image;
    static struct board b;
    board_make_image("1.0.0", 'a', 0, &image);
    board_open(&b, &image, SPI_HZ);
    board_wait(&b, "app: confirmed", CONFIRM_MS);
    double gap_us = shortest_gap_ns(&b) / 1000.0;
    board_check(&b);
    board_close(&b);
    figure_add("echo_gap_us", gap_us, 1, "shortest pause from echo to data without a failure, us");
    figure_add("echo_gap_margin", LINK_ECHO_GAP_US / gap_us, 1, "  times that are in the host's pause");
}
