#include "test_link.h"

#include <string.h>

#include "base/bytes.h"

/* --- wires ------------------------------------------------------------------------------------------- */

static uint8_t next_byte(struct test_wire *w)
{
    if (w->data_at < w->n_data) {
        return w->data[w->data_at++];
    }
    return w->pattern[w->phase++ % TEST_PATTERN_BYTES];
}

/* As the driver: A5, or an answer at two of five places; the byte that waits is replaced. */
static void show(struct test_wire *w, uint8_t answer)
{
    static const bool is_answer[TEST_PATTERN_BYTES] = {true, false, true, false, false};
    for (unsigned i = 0; i < TEST_PATTERN_BYTES; i++) {
        w->pattern[i] = is_answer[i] ? answer : LINK_FILLER;
    }
    w->answer = answer;
    w->phase = 0;
    w->ready = LINK_FILLER;
}

static void play(struct test_wire *w, const uint8_t *bytes, size_t n_bytes)
{
    memcpy(w->data, bytes, n_bytes);
    w->n_data = n_bytes;
    w->data_at = 0;
    show(w, LINK_FILLER);
}

static size_t port_receive(void *ctx, uint8_t *bytes, size_t n_bytes)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    size_t n = w->n_rx - w->rx_at < n_bytes ? w->n_rx - w->rx_at : n_bytes;
    memcpy(bytes, w->rx + w->rx_at, n);
    w->rx_at += n;
    if (w->rx_at == w->n_rx) {
        w->rx_at = w->n_rx = 0;
    }
    return n;
}

static void port_discard(void *ctx)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    w->rx_at = w->n_rx = 0;
}

static void port_present(void *ctx, uint8_t answer)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    show(w, answer);
    w->n_data = w->data_at = 0;
    w->is_armed = w->has_answered = false;
}

static void port_greet(void *ctx)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    if (w->rx_at == w->n_rx && w->data_at == w->n_data) {
        w->pattern[w->phase % TEST_PATTERN_BYTES] = LINK_ACK;
    }
}

static void port_send(void *ctx, const uint8_t *bytes, size_t n_bytes)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    if (w->has_answered) {
        w->has_answered = false;
        return;
    }
    play(w, bytes, n_bytes);
}

static void port_arm(void *ctx, uint8_t answer, const uint8_t *reply, size_t n_bytes)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    port_present(ctx, answer);
    if (n_bytes > 0) {
        memcpy(w->reply, reply, n_bytes);
    }
    w->n_reply = n_bytes;
    w->is_armed = true;
}

/* The interrupt handler's part: the echo ends the answer at once, and starts the reply. */
static void arm_hears(struct test_wire *w, uint8_t mosi)
{
    bool is_echo = mosi == LINK_ACK || (mosi == LINK_SOF && w->answer == LINK_NACK);
    if (!w->is_armed || !is_echo) {
        return;
    }
    w->is_armed = false;
    show(w, LINK_FILLER);
    if (w->n_reply > 0) {
        play(w, w->reply, w->n_reply);
        w->has_answered = true;
    }
}

static bool port_is_sending(void *ctx)
{
    const struct test_wire *w = &((struct test_link *)ctx)->wire;
    return w->data_at < w->n_data;
}

static void port_resync(void *ctx)
{
    struct test_wire *w = &((struct test_link *)ctx)->wire;
    w->n_resyncs++;
    w->n_slip_bits = 0;
}

static const struct link_port_ops polled_ops = {.receive = port_receive,
                                                .discard = port_discard,
                                                .present = port_present,
                                                .greet = port_greet,
                                                .send = port_send,
                                                .is_sending = port_is_sending,
                                                .resync = port_resync};
static const struct link_port_ops armed_ops = {.receive = port_receive,
                                               .discard = port_discard,
                                               .present = port_present,
                                               .greet = port_greet,
                                               .send = port_send,
                                               .arm = port_arm,
                                               .is_sending = port_is_sending,
                                               .resync = port_resync};

/* --- the owner: a slot of flash ---------------------------------------------------------------------- */

static enum fota_err op_info(void *ctx, struct boot_info *out)
{
    (void)ctx;
    memset(out, 0, sizeof *out);
    out->bootloader_version = 0x01020003;
    out->running_slot = SLOT_A;
    out->slot_version[0] = 0x01000000;
    out->last_reason = E_IMAGE_HASH;
    memcpy(out->hw_id, "bench", 5);
    return FOTA_OK;
}

static enum fota_err op_begin(void *ctx, const uint8_t *statement, uint32_t n_bytes,
                              struct update_target *out)
{
    struct test_link *b = ctx;
    (void)statement;
    if (b->busy_answers > 0) {
        b->busy_answers--;
        return E_UPDATE_BUSY;
    }
    if (b->begin_err) {
        return b->begin_err;
    }
    b->n_begins++;
    if (b->is_loader && n_bytes > 0) {
        *out = (struct update_target){.session_id = b->session_id,
                                      .slot = SLOT_LOADER,
                                      .base = FLASH_LOADER_BASE,
                                      .image_bytes = b->image_bytes};
        return FOTA_OK;
    }
    *out = (struct update_target){.session_id = n_bytes == 0 ? 0xA4286000U : b->session_id,
                                  .slot = SLOT_B,
                                  .base = FLASH_SLOT_B_BASE,
                                  .image_bytes = n_bytes == 0 ? FLASH_SLOT_BYTES : b->image_bytes,
                                  .resume_off = n_bytes == 0 ? 0 : b->resume_off};
    return FOTA_OK;
}

static enum fota_err op_erase(void *ctx, uint32_t sector)
{
    struct test_link *b = ctx;
    if (b->busy_answers > 0) {
        b->busy_answers--;
        return E_UPDATE_BUSY;
    }
    if (sector < FLASH_SLOT_B_SECTOR || sector >= FLASH_SLOT_B_SECTOR + FLASH_SLOT_SECTORS) {
        b->outside++;
        return E_FLASH_RANGE;
    }
    b->n_erases[sector]++;
    if (b->plant_no_erase) {
        return FOTA_OK;
    }
    memset(b->slot + (sector - FLASH_SLOT_B_SECTOR) * FLASH_SLOT_SECTOR_BYTES, 0xFF, FLASH_SLOT_SECTOR_BYTES);
    return FOTA_OK;
}

static enum fota_err op_program(void *ctx, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct test_link *b = ctx;
    if (b->is_loader && addr - FLASH_LOADER_BASE <= FLASH_LOADER_BYTES - 4 * n_words) {
        memcpy(b->loader + (addr - FLASH_LOADER_BASE), words, 4 * n_words);
        return FOTA_OK;
    }
    bool is_inside = addr >= FLASH_SLOT_B_BASE && addr - FLASH_SLOT_B_BASE <= FLASH_SLOT_BYTES - 4 * n_words;
    if (!is_inside || addr % 4 != 0 || (uintptr_t)words % 4 != 0) {
        b->outside++;
        return E_FLASH_RANGE;
    }
    if (b->fail_program > 0 && --b->fail_program == 0) {
        return E_FLASH_PROGRAM;
    }
    uint8_t *to = b->slot + (addr - FLASH_SLOT_B_BASE);
    const uint8_t *from = (const uint8_t *)words;
    b->n_programs++;
    for (size_t i = 0; i < 4 * n_words; i++) {
        to[i] &= from[i];
    }
    return memcmp(to, from, 4 * n_words) == 0 ? FOTA_OK : E_FLASH_VERIFY;
}

static void op_read(void *ctx, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    struct test_link *b = ctx;
    memcpy(bytes, b->slot + (addr - FLASH_SLOT_B_BASE), n_bytes);
}

static enum fota_err op_hash(void *ctx, uint32_t off, uint32_t n_bytes, uint8_t sha256[32])
{
    (void)ctx;
    memset(sha256, 0, 32);
    bytes_store_be32(sha256, off);
    bytes_store_be32(sha256 + 4, n_bytes);
    return FOTA_OK;
}

static enum fota_err op_finish(void *ctx)
{
    struct test_link *b = ctx;
    if (b->again_answers > 0) {
        b->again_answers--;
        b->steps += (uint64_t)b->again_ms * TEST_STEPS_PER_MS;
        link_pump_progressed(&b->pump);
        return E_UPDATE_BUSY;
    }
    b->n_finishes++;
    return b->finish_err;
}

static enum fota_err op_retry(void *ctx, uint32_t number)
{
    struct test_link *b = ctx;
    if (b->busy_answers > 0) {
        b->busy_answers--;
        return E_UPDATE_BUSY;
    }
    b->n_retries++;
    b->retry_number = number;
    return FOTA_OK;
}

static enum fota_err op_activate(void *ctx)
{
    struct test_link *b = ctx;
    if (b->busy_answers > 0) {
        b->busy_answers--;
        return E_UPDATE_BUSY;
    }
    b->n_activates++;
    return FOTA_OK;
}

static enum fota_err op_abort(void *ctx)
{
    ((struct test_link *)ctx)->n_aborts++;
    return FOTA_OK;
}

static void op_restart(void *ctx)
{
    ((struct test_link *)ctx)->n_restarts++;
}

static const struct link_session_ops test_ops = {.info = op_info,
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

/* --- the set-up --------------------------------------------------------------------------------------- */

void host_start(struct test_link *b, bool uses_arm, unsigned poll_every)
{
    memset(b, 0, sizeof *b);
    b->poll_every = poll_every;
    b->uses_arm = uses_arm;
    b->session_id = TEST_SESSION;
    b->polls_max = TEST_POLLS_MAX;
    b->image_bytes = FLASH_SLOT_BYTES;
    show(&b->wire, LINK_FILLER);
    memset(b->slot, 0xA5, sizeof b->slot); /* an old image: programming it without erase must be caught */
    struct link_pump_config config = {.board = &BOARD_OWN,
                                      .ops = &test_ops,
                                      .ops_ctx = b,
                                      .port = uses_arm ? &armed_ops : &polled_ops,
                                      .port_ctx = b,
                                      .loader = LINK_LOADER_AGENT,
                                      .inactive = SLOT_B,
                                      .chunk_words = 64};
    if (link_pump_init(&b->pump, &config) != FOTA_OK) {
        b->outside = 1000;
    }
}

static void poll(struct test_link *b)
{
    link_pump_poll(&b->pump, (uint32_t)(b->steps / TEST_STEPS_PER_MS));
}

static uint8_t through_noise(struct test_link *b, uint8_t byte)
{
    for (unsigned bit = 0; b->flip_every > 0 && bit < 8; bit++) {
        if (host_random(&b->flip_seed) % b->flip_every == 0) {
            byte = (uint8_t)(byte ^ 1U << bit);
            b->n_flips++;
        }
    }
    return byte;
}

uint8_t host_clock(struct test_link *b, uint8_t mosi)
{
    struct test_wire *w = &b->wire;
    uint8_t leaving = w->ready;
    w->ready = next_byte(w); /* refilled when the byte starts to move */
    uint8_t miso = (uint8_t)((leaving << 8 | w->ready) >> (8 - w->n_slip_bits));
    miso = through_noise(b, w->n_slip_bits ? miso : leaving);
    mosi = through_noise(b, mosi);
    uint8_t heard = (uint8_t)((w->last_mosi << 8 | mosi) >> w->n_slip_bits);
    w->last_mosi = mosi;
    mosi = heard;
    if (!w->is_dead && w->n_rx < sizeof w->rx) {
        w->rx[w->n_rx++] = mosi;
        arm_hears(w, mosi);
    }
    b->steps++;
    if (b->steps % b->poll_every == 0) {
        poll(b);
    }
    return miso;
}

void host_write(struct test_link *b, const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        host_clock(b, bytes[i]);
    }
}

void host_read(struct test_link *b, uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = host_clock(b, 0);
    }
}

void host_wait_ms(struct test_link *b, unsigned ms)
{
    for (unsigned i = 0; i < ms * 10; i++) {
        b->steps += TEST_STEPS_PER_MS / 10;
        poll(b);
    }
}

uint8_t host_ack(struct test_link *b)
{
    host_clock(b, 0);
    for (unsigned i = 0; i < b->polls_max; i++) {
        uint8_t byte = host_clock(b, 0);
        if (byte == LINK_ACK || byte == LINK_NACK) {
            host_clock(b, LINK_ACK);
            return byte;
        }
    }
    return 0;
}

uint8_t host_command(struct test_link *b, uint8_t op)
{
    uint8_t frame[LINK_FRAME_BYTES];
    link_frame_store(frame, op);
    host_write(b, frame, sizeof frame);
    return host_ack(b);
}

uint8_t host_request(struct test_link *b, uint8_t op, const uint8_t *body, size_t n_bytes)
{
    static uint8_t packet[LINK_REQUEST_MAX_BYTES + LINK_PACKET_OVERHEAD_BYTES + 8];
    if (host_command(b, op) != LINK_ACK) {
        return LINK_NACK;
    }
    host_write(b, packet, link_packet_store(packet, body, n_bytes));
    return host_ack(b);
}

size_t host_reply(struct test_link *b, uint8_t *body, size_t max_bytes)
{
    uint8_t packet[256];
    for (unsigned i = 0; i < b->polls_max; i++) {
        if (host_clock(b, 0) != LINK_REPLY) {
            continue;
        }
        size_t n_body = 0;
        host_read(b, packet, 2);
        size_t n_bytes = bytes_load_be16(packet) + (size_t)LINK_PACKET_OVERHEAD_BYTES;
        if (n_bytes > sizeof packet || n_bytes > max_bytes + LINK_PACKET_OVERHEAD_BYTES) {
            return SIZE_MAX;
        }
        host_read(b, packet + 2, n_bytes - 2);
        if (link_packet_check(packet, n_bytes, &n_body) != FOTA_OK) {
            return SIZE_MAX;
        }
        memcpy(body, packet + 2, n_body);
        return n_body;
    }
    return SIZE_MAX;
}

struct link_progress host_exchange(struct test_link *b, uint8_t op, const uint8_t *body, size_t n_bytes)
{
    struct link_progress progress = {.reason = E_LINK_REPLY};
    uint8_t block[LINK_PROGRESS_BLOCK_BYTES];
    if (host_request(b, op, body, n_bytes) != LINK_ACK) {
        progress.reason = E_LINK_NACK;
        return progress;
    }
    size_t n_block = host_reply(b, block, sizeof block);
    if (n_block == SIZE_MAX || link_progress_load(block, n_block, &progress) != FOTA_OK) {
        progress.reason = E_LINK_REPLY;
    }
    return progress;
}

struct link_progress host_block(struct test_link *b, uint32_t session, uint32_t off, const uint8_t *data,
                                size_t n_bytes)
{
    static uint8_t body[LINK_REQUEST_MAX_BYTES];
    bytes_store_be32(body, session);
    bytes_store_be32(body + 4, off);
    memcpy(body + 8, data, n_bytes);
    return host_exchange(b, LINK_OP_BLOCK, body, n_bytes + 8);
}

struct link_session host_begin(struct test_link *b)
{
    struct link_session session = {.reason = E_LINK_REPLY};
    uint8_t block[LINK_SESSION_BLOCK_BYTES];
    if (host_request(b, LINK_OP_BEGIN, (const uint8_t *)"a signed statement", 18) != LINK_ACK) {
        session.reason = E_LINK_NACK;
        return session;
    }
    size_t n_block = host_reply(b, block, sizeof block);
    if (n_block == SIZE_MAX || link_session_load(block, n_block, &BOARD_OWN, &session) != FOTA_OK) {
        session.reason = E_LINK_REPLY;
    }
    return session;
}

struct link_info host_info(struct test_link *b)
{
    struct link_info info = {0};
    uint8_t block[LINK_INFO_BLOCK_BYTES];
    if (host_request(b, LINK_OP_INFO, NULL, 0) != LINK_ACK) {
        return info;
    }
    size_t n_block = host_reply(b, block, sizeof block);
    if (n_block == SIZE_MAX || link_info_load(block, n_block, &info) != FOTA_OK) {
        info.loader = 0;
    }
    return info;
}

uint8_t host_address(struct test_link *b, uint32_t addr)
{
    uint8_t stage[5];
    link_address_store(stage, addr);
    host_write(b, stage, sizeof stage);
    return host_ack(b);
}

uint8_t host_write_memory(struct test_link *b, uint32_t addr, const uint8_t *data, size_t n_bytes)
{
    uint8_t stage[1 + LINK_WRITE_MAX_BYTES + 1];
    if (host_command(b, LINK_OP_WRITE) != LINK_ACK || host_address(b, addr) != LINK_ACK) {
        return LINK_NACK;
    }
    stage[0] = (uint8_t)(n_bytes - 1);
    memcpy(stage + 1, data, n_bytes);
    stage[1 + n_bytes] = link_xor(stage, 1 + n_bytes);
    host_write(b, stage, n_bytes + 2);
    return host_ack(b);
}

uint8_t host_erase_sector(struct test_link *b, uint16_t sector)
{
    static const uint8_t one[] = {0, 0, 0};
    uint8_t list[3];
    bytes_store_be16(list, sector);
    list[2] = link_xor(list, 2);
    if (host_command(b, LINK_OP_ERASE) != LINK_ACK) {
        return LINK_NACK;
    }
    host_write(b, one, sizeof one);
    if (host_ack(b) != LINK_ACK) {
        return LINK_NACK;
    }
    host_write(b, list, sizeof list);
    return host_ack(b);
}

uint32_t host_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

void host_fill(uint8_t *bytes, size_t n_bytes, uint32_t seed)
{
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = (uint8_t)host_random(&seed);
    }
}
