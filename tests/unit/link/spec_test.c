/* docs/spec/link.md tells the truth: its vectors are replayed, its state table is compared with the source.
 * `link_spec_test --table` prints that table, `--commands` the one of the vendor requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "link_table.h"
#include "test_link.h"

enum { DOC_MAX_BYTES = 64 * 1024, LINE_MAX_BYTES = 512 };

struct row {
    const char *state, *event, *action, *next;
    unsigned pair;
};

#define ROW(s, e, a, n) {#s, #e, #a, #n, LINK_STATE_##s * LINK_N_EVENTS + LINK_EVENT_##e},

static const struct row rows[] = {LINK_TABLE(ROW)};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static char *read_spec(void)
{
    char *text = calloc(1, DOC_MAX_BYTES);
    assert_non_null(text);
    FILE *f = fopen(FOTA_SOURCE_DIR "/docs/spec/link.md", "rb");
    assert_non_null(f);
    size_t n_bytes = fread(text, 1, DOC_MAX_BYTES - 1, f);
    fclose(f);
    assert_true(n_bytes > 0 && n_bytes < DOC_MAX_BYTES - 1);
    return text;
}

static size_t parse_hex(const char *text, uint8_t *bytes, size_t max_bytes)
{
    size_t n_bytes = 0;
    unsigned value = 0;
    int n_used = 0;
    for (; sscanf(text, " %2x%n", &value, &n_used) == 1; text += n_used) {
        assert_true(n_bytes < max_bytes);
        bytes[n_bytes++] = (uint8_t)value;
    }
    return n_bytes;
}

/* One line of a vector. @return false if the loader's answer is another */
static bool replay(struct test_link *b, const char *line)
{
    uint8_t bytes[128], got[128];
    size_t n_bytes = parse_hex(line + (line[0] == 'a' ? 4 : 2), bytes, sizeof bytes);
    switch (line[0]) {
    case '>':
        host_write(b, bytes, n_bytes);
        return true;
    case 'a':
        return host_ack(b) == bytes[0];
    case '<':
        host_clock(b, 0);
        break;
    default:
        for (unsigned i = 0; i < b->polls_max && host_clock(b, 0) != LINK_REPLY; i++) {
        }
        break;
    }
    host_read(b, got, n_bytes);
    return memcmp(got, bytes, n_bytes) == 0;
}

/* @return number of lines that were replayed and agreed; stops at the first that does not */
static unsigned replay_all(char *text, struct test_link *b, bool *agrees)
{
    unsigned n_lines = 0;
    bool is_vector = false;
    *agrees = true;
    for (char *line = strtok(text, "\n"); line && *agrees; line = strtok(NULL, "\n")) {
        if (strncmp(line, "```", 3) == 0) {
            is_vector = strcmp(line, "```vector") == 0;
        } else if (is_vector) {
            *agrees = replay(b, line);
            n_lines += *agrees;
            if (!*agrees) {
                printf("vector differs: %s\n", line);
            }
        }
    }
    return n_lines;
}

static void vectors_of_the_spec_hold_for_a_fast_and_a_slow_owner(void **state)
{
    (void)state;
    static const unsigned poll_every[] = {1, 1, 29};
    for (size_t i = 0; i < 3; i++) {
        struct test_link *b = malloc(sizeof *b);
        char *text = read_spec();
        bool agrees;
        assert_non_null(b);
        host_start(b, i > 0, poll_every[i]);
        unsigned n_lines = replay_all(text, b, &agrees);
        assert_true(agrees);
        assert_true(n_lines > 60);
        assert_int_equal(b->outside, 0);
        free(text);
        free(b);
    }
}

static void a_changed_byte_in_a_vector_is_noticed(void **state)
{
    (void)state;
    struct test_link *b = malloc(sizeof *b);
    char *text = read_spec();
    bool agrees;
    assert_non_null(b);
    host_start(b, false, 1);
    char *answer = strstr(text, "< 01 04 13");
    assert_non_null(answer);
    answer[9] = '4';
    replay_all(text, b, &agrees);
    assert_false(agrees);
    free(text);
    free(b);
}

/* Rows of the page's table with this heading, whatever is in them. */
static unsigned count_rows(const char *text, const char *heading)
{
    unsigned n_rows = 0;
    const char *table = strstr(text, heading);
    assert_non_null(table);
    table = strchr(strchr(table, '\n') + 1, '\n') + 1; /* after heading and rule */
    for (; *table == '|'; table = strchr(table, '\n') + 1) {
        n_rows++;
    }
    return n_rows;
}

/* @return rows of the spec's table that the source does not have, plus rows it lacks */
static unsigned compare_tables(const char *text)
{
    unsigned n_expected = 0, n_found = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        char line[LINE_MAX_BYTES];
        if (strcmp(rows[i].action, "ILLEGAL") == 0) {
            continue;
        }
        n_expected++;
        snprintf(line, sizeof line, "\n| %s | %s | %s | %s |\n", rows[i].state, rows[i].event, rows[i].action,
                 rows[i].next);
        n_found += strstr(text, line) ? 1 : 0;
    }
    unsigned n_shown = count_rows(text, "| state | event | action | next |\n|---|---|---|---|\n");
    return (n_expected - n_found) + (n_shown > n_expected ? n_shown - n_expected : 0);
}

static void state_table_of_the_spec_is_the_source_s(void **state)
{
    (void)state;
    char *text = read_spec();
    assert_int_equal(compare_tables(text), 0);
    char *row = strstr(text, "| ACK | ECHO | ADVANCE | WORK |");
    assert_non_null(row);
    row[2] = 'N';
    assert_int_equal(compare_tables(text), 1); /* and a changed row is noticed */
    free(text);
}

#define MEANING(id, text) "\n| " #id " | " text " |\n",

/* What states and events mean stands in the spec as it stands in the source. */
static void meanings_of_states_and_events_are_the_source_s(void **state)
{
    (void)state;
    static const char *const lines[] = {LINK_STATES(MEANING) LINK_EVENTS(MEANING)};
    char *text = read_spec();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(text, lines[i])) {
            fail_msg("docs/spec/link.md lacks%s", lines[i]);
        }
    }
    free(text);
}

/* The vendor requests as docs/spec/link.md shows them, from the list that the code is made of. */
struct request {
    unsigned op;
    const char *name, *body, *reply, *when;
    unsigned least, most, reply_bytes;
};

#define REPLY_NAME(id, n_bytes, name)  [LINK_REPLY_##id] = (name),
#define REPLY_BYTES(id, n_bytes, name) [LINK_REPLY_##id] = (n_bytes),
#define WHEN_TEXT(id, text)            [LINK_WHEN_##id] = (text),

static const char *const reply_names[] = {LINK_REPLIES(REPLY_NAME)};
static const unsigned reply_bytes[] = {LINK_REPLIES(REPLY_BYTES)};
static const char *const when_texts[] = {LINK_WHENS(WHEN_TEXT)};

#define COMMAND(id, opcode, title, step, at, n, handler) {.op = (opcode), .name = (title)},
#define REQUEST(id, opcode, title, min, max, what, state, text, handler)                                     \
    {.op = (opcode),                                                                                         \
     .name = (title),                                                                                        \
     .body = (text),                                                                                         \
     .reply = reply_names[LINK_REPLY_##what],                                                                \
     .when = when_texts[LINK_WHEN_##state],                                                                  \
     .least = (min),                                                                                         \
     .most = (max),                                                                                          \
     .reply_bytes = reply_bytes[LINK_REPLY_##what]},

enum { MAX_OPS = 32 };

static size_t list_requests(struct request out[MAX_OPS])
{
    const struct request list[] = {LINK_REQUESTS(REQUEST)};
    memcpy(out, list, sizeof list);
    return sizeof list / sizeof list[0];
}

static void write_request(const struct request *r, char line[LINE_MAX_BYTES])
{
    char sizes[32];
    snprintf(sizes, sizeof sizes, r->least == r->most ? "%u" : "%u to %u", r->least, r->most);
    snprintf(line, LINE_MAX_BYTES, "| %s | %02X | %s | %s | %s | %u | %s |\n", r->name, r->op, r->body, sizes,
             r->reply, r->reply_bytes, r->when);
}

/* @return requests that the page does not show as the source has them, plus rows of the page that are too
 * many */
static unsigned compare_requests(const char *text)
{
    struct request requests[MAX_OPS];
    size_t n_requests = list_requests(requests);
    unsigned n_missing = 0;
    for (size_t i = 0; i < n_requests; i++) {
        char line[LINE_MAX_BYTES];
        write_request(&requests[i], line);
        n_missing += !strstr(text, line);
    }
    unsigned n_shown = count_rows(text, "| request | op | body | bytes | reply | bytes | allowed |\n");
    return n_missing + (unsigned)(n_shown > n_requests ? n_shown - n_requests : 0);
}

static void the_commands_of_the_spec_are_the_source_s(void **state)
{
    (void)state;
    char *text = read_spec();
    assert_int_equal(compare_requests(text), 0);
    char *row = strstr(text, "| 9 to 4104 |");
    assert_non_null(row);
    row[2] = '8';
    assert_int_equal(compare_requests(text), 1); /* and a changed size is noticed */
    free(text);
    static const struct request commands[] = {LINK_COMMANDS(COMMAND)};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_string_equal(link_op_name((uint8_t)commands[i].op), commands[i].name);
    }
    assert_string_equal(link_op_name(LINK_OP_BLOCK), "BLOCK");
    assert_string_equal(link_op_name(0xC8), "unknown");
}

/* An opcode without a row can come to the dispatch only through a bug. It is an internal error, and nothing
 * is done: not even an operation that the session's state would allow. */
static void an_opcode_without_a_row_is_an_internal_error_and_no_other_operation(void **state)
{
    (void)state;
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, false, 1);
    (void)host_begin(b);
    uint8_t body[LINK_BUFFER_BYTES] = {0x51, 0x51, 0x51, 0x51};
    for (unsigned op = 0; op <= 0xFF; op++) {
        if (strcmp(link_op_name((uint8_t)op), "unknown") != 0) {
            continue;
        }
        for (unsigned is_request = 0; is_request < 2; is_request++) {
            struct link_result result;
            b->pump.slave.work = (struct link_work){
                .op = (uint8_t)op, .is_request = is_request == 1, .bytes = body, .n_bytes = 4};
            link_session_work(&b->pump.session, &result);
            assert_int_equal(result.err, E_INTERNAL);
            assert_int_equal(result.reply, is_request ? LINK_REPLY_PROGRESS : LINK_REPLY_NONE);
        }
    }
    assert_true(link_pump_has_session(&b->pump));
    assert_int_equal(b->n_aborts + b->n_finishes + b->n_activates + b->n_retries + b->n_programs, 0);
    free(b);
}

/* A command that the slave answers alone, or a request that comes as a command, is no work either. */
static void an_opcode_of_the_wrong_kind_is_an_internal_error(void **state)
{
    (void)state;
    static const struct link_work wrong[] = {{.op = LINK_OP_GET},
                                             {.op = LINK_OP_ABORT},
                                             {.op = LINK_OP_INFO},
                                             {.op = LINK_OP_GO, .is_request = true}};
    struct test_link *b = malloc(sizeof *b);
    assert_non_null(b);
    host_start(b, false, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct link_result result;
        b->pump.slave.work = wrong[i];
        link_session_work(&b->pump.session, &result);
        assert_int_equal(result.err, E_INTERNAL);
    }
    assert_int_equal(b->n_aborts + b->n_restarts, 0);
    assert_false(b->pump.session.wants_restart);
    free(b);
}

static void every_pair_of_state_and_event_has_exactly_one_row(void **state)
{
    (void)state;
    bool seen[LINK_N_STATES * LINK_N_EVENTS] = {false};
    assert_int_equal(N_ROWS, LINK_N_STATES * LINK_N_EVENTS);
    for (size_t i = 0; i < N_ROWS; i++) {
        assert_false(seen[rows[i].pair]);
        seen[rows[i].pair] = true;
    }
}

static void illegal_pairs_name_an_error_and_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        bool is_illegal = strcmp(rows[i].action, "ILLEGAL") == 0;
        if (is_illegal) {
            assert_string_equal(rows[i].state, rows[i].next);
        }
    }
    uint32_t buffer[LINK_BUFFER_BYTES / 4];
    struct link_slave slave;
    link_slave_init(&slave, (uint8_t *)buffer, &BOARD_OWN, FLASH_SLOT_B_BASE);
    assert_int_equal(link_slave_ack(&slave), LINK_OUT_NONE); /* no work is under way */
    assert_int_equal(slave.reason, E_STATE);
    assert_int_equal(link_slave_nack(&slave, E_IO), LINK_OUT_NONE);
    assert_int_equal(link_slave_reply(&slave, (const uint8_t *)"x", 1), LINK_OUT_NONE);
    assert_true(link_slave_is_idle(&slave));
    assert_int_equal(slave.reason, E_STATE);
}

/* The table as it stands in docs/spec/link.md, from the code's own. */
static int print_table(void)
{
    printf("| state | event | action | next |\n|---|---|---|---|\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].action, "ILLEGAL") != 0) {
            printf("| %s | %s | %s | %s |\n", rows[i].state, rows[i].event, rows[i].action, rows[i].next);
        }
    }
    return 0;
}

static int print_requests(void)
{
    struct request requests[MAX_OPS];
    size_t n_requests = list_requests(requests);
    for (size_t i = 0; i < n_requests; i++) {
        char line[LINE_MAX_BYTES];
        write_request(&requests[i], line);
        fputs(line, stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--commands") == 0) {
        return print_requests();
    }
    if (argc > 1 && strcmp(argv[1], "--table") == 0) {
        return print_table();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_spec_hold_for_a_fast_and_a_slow_owner),
        cmocka_unit_test(a_changed_byte_in_a_vector_is_noticed),
        cmocka_unit_test(state_table_of_the_spec_is_the_source_s),
        cmocka_unit_test(meanings_of_states_and_events_are_the_source_s),
        cmocka_unit_test(the_commands_of_the_spec_are_the_source_s),
        cmocka_unit_test(an_opcode_without_a_row_is_an_internal_error_and_no_other_operation),
        cmocka_unit_test(an_opcode_of_the_wrong_kind_is_an_internal_error),
        cmocka_unit_test(every_pair_of_state_and_event_has_exactly_one_row),
        cmocka_unit_test(illegal_pairs_name_an_error_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
