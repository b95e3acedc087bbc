#include "loader_offer.h"

#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "firmware.h"
#include "twin_board.h"

enum { TRIES_OF_ODD = 64 };

void loader_offer_make(const struct test_loader_spec *spec, struct test_loader *out)
{
    static uint8_t code[FIRMWARE_ROOT_MAX_BYTES];
    struct test_loader_spec whole = *spec;
    whole.payload = code;
    whole.payload_bytes = firmware_read_loader(code);
    if (!whole.key) {
        whole.key = demo_image_key();
    }
    test_loader_make(&whole, out);
}

void loader_offer_make_odd(const struct test_loader_spec *spec, struct test_loader *out)
{
    struct test_loader_spec next = *spec;
    for (unsigned i = 0; i < TRIES_OF_ODD; i++, next.version++) { /* a DER signature has 70 to 72 bytes */
        loader_offer_make(&next, out);
        if (out->n_image % 4 != 0) {
            return;
        }
    }
    abort();
}

enum fota_err loader_offer_send(struct link_client *c, const struct test_loader *loader,
                                struct link_session *session)
{
    enum fota_err err =
        link_client_begin(c, (const uint8_t *)loader->statement, (uint32_t)loader->n_statement, session);
    return err ? err : host_stream(c, session, loader->image);
}

enum fota_err loader_offer_install(struct link_client *c, const struct test_loader *loader)
{
    struct link_session session;
    struct link_progress progress;
    enum fota_err err = loader_offer_send(c, loader, &session);
    err = err ? err : link_client_finish(c, session.session_id, &progress);
    return err ? err : link_client_activate(c, session.session_id, &progress);
}

bool loader_offer_is_in_flash(const struct twin *t, const struct test_loader *loader)
{
    static uint8_t now[FLASH_LOADER_BYTES], wanted[FLASH_LOADER_BYTES];
    memset(wanted, 0xFF, sizeof wanted);
    memcpy(wanted, loader->image, loader->n_image);
    return twin_peek(t, FLASH_LOADER_BASE, now, sizeof now) && memcmp(now, wanted, sizeof now) == 0;
}
