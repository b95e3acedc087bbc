/* Time, power, log and the small functions of the system. */
#include "stand_in_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp_heap_caps.h"
#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_random.h"
#include "esp_rom_sys.h"
#include "esp_timer.h"
#include "nvs.h"

struct stand_in_world stand_in;

enum { ERASE_US = 45000, BYTES_S = 500000, HEAP_BYTES = 180000, SLICE_US = 1000000 };

void stand_in_new(const struct stand_in_config *config)
{
    memset(&stand_in, 0, sizeof stand_in);
    stand_in.config = *config;
    stand_in.config.erase_us = config->erase_us ? config->erase_us : ERASE_US;
    stand_in.config.http_bytes_s = config->http_bytes_s ? config->http_bytes_s : BYTES_S;
    stand_in.random = 1;
    stand_in.base_us = config->board ? link_io_now_us(config->board) : 0;
    stand_in_reset_flash(true);
    stand_in_reset_wifi(true);
    stand_in_reset_ota(true);
    stand_in_reset();
}

void stand_in_reset(void)
{
    stand_in.is_dead = false;
    stand_in.cut_op = stand_in.end_point = 0;
    stand_in.reset_us = stand_in_now_us();
    stand_in.idle_us = stand_in.reset_us;
    stand_in.stall_us = stand_in.clock_us = 0;
    stand_in_reset_tasks();
    stand_in_reset_wires();
    stand_in_reset_http();
    stand_in_reset_page();
    stand_in_reset_flash(false);
    stand_in_reset_events();
    stand_in_reset_wifi(false);
    stand_in_reset_ota(false);
}

uint32_t stand_in_draw(uint32_t below)
{
    stand_in.random ^= stand_in.random << 13;
    stand_in.random ^= stand_in.random >> 17;
    stand_in.random ^= stand_in.random << 5;
    return (uint32_t)((uint64_t)stand_in.random * below >> 32);
}

void stand_in_wrong(const char *format, ...)
{
    va_list args;
    if (stand_in.stats.faults++ == 0) {
        va_start(args, format);
        (void)vsnprintf(stand_in.fault, sizeof stand_in.fault, format, args);
        va_end(args);
    }
}

const char *stand_in_fault(void)
{
    return stand_in.fault;
}

const struct stand_in_stats *stand_in_stats(void)
{
    return &stand_in.stats;
}

/* --- power ------------------------------------------------------------------------------------------------ */

void stand_in_cut_at(uint64_t op, uint32_t seed)
{
    stand_in.cut_op = op ? stand_in.stats.flash_ops + op : 0;
    stand_in.random = seed * 2654435761U | 1U;
}

void stand_in_end_at(uint64_t point)
{
    stand_in.end_point = point ? stand_in.n_points + point : 0;
}

uint64_t stand_in_points(void)
{
    return stand_in.n_points;
}

bool stand_in_is_dead(void)
{
    return stand_in.is_dead;
}

bool stand_in_ends_here(void)
{
    return !stand_in.is_dead && stand_in.end_point && stand_in.n_points + 1U >= stand_in.end_point;
}

bool stand_in_alive(void)
{
    stand_in.is_dead = stand_in.is_dead || stand_in_ends_here();
    stand_in.n_points++;
    if (stand_in.is_dead) {
        stand_in_stop_here();
    }
    return !stand_in.is_dead;
}

bool stand_in_flash_op(void)
{
    stand_in.stats.flash_ops++;
    bool is_cut = stand_in.cut_op && stand_in.stats.flash_ops >= stand_in.cut_op;
    stand_in.is_dead = stand_in.is_dead || is_cut;
    return is_cut;
}

/* --- snapshots --------------------------------------------------------------------------------------------- */

struct stand_in_snapshot {
    struct stand_in_world world;
    uint8_t flash[];
};

struct stand_in_snapshot *stand_in_save(void)
{
    struct stand_in_snapshot *s = malloc(sizeof *s + stand_in_flash_bytes());
    if (s) {
        s->world = stand_in;
        stand_in_save_flash(s->flash);
    }
    return s;
}

void stand_in_restore(const struct stand_in_snapshot *snapshot)
{
    stand_in_reset(); /* before the clock goes back */
    stand_in = snapshot->world;
    stand_in_restore_flash(snapshot->flash);
    stand_in_reset();
}

/* --- time -------------------------------------------------------------------------------------------------- */

uint64_t stand_in_now_us(void)
{
    return stand_in.config.board ? link_io_now_us(stand_in.config.board) - stand_in.base_us : stand_in.own_us;
}

static void pass_us(uint64_t us)
{
    if (stand_in.config.board) {
        for (; us > 0; us -= us < SLICE_US ? us : SLICE_US) {
            link_io_delay_us(stand_in.config.board, (uint32_t)(us < SLICE_US ? us : SLICE_US));
        }
    } else {
        stand_in.own_us += us;
    }
}

void stand_in_busy_us(uint64_t us)
{
    pass_us(us);
    const uint64_t spun_us = stand_in_now_us() - stand_in.idle_us - stand_in.stall_us;
    if (spun_us > stand_in.stats.longest_spin_us) {
        stand_in.stats.longest_spin_us = spun_us;
    }
    stand_in_check_watchdogs();
}

void stand_in_stall_us(uint64_t us)
{
    pass_us(us);
    stand_in.stall_us += us;
    stand_in.stalls_us += us;
    stand_in_check_watchdogs();
}

void stand_in_idle_us(uint64_t us)
{
    pass_us(us);
    stand_in.idle_us = stand_in_now_us();
    stand_in.stall_us = 0;
    stand_in_check_watchdogs();
}

int64_t esp_timer_get_time(void)
{
    return (int64_t)(stand_in_now_us() - stand_in.reset_us);
}

void esp_rom_delay_us(uint32_t us)
{
    stand_in_busy_us(us);
}

time_t __wrap_time(time_t *out);
/* The port's clock of the day; the linker puts it in the place of time(). */
time_t __wrap_time(time_t *out)
{
    const uint64_t base_s = stand_in.clock_us ? stand_in.config.sntp_s : stand_in.config.utc_s;
    const time_t now =
        base_s ? (time_t)(base_s + stand_in_now_us() / 1000000U) : (time_t)(esp_timer_get_time() / 1000000);
    if (out) {
        *out = now;
    }
    return now;
}

/* --- log ---------------------------------------------------------------------------------------------------- */

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    char *line = stand_in.line[stand_in.n_lines++ % STAND_IN_LINES];
    va_list args;
    (void)level;
    (void)tag;
    va_start(args, format);
    (void)vsnprintf(line, STAND_IN_LINE_BYTES, format, args);
    va_end(args);
    if (getenv("STAND_IN_LOG")) {
        (void)fprintf(stderr, "%9.3f %s", (double)stand_in_now_us() / 1e6, line);
    }
}

const char *stand_in_logged(const char *text)
{
    for (unsigned i = 0; i < STAND_IN_LINES && i < stand_in.n_lines; i++) {
        const char *line = stand_in.line[(stand_in.n_lines - 1U - i) % STAND_IN_LINES];
        if (strstr(line, text)) {
            return line;
        }
    }
    return NULL;
}

const char *esp_err_to_name(esp_err_t code)
{
    static const struct {
        esp_err_t code;
        const char *name;
    } names[] = {{ESP_OK, "ESP_OK"},
                 {ESP_FAIL, "ESP_FAIL"},
                 {ESP_ERR_INVALID_ARG, "ESP_ERR_INVALID_ARG"},
                 {ESP_ERR_INVALID_STATE, "ESP_ERR_INVALID_STATE"},
                 {ESP_ERR_INVALID_SIZE, "ESP_ERR_INVALID_SIZE"},
                 {ESP_ERR_NOT_FOUND, "ESP_ERR_NOT_FOUND"},
                 {ESP_ERR_NVS_NOT_INITIALIZED, "ESP_ERR_NVS_NOT_INITIALIZED"},
                 {ESP_ERR_HTTP_CONNECT, "ESP_ERR_HTTP_CONNECT"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "UNKNOWN ERROR";
}

/* --- the rest ------------------------------------------------------------------------------------------------ */

uint32_t esp_random(void)
{
    return stand_in.config.random ? stand_in.config.random++ * 2654435761U >> 7
                                  : 4; /* the same for every run */
}

void esp_fill_random(void *buf, size_t len)
{
    memset(buf, 4, len);
}

esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type)
{
    static const uint8_t own[6] = {0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10};
    (void)type;
    memcpy(mac, own, sizeof own);
    return ESP_OK;
}

size_t heap_caps_get_free_size(uint32_t caps)
{
    (void)caps;
    return HEAP_BYTES;
}

size_t heap_caps_get_largest_free_block(uint32_t caps)
{
    (void)caps;
    return HEAP_BYTES / 2;
}
