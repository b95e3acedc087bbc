/**
 * Staging store: where the gateway keeps an image while it arrives, and the images that it may need again.
 *
 * Implemented by port/posix (files), port/esp_idf (a flash partition), port/fake (memory, for tests). A gateway
 * without one works too: it reads each image twice. One struct is one store; one process has it open.
 *
 * A store has shelves. INCOMING takes the image that is being received; when all of its bytes are there, it can
 * be put on another shelf, where it stays until something else is put there. An item is named by its digest:
 * the SHA-256 that a signed statement says of the whole file. The store does not check it; who reads does.
 *
 * What holds through a kill of the process and through a power cut, whatever subset of the unsynced writes is
 * lost or torn (tests/contract/stage_contract.c):
 *   - the bytes of an item are always a whole beginning of what was appended, never anything else;
 *   - of INCOMING, at most the last STAGE_LOSS_MAX_BYTES that were appended are lost;
 *   - stage_begin, stage_keep and stage_drop happened or did not; an item with bytes missing from its middle, or
 *     under the digest of another, is never seen;
 *   - no call touches a shelf that it does not name, but stage_keep, which takes from INCOMING.
 */
#ifndef PORT_STAGE_H
#define PORT_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    STAGE_DIGEST_BYTES = 32,
    STAGE_NOTE_MAX_BYTES = 1536,
    STAGE_LOSS_MAX_BYTES = 4096 /* of INCOMING, in a kill or a power cut */
};

enum stage_shelf {
    STAGE_INCOMING,
    STAGE_SLOT_A, /* last confirmed image of slot A */
    STAGE_SLOT_B, /* last confirmed image of slot B */
    STAGE_KIT_ROOT, /* recovery kit: what ST's ROM can rebuild a board from; a store may do without these three */
    STAGE_KIT_LOADER,
    STAGE_KIT_IMAGE,
    STAGE_SHELVES
};

/** What is on a shelf. */
struct stage_item {
    uint8_t digest[STAGE_DIGEST_BYTES]; /* SHA-256 of the whole file by its statement; names the item */
    uint32_t total_bytes;               /* of the whole file, 1.. */
    uint32_t n_bytes;      /* bytes that are there, 0..total_bytes, from the first on without a gap */
    uint32_t n_note_bytes; /* 0..STAGE_NOTE_MAX_BYTES: the caller's own words about the item */
};

struct stage;

struct stage_ops {
    enum fota_err (*look)(struct stage *stage, enum stage_shelf shelf, struct stage_item *out);
    enum fota_err (*note)(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes, size_t n_bytes);
    enum fota_err (*begin)(struct stage *stage, const struct stage_item *item, const uint8_t *note);
    enum fota_err (*append)(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes);
    enum fota_err (*read)(struct stage *stage, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                          size_t n_bytes);
    enum fota_err (*keep)(struct stage *stage, enum stage_shelf shelf);
    enum fota_err (*drop)(struct stage *stage, enum stage_shelf shelf);
};

/** Embed as first member of the concrete store. */
struct stage {
    const struct stage_ops *ops;
};

/**
 * What is on a shelf? Under which digest, and how much of it.
 *
 * @return FOTA_OK · E_NOT_FOUND (empty) · E_ARG (no such shelf) · E_UNSUPPORTED (this store has no such shelf) ·
 * E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    return stage->ops->look(stage, shelf, out);
}

/**
 * Read the start of an item's note.
 *
 * @param n_bytes  0..n_note_bytes of the item
 * @return FOTA_OK · E_NOT_FOUND · E_ARG (no such shelf, longer than the note) · E_UNSUPPORTED · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_note(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes,
                                       size_t n_bytes)
{
    return stage->ops->note(stage, shelf, bytes, n_bytes);
}

/**
 * Begin an item on INCOMING, or go on with it: if INCOMING holds an item of the same digest and size, its bytes
 * stay and only the note is replaced. Anything else there is dropped. Durable on return.
 *
 * @param item  digest, total_bytes and n_note_bytes count; n_bytes does not
 * @param note  n_note_bytes; NULL if that is 0
 * Power cut:  INCOMING is as before, empty, or as asked for; bytes that were to stay do.
 * @return FOTA_OK · E_ARG (size 0, note too long) · E_NO_SPACE (larger than a shelf can be) · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_begin(struct stage *stage, const struct stage_item *item,
                                        const uint8_t *note)
{
    return stage->ops->begin(stage, item, note);
}

/**
 * The next bytes of INCOMING. Any number at a time.
 *
 * @param off  must be what stage_look says of n_bytes
 * Power cut:  at most STAGE_LOSS_MAX_BYTES of all that was appended are lost, from the end.
 * @return FOTA_OK · E_NOT_FOUND (nothing was begun) · E_ARG (gap, overlap, or beyond total_bytes: nothing was
 * taken) · E_IO · E_NO_SPACE (the medium is full). After a failure stage_look says what is there.
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_append(struct stage *stage, uint32_t off, const uint8_t *bytes,
                                         size_t n_bytes)
{
    return stage->ops->append(stage, off, bytes, n_bytes);
}

/**
 * Read bytes of an item, also while it arrives. What was just appended reads back.
 *
 * @return FOTA_OK · E_NOT_FOUND · E_ARG (beyond n_bytes: nothing was read) · E_UNSUPPORTED · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_read(struct stage *stage, enum stage_shelf shelf, uint32_t off,
                                       uint8_t *bytes, size_t n_bytes)
{
    return stage->ops->read(stage, shelf, off, bytes, n_bytes);
}

/**
 * Put the complete item of INCOMING on a shelf, with its note; what was there is dropped, INCOMING is empty.
 * Durable on return.
 *
 * @param shelf  not INCOMING
 * Power cut:  the shelf holds the old item or the new one, whole; INCOMING holds the new one if the shelf does
 * not.
 * @return FOTA_OK · E_NOT_FOUND (INCOMING is empty) · E_STATE (bytes are missing) · E_ARG · E_UNSUPPORTED · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_keep(struct stage *stage, enum stage_shelf shelf)
{
    return stage->ops->keep(stage, shelf);
}

/**
 * Empty a shelf. An empty one stays empty. Durable on return.
 *
 * Power cut:  the shelf is as before, or empty.
 * @return FOTA_OK · E_ARG · E_UNSUPPORTED · E_IO
 */
FOTA_MUST_CHECK
static inline enum fota_err stage_drop(struct stage *stage, enum stage_shelf shelf)
{
    return stage->ops->drop(stage, shelf);
}

#endif
