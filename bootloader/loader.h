/**
 * The loader: a host on SPI1 updates the chip without an application (docs/spec/link.md).
 */
#ifndef BOOTLOADER_LOADER_H
#define BOOTLOADER_LOADER_H

#include <stdbool.h>

#include "base/attr.h"
#include "update/update.h"

enum { LOADER_WISH_MAX_MS = 10000 };

/**
 * Answer the host until it activates an image or sends Go; then the chip is reset and boots.
 *
 * @param is_wish  somebody asked for the loader although an image may be bootable: if no host talks within
 *                 LOADER_WISH_MAX_MS, or the one that did is gone (LINK_GONE_MS), the chip is
 *                 reset and boots as usual
 * Answers within 1 ms of the call. Feeds the watchdog, which may run since an earlier trial.
 */
FOTA_NORETURN void loader_run(struct update *update, bool is_wish);

#endif
