/* Words and lines of reports. Pure. */
#include "format/statement_write.h"
#include "report/report.h"

const char *report_kind_name(uint32_t kind)
{
    static const char *const names[] = {
#define NAME(name, word) word,
        REPORT_KIND_LIST(NAME)
#undef NAME
    };
    return kind < REPORT_KINDS ? names[kind] : "?";
}

const char *report_reason(enum fota_err reason)
{
    /* One by one, else by the module that is the high byte of the number. */
    static const struct {
        uint16_t reason;
        const char *word;
    } words[] = {
        {FOTA_OK, "none"},
        {E_TIMEOUT, "timeout"},
        {E_NET_DNS, "dns"},
        {E_NET_TLS, "tls"},
        {E_NET_CUT, "short-read"},
        {E_HTTP_LENGTH, "short-read"},
        {E_S3_CLOCK, "clock"},
        {E_S3_CREDENTIALS, "auth"},
        {E_S3_NO_KEY, "missing"},
        {E_S3_NO_BUCKET, "missing"},
        {E_S3_THROTTLED, "throttled"},
        {E_S3_PRECONDITION, "changed"},
        {E_S3_REGION, "region"},
        {E_UPDATE_DAMAGED, "damaged"},
        {E_STATEMENT_KEY, "bad-signature"},
        {E_STATEMENT_SIGNATURE, "bad-signature"},
        {E_IMAGE_KEY, "bad-signature"},
        {E_IMAGE_SIGNATURE, "bad-signature"},
        {E_IMAGE_UNSIGNED, "bad-signature"},
        {E_IMAGE_REVOKED, "bad-signature"},
        {E_STATEMENT_EXPIRED, "expired"},
        {E_STATEMENT_HALTED, "halted"},
        {E_STATEMENT_ROLLOUT, "rollout"},
        {E_STATEMENT_PRECURSOR, "precursor"},
        {E_STATEMENT_REPLAY, "downgrade"},
        {E_STATEMENT_COUNTER, "downgrade"},
        {E_IMAGE_COUNTER, "downgrade"},
        {E_STATEMENT_PRODUCT, "wrong-hw"},
        {E_IMAGE_HARDWARE, "wrong-hw"},
        {E_IMAGE_HASH, "hash"},
        {E_UPDATE_DIGEST, "hash"},
        {E_UPDATE_BUSY, "user"},
        {E_UPDATE_WINDOW, "window"},
        {E_UPDATE_GAVE_UP, "gave-up"},
        {E_SLOT_REJECTED, "rejected"},
        {E_SLOT_TRIALS_SPENT, "boot-timeout"},
        {E_SLOT_STARTS_SPENT, "boot-timeout"},
        {E_SLOT_CRASH_LOOP, "watchdog"},
    };
    static const char *const modules[] = {"internal", "flash", "image", "statement", "journal",
                                          "slot",     "spi",   "key",   "storage",   "network"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].reason == (uint16_t)reason) {
            return words[i].word;
        }
    }
    const unsigned module = (unsigned)reason >> 8;
    return module < sizeof modules / sizeof modules[0] ? modules[module] : "other";
}

static void put_text(struct statement_text *t, const char *key, const char *value)
{
    statement_put_string(t, key);
    statement_put_string(t, "=");
    statement_put_string(t, value);
    statement_put_string(t, "\n");
}

static void put_number(struct statement_text *t, const char *key, uint32_t value)
{
    statement_put_string(t, key);
    statement_put_string(t, "=");
    statement_put_u32(t, value);
    statement_put_string(t, "\n");
}

static void put_version(struct statement_text *t, const char *key, uint32_t version)
{
    if (version != 0) {
        statement_put_string(t, key);
        statement_put_string(t, "=");
        statement_put_version(t, version);
        statement_put_string(t, "\n");
    }
}

static void put_hex(struct statement_text *t, const char *key, const uint8_t *bytes, size_t n_bytes)
{
    statement_put_string(t, key);
    statement_put_string(t, "=");
    statement_put_hex(t, bytes, n_bytes);
    statement_put_string(t, "\n");
}

static void put_running(struct statement_text *t, const struct report_entry *e)
{
    put_version(t, "running", e->running);
    put_text(t, "slot", e->slot == SLOT_A ? "a" : e->slot == SLOT_B ? "b" : "none");
    if (e->running != 0) {
        put_hex(t, "running-hash", e->hash, sizeof e->hash);
    }
}

size_t report_text(const struct report *r, const struct report_entry *e, bool is_event, uint64_t now_ms,
                   char out[REPORT_BODY_MAX_BYTES + 1])
{
    struct statement_text t = {.at = out, .cap_bytes = REPORT_BODY_MAX_BYTES};
    const uint8_t code[] = {(uint8_t)(e->reason >> 8), (uint8_t)e->reason};
    const uint64_t uptime_s = (now_ms - r->start_ms) / 1000U;
    put_text(&t, "fota-report", "1");
    put_text(&t, "device", r->config.identity.device);
    put_text(&t, "product", r->config.identity.product);
    put_text(&t, "hw", r->config.identity.hw);
    put_text(&t, "channel", r->config.identity.channel);
    put_number(&t, "n", e->n);
    if (e->time_s != 0) {
        statement_put_string(&t, "time=");
        statement_put_time(&t, e->time_s);
        statement_put_string(&t, "\n");
    }
    put_text(&t, is_event ? "event" : "state", report_kind_name(e->kind));
    put_text(&t, "reason", report_reason((enum fota_err)e->reason));
    put_hex(&t, "code", code, sizeof code);
    put_number(&t, "seq", e->seq);
    put_version(&t, "version", e->version);
    put_running(&t, e);
    if (e->total != 0) {
        put_number(&t, "done", e->done);
        put_number(&t, "total", e->total);
    }
    put_number(&t, "attempts", e->attempts);
    put_number(&t, "uptime", uptime_s > UINT32_MAX ? UINT32_MAX : (uint32_t)uptime_s);
    put_number(&t, "dropped", r->n_dropped);
    out[t.n_bytes] = '\0';
    return t.is_full ? 0 : t.n_bytes;
}
