#include "format/channel_statement.h"

#include <string.h>

#include "format/statement_write.h"
#include "statement_time.h"
#include "statement_value.h"

enum { POLL_MIN_S = 30, POLL_MAX_S = 604800, PERCENT_MAX = 100, TIME_CHARS = 20 };

static const char CHANNEL_KEYS[] = "2fota-channel\0product\0hw\0channel\0seq\0issued\0expires\0root\0"
                                   "rollout\0halt\0retry\0loader\0poll\0release-sha256\0";

enum fota_err channel_parse(const uint8_t *text, size_t n_bytes, struct statement *out,
                            struct statement_span *release)
{
    enum fota_err err = statement_parse(CHANNEL_KEYS, text, n_bytes, out);
    if (err) {
        return err;
    }
    if (out->n_bytes + 1 >= n_bytes || text[out->n_bytes] != '\n') {
        return E_STATEMENT_SYNTAX;
    }
    const size_t n_release = n_bytes - out->n_bytes - 1;
    if (n_release > STATEMENT_RELEASE_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    release->at = (const char *)text + out->n_bytes + 1;
    release->n_bytes = n_release;
    return FOTA_OK;
}

enum fota_err statement_time(const struct statement_span *value, uint64_t *out_s)
{
    static const char shape[] = "nnnn-nn-nnTnn:nn:nnZ";
    static const uint8_t start[6] = {0, 5, 8, 11, 14, 17};
    uint32_t part[6];
    if (value->n_bytes != TIME_CHARS) {
        return E_STATEMENT_SYNTAX;
    }
    for (size_t i = 0; i < TIME_CHARS; i++) {
        if (shape[i] != 'n' && value->at[i] != shape[i]) {
            return E_STATEMENT_SYNTAX;
        }
    }
    for (size_t i = 0; i < 6; i++) {
        const struct statement_span digits = {value->at + start[i], i == 0 ? 4 : 2};
        if (statement_digits(&digits, &part[i]) != FOTA_OK) {
            return E_STATEMENT_SYNTAX;
        }
    }
    const struct statement_date date = {part[0], part[1], part[2], part[3] * 3600 + part[4] * 60 + part[5]};
    if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > statement_month_days(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 59) {
        return E_STATEMENT_SYNTAX;
    }
    *out_s = (uint64_t)statement_days_of(&date) * 86400 + date.second;
    return FOTA_OK;
}

/* The piece of `rest` up to `stop` (or its end), which must begin with `prefix`; moves `rest` after it. */
static struct statement_span take(struct statement_span *rest, const char *prefix, char stop)
{
    struct statement_span piece = {rest->at, 0};
    const size_t n_prefix = strlen(prefix);
    if (rest->n_bytes <= n_prefix || memcmp(rest->at, prefix, n_prefix) != 0) {
        return piece;
    }
    piece.at = rest->at + n_prefix;
    while (n_prefix + piece.n_bytes < rest->n_bytes && piece.at[piece.n_bytes] != stop) {
        piece.n_bytes++;
    }
    const size_t n_taken = n_prefix + piece.n_bytes + (n_prefix + piece.n_bytes < rest->n_bytes ? 1u : 0u);
    rest->at += n_taken;
    rest->n_bytes -= n_taken;
    return piece;
}

/* `start:<time>,ramp:<seconds>,max:<percent>%` */
static enum fota_err read_rollout(const struct statement_span *value, struct channel *c)
{
    struct statement_span rest = *value;
    const struct statement_span start = take(&rest, "start:", ',');
    const struct statement_span ramp = take(&rest, "ramp:", ',');
    const struct statement_span max = take(&rest, "max:", '%');
    uint32_t percent = 0;
    if (start.n_bytes == 0 || ramp.n_bytes == 0 || max.n_bytes == 0 || rest.n_bytes != 0 ||
        value->at[value->n_bytes - 1] != '%' || statement_time(&start, &c->rollout_start_s) != FOTA_OK ||
        statement_u32(&ramp, &c->rollout_ramp_s) != FOTA_OK || statement_u32(&max, &percent) != FOTA_OK ||
        percent > PERCENT_MAX) {
        return E_STATEMENT_SYNTAX;
    }
    c->rollout_max_pct = (uint8_t)percent;
    return FOTA_OK;
}

static bool is_sound(const struct channel *c)
{
    return statement_is_name(&c->product, STATEMENT_NAME_MAX_BYTES) &&
           statement_is_name(&c->hw, RELEASE_HW_MAX_BYTES) &&
           statement_is_name(&c->name, STATEMENT_NAME_MAX_BYTES) && c->issued_s <= c->expires_s &&
           c->expires_s <= STATEMENT_TIME_MAX_S && c->rollout_start_s <= STATEMENT_TIME_MAX_S &&
           c->rollout_max_pct <= PERCENT_MAX && c->poll_s >= POLL_MIN_S && c->poll_s <= POLL_MAX_S;
}

enum fota_err channel_read(const struct statement *s, struct channel *out)
{
    const struct statement_span *f = s->field;
    out->product = f[CHANNEL_PRODUCT];
    out->hw = f[CHANNEL_HW];
    out->name = f[CHANNEL_NAME];
    out->has_loader = !statement_is(&f[CHANNEL_LOADER], "-");
    if (out->has_loader &&
        statement_hex(&f[CHANNEL_LOADER], out->loader_sha256, sizeof out->loader_sha256) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    out->is_halted = statement_is(&f[CHANNEL_HALT], "1");
    if ((!out->is_halted && !statement_is(&f[CHANNEL_HALT], "0")) ||
        statement_u32(&f[CHANNEL_SEQ], &out->seq) != FOTA_OK ||
        statement_time(&f[CHANNEL_ISSUED], &out->issued_s) != FOTA_OK ||
        statement_time(&f[CHANNEL_EXPIRES], &out->expires_s) != FOTA_OK ||
        statement_u32(&f[CHANNEL_ROOT], &out->root) != FOTA_OK ||
        read_rollout(&f[CHANNEL_ROLLOUT], out) != FOTA_OK ||
        statement_u32(&f[CHANNEL_RETRY], &out->retry) != FOTA_OK ||
        statement_u32(&f[CHANNEL_POLL], &out->poll_s) != FOTA_OK ||
        statement_hex(&f[CHANNEL_RELEASE_SHA256], out->release_sha256, sizeof out->release_sha256) !=
            FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    return is_sound(out) ? FOTA_OK : E_STATEMENT_SYNTAX;
}

enum fota_err channel_print(const struct channel *c, char *out, size_t *n_bytes)
{
    if (!is_sound(c)) {
        return E_ARG;
    }
    struct statement_text t = {out, STATEMENT_MAX_BYTES, 0, false};
    statement_put_string(&t, "fota-channel=2\n");
    statement_put_span(&t, "product=", &c->product);
    statement_put_span(&t, "hw=", &c->hw);
    statement_put_span(&t, "channel=", &c->name);
    statement_put_string(&t, "seq=");
    statement_put_u32(&t, c->seq);
    statement_put_string(&t, "\nissued=");
    statement_put_time(&t, c->issued_s);
    statement_put_string(&t, "\nexpires=");
    statement_put_time(&t, c->expires_s);
    statement_put_string(&t, "\nroot=");
    statement_put_u32(&t, c->root);
    statement_put_string(&t, "\nrollout=start:");
    statement_put_time(&t, c->rollout_start_s);
    statement_put_string(&t, ",ramp:");
    statement_put_u32(&t, c->rollout_ramp_s);
    statement_put_string(&t, ",max:");
    statement_put_u32(&t, c->rollout_max_pct);
    statement_put_string(&t, c->is_halted ? "%\nhalt=1\nretry=" : "%\nhalt=0\nretry=");
    statement_put_u32(&t, c->retry);
    statement_put_string(&t, "\nloader=");
    if (c->has_loader) {
        statement_put_hex(&t, c->loader_sha256, sizeof c->loader_sha256);
    } else {
        statement_put_string(&t, "-");
    }
    statement_put_string(&t, "\npoll=");
    statement_put_u32(&t, c->poll_s);
    statement_put_string(&t, "\nrelease-sha256=");
    statement_put_hex(&t, c->release_sha256, sizeof c->release_sha256);
    statement_put_string(&t, "\n");
    if (t.is_full) {
        return E_STATEMENT_SIZE;
    }
    *n_bytes = t.n_bytes;
    return FOTA_OK;
}
