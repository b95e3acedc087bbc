/**
 * A new loader for a board, made from the firmware build with the development key, and the host that offers
 * it to the running application: BEGIN with its statement, blocks, FINISH, ACTIVATE.
 */
#ifndef LOADER_OFFER_H
#define LOADER_OFFER_H

#include <stdbool.h>

#include "link_client/link_client.h"
#include "release_maker.h"
#include "twin/twin.h"

/**
 * Sign the code of the build as `spec` says; code and key are filled in where they are missing. The loader of
 * the factory is 1.0.0.
 */
void loader_offer_make(const struct test_loader_spec *spec, struct test_loader *out);

/** The next version of `spec` whose file is not made of whole words: its last word has to be filled up. */
void loader_offer_make_odd(const struct test_loader_spec *spec, struct test_loader *out);

/**
 * BEGIN and blocks: only FINISH is missing.
 * @return FOTA_OK · as the link client
 */
FOTA_MUST_CHECK
enum fota_err loader_offer_send(struct link_client *c, const struct test_loader *loader,
                                struct link_session *session);

/**
 * All of it, with FINISH and ACTIVATE.
 * @return FOTA_OK · as the link client
 */
FOTA_MUST_CHECK
enum fota_err loader_offer_install(struct link_client *c, const struct test_loader *loader);

/** Sector 1 is this file, and blank after it. */
bool loader_offer_is_in_flash(const struct twin *t, const struct test_loader *loader);

#endif
