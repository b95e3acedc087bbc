/*
 * C9: a library for a handheld game console with a controller of its own. 384 kHz. Skips the first byte of an
 * ACK procedure, then at most 65,536 polls; echoes ACK and NACK. Erases a list of sectors in one command, its
 * checksum over the codes alone. An older revision skips no byte and echoes no NACK.
 *
 * 65,536 polls at 384 kHz are 1.4 s: one sector of 128 KB at its typical speed, not at its slowest, and not
 * two. Three are told in one run on a chip that erases faster, in two on a real one.
 */
#include "client.h"

enum { SECTORS_MAX = 3 };

static const struct habits habits = {.hz = 384000, .skips_first = true, .polls_max = {65536, 65536, 65536}};
static const struct habits old_habits = {
    .hz = 384000, .is_mute_on_nack = true, .polls_max = {65536, 65536, 65536}};

static bool erase(struct wires *w, const struct job *job)
{
    uint8_t last = (uint8_t)(job->n_sectors - 1);
    const uint8_t count[3] = {0, last, last};
    uint8_t list[2 * SECTORS_MAX + 1], sum = 0;
    for (unsigned i = 0; i < job->n_sectors; i++) {
        list[2 * i] = 0;
        list[2 * i + 1] = (uint8_t)(job->first_sector + i);
        sum ^= list[2 * i + 1];
    }
    list[2 * job->n_sectors] = sum;
    return tell_command(w, 0x44) && tell_stage(w, count, sizeof count, WAIT_STAGE) &&
           tell_stage(w, list, 2U * job->n_sectors + 1U, WAIT_FLASH);
}

static enum client_end run(struct wires *w, const struct job *job)
{
    if (!tell_stage(w, "\x5A", 1, WAIT_COMMAND)) {
        return gave_up(w, "sync");
    }
    if (!tell_id(w)) {
        return gave_up(w, "get id");
    }
    return erase(w, job) ? tell_write_and_verify(w, job) : gave_up(w, "erase");
}

enum client_end client_c9(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    return run(w, job);
}

enum client_end client_c9_old(struct wires *w, const struct job *job)
{
    w->habits = &old_habits;
    return run(w, job);
}
