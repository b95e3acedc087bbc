/*
 * Hosts that others wrote against ST's loader, from sync to verify, against the real bootloader and agent on
 * the twin. Those of protocol V1.1 are served; the others fail at a place that is named here, write nothing
 * outside the slot, and leave a loader that answers a proper client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "client.h"
#include "link/link_pump.h"
#include "link_client/link_client.h"
#include "loader_board.h"
#include "port_twin/twin_link.h"

enum {
    PAYLOAD_BYTES = 1500,
    GO_MAX_MS = 1500,
    TIMINGS = 2,
    COMMAND_MAX_US = 10000,
    GONE_MS = 4000 + LINK_GONE_MS,
    PAGE_MAX_BYTES = 64 * 1024
};

typedef enum client_end client(struct wires *w, const struct job *job);

/* --- the table --------------------------------------------------------------------------------------- */

/* What each run showed, host by host: fast flash, real flash. `clients_test --table` prints it, and the page
 * docs/spec/link.md must show the same. */
static struct {
    const char *id;
    const char *habit;
    char seen[TIMINGS][48];
} hosts[] = {
    {"C1", "protocol V1.0: no echo; takes the standing ACK for every answer", {"", ""}},
    {"C2",
     "4.8 MHz, 258 bytes without a gap, first poll counts, mass erase, Go boots what it wrote",
     {"", ""}},
    {"C3", "protocol V1.0: no echo", {"", ""}},
    {"C4",
     "NSS toggles around every byte, answer on a command within 10 ms, no checksum of an erase's count",
     {"", ""}},
    {"C5", "anything on MOSI while it reads, a bare echo, no echo after NACK, a 00 before 5A", {"", ""}},
    {"C6", "reads too much, long pauses, mass erase", {"", ""}},
    {"C7",
     "strict about A5; its 4,096 polls last 100 ms, so it gives up in its mass erase, with ST's loader too",
     {"", ""}},
    {"C8", "wants the ACK inside the command frame, and never echoes", {"", ""}},
    {"C9", "list of sectors, checksum over the codes, polls for 1.4 s", {"", ""}},
    {"C9, three sectors", "its polls are over before three erases of real flash are", {"", ""}},
    {"C9, old", "one sector, first poll counts, no echo after NACK", {"", ""}},
    {"C10", "polls once, and forgets the echo of its sync", {"", ""}},
    {"C12", "looks at every second byte only, from the first sync on", {"", ""}},
    {"C13", "20 kHz, never polls: every ACK at a fixed byte of its transfer", {"", ""}},
    {"C14",
     "NSS low throughout, looks once, takes Get flat, counts N into the checksum of an erase list",
     {"", ""}},
    {"C14, three sectors", "waits 2 s for the erase, whatever it is", {"", ""}},
    {"C15", "strict about A5 after each echo and in the dummy before data", {"", ""}},
    {"C16", "syncs before each task without a reset, gives up on NACK, reads before it writes", {"", ""}},
    {"C17", "24 polls of 1 ms for everything, mass erase", {"", ""}},
};

enum { N_HOSTS = sizeof hosts / sizeof hosts[0], ROW_BYTES = 256 };

/* Both loaders must show the same. */
static void note(const char *id, unsigned timing, const char *what, const char *stage)
{
    char text[sizeof hosts[0].seen[0]];
    (void)snprintf(text, sizeof text, "%s%s", what, stage ? stage : "");
    for (size_t i = 0; i < N_HOSTS; i++) {
        if (strcmp(hosts[i].id, id) == 0) {
            char *seen = hosts[i].seen[timing];
            assert_true(seen[0] == '\0' || strcmp(seen, text) == 0);
            memcpy(seen, text, sizeof text);
            return;
        }
    }
    fail_msg("no host %s in the table", id);
}

static void put_row(size_t i, char row[ROW_BYTES])
{
    (void)snprintf(row, ROW_BYTES, "| %s | %s | %s | %s |\n", hosts[i].id, hosts[i].seen[1], hosts[i].seen[0],
                   hosts[i].habit);
}

/* [0: flash as fast as it typically is, 1: so fast that only the order counts][kind] */
static struct loader_board boards[TIMINGS][LOADER_KINDS];
static uint8_t image[TEST_IMAGE_MAX_BYTES];

static int open_boards(void **state)
{
    (void)state;
    loader_board_open_all(boards[0], TWIN_FLASH_TYPICAL, PAYLOAD_BYTES);
    loader_board_open_all(boards[1], TWIN_FLASH_HASTY, PAYLOAD_BYTES);
    return 0;
}

static int close_boards(void **state)
{
    (void)state;
    loader_board_close_all(boards[0]);
    loader_board_close_all(boards[1]);
    return 0;
}

/* Made longer by an FF if need be, so that the last block is odd: what is after an image is blank anyway. */
static struct job job_for(const struct loader_board *board)
{
    uint32_t n_bytes = board->update.n_image[1] | 1U;
    memset(image, 0xFF, sizeof image);
    memcpy(image, board->update.image[1], board->update.n_image[1]);
    return (struct job){.base = FLASH_SLOT_B_BASE,
                        .first_sector = FLASH_SLOT_B_SECTOR,
                        .n_sectors = 1,
                        .image = image,
                        .n_bytes = n_bytes};
}

static const char *kind_name(const struct loader_board *board)
{
    return board->config.kind == LOADER_AGENT ? "agent" : "bootloader";
}

/* A proper client finds the loader and moves it, from whatever state the other left it in. */
static void assert_serves_a_proper_client(struct loader_board *board)
{
    struct twin_link wires;
    struct link_client link;
    struct link_peer peer;
    uint8_t back[64];
    twin_link_init(&wires, board->base.twin);
    link_client_init(&link, &wires.io, NULL);
    assert_int_equal(link_client_detect(&link, &peer), FOTA_OK);
    assert_int_equal(peer.kind, board->config.kind == LOADER_AGENT ? LINK_PEER_AGENT : LINK_PEER_BOOTLOADER);
    assert_int_equal(link_client_erase(&link, FLASH_SLOT_B_SECTOR), FOTA_OK);
    assert_int_equal(link_client_write_checked(&link, FLASH_SLOT_B_BASE, image, sizeof back), FOTA_OK);
    assert_int_equal(link_client_read(&link, FLASH_SLOT_B_BASE, back, sizeof back), FOTA_OK);
    assert_memory_equal(back, image, sizeof back);
}

/* Why the loader last said NACK. */
static void print_reason(struct loader_board *board)
{
    struct twin_link wires;
    struct link_client link;
    struct link_peer peer;
    twin_link_init(&wires, board->base.twin);
    link_client_init(&link, &wires.io, NULL);
    enum fota_err err = link_client_detect(&link, &peer);
    printf("  last NACK: %s\n", fota_err_name(err ? err : peer.info.last_link_reason));
}

/* One run from where the board stands. */
static void run_on(struct loader_board *board, const char *name, client *run, const struct job *job,
                   struct wires *w)
{
    w->twin = board->base.twin;
    uint64_t start_ns = twin_now_ns(board->base.twin);
    enum client_end end = run(w, job);
    printf("%s, %s: %u ms, %u erases%s%s\n", name, kind_name(board),
           (unsigned)((twin_now_ns(board->base.twin) - start_ns) / 1000000),
           (unsigned)twin_board_erases(&board->base, SLOT_B), w->stage ? ", gave up: " : "",
           w->stage ? w->stage : "");
    twin_board_run_ms(&board->base, 1); /* no violation */
    if (end != CLIENT_DONE) {
        print_reason(board);
    }
    assert_int_equal(end, CLIENT_DONE);
    assert_int_equal(loader_board_wrong(board, board->update.n_image[1]), 0);
}

static void serve(struct loader_board *board, const char *name, client *run, const struct job *job,
                  struct wires *w)
{
    loader_board_restore(board);
    run_on(board, name, run, job, w);
    assert_int_equal(loader_board_outside(board), 0);
}

/* Identify, erase, write, verify, against both loaders. */
static void assert_served(const char *name, client *run, unsigned timing, uint16_t n_sectors)
{
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct loader_board *board = &boards[timing][kind];
        struct wires w = {0};
        struct job job = job_for(board);
        job.n_sectors = n_sectors;
        serve(board, name, run, &job, &w);
        assert_serves_a_proper_client(board);
    }
    note(name, timing, "served", NULL);
}

/* A loader that nobody asked for: it stays, for it has nothing to boot. Something was received in slot B
 * before, so it goes on there. */
static void damage_the_image(struct loader_board *board)
{
    static const uint8_t damage[16] = {0};
    assert_serves_a_proper_client(board);
    twin_set_power(board->base.twin, false);
    assert_true(twin_flash_store(board->base.twin, FLASH_SLOT_A_BASE, damage, sizeof damage));
    twin_set_power(board->base.twin, true);
    twin_board_run_ms(&board->base, 1000);
}

/* Its patience is shorter than the erase it asked for: it gives up, the loader erases on. Run again when the
 * loader has forgotten the first run, it finds its sectors erased, and the same erase is answered at once. */
static void assert_served_in_its_second_run(const char *name, client *run, uint16_t n_sectors)
{
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct loader_board *board = &boards[0][kind];
        struct wires first = {.twin = board->base.twin};
        struct wires second = {0};
        struct job job = job_for(board);
        job.n_sectors = n_sectors;
        loader_board_restore(board);
        if (kind == 0) {
            damage_the_image(board);
        }
        uint32_t n_outside = loader_board_outside(board);
        assert_int_equal(run(&first, &job), CLIENT_GAVE_UP);
        assert_string_equal(first.stage, "erase");
        twin_board_run_ms(&board->base, GONE_MS); /* three erases, and then the silence */
        uint64_t n_erases = twin_board_erases(&board->base, SLOT_B);
        run_on(board, name, run, &job, &second);
        assert_int_equal(loader_board_outside(board), n_outside);
        assert_int_equal(twin_board_erases(&board->base, SLOT_B), n_erases);
        assert_serves_a_proper_client(board);
    }
    note(name, 0, "served in its second run", NULL);
}

/* Fails at `stage`; nothing was touched. */
static void assert_stops_at(const char *name, client *run, unsigned timing, const char *stage)
{
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct loader_board *board = &boards[timing][kind];
        struct wires w = {.twin = board->base.twin};
        struct job job = job_for(board);
        loader_board_restore(board);
        uint64_t n_erases = twin_board_erases(&board->base, SLOT_B);
        enum client_end end = run(&w, &job);
        printf("%s, %s: %s\n", name, kind_name(board), w.stage ? w.stage : "believes it is done");
        twin_board_run_ms(&board->base, 1);
        assert_int_equal(end, CLIENT_GAVE_UP);
        assert_string_equal(w.stage, stage);
        assert_int_equal(loader_board_outside(board), 0);
        assert_int_equal(twin_board_erases(&board->base, SLOT_B), n_erases);
        assert_serves_a_proper_client(board);
        assert_int_equal(loader_board_outside(board), 0);
    }
    note(name, timing, "stops at ", stage);
}

static void assert_not_served(const char *name, client *run, const char *stage)
{
    assert_stops_at(name, run, 0, stage);
    assert_stops_at(name, run, 1, stage);
}

/* With typical flash, and with fast flash. */
static void assert_served_always(const char *name, client *run, uint16_t n_sectors)
{
    assert_served(name, run, 1, n_sectors);
    assert_served(name, run, 0, n_sectors);
}

/* --- served ------------------------------------------------------------------------------------------ */

static void c2_writes_258_bytes_without_a_gap_and_its_go_boots_the_image(void **state)
{
    (void)state;
    for (unsigned timing = 0; timing < TIMINGS; timing++) {
        for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
            struct loader_board *board = &boards[timing][kind];
            struct wires w = {0};
            struct job job = job_for(board);
            serve(board, "C2", client_c2, &job, &w);
            for (unsigned ms = 0; ms < GO_MAX_MS && !loader_board_is_updated(board); ms += 50) {
                twin_board_run_ms(&board->base, 50);
            }
            assert_true(loader_board_is_updated(board));
        }
        note("C2", timing, "served", NULL);
    }
}

/* Ten pulses on NRST, then at most 65 ms until it wants its answer. */
static void c2_that_resets_its_chip_reaches_the_loader(void **state)
{
    (void)state;
    struct loader_board *board = &boards[0][0];
    struct wires w = {.twin = board->base.twin, .has_nrst = true};
    struct job job = job_for(board);
    loader_board_restore(board);
    damage_the_image(board); /* nothing to boot */
    assert_int_equal(client_c2(&w, &job), CLIENT_DONE);
    assert_int_equal(loader_board_wrong(board, board->update.n_image[1]), 0);
}

static void c4_that_toggles_nss_gets_each_command_s_answer_within_10_ms(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LOADER_KINDS; kind++) {
        struct wires w = {0};
        struct job job = job_for(&boards[0][kind]);
        serve(&boards[0][kind], "C4", client_c4, &job, &w);
        printf("  longest wait for a command's answer: %u us\n", (unsigned)w.answer_max_us);
        assert_in_range(w.answer_max_us, 1, COMMAND_MAX_US);
        assert_serves_a_proper_client(&boards[0][kind]);
    }
    note("C4", 0, "served", NULL);
    assert_served("C4", client_c4, 1, 1);
}

static void c5_that_sends_garbage_while_it_reads_and_never_echoes_a_nack(void **state)
{
    (void)state;
    assert_served_always("C5", client_c5, 1);
}

static void c6_that_reads_too_much_and_waits_long_for_a_mass_erase(void **state)
{
    (void)state;
    assert_served_always("C6", client_c6, 1);
}

static void c7_that_insists_on_a5_is_served_by_a_chip_that_erases_within_its_100_ms(void **state)
{
    (void)state;
    assert_served("C7", client_c7, 1, 1);
}

static void c7_that_gives_up_on_a_real_erase_is_served_when_it_is_run_again(void **state)
{
    (void)state;
    assert_served_in_its_second_run("C7", client_c7, 1);
}

static void c9_that_lists_its_sectors(void **state)
{
    (void)state;
    assert_served_always("C9", client_c9, 1);
    assert_served("C9, three sectors", client_c9, 1, 3);
    assert_served_in_its_second_run("C9, three sectors", client_c9, 3);
}

static void c9_before_it_learned_to_skip_the_first_byte(void **state)
{
    (void)state;
    assert_served_always("C9, old", client_c9_old, 1);
}

static void c12_that_looks_at_every_second_byte_only(void **state)
{
    (void)state;
    assert_served_always("C12", client_c12, 1);
}

static void c13_that_never_polls_finds_each_ack_at_its_fixed_byte(void **state)
{
    (void)state;
    assert_served_always("C13", client_c13, 1);
}

static void c14_that_looks_once_takes_get_flat_and_counts_n_into_its_checksum(void **state)
{
    (void)state;
    assert_served_always("C14", client_c14, 1);
    assert_served("C14, three sectors", client_c14, 1, 3);
    assert_served_in_its_second_run("C14, three sectors", client_c14, 3);
}

static void c15_that_wants_a5_after_each_echo_and_before_data(void **state)
{
    (void)state;
    assert_served_always("C15", client_c15, 1);
}

static void c16_that_syncs_before_each_task_without_a_reset(void **state)
{
    (void)state;
    assert_served_always("C16", client_c16, 1);
}

static void c17_that_polls_for_24_ms_is_served_by_fast_flash_or_when_it_is_run_again(void **state)
{
    (void)state;
    assert_served("C17", client_c17, 1, 1);
    assert_served_in_its_second_run("C17", client_c17, 1);
}

/* --- not served -------------------------------------------------------------------------------------- */

static void c1_of_protocol_1_0_takes_a_standing_ack_for_every_answer_and_stops_at_write(void **state)
{
    (void)state;
    assert_not_served("C1", client_c1, "write"); /* where a 79 in its data is taken for the echo */
}

static void c3_without_echo_stops_at_get(void **state)
{
    (void)state;
    assert_not_served("C3", client_c3, "get");
}

static void c8_that_wants_the_ack_inside_the_command_frame_stops_at_get_id(void **state)
{
    (void)state;
    assert_not_served("C8", client_c8, "get id");
}

static void c10_that_polls_once_stops_at_get_id(void **state)
{
    (void)state;
    assert_not_served("C10", client_c10, "get id");
}

/* --- the page ---------------------------------------------------------------------------------------- */

static char *read_page(void)
{
    char *text = calloc(1, PAGE_MAX_BYTES);
    FILE *f = fopen(FOTA_SOURCE_DIR "/docs/spec/link.md", "rb");
    assert_non_null(text);
    assert_non_null(f);
    size_t n_bytes = fread(text, 1, PAGE_MAX_BYTES - 1, f);
    (void)fclose(f);
    assert_in_range(n_bytes, 1, PAGE_MAX_BYTES - 2);
    return text;
}

/* @return rows that the page lacks, and rows of hosts that it has beyond them */
static unsigned compare_page(const char *page)
{
    unsigned n_wrong = 0, n_shown = 0;
    for (size_t i = 0; i < N_HOSTS; i++) {
        char row[ROW_BYTES];
        put_row(i, row);
        n_wrong += !strstr(page, row);
    }
    for (const char *at = strstr(page, "\n| C"); at; at = strstr(at + 1, "\n| C")) {
        n_shown++;
    }
    return n_wrong + (n_shown > N_HOSTS ? n_shown - (unsigned)N_HOSTS : 0);
}

/* After all others: what they showed stands in docs/spec/link.md. */
static void the_page_tells_what_the_run_showed(void **state)
{
    (void)state;
    char *page = read_page();
    unsigned n_wrong = compare_page(page);
    for (size_t i = 0; i < N_HOSTS && n_wrong > 0; i++) {
        char row[ROW_BYTES];
        put_row(i, row);
        printf("%s", row);
    }
    assert_int_equal(n_wrong, 0);
    char *claim = strstr(page, "| served |");
    assert_non_null(claim);
    memcpy(claim, "| senved |", strlen("| served |")); /* and a false claim is noticed */
    assert_int_equal(compare_page(page), 1);
    free(page);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c2_writes_258_bytes_without_a_gap_and_its_go_boots_the_image),
        cmocka_unit_test(c2_that_resets_its_chip_reaches_the_loader),
        cmocka_unit_test(c4_that_toggles_nss_gets_each_command_s_answer_within_10_ms),
        cmocka_unit_test(c5_that_sends_garbage_while_it_reads_and_never_echoes_a_nack),
        cmocka_unit_test(c6_that_reads_too_much_and_waits_long_for_a_mass_erase),
        cmocka_unit_test(c7_that_insists_on_a5_is_served_by_a_chip_that_erases_within_its_100_ms),
        cmocka_unit_test(c7_that_gives_up_on_a_real_erase_is_served_when_it_is_run_again),
        cmocka_unit_test(c9_that_lists_its_sectors),
        cmocka_unit_test(c9_before_it_learned_to_skip_the_first_byte),
        cmocka_unit_test(c12_that_looks_at_every_second_byte_only),
        cmocka_unit_test(c13_that_never_polls_finds_each_ack_at_its_fixed_byte),
        cmocka_unit_test(c14_that_looks_once_takes_get_flat_and_counts_n_into_its_checksum),
        cmocka_unit_test(c15_that_wants_a5_after_each_echo_and_before_data),
        cmocka_unit_test(c16_that_syncs_before_each_task_without_a_reset),
        cmocka_unit_test(c17_that_polls_for_24_ms_is_served_by_fast_flash_or_when_it_is_run_again),
        cmocka_unit_test(c1_of_protocol_1_0_takes_a_standing_ack_for_every_answer_and_stops_at_write),
        cmocka_unit_test(c3_without_echo_stops_at_get),
        cmocka_unit_test(c8_that_wants_the_ack_inside_the_command_frame_stops_at_get_id),
        cmocka_unit_test(c10_that_polls_once_stops_at_get_id),
        cmocka_unit_test(the_page_tells_what_the_run_showed),
    };
    return cmocka_run_group_tests(tests, open_boards, close_boards);
}
