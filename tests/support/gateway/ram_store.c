#include "ram_store.h"

#include <string.h>

static enum fota_err load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    const struct ram_store *s = (const struct ram_store *)store;
    if (!s->has_cell[cell]) {
        return E_NOT_FOUND;
    }
    memcpy(bytes, s->cell[cell], n_bytes);
    return FOTA_OK;
}

static enum fota_err save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    struct ram_store *s = (struct ram_store *)store;
    bool is_torn = ++s->n_saves == s->cut_at_save;
    s->has_cell[cell] = true;
    memcpy(s->cell[cell], bytes, is_torn ? n_bytes / 2 : n_bytes);
    return is_torn ? E_IO : FOTA_OK;
}

void ram_store_init(struct ram_store *s)
{
    static const struct store_ops store_ops = {.load = load, .save = save};
    *s = (struct ram_store){.store.ops = &store_ops};
}
