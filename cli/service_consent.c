/* May the target restart? Hours are the core's (gateway_when.c); here is the command of `activate = ask`. */
#include <stddef.h>

#include "service.h"
#include "service/process.h"

enum { ASK_EVERY_MS = 60000 };

static enum gateway_consent ask(struct service *s, uint32_t version)
{
    char text[16];
    cli_version_text(version, text);
    int code = service_process_run(s->config.ask, "FOTA_VERSION", text);
    if (code == 0 || code == 1) {
        service_say(&s->watch, SERVICE_NOTICE, "%s says %s to the restart into %s", s->config.ask,
                    code ? "no" : "yes", text);
        return code ? GATEWAY_CONSENT_NO : GATEWAY_CONSENT_NOW;
    }
    service_say(&s->watch, code == SERVICE_NOT_RUN ? SERVICE_ERROR : SERVICE_INFO,
                code == SERVICE_NOT_RUN ? "%s cannot be run: check the path and its mode; %s waits"
                                        : "%s says later to the restart into %s",
                s->config.ask, text);
    return GATEWAY_CONSENT_LATER;
}

enum gateway_consent service_may_activate(void *ctx, uint32_t version)
{
    struct service_watch *watch = ctx; /* the observer has one context */
    struct service *s = (struct service *)(void *)((char *)watch - offsetof(struct service, watch));
    const struct service_config *c = &s->config;
    if (c->activate != SERVICE_ACTIVATE_ASK) {
        return GATEWAY_CONSENT_NOW;
    }
    uint64_t now = clock_now_ms(&s->clock.clock);
    if (s->asked_ms == 0 || now - s->asked_ms >= ASK_EVERY_MS) {
        s->asked_ms = now;
        s->asked = ask(s, version);
    }
    return s->asked;
}
