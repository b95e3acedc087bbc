/* The contract of port/stage.h on the store in memory, and proof that the contract notices a store that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/stage_fake.h"
#include "stage_contract.h"

static uint8_t memory[STAGE_SHELVES * STAGE_CONTRACT_SHELF_BYTES];

static struct stage_fake *fake_of(const struct stage_contract_env *env)
{
    return env->ctx;
}

static void restart(struct stage_contract_env *env)
{
    (void)env; /* it keeps nothing beside its memory */
}

static void cut_at(struct stage_contract_env *env, uint32_t write, uint32_t seed)
{
    stage_fake_cut_at(fake_of(env), write, seed);
}

static bool is_cut(const struct stage_contract_env *env)
{
    return fake_of(env)->is_cut;
}

static void power_up(struct stage_contract_env *env, uint32_t seed)
{
    stage_fake_power_up(fake_of(env), seed);
}

static const struct stage_contract_world WORLD = {restart, cut_at, is_cut, power_up};

static struct stage_contract_env open_store(struct stage_fake *fake)
{
    stage_fake_init(fake, memory, STAGE_CONTRACT_SHELF_BYTES);
    return (struct stage_contract_env){
        .stage = &fake->stage, .shelf_bytes = STAGE_CONTRACT_SHELF_BYTES, .world = &WORLD, .ctx = fake};
}

static void store_in_memory_keeps_the_stage_contract(void **state)
{
    (void)state;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name; c++) {
        static struct stage_fake fake;
        struct stage_contract_env env = open_store(&fake);
        const char *broken = c->run(&env);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Planted: a store that is right but in one thing. */
enum lie {
    HOLDS_A_GHOST,
    DROPS_A_BYTE,
    TAKES_OVERLAPS,
    TAKES_EMPTY_ITEMS,
    FORGETS_ON_BEGIN,
    KEEPS_HALF,
    NEVER_SYNCS,
    KEEPS_BY_HALVES,
    LIES
};

struct liar {
    struct stage_fake fake; /* first member: the calls below are given this */
    enum lie lie;
};

static struct stage_ops honest;

static enum lie lie_of(struct stage *stage)
{
    return ((struct liar *)(void *)stage)->lie;
}

static enum fota_err lying_look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    if (lie_of(stage) == HOLDS_A_GHOST) {
        memset(out, 0, sizeof *out);
        return FOTA_OK;
    }
    return honest.look(stage, shelf, out);
}

static enum fota_err lying_begin(struct stage *stage, const struct stage_item *item, const uint8_t *note)
{
    struct stage_fake *f = (struct stage_fake *)(void *)stage;
    if (lie_of(stage) == TAKES_EMPTY_ITEMS && item->total_bytes == 0) {
        return FOTA_OK;
    }
    f->shelf[STAGE_INCOMING].is_there =
        f->shelf[STAGE_INCOMING].is_there && lie_of(stage) != FORGETS_ON_BEGIN;
    return honest.begin(stage, item, note);
}

static enum fota_err lying_append(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct stage_fake *f = (struct stage_fake *)(void *)stage;
    struct stage_fake_item *in = &f->shelf[STAGE_INCOMING];
    if (lie_of(stage) == TAKES_OVERLAPS && off < in->item.n_bytes) {
        return FOTA_OK;
    }
    if (lie_of(stage) == KEEPS_BY_HALVES && f->n_writes + 1U == f->cut_at && n_bytes > 1) {
        in->bytes[off / 2U] ^= 1U; /* the cut damages what was there */
    }
    enum fota_err err = honest.append(stage, off, bytes, n_bytes);
    if (lie_of(stage) == DROPS_A_BYTE && n_bytes > 1) {
        in->bytes[off + n_bytes - 1] ^= 1U;
    }
    in->n_durable_bytes = lie_of(stage) == NEVER_SYNCS ? 0 : in->n_durable_bytes;
    return err;
}

static enum fota_err lying_keep(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_fake_item *in = &((struct stage_fake *)(void *)stage)->shelf[STAGE_INCOMING];
    if (lie_of(stage) == KEEPS_HALF) {
        in->item.total_bytes = in->item.n_bytes;
    }
    return honest.keep(stage, shelf);
}

static void each_promise_notices_a_store_that_breaks_it(void **state)
{
    (void)state;
    static const char *const CAUGHT_BY[LIES] = {[HOLDS_A_GHOST] = "a_new_store_is_empty",
                                                [DROPS_A_BYTE] = "appended_bytes_read_back_at_once",
                                                [TAKES_OVERLAPS] = "gap_overlap_and_excess_are_refused",
                                                [TAKES_EMPTY_ITEMS] = "wrong_items_are_refused",
                                                [FORGETS_ON_BEGIN] =
                                                    "the_same_item_goes_on_and_another_begins_anew",
                                                [KEEPS_HALF] = "kept_items_stay_while_others_arrive",
                                                [NEVER_SYNCS] = "power_that_fails_between_calls_costs_little",
                                                [KEEPS_BY_HALVES] = "a_cut_in_any_write_leaves_whole_items"};
    for (enum lie lie = HOLDS_A_GHOST; lie < LIES; lie++) {
        bool is_caught = false;
        for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name; c++) {
            static struct liar liar;
            struct stage_contract_env env = open_store(&liar.fake);
            honest = *liar.fake.stage.ops;
            struct stage_ops lying = honest;
            lying.look = lying_look;
            lying.begin = lying_begin;
            lying.append = lying_append;
            lying.keep = lying_keep;
            liar.fake.stage.ops = &lying;
            liar.lie = lie;
            is_caught = is_caught || (strcmp(c->name, CAUGHT_BY[lie]) == 0 && c->run(&env));
        }
        if (!is_caught) {
            fail_msg("%s does not notice", CAUGHT_BY[lie]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_in_memory_keeps_the_stage_contract),
        cmocka_unit_test(each_promise_notices_a_store_that_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
