#include "idf_say.h"

#include <inttypes.h>
#include <stdio.h>

enum { VERSION_BYTES = 16, SECTOR_BYTES = 4096, MS_PER_S = 1000 };

static const char *version_text(uint32_t version, char out[VERSION_BYTES])
{
    (void)snprintf(out, VERSION_BYTES, "%u.%u.%u", (unsigned)(version >> 24),
                   (unsigned)(version >> 16 & 0xFFU), (unsigned)(version & 0xFFFFU));
    return out;
}

static char slot_letter(const struct gateway_event *e)
{
    return e->slot == SLOT_LOADER ? 'L' : e->slot == SLOT_B ? 'B' : 'A';
}

/* The steps of an update. */
static void say_update(const struct idf_log *log, const struct gateway_event *e)
{
    char v[VERSION_BYTES];
    (void)version_text(e->version, v);
    switch (e->kind) {
    case GATEWAY_EVENT_OFFER:
        idf_log(log, 'I', "will install %s into slot %c, %" PRIu32 " bytes", v, slot_letter(e), e->total);
        break;
    case GATEWAY_EVENT_CHECKED:
        idf_log(log, 'I', "the image of %s is right: hash, signature, slot, hardware, counter", v);
        break;
    case GATEWAY_EVENT_BEGUN:
        idf_log(log, 'I', "the target opened slot %c, at %" PRIu32 " of %" PRIu32 " bytes", slot_letter(e),
                e->done, e->total);
        break;
    case GATEWAY_EVENT_VERIFIED:
        idf_log(log, 'I', "the target verified %s in its flash", v);
        break;
    case GATEWAY_EVENT_ACTIVATED:
        idf_log(log, 'I', "the target restarts into %s for a trial", v);
        break;
    case GATEWAY_EVENT_CONFIRMED:
        idf_log(log, 'I', "%s is confirmed", v);
        break;
    case GATEWAY_EVENT_ROLLED_BACK:
        idf_log(log, 'W', "%s was rejected, the image before it runs again: %s", v, fota_err_text(e->reason));
        break;
    default:
        break;
    }
}

void idf_say_event(const struct idf_log *log, const struct gateway_event *e)
{
    char v[VERSION_BYTES];
    switch (e->kind) {
    case GATEWAY_EVENT_NOTHING:
        if (e->reason) {
            idf_log(log, 'I', "leaves %s alone: %s", version_text(e->version, v), fota_err_text(e->reason));
        }
        break;
    case GATEWAY_EVENT_REFUSED:
        idf_log(log, 'E', "%s is refused: %s", version_text(e->version, v), fota_err_text(e->reason));
        break;
    case GATEWAY_EVENT_FAILED:
        idf_log(log, 'W', "%s: %s (HTTP status %u); next try in %" PRIu32 " s", gateway_state_name(e->state),
                fota_err_text(e->reason), (unsigned)e->status, e->done / MS_PER_S);
        break;
    case GATEWAY_EVENT_LADDER:
        idf_log(log, 'W', "the target is silent; rung %" PRIu32 ": %s", e->done, fota_err_text(e->reason));
        break;
    case GATEWAY_EVENT_STORE:
        idf_log(log, 'W', "record or staging partition: %s", fota_err_text(e->reason));
        break;
    case GATEWAY_EVENT_DAMAGED:
        idf_log(log, 'W', "%" PRIu32 " of %" PRIu32 " bytes came, and they are not what was signed: %s",
                e->done, e->total, fota_err_text(e->reason));
        break;
    case GATEWAY_EVENT_REBUILD:
        idf_log(log, e->reason ? 'E' : 'I', "rebuild of the board: %s", fota_err_text(e->reason));
        break;
    default:
        say_update(log, e);
        break;
    }
}
