#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_START = 1 << 12, KEYS_MAX = 128, RANDOM_OPS = 400 };
enum { SECTOR_WORDS = 32768, SECTOR_BLOCKS = SECTOR_WORDS / CHIP_BLOCK_WORDS }; /* of a slot */

/* States whose future has been seen to be good, with the number of sessions in it. */
struct seen {
    uint64_t *key;
    uint64_t *n_sessions;
    uint32_t n;
    uint32_t mask;
};

/* Operations of a life that sweep_faults lets fail. */
enum { SITES_MAX = 1 << 18 };
struct sites {
    uint32_t n;
    uint32_t op[SITES_MAX];
    uint8_t is_first[SITES_MAX];
};

struct sweep {
    struct sweep_config config;
    struct sweep_result *result;
    struct site site;
    struct seen seen;
    struct pc_cut cut[PC_CUTS_MAX]; /* made so far */
    uint32_t n_cuts;
    uint32_t n_ops;         /* since the start or the last cut */
    uint32_t n_interesting; /* of them */
    uint32_t n_stride;      /* of those that the first cut may be in */
    struct sites *sites;    /* collecting operations that may fail; NULL: not */
    bool is_path;           /* only the cuts of `plan` */
    bool is_by_interest;    /* plan[].op counts interesting operations */
    struct pc_cut plan[PC_CUTS_MAX];
    uint64_t key[KEYS_MAX]; /* states on the way of the current lives */
    uint64_t key_sessions[KEYS_MAX];
    uint32_t n_keys;
};

static void *grow(void *old, size_t n_bytes)
{
    void *p = realloc(old, n_bytes);
    if (!p) {
        abort();
    }
    return p;
}

/* Where the key is or belongs. */
static uint32_t slot_of(const struct seen *seen, uint64_t key)
{
    uint32_t at = (uint32_t)(key >> 20) & seen->mask;
    while (seen->key[at] != 0 && seen->key[at] != key) {
        at = (at + 1) & seen->mask;
    }
    return at;
}

static void seen_resize(struct seen *seen, uint32_t n_room)
{
    struct seen old = *seen;
    seen->mask = n_room - 1;
    seen->key = grow(NULL, n_room * sizeof *seen->key);
    seen->n_sessions = grow(NULL, n_room * sizeof *seen->n_sessions);
    memset(seen->key, 0, n_room * sizeof *seen->key);
    for (uint32_t i = 0; old.key && i <= old.mask; i++) {
        if (old.key[i] != 0) {
            uint32_t at = slot_of(seen, old.key[i]);
            seen->key[at] = old.key[i];
            seen->n_sessions[at] = old.n_sessions[i];
        }
    }
    free(old.key);
    free(old.n_sessions);
}

static void seen_add(struct seen *seen, uint64_t key, uint64_t n_sessions)
{
    if (2 * seen->n > seen->mask) {
        seen_resize(seen, 2 * (seen->mask + 1));
    }
    uint32_t at = slot_of(seen, key);
    seen->n += seen->key[at] == 0;
    seen->key[at] = key;
    seen->n_sessions[at] = n_sessions;
}

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n_bytes)
{
    const uint8_t *p = bytes;
    size_t i = 0;
    for (; i + 8 <= n_bytes; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        h = (h ^ word) * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 29;
    }
    for (; i < n_bytes; i++) {
        h = (h ^ p[i]) * 0x9E3779B97F4A7C15ULL;
    }
    h ^= h >> 32;
    return h;
}

/* All the future depends on: flash, what the outside has seen, cuts that are still to come, and in the middle
 * of a life RAM. */
static uint64_t key_of(const struct sweep *s, const struct update *u)
{
    uint64_t h = chip_hash(s->site.chip);
    h = hash_bytes(h, &s->site.view, sizeof s->site.view);
    h = hash_bytes(h, &s->n_cuts, sizeof s->n_cuts);
    h = u ? hash_bytes(h, u, sizeof *u) : h;
    return h | 1;
}

/* True: seen already. Otherwise it will have been, once these lives have ended well. */
static bool note_state(struct sweep *s, uint64_t key)
{
    uint32_t at = slot_of(&s->seen, key);
    if (s->seen.key[at] != 0) {
        s->result->n_covered += s->seen.n_sessions[at];
        return true;
    }
    if (s->n_keys < KEYS_MAX) {
        s->key[s->n_keys] = key;
        s->key_sessions[s->n_keys++] = s->result->n_sessions + s->result->n_covered;
    }
    return false;
}

static bool is_seen(void *ctx, const struct update *u)
{
    struct sweep *s = ctx;
    return s->n_cuts > 0 && !s->is_path && note_state(s, key_of(s, u));
}

static void print_id(const struct sweep *s, char out[PC_ID_BYTES])
{
    struct pc_id id = {.n_cuts = s->n_cuts};
    (void)snprintf(id.scenario, sizeof id.scenario, "%s", s->config.scenario->name);
    memcpy(id.cut, s->cut, s->n_cuts * sizeof s->cut[0]);
    pc_id_print(&id, out);
}

static void note_brick(struct sweep *s)
{
    struct sweep_result *result = s->result;
    if (!s->site.check || result->n_bricks++ != 0) {
        return;
    }
    (void)snprintf(result->check, sizeof result->check, "%s", s->site.check);
    (void)snprintf(result->text, sizeof result->text, "%s", s->site.text);
    print_id(s, result->id);
}

/* Lives until everything is done. What is flaky is drawn from the state itself: the same state has the same
 * future. */
static void live_on(struct sweep *s)
{
    struct site *w = &s->site;
    for (uint32_t life = 0; life < SITE_LIVES_MAX && !site_is_done(w); life++) {
        chip_power_up(w->chip,
                      chip_hash(w->chip) + life + (s->n_cuts > 0 && s->cut[s->n_cuts - 1].is_second_draw));
        site_live(w);
        if (w->check || w->is_known) {
            return;
        }
    }
    if (!site_is_done(w)) {
        site_blame(w, "P4", "the update does not come to an end");
        return;
    }
    site_check_end(w);
}

/* What is changed by the lives after a cut and must be as before afterwards. */
struct moment {
    size_t mark;
    struct site site;
    uint32_t n_ops;
    uint32_t n_interesting;
    uint32_t n_keys;
    uint32_t chip_ops;
    uint32_t chip_erases;
};

static struct moment now(const struct sweep *s)
{
    return (struct moment){chip_mark(s->site.chip), s->site,   s->n_ops,
                           s->n_interesting,        s->n_keys, s->site.chip->n_ops,
                           s->site.chip->n_erases};
}

static void go_back(struct sweep *s, const struct moment *to)
{
    struct site after = s->site;
    chip_undo(to->site.chip, to->mark);
    s->site = to->site;
    s->n_ops = to->n_ops;
    s->n_interesting = to->n_interesting;
    s->n_keys = to->n_keys;
    s->site.chip->n_ops = to->chip_ops;
    s->site.chip->n_erases = to->chip_erases;
    s->site.normal_boot_ops = after.normal_boot_ops;
    s->site.boot_ops_max = after.boot_ops_max;
    s->site.boot_erases_max = after.boot_erases_max;
    memcpy(s->site.waived, after.waived, sizeof after.waived);
}

/* Power fails in `event` and comes back; everything that follows; then back in time. */
static void cut_here(struct sweep *s, const struct chip_event *event, enum flash_cut outcome,
                     bool is_second_draw)
{
    struct moment before = now(s);
    struct chip *chip = s->site.chip;
    s->cut[s->n_cuts++] = (struct pc_cut){.op = s->n_ops,
                                          .outcome = outcome,
                                          .is_second_draw = is_second_draw,
                                          .is_upset = s->config.is_upsetting};
    uint64_t seed = chip_hash(chip) + outcome + (is_second_draw ? 100 : 0);
    chip_tear(chip, event, outcome, seed);
    if (s->config.is_upsetting && event->op == CHIP_PROGRAM && outcome != FLASH_CUT_BEFORE) {
        chip_upset(chip, event, seed);
        s->site.is_upset = true;
    }
    s->result->n_sessions++;
    s->n_ops = 0;
    s->n_interesting = 0;
    s->site.n_lives = 0;
    site_note_cut(&s->site);
    s->site.n_cuts = s->n_cuts;
    s->site.is_known = false;
    uint32_t first_key = s->n_keys;
    if (s->is_path || !note_state(s, key_of(s, NULL) + is_second_draw * 2)) {
        s->result->n_states++;
        live_on(s);
        note_brick(s);
        uint64_t n_now = s->result->n_sessions + s->result->n_covered;
        for (uint32_t i = first_key; i < s->n_keys && !s->site.check; i++) {
            seen_add(&s->seen, s->key[i], n_now - s->key_sessions[i]);
        }
    }
    bool is_broken = s->site.check;
    go_back(s, &before);
    s->n_cuts--;
    if (is_broken) {
        site_blame(&s->site, s->result->check, s->result->text); /* no need to go on */
    }
}

static bool is_of_slot(uint32_t sector)
{
    return sector >= CHIP_SLOT_A && sector < CHIP_J0;
}

static bool is_interesting(const struct site *w, const struct chip_event *event)
{
    uint32_t in_slot = event->word + SECTOR_WORDS * ((event->sector - CHIP_SLOT_A) % 3);
    return event->op == CHIP_ERASE || !is_of_slot(event->sector) || event->word % CHIP_BLOCK_WORDS == 0 ||
           event->word % CHIP_BLOCK_WORDS == CHIP_BLOCK_WORDS - 1 || in_slot == w->last_word;
}

/* Between the first and the last 4 KB of a sector all are written alike, and a slot's middle sector is erased as
 * the others are. A second cut is made in every so many of these 4 KB, and in none of these erases; chosen by
 * their place, for states that were seen before are told by flash and RAM and not by what was counted. */
static bool is_left_out(const struct sweep *s, const struct chip_event *event)
{
    uint32_t thinning = s->config.later_blocks;
    if (thinning <= 1 || s->n_cuts == 0 || !is_of_slot(event->sector)) {
        return false;
    }
    uint32_t sector = (event->sector - CHIP_SLOT_A) % 3;
    if (event->op == CHIP_ERASE) {
        return sector == 1;
    }
    uint32_t block = event->word / CHIP_BLOCK_WORDS;
    bool is_edge =
        block == 0 || block == SECTOR_BLOCKS - 1 || event->word + SECTOR_WORDS * sector == s->site.last_word;
    return !is_edge && block % thinning != 0;
}

/* P3: nothing touches the image that is confirmed; nor the loader, but for its update (P12). */
static void check_place(struct sweep *s, const struct chip_event *event)
{
    const struct site_view *view = &s->site.view;
    uint32_t slot = event->sector >= CHIP_SLOT_B ? SLOT_B : SLOT_A;
    bool is_slot = is_of_slot(event->sector);
    if (event->sector == CHIP_LOADER && !s->site.may_write_loader) {
        site_blame(&s->site, "P12", "the loader is touched without a loader session");
    }
    if (is_slot && view->confirmed != RELEASE_NONE && !view->has_rotted && slot == view->confirmed_slot) {
        site_blame(&s->site, "P3", "the slot of the confirmed image is touched");
    }
}

static const enum chip_fault OF_CHIP[PC_FAULTS] = {[PC_DIP] = CHIP_DIP,
                                                   [PC_DIP_LONG] = CHIP_DIP_LONG,
                                                   [PC_WORN_CELL] = CHIP_WORN_CELL,
                                                   [PC_WORN_SECTOR] = CHIP_WORN_SECTOR};

/* The operation that is about to begin fails, and everything goes on from there with power on. */
static void fail_here(struct sweep *s, enum pc_fault fault)
{
    struct site *w = &s->site;
    s->cut[s->n_cuts++] = (struct pc_cut){.op = s->n_ops, .fault = fault};
    s->result->n_sessions++;
    s->n_ops = 0;
    s->n_interesting = 0;
    w->n_lives = 0; /* the next life looks at a second boot too */
    w->fault = OF_CHIP[fault];
    w->has_failed_now = true;
    w->view.n_last_resort = 0; /* there may be something to mend first */
    chip_fail(w->chip, w->fault);
}

static void cut_as_planned(struct sweep *s, const struct chip_event *event, bool interests)
{
    const struct pc_cut *plan = &s->plan[s->n_cuts];
    uint32_t at = s->is_by_interest ? s->n_interesting : s->n_ops;
    if (plan->op == at && plan->fault != PC_CUT) {
        fail_here(s, plan->fault);
    } else if (plan->op == at && (!s->is_by_interest || interests)) {
        enum flash_cut outcome = plan->outcome;
        if (s->is_by_interest && event->op == CHIP_PROGRAM) {
            outcome = (enum flash_cut)((uint32_t)outcome % FLASH_CUTS_OF_PROGRAM);
        }
        cut_here(s, event, outcome, plan->is_second_draw);
        s->site.is_known = true; /* nothing else is wanted of this run */
    }
}

static void note_site(struct sweep *s, const struct chip_event *event, bool interests)
{
    bool is_wanted = s->config.first == SWEEP_ALL || interests;
    if (s->site.is_quiet || !is_wanted || s->sites->n == SITES_MAX) {
        return;
    }
    if (s->config.stride > 1 && s->n_stride++ % s->config.stride != 0) {
        return;
    }
    s->sites->op[s->sites->n] = s->n_ops;
    s->sites->is_first[s->sites->n++] = event->is_first;
}

static void before_op(void *ctx, const struct chip_event *event)
{
    struct sweep *s = ctx;
    bool is_passed = s->site.is_quiet || s->site.check || s->n_cuts == s->config.depth;
    s->n_ops++;
    check_place(s, event);
    if (is_passed && !s->sites && !s->is_by_interest) {
        return; /* most operations: of an update that goes on after the last cut */
    }
    bool interests = is_interesting(&s->site, event);
    s->n_interesting += interests;
    if (s->sites) {
        note_site(s, event, interests);
        return;
    }
    if (is_passed) {
        return;
    }
    if (s->is_path) {
        if (!s->site.is_known) {
            cut_as_planned(s, event, interests);
        }
        return;
    }
    enum sweep_ops ops = s->n_cuts == 0 ? s->config.first : s->config.later;
    bool is_outside = s->n_cuts == 0 && s->config.last_op != 0 &&
                      (s->n_ops < s->config.first_op || s->n_ops > s->config.last_op);
    if (is_outside || (ops == SWEEP_INTERESTING && (!interests || is_left_out(s, event)))) {
        return;
    }
    if (s->n_cuts == 0 && s->config.stride > 1 && s->n_stride++ % s->config.stride != 0) {
        return;
    }
    enum flash_cut end = event->op == CHIP_ERASE ? FLASH_CUTS : FLASH_CUTS_OF_PROGRAM;
    for (enum flash_cut outcome = FLASH_CUT_BEFORE; outcome < end && !s->site.check; outcome++) {
        cut_here(s, event, outcome, false);
        if (outcome == FLASH_CUT_FLAKY && !s->site.check) {
            cut_here(s, event, outcome, true);
        }
    }
}

static void on_broken(void *ctx, const char *check, const char *text)
{
    struct sweep *s = ctx;
    if (s->site.is_upset && strcmp(check, "P7") == 0) {
        s->site.waived[WAIVED_SUSPECT]++; /* F8 leaves no evidence of which words are suspect */
        return;
    }
    site_blame(&s->site, check, text);
}

static void set_up(struct sweep *s, const struct site_scenario *scenario, struct sweep_result *out)
{
    memset(s, 0, sizeof *s);
    memset(out, 0, sizeof *out);
    s->config.scenario = scenario;
    s->result = out;
    site_open(&s->site, scenario);
    s->site.is_seen = is_seen;
    s->site.ctx = s;
    s->site.chip->observer = (struct chip_observer){before_op, on_broken, s};
    seen_resize(&s->seen, SEEN_START);
}

static void finish(struct sweep *s)
{
    struct sweep_result *out = s->result;
    out->normal_boot_ops = s->site.normal_boot_ops;
    out->boot_ops_max = s->site.boot_ops_max;
    out->boot_erases_max = s->site.boot_erases_max;
    out->n_lives = s->site.n_lives;
    memcpy(out->waived, s->site.waived, sizeof out->waived);
    out->n_ops = s->n_ops;
    if (s->site.check && out->n_bricks == 0) {
        note_brick(s);
    }
}

static void tear_down(struct sweep *s)
{
    site_close(&s->site);
    free(s->seen.key);
    free(s->seen.n_sessions);
    free(s);
}

void sweep_run(const struct sweep_config *config, struct sweep_result *out)
{
    struct sweep *s = grow(NULL, sizeof *s);
    set_up(s, config->scenario, out);
    s->config = *config;
    live_on(s);
    finish(s);
    tear_down(s);
}

/* One life after the other. True: there is one more. */
static bool live_once(struct sweep *s, uint32_t life)
{
    struct site *w = &s->site;
    chip_power_up(w->chip, chip_hash(w->chip) + life);
    site_live(w);
    return !w->check && !site_is_done(w);
}

/* The operations of the next life that are to fail. */
static void find_sites(struct sweep *s, struct sites *sites, uint32_t life)
{
    struct moment start = now(s);
    sites->n = 0;
    s->sites = sites;
    (void)live_once(s, life);
    s->sites = NULL;
    go_back(s, &start);
}

void sweep_faults(const struct sweep_config *config, enum pc_fault from, enum pc_fault to,
                  struct sweep_result *out)
{
    struct sweep *s = grow(NULL, sizeof *s);
    struct sites *sites = grow(NULL, sizeof *sites);
    set_up(s, config->scenario, out);
    s->config = *config;
    s->config.depth = 1;
    s->is_path = true;
    uint32_t life = 0;
    do {
        find_sites(s, sites, life);
        for (uint32_t i = 0; i < sites->n && out->n_bricks == 0; i++) {
            for (enum pc_fault fault = from; fault <= to && out->n_bricks == 0; fault++) {
                if (fault <= PC_DIP_LONG && !sites->is_first[i]) {
                    continue;
                }
                struct moment start = now(s);
                s->plan[0] = (struct pc_cut){.op = sites->op[i], .fault = fault};
                live_on(s);
                finish(s);
                go_back(s, &start);
                s->n_cuts = 0;
                s->site.check = NULL;
            }
        }
        s->plan[0].op = 0;
    } while (life < SITE_LIVES_MAX && out->n_bricks == 0 && live_once(s, life++));
    free(sites);
    finish(s);
    tear_down(s);
}

void sweep_path(const struct site_scenario *scenario, const struct pc_id *id, bool is_traced,
                struct sweep_result *out)
{
    struct sweep *s = grow(NULL, sizeof *s);
    set_up(s, scenario, out);
    s->config.depth = id->n_cuts;
    s->is_path = true;
    s->site.is_traced = is_traced;
    memcpy(s->plan, id->cut, id->n_cuts * sizeof id->cut[0]);
    s->config.is_upsetting = id->cut[0].is_upset;
    live_on(s);
    finish(s);
    tear_down(s);
}

static uint32_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*random >> 33);
}

void sweep_random(const struct site_scenario *scenario, uint64_t seed, uint32_t n_runs,
                  struct sweep_result *out)
{
    struct sweep *s = grow(NULL, sizeof *s);
    set_up(s, scenario, out);
    s->is_path = true;
    s->is_by_interest = true;
    uint64_t random = seed;
    for (uint32_t run = 0; run < n_runs && out->n_bricks == 0; run++) {
        struct moment start = now(s);
        s->config.depth = 3 + draw(&random) % 3;
        for (uint32_t i = 0; i < s->config.depth; i++) {
            s->plan[i] = (struct pc_cut){.op = 1 + draw(&random) % RANDOM_OPS,
                                         .outcome = draw(&random) % FLASH_CUTS,
                                         .is_second_draw = draw(&random) % 2 != 0};
        }
        live_on(s);
        finish(s);
        go_back(s, &start);
    }
    tear_down(s);
}
