/**
 * What every cmocka program about one site begins with: the site, made anew for each test, and releases for it.
 */
#ifndef SITE_TEST_H
#define SITE_TEST_H

#include "site.h"

enum { V2 = 0x02000000, V3 = 0x03000000, HOUR_MS = 3600000 };

/** Of the test that runs. */
extern struct site *site;

/** Set-up and tear-down of a test. */
int site_set_up(void **state);
int site_tear_down(void **state);

/** A release as its defaults are, signed with the keys of this site. */
struct test_spec site_spec(uint32_t version, uint32_t seq);

/** Nothing in the target's flash has changed: the old application runs and no sector was erased. */
bool site_is_untouched(void);

#endif
