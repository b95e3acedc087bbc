/**
 * The explorer of fota-elf-cuts: a board whose wires take a snapshot before each step of the host, cut every
 * flash operation of the step from there, and judge what becomes of the board. Then the host goes on as if
 * nothing had been.
 */
#ifndef TWINCUT_ELF_EXPLORE_H
#define TWINCUT_ELF_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flash_map.h"
#include "cuts_judge.h"
#include "pc_id.h"
#include "port_twin/twin_link.h"

enum {
    SLICE_US = 8000,
    /* A repair of both sectors is two erases, 2 s at the datasheet's maximum, after 30 s of good supply (rule
     * R10). */
    BOOT_MAX_MS = 44000,
    CONFIRM_MAX_MS = 8000,
    CUT_MAX_MS = 5000,
    DEPTHS = 2,
    TRAIL_ACTIONS = 400,
    TRAIL_BYTES = 1 << 15,
    TRAIL_NS = 10000000, /* what is run again for each cut */
    MEMO = 1 << 18,
    CLASSES = 1 << 12,
    SECOND_STRIDE = 4,
    RECOVERY_STRIDE = 8, /* of the distinct situations, every so many has its recovery cut */
    BRICKS_SHOWN = 20,
    QUICK_OUTCOMES = 5,   /* every so many */
    ERASES_MAX = 8,       /* in one step of the host */
    WAY_REST_NS = 2000,   /* what is run again for each outcome */
    WAY_WORTH_NS = 100000 /* a way shorter than this is not worth a snapshot */
};

/* One step of the host: bytes on the wire, or time. */
struct action {
    const uint8_t *mosi; /* with is_spi; NULL: zeros */
    size_t n_bytes;
    bool is_spi;
    uint64_t until_ns;
};

/* The steps since the last snapshot, to be taken again from there. */
struct trail {
    struct twin_snapshot *before;
    uint64_t start_ns;
    size_t n_actions;
    struct action action[TRAIL_ACTIONS];
    size_t n_bytes;
    uint8_t bytes[TRAIL_BYTES];
};

/* From a snapshot to an operation: the trail's, or a later one between its steps. */
struct way {
    const struct trail *trail;
    struct twin_snapshot *from;
    size_t action; /* goes on with this one ... */
    size_t done;   /* ... after these bytes of it */
};

struct counts {
    uint64_t cuts, distinct, nested, bricks, follow_ups, second_boots, meta_ops, erases;
    uint64_t watchdog_resets; /* inside an erase */
};

struct explorer {
    struct link_io io; /* first member: the wires, with a snapshot before each step */
    struct twin_link wires;
    struct twin_board board;
    struct twin_snapshot *factory; /* confirmed, powered */
    bool wants_erase;              /* keep the next moment inside an erase: */
    struct twin_snapshot *in_erase;
    const char *scenario;
    bool is_exploring;
    bool is_quick;
    unsigned depth;
    uint64_t base_op[DEPTHS];
    struct pc_cut path[DEPTHS];
    unsigned n_replay;
    struct pc_cut replay[DEPTHS];
    uint64_t n_seen[DEPTHS]; /* operations met at this depth, for sampling */
    unsigned bulk_stride, meta_stride, nested_stride, kill_run;
    struct trail trail[DEPTHS];
    struct counts counts;
    uint64_t memo[MEMO];
    uint64_t class_seen[CLASSES];
};

/** Wires of `x` whose steps are explored; set once. */
void elf_init_wires(struct explorer *x);

/** From here on operations are cut, counted from 1. */
void elf_begin_exploring(struct explorer *x);

/** Flash operations and erases so far. */
uint64_t elf_ops(const struct explorer *x);
uint64_t elf_erases(const struct explorer *x);

/** Snapshot of the board; the program ends if memory is short. */
struct twin_snapshot *elf_save(const struct explorer *x);

/** Let time pass. */
void elf_run_us(struct explorer *x, uint32_t us);

/** Power off and on, and run until an application has introduced itself or time is up. */
struct twin_start elf_boot(struct explorer *x);

/** The host installs a release; the program ends if that fails. */
void elf_install(struct explorer *x, unsigned version);

/** An update under the watchdog, and resets inside an erase, at both ends of the spread of its clock. The
 * board must be closed. */
void elf_watchdog(struct explorer *x);

/** Run until the console says it, at most CONFIRM_MAX_MS. */
bool elf_wait_for(struct explorer *x, const char *text);

#endif
