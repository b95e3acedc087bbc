/*
 * Instruction faults on the way from reset to the jump: each instruction skipped, each loaded register
 * zeroed, one at a time, on boards whose image must not start. The bootloader's ELF runs on the twin. An
 * image that must not start is an endless loop, so a board that started it still runs it when the run is
 * judged.
 *
 * Instructions that are executed often (hash, field arithmetic, waiting for the flash) are sampled; of the
 * others, each is faulted in its first and last visits of each context (place, stack pointer, return
 * address), and at random between. A run ends early when the board is, at one of the checkpoints, in the
 * state of the unfaulted run: core, RAM above the stack pointer, journal.
 *
 *     fota-skip [--quick] [--replay NAME/STEP/FAULT] [NAME ...]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/flash_map.h"
#include "board_journal.h"
#include "cuts_judge.h"
#include "firmware.h"
#include "skip_decode.h"
#include "small_app.h"

enum {
    STEPS_MAX = 40000000,
    HOT_VISITS = 2000,
    HEAD_VISITS = 2,
    TAIL_VISITS = 2,
    KEYS = 1 << 22,
    PLACES = 0x2000 + 0x800, /* halfwords of sector 0 and of the services' RAM */
    CHECKPOINTS = 200,
    CHECKPOINT_TRIES = 6,
    STEADY_STEPS = 5000, /* so many in a row inside the loader: the boot is over */
    MISS_COST = 10,
    STEADY_LOOK_STEPS = 400000, /* several milliseconds of the loader */
    STEADY_MS = 1500,
    STACK_BYTES = 4096,
    REGISTERS = 17,
    J0_LOOK_BYTES = 4096,
    FAULT_SKIP = 16, /* 0..14: zero this register after the load */
    BAD_SHOWN = 40,
    QUICK_EDGES = 31,
    SHORT_STEPS = 100000
};

/* What is wrong on the board. */
enum damage { DAMAGE_NONE, DAMAGE_PAYLOAD, DAMAGE_SIGNATURE, DAMAGE_KEY };

struct scenario {
    const char *name;
    enum damage damage;
    bool is_in_b;    /* the bad image is in B on trial; else it is in A, confirmed */
    bool is_unknown; /* the journal knows no confirmed image */
    bool has_good;   /* with a good image in A; else the other slot is blank */
    unsigned stride; /* of the repeated visits that are chosen, every so many */
    unsigned first;  /* of the first visits of each place, every so many */
    unsigned last;   /* of the last visits */
    unsigned hot;    /* faults among the instructions that are executed often */
};

/* Faults before a signature is checked cost its whole time each: there, fewer. */
static const struct scenario SCENARIOS[] = {
    {"hash", DAMAGE_PAYLOAD, false, false, false, 2, 1, 1, 2000},
    {"unknown", DAMAGE_PAYLOAD, false, true, false, 8, 1, 1, 500},
    {"trial", DAMAGE_PAYLOAD, true, false, false, 4, 1, 1, 500},
    {"signature", DAMAGE_SIGNATURE, false, false, false, 100, 16, 1, 250},
    {"forged-trial", DAMAGE_KEY, true, false, false, 200, 24, 2, 100},
    {"fallback", DAMAGE_PAYLOAD, true, false, true, 1000, 64, 6, 50},
};
enum { N_SCENARIOS = sizeof SCENARIOS / sizeof SCENARIOS[0] };

enum end { END_BAD, END_MARKER, END_SAME, END_RESET, END_LOCKUP, END_ELSEWHERE, ENDS };
static const char *const END_NAMES[ENDS] = {"bad boot", "as it should", "converged",
                                            "reset",    "lock-up",      "elsewhere"};

struct checkpoint {
    uint32_t step;
    uint32_t pc;
    uint64_t time_ns;
    uint64_t flash_ops;
    uint32_t reg[REGISTERS];
    uint8_t *sram;
    uint8_t *journal; /* front of J0, then J1 */
};

struct key_count {
    uint32_t key;
    uint32_t total;
    uint32_t seen;
};

struct skip_run {
    const struct scenario *scenario;
    struct twin_board board;
    struct twin_snapshot *start; /* before the first instruction */
    uint32_t bad_base;
    uint32_t marker; /* where the boot ends as it should: in the loader, or at the good image's entry */
    uint32_t n_steps;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t resets;
    uint32_t *pc;
    uint32_t *key;
    struct key_count *keys;
    uint32_t visits[PLACES];
    uint32_t n_checkpoints;
    struct checkpoint checkpoint[CHECKPOINTS];
    uint64_t hot_steps;
    uint64_t n_ends[ENDS];
    uint64_t n_runs;
    uint64_t random;
    unsigned quick; /* 1, or how much less is done */
    uint64_t n_chosen;
    uint32_t place_seen[PLACES];
};

static uint64_t next_random(struct skip_run *b)
{
    b->random = b->random * 6364136223846793005U + 1442695040888963407U;
    return b->random >> 33;
}

/* --- boards --- */

static void damage(struct small_image *image, enum damage kind)
{
    struct image parts;
    if (image_parse(image->bytes, image->n_bytes, &parts) != FOTA_OK) {
        twin_board_die("image", "does not parse");
    }
    if (kind == DAMAGE_PAYLOAD) {
        image->bytes[IMAGE_HEADER_AREA_BYTES + parts.img_bytes - 1] ^= 0x40;
    } else if (kind == DAMAGE_SIGNATURE) {
        image->bytes[parts.signature_off + parts.signature_bytes - 1] ^= 1;
    }
}

/* Signed by a stranger who writes our key's name over his own. */
static void forge(enum slot slot, const struct key *ours, struct small_image *out)
{
    struct key other;
    struct image parts;
    if (key_generate(&other) != FOTA_OK) {
        twin_board_die("key", "cannot be made");
    }
    small_image_make_trap(slot, &other, out);
    if (image_parse(out->bytes, out->n_bytes, &parts) != FOTA_OK) {
        twin_board_die("image", "does not parse");
    }
    memcpy(out->bytes + parts.keyhash_off, ours->spki_sha256, CRYPTO_SHA256_BYTES);
}

static void store(struct twin_board *b, enum slot slot, const struct small_image *image,
                  struct boot_record *record, enum slot_state state)
{
    uint8_t sha256[32];
    small_board_store(b, slot, image);
    firmware_image_hash(image->bytes, image->n_bytes, sha256);
    /* The worst case: the record knows the very bytes that are there. */
    memcpy(record->digest[slot], sha256, BOOT_RECORD_DIGEST_BYTES);
    record->state[slot] = (uint8_t)state;
}

static void make_board(struct skip_run *b)
{
    static struct small_image image;
    const struct scenario *s = b->scenario;
    const struct twin_config config = {.flash_timing = TWIN_FLASH_TYPICAL, .seed = 5};
    struct boot_record record = {.active = (uint8_t)(s->is_in_b && !s->has_good ? SLOT_NONE : SLOT_A)};
    enum slot bad = s->is_in_b ? SLOT_B : SLOT_A;
    struct key key;
    firmware_read_key(&key);
    twin_board_open_with(&b->board, &config, NULL);
    if (s->has_good) {
        small_image_make_trap(SLOT_A, &key, &image);
        store(&b->board, SLOT_A, &image, &record, SLOT_STATE_CONFIRMED);
    }
    if (s->damage == DAMAGE_KEY) {
        forge(bad, &key, &image);
    } else {
        small_image_make_trap(bad, &key, &image);
        damage(&image, s->damage);
    }
    store(&b->board, bad, &image, &record, s->is_in_b ? SLOT_STATE_TRIAL : SLOT_STATE_CONFIRMED);
    record.tries = s->is_in_b ? BOOT_TRIAL_RUNS : 0;
    record.starts = s->is_in_b ? BOOT_TRIAL_STARTS : 0;
    if (s->is_unknown) {
        record = (struct boot_record){.active = SLOT_NONE};
    }
    board_journal_append(b->board.twin, &record);
    b->bad_base = s->is_in_b ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE;
    key_forget(&key);
}

static uint64_t resets_of(const struct twin *t)
{
    const struct twin_stats *s = twin_stats(t);
    return s->resets_pin + s->resets_software + s->resets_iwdg + s->resets_power;
}

static bool is_in(uint32_t pc, uint32_t base)
{
    return pc - base < FLASH_SLOT_BYTES;
}

static void to_first_instruction(struct skip_run *b)
{
    uint32_t reset_handler;
    (void)twin_peek(b->board.twin, FLASH_BOOT_BASE + 4, &reset_handler, sizeof reset_handler);
    twin_set_power(b->board.twin, true);
    twin_set_breakpoint(b->board.twin, reset_handler);
    if (twin_run_until(b->board.twin, twin_now_ns(b->board.twin) + 100000000U) != TWIN_STOP_BREAKPOINT) {
        twin_board_die("twin", "does not come out of reset");
    }
    twin_set_breakpoint(b->board.twin, 0);
    b->start = twin_save(b->board.twin);
    b->start_ns = twin_now_ns(b->board.twin);
    b->resets = resets_of(b->board.twin);
}

/* --- the unfaulted run --- */

static uint32_t place_of(uint32_t pc)
{
    uint32_t off = pc - FLASH_BOOT_BASE;
    return off < FLASH_BOOT_BYTES ? off >> 1 : 0x2000 + ((pc & (RAM_SERVICES_BYTES - 1)) >> 1);
}

/* What a board does that has not been faulted: fills `steady` with the loader's places. @return false: a good
 * image */
static bool find_steady(struct skip_run *b, bool steady[PLACES])
{
    struct twin *t = b->board.twin;
    (void)twin_run_until(t, twin_now_ns(t) + STEADY_MS * 1000000ULL);
    uint32_t pc = twin_reg(t, 15);
    if (is_in(pc, b->bad_base)) {
        twin_board_die(b->scenario->name, "the bad image starts without any fault");
    }
    for (uint32_t i = 0; i < STEADY_LOOK_STEPS && pc < FLASH_SLOT_A_BASE; i++) {
        steady[place_of(twin_reg(t, 15))] = true;
        (void)twin_step(t);
    }
    twin_restore(t, b->start);
    return pc < FLASH_SLOT_A_BASE;
}

static uint32_t hash_of(uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t h = a * 0x9E3779B97F4A7C15U ^ b * 0xC2B2AE3D27D4EB4FU ^ c * 0x165667B19E3779F9U;
    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9U;
    return (uint32_t)(h >> 32) | 1U;
}

static struct key_count *count_of(struct skip_run *b, uint32_t key)
{
    uint32_t i = key & (KEYS - 1);
    while (b->keys[i].key != 0 && b->keys[i].key != key) {
        i = (i + 1) & (KEYS - 1);
    }
    b->keys[i].key = key;
    return &b->keys[i];
}

/* Where the loader's loop begins: of its places, the one that was visited last for the first time. */
static void cut_at_marker(struct skip_run *b, const bool steady[PLACES])
{
    static uint32_t first[PLACES];
    uint32_t at = 0;
    memset(first, 0xFF, sizeof first);
    for (uint32_t i = 0; i < b->n_steps; i++) {
        uint32_t place = place_of(b->pc[i]);
        if (first[place] == UINT32_MAX) {
            first[place] = i;
            at = steady[place] ? i : at;
        }
    }
    b->marker = b->pc[at];
    b->n_steps = at;
}

static void trace(struct skip_run *b)
{
    static bool steady[PLACES];
    struct twin *t = b->board.twin;
    memset(steady, 0, sizeof steady);
    bool is_loader = find_steady(b, steady);
    uint32_t in_a_row = 0;
    b->n_steps = 0;
    while (b->n_steps < STEPS_MAX && in_a_row < STEADY_STEPS) {
        uint32_t pc = twin_reg(t, 15);
        if (pc >= FLASH_SLOT_A_BASE && pc < RAM_BASE) {
            b->marker = pc;
            break;
        }
        b->pc[b->n_steps] = pc;
        b->key[b->n_steps++] = hash_of(pc, twin_reg(t, 13), twin_reg(t, 14));
        /* The loader has rare paths of its own; what it shares with the boot is little. */
        bool is_steady = is_loader && steady[place_of(pc)];
        in_a_row = is_steady ? in_a_row + 1 : in_a_row > MISS_COST ? in_a_row - MISS_COST : 0;
        (void)twin_step(t);
    }
    if (b->n_steps == STEPS_MAX) {
        twin_board_die(b->scenario->name, "the boot takes more instructions than there is room for");
    }
    if (is_loader) {
        cut_at_marker(b, steady);
    }
    b->end_ns = twin_now_ns(t);
}

static void count(struct skip_run *b)
{
    memset(b->visits, 0, sizeof b->visits);
    memset(b->keys, 0, KEYS * sizeof *b->keys);
    b->hot_steps = 0;
    for (uint32_t i = 0; i < b->n_steps; i++) {
        b->visits[place_of(b->pc[i])]++;
    }
    for (uint32_t i = 0; i < b->n_steps; i++) {
        if (b->visits[place_of(b->pc[i])] > HOT_VISITS) {
            b->hot_steps++;
        } else {
            count_of(b, b->key[i])->total++;
        }
    }
}

/* --- checkpoints --- */

static void look(const struct twin *t, struct checkpoint *out)
{
    for (unsigned i = 0; i < REGISTERS; i++) {
        out->reg[i] = twin_reg(t, i);
    }
    out->flash_ops = twin_stats(t)->flash_ops;
    (void)twin_peek(t, RAM_BASE, out->sram, RAM_BYTES);
    uint32_t sp = out->reg[13];
    uint32_t bottom = RAM_SERVICES_BASE - STACK_BYTES;
    if (sp > bottom && sp <= RAM_SERVICES_BASE) {
        memset(out->sram + (bottom - RAM_BASE), 0, sp - bottom); /* below the stack pointer: dead */
    }
    (void)twin_peek(t, FLASH_J0_BASE, out->journal, J0_LOOK_BYTES);
    (void)twin_peek(t, FLASH_J1_BASE, out->journal + J0_LOOK_BYTES, FLASH_J1_BYTES);
}

static bool is_same(const struct checkpoint *a, const struct checkpoint *b)
{
    return memcmp(a->reg, b->reg, sizeof a->reg) == 0 && a->flash_ops == b->flash_ops &&
           memcmp(a->sram, b->sram, RAM_BYTES) == 0 &&
           memcmp(a->journal, b->journal, J0_LOOK_BYTES + FLASH_J1_BYTES) == 0;
}

static void make_room(struct checkpoint *c)
{
    if (!c->sram) {
        c->sram = malloc(RAM_BYTES);
        c->journal = malloc(J0_LOOK_BYTES + FLASH_J1_BYTES);
    }
    if (!c->sram || !c->journal) {
        twin_board_die("checkpoint", "out of memory");
    }
}

/* Instructions that the unfaulted run executes once, at some distance from each other. */
static void place_checkpoints(struct skip_run *b)
{
    uint32_t n_once = 0, i = 0, last = 0, gap = 40;
    for (uint32_t k = 0; k < b->n_steps; k++) {
        n_once += b->visits[place_of(b->pc[k])] == 1;
    }
    twin_restore(b->board.twin, b->start);
    b->n_checkpoints = 0;
    for (i = gap; i < b->n_steps && b->n_checkpoints < CHECKPOINTS; i++) {
        if (b->visits[place_of(b->pc[i])] != 1 || i - last < gap) {
            continue;
        }
        struct checkpoint *c = &b->checkpoint[b->n_checkpoints++];
        make_room(c);
        twin_set_breakpoint(b->board.twin, b->pc[i]);
        if (twin_run_until(b->board.twin, twin_now_ns(b->board.twin) + 3000000000ULL) !=
            TWIN_STOP_BREAKPOINT) {
            twin_board_die("checkpoint", "not reached again: the run is not repeatable");
        }
        c->step = last = i;
        c->pc = b->pc[i];
        c->time_ns = twin_now_ns(b->board.twin);
        look(b->board.twin, c);
    }
    twin_set_breakpoint(b->board.twin, 0);
    twin_restore(b->board.twin, b->start);
    printf("%s: %u instructions, %u of them executed once, %" PRIu64
           " in places with over %d visits, %u checkpoints\n",
           b->scenario->name, b->n_steps, n_once, b->hot_steps, HOT_VISITS, b->n_checkpoints);
}

/* --- faulted runs --- */

static const char *fault_name(unsigned fault, char text[16])
{
    if (fault == FAULT_SKIP) {
        return "skip";
    }
    (void)snprintf(text, 16, "load-r%u", fault);
    return text;
}

static void inject(struct twin *t, unsigned fault)
{
    if (fault == FAULT_SKIP) {
        twin_skip_instruction(t);
        return;
    }
    (void)twin_step(t);
    twin_set_reg(t, fault, 0);
}

/* @return true: the board is where the unfaulted one was at the next checkpoints */
static bool converges(struct skip_run *b, uint32_t step)
{
    static struct checkpoint now;
    struct twin *t = b->board.twin;
    unsigned tries = 0;
    make_room(&now);
    for (uint32_t i = 0; i < b->n_checkpoints && tries < CHECKPOINT_TRIES; i++) {
        const struct checkpoint *c = &b->checkpoint[i];
        if (c->step < step + 2) {
            continue;
        }
        uint64_t now_ns = twin_now_ns(t);
        uint64_t left_ns = c->time_ns > now_ns ? c->time_ns - now_ns : 0;
        twin_set_breakpoint(t, c->pc);
        if (twin_run_until(t, now_ns + left_ns + left_ns / 4 + 20000) != TWIN_STOP_BREAKPOINT) {
            return false;
        }
        look(t, &now);
        if (is_same(&now, c)) {
            return true;
        }
        tries++;
    }
    return false;
}

static enum end run_to_end(struct skip_run *b)
{
    struct twin *t = b->board.twin;
    uint64_t limit_ns = twin_now_ns(t) + 2 * (b->end_ns - b->start_ns) + 20000000U;
    twin_set_breakpoint(t, b->marker);
    while (twin_now_ns(t) < limit_ns) {
        if (is_in(twin_reg(t, 15), b->bad_base)) {
            return END_BAD;
        }
        if (resets_of(t) != b->resets) {
            return END_RESET;
        }
        enum twin_stop stop = twin_run_until(t, twin_now_ns(t) + 1000000U);
        if (stop == TWIN_STOP_BREAKPOINT) {
            return END_MARKER;
        }
        if (stop == TWIN_STOP_LOCKUP) {
            return END_LOCKUP;
        }
    }
    return is_in(twin_reg(t, 15), b->bad_base) ? END_BAD : END_ELSEWHERE;
}

/* One fault at the place where the board stands; the board is there again afterwards. */
static enum end run_fault(struct skip_run *b, uint32_t step, unsigned fault)
{
    char text[16];
    struct twin_snapshot *here = twin_save(b->board.twin);
    if (!here) {
        twin_board_die("snapshot", "out of memory");
    }
    inject(b->board.twin, fault);
    enum end end = converges(b, step) ? END_SAME : run_to_end(b);
    twin_set_breakpoint(b->board.twin, 0);
    twin_restore(b->board.twin, here);
    twin_snapshot_free(here);
    b->n_ends[end]++;
    b->n_runs++;
    if (end == END_BAD && b->n_ends[END_BAD] <= BAD_SHOWN) {
        printf("BAD BOOT %s/%u/%s at pc 0x%08X lr 0x%08X\n", b->scenario->name, step, fault_name(fault, text),
               (unsigned)twin_reg(b->board.twin, 15), (unsigned)twin_reg(b->board.twin, 14));
    }
    return end;
}

/* Each place in its first and last visit; of the other visits worth a fault, every so many. */
static bool is_chosen(struct skip_run *b, uint32_t step)
{
    uint32_t place = place_of(b->pc[step]);
    uint32_t nth = b->place_seen[place]++;
    bool is_first = nth == 0 && place % b->scenario->first == 0;
    bool is_last = nth + 1 == b->visits[place] && place % b->scenario->last == 0;
    bool is_short = step + SHORT_STEPS > b->n_steps; /* the decision: short runs, never left out */
    bool is_edge = (is_first || is_last) && (b->quick == 1 || is_short || step % QUICK_EDGES == 0);
    if (b->visits[place] > HOT_VISITS) {
        return is_edge || next_random(b) % b->hot_steps < b->scenario->hot / b->quick;
    }
    struct key_count *k = count_of(b, b->key[step]);
    uint32_t visit = k->seen++;
    bool is_wanted = visit < HEAD_VISITS || visit + TAIL_VISITS >= k->total || next_random(b) % 32 == 0;
    return is_edge || (is_wanted && b->n_chosen++ % ((uint64_t)b->scenario->stride * b->quick) == 0);
}

static uint32_t loaded_here(const struct twin *t)
{
    uint16_t op[2] = {0, 0};
    (void)twin_peek(t, twin_reg(t, 15), op, sizeof op);
    return skip_loaded_registers(op[0], op[1]);
}

static void walk(struct skip_run *b)
{
    struct twin *t = b->board.twin;
    for (uint32_t step = 0; step < b->n_steps; step++) {
        if (twin_reg(t, 15) != b->pc[step]) {
            twin_board_die("twin", "the run is not repeatable");
        }
        if (is_chosen(b, step)) {
            (void)run_fault(b, step, FAULT_SKIP);
            uint32_t loaded = loaded_here(t);
            for (unsigned r = 0; r < 15; r++) {
                if (loaded >> r & 1) {
                    (void)run_fault(b, step, r);
                }
            }
        }
        (void)twin_step(t);
    }
}

static void open_scenario(struct skip_run *b, const struct scenario *s)
{
    b->scenario = s;
    memset(b->n_ends, 0, sizeof b->n_ends);
    memset(b->place_seen, 0, sizeof b->place_seen);
    b->n_runs = 0;
    make_board(b);
    to_first_instruction(b);
    trace(b);
    count(b);
    place_checkpoints(b);
}

static void close_scenario(struct skip_run *b)
{
    twin_snapshot_free(b->start);
    twin_destroy(b->board.twin);
}

/* The judge must see a boot of the image when there is one: without damage there always is. */
static void prove_the_judge(struct skip_run *b)
{
    static const struct scenario good = {"good", DAMAGE_NONE, false, false, false, 1, 1, 1, 0};
    b->scenario = &good;
    make_board(b);
    to_first_instruction(b);
    b->marker = 0;
    b->end_ns = b->start_ns + 500000000U;
    if (run_to_end(b) != END_BAD) {
        twin_board_die("judge", "does not see the image that boots");
    }
    close_scenario(b);
}

static int replay(struct skip_run *b, const char *id)
{
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        size_t n = strlen(SCENARIOS[i].name);
        uint32_t step;
        char what[16];
        if (strncmp(id, SCENARIOS[i].name, n) != 0 || id[n] != '/' ||
            sscanf(id + n, "/%" SCNu32 "/%15s", &step, what) != 2) {
            continue;
        }
        open_scenario(b, &SCENARIOS[i]);
        for (uint32_t k = 0; k < step && k < b->n_steps; k++) {
            (void)twin_step(b->board.twin);
        }
        unsigned fault = strcmp(what, "skip") == 0 ? FAULT_SKIP : (unsigned)strtoul(what + 6, NULL, 10);
        printf("pc 0x%08X\n", (unsigned)twin_reg(b->board.twin, 15));
        enum end end = run_fault(b, step, fault);
        printf("%s: %s\n", id, END_NAMES[end]);
        close_scenario(b);
        return end == END_BAD;
    }
    twin_board_die(id, "is not NAME/STEP/skip or NAME/STEP/load-rN");
}

int main(int argc, char **argv)
{
    static struct skip_run b;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    bool is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    uint64_t n_runs = 0, n_bad = 0;
    b.pc = malloc(sizeof *b.pc * STEPS_MAX);
    b.key = malloc(sizeof *b.key * STEPS_MAX);
    b.keys = malloc(sizeof *b.keys * KEYS);
    if (!b.pc || !b.key || !b.keys) {
        twin_board_die("trace", "out of memory");
    }
    b.random = 2026;
    b.quick = is_quick ? 60 : 1;
    if (argc > 2 && strcmp(argv[1], "--replay") == 0) {
        return replay(&b, argv[2]);
    }
    prove_the_judge(&b);
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        if (!cuts_is_asked_for(SCENARIOS[i].name, argc, argv)) {
            continue;
        }
        open_scenario(&b, &SCENARIOS[i]);
        walk(&b);
        printf("%s: %" PRIu64 " runs:", b.scenario->name, b.n_runs);
        for (unsigned k = 0; k < ENDS; k++) {
            printf(" %s %" PRIu64 ",", END_NAMES[k], b.n_ends[k]);
        }
        printf("\n");
        (void)fflush(stdout);
        n_runs += b.n_runs;
        n_bad += b.n_ends[END_BAD];
        close_scenario(&b);
    }
    printf("skip_runs %" PRIu64 "\nskip_bad_boots %" PRIu64 "\nseconds %ld\n", n_runs, n_bad,
           (long)(clock() / CLOCKS_PER_SEC));
    return n_bad != 0;
}
