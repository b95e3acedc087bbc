/* A host that plays an input: AN4286 and the vendor commands, well formed or broken in one place. */
#include "fuzz.h"

#include <string.h>

#include "base/bytes.h"
#include "frames.h"
#include "link/link_codec.h"
#include "update/update.h"

enum {
    POLLS_MAX = 4000,  /* a frame that is in order gets its answer within these */
    POLLS_BROKEN = 24, /* what may never be answered is not waited for */
    TRIES = 8,
    SILENCE_US = 600000,
    OPS_MAX = 200,
    JUNK_MAX_BYTES = 16,
    LONG_REQUEST_BYTES = LINK_REQUEST_MAX_BYTES + 600, /* more than there is room for */
    PACKET_MAX_BYTES = LONG_REQUEST_BYTES + LINK_PACKET_OVERHEAD_BYTES
};

struct host_counts host_counts;

static struct {
    const uint8_t *in;
    size_t n_in;
    bool is_clean;        /* nothing was broken since the device last answered a Get */
    unsigned stage;       /* of the command under way */
    unsigned fault_stage; /* the stage that is broken, 0: none */
    uint8_t fault;        /* how */
    uint8_t fault_at;
    unsigned stride; /* bytes on the wires between two turns of the device */
    uint32_t session_id;
    uint32_t accepted_off;
    unsigned release; /* whose image is being sent */
} host;

static uint8_t take(void)
{
    if (host.n_in == 0) {
        return 0;
    }
    host.n_in--;
    return *host.in++;
}

static uint32_t take_be32(void)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        value = value << 8 | take();
    }
    return value;
}

/* --- wires --- */

static uint8_t clock_byte(uint8_t mosi)
{
    uint8_t miso;
    wire_clock(&mosi, &miso, 1);
    device_turn();
    return miso;
}

static void clock_out(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes; at += host.stride) {
        wire_clock(bytes + at, NULL, n_bytes - at < host.stride ? n_bytes - at : host.stride);
        device_turn();
    }
}

static void clock_in(uint8_t *bytes, size_t n_bytes)
{
    static const uint8_t zeros[512];
    wire_clock(zeros, bytes, n_bytes);
    device_turn();
}

static void be_silent(void)
{
    for (unsigned i = 0; i < 3; i++) {
        chip_pass_us(SILENCE_US / 2);
        device_turn();
    }
}

/* A5 stands in the first byte after the host's last one, and in the dummy before data. */
static void dummy(const char *where)
{
    uint8_t miso = clock_byte(LINK_DUMMY);
    if (host.is_clean && miso != LINK_FILLER) {
        fuzz_fail("%02X stands in the byte after %s", miso, where);
    }
}

/* AN4286: a dummy, polls, echo. @return 79, 1F, or 0: none came */
static uint8_t ack(void)
{
    uint8_t answer = LINK_FILLER;
    dummy("a stage");
    unsigned n_polls = host.is_clean ? POLLS_MAX : POLLS_BROKEN;
    for (unsigned i = 0; i < n_polls; i++) {
        answer = clock_byte(LINK_DUMMY);
        if (answer == LINK_ACK || answer == LINK_NACK) {
            uint8_t miso = clock_byte(LINK_ACK);
            if (host.is_clean && miso != LINK_FILLER) {
                fuzz_fail("%02X stands in the byte of the echo", miso);
            }
            return answer;
        }
    }
    if (host.is_clean) {
        fuzz_fail("no answer");
    }
    return 0;
}

/* The bytes of a stage, broken. */
static void send_broken(uint8_t *bytes, size_t n_bytes)
{
    uint8_t junk[JUNK_MAX_BYTES];
    size_t at = host.fault_at % n_bytes;
    host.is_clean = false;
    switch (host.fault % 6) {
    case 0: /* wrong checksum */
        bytes[n_bytes - 1] ^= host.fault_at | 1;
        clock_out(bytes, n_bytes);
        break;
    case 1: /* a bit */
        bytes[at] ^= (uint8_t)(1U << host.fault / 6 % 8);
        clock_out(bytes, n_bytes);
        break;
    case 2: /* lost from here on */
        clock_out(bytes, at);
        break;
    case 3: /* more than asked for */
        memset(junk, host.fault_at, sizeof junk);
        clock_out(bytes, n_bytes);
        clock_out(junk, 1 + host.fault_at % (JUNK_MAX_BYTES - 1));
        break;
    case 4: /* a pause */
        clock_out(bytes, at);
        be_silent();
        clock_out(bytes + at, n_bytes - at);
        break;
    default: /* a byte twice */
        clock_out(bytes, at + 1);
        clock_out(bytes + at, n_bytes - at);
        break;
    }
}

static void send(uint8_t *bytes, size_t n_bytes)
{
    host.stage++;
    if (host.stage == host.fault_stage) {
        send_broken(bytes, n_bytes);
    } else {
        clock_out(bytes, n_bytes);
    }
}

static uint8_t stage(uint8_t *bytes, size_t n_bytes)
{
    send(bytes, n_bytes);
    return ack();
}

static uint8_t command(uint8_t op)
{
    uint8_t frame[LINK_FRAME_BYTES];
    link_frame_store(frame, op);
    host.stage = 0;
    host_counts.frames++;
    return stage(frame, sizeof frame);
}

/* An answer that is no matter of taste. */
static bool expect(uint8_t answer, bool is_right, const char *what)
{
    if (host.is_clean && answer != (is_right ? LINK_ACK : LINK_NACK)) {
        fuzz_fail("%s is answered by %02X", what, answer);
    }
    return answer == LINK_ACK;
}

/* --- AN4286 ------------------------------------------------------------------------------------------ */

static void get(uint8_t op)
{
    static const uint8_t LIST[] = {0x11, 0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    static const uint8_t ID[] = {0x01, 0x04, 0x13};
    uint8_t reply[64] = {0};
    if (!expect(command(op), true, "Get, Get Version or Get ID")) {
        return;
    }
    dummy("an echo");
    if (op == LINK_OP_GET) {
        clock_in(reply, 1);
        clock_in(reply, reply[0] % 60 + 1U);
    } else {
        clock_in(reply, op == LINK_OP_GET_ID ? 3 : 1);
    }
    bool is_right = memcmp(reply, op == LINK_OP_GET_ID ? ID : LIST,
                           op == LINK_OP_GET      ? sizeof LIST
                           : op == LINK_OP_GET_ID ? sizeof ID
                                                  : 1) == 0;
    if (host.is_clean && !is_right) {
        fuzz_fail("command %02X answers %02X %02X %02X", op, reply[0], reply[1], reply[2]);
    }
    (void)expect(ack(), true, "the end of an answer");
}

static uint32_t slot_base(void)
{
    return device_inactive() == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
}

static bool is_in(uint32_t addr, uint32_t n_bytes, uint32_t base, uint32_t n_all)
{
    return addr >= base && (uint64_t)addr + n_bytes <= (uint64_t)base + n_all;
}

static bool is_in_slot(uint32_t addr, uint32_t n_bytes)
{
    return is_in(addr, n_bytes, slot_base(), FLASH_SLOT_BYTES);
}

static bool is_in_info(uint32_t addr, uint32_t n_bytes)
{
    return is_in(addr, n_bytes, LINK_INFO_ADDR, LINK_INFO_BLOCK_BYTES);
}

/* Addresses where something begins or ends, or any. */
static uint32_t take_addr(void)
{
    static const uint32_t BASES[] = {0,          FLASH_MAP_BASE,   FLASH_J1_BASE,    0x08010000,
                                     0x1FFF0000, 0x1FFFC000,       RAM_BASE,         FLASH_J0_BASE,
                                     0x08100000, LINK_INFO_ADDR,   0xFFFF0000,       FLASH_SLOT_A_BASE,
                                     0,          FLASH_SLOT_BYTES, FLASH_SLOT_B_BASE};
    uint8_t how = take();
    if (how >= 240) {
        return take_be32();
    }
    uint32_t addr = how % 16 == 12 || how % 16 == 15 ? slot_base() : BASES[how % 16];
    addr = how % 16 == 13 ? slot_base() + FLASH_SLOT_BYTES : addr;
    return addr + (uint32_t)(int32_t)(int8_t)take();
}

static uint8_t address(uint32_t addr)
{
    uint8_t bytes[5];
    link_address_store(bytes, addr);
    return stage(bytes, sizeof bytes);
}

/* Only what this session erased or wrote may be read. A sector that was blank is as good as erased. */
static bool may_show(uint32_t addr, const uint8_t *bytes, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        if (bytes[i] != 0xFF && !chip_was_erased(addr + i)) {
            return false;
        }
    }
    return true;
}

static void read_memory(void)
{
    uint32_t addr = take_addr();
    uint32_t n_bytes = take() + 1U;
    uint8_t length[2] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)}, data[LINK_WRITE_MAX_BYTES];
    if (!expect(command(LINK_OP_READ), true, "Read") ||
        !expect(address(addr), is_in_slot(addr, 1) || is_in_info(addr, 1), "an address to read")) {
        return;
    }
    bool is_inside = is_in_slot(addr, n_bytes) || is_in_info(addr, n_bytes);
    uint8_t answer = stage(length, sizeof length);
    if (answer == LINK_NACK && is_in_slot(addr, n_bytes)) {
        return; /* not of this session */
    }
    if (!expect(answer, is_inside, "a length to read")) {
        return;
    }
    dummy("an echo");
    clock_in(data, n_bytes);
    if (host.is_clean && is_in_slot(addr, n_bytes) && memcmp(data, chip_at(addr), n_bytes) != 0) {
        fuzz_fail("Read at %08X gives other bytes than the flash", (unsigned)addr);
    }
    if (host.is_clean && is_in_slot(addr, n_bytes) && !may_show(addr, data, n_bytes)) {
        fuzz_fail("Read at %08X gives what was there before the session", (unsigned)addr);
    }
}

static void write_memory(void)
{
    uint32_t addr = take_addr();
    uint32_t n_bytes = take() + 1U;
    uint8_t fill = take();
    uint8_t block[LINK_WRITE_MAX_BYTES + 2], data[LINK_WRITE_MAX_BYTES];
    if (!expect(command(LINK_OP_WRITE), true, "Write") ||
        !expect(address(addr), is_in_slot(addr, 1) && addr % 4 == 0, "an address to write")) {
        return;
    }
    block[0] = (uint8_t)(n_bytes - 1);
    for (uint32_t i = 0; i < n_bytes; i++) {
        block[1 + i] = data[i] = (uint8_t)(fill + i * (fill & 3));
    }
    block[1 + n_bytes] = link_xor(block, 1 + n_bytes);
    uint8_t answer = stage(block, n_bytes + 2);
    if (!host.is_clean || answer != LINK_ACK) {
        return;
    }
    if (!is_in_slot(addr, n_bytes) || memcmp(chip_at(addr), data, n_bytes) != 0) {
        fuzz_fail("an acknowledged Write of %u bytes at %08X is not in the slot", (unsigned)n_bytes,
                  (unsigned)addr);
    }
    host_counts.writes++;
}

static bool is_slot_sector(uint32_t sector)
{
    uint32_t first = device_inactive() == SLOT_A ? FLASH_SLOT_A_SECTOR : FLASH_SLOT_B_SECTOR;
    return sector - first < FLASH_SLOT_SECTORS;
}

static void erase(void)
{
    uint8_t how = take();
    uint32_t n = how % 5 + 1U; /* more than a slot has, too */
    uint8_t count[3] = {0, (uint8_t)(n - 1), (uint8_t)(n - 1)}, list[2 * 5 + 1];
    bool is_inside = true;
    if (!expect(command(LINK_OP_ERASE), true, "Erase") ||
        !expect(stage(count, sizeof count), n <= 3, "a number of sectors")) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint8_t sector = take() % 16;
        bytes_store_be16(list + 2 * i, how & 0x80 ? (uint16_t)(sector << 8 | sector) : sector);
        is_inside = is_inside && is_slot_sector(bytes_load_be16(list + 2 * i));
    }
    list[2 * n] = link_xor(list, 2 * n);
    bool is_done = stage(list, 2 * n + 1) == LINK_ACK;
    if (host.is_clean && is_done && !is_inside) {
        fuzz_fail("Erase of a sector outside the slot is acknowledged");
    }
    for (uint32_t i = 0; i < n && host.is_clean && is_done; i++) {
        const uint8_t *sector =
            chip_at(0x08020000 + (bytes_load_be16(list + 2 * i) - 5U) * FLASH_SLOT_SECTOR_BYTES);
        if (!bytes_all_equal(sector, CHIP_HOT_BYTES, 0xFF)) {
            fuzz_fail("an acknowledged Erase left something");
        }
    }
}

/* Mass erase is all that the host may erase; refused while a session with a statement is open. */
static void mass_erase(void)
{
    uint32_t base = device_inactive() == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
    uint8_t count[3] = {0xFF, 0xFF, 0x00};
    if (stage(count, sizeof count) != LINK_ACK || !host.is_clean) {
        return;
    }
    for (uint32_t i = 0; i < FLASH_SLOT_SECTORS; i++) {
        if (!bytes_all_equal(chip_at(base + i * FLASH_SLOT_SECTOR_BYTES), CHIP_HOT_BYTES, 0xFF)) {
            fuzz_fail("an acknowledged mass erase left something");
        }
    }
}

static void erase_special(void)
{
    uint16_t code = (uint16_t)(0xFFF0U | take() % 16);
    uint8_t count[3] = {0xFF, (uint8_t)code, (uint8_t)(code >> 8 ^ code)};
    if (!expect(command(LINK_OP_ERASE), true, "Erase")) {
        return;
    }
    if (code == LINK_ERASE_MASS) {
        mass_erase();
    } else {
        (void)expect(stage(count, sizeof count), false, "a bank erase");
    }
}

/* Between commands, at any time. The ACK stands in the second byte after the 5A too, if the device comes by
 * after each byte. */
static void sync(void)
{
    uint8_t bytes[LINK_FRAME_BYTES] = {LINK_SOF, LINK_DUMMY, LINK_DUMMY};
    host.stage = 0;
    host_counts.frames++;
    (void)expect(stage(bytes, sizeof bytes), true, "a sync");
}

static void protect(void)
{
    static const uint8_t OPS[] = {LINK_OP_WRITE_PROTECT, LINK_OP_WRITE_UNPROTECT, LINK_OP_READOUT_PROTECT,
                                  LINK_OP_READOUT_UNPROTECT};
    (void)expect(command(OPS[take() % 4]), false, "a protection command");
}

static void unknown(void)
{
    uint8_t frame[LINK_FRAME_BYTES] = {LINK_SOF, take(), take()};
    host.stage = 0;
    host.is_clean = false;
    host_counts.frames++;
    (void)stage(frame, sizeof frame);
}

/* The device may be reset after this. */
static void go(void)
{
    uint32_t addr = take_addr();
    if (expect(command(LINK_OP_GO), true, "Go")) {
        (void)address(addr);
    }
    device_check(); /* the next boot would mend it */
    be_silent();
    host.is_clean = false;
}

/* --- vendor commands --------------------------------------------------------------------------------- */

/* @return body bytes of the reply, 0: none */
static size_t request(uint8_t op, const uint8_t *body, size_t n_bytes, uint8_t *out, size_t max_bytes)
{
    static uint8_t packet[PACKET_MAX_BYTES];
    uint8_t received[LINK_PACKET_OVERHEAD_BYTES + LINK_INFO_BLOCK_BYTES];
    size_t n_reply = 0;
    unsigned n_polls = host.is_clean ? POLLS_MAX : POLLS_BROKEN;
    if (!expect(command(op), true, "a vendor command") ||
        !expect(stage(packet, link_packet_store(packet, body, n_bytes)), true, "a vendor request")) {
        return 0;
    }
    while (n_polls > 0 && clock_byte(LINK_DUMMY) != LINK_REPLY) {
        n_polls--;
    }
    clock_in(received, 2);
    n_reply = bytes_load_be16(received);
    if (n_reply > LINK_INFO_BLOCK_BYTES) {
        n_reply = 0;
    }
    clock_in(received + 2, n_reply + 4);
    enum fota_err err = link_packet_check(received, n_reply + LINK_PACKET_OVERHEAD_BYTES, &n_reply);
    if (err) {
        if (host.is_clean) {
            fuzz_fail("vendor command %02X has no reply", op);
        }
        return 0;
    }
    memcpy(out, received + 2, n_reply < max_bytes ? n_reply : max_bytes);
    return n_reply;
}

/* The application says "not now" a few times at most (device_busy). */
static void expect_decision(uint8_t op, uint16_t reason)
{
    if (host.is_clean && reason == E_UPDATE_BUSY) {
        fuzz_fail("vendor command %02X is put off, though the application allows it", op);
    }
}

static struct link_progress progress(uint8_t op, const uint8_t *body, size_t n_bytes)
{
    struct link_progress p = {.reason = E_LINK_REPLY};
    uint8_t reply[LINK_PROGRESS_BLOCK_BYTES];
    size_t n_reply = request(op, body, n_bytes, reply, sizeof reply);
    enum fota_err err = link_progress_load(reply, n_reply, &p);
    if (err && host.is_clean) {
        fuzz_fail("vendor command %02X has a reply of %zu bytes", op, n_reply);
    }
    if (!err && host.is_clean && p.flashed_off > p.accepted_off) {
        fuzz_fail("%u bytes are in flash of %u accepted", (unsigned)p.flashed_off, (unsigned)p.accepted_off);
    }
    if (!err) {
        expect_decision(op, (uint16_t)p.reason);
        host.accepted_off = p.accepted_off;
    }
    return p;
}

static void info(void)
{
    struct link_info out;
    uint8_t reply[LINK_INFO_BLOCK_BYTES];
    size_t n_reply = request(LINK_OP_INFO, NULL, 0, reply, sizeof reply);
    if (link_info_load(reply, n_reply, &out) != FOTA_OK && host.is_clean) {
        fuzz_fail("INFO is no info block");
    }
}

static bool begin(unsigned which, uint8_t change, uint8_t change_at)
{
    static uint8_t text[RELEASE_TEXT_MAX_BYTES];
    const struct fuzz_release *release = &releases[which];
    struct link_session session = {.reason = E_LINK_REPLY};
    uint8_t reply[LINK_SESSION_BLOCK_BYTES];
    memcpy(text, release->text, release->n_text);
    text[change_at * 4U % release->n_text] ^= change;
    size_t n_reply = request(LINK_OP_BEGIN, text, release->n_text, reply, sizeof reply);
    enum fota_err err = link_session_load(reply, n_reply, &BOARD_OWN, &session);
    if (host.is_clean && err) {
        fuzz_fail("BEGIN has a reply of %zu bytes", n_reply);
    }
    expect_decision(LINK_OP_BEGIN, err ? FOTA_OK : (uint16_t)session.reason);
    if (err || session.reason) {
        return false;
    }
    /* A counter below that of the image which runs; the loader, in which none does, knows the recorded floor
     * only. */
    bool is_old = which == RELEASE_OLD && device_runs_confirmed();
    if (change || which > RELEASE_OLD || is_old) {
        fuzz_fail("BEGIN accepts statement %u, changed by %02X", which, change);
    }
    host_counts.sessions++;
    host.session_id = session.session_id;
    host.accepted_off = session.resume_off;
    host.release = which;
    return true;
}

static enum fota_err block(uint32_t off, uint32_t n_bytes, bool is_image)
{
    static uint8_t body[LINK_REQUEST_MAX_BYTES];
    enum slot slot = device_inactive();
    const struct fuzz_release *release = &releases[host.release];
    bytes_store_be32(body, host.session_id);
    bytes_store_be32(body + 4, off);
    for (uint32_t i = 0; i < n_bytes; i++) {
        bool is_there = is_image && off + i < release->n_image[slot];
        body[8 + i] = is_there ? release->image[slot][off + i] : (uint8_t)(off + i);
    }
    return progress(LINK_OP_BLOCK, body, 8 + n_bytes).reason;
}

static void any_block(void)
{
    static const uint16_t SIZES[] = {1, 4, 64, 255, 256, 1024, 4092, 4096};
    uint8_t how = take();
    uint32_t off = how & 0x40 ? take_be32() : host.accepted_off + (uint32_t)(int32_t)(int8_t)take();
    (void)block(off, SIZES[how % 8], how & 0x20);
}

/* The image's bytes that are missing, or one too many. */
static void rest(void)
{
    uint32_t n_image = releases[host.release].n_image[device_inactive()];
    (void)block(host.accepted_off, host.accepted_off < n_image ? n_image - host.accepted_off : 1, true);
}

static enum fota_err in_session(uint8_t op)
{
    uint8_t body[4];
    bytes_store_be32(body, host.session_id);
    return progress(op, body, sizeof body).reason;
}

static void activate(void)
{
    if (in_session(LINK_OP_ACTIVATE) == FOTA_OK) {
        host_counts.activations++;
        device_check();
        be_silent();
        host.is_clean = false;
    }
}

/* A whole update, as our own client does it. */
static void update(void)
{
    uint8_t how = take();
    unsigned which = how % 3;
    if (!begin(which, 0, 0)) {
        return;
    }
    uint32_t n_image = releases[which].n_image[device_inactive()];
    for (unsigned i = 0; i < 12 && host.accepted_off < n_image; i++) {
        uint32_t n_left = n_image - host.accepted_off;
        uint32_t n_bytes = how & 0x80 ? 512 : 4096;
        if (block(host.accepted_off, n_left < n_bytes ? n_left : n_bytes, true) == E_LINK_REPLY) {
            return;
        }
    }
    if (in_session(LINK_OP_FINISH) == FOTA_OK) {
        host_counts.finishes++;
        if (how & 0x40) {
            activate();
        }
    }
}

static void retry(void)
{
    uint8_t body[4];
    bytes_store_be32(body, take());
    (void)progress(LINK_OP_RETRY, body, sizeof body);
}

static void hash(void)
{
    uint8_t body[8], reply[LINK_HASH_BLOCK_BYTES];
    uint8_t how = take();
    bytes_store_be32(body, how & 1 ? take_be32() : take() * 4U);
    bytes_store_be32(body + 4, how & 2 ? take_be32() : take());
    (void)request(LINK_OP_HASH, body, sizeof body, reply, sizeof reply);
}

/* A request whose size is what the input says. */
static void any_request(void)
{
    static uint8_t body[LONG_REQUEST_BYTES];
    uint8_t op = (uint8_t)(LINK_OP_INFO + take() % 8);
    uint32_t n_bytes = ((uint32_t)take() << 8 | take()) % sizeof body;
    memset(body, take(), n_bytes);
    host.is_clean = false;
    uint8_t reply[LINK_INFO_BLOCK_BYTES];
    (void)request(op, body, n_bytes, reply, sizeof reply);
}

/* --- the grammar ------------------------------------------------------------------------------------- */

/* What a real client does when it has lost the thread: silence, then Get, and again. */
static void recover(void)
{
    host.fault_stage = 0;
    host.is_clean = false;
    for (unsigned i = 0; i < TRIES; i++) {
        uint8_t reply[2] = {0};
        be_silent();
        if (command(LINK_OP_GET) != LINK_ACK) {
            continue;
        }
        (void)clock_byte(LINK_DUMMY);
        clock_in(reply, 2);
        if (reply[1] != LINK_PROTOCOL_VERSION) {
            continue;
        }
        for (unsigned n = reply[0]; n > 0; n--) {
            (void)clock_byte(LINK_DUMMY);
        }
        if (ack() == LINK_ACK) {
            host.is_clean = true;
            return;
        }
    }
    fuzz_fail("Get is not answered any more");
}

static void raw(void)
{
    uint8_t bytes[32];
    size_t n_bytes = take() % sizeof bytes + 1;
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = take();
    }
    host.is_clean = false;
    host_counts.frames++;
    clock_out(bytes, n_bytes);
}

static void play_other(uint8_t op)
{
    switch (op) {
    case 21:
        device_confirm();
        break;
    case 22:
        device_busy(take() % 4);
        break;
    case 23:
        chip_fail_program(take() + 1U);
        break;
    case 24:
        device_reset();
        host.is_clean = false;
        break;
    case 25:
        be_silent();
        break;
    case 26:
        host.session_id = take() & 1 ? take_be32() : (uint32_t)UPDATE_PLAIN_SESSION_ID;
        break;
    case 27:
        host.stride = take() % 64 + 1U;
        break;
    case 28:
        any_request();
        break;
    case 29:
        unknown();
        break;
    case 30:
        raw();
        break;
    default:
        update();
        break;
    }
}

static void any_begin(void)
{
    uint8_t which = take() % RELEASES, change = take();
    (void)begin(which, change, change ? take() : 0);
}

static void finish(void)
{
    host_counts.finishes += in_session(LINK_OP_FINISH) == FOTA_OK;
}

static void abort_session(void)
{
    (void)in_session(LINK_OP_ABORT);
}

/* By the number in the input, which the seeds know; a number without a function is a whole update. */
static void play_command(uint8_t op)
{
    static void (*const commands[])(void) = {
        [3] = read_memory, [4] = write_memory, [5] = erase,     [6] = erase_special,
        [7] = protect,     [8] = go,           [9] = info,      [10] = any_begin,
        [11] = any_block,  [12] = any_block,   [13] = rest,     [14] = hash,
        [15] = finish,     [16] = finish,      [17] = activate, [18] = abort_session,
        [19] = retry,      [20] = sync,
    };
    if (op < 3) {
        get(op);
    } else if (op < sizeof commands / sizeof commands[0]) {
        commands[op]();
    } else {
        update();
    }
}

void host_play(const uint8_t *bytes, size_t n_bytes)
{
    memset(&host, 0, sizeof host);
    host.in = bytes;
    host.n_in = n_bytes;
    host.stride = PACKET_MAX_BYTES;
    host_counts.inputs++;
    recover();
    for (unsigned i = 0; i < OPS_MAX && host.n_in > 0; i++) {
        uint8_t op = take();
        host.fault_stage = 0;
        if (op & 0x20) { /* broken somewhere */
            host.fault = take();
            host.fault_at = take();
            host.fault_stage = host.fault / 48U + 1U;
        } else if (!host.is_clean && !(op & 0x40)) {
            recover();
        }
        if (op % 32 > 20) {
            play_other(op % 32);
        } else {
            play_command(op % 32);
        }
        device_check();
    }
    recover();
    get(LINK_OP_GET_ID);
}
