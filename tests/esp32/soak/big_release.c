#include "big_release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "firmware.h"
#include "release/file.h"
#include "twin_board.h"

enum { VERSION_2 = 2 << 24, SEQ = 2 };

static void make_image(const struct image_signer *signer, unsigned slot, struct big_release *out)
{
    static uint8_t payload[FLASH_SLOT_BYTES - IMAGE_OVERHEAD_MAX_BYTES];
    uint8_t *code = NULL;
    size_t n_code = 0;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/app/demo-2.0.0-%c.bin", firmware_folder(), 'a' + (int)slot);
    if (file_read(path, sizeof payload, &code, &n_code, NULL) != FOTA_OK) {
        twin_board_die(path, "cannot be read; build the firmware first (make fw)");
    }
    twin_board_fill(payload, sizeof payload, slot + 1U);
    memcpy(payload, code, n_code);
    free(code);
    const struct image_spec spec = {.load_addr = twin_board_base((enum slot)slot),
                                    .version = {.major = 2},
                                    .security_counter = 1,
                                    .hw_id = BOARD_NAME,
                                    .run_flags = IMAGE_RUN_WATCHDOG};
    out->n_image[slot] = sizeof out->image[slot];
    if (image_build(&spec, payload, sizeof payload, signer, out->image[slot], &out->n_image[slot])) {
        twin_board_die("384 KB", "no image can be built");
    }
}

void big_release_make(struct test_key *image_key, struct test_key *channel_key, struct big_release *out)
{
    const struct image_signer signer = test_signer(image_key);
    const struct test_spec spec = test_spec(image_key, channel_key, VERSION_2, SEQ);
    const uint8_t *const image[2] = {out->image[0], out->image[1]};
    make_image(&signer, 0, out);
    make_image(&signer, 1, out);
    memset(&out->statements, 0, sizeof out->statements);
    out->statements.version = VERSION_2;
    test_release_state(&spec, image, out->n_image, &out->statements);
}

void big_release_publish(const struct big_release *release, const struct local_s3 *s3)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        local_s3_put(s3, release->statements.blob[slot], release->image[slot], release->n_image[slot]);
    }
    local_s3_put(s3, "v1/channels/demo/f407-disco/stable.fc", release->statements.channel,
                 release->statements.n_channel);
}
