/* Reports of the service: what is due is sent while the gateway rests. Nothing here can stop an update. */
#include <stdlib.h>

#include "service.h"

enum { TOTAL_MS = 20000, IDLE_MS = 10000 };

static void hear(void *ctx, const struct gateway_event *e)
{
    struct service *s = ctx;
    report_observe(&s->report, &s->gateway, e);
}

enum cli_exit service_report_open(struct service *s)
{
    const struct service_config *c = &s->config;
    if (!c->report_bucket) {
        return CLI_OK;
    }
    s->report_config = s->s3.config;
    s->report_config.bucket = c->report_bucket;
    s->report_config.limits.total_ms = TOTAL_MS;
    s->report_config.limits.idle_ms = IDLE_MS;
    (void)snprintf(s->report_path, sizeof s->report_path, "%s.reports", c->state);
    store_file_init(&s->report_store, s->report_path);
    const struct report_config config = {
        .identity = {.product = c->product, .hw = c->hw, .channel = c->channel, .device = c->name}};
    enum fota_err err = s3_init(&s->report_s3, s->s3.s3.http, &s->report_config);
    if (!err) {
        err = report_init(&s->report, &config, &s->report_s3, &s->report_store.store, &s->clock.clock);
    }
    if (err) {
        return cli_fail(s->cli, err, "[s3] report-bucket = %s cannot be used", c->report_bucket);
    }
    service_watch_add(&s->watch, hear, s);
    s->is_reporting = true;
    return CLI_OK;
}

/* Said when it changes, not at every poll. */
static void tell(struct service *s, enum fota_err err)
{
    if (err == s->report_told) {
        return;
    }
    s->report_told = err;
    if (err) {
        const struct s3_reply *reply = &s->report.reply;
        service_say(&s->watch, SERVICE_WARNING,
                    "reports wait: bucket %s answers %u%s%s (%s); updates go on without them",
                    s->report_config.bucket, reply->status, reply->code[0] != '\0' ? " " : "", reply->code,
                    fota_err_text(err));
    } else {
        service_say(&s->watch, SERVICE_INFO, "reports are written again");
    }
}

void service_report_send(struct service *s)
{
    const struct run_watch *w = &s->watch.sums;
    const bool is_cut_off = w->n_polls == 0 || (w->n_failed_in_row > 0 && w->failed_in == GATEWAY_POLL);
    if (!s->is_reporting || s->bundle || s->gateway.state != GATEWAY_WAIT || is_cut_off) {
        return;
    }
    s->report_config.key_id = s->s3.config.key_id; /* they may have been renewed */
    s->report_config.secret = s->s3.config.secret;
    s->report_config.token = s->s3.config.token;
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i <= REPORT_QUEUE_MAX && !err && !service_signals.stop && report_is_due(&s->report);
         i++) {
        err = report_send(&s->report, &s->gateway);
        service_stay_alive(s);
        tell(s, err);
    }
}

void service_report_close(struct service *s)
{
    if (s->is_reporting && report_save(&s->report) != FOTA_OK) {
        service_say(&s->watch, SERVICE_WARNING, "%s cannot be written: reports that wait are lost",
                    s->report_path);
    }
}
