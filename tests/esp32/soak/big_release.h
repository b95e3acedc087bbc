/** Release 2.0.0 of the demo with images of 384 KB: the program, and bytes without a pattern after it. */
#ifndef ESP32_BIG_RELEASE_H
#define ESP32_BIG_RELEASE_H

#include "local_s3.h"
#include "release_maker.h"

struct big_release {
    struct test_release statements; /* its images are the next ones */
    uint32_t n_image[2];
    uint8_t image[2][FLASH_SLOT_BYTES];
};

/** Ends the program if the firmware was not built. */
void big_release_make(struct test_key *image_key, struct test_key *channel_key, struct big_release *out);

/** Into the store and the channel. */
void big_release_publish(const struct big_release *release, const struct local_s3 *s3);

#endif
