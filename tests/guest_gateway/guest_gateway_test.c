/* Two boards: the gateway's core on a Cortex-M4 drives the real firmware of another, through its SPI and three pins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "link_client/link_ladder.h"
#include "pair.h"
#include "small_app.h"

enum { CORE_MAX_BYTES = 16384, SOME_BYTES = 10000, MOST_BYTES = 20000, V2 = 0x02000000 };

static unsigned missed_ticks(const struct pair *p)
{
    const struct twin_board_ticks ticks = twin_board_ticks(&p->target);
    assert_true(ticks.n_reports > 0);
    return ticks.missed;
}

/* An application of one page that confirms itself and knows no agent. */
static const struct test_release *agentless(void)
{
    static struct test_release release;
    uint8_t *code[2];
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), 0x00090000, 1);
    for (unsigned slot = 0; slot < 2; slot++) {
        spec.payload_bytes_of[slot] = 0;
        spec.payload[slot] = code[slot] =
            small_app_code((enum slot)slot, BOOT_APP_CONFIRMS, &spec.payload_bytes_of[slot]);
    }
    test_release_make(&spec, &release);
    free(code[0]);
    free(code[1]);
    return &release;
}

static void print_usage(const struct pair *p)
{
    const struct mailbox_usage *u = &p->usage;
    print_message("gateway on a Cortex-M4: flash %u, RAM %u (core %u), stack %u of %u bytes; %u bytes over "
                  "SPI, %u ms\n",
                  (unsigned)u->flash_bytes, (unsigned)u->ram_bytes, (unsigned)u->core_bytes,
                  (unsigned)u->stack_bytes, (unsigned)u->stack_room,
                  (unsigned)twin_stats(p->gateway)->spi_bytes,
                  (unsigned)(twin_now_ns(p->gateway) / 1000000U));
    assert_in_range(u->core_bytes, 1, CORE_MAX_BYTES);
    assert_in_range(u->stack_bytes, 1, u->stack_room - 1024);
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void release_is_fetched_checked_streamed_tried_and_confirmed(void **state)
{
    (void)state;
    struct pair *p = pair_open(NULL);
    pair_publish(p, demo_release(2));
    pair_run_until(p, GATEWAY_EVENT_CONFIRMED);
    assert_int_equal(p->last[GATEWAY_EVENT_CONFIRMED].version, V2);
    pair_run_ms(p, 1500);
    assert_true(twin_board_holds(&p->target, SLOT_B, demo_release(2)));
    assert_true(twin_board_holds(&p->target, SLOT_A, demo_release(1)));
    assert_int_equal(twin_board_count(&p->target, "app: version 2.0.0 slot B trial"), 1);
    assert_int_equal(missed_ticks(p), 0);
    assert_int_equal(p->n_events[GATEWAY_EVENT_FAILED], 0);
    pair_run_until(p, GATEWAY_EVENT_QUIET); /* and from now on a 304 is all */
    assert_int_equal(twin_stats(p->gateway)->spi_bytes, twin_stats(p->target.twin)->spi_bytes);
    print_usage(p);
    pair_close(p);
}

static void release_that_never_confirms_is_rolled_back_and_left_alone(void **state)
{
    (void)state;
    struct pair *p = pair_open(NULL);
    pair_publish(p, demo_release(3));
    pair_run_until(p, GATEWAY_EVENT_ROLLED_BACK);
    pair_run_ms(p, 1500);
    assert_int_equal(twin_board_count(&p->target, "app: version 3.0.0 slot B trial"), 3);
    assert_int_equal(twin_board_count(&p->target, "app: version 1.0.0 slot A confirmed"), 1);
    const uint64_t erases = twin_board_erases(&p->target, SLOT_B);
    pair_run_until(p, GATEWAY_EVENT_NOTHING);
    assert_int_equal(p->last[GATEWAY_EVENT_NOTHING].reason, E_SLOT_REJECTED);
    assert_int_equal(p->n_events[GATEWAY_EVENT_OFFER], 1);
    assert_int_equal(twin_board_erases(&p->target, SLOT_B), erases);
    pair_close(p);
}

static void gateway_that_loses_power_and_memory_goes_on_from_what_is_in_flash(void **state)
{
    (void)state;
    struct pair *p = pair_open(NULL);
    pair_publish(p, demo_release(2));
    while (p->last[GATEWAY_EVENT_PROGRESS].done < SOME_BYTES) {
        pair_run_until(p, GATEWAY_EVENT_PROGRESS);
    }
    const uint32_t flashed = p->last[GATEWAY_EVENT_PROGRESS].done;
    const uint64_t resets = twin_stats(p->target.twin)->resets_pin;
    pair_cut_gateway(p, 100);
    pair_run_until(p, GATEWAY_EVENT_BEGUN);
    assert_in_range(p->last[GATEWAY_EVENT_BEGUN].done, flashed, p->last[GATEWAY_EVENT_BEGUN].total);
    pair_run_until(p, GATEWAY_EVENT_CONFIRMED);
    assert_true(twin_board_holds(&p->target, SLOT_B, demo_release(2)));
    assert_int_equal(twin_board_erases(&p->target, SLOT_B), 1);
    assert_int_equal(twin_stats(p->target.twin)->resets_pin, resets); /* its pins never touched NRST */
    pair_close(p);
}

static void download_that_is_cut_goes_on_where_it_was(void **state)
{
    (void)state;
    struct pair *p = pair_open(NULL);
    p->server.cut_every_bytes = MOST_BYTES;
    pair_publish(p, demo_release(2));
    pair_run_until(p, GATEWAY_EVENT_CHECKED);
    assert_int_equal(p->server.n_ranges, 1);
    assert_int_equal(p->server.n_blob_bytes, demo_release(2)->n_image[SLOT_B]); /* no byte came twice */
    assert_int_equal(twin_board_erases(&p->target, SLOT_B), 0);
    pair_close(p);
}

static void image_by_another_key_is_refused_before_anything_is_erased(void **state)
{
    (void)state;
    static struct test_release foreign;
    struct test_key other;
    test_key_make(&other, 9);
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), V2, 2);
    spec.image_key = &other;
    test_release_make(&spec, &foreign);
    struct pair *p = pair_open(NULL);
    pair_publish(p, &foreign);
    pair_run_until(p, GATEWAY_EVENT_REFUSED);
    assert_int_equal(p->last[GATEWAY_EVENT_REFUSED].reason, E_IMAGE_KEY);
    assert_int_equal(twin_board_erases(&p->target, SLOT_B), 0);
    pair_close(p);
}

static void silent_target_is_updated_through_its_rom_and_its_loader(void **state)
{
    (void)state;
    struct pair *p = pair_open(agentless());
    pair_publish(p, demo_release(2));
    pair_run_until(p, GATEWAY_EVENT_CONFIRMED);
    assert_int_equal(p->n_events[GATEWAY_EVENT_LADDER], 2); /* RESET did not help, REQUEST did */
    assert_int_equal(p->last[GATEWAY_EVENT_LADDER].done, LINK_RUNG_REQUEST);
    assert_int_equal(p->last[GATEWAY_EVENT_LADDER].reason, FOTA_OK);
    assert_true(twin_board_holds(&p->target, SLOT_B, demo_release(2)));
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_is_fetched_checked_streamed_tried_and_confirmed),
        cmocka_unit_test(release_that_never_confirms_is_rolled_back_and_left_alone),
        cmocka_unit_test(gateway_that_loses_power_and_memory_goes_on_from_what_is_in_flash),
        cmocka_unit_test(download_that_is_cut_goes_on_where_it_was),
        cmocka_unit_test(image_by_another_key_is_refused_before_anything_is_erased),
        cmocka_unit_test(silent_target_is_updated_through_its_rom_and_its_loader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
