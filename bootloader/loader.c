#include "loader.h"

#include <string.h>

#include "f407/clock.h"
#include "f407/iwdg.h"
#include "f407/reset.h"
#include "f407/spi_slave.h"
#include "link/link_pump.h"

enum { CHUNK_WORDS = 64 /* 1 ms typical, 6.4 ms at most: less than the ring of the SPI driver holds */ };

/* Static for its size, not for keeping anything: services never touch these. */
static struct spi_slave spi;
static struct link_pump pump;

static enum fota_err op_info(void *ctx, struct boot_info *out)
{
    update_info(ctx, out);
    return FOTA_OK;
}

static enum fota_err op_begin(void *ctx, const uint8_t *statement, uint32_t n_bytes,
                              struct update_target *out)
{
    return update_begin(ctx, statement, n_bytes, out);
}

static enum fota_err op_erase(void *ctx, uint32_t sector)
{
    return update_erase(ctx, sector);
}

static enum fota_err op_program(void *ctx, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    return update_program(ctx, addr, words, n_words);
}

static void op_read(void *ctx, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    (void)ctx;
    memcpy(bytes, (const void *)addr, n_bytes);
}

static enum fota_err op_hash(void *ctx, uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    return update_hash(ctx, off, n_bytes, sha256);
}

static enum fota_err op_finish(void *ctx)
{
    return update_finish(ctx);
}

static enum fota_err op_activate(void *ctx)
{
    return update_activate(ctx);
}

static enum fota_err op_abort(void *ctx)
{
    return update_abort(ctx);
}

static void op_restart(void *ctx)
{
    (void)ctx;
    reset_chip();
}

static const struct link_pump_ops UPDATE_OPS = {op_info, op_begin,  op_erase,    op_program, op_read,
                                                op_hash, op_finish, op_activate, op_abort,   op_restart};

static const struct link_port_ops SPI_OPS = {
    .receive = spi_slave_receive,
    .discard = spi_slave_discard,
    .level = spi_slave_level,
    .send = spi_slave_send,
    .is_sending = spi_slave_is_sending,
    .resync = spi_slave_resync,
};

void loader_run(struct update *update, bool is_wish)
{
    struct clock_time time;
    const struct link_pump_config config = {
        .ops = &UPDATE_OPS,
        .ops_ctx = update,
        .port = &SPI_OPS,
        .port_ctx = &spi,
        .loader = LINK_LOADER_BOOTLOADER,
        .inactive = update_inactive_slot(update),
        .chunk_words = CHUNK_WORDS,
    };
    clock_time_start(&time);
    spi_slave_init(&spi);
    if (link_pump_init(&pump, &config) != FOTA_OK) {
        reset_chip();
    }
    for (;;) {
        uint32_t now_ms = clock_time_ms(&time);
        iwdg_feed();
        link_pump_poll(&pump, now_ms);
        if (is_wish && now_ms > LOADER_WISH_MAX_MS && !link_pump_is_synced(&pump)) {
            reset_chip();
        }
    }
}
