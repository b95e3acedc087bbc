#include "target_fake.h"

#include <stdlib.h>
#include <string.h>

#include "format/loader_statement.h"

enum { NS_PER_MS = 1000000, PROGRAM_NS = 16000 };

static struct target_fake *of_io(struct link_io *io)
{
    return (struct target_fake *)io;
}

/* Without a division: this is asked for each byte and each millisecond, and tests/rv32 has none of 64 bits. */
static uint32_t now32_ms(struct target_fake *t)
{
    while (t->now_ns - t->ms_begun_ns >= NS_PER_MS) {
        t->ms_begun_ns += NS_PER_MS;
        t->ms++;
    }
    return t->ms;
}

/* --- update operations, as the agent gives them to the pump ------------------------------------------ */

static enum fota_err op_info(void *ctx, struct boot_info *out)
{
    update_info(&((struct target_fake *)ctx)->update, out);
    return FOTA_OK;
}

static enum fota_err op_begin(void *ctx, const uint8_t *statement, uint32_t n_bytes,
                              struct update_target *out)
{
    struct target_fake *t = ctx;
    if (t->lends_no_memory && loader_is_statement(statement, n_bytes)) {
        return E_LOADER_MEMORY;
    }
    enum fota_err err = update_begin(&t->update, statement, n_bytes, out);
    t->loader_bytes = !err && out->slot == SLOT_LOADER ? out->image_bytes : 0;
    return err;
}

static enum fota_err op_erase(void *ctx, uint32_t sector)
{
    struct target_fake *t = ctx;
    t->n_erases++;
    t->now_ns += (uint64_t)1000 * NS_PER_MS;
    return update_erase(&t->update, sector);
}

static enum fota_err op_program(void *ctx, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct target_fake *t = ctx;
    if (t->loader_bytes > 0) {
        memcpy((uint8_t *)t->loader_memory + (addr - FLASH_LOADER_BASE), words, (size_t)n_words * 4U);
        return FOTA_OK;
    }
    t->now_ns += (uint64_t)n_words * PROGRAM_NS;
    return update_program(&t->update, addr, words, n_words);
}

static void op_read(void *ctx, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    struct target_fake *t = ctx;
    memcpy(bytes, (const uint8_t *)flash_fake_at(&t->flash, addr & ~3U) + (addr & 3U), n_bytes);
}

static enum fota_err op_hash(void *ctx, uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    return update_hash(&((struct target_fake *)ctx)->update, off, n_bytes, sha256);
}

static enum fota_err op_finish(void *ctx)
{
    struct target_fake *t = ctx;
    if (t->loader_bytes > 0) {
        t->n_loader_erases++;
        return update_loader_install(&t->update, t->loader_memory, t->loader_bytes);
    }
    if (t->damages_flash) {
        *flash_fake_at(&t->flash,
                       (t->update.offer.slot == SLOT_B ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE) + 4096) ^= 1U;
    }
    return t->is_deaf_to_finish ? E_UPDATE_BUSY : update_finish(&t->update);
}

static enum fota_err op_activate(void *ctx)
{
    struct target_fake *t = ctx;
    return t->is_busy ? E_UPDATE_BUSY : update_activate(&t->update);
}

static enum fota_err op_abort(void *ctx)
{
    struct target_fake *t = ctx;
    enum fota_err err = update_abort(&t->update);
    t->loader_bytes = err ? t->loader_bytes : 0;
    return err;
}

static enum fota_err op_retry(void *ctx, uint32_t number)
{
    return update_retry(&((struct target_fake *)ctx)->update, number);
}

static void op_restart(void *ctx)
{
    target_fake_boot(ctx, RESET_SOFTWARE);
}

/* --- the SPI slave as the pump sees it --------------------------------------------------------------- */

static size_t port_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    struct target_fake *t = ctx;
    size_t n = n_bytes < t->n_rx ? n_bytes : t->n_rx;
    memcpy(bytes, t->rx, n);
    memmove(t->rx, t->rx + n, t->n_rx - n);
    t->n_rx -= n;
    return n;
}

static void port_discard(void *ctx)
{
    ((struct target_fake *)ctx)->n_rx = 0;
}

static void port_present(void *ctx, uint8_t answer)
{
    struct target_fake *t = ctx;
    t->answer = answer;
    t->n_tx = 0;
    t->tx_at = 0;
}

static void port_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    struct target_fake *t = ctx;
    memcpy(t->tx, bytes, n_bytes);
    t->n_tx = n_bytes;
    t->tx_at = 0;
    t->then = LINK_FILLER;
}

static bool port_is_sending(void *ctx)
{
    const struct target_fake *t = ctx;
    return t->tx_at < t->n_tx;
}

static void port_resync(void *ctx)
{
    (void)ctx;
}

/* The transmit register loads one byte ahead. */
static uint8_t next_tx(struct target_fake *t)
{
    if (t->tx_at < t->n_tx) {
        uint8_t byte = t->tx[t->tx_at++];
        t->answer = t->tx_at == t->n_tx ? t->then : t->answer;
        return byte;
    }
    t->is_answer_turn = !t->is_answer_turn;
    return t->is_answer_turn ? t->answer : (uint8_t)LINK_FILLER;
}

/* --- what runs --------------------------------------------------------------------------------------- */

static bool is_alive(const struct target_fake *t)
{
    return !t->is_dead && !t->is_in_reset && t->now_ns >= t->started_ns;
}

static void run_application(struct target_fake *t)
{
    uint64_t since_ns = t->now_ns - t->started_ns;
    bool is_bad = t->running_version == t->bad_version;
    if (t->is_trial && !is_bad && since_ns >= (uint64_t)TARGET_FAKE_CONFIRM_MS * NS_PER_MS) {
        t->is_trial = update_confirm(&t->update) != FOTA_OK;
    }
    if (t->is_trial && is_bad && since_ns >= (uint64_t)TARGET_FAKE_WATCHDOG_MS * NS_PER_MS) {
        target_fake_boot(t, RESET_IWDG);
    }
}

static void run_software(struct target_fake *t)
{
    if (!is_alive(t)) {
        t->n_rx = 0;
        return;
    }
    link_pump_poll(&t->pump, now32_ms(t));
    if (is_alive(t) && t->running != SLOT_NONE) {
        run_application(t);
    }
}

void target_fake_boot(struct target_fake *t, enum reset_cause cause)
{
    static const struct link_session_ops ops = {.info = op_info,
                                                .begin = op_begin,
                                                .erase = op_erase,
                                                .program = op_program,
                                                .read = op_read,
                                                .hash = op_hash,
                                                .finish = op_finish,
                                                .activate = op_activate,
                                                .abort = op_abort,
                                                .restart = op_restart,
                                                .retry = op_retry};
    static const struct link_port_ops port_ops = {.receive = port_receive,
                                                  .discard = port_discard,
                                                  .present = port_present,
                                                  .send = port_send,
                                                  .is_sending = port_is_sending,
                                                  .resync = port_resync};
    const struct update_reset reset = {.cause = cause,
                                       .is_run_failed = t->is_trial && cause >= RESET_SOFTWARE};
    struct slots_decision decision;
    struct image_result images[2];
    t->n_boots++;
    t->loader_bytes = 0;
    t->n_rx = 0;
    t->running = SLOT_NONE;
    t->is_trial = false;
    if (update_open(&t->update, &t->config, &reset)) {
        abort();
    }
    update_choose(&t->update, BOOT_REQUEST_NONE, &decision, images);
    if (decision.action == SLOTS_BOOT) {
        t->running = decision.slot;
        t->is_trial = decision.is_trial;
        t->n_trial_runs += decision.is_trial;
        t->running_version = images[decision.slot].image.version_packed;
    }
    enum slot inactive = update_inactive_slot(&t->update);
    if (inactive == SLOT_NONE) {
        inactive = t->running == SLOT_A ? SLOT_B : SLOT_A;
    }
    const struct link_pump_config config = {.board = &BOARD_OWN,
                                            .ops = &ops,
                                            .ops_ctx = t,
                                            .port = &port_ops,
                                            .port_ctx = t,
                                            .loader = t->running == SLOT_NONE ? LINK_LOADER_LOADER
                                                                              : LINK_LOADER_AGENT,
                                            .inactive = inactive,
                                            .chunk_words = 64};
    if (link_pump_init(&t->pump, &config)) {
        abort();
    }
    t->started_ns = t->now_ns + (uint64_t)TARGET_FAKE_BOOT_MS * NS_PER_MS;
}

/* --- the wires --------------------------------------------------------------------------------------- */

static uint8_t noisy(struct target_fake *t, uint8_t byte)
{
    if (t->noise_period == 0) {
        return byte;
    }
    t->noise_seed = t->noise_seed * 1664525U + 1013904223U;
    if ((t->noise_seed >> 8) % t->noise_period != 0) {
        return byte;
    }
    t->n_damaged++;
    return (uint8_t)(byte ^ (1U << (t->noise_seed >> 29)));
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct target_fake *t = of_io(io);
    for (size_t i = 0; i < n_bytes; i++) {
        bool is_wired = is_alive(t) && t->is_selected;
        uint8_t out = is_wired ? t->tx_next : 0;
        uint8_t in = noisy(t, mosi ? mosi[i] : 0);
        if (miso) {
            miso[i] = noisy(t, out);
        }
        t->now_ns += t->byte_ns + t->gap_ns;
        if (is_wired) {
            t->tx_next = next_tx(t);
            t->rx[t->n_rx++ % sizeof t->rx] = in;
        }
        run_software(t);
    }
    return FOTA_OK;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    of_io(io)->is_selected = selected;
    return FOTA_OK;
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    struct target_fake *t = of_io(io);
    if (t->is_in_reset && !low) {
        target_fake_boot(t, RESET_PIN);
    }
    t->is_in_reset = low;
    return FOTA_OK;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    (void)io;
    (void)high;
    return FOTA_OK;
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    of_io(io)->byte_ns = hz ? UINT64_C(8000000000) / hz : 0;
    of_io(io)->gap_ns = byte_gap_us * 1000U;
    return hz ? FOTA_OK : E_ARG;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct target_fake *t = of_io(io);
    uint64_t until_ns = t->now_ns + (uint64_t)us * 1000U;
    while (t->now_ns < until_ns) {
        uint64_t left_ns = until_ns - t->now_ns;
        t->now_ns += left_ns < NS_PER_MS ? left_ns : NS_PER_MS;
        run_software(t);
    }
}

static uint64_t now_us(struct link_io *io)
{
    return of_io(io)->now_ns / 1000U;
}

static struct target_fake *of_clock(struct clock *clock)
{
    return (struct target_fake *)(void *)((uint8_t *)clock - offsetof(struct target_fake, clock));
}

static uint64_t now_ms(struct clock *clock)
{
    return of_clock(clock)->now_ns / NS_PER_MS;
}

static uint64_t utc_s(struct clock *clock)
{
    const struct target_fake *t = of_clock(clock);
    return UINT64_C(1790000000) - t->utc_back_s + t->now_ns / UINT64_C(1000000000);
}

void target_fake_run_ms(struct target_fake *t, uint32_t ms)
{
    delay_us(&t->io, ms * 1000U);
}

/* --- the board --------------------------------------------------------------------------------------- */

void target_fake_init(struct target_fake *t, const uint8_t release_point[CRYPTO_POINT_BYTES])
{
    static const struct link_io_ops io_ops = {.transfer = transfer,
                                              .select = select_target,
                                              .set_nrst = set_nrst,
                                              .set_boot0 = set_boot0,
                                              .set_clock = set_clock,
                                              .delay_us = delay_us,
                                              .now_us = now_us};
    static const struct clock_ops clock_ops = {.now_ms = now_ms, .utc_s = utc_s};
    memset(t, 0, sizeof *t);
    t->io.ops = &io_ops;
    t->clock.ops = &clock_ops;
    t->byte_ns = 8000;
    t->answer = LINK_FILLER;
    t->noise_seed = 1;
    t->option_bytes = TARGET_FAKE_OPTIONS;
    uint32_t addr = FLASH_MAP_BASE;
    for (uint32_t i = 0; i < TARGET_FAKE_SECTORS; i++) {
        uint32_t kbytes = i < 4 ? 16 : i == 4 ? 64 : 128;
        t->sectors[i] =
            (struct flash_fake_sector){.number = i,
                                       .addr = addr,
                                       .n_words = kbytes * 256,
                                       .is_open = i == FLASH_LOADER_SECTOR || i == FLASH_J1_SECTOR || i >= 5};
        addr += kbytes * 1024;
    }
    flash_fake_init(&t->flash, t->sectors, TARGET_FAKE_SECTORS, t->words, t->cells);
    t->config = (struct update_config){
        .flash = &t->flash.flash,
        .slot = {(const uint8_t *)flash_fake_at(&t->flash, FLASH_SLOT_A_BASE),
                 (const uint8_t *)flash_fake_at(&t->flash, FLASH_SLOT_B_BASE)},
        .base = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE},
        .first_sector = {FLASH_SLOT_A_SECTOR, FLASH_SLOT_B_SECTOR},
        .sector_bytes = FLASH_SLOT_SECTOR_BYTES,
        .n_sectors = FLASH_SLOT_SECTORS,
        .loader = {.bytes = (const uint8_t *)flash_fake_at(&t->flash, FLASH_LOADER_BASE),
                   .base = FLASH_LOADER_BASE,
                   .sector = FLASH_LOADER_SECTOR,
                   .n_bytes = FLASH_LOADER_BYTES,
                   .options = &t->option_bytes},
        .bootloader_version = 0x01000000,
        .hw_id = "f407-disco",
        .keys = {release_point, NULL},
        .hash = &t->hash};
    t->config.journal[0] = (struct journal_area){
        .base = FLASH_J0_BASE, .sector = FLASH_J0_SECTOR, .n_records = FLASH_J0_BYTES / JOURNAL_RECORD_BYTES};
    t->config.journal[1] = (struct journal_area){
        .base = FLASH_J1_BASE, .sector = FLASH_J1_SECTOR, .n_records = FLASH_J1_BYTES / JOURNAL_RECORD_BYTES};
}

void target_fake_loader(struct target_fake *t, const uint8_t *image, uint32_t n_bytes)
{
    uint32_t padded[FLASH_LOADER_BYTES / 4];
    memset(padded, 0xFF, sizeof padded);
    memcpy(padded, image, n_bytes);
    flash_fake_load(&t->flash, FLASH_LOADER_BASE, padded, sizeof padded);
}

void target_fake_factory(struct target_fake *t, const uint8_t *image, uint32_t n_bytes)
{
    uint32_t padded[4096];
    for (uint32_t off = 0; off < n_bytes; off += sizeof padded) {
        uint32_t n = n_bytes - off < sizeof padded ? n_bytes - off : (uint32_t)sizeof padded;
        memset(padded, 0xFF, sizeof padded);
        memcpy(padded, image + off, n);
        flash_fake_load(&t->flash, FLASH_SLOT_A_BASE + off, padded, (n + 3U) & ~3U);
    }
    target_fake_boot(t, RESET_POWER_ON);
    target_fake_run_ms(t, 1000);
}
