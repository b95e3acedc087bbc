/*
 * The gateway on a microcontroller: the core of host/gateway, host/s3 and host/link_client with ports of one page
 * each, and nothing else. Its network is the mailbox; it drives the target by SPI1 and three pins.
 */
#include <stddef.h>

#include "chip.h"
#include "gateway/gateway.h"
#include "mail_http.h"
#include "ram_store.h"
#include "spi_link.h"
#include "stm32f407xx.h"

enum { PAINT = (int)0xA5C35A3C, MS_MAX = 4000000 };

void guest_start(void);
void chip_on_tick(void);
void chip_on_tim7(void);

extern uint32_t guest_stack[], guest_stack_top[];
extern uint32_t guest_data[], guest_data_end[], guest_data_load[];
extern uint32_t guest_bss[], guest_bss_end[];
extern uint32_t guest_flash_end[];

/* The core, as any port has it. */
static struct core {
    struct gateway gateway;
    struct s3 s3;
    struct link_client link;
} core;

static struct mail_http http;
static struct spi_link wires;
static struct chip_clock date;
static struct ram_store store;
static struct mailbox_config settings;

static const struct s3_config BUCKET = {
    .endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};

static uint32_t address(const volatile void *at)
{
    return (uint32_t)(uintptr_t)at;
}

static _Noreturn void end(uint32_t why)
{
    mailbox_call(MAILBOX_FAULT, why);
    for (;;) {
        __WFI();
    }
}

static void on_fault(void)
{
    end(__get_IPSR());
}

/* --- what the test hears --- */

static void on_event(void *ctx, const struct gateway_event *event)
{
    (void)ctx;
    const struct mailbox_event told = {.kind = (uint32_t)event->kind,
                                       .state = (uint32_t)event->state,
                                       .reason = (uint32_t)event->reason,
                                       .version = event->version,
                                       .slot = (uint32_t)event->slot,
                                       .done = event->done,
                                       .total = event->total,
                                       .status = event->status,
                                       .is_erased = event->is_erased};
    mailbox_call(MAILBOX_EVENT, address(&told));
}

/* Bytes of the stack that were ever written. */
static uint32_t stack_used(void)
{
    const uint32_t *word = guest_stack;
    while (word < guest_stack_top && *word == (uint32_t)PAINT) {
        word++;
    }
    return address(guest_stack_top) - address(word);
}

static void tell_usage(void)
{
    const struct mailbox_usage usage = {.flash_bytes = address(guest_flash_end) - FLASH_BASE,
                                        .ram_bytes = address(guest_bss_end) - address(guest_data),
                                        .stack_bytes = stack_used(),
                                        .stack_room = address(guest_stack_top) - address(guest_stack),
                                        .core_bytes = sizeof core,
                                        .state = (uint32_t)core.gateway.state};
    mailbox_call(MAILBOX_WAIT, address(&usage));
}

/* --- the gateway --- */

static enum fota_err start_gateway(void)
{
    const struct gateway_config config = {
        .keys = {.channel = {settings.channel_key}, .release = {settings.release_key}},
        .identity = {.product = settings.product,
                     .hw = settings.hw,
                     .channel = settings.channel,
                     .device = settings.device},
        .poll_ms = settings.poll_ms,
        .backoff_min_ms = settings.poll_ms,
        .backoff_max_ms = 4 * settings.poll_ms,
        .range_bytes = settings.range_bytes,
        .seed = 1};
    const struct gateway_ports ports = {.s3 = &core.s3,
                                        .link = &core.link,
                                        .store = &store.store,
                                        .clock = &date.clock,
                                        .observer = {.on_event = on_event}};
    link_client_init(&core.link, &wires.io, NULL);
    const enum fota_err err = s3_init(&core.s3, &http.http, &BUCKET);
    return err ? err : gateway_init(&core.gateway, &config, &ports);
}

static void wait_ms(uint32_t ms)
{
    tell_usage();
    chip_sleep_us((ms < MS_MAX ? ms : MS_MAX) * 1000U);
}

static _Noreturn void run(void)
{
    chip_start();
    mailbox_call(MAILBOX_CONFIG, address(&settings));
    chip_clock_init(&date, settings.utc_s);
    mail_http_init(&http);
    spi_link_init(&wires);
    ram_store_init(&store);
    enum fota_err err = start_gateway();
    while (!err) {
        uint32_t ms = 0;
        err = gateway_step(&core.gateway, &ms);
        if (ms > 0) {
            wait_ms(ms);
        }
    }
    end((uint32_t)err);
}

/* --- start --- */

void guest_start(void)
{
    for (volatile uint32_t *word = guest_stack; word < (uint32_t *)__builtin_frame_address(0) - 16; word++) {
        *word = (uint32_t)PAINT;
    }
    const uint32_t *from = guest_data_load;
    for (volatile uint32_t *word = guest_data; word < guest_data_end; word++) {
        *word = *from++;
    }
    for (volatile uint32_t *word = guest_bss; word < guest_bss_end; word++) {
        *word = 0;
    }
    run();
}

union vector {
    void (*handler)(void);
    uint32_t *stack;
};

/* Of the exceptions only SysTick, of the interrupts only TIM7 (RM0090 table 62). */
__attribute__((section(".vectors"), used)) static const union vector VECTORS[16 + TIM7_IRQn + 1] = {
    [0] = {.stack = guest_stack_top},
    [1] = {.handler = guest_start},
    [2] = {.handler = on_fault},
    [3] = {.handler = on_fault},
    [4] = {.handler = on_fault},
    [5] = {.handler = on_fault},
    [6] = {.handler = on_fault},
    [15] = {.handler = chip_on_tick},
    [16 + TIM7_IRQn] = {.handler = chip_on_tim7}};
