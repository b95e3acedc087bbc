/**
 * The mailbox: how the gateway on the emulated microcontroller (guest/) and the test that owns its world talk. It is a
 * test device, no hardware: the guest calls a function at a fixed address, the test stops there, as a debugger with
 * semihosting does, reads and writes the struct that r1 points to, and returns for it. It takes no virtual time.
 *
 * Numbers only, of the same size on both sides; pointers of the guest are its addresses.
 */
#ifndef GUEST_GATEWAY_MAILBOX_H
#define GUEST_GATEWAY_MAILBOX_H

#include <stdint.h>

/* r0: enum mailbox_call, r1: address of its struct. */
#define MAILBOX_ADDR 0x08000200U

enum mailbox_call {
    MAILBOX_CONFIG, /* struct mailbox_config, filled in by the test */
    MAILBOX_EVENT,  /* struct mailbox_event */
    MAILBOX_ASK,    /* struct mailbox_request: an HTTP request begins */
    MAILBOX_NEXT,   /* struct mailbox_piece, filled in by the test: the next piece of its reply */
    MAILBOX_WAIT,   /* struct mailbox_usage: the gateway is about to wait */
    MAILBOX_FAULT   /* the guest is at its end; r1: enum fota_err, or the number of an exception */
};

enum { MAILBOX_POINT_BYTES = 65, MAILBOX_NAME_BYTES = 24, MAILBOX_PIECE_BYTES = 1024 };

/** What a real gateway has in its settings. */
struct mailbox_config {
    uint32_t poll_ms;
    uint32_t range_bytes;
    uint32_t utc_s; /* now */
    uint8_t channel_key[MAILBOX_POINT_BYTES];
    uint8_t release_key[MAILBOX_POINT_BYTES];
    char product[MAILBOX_NAME_BYTES];
    char hw[MAILBOX_NAME_BYTES];
    char channel[MAILBOX_NAME_BYTES];
    char device[MAILBOX_NAME_BYTES];
};

/** struct gateway_event. */
struct mailbox_event {
    uint32_t kind, state, reason, version, slot, done, total, status, is_erased;
};

/** Strings end with NUL; `headers` points to pairs of pointers, name and value. */
struct mailbox_request {
    uint32_t is_put;
    uint32_t url;
    uint32_t headers;
    uint32_t n_headers;
};

enum mailbox_piece_kind { MAILBOX_HEADER, MAILBOX_BODY, MAILBOX_END };

/** HEADER: name, NUL, value. BODY: bytes. END: how the exchange ended. */
struct mailbox_piece {
    uint32_t kind;
    uint32_t wait_us; /* time until it is there: the network of this test */
    uint32_t status;  /* of BODY and END */
    uint32_t err;     /* of END: enum fota_err */
    uint32_t n_name;
    uint32_t n_bytes;
    uint8_t bytes[MAILBOX_PIECE_BYTES];
};

/** What the guest needs of its chip so far. */
struct mailbox_usage {
    uint32_t flash_bytes;
    uint32_t ram_bytes;   /* without the stack */
    uint32_t stack_bytes; /* deepest use */
    uint32_t stack_room;
    uint32_t core_bytes; /* of ram_bytes: gateway, S3 client, link client */
    uint32_t state;      /* enum gateway_state */
};

#endif
