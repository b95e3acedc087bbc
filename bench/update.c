/* An update while the application runs: time against the limit
 * that the flash sets, control loop, downtime. */
#include <string.h>

#include "base/flash_map.h"
#include "bench.h"
#include "idle.h"

#define APPLICATION FOTA_BUILD_DIR "/f407/app/demo-1.0.0-a.elf"

enum {
    SPI_HZ = 10500000,
    ERASE_128K_MS = 1000, /* DS8626 table 40, x32, typical */
    WORD_US = 16,
    SECTOR_BYTES = 0x20000,
    SMALL_BYTES = 100 * 1024,
    FIRST_SECTOR_B = 8,
    STATEMENT_BYTES = 1280,
    VERSION_2 = 2 << 24
};

static struct bench_image factory;
static struct bench_image image_a;
static struct bench_image image_b;
static struct idle_meter meter;

static void check(enum fota_err err, const char *what)
{
    if (err) {
        bench_fail("%s: %s", what, fota_err_text(err));
    }
}

/* What the flash alone needs: the sectors the image touches, and its words. */
static double limit_s(uint32_t n_bytes)
{
    const uint32_t n_sectors = (n_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
    const uint32_t n_words = (n_bytes + 3) / 4;
    return n_sectors * (ERASE_128K_MS / 1e3) + n_words * (WORD_US / 1e6);
}

/* BEGIN to FINISH. @return seconds of virtual time */
static double stream(struct board *b, const char *statement, uint32_t n_statement,
                     struct link_progress *progress, uint32_t *session_id)
{
    struct link_session session;
    const uint64_t start_ns = twin_now_ns(b->twin);
    check(link_client_begin(&b->link, (const uint8_t *)statement, n_statement, &session), "begin");
    const struct bench_image *image = session.slot == SLOT_A ? &image_a : &image_b;
    memset(progress, 0, sizeof *progress);
    while (progress->accepted_off < image->n_bytes) {
        const uint32_t left = image->n_bytes - progress->accepted_off;
        const uint32_t most =
            link_client_block_bytes(&b->link, progress->accepted_off, session.block_max_bytes);
        const uint32_t n = left < most ? left : most;
        check(link_client_block(&b->link, session.session_id, progress->accepted_off,
                                image->bytes + progress->accepted_off, n, progress),
              "block");
    }
    check(link_client_finish(&b->link, session.session_id, progress), "finish");
    *session_id = session.session_id;
    return (double)(twin_now_ns(b->twin) - start_ns) / 1e9;
}

static double update(struct board *b, uint32_t image_bytes, uint32_t *session_id)
{
    static char statement[STATEMENT_BYTES];
    struct link_peer peer;
    struct link_progress progress;
    board_make_image("2.0.0", 'a', image_bytes, &image_a);
    board_make_image("2.0.0", 'b', image_bytes, &image_b);
    const uint32_t n = board_make_statement(VERSION_2, &image_a, &image_b, statement, sizeof statement);
    check(link_client_detect(&b->link, &peer), "detect");
    idle_open(&meter, b);
    return stream(b, statement, n, &progress, session_id);
}

static void by_agent(struct board *b, uint32_t image_bytes, uint32_t *session_id)
{
    board_open(b, &factory, SPI_HZ);
    board_wait(b, "app: confirmed", CONFIRM_MS);
    const double seconds = update(b, image_bytes, session_id);
    const double ratio = seconds / limit_s(image_b.n_bytes);
    if (image_bytes == IMAGE_MAX_BYTES) {
        figure_add("agent_384k_s", seconds, 3, "384 KB by the agent, application running, seconds");
        figure_add("agent_384k_limit_s", limit_s(image_b.n_bytes), 3, "  limit of the flash, seconds");
        figure_add("agent_384k_ratio", ratio, 3, "  ratio");
        figure_add("agent_384k_spi_bytes", (double)twin_stats(b->twin)->spi_bytes, 0, "  bytes on the wire");
        idle_show(&meter, "agent", APPLICATION);
    } else {
        figure_add("agent_100k_s", seconds, 3, "100 KB by the agent, seconds");
        figure_add("agent_100k_ratio", ratio, 3, "  ratio to the limit of the flash");
    }
}

static void by_bootloader(struct board *b, uint32_t image_bytes)
{
    uint32_t session_id;
    board_open_damaged(b, &factory, SPI_HZ);
    const double seconds = update(b, image_bytes, &session_id);
    const double ratio = seconds / limit_s(image_b.n_bytes);
    if (image_bytes == IMAGE_MAX_BYTES) {
        figure_add("bootloader_384k_s", seconds, 3, "384 KB by the bootloader, seconds");
        figure_add("bootloader_384k_ratio", ratio, 3, "  ratio to the limit of the flash");
        idle_show(&meter, "bootloader", NULL);
    } else {
        figure_add("bootloader_100k_s", seconds, 3, "100 KB by the bootloader, seconds");
        figure_add("bootloader_100k_ratio", ratio, 3, "  ratio to the limit of the flash");
    }
    board_close(b);
}

/* What a client of AN4286 does that knows no other command: erase, write, Go; at our clock, without pauses
 * between bytes. Go ends when the bootloader has verified the image. */
static double plain_update(struct board *b)
{
    const uint32_t n_sectors = (image_b.n_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
    const uint64_t start_ns = twin_now_ns(b->twin);
    for (uint32_t i = 0; i < n_sectors; i++) {
        check(link_client_erase(&b->link, (uint16_t)(FIRST_SECTOR_B + i)), "erase");
    }
    for (uint32_t off = 0; off < image_b.n_bytes; off += LINK_WRITE_MAX_BYTES) {
        uint8_t bytes[LINK_WRITE_MAX_BYTES];
        const uint32_t left = image_b.n_bytes - off;
        memset(bytes, 0xFF, sizeof bytes);
        memcpy(bytes, image_b.bytes + off, left < sizeof bytes ? left : sizeof bytes);
        check(link_client_write(&b->link, FLASH_SLOT_B_BASE + off, bytes, sizeof bytes), "write");
    }
    check(link_client_go(&b->link, FLASH_SLOT_B_BASE), "go");
    return (double)(twin_now_ns(b->twin) - start_ns) / 1e9;
}

/* The image is the one that by_bootloader made. */
static void by_an4286(struct board *b, uint32_t image_bytes)
{
    struct link_client_config config = {.clock_hz = SPI_HZ, .safe_clock_hz = SPI_HZ};
    board_open_damaged(b, &factory, SPI_HZ);
    link_client_init(&b->link, &b->wires.io, &config);
    b->link.config.safe_gap_us = 0; /* the default is the pause that ST's ROM wants */
    check(link_client_sync(&b->link), "sync");
    const double seconds = plain_update(b);
    const double ratio = seconds / limit_s(image_b.n_bytes);
    if (image_bytes == IMAGE_MAX_BYTES) {
        figure_add("an4286_384k_s", seconds, 3, "384 KB by the bootloader without vendor commands, seconds");
        figure_add("an4286_384k_ratio", ratio, 3, "  ratio to the limit of the flash");
    } else {
        figure_add("an4286_100k_s", seconds, 3, "100 KB by the bootloader without vendor commands, seconds");
        figure_add("an4286_100k_ratio", ratio, 3, "  ratio to the limit of the flash");
    }
    board_wait(b, "app: confirmed", CONFIRM_MS);
    board_close(b);
}

void update_measure(void)
{
    static struct board b;
    struct link_progress progress;
    uint32_t session_id;
    board_make_image("1.0.0", 'a', 0, &factory);
    by_agent(&b, SMALL_BYTES, &session_id);
    board_run_us(&b, 2000000);
    board_close(&b);
    by_agent(&b, IMAGE_MAX_BYTES, &session_id);
    board_run_us(&b, 2000000); /* the console reports once a second */
    figure_add("spi_hz", SPI_HZ, 0, "SPI clock, Hz");
    figure_add("missed_ticks", board_number(&b, " missed "), 0,
               "control-loop ticks missed during the update");
    figure_add("worst_jitter_us", board_number(&b, " worst jitter "), 1,
               "worst jitter of the control loop, us");
    const uint64_t start_ns = twin_now_ns(b.twin);
    check(link_client_activate(&b.link, session_id, &progress), "activate");
    board_wait(&b, "app: confirmed", CONFIRM_MS);
    figure_add("downtime_ms", (double)(twin_now_ns(b.twin) - start_ns) / 1e6, 0,
               "activate to confirmed (1 s of it is the health check), ms");
    board_close(&b);
    by_bootloader(&b, SMALL_BYTES);
    by_an4286(&b, SMALL_BYTES);
    by_bootloader(&b, IMAGE_MAX_BYTES);
    by_an4286(&b, IMAGE_MAX_BYTES);
}
