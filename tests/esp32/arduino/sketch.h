/** The settings at the top of both sketches: a test takes the place of whoever fills them in. */
#ifndef SKETCH_H
#define SKETCH_H

#include <stdbool.h>

#include "core.h"
#include "desk.h"

extern const char *WIFI_NAME, *WIFI_PASSWORD, *ENDPOINT, *REGION, *BUCKET, *ROOT_CA, *PRODUCT, *HARDWARE,
    *IMAGE_KEY, *CHANNEL_KEY;
extern bool BUCKET_IS_IN_PATH;

static inline void sketch_fill_in(const struct desk *desk)
{
    WIFI_NAME = "home";
    WIFI_PASSWORD = "password";
    ENDPOINT = desk->s3.url;
    BUCKET = "releases";
    BUCKET_IS_IN_PATH = true;
    IMAGE_KEY = desk->image_pem;
    CHANNEL_KEY = desk->channel_pem;
}

#endif
