#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware.h"
#include "small_app.h"

enum {
    LIMIT_MS = 60000,
    POLL_MS = 1000,
    RANGE_BYTES = 8192,
    LATENCY_US = 30000, /* of this test's network, and its speed: 1 MB/s */
    US_PER_BYTE = 1,
    NS_PER_MS = 1000000,
    R_LR = 14,
    R_PC = 15,
    STRING_MAX = 1024
};

/* PB0 is the target's NRST, PB1 its BOOT0: guest/spi_link.c. */
static const struct twin_join_wiring WIRING = {.nss = {'A', 4}, .nrst = {'B', 0}, .boot0 = {'B', 1}};

/* --- the guest's memory --- */

static void read_guest(const struct pair *p, uint32_t addr, void *out, size_t n_bytes)
{
    assert_true(twin_peek(p->gateway, addr, out, n_bytes));
}

static void write_guest(struct pair *p, uint32_t addr, const void *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 4) {
        uint32_t word = 0;
        memcpy(&word, (const uint8_t *)bytes + i, n_bytes - i < 4 ? n_bytes - i : 4);
        assert_true(twin_debug_write(p->gateway, addr + (uint32_t)i, 4, word));
    }
}

static void read_string(const struct pair *p, uint32_t addr, char out[STRING_MAX])
{
    for (uint32_t i = 0; i < STRING_MAX; i++) {
        read_guest(p, addr + i, &out[i], 1);
        if (out[i] == '\0') {
            return;
        }
    }
    fail_msg("a string of the guest at 0x%08x has no end", (unsigned)addr);
}

/* --- its network --- */

static struct mailbox_piece *add_piece(struct pair *p, enum mailbox_piece_kind kind)
{
    struct pair_reply *r = &p->reply;
    if (r->n_pieces == PAIR_PIECES_MAX) {
        fail_msg("a reply has more than %d pieces", PAIR_PIECES_MAX);
    }
    struct mailbox_piece *piece = &r->piece[r->n_pieces++];
    *piece = (struct mailbox_piece){.kind = (uint32_t)kind, .wait_us = r->n_pieces == 1 ? LATENCY_US : 0};
    return piece;
}

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    struct mailbox_piece *piece = add_piece(ctx, MAILBOX_HEADER);
    assert_true(n_name + 1 + n_value <= MAILBOX_PIECE_BYTES);
    memcpy(piece->bytes, name, n_name);
    memcpy(piece->bytes + n_name + 1, value, n_value);
    piece->n_name = (uint32_t)n_name;
    piece->n_bytes = (uint32_t)(n_name + 1 + n_value);
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct mailbox_piece *piece = add_piece(ctx, MAILBOX_BODY);
    assert_true(n_bytes <= MAILBOX_PIECE_BYTES);
    memcpy(piece->bytes, bytes, n_bytes);
    piece->n_bytes = (uint32_t)n_bytes;
    piece->status = status;
    piece->wait_us += (uint32_t)n_bytes * US_PER_BYTE;
    return FOTA_OK;
}

/* The whole exchange now; the guest gets it piece by piece. */
static void serve_request(struct pair *p, uint32_t addr)
{
    static char text[1 + 2 * HTTP_HEADERS_MAX][STRING_MAX];
    struct http_header headers[HTTP_HEADERS_MAX];
    struct mailbox_request ask;
    read_guest(p, addr, &ask, sizeof ask);
    assert_true(ask.n_headers <= HTTP_HEADERS_MAX);
    read_string(p, ask.url, text[0]);
    for (uint32_t i = 0; i < ask.n_headers; i++) {
        uint32_t at[2];
        read_guest(p, ask.headers + i * (uint32_t)sizeof at, at, sizeof at);
        read_string(p, at[0], text[1 + 2 * i]);
        read_string(p, at[1], text[2 + 2 * i]);
        headers[i] = (struct http_header){.name = text[1 + 2 * i], .value = text[2 + 2 * i]};
    }
    assert_int_equal(ask.is_put, 0); /* a gateway that sends no reports only reads */
    const struct http_request request = {
        .method = HTTP_VERB_GET, .url = text[0], .header = headers, .n_headers = ask.n_headers};
    const struct http_sink sink = {.header = on_header, .body = on_body, .ctx = p};
    unsigned status = 0;
    p->reply.n_pieces = 0;
    p->reply.next = 0;
    const enum fota_err err = http_perform(&p->server.http, &request, &sink, &status);
    struct mailbox_piece *end = add_piece(p, MAILBOX_END);
    end->status = status;
    end->err = (uint32_t)err;
}

static void serve_piece(struct pair *p, uint32_t addr)
{
    assert_true(p->reply.next < p->reply.n_pieces);
    const struct mailbox_piece *piece = &p->reply.piece[p->reply.next++];
    write_guest(p, addr, piece, offsetof(struct mailbox_piece, bytes) + piece->n_bytes);
}

/* --- its settings, and what it tells --- */

static void serve_config(struct pair *p, uint32_t addr)
{
    struct mailbox_config config = {.poll_ms = POLL_MS,
                                    .range_bytes = RANGE_BYTES,
                                    .utc_s = TEST_NOW_S + (uint32_t)(twin_now_ns(p->gateway) / 1000000000U),
                                    .product = "demo",
                                    .hw = BOARD_NAME,
                                    .channel = "stable",
                                    .device = "bench"};
    memcpy(config.channel_key, demo_channel_key()->point, sizeof config.channel_key);
    memcpy(config.release_key, demo_image_key()->point, sizeof config.release_key);
    write_guest(p, addr, &config, sizeof config);
}

static void note_event(struct pair *p, uint32_t addr)
{
    struct mailbox_event told;
    read_guest(p, addr, &told, sizeof told);
    assert_true(told.kind < GATEWAY_EVENT_KINDS);
    p->last[told.kind] = (struct gateway_event){.kind = (enum gateway_event_kind)told.kind,
                                                .state = (enum gateway_state)told.state,
                                                .reason = (enum fota_err)told.reason,
                                                .version = told.version,
                                                .slot = (enum slot)told.slot,
                                                .done = told.done,
                                                .total = told.total,
                                                .status = (uint16_t)told.status,
                                                .is_erased = told.is_erased != 0};
    p->n_events[told.kind]++;
}

/* The guest stands in mailbox_call: answer, and return for it. */
static void serve(struct pair *p)
{
    const uint32_t what = twin_reg(p->gateway, 0);
    const uint32_t argument = twin_reg(p->gateway, 1);
    switch (what) {
    case MAILBOX_CONFIG:
        serve_config(p, argument);
        break;
    case MAILBOX_EVENT:
        note_event(p, argument);
        break;
    case MAILBOX_ASK:
        serve_request(p, argument);
        break;
    case MAILBOX_NEXT:
        serve_piece(p, argument);
        break;
    case MAILBOX_WAIT:
        read_guest(p, argument, &p->usage, sizeof p->usage);
        break;
    default:
        fail_msg("the gateway has ended: call %u, reason 0x%04x (%s)", (unsigned)what, (unsigned)argument,
                 fota_err_name((enum fota_err)argument));
        break;
    }
    twin_set_reg(p->gateway, R_PC, twin_reg(p->gateway, R_LR) & ~1U);
}

/* --- running --- */

static void must_be_clean(struct pair *p)
{
    struct twin_violation first;
    twin_board_must_be_clean(&p->target);
    if (twin_violation(p->gateway, 0, &first) > 0) {
        fail_msg("the gateway broke a rule at %llu us, pc 0x%08x: %s",
                 (unsigned long long)first.time_ns / 1000, (unsigned)first.pc, first.text);
    }
}

static void run_until_ns(struct pair *p, uint64_t time_ns)
{
    while (twin_now_ns(p->gateway) < time_ns) {
        const enum twin_stop stop = twin_join_run_until(&p->join, time_ns);
        must_be_clean(p);
        if (stop == TWIN_STOP_BREAKPOINT) {
            serve(p);
        } else if (stop == TWIN_STOP_LOCKUP) {
            fail_msg("the core of the gateway is locked up");
        }
    }
}

void pair_run_ms(struct pair *p, uint32_t ms)
{
    run_until_ns(p, twin_now_ns(p->gateway) + (uint64_t)ms * NS_PER_MS);
    twin_board_listen(&p->target);
}

void pair_run_until(struct pair *p, enum gateway_event_kind kind)
{
    const unsigned before = p->n_events[kind];
    for (uint32_t ms = 0; p->n_events[kind] == before; ms++) {
        pair_run_ms(p, 1);
        if (ms == LIMIT_MS) {
            fail_msg("no event %s in %d ms; state %s, last failure %s; console:\n%s",
                     gateway_event_name(kind), LIMIT_MS,
                     gateway_state_name((enum gateway_state)p->usage.state),
                     fota_err_name(p->last[GATEWAY_EVENT_FAILED].reason), p->target.console);
        }
    }
}

void pair_cut_gateway(struct pair *p, uint32_t ms)
{
    twin_set_power(p->gateway, false);
    pair_run_ms(p, ms);
    twin_set_power(p->gateway, true);
}

/* --- life --- */

static struct twin *gateway_open(void)
{
    char why[256] = "";
    char path[512];
    struct twin *t = twin_create(&(struct twin_config){.seed = 7, .strict = true}, why, sizeof why);
    (void)snprintf(path, sizeof path, "%s/tests/guest_gateway/guest/guest_gateway.elf", firmware_folder());
    if (!t || !twin_load_elf(t, path, why, sizeof why)) {
        twin_board_die(path, why);
    }
    twin_set_breakpoint(t, MAILBOX_ADDR);
    return t;
}

struct pair *pair_open(const struct test_release *release)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    if (release) {
        const struct twin_config config = {
            .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
        twin_board_open_with(&p->target, &config, release);
        twin_set_power(p->target.twin, true);
        twin_board_run_ms(&p->target, TWIN_BOARD_SETTLE_MS);
    } else {
        twin_board_open_confirmed(&p->target);
    }
    s3_fake_init(&p->server);
    p->gateway = gateway_open();
    twin_join(&p->join, p->gateway, p->target.twin, &WIRING);
    twin_set_power(p->gateway, true);
    return p;
}

void pair_close(struct pair *p)
{
    must_be_clean(p);
    twin_unjoin(&p->join);
    twin_destroy(p->gateway);
    twin_board_close(&p->target);
    free(p);
}

void pair_publish(struct pair *p, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&p->server, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    s3_fake_put(&p->server, "v1/channels/demo/" BOARD_NAME "/stable.fc", release->channel,
                release->n_channel);
}
