/*
 * The gateway on a stack of its own, so that its depth can be measured: the fakes of the tests, which stand for
 * other machines, go on using the stack of the tests.
 *
 * The linker gives the tests these functions in the place of gateway_step, s3_init and link_client_init (ld
 * --wrap). gateway_step runs on the gateway's stack; a call of HTTP or wires goes back to the stack of the tests,
 * and what HTTP hands over comes to the gateway's stack again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gateway.h"
#include "guest.h"

enum { STACK_WORDS = 4096, PROXIES_MAX = 16 };

static const uint32_t PAINT = 0xA5A5A5A5U;

/* A port as the gateway sees it; what it does, the real one does. */
struct proxy {
    union {
        struct http http;
        struct link_io io;
    } as;
    void *real;
};

static uint32_t stack[STACK_WORDS] __attribute__((aligned(16)));
static struct proxy proxies[PROXIES_MAX];
static bool is_on_core;

extern uint32_t *rv32_other_sp;
uint32_t *rv32_other_sp = stack + STACK_WORDS;

void rv32_switch(void (*f)(void *ctx), void *ctx);
enum fota_err __real_gateway_step(struct gateway *g, uint32_t *wait_ms);
enum fota_err __wrap_gateway_step(struct gateway *g, uint32_t *wait_ms);
enum fota_err __real_s3_init(struct s3 *s3, struct http *http, const struct s3_config *config);
enum fota_err __wrap_s3_init(struct s3 *s3, struct http *http, const struct s3_config *config);
void __real_link_client_init(struct link_client *c, struct link_io *io,
                             const struct link_client_config *config);
void __wrap_link_client_init(struct link_client *c, struct link_io *io,
                             const struct link_client_config *config);

static void to_other_stack(void (*f)(void *ctx), void *ctx)
{
    is_on_core = !is_on_core;
    rv32_switch(f, ctx);
    is_on_core = !is_on_core;
}

void rv32_on_core(void (*f)(void *ctx), void *ctx)
{
    if (is_on_core) {
        f(ctx);
    } else {
        to_other_stack(f, ctx);
    }
}

static void on_tests(void (*f)(void *ctx), void *ctx)
{
    if (is_on_core) {
        to_other_stack(f, ctx);
    } else {
        f(ctx);
    }
}

void rv32_core_reset(void)
{
    is_on_core = false;
    rv32_other_sp = stack + STACK_WORDS;
    for (unsigned i = 0; i < PROXIES_MAX; i++) {
        proxies[i].real = NULL;
    }
}

void rv32_core_paint(void)
{
    for (unsigned i = 0; i < STACK_WORDS; i++) {
        stack[i] = PAINT;
    }
}

uint32_t rv32_core_used_bytes(void)
{
    unsigned n_free = 0;
    while (n_free < STACK_WORDS && stack[n_free] == PAINT) {
        n_free++;
    }
    return (STACK_WORDS - n_free) * (uint32_t)sizeof stack[0];
}

/* The proxy of a port; one that a test makes anew keeps its place. */
static struct proxy *proxy_of(void *real)
{
    for (unsigned i = 0; i < PROXIES_MAX; i++) {
        if (proxies[i].real == real || !proxies[i].real) {
            proxies[i].real = real;
            return &proxies[i];
        }
    }
    printf("more than %d ports in one test\n", (int)PROXIES_MAX);
    abort();
}

/* --- gateway_step ------------------------------------------------------------------------------------ */

struct step {
    struct gateway *g;
    uint32_t *wait_ms;
    enum fota_err result;
};

static void do_step(void *ctx)
{
    struct step *s = ctx;
    s->result = __real_gateway_step(s->g, s->wait_ms);
}

enum fota_err __wrap_gateway_step(struct gateway *g, uint32_t *wait_ms)
{
    struct step s = {g, wait_ms, FOTA_OK};
    rv32_on_core(do_step, &s);
    return s.result;
}

/* --- HTTP: there on the stack of the tests, and back with each piece ---------------------------------- */

struct request {
    struct http *http;
    const struct http_request *request;
    const struct http_sink *sink;
    unsigned *status;
    enum fota_err result;
};

struct piece {
    const struct http_sink *sink;
    unsigned status;
    const char *name;
    size_t n_name;
    const uint8_t *bytes;
    size_t n_bytes;
    enum fota_err result;
};

static void do_header(void *ctx)
{
    const struct piece *p = ctx;
    p->sink->header(p->sink->ctx, p->name, p->n_name, (const char *)p->bytes, p->n_bytes);
}

static void do_body(void *ctx)
{
    struct piece *p = ctx;
    p->result = p->sink->body(p->sink->ctx, p->status, p->bytes, p->n_bytes);
}

static void header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    const struct request *r = ctx;
    struct piece p = {
        .sink = r->sink, .name = name, .n_name = n_name, .bytes = (const uint8_t *)value, .n_bytes = n_value};
    rv32_on_core(do_header, &p);
}

static enum fota_err body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    const struct request *r = ctx;
    struct piece p = {.sink = r->sink, .status = status, .bytes = bytes, .n_bytes = n_bytes};
    rv32_on_core(do_body, &p);
    return p.result;
}

static void do_perform(void *ctx)
{
    struct request *r = ctx;
    const struct http_sink back = {.header = header, .body = body, .ctx = r};
    r->result = http_perform(r->http, r->request, &back, r->status);
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct http *real = ((struct proxy *)http)->real;
    if (!is_on_core) {
        return http_perform(real, request, sink, status);
    }
    struct request r = {real, request, sink, status, FOTA_OK};
    on_tests(do_perform, &r);
    return r.result;
}

enum fota_err __wrap_s3_init(struct s3 *s3, struct http *http, const struct s3_config *config)
{
    static const struct http_ops ops = {.perform = perform};
    struct proxy *p = proxy_of(http);
    p->as.http.ops = &ops;
    return __real_s3_init(s3, &p->as.http, config);
}

/* --- the wires: at their other end is the target, and what it does --------------------------------------------- */

struct wires {
    struct link_io *io;
    const uint8_t *mosi;
    uint8_t *miso;
    size_t n_bytes;
    uint32_t number;
    enum fota_err result;
};

static struct link_io *real_io(struct link_io *io)
{
    return ((struct proxy *)io)->real;
}

static void do_transfer(void *ctx)
{
    struct wires *w = ctx;
    w->result = link_io_transfer(w->io, w->mosi, w->miso, w->n_bytes);
}

static void do_set_nrst(void *ctx)
{
    struct wires *w = ctx;
    w->result = link_io_set_nrst(w->io, w->number != 0);
}

static void do_delay_us(void *ctx)
{
    const struct wires *w = ctx;
    link_io_delay_us(w->io, w->number);
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct wires w = {.io = real_io(io), .mosi = mosi, .miso = miso, .n_bytes = n_bytes};
    on_tests(do_transfer, &w);
    return w.result;
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    struct wires w = {.io = real_io(io), .number = low};
    on_tests(do_set_nrst, &w);
    return w.result;
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct wires w = {.io = real_io(io), .number = us};
    on_tests(do_delay_us, &w);
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return link_io_select(real_io(io), selected);
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return link_io_set_boot0(real_io(io), high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(real_io(io), hz, byte_gap_us);
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(real_io(io));
}

void __wrap_link_client_init(struct link_client *c, struct link_io *io,
                             const struct link_client_config *config)
{
    static const struct link_io_ops ops = {.transfer = transfer,
                                           .select = select_target,
                                           .set_nrst = set_nrst,
                                           .set_boot0 = set_boot0,
                                           .set_clock = set_clock,
                                           .delay_us = delay_us,
                                           .now_us = now_us};
    struct proxy *p = proxy_of(io);
    p->as.io.ops = &ops;
    __real_link_client_init(c, &p->as.io, config);
}
