/* SPI and GPIO, to the pins of the twin. */
#include <string.h>

#include "driver/gpio.h"
#include "driver/spi_master.h"
#include "stand_in_priv.h"

enum { HOSTS = 3, DEVICES = 3, PINS = 64, CHUNK_BITS = 64 * 8, APB_HZ = 80000000, OVERHEAD_US = 8 };

struct spi_device_t {
    bool is_used;
    spi_host_device_t host;
    uint32_t hz;
};

static struct {
    bool is_open[HOSTS];
    struct spi_device_t device[HOSTS][DEVICES];
    struct spi_device_t *acquired[HOSTS];
    bool is_set[PINS], level[PINS];
    gpio_mode_t mode[PINS];
    bool pull[PINS]; /* up */
    bool (*outside)(int pin, uint64_t since_reset_us);
} io;

static void must(enum fota_err err)
{
    if (err) {
        stand_in_wrong("the board's wires fail: %s", fota_err_text(err));
    }
}

static void drive(int pin)
{
    struct link_io *board = stand_in.config.board;
    if (board && pin == stand_in.config.nss) {
        must(link_io_select(board, !io.level[pin]));
    } else if (board && pin == stand_in.config.nrst) {
        must(link_io_set_nrst(board, !io.level[pin]));
    } else if (board && pin == stand_in.config.boot0) {
        must(link_io_set_boot0(board, io.level[pin]));
    }
}

void stand_in_input(bool (*level)(int pin, uint64_t since_reset_us))
{
    io.outside = level;
}

/* A reset of the ESP32 lets go of its pins: pull-ups and pull-downs of the board decide. */
void stand_in_reset_wires(void)
{
    memset(&io, 0, sizeof io);
    if (stand_in.config.board) {
        must(link_io_select(stand_in.config.board, false));
        must(link_io_set_nrst(stand_in.config.board, false));
        must(link_io_set_boot0(stand_in.config.board, false));
    }
}

/* --- GPIO ----------------------------------------------------------------------------------------------- */

esp_err_t gpio_set_level(gpio_num_t gpio_num, uint32_t level)
{
    if (!GPIO_IS_VALID_OUTPUT_GPIO((int)gpio_num) || !stand_in_alive()) {
        return ESP_ERR_INVALID_ARG;
    }
    io.is_set[gpio_num] = true;
    io.level[gpio_num] = level != 0;
    if (io.mode[gpio_num] != GPIO_MODE_DISABLE) {
        drive((int)gpio_num);
    }
    return ESP_OK;
}

int gpio_get_level(gpio_num_t gpio_num)
{
    if (io.mode[gpio_num] == GPIO_MODE_INPUT) {
        return io.outside ? io.outside((int)gpio_num, stand_in_now_us() - stand_in.reset_us)
                          : io.pull[gpio_num];
    }
    return (io.mode[gpio_num] & GPIO_MODE_INPUT) != 0 && io.level[gpio_num];
}

esp_err_t gpio_config(const gpio_config_t *config)
{
    if (config->pin_bit_mask == 0 || !stand_in_alive()) {
        return ESP_ERR_INVALID_ARG;
    }
    for (int pin = 0; pin < PINS; pin++) {
        if ((config->pin_bit_mask >> pin & 1U) == 0) {
            continue;
        }
        if (config->mode == GPIO_MODE_INPUT && GPIO_IS_VALID_GPIO(pin)) {
            io.mode[pin] = config->mode;
            io.pull[pin] = config->pull_up_en == GPIO_PULLUP_ENABLE && GPIO_IS_VALID_OUTPUT_GPIO(pin);
            continue;
        }
        if (!GPIO_IS_VALID_OUTPUT_GPIO(pin)) {
            return ESP_ERR_INVALID_ARG;
        }
        if (!io.is_set[pin]) {
            stand_in_wrong("GPIO %d became an output before its level was set: it glitches", pin);
        }
        if (pin == stand_in.config.nrst && config->mode != GPIO_MODE_INPUT_OUTPUT_OD &&
            config->mode != GPIO_MODE_OUTPUT_OD) {
            stand_in_wrong("NRST is driven high: the target pulls it low in its own resets");
        }
        io.mode[pin] = config->mode;
        drive(pin);
    }
    return ESP_OK;
}

/* --- SPI ------------------------------------------------------------------------------------------------ */

esp_err_t spi_bus_initialize(spi_host_device_t host_id, const spi_bus_config_t *bus_config,
                             spi_dma_chan_t dma_chan)
{
    const int pins[] = {bus_config->mosi_io_num, bus_config->miso_io_num, bus_config->sclk_io_num};
    if ((int)host_id <= SPI1_HOST || (int)host_id >= SPI_HOST_MAX || dma_chan != SPI_DMA_DISABLED) {
        return ESP_ERR_INVALID_ARG;
    }
    if (bus_config->quadwp_io_num != -1 || bus_config->quadhd_io_num != -1) {
        stand_in_wrong("unused pins of SPI are not -1: GPIO 0 is taken");
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!GPIO_IS_VALID_GPIO(pins[i])) {
            return ESP_ERR_INVALID_ARG;
        }
    }
    if (io.is_open[host_id]) {
        return ESP_ERR_INVALID_STATE;
    }
    io.is_open[host_id] = true;
    return ESP_OK;
}

esp_err_t spi_bus_add_device(spi_host_device_t host_id, const spi_device_interface_config_t *dev_config,
                             spi_device_handle_t *handle)
{
    if (!io.is_open[host_id]) {
        return ESP_ERR_INVALID_STATE;
    }
    if (dev_config->queue_size < 1 || dev_config->clock_speed_hz <= 0 || dev_config->mode != 0) {
        return ESP_ERR_INVALID_ARG;
    }
    if (dev_config->spics_io_num != -1) {
        stand_in_wrong("NSS belongs to the driver: it would rise between two transactions of one frame");
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        struct spi_device_t *d = &io.device[host_id][i];
        if (!d->is_used) {
            const uint32_t wanted = (uint32_t)dev_config->clock_speed_hz;
            *d = (struct spi_device_t){
                .is_used = true, .host = host_id, .hz = APB_HZ / ((APB_HZ + wanted - 1U) / wanted)};
            *handle = d;
            return ESP_OK;
        }
    }
    return ESP_ERR_NOT_FOUND;
}

esp_err_t spi_device_acquire_bus(spi_device_handle_t device, TickType_t wait)
{
    if (wait != portMAX_DELAY) {
        return ESP_ERR_INVALID_ARG;
    }
    if (io.acquired[device->host]) {
        stand_in_wrong("the bus is acquired twice: this task would wait for ever");
    }
    io.acquired[device->host] = device;
    return ESP_OK;
}

void spi_device_release_bus(spi_device_handle_t device)
{
    if (io.acquired[device->host] != device) {
        stand_in_wrong("a bus is released by a device that does not have it");
    }
    io.acquired[device->host] = NULL;
}

esp_err_t spi_device_get_actual_freq(spi_device_handle_t handle, int *freq_khz)
{
    *freq_khz = (int)(handle->hz / 1000U);
    return ESP_OK;
}

/* The chip stops while this goes on: so many bytes are on the wires by then. */
static void transfer_part(const struct spi_device_t *device, const spi_transaction_t *t, size_t n_bytes)
{
    if (stand_in.config.board && t->tx_buffer && n_bytes > 0) {
        must(link_io_set_clock(stand_in.config.board, device->hz, 0));
        must(link_io_transfer(stand_in.config.board, t->tx_buffer, NULL, n_bytes));
    }
}

esp_err_t spi_device_polling_transmit(spi_device_handle_t handle, spi_transaction_t *t)
{
    const size_t n_bytes = t->length / 8U;
    uint8_t none[64];
    if (stand_in_ends_here()) {
        transfer_part(handle, t, stand_in_draw((uint32_t)n_bytes));
    }
    if (!stand_in_alive()) {
        return ESP_FAIL;
    }
    if (t->length > CHUNK_BITS || t->length % 8U != 0 || t->rxlength > t->length || n_bytes == 0 ||
        !t->tx_buffer) {
        return ESP_ERR_INVALID_ARG;
    }
    if (io.acquired[handle->host] != handle) {
        stand_in_wrong("a transfer of a device that did not acquire the bus");
    }
    memset(none, 0xFF, sizeof none);
    if (stand_in.config.board) {
        must(link_io_set_clock(stand_in.config.board, handle->hz, 0));
        must(link_io_transfer(stand_in.config.board, t->tx_buffer, none, n_bytes));
    }
    if (t->rx_buffer) {
        memcpy(t->rx_buffer, none, n_bytes);
    }
    t->rxlength = t->rxlength ? t->rxlength : t->length; /* the driver writes it */
    stand_in.stats.spi_bytes += n_bytes;
    stand_in_busy_us(OVERHEAD_US);
    return ESP_OK;
}
