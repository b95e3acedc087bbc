/**
 * Bytes of the link: ST's SPI bootloader protocol (AN4286, protocol V1.1) and our vendor commands.
 * Normative text with test vectors: docs/spec/link.md.
 *
 * The host owns the clock: SPI mode 0, MSB first, 8 bits. Every command starts with `5A op ~op`.
 *
 * ACK procedure (AN4286 2.1): host clocks one dummy 00, then 00 until MISO is 79 or 1F, then 79. The slave
 * presents filler A5 until its answer is final and keeps presenting the answer until the host's 79 arrives.
 * `5A 00 00` between commands is a sync, at any time.
 *
 * A vendor command, after its command frame is ACKed:
 *   request   host -> slave   n[2] body[n] crc[4]     crc = CRC-32 over n and body; then ACK procedure
 *   reply     slave -> host   ... 3C n[2] body[n] crc[4]   host clocks 00, skips bytes until 3C; then no ACK
 * All integers big-endian. n is 0 where there is no body; the request is sent all the same. A NACK of the
 * request means nothing was done; why stands in INFO (`last_link_reason`). Every vendor command has a reply.
 * A reply whose CRC is wrong is cured by repeating the command: all are idempotent.
 */
#ifndef LINK_PROTO_H
#define LINK_PROTO_H

#include <stdint.h>

#include "link/link_ops.h"

enum link_byte {
    LINK_SOF = 0x5A, /* start of frame, and the sync byte */
    LINK_ACK = 0x79, /* also the host's echo that closes every ACK procedure */
    LINK_NACK = 0x1F,
    LINK_FILLER = 0xA5, /* "busy" from the slave */
    LINK_DUMMY = 0x00,  /* what the host clocks while it reads */
    LINK_REPLY = 0x3C   /* start of a vendor reply */
};

/** Opcodes: commands of AN4286 V1.1 (AN4286 2, table 2), and vendor requests, which Get does not announce: a
 * host asks INFO, which ST's ROM refuses. One row each in link_ops.h. */
enum link_op {
#define LINK_ENUM_COMMAND(id, opcode, name, step, at, n, handler)                    LINK_OP_##id = (opcode),
#define LINK_ENUM_REQUEST(id, opcode, name, least, most, reply, when, body, handler) LINK_OP_##id = (opcode),
    LINK_COMMANDS(LINK_ENUM_COMMAND) LINK_REQUESTS(LINK_ENUM_REQUEST)
#undef LINK_ENUM_COMMAND
#undef LINK_ENUM_REQUEST
};

enum {
    LINK_PROTOCOL_VERSION = 0x11, /* V1.1 */
    LINK_CHIP_ID = 0x413,         /* STM32F405/407 (AN2606) */
    LINK_WRITE_MAX_BYTES = 256,   /* AN4286 Write and Read Memory */
    LINK_ERASE_MASS = 0xFFFF,     /* count of a mass erase: all that the host may erase, the inactive slot */
    LINK_STATEMENT_MAX_BYTES = 1280, /* BEGIN */
    LINK_BLOCK_MAX_BYTES = 4096,     /* BLOCK data; a multiple of 4 except in the last block */
    LINK_REQUEST_MAX_BYTES = 8 + LINK_BLOCK_MAX_BYTES,
    LINK_ECHO_GAP_US = 15 /* the host's pause before and after each echo, as AN4286 asks for: the loader
                             takes it and turns to what follows. agent.h: how much of it an application may
                             use up */
};

/** Read Memory of this virtual address yields the info block (at most LINK_INFO_BLOCK_BYTES from here). */
#define LINK_INFO_ADDR 0xFFFE0000U

/** Kinds of loader in the info block. */
enum link_loader { LINK_LOADER_LOADER = 1, LINK_LOADER_AGENT = 2 };

/**
 * Session block (reply to BEGIN), 24 bytes: reason[2] slot[1] 0[1] session[4] base[4] image_bytes[4]
 * resume_off[4] block_max[4]. reason is an enum fota_err; if it is not 0 the other fields are 0 and nothing
 * was erased. slot is 3 (SLOT_LOADER) for a loader statement: the image goes to RAM, FINISH installs it.
 *
 * Progress block (reply to BLOCK, FINISH, ACTIVATE, ABORT, RETRY), 12 bytes: reason[2] 0[2] accepted_off[4]
 * flashed_off[4]. accepted_off: next offset the slave wants. flashed_off: bytes that are in flash and were
 * read back. A BLOCK whose off is not accepted_off is not an error: it is ignored and the reply says where to
 * go on. A failure to write an earlier block is reported here, in the next reply.
 *
 * Info block (reply to INFO): loader[1] protocol[1] vendor_version[1] 0[1] chip_id[2] last_link_reason[2] and
 * then struct boot_info field by field, big-endian, in the order of boot_services.h (byte arrays as they
 * are).
 */
enum {
    LINK_VENDOR_VERSION = 2,
    LINK_SESSION_BLOCK_BYTES = 24,
    LINK_PROGRESS_BLOCK_BYTES = 12,
    LINK_HASH_BLOCK_BYTES = 32, /* reply to HASH; a progress block if there is a reason against it */
    LINK_INFO_BLOCK_BYTES = 8 + 108
};

/** What a reply's body is; NONE: a command of AN4286, which is answered by ACK or NACK. */
enum link_reply {
    LINK_REPLY_NONE,
#define LINK_ENUM_REPLY(id, n_bytes, name) LINK_REPLY_##id,
    LINK_REPLIES(LINK_ENUM_REPLY)
#undef LINK_ENUM_REPLY
};

/** In which states of the session a request is allowed. */
enum link_when {
#define LINK_ENUM_WHEN(id, text) LINK_WHEN_##id,
    LINK_WHENS(LINK_ENUM_WHEN)
#undef LINK_ENUM_WHEN
};

#endif
