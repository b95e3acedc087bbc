#include "idf_wires.h"

#include <inttypes.h>
#include <string.h>

#include "driver/gpio.h"
#include "esp_rom_sys.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

enum {
    CHUNK_BYTES = 64,          /* of a transaction without DMA */
    SPUN_MAX_US = 20000,       /* then other tasks, and the idle task's watchdog, get the core for a tick */
    FRAME_SPUN_MAX_US = 50000, /* and inside of a frame */
    FIRST_HZ = 1000000,
    INPUT_DELAY_NS = 25, /* of the target's MISO after SCK, at most */
    US_PER_TICK = 1000000 / configTICK_RATE_HZ
};

static struct idf_wires *of(struct link_io *io)
{
    return (struct idf_wires *)(void *)io; /* first member */
}

/* --- time ---------------------------------------------------------------------------------------------- */

static void sleep_ticks(struct idf_wires *w, TickType_t ticks)
{
    if (w->is_watched) {
        const esp_err_t err = esp_task_wdt_reset();
        (void)err; /* NOT_FOUND: this task is not watched after all */
    }
    vTaskDelay(ticks);
    w->yielded_us = esp_timer_get_time();
}

static bool has_spun(const struct idf_wires *w, int64_t most_us)
{
    return esp_timer_get_time() - w->yielded_us >= most_us;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct idf_wires *w = of(io);
    const int64_t start_us = esp_timer_get_time();
    if (us >= 2U * US_PER_TICK || has_spun(w, SPUN_MAX_US)) {
        sleep_ticks(w, us / US_PER_TICK + 1U); /* n ticks end after n - 1 to n of them */
    }
    const int64_t slept_us = esp_timer_get_time() - start_us;
    if (slept_us < (int64_t)us) {
        esp_rom_delay_us((uint32_t)((int64_t)us - slept_us));
    }
}

static uint64_t now_us(struct link_io *io)
{
    (void)io;
    return (uint64_t)esp_timer_get_time();
}

/* --- SPI ------------------------------------------------------------------------------------------------ */

static enum fota_err failed(const struct idf_wires *w, const char *what, esp_err_t err)
{
    idf_log(w->log, 'E', "SPI%d: %s: %s", w->spi_host + 1, what, esp_err_to_name(err));
    return E_IO;
}

static enum fota_err transaction(struct idf_wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    static const uint8_t zeros[CHUNK_BYTES];
    spi_transaction_t t;
    memset(&t, 0, sizeof t); /* the driver writes into it, and later versions have more fields */
    t.length = n_bytes * 8U;
    t.tx_buffer = mosi ? mosi : zeros;
    t.rx_buffer = miso;
    const esp_err_t err = spi_device_polling_transmit(w->device[w->used], &t);
    return err == ESP_OK ? FOTA_OK : failed(w, "a transfer failed", err);
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct idf_wires *w = of(io);
    const size_t most = w->gap_us ? 1 : CHUNK_BYTES;
    enum fota_err err = w->is_acquired ? FOTA_OK : E_IO;
    for (size_t off = 0; off < n_bytes && !err;) {
        const size_t n = n_bytes - off < most ? n_bytes - off : most;
        err = transaction(w, mosi ? mosi + off : NULL, miso ? miso + off : NULL, n);
        if (w->gap_us) {
            esp_rom_delay_us(w->gap_us);
        }
        /* Byte for byte, 4 KB take 0.1 s. Our loaders wait 0.5 s for the next byte, ST's for ever. A block at full clock is over
         * before that, and has no gap: the pauses between frames are where others run. */
        if (has_spun(w, FRAME_SPUN_MAX_US)) {
            sleep_ticks(w, 1);
        }
        off += n;
    }
    return err;
}

/* A device for this clock, or the nearest one below it. @return its number; n_devices: there is none */
static unsigned find(const struct idf_wires *w, uint32_t hz)
{
    unsigned best = w->n_devices;
    for (unsigned i = 0; i < w->n_devices; i++) {
        if (w->hz[i] <= hz && (best == w->n_devices || w->hz[i] > w->hz[best])) {
            best = i;
        }
    }
    return best;
}

static enum fota_err add_device(struct idf_wires *w, uint32_t hz)
{
    int khz = 0;
    const spi_device_interface_config_t config = {.mode = 0,
                                                  .clock_speed_hz = (int)hz,
                                                  .input_delay_ns = INPUT_DELAY_NS,
                                                  .spics_io_num = -1,
                                                  .queue_size = 1};
    esp_err_t err = spi_bus_add_device((spi_host_device_t)w->spi_host, &config, &w->device[w->n_devices]);
    if (err != ESP_OK) {
        return failed(w, "a device cannot be added; no other device may be on this bus", err);
    }
    err = spi_device_get_actual_freq(w->device[w->n_devices], &khz);
    if (err == ESP_OK) {
        idf_log(w->log, 'I', "SPI%d: %" PRIu32 " Hz were asked for, the clock is %d kHz", w->spi_host + 1, hz,
                khz);
    }
    w->hz[w->n_devices++] = hz;
    return FOTA_OK;
}

static enum fota_err acquire(struct idf_wires *w, unsigned device)
{
    if (w->is_acquired && w->used == device) {
        return FOTA_OK;
    }
    if (w->is_acquired) {
        spi_device_release_bus(w->device[w->used]);
        w->is_acquired = false;
    }
    const esp_err_t err = spi_device_acquire_bus(w->device[device], portMAX_DELAY);
    w->used = device;
    w->is_acquired = err == ESP_OK;
    return w->is_acquired ? FOTA_OK : failed(w, "the bus cannot be acquired", err);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    struct idf_wires *w = of(io);
    if (hz == 0) {
        return E_ARG;
    }
    hz = hz > w->max_hz ? w->max_hz : hz;
    unsigned device = find(w, hz);
    const bool is_exact = device < w->n_devices && w->hz[device] == hz;
    if (!is_exact && w->n_devices < IDF_WIRES_CLOCKS) {
        const enum fota_err err = add_device(w, hz);
        if (err) {
            return err;
        }
        device = w->n_devices - 1U;
    }
    if (device == w->n_devices) {
        return E_ARG; /* slower than every clock that there is */
    }
    w->gap_us = byte_gap_us;
    return acquire(w, device);
}

/* --- pins ------------------------------------------------------------------------------------------------ */

static enum fota_err set_level(struct idf_wires *w, int pin, bool is_high)
{
    const esp_err_t err = gpio_set_level((gpio_num_t)pin, is_high ? 1U : 0U);
    if (err != ESP_OK) {
        idf_log(w->log, 'E', "GPIO %d cannot be set: %s", pin, esp_err_to_name(err));
    }
    return err == ESP_OK ? FOTA_OK : E_IO;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return set_level(of(io), of(io)->pins.nss, !selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    return set_level(of(io), of(io)->pins.nrst, !low);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return set_level(of(io), of(io)->pins.boot0, high);
}

/* The level first, so that the pin shows no other one when it becomes an output. */
static enum fota_err open_pin(struct idf_wires *w, int pin, bool is_high, gpio_mode_t mode)
{
    const gpio_config_t config = {.pin_bit_mask = UINT64_C(1) << pin, .mode = mode};
    enum fota_err err = set_level(w, pin, is_high);
    if (err) {
        return err;
    }
    const esp_err_t idf = gpio_config(&config);
    if (idf != ESP_OK) {
        idf_log(w->log, 'E', "GPIO %d cannot be an output: %s", pin, esp_err_to_name(idf));
        return E_IO;
    }
    return FOTA_OK;
}

static enum fota_err open_pins(struct idf_wires *w)
{
    enum fota_err err = open_pin(w, w->pins.nrst, true, GPIO_MODE_INPUT_OUTPUT_OD);
    if (!err) {
        err = open_pin(w, w->pins.boot0, false, GPIO_MODE_OUTPUT);
    }
    return err ? err : open_pin(w, w->pins.nss, true, GPIO_MODE_OUTPUT);
}

static enum fota_err open_bus(struct idf_wires *w)
{
    const spi_bus_config_t bus = {.mosi_io_num = w->pins.mosi,
                                  .miso_io_num = w->pins.miso,
                                  .sclk_io_num = w->pins.sck,
                                  .quadwp_io_num = -1,
                                  .quadhd_io_num = -1,
                                  .max_transfer_sz = CHUNK_BYTES};
    const esp_err_t err = spi_bus_initialize((spi_host_device_t)w->spi_host, &bus, SPI_DMA_DISABLED);
    return err == ESP_OK ? FOTA_OK
                         : failed(w, "the bus cannot be opened; is something else on this host?", err);
}

enum fota_err idf_wires_open(struct idf_wires *wires, const struct fota_gateway_config *config,
                             const struct idf_log *log)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    *wires = (struct idf_wires){.io = {.ops = &ops},
                                .pins = config->pins,
                                .spi_host = config->spi_host,
                                .max_hz = config->clock_hz,
                                .is_watched = config->is_watched,
                                .yielded_us = esp_timer_get_time(),
                                .log = log};
    enum fota_err err = open_pins(wires);
    if (!err) {
        err = open_bus(wires);
    }
    return err ? err : set_clock(&wires->io, FIRST_HZ, 0);
}
