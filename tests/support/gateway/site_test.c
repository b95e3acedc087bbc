#include "site_test.h"

#include <stdlib.h>

struct site *site;

int site_set_up(void **state)
{
    (void)state;
    site = malloc(sizeof *site);
    if (!site) {
        return -1;
    }
    site_init(site);
    return 0;
}

int site_tear_down(void **state)
{
    (void)state;
    free(site);
    site = NULL;
    return 0;
}

struct test_spec site_spec(uint32_t version, uint32_t seq)
{
    return test_spec(&site->release_key, &site->channel_key, version, seq);
}

bool site_is_untouched(void)
{
    return site->target.n_erases == 0 && site->target.running == SLOT_A &&
           site->target.running_version == 0x01000000;
}
