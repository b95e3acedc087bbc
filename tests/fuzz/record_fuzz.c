/* The gateway's state file: two cells with any bytes. First byte: bit n mends magic and CRC of cell n, so that what is
 * inside is looked at. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "fuzz.h"
#include "gateway/gateway_offer.h"
#include "gateway/gateway_record.h"
#include "model.h"

const char *const device_name = "record";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

struct cells {
    struct store store; /* first member */
    uint8_t cell[STORE_CELLS][STORE_CELL_BYTES];
};

static enum fota_err load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    memcpy(bytes, ((struct cells *)store)->cell[cell], n_bytes);
    return FOTA_OK;
}

static enum fota_err save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    memcpy(((struct cells *)store)->cell[cell], bytes, n_bytes);
    return FOTA_OK;
}

static const struct store_ops store_ops = {.load = load, .save = save};

/* The magic is whatever a saved record begins with. */
static void mend(uint8_t cell[STORE_CELL_BYTES])
{
    static uint8_t magic[4];
    if (magic[0] == 0) {
        static struct cells fresh = {.store = {.ops = &store_ops}};
        static uint8_t scratch[STORE_CELL_BYTES];
        static struct gateway_record empty;
        gateway_record_init(&empty);
        if (gateway_record_save(&fresh.store, scratch, &empty) != FOTA_OK) {
            fuzz_fail("an empty record cannot be saved");
        }
        memcpy(magic, fresh.cell[empty.generation % STORE_CELLS], sizeof magic);
    }
    memcpy(cell, magic, sizeof magic);
    bytes_store_le32(cell + GATEWAY_RECORD_BYTES - 4, crc32_update(0, cell, GATEWAY_RECORD_BYTES - 4));
}

static void check_range(const struct gateway_record *r)
{
    if (r->n_channel_bytes > sizeof r->channel || r->rejected_next >= GATEWAY_REJECTED_MAX ||
        !memchr(r->etag, '\0', sizeof r->etag)) {
        fuzz_fail("a loaded record has a field out of range");
    }
}

/* What the gateway does with a record that it loaded. */
static void use(struct gateway_record *r)
{
    const struct gateway_keys keys = {.channel = {model_points[0]},
                                      .release = {model_points[0], model_points[1]}};
    const struct gateway_identity identity = {
        .product = "demo", .hw = "f407-disco", .channel = "stable", .device = "fuzz"};
    struct gateway_offer offer;
    uint8_t images[CRYPTO_SHA256_BYTES] = {1};
    if (gateway_offer_read(r->channel, r->n_channel_bytes, &keys, &identity, &offer) == FOTA_OK) {
        memcpy(images, offer.images, sizeof images);
    }
    gateway_record_reject(r, images, E_IMAGE_HASH, 1);
    if (!gateway_record_rejected(r, images)) {
        fuzz_fail("a rejection is not remembered");
    }
}

/* Saved and loaded again it is the same. */
static void check_again(struct store *store, struct gateway_record *r, struct gateway_record *again)
{
    uint8_t scratch[STORE_CELL_BYTES];
    if (gateway_record_save(store, scratch, r) != FOTA_OK ||
        gateway_record_load(store, scratch, again) != FOTA_OK) {
        fuzz_fail("a record that was loaded cannot be saved and loaded again");
    }
    check_range(again);
    if (again->channel_seq != r->channel_seq || again->generation != r->generation ||
        memcmp(again->rejected, r->rejected, sizeof r->rejected) != 0) {
        fuzz_fail("a record changes when it is saved");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static struct cells cells;
    uint8_t scratch[STORE_CELL_BYTES];
    /* On the heap, each for itself: one byte too far is seen. */
    struct gateway_record *r = calloc(1, sizeof *r);
    struct gateway_record *again = calloc(1, sizeof *again);
    if (!r || !again) {
        abort();
    }
    memset(&cells, 0, sizeof cells);
    cells.store.ops = &store_ops;
    for (unsigned cell = 0; cell < STORE_CELLS && n_bytes > 1; cell++) {
        size_t from = 1 + cell * GATEWAY_RECORD_BYTES;
        size_t n = from < n_bytes ? n_bytes - from : 0;
        n = n < GATEWAY_RECORD_BYTES ? n : GATEWAY_RECORD_BYTES;
        memcpy(cells.cell[cell], bytes + from, n);
        if (bytes[0] & 1U << cell) {
            mend(cells.cell[cell]);
        }
    }
    if (gateway_record_load(&cells.store, scratch, r) == FOTA_OK) {
        check_range(r);
        use(r);
        check_again(&cells.store, r, again);
    }
    free(r);
    free(again);
    return 0;
}
