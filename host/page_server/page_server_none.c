/* Where libmicrohttpd was not found when this was built: the page is refused by name. */
#include "page_server/page_server.h"

#include <stdio.h>
#include <string.h>

bool page_server_is_built(void)
{
    return false;
}

enum fota_err page_server_start(struct page_server *s, const struct page_server_config *config)
{
    (void)config;
    memset(s, 0, sizeof *s);
    (void)snprintf(
        s->why, sizeof s->why,
        "this program was built without the local page: install libmicrohttpd-dev and build it again, or "
        "leave out --http and http");
    return E_UNSUPPORTED;
}

void page_server_show(struct page_server *s, const struct page_model *m)
{
    (void)s;
    (void)m;
}

struct page_wanted page_server_take(struct page_server *s)
{
    (void)s;
    return (struct page_wanted){.bundle = -1};
}

void page_server_stop(struct page_server *s)
{
    (void)s;
}
