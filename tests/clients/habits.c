#include <string.h>

#include "client.h"

/* Between two transfers: a third of what AN4286 1 asks for, and less than any driver's call takes. */
enum { CALL_NS = 5000 };

/* --- wires ------------------------------------------------------------------------------------------- */

void wires_transfer(struct wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    twin_set_pin(w->twin, TWIN_PIN_NSS, false);
    (void)twin_spi_transfer(w->twin, mosi, miso, n_bytes, w->habits->hz, w->habits->gap_ns);
    if (!w->habits->is_nss_tied) {
        twin_set_pin(w->twin, TWIN_PIN_NSS, true);
    }
    (void)twin_run_until(w->twin, twin_now_ns(w->twin) + CALL_NS);
}

uint8_t wires_byte(struct wires *w, uint8_t mosi)
{
    uint8_t miso = 0;
    wires_transfer(w, &mosi, &miso, 1);
    return miso;
}

void wires_wait_us(struct wires *w, uint64_t us)
{
    (void)twin_run_until(w->twin, twin_now_ns(w->twin) + us * 1000U);
}

static uint8_t checksum(const uint8_t *bytes, size_t n_bytes)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        sum ^= bytes[i];
    }
    return sum;
}

void put_address(uint8_t out[5], uint32_t addr)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(addr >> (24 - 8 * i));
    }
    out[4] = checksum(out, 4);
}

size_t put_block(uint8_t out[BLOCK + 2], const uint8_t *data, uint32_t n_bytes)
{
    out[0] = (uint8_t)(n_bytes - 1);
    memcpy(out + 1, data, n_bytes);
    out[1 + n_bytes] = checksum(out, 1 + n_bytes);
    return n_bytes + 2U;
}

enum client_end gave_up(struct wires *w, const char *stage)
{
    w->stage = stage;
    return CLIENT_GAVE_UP;
}

/* --- ACK procedure ----------------------------------------------------------------------------------- */

static bool has_time(const struct wires *w, enum wait wait, uint32_t n_polls, uint64_t start_ns)
{
    const struct habits *h = w->habits;
    bool has_polls = h->polls_max[wait] == 0 || n_polls < h->polls_max[wait];
    bool is_early = h->max_us[wait] == 0 || twin_now_ns(w->twin) - start_ns < h->max_us[wait] * 1000ULL;
    return has_polls && is_early;
}

/* @return verdict, or 0 */
static uint8_t poll(struct wires *w, enum wait wait)
{
    const struct habits *h = w->habits;
    uint64_t start_ns = twin_now_ns(w->twin);
    for (uint32_t i = 0; has_time(w, wait, i, start_ns); i++) {
        wires_wait_us(w, h->poll_us);
        uint8_t byte = wires_byte(w, h->poll);
        if (byte == ACK || byte == NACK) {
            uint64_t us = (twin_now_ns(w->twin) - start_ns) / 1000U;
            bool is_longest = wait == WAIT_COMMAND && us > w->verdict_max_us;
            w->verdict_max_us = is_longest ? us : w->verdict_max_us;
            return byte;
        }
        if (h->is_strict && byte != BUSY) {
            return 0;
        }
    }
    return 0;
}

uint8_t tell_ack(struct wires *w, enum wait wait)
{
    const struct habits *h = w->habits;
    if ((h->skips_first || h->is_strict) && wires_byte(w, 0) != BUSY && h->is_strict) {
        return 0;
    }
    uint8_t verdict = poll(w, wait);
    bool is_mute = (verdict == 0 && !h->echoes_timeout) || (verdict == NACK && h->is_mute_on_nack);
    if (!is_mute && wires_byte(w, ACK) != BUSY && h->is_strict) {
        return 0;
    }
    return verdict;
}

/* --- commands ---------------------------------------------------------------------------------------- */

bool tell_stage(struct wires *w, const void *bytes, size_t n_bytes, enum wait wait)
{
    wires_transfer(w, bytes, NULL, n_bytes);
    return tell_ack(w, wait) == ACK;
}

bool tell_command(struct wires *w, uint8_t op)
{
    const uint8_t frame[3] = {SOF, op, (uint8_t)~op};
    if (!w->habits->splits_sof) {
        return tell_stage(w, frame, sizeof frame, WAIT_COMMAND);
    }
    (void)wires_byte(w, SOF);
    return tell_stage(w, frame + 1, 2, WAIT_COMMAND);
}

bool tell_address(struct wires *w, uint8_t op, uint32_t addr)
{
    uint8_t bytes[5];
    put_address(bytes, addr);
    if (!tell_command(w, op)) {
        return false;
    }
    wires_wait_us(w, w->habits->address_us);
    return tell_stage(w, bytes, sizeof bytes, WAIT_STAGE);
}

void tell_receive(struct wires *w, uint8_t *bytes, size_t n_bytes)
{
    /* Everything that could be mistaken for a frame or an echo. */
    static const uint8_t garbage[] = {0x5A, 0x79, 0x44, 0xBB, 0x00, 0xA5, 0x1F, 0xFF, 0x5A, 0x21, 0xDE};
    uint8_t mosi[1 + BLOCK] = {0};
    for (size_t i = 0; i < n_bytes && w->habits->has_garbage; i++) {
        mosi[i] = garbage[i % sizeof garbage];
    }
    wires_transfer(w, mosi, bytes, n_bytes);
}

bool tell_version(struct wires *w)
{
    uint8_t answer[4];
    if (!tell_command(w, 0x01)) {
        return false;
    }
    tell_receive(w, answer, 2U + w->habits->n_over_read);
    return tell_ack(w, WAIT_STAGE) == ACK && answer[1] == 0x11;
}

bool tell_id(struct wires *w)
{
    uint8_t answer[6];
    if (!tell_command(w, 0x02)) {
        return false;
    }
    tell_receive(w, answer, 4U + w->habits->n_over_read);
    return tell_ack(w, WAIT_STAGE) == ACK && answer[1] == 1 && (answer[2] << 8 | answer[3]) == CHIP;
}

bool tell_erase(struct wires *w, uint16_t sector)
{
    const uint8_t code[3] = {0, (uint8_t)sector, (uint8_t)sector};
    return tell_command(w, 0x44) && tell_stage(w, "\0\0\0", 3, WAIT_STAGE) &&
           tell_stage(w, code, sizeof code, WAIT_FLASH);
}

static bool write_part(struct wires *w, uint32_t addr, const uint8_t *data, uint32_t n_data)
{
    uint8_t frame[BLOCK + 2], bytes[5];
    size_t n_bytes = put_block(frame, data, n_data);
    if (!tell_command(w, 0x31)) {
        return w->habits->believes_refusal;
    }
    put_address(bytes, addr);
    wires_wait_us(w, w->habits->address_us);
    if (!tell_stage(w, bytes, sizeof bytes, WAIT_STAGE)) {
        return false;
    }
    if (w->habits->checksum_us == 0) {
        return tell_stage(w, frame, n_bytes, WAIT_FLASH);
    }
    wires_transfer(w, frame, NULL, n_bytes - 1);
    wires_wait_us(w, w->habits->checksum_us);
    return tell_stage(w, frame + n_bytes - 1, 1, WAIT_FLASH);
}

static bool is_same(struct wires *w, uint32_t addr, const uint8_t *data, uint32_t n_bytes)
{
    uint8_t back[1 + BLOCK];
    const uint8_t length[2] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)};
    if (!tell_address(w, 0x11, addr) || !tell_stage(w, length, sizeof length, WAIT_STAGE)) {
        return false;
    }
    tell_receive(w, back, 1 + n_bytes); /* no ACK after it */
    return memcmp(back + 1, data, n_bytes) == 0;
}

enum client_end tell_write_and_verify(struct wires *w, const struct job *job)
{
    uint32_t most = w->habits->part_bytes ? w->habits->part_bytes : BLOCK;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t off = 0; off < job->n_bytes; off += most) {
            uint32_t n = job->n_bytes - off < most ? job->n_bytes - off : most;
            if (pass == 0 && !write_part(w, job->base + off, job->image + off, n)) {
                return gave_up(w, "write");
            }
            if (pass == 1 && !is_same(w, job->base + off, job->image + off, n)) {
                return CLIENT_FOOLED;
            }
        }
    }
    return CLIENT_DONE;
}
