#include "pc_id.h"

#include <stdio.h>
#include <string.h>

static const char FORM[] = "an id has the form pc/<scenario>/<op>/<outcome>[+<op>/<outcome>...]";

static const char *const OUTCOME_NAMES[FLASH_CUTS] = {[FLASH_CUT_BEFORE] = "before",
                                                      [FLASH_CUT_OLD] = "old",
                                                      [FLASH_CUT_GARBAGE] = "garbage",
                                                      [FLASH_CUT_COMPLETE] = "complete",
                                                      [FLASH_CUT_FLAKY] = "flaky",
                                                      [FLASH_CUT_FADES] = "fades",
                                                      [FLASH_CUT_FADES_LATE] = "fades-late",
                                                      [FLASH_CUT_MIXED] = "mixed",
                                                      [FLASH_CUT_ZEROING] = "zeroing",
                                                      [FLASH_CUT_ZERO_FRONT] = "zero-front",
                                                      [FLASH_CUT_ZERO] = "zero",
                                                      [FLASH_CUT_RISEN] = "risen",
                                                      [FLASH_CUT_FRONT] = "front",
                                                      [FLASH_CUT_BACK] = "back",
                                                      [FLASH_CUT_HALF] = "half",
                                                      [FLASH_CUT_STRIPES] = "stripes",
                                                      [FLASH_CUT_ONE_OLD] = "one-old",
                                                      [FLASH_CUT_ONE_ZERO] = "one-zero"};

static const char *const FAULT_NAMES[PC_FAULTS] = {[PC_CUT] = "",
                                                   [PC_DIP] = "dip",
                                                   [PC_DIP_LONG] = "dip-long",
                                                   [PC_WORN_CELL] = "worn-cell",
                                                   [PC_WORN_SECTOR] = "worn-sector"};
static const char UPSET[] = "-upset";

const char *pc_outcome_name(enum flash_cut outcome)
{
    return OUTCOME_NAMES[outcome];
}

/* Decimal, without sign or space, at least 1. */
static bool parse_op(const char **at, uint32_t *op, char *why)
{
    uint64_t value = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9' && value <= UINT32_MAX; p++) {
        value = 10 * value + (uint64_t)(*p - '0');
    }
    if (p == *at || *p != '/') {
        (void)snprintf(why, PC_WHY_BYTES, "a number of an operation and / should be at '%.40s'; %s", *at,
                       FORM);
        return false;
    }
    if (value == 0 || value > UINT32_MAX) {
        (void)snprintf(why, PC_WHY_BYTES, "operations are counted from 1 to 4294967295, not '%.*s'",
                       (int)(p - *at < 40 ? p - *at : 40), *at);
        return false;
    }
    *op = (uint32_t)value;
    *at = p + 1;
    return true;
}

static bool is_word(const char *at, size_t n, const char *word)
{
    return strlen(word) == n && strncmp(at, word, n) == 0;
}

static bool parse_outcome(const char **at, struct pc_cut *cut, char *why)
{
    const size_t n_all = strcspn(*at, "+");
    size_t n = n_all;
    for (enum pc_fault i = PC_DIP; i < PC_FAULTS; i++) {
        if (is_word(*at, n, FAULT_NAMES[i])) {
            cut->fault = i;
            *at += n;
            return true;
        }
    }
    if (n > sizeof UPSET - 1 && is_word(*at + n - (sizeof UPSET - 1), sizeof UPSET - 1, UPSET)) {
        cut->is_upset = true;
        n -= sizeof UPSET - 1;
    }
    for (uint32_t i = 0; i < FLASH_CUTS; i++) {
        size_t n_name = strlen(OUTCOME_NAMES[i]);
        bool is_second = i == FLASH_CUT_FLAKY && n == n_name + 1 && (*at)[n_name] == '2';
        if ((n == n_name || is_second) && strncmp(*at, OUTCOME_NAMES[i], n_name) == 0) {
            cut->outcome = (enum flash_cut)i;
            cut->is_second_draw = is_second;
            *at += n_all;
            return true;
        }
    }
    int used = snprintf(why, PC_WHY_BYTES, "'%.*s' is no outcome; there are", (int)(n < 40 ? n : 40), *at);
    for (uint32_t i = 0; i < FLASH_CUTS && used < PC_WHY_BYTES; i++) {
        used += snprintf(why + used, (size_t)(PC_WHY_BYTES - used), "%s %s", i ? "," : "", OUTCOME_NAMES[i]);
    }
    return false;
}

static bool parse_scenario(const char **at, struct pc_id *id, char *why)
{
    if (strncmp(*at, "pc/", 3) != 0) {
        (void)snprintf(why, PC_WHY_BYTES, "'%.40s' does not begin with pc/; %s", *at, FORM);
        return false;
    }
    const char *name = *at + 3;
    size_t n = strcspn(name, "/");
    if (n == 0 || n >= sizeof id->scenario || name[n] != '/') {
        (void)snprintf(why, PC_WHY_BYTES, "a scenario and / should be at '%.40s'; %s", name, FORM);
        return false;
    }
    memcpy(id->scenario, name, n);
    *at = name + n + 1;
    return true;
}

bool pc_id_parse(const char *text, struct pc_id *out, char why[PC_WHY_BYTES])
{
    struct pc_id id = {.n_cuts = 0};
    const char *at = text;
    if (!parse_scenario(&at, &id, why)) {
        return false;
    }
    for (bool is_more = true; is_more; at += is_more) {
        if (id.n_cuts == PC_CUTS_MAX) {
            (void)snprintf(why, PC_WHY_BYTES, "more than %d cuts", PC_CUTS_MAX);
            return false;
        }
        struct pc_cut *cut = &id.cut[id.n_cuts++];
        if (!parse_op(&at, &cut->op, why) || !parse_outcome(&at, cut, why)) {
            return false;
        }
        is_more = *at == '+';
    }
    *out = id;
    return true;
}

void pc_id_print(const struct pc_id *id, char out[PC_ID_BYTES])
{
    int at = snprintf(out, PC_ID_BYTES, "pc/%s", id->scenario);
    for (uint32_t i = 0; i < id->n_cuts && at < PC_ID_BYTES; i++) {
        const struct pc_cut *cut = &id->cut[i];
        at += snprintf(out + at, (size_t)(PC_ID_BYTES - at), "%c%u/%s%s%s", i == 0 ? '/' : '+',
                       (unsigned)cut->op,
                       cut->fault != PC_CUT ? FAULT_NAMES[cut->fault] : OUTCOME_NAMES[cut->outcome],
                       cut->is_second_draw ? "2" : "", cut->is_upset ? UPSET : "");
    }
}
