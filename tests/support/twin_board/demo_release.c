/* Releases of the demo application, signed with the development keys of the build, and a host that installs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware.h"
#include "release/file.h"
#include "twin_board.h"

enum { BLOCKS_MAX = 4000 };

struct test_key *demo_image_key(void)
{
    static struct test_key image_key;
    static bool is_read;
    if (!is_read) {
        struct key key;
        firmware_read_key(&key);
        memcpy(image_key.secret, key.secret, sizeof image_key.secret);
        memcpy(image_key.point, key.point, sizeof image_key.point);
        key_forget(&key);
        is_read = true;
    }
    return &image_key;
}

struct test_key *demo_channel_key(void)
{
    static struct test_key channel_key;
    test_key_make(&channel_key, 2);
    return &channel_key;
}

static void make(unsigned major, struct test_release *out)
{
    const unsigned program = major == DEMO_REBUILT ? 2 : major;
    uint8_t *payload[2];
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), major << 24, major);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        size_t n_bytes;
        (void)snprintf(path, sizeof path, "%s/app/demo-%u.0.0-%c.bin", firmware_folder(), program,
                       slot ? 'b' : 'a');
        if (file_read(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes, NULL) != FOTA_OK) {
            twin_board_die(path, "cannot be read; build the firmware first (make fw)");
        }
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes;
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

const struct test_release *demo_release(unsigned major)
{
    static struct test_release release[DEMO_REBUILT];
    struct test_release *r = &release[major - 1];
    if (r->n_statement == 0) {
        make(major, r);
    }
    return r;
}

/* --- a host ------------------------------------------------------------------------------------------ */

enum fota_err host_stream(struct link_client *c, const struct link_session *session, const uint8_t *image)
{
    uint32_t off = session->resume_off;
    for (unsigned i = 0; i < BLOCKS_MAX && off < session->image_bytes; i++) {
        struct link_progress progress;
        uint32_t left = session->image_bytes - off;
        uint32_t n = left < session->block_max_bytes ? left : session->block_max_bytes;
        enum fota_err err = link_client_block(c, session->session_id, off, image + off, n, &progress);
        if (err) {
            return err;
        }
        off = progress.accepted_off;
    }
    return off >= session->image_bytes ? FOTA_OK : E_TIMEOUT;
}

enum fota_err host_install(struct link_io *io, const struct test_release *release)
{
    struct link_client c;
    struct link_peer peer;
    struct link_session session;
    struct link_progress progress;
    link_client_init(&c, io, NULL);
    enum fota_err err = link_client_detect(&c, &peer);
    if (err == FOTA_OK) {
        err = link_client_begin(&c, (const uint8_t *)release->statement, (uint32_t)release->n_statement,
                                &session);
    }
    if (err == FOTA_OK) {
        err = host_stream(&c, &session, release->image[session.slot]);
    }
    if (err == FOTA_OK) {
        err = link_client_finish(&c, session.session_id, &progress);
    }
    return err ? err : link_client_activate(&c, session.session_id, &progress);
}
