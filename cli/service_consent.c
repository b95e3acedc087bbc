/* May the target restart? Hours are the core's (gateway_when.c); here is the command of `activate = ask`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service.h"

enum { ASK_EVERY_MS = 60000, ASK_MAX_S = 30, EXIT_NOT_RUN = 127 };

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs the command with FOTA_VERSION; it is ended after ASK_MAX_S. */
static enum gateway_consent ask(struct service *s, uint32_t version)
{
    char text[16];
    cli_version_text(version, text);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(ASK_MAX_S); /* survives exec: its signal ends a command that does not answer */
        if (setenv("FOTA_VERSION", text, 1) == 0) {
            (void)execl(s->config.ask, s->config.ask, (char *)NULL);
        }
        _exit(EXIT_NOT_RUN);
    }
    int code = child > 0 ? wait_for(child) : -1;
    if (code == 0 || code == 1) {
        service_say(&s->watch, SERVICE_NOTICE, "%s says %s to the restart into %s", s->config.ask,
                    code ? "no" : "yes", text);
        return code ? GATEWAY_CONSENT_NO : GATEWAY_CONSENT_NOW;
    }
    service_say(&s->watch, code == EXIT_NOT_RUN ? SERVICE_ERROR : SERVICE_INFO,
                code == EXIT_NOT_RUN ? "%s cannot be run: check the path and its mode; %s waits"
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
