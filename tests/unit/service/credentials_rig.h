/* What the tests of credentials share: an empty home with an empty environment, and servers that answer from a table. */
#ifndef CREDENTIALS_RIG_H
#define CREDENTIALS_RIG_H

#include <stddef.h>

#include "service/credentials.h"

enum {
    RIG_ANSWERS = 8,
    RIG_SEEN = 8,
    RIG_HEADERS_BYTES = 10240,
    RIG_BODY_BYTES = 32768,
    RIG_NOW_S = 1795942800
};

/* What is answered to a URL; status 0 is 200. The first that fits and was not used up. */
struct rig_answer {
    const char *url, *needs_header, *body;
    unsigned status;
    unsigned times; /* 0: always */
};

/* A request as it came. `headers`: `name: value` lines. */
struct rig_seen {
    enum http_verb method;
    char url[512];
    char headers[RIG_HEADERS_BYTES];
    char body[RIG_BODY_BYTES];
};

struct rig {
    char home[64];
    char why[SERVICE_WHY_BYTES];
    struct service_credentials found;
    struct rig_answer answers[RIG_ANSWERS];
    struct rig_seen seen[RIG_SEEN];
    unsigned n_requests;
    struct http http;
};

extern struct rig rig;

int rig_set_up(void **state);
int rig_tear_down(void **state);
/* A file below the home; its folders are made. */
void rig_write(const char *name, const char *text);
/* A variable of the environment; NULL: not set. */
void rig_set(const char *name, const char *value);
/* Search with both transports, or with none, in 2026. */
enum fota_err rig_look(const char *profile);
enum fota_err rig_look_offline(const char *profile);

#endif
