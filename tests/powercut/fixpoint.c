#include "fixpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

/* How a session ended, or what happened instead of one. */
enum end { END_UNCUT, END_BEFORE, END_TORN, END_LOST, ENDS };

static const char FAULT_LETTERS[CELLS_FAULTS] = {' ', 'd', 'l', 'c', 's'};

static const char *const END_NAMES[ENDS] = {"end", "before", "torn", "lose"};

enum { LOADED_MAX = 1 << 12, CHOICE_BITS = 3, TABLE_FACTOR = 4, START_STATES = 1 << 12 };

/* The step that led to a state. `choices`: which readings the session drew, CHOICE_BITS each. */
struct step {
    uint32_t parent;
    uint16_t op;
    uint8_t end;
    uint8_t n_choices;
    uint8_t fault; /* enum cells_fault, at operation fault_at */
    uint16_t fault_at;
    uint64_t choices;
};

struct explorer {
    struct fixpoint_config config;
    struct fixpoint_result *result;
    struct cells_state *states;
    struct step *steps;
    uint32_t n_states;
    uint32_t n_room;
    uint32_t *table; /* hash table of indexes + 1 */
    uint32_t table_mask;
    struct cells_flash flash;
    struct journal_area areas[JOURNAL_AREAS];
    uint32_t index;              /* state that is being explored */
    uint32_t n_known;            /* draws after which operations are new in this run */
    uint64_t loaded[LOADED_MAX]; /* what runs of this state had in RAM after journal_load */
    uint32_t n_loaded;
    bool is_repeated;   /* this run has the same */
    const char *broken; /* what this run broke */
    const char *check;
    bool is_replay;
};

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n_bytes)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i + 4 <= n_bytes; i += 4) {
        uint32_t word = 0;
        memcpy(&word, p + i, 4);
        h = (h ^ word) * 0xD6E8FEB86659FD93ULL;
        h ^= h >> 32;
    }
    return h;
}

static uint32_t hash_of(const struct cells_state *state)
{
    return (uint32_t)hash_bytes(0x9E3779B97F4A7C15ULL, state, sizeof *state);
}

_Static_assert(sizeof(struct cells_state) % 4 == 0, "hashed by words");

static void *grow(void *old, size_t n_bytes)
{
    void *p = realloc(old, n_bytes);
    if (!p) {
        abort();
    }
    return p;
}

static void rehash(struct explorer *x)
{
    free(x->table);
    x->table_mask = TABLE_FACTOR * x->n_room - 1;
    x->table = calloc(x->table_mask + 1U, sizeof *x->table);
    if (!x->table) {
        abort();
    }
    for (uint32_t i = 0; i < x->n_states; i++) {
        uint32_t at = hash_of(&x->states[i]) & x->table_mask;
        while (x->table[at] != 0) {
            at = (at + 1) & x->table_mask;
        }
        x->table[at] = i + 1;
    }
}

static void add_state(struct explorer *x, struct cells_state *state, const struct step *step)
{
    cells_canonical(state, x->config.n_slots);
    uint32_t at = hash_of(state) & x->table_mask;
    for (; x->table[at] != 0; at = (at + 1) & x->table_mask) {
        if (memcmp(&x->states[x->table[at] - 1], state, sizeof *state) == 0) {
            return;
        }
    }
    if (x->n_states == x->n_room) {
        x->n_room *= 2;
        x->states = grow(x->states, x->n_room * sizeof *x->states);
        x->steps = grow(x->steps, x->n_room * sizeof *x->steps);
        rehash(x);
        at = hash_of(state) & x->table_mask;
        while (x->table[at] != 0) {
            at = (at + 1) & x->table_mask;
        }
    }
    x->states[x->n_states] = *state;
    x->steps[x->n_states] = *step;
    x->table[at] = ++x->n_states;
}

static struct step step_here(const struct explorer *x, enum end end)
{
    struct step step = {.parent = x->index,
                        .op = (uint16_t)x->flash.n_ops,
                        .end = (uint8_t)end,
                        .fault = (uint8_t)x->flash.fault,
                        .fault_at = (uint16_t)x->flash.fault_at};
    for (uint32_t i = 0; i < x->flash.n_drawn; i++) {
        if (CHOICE_BITS * i >= 64) {
            abort();
        }
        step.choices |= (uint64_t)x->flash.choice[i] << CHOICE_BITS * i;
    }
    step.n_choices = (uint8_t)x->flash.n_drawn;
    return step;
}

/* Power may fail here: what is left of the flash is a state to boot from. */
static void before_op(void *ctx)
{
    struct explorer *x = ctx;
    /* Operations before the draw that is new in this run have been cut in an earlier run. */
    if (x->is_replay || x->flash.n_drawn < x->n_known || x->flash.n_ops < x->flash.fault_at ||
        x->flash.state.cuts == x->config.cuts_max || x->broken) {
        return;
    }
    for (enum cells_cut how = CELLS_BEFORE; how <= CELLS_TORN; how++) {
        struct cells_state state;
        cells_cut(&x->flash, how, &state);
        state.cuts++;
        struct step step = step_here(x, how == CELLS_BEFORE ? END_BEFORE : END_TORN);
        add_state(x, &state, &step);
        x->result->n_runs++;
        x->result->n_cuts++;
    }
}

static void breaks(void *ctx, const char *check, const char *text)
{
    struct explorer *x = ctx;
    if (!x->broken) {
        x->check = check;
        x->broken = text;
    }
}

/* The state was acted upon. J2: not older than what was acted upon before, and one that somebody wrote.
 * `is_remembered`: no sector is dead without the journal saying so. One that is (it died when the other was
 * full) may yet give back an interrupted write: the gap of rule R12. */
static void act(struct explorer *x, uint32_t found, bool is_remembered)
{
    struct cells_state *state = &x->flash.state;
    if (found < state->acted) {
        breaks(x, "J2", "a state older than one that was acted upon");
    } else if (found > state->written) {
        breaks(x, "J2", "a state that nobody wrote");
    } else if ((state->passed >> found & 1) != 0) {
        breaks(x, "J5", "an interrupted write takes effect after a boot that went without it");
    } else {
        state->acted = (uint8_t)found;
        for (uint32_t value = found + 1; value <= state->written && is_remembered; value++) {
            state->passed |= 1U << value;
        }
    }
}

static void note_completed(struct explorer *x)
{
    x->flash.state.cuts = 0;
    x->flash.state.lost = 0;
}

/* Many readings of a sector that is being given up lead to the same RAM after journal_load. The rest of the
 * session depends on that and on readings still to come; those of a sector that is not sound are drawn anew
 * if it is read again, which only adds behaviour. True: a run of this state has been here. */
static bool is_repeated(struct explorer *x, const struct journal *journal, const struct boot_record *record,
                        enum fota_err err)
{
    bool is_load_new = x->n_known <= x->flash.n_drawn; /* else what is new in this run comes later */
    uint64_t h = hash_bytes((uint64_t)err, record, sizeof *record);
    h = hash_bytes(h, journal, sizeof *journal);
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        if ((journal->sound >> a & 1) != 0) {
            h = hash_bytes(h, x->flash.drawn[a], sizeof x->flash.drawn[a]);
        } else {
            cells_redraw(&x->flash, a);
        }
    }
    for (uint32_t i = 0; i < x->n_loaded; i++) {
        if (x->loaded[i] == h) {
            return is_load_new;
        }
    }
    if (x->n_loaded == LOADED_MAX) {
        abort();
    }
    x->loaded[x->n_loaded++] = h;
    return false;
}

/* A boot would know what this session knows. */
static bool is_dead_remembered(struct explorer *x, const struct journal *journal)
{
    struct journal again;
    struct boot_record record = {0};
    uint32_t dead = journal_dead_mask(journal);
    return dead == 0 || (journal_load(&again, &x->flash.flash, x->areas, &record) == FOTA_OK &&
                         journal_dead_mask(&again) == dead);
}

/* Nothing that a spare place holds may be left to be found once the sector has been rewritten. */
static void check_spare(struct explorer *x, const struct cells_record *spare)
{
    const uint32_t *erased = x->flash.n_erased;
    bool is_compacted =
        erased[CELLS_SPARE] != 0 && (erased[0] > erased[CELLS_SPARE] || erased[1] > erased[CELLS_SPARE]);
    if (is_compacted && !x->flash.has_failed && spare->seq != 0 &&
        (spare->cell[CELL_HEAD] & CELL_CONTENT) != 0 && (spare->cell[CELL_CRC] & CELL_CONTENT) != 0) {
        breaks(x, "J8", "the record at the spare place was not killed");
    }
}

/* Load and repair. True: the state in `record` may be acted upon; *is_new: there is none. */
static bool open_journal(struct explorer *x, struct journal *journal, struct boot_record *record,
                         bool *is_new)
{
    struct cells_state *state = &x->flash.state;
    bool was_quiet = state->cuts == 0 && state->lost == 0 &&
                     state->faults == 0; /* what fails may leave a mark that flickers */
    memset(journal, 0xA5, sizeof *journal);
    enum fota_err err = journal_load(journal, &x->flash.flash, x->areas, record);
    /* A replay draws as the run that it follows. */
    x->is_repeated = is_repeated(x, journal, record, err) && !x->is_replay;
    if (x->is_repeated) {
        return false;
    }
    if (err == E_JOURNAL_DEGRADED) {
        if (was_quiet) {
            breaks(x, "J4", "a completed write has to be repaired");
        }
        err = journal_repair(journal);
        if (err == E_FLASH_SUPPLY) {
            err = journal_make_room(journal, 0, JOURNAL_NO_SPARE); /* the next try */
        }
        if (err == E_FLASH_SUPPLY && x->flash.fault == CELLS_LOW) {
            return false;
        }
        err = err == E_JOURNAL_DEGRADED && journal_dead_mask(journal) != 0 ? FOTA_OK : err;
        if (err == FOTA_OK && !x->flash.has_failed && is_dead_remembered(x, journal)) {
            note_completed(x);
        }
    }
    *is_new = err == E_JOURNAL_LOST;
    if (err && !(*is_new && state->acted == 0)) {
        breaks(x, "J1", *is_new ? "no state was found" : "repair failed with power on");
        return false;
    }
    return true;
}

/* As the beginning of an update does, or a boot. The next try follows a dip at once. */
static enum fota_err make_room(struct explorer *x, struct journal *journal, uint32_t n_writes, bool is_update)
{
    enum fota_err err = is_update ? journal_revive(journal) : FOTA_OK;
    if (err == FOTA_OK) {
        err = journal_make_room(journal, n_writes, is_update ? CELLS_SPARE : JOURNAL_NO_SPARE);
    }
    if (err == E_FLASH_SUPPLY && x->flash.fault == CELLS_DIP) {
        err = journal_make_room(journal, n_writes, is_update ? CELLS_SPARE : JOURNAL_NO_SPARE);
    }
    return err;
}

static enum fota_err write_next(struct explorer *x, struct journal *journal)
{
    struct boot_record record;
    struct cells_state *state = &x->flash.state;
    uint32_t n_ops = x->flash.n_ops;
    cells_record_of(++state->written, &record);
    enum fota_err err = journal_append(journal, &record);
    if (err == FOTA_OK && n_ops == x->flash.n_ops) {
        breaks(x, "J7", "a write is reported that did nothing");
    }
    if (err == FOTA_OK && !is_dead_remembered(x, journal) && journal_has_room(journal, 1)) {
        breaks(x, "J9", "a dead sector is not remembered");
    }
    if (err == FOTA_OK && (journal_sound_mask(journal) | journal_dead_mask(journal)) == 3) {
        act(x, state->written, true);
        if (is_dead_remembered(x, journal)) {
            note_completed(x);
        }
    }
    return err;
}

/* One powered session as the bootloader runs it: load, repair, act, make room, write. All of RAM is new. */
static void run_session(struct explorer *x)
{
    struct journal journal;
    struct boot_record record = {0};
    struct cells_state *state = &x->flash.state;
    bool is_new = false;
    if (!open_journal(x, &journal, &record, &is_new)) {
        return;
    }
    if (!is_new) {
        act(x, record.retry, is_dead_remembered(x, &journal));
    }
    uint32_t n_writes = cells_choose(&x->flash, x->config.n_writes + 1);
    bool is_update = x->config.fails && n_writes != 0 && journal_dead_mask(&journal) != 0 &&
                     cells_choose(&x->flash, 2) == 0;
    enum fota_err err = make_room(x, &journal, n_writes, is_update);
    for (uint32_t i = 0; i < n_writes && err == FOTA_OK && !x->broken; i++) {
        err = write_next(x, &journal);
        if (err == E_FLASH_SUPPLY && x->flash.fault == CELLS_DIP) {
            err = make_room(x, &journal, 1, is_update);
            err = err == FOTA_OK ? write_next(x, &journal) : err;
        }
    }
    check_spare(x, &state->record[CELLS_SPARE][0]);
    if (x->flash.has_failed && x->flash.fault <= CELLS_LOW && journal_dead_mask(&journal) != 0) {
        breaks(x, "J9", "a sector is called dead for a dip of the supply");
    }
    bool is_alone = journal_dead_mask(&journal) != 0;
    bool is_excused =
        (err == E_JOURNAL_FULL && is_alone && (!is_update || (journal.dead >> CELLS_SPARE & 1) != 0)) ||
        (err == E_FLASH_SUPPLY && x->flash.fault == CELLS_LOW);
    if (err && !is_excused) {
        breaks(x, "J1", "a write failed with power on");
    }
}

/* Print the way from the blank chip to the state being explored, then the step of the run. */
static void print_id(const struct explorer *x, char *out, size_t n_bytes)
{
    uint32_t path[256];
    uint32_t n = 0;
    for (uint32_t i = x->index; i != 0 && n < 256; i = x->steps[i].parent) {
        path[n++] = i;
    }
    struct step last = step_here(x, END_UNCUT);
    size_t at = (size_t)snprintf(out, n_bytes, x->config.fails ? "pc/fixfault%u" : "pc/fixpoint%u",
                                 (unsigned)x->config.n_slots);
    for (uint32_t k = 0; k <= n && at < n_bytes; k++) {
        const struct step *step = k < n ? &x->steps[path[n - 1 - k]] : &last;
        at += (size_t)snprintf(out + at, n_bytes - at, "%c%u/%s", k == 0 ? '/' : '+', (unsigned)step->op,
                               END_NAMES[step->end]);
        if (step->fault != CELLS_SOUND && at < n_bytes) {
            at += (size_t)snprintf(out + at, n_bytes - at, "%c%u", FAULT_LETTERS[step->fault],
                                   (unsigned)step->fault_at);
        }
        for (uint32_t i = 0; i < step->n_choices && at < n_bytes; i++) {
            unsigned choice = (unsigned)(step->choices >> CHOICE_BITS * i) & 7;
            at += (size_t)snprintf(out + at, n_bytes - at, "%s%u", i == 0 ? "." : "", choice);
        }
    }
}

static void note_run(struct explorer *x)
{
    struct fixpoint_result *result = x->result;
    result->n_runs++;
    result->ops_max = x->flash.n_ops > result->ops_max ? x->flash.n_ops : result->ops_max;
    result->erases_max = x->flash.n_erases > result->erases_max ? x->flash.n_erases : result->erases_max;
    if (x->broken) {
        if (result->n_violations++ == 0) {
            (void)snprintf(result->check, sizeof result->check, "%s", x->check);
            (void)snprintf(result->text, sizeof result->text, "%s", x->broken);
            print_id(x, result->id, sizeof result->id);
        }
        return;
    }
    struct cells_state state = x->flash.state;
    struct step step = step_here(x, END_UNCUT);
    add_state(x, &state, &step);
}

/* The script of the next run: the last draw that has another option takes it. False: all were tried. */
static bool next_choices(struct cells_flash *flash)
{
    flash->n_choices = flash->n_drawn;
    while (flash->n_choices > 0) {
        uint32_t last = flash->n_choices - 1;
        if (++flash->choice[last] < flash->n_options[last]) {
            return true;
        }
        flash->n_choices = last;
    }
    return false;
}

static void lose_sectors(struct explorer *x)
{
    static const uint8_t READINGS[] = {CELL_GARBAGE, CELL_BLANK, CELL_ZERO,
                                       CELL_BLANK | CELL_GARBAGE | CELL_ZERO};
    for (uint32_t area = 0; area < JOURNAL_MIRRORS; area++) {
        for (uint32_t r = 0; r < sizeof READINGS; r++) {
            struct cells_state state = x->states[x->index];
            cells_lose(&state, x->config.n_slots, area, READINGS[r]);
            state.lost = 1;
            struct step step = {
                .parent = x->index, .end = END_LOST, .op = (uint16_t)(area * sizeof READINGS + r)};
            add_state(x, &state, &step);
        }
    }
}

/* All sessions from a state, with every reading. Returns true if an operation failed in one of them. */
static bool explore_sessions(struct explorer *x, const struct cells_state *start)
{
    bool has_failed = false;
    bool is_more = true;
    x->flash.n_choices = 0;
    x->n_known = 0;
    x->n_loaded = 0;
    while (is_more && !(x->config.stops_at_first && x->result->n_violations != 0)) {
        x->broken = NULL;
        cells_boot(&x->flash, start, x->config.n_slots);
        run_session(x);
        if (x->flash.has_failed) {
            has_failed = true;
            x->result->n_faults++;
        }
        if (!x->is_repeated) {
            note_run(x);
        }
        is_more = next_choices(&x->flash);
        x->n_known = x->flash.n_choices;
    }
    return has_failed;
}

static void explore_state(struct explorer *x)
{
    struct cells_state start = x->states[x->index];
    x->flash.fault = CELLS_SOUND;
    x->flash.fault_at = 0;
    bool has_failed = explore_sessions(x, &start);
    for (uint32_t fault = CELLS_DIP; fault < CELLS_FAULTS && x->config.fails && start.faults == 0 &&
                                     start.cuts <= x->config.fault_cuts_max;
         fault++) {
        x->flash.fault = (enum cells_fault)fault;
        x->flash.fault_at = 0;
        do {
            x->flash.fault_at++;
            has_failed = explore_sessions(x, &start);
        } while (has_failed);
    }
    if (x->config.loses_sectors && start.cuts == 0 && start.lost == 0 && start.acted != 0) {
        lose_sectors(x);
    }
}

static void set_up(struct explorer *x, const struct fixpoint_config *config, struct fixpoint_result *out)
{
    memset(x, 0, sizeof *x);
    memset(out, 0, sizeof *out);
    x->config = *config;
    x->result = out;
    x->flash.observer.before_op = before_op;
    x->flash.observer.broke = breaks;
    x->flash.observer.ctx = x;
    cells_areas(x->areas, config->n_slots, config->fails);
    x->n_room = START_STATES;
    x->states = grow(NULL, x->n_room * sizeof *x->states);
    x->steps = grow(NULL, x->n_room * sizeof *x->steps);
    rehash(x);
    struct cells_state blank = {0};
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        for (uint32_t i = 0; i < CELLS_SLOTS_MAX; i++) {
            memset(blank.record[a][i].cell, CELL_BLANK, CELLS);
        }
    }
    struct step root = {0};
    add_state(x, &blank, &root);
}

static void tear_down(struct explorer *x)
{
    free(x->states);
    free(x->steps);
    free(x->table);
    free(x);
}

void fixpoint_explore(const struct fixpoint_config *config, struct fixpoint_result *out)
{
    struct explorer *x = grow(NULL, sizeof *x);
    set_up(x, config, out);
    for (x->index = 0; x->index < x->n_states; x->index++) {
        bool is_full = config->states_max != 0 && x->n_states > config->states_max;
        if (is_full || (config->stops_at_first && out->n_violations != 0)) {
            break;
        }
        explore_state(x);
    }
    out->is_complete = x->index == x->n_states;
    out->n_states = x->n_states;
    tear_down(x);
}

static bool parse_step(const char **at, struct step *step)
{
    char *end = NULL;
    *step = (struct step){.end = ENDS, .op = (uint16_t)strtoul(*at, &end, 10)};
    for (uint32_t i = 0; i < ENDS && *end == '/'; i++) {
        size_t n = strlen(END_NAMES[i]);
        if (strncmp(end + 1, END_NAMES[i], n) == 0) {
            step->end = (uint8_t)i;
            *at = end + 1 + n;
        }
    }
    if (step->end == ENDS) {
        return false;
    }
    const char *letter = **at != '\0' ? memchr(FAULT_LETTERS + 1, **at, CELLS_FAULTS - 1) : NULL;
    if (letter) {
        step->fault = (uint8_t)(letter - FAULT_LETTERS);
        step->fault_at = (uint16_t)strtoul(*at + 1, &end, 10);
        *at = end;
    }
    if (**at == '.') {
        for (++*at; **at >= '0' && **at <= '7'; ++*at) {
            step->choices |= (uint64_t)(**at - '0') << CHOICE_BITS * step->n_choices++;
        }
    }
    return **at == '\0' || **at == '+';
}

/* Stop where the step says, by ending the session's influence: the state is kept, what the session does after
 * it is not. */
struct replay {
    struct explorer *x;
    struct step step;
    struct cells_state cut;
    bool is_cut;
};

static void replay_before_op(void *ctx)
{
    struct replay *replay = ctx;
    struct explorer *x = replay->x;
    if (!replay->is_cut && replay->step.end != END_UNCUT && x->flash.n_ops == replay->step.op) {
        cells_cut(&x->flash, replay->step.end == END_BEFORE ? CELLS_BEFORE : CELLS_TORN, &replay->cut);
        replay->cut.cuts++;
        replay->is_cut = true;
    }
}

static void replay_broke(void *ctx, const char *check, const char *text)
{
    struct replay *replay = ctx;
    if (!replay->is_cut) {
        breaks(replay->x, check, text);
    }
}

static void print_state(const struct cells_state *state, uint32_t n_slots)
{
    static const char MARKS[] = {'-', 'b', '0', '?', 'x', '?', '?', '?',
                                 'v', '?', '?', '?', '?', '?', '?', '?'};
    static const char *const NAMES[CELLS_PLACES] = {"J0", "J1", "spare"};
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        (void)printf("    %s:", NAMES[a]);
        for (uint32_t i = 0; i < cells_slots(n_slots, a); i++) {
            const struct cells_record *record = &state->record[a][i];
            (void)printf(" %u:%u:%u ", (unsigned)record->seq, (unsigned)record->value,
                         (unsigned)record->dead);
            for (uint32_t c = 0; c < CELLS; c++) {
                (void)printf("%c", MARKS[record->cell[c] & CELL_READINGS]);
            }
        }
        (void)printf("\n");
    }
}

/* One step. Returns false when something broke in it. */
static bool replay_step(struct replay *replay, struct cells_state *state)
{
    struct explorer *x = replay->x;
    const struct step *step = &replay->step;
    if (step->end == END_LOST) {
        static const uint8_t READINGS[] = {CELL_GARBAGE, CELL_BLANK, CELL_ZERO,
                                           CELL_BLANK | CELL_GARBAGE | CELL_ZERO};
        cells_lose(state, x->config.n_slots, step->op / sizeof READINGS % JOURNAL_MIRRORS,
                   READINGS[step->op % sizeof READINGS]);
        state->lost = 1;
        return true;
    }
    x->flash.fault = (enum cells_fault)step->fault;
    x->flash.fault_at = step->fault_at;
    x->flash.n_choices = step->n_choices;
    for (uint32_t i = 0; i < step->n_choices && i < CELLS_CHOICES_MAX; i++) {
        x->flash.choice[i] = (uint8_t)(step->choices >> CHOICE_BITS * i & 7);
    }
    x->broken = NULL;
    replay->is_cut = false;
    cells_boot(&x->flash, state, x->config.n_slots);
    run_session(x);
    if (x->broken && !replay->is_cut) {
        (void)printf("BROKEN %s: %s\n", x->check, x->broken);
        return false;
    }
    x->broken = NULL;
    *state = replay->is_cut ? replay->cut : x->flash.state;
    return true;
}

bool fixpoint_replay(const struct fixpoint_config *config, const char *id)
{
    static struct fixpoint_result result;
    struct explorer *x = grow(NULL, sizeof *x);
    char *end = NULL;
    struct fixpoint_config of_id = *config;
    of_id.fails = strncmp(id, "pc/fixfault", strlen("pc/fixfault")) == 0;
    of_id.n_slots = (uint32_t)strtoul(id + strlen("pc/fixpoint"), &end, 10);
    of_id.n_writes = of_id.n_slots - 3;
    if (of_id.n_slots < 4 || of_id.n_slots > CELLS_SLOTS_MAX) {
        free(x);
        return false;
    }
    set_up(x, &of_id, &result);
    struct replay replay = {.x = x};
    x->is_replay = true;
    x->flash.observer = (struct cells_observer){replay_before_op, replay_broke, &replay};
    struct cells_state state = x->states[0];
    bool is_whole = true;
    const char *at = end;
    while (is_whole && *at != '\0') {
        at++;
        if (!parse_step(&at, &replay.step)) {
            (void)printf("not a replay id from here on: %s\n", at);
            break;
        }
        is_whole = replay_step(&replay, &state);
        cells_canonical(&state, x->config.n_slots);
        (void)printf("  %s at operation %u: acted upon %u, newest written %u, cut sessions %u\n",
                     END_NAMES[replay.step.end], (unsigned)replay.step.op, (unsigned)state.acted,
                     (unsigned)state.written, (unsigned)state.cuts);
        print_state(&state, x->config.n_slots);
    }
    tear_down(x);
    return !is_whole;
}
