#include "cuts_outcomes.h"

static const enum twin_cut OUTCOMES[FLASH_CUTS] = {[FLASH_CUT_BEFORE] = TWIN_CUT_BEFORE,
                                                   [FLASH_CUT_OLD] = TWIN_CUT_OLD,
                                                   [FLASH_CUT_GARBAGE] = TWIN_CUT_RISING,
                                                   [FLASH_CUT_COMPLETE] = TWIN_CUT_COMPLETE,
                                                   [FLASH_CUT_FLAKY] = TWIN_CUT_FLAKY,
                                                   [FLASH_CUT_FADES] = TWIN_CUT_FADES,
                                                   [FLASH_CUT_FADES_LATE] = TWIN_CUT_FADES_LATE,
                                                   [FLASH_CUT_MIXED] = TWIN_CUT_GARBAGE,
                                                   [FLASH_CUT_ZEROING] = TWIN_CUT_ZEROING,
                                                   [FLASH_CUT_ZERO_FRONT] = TWIN_CUT_ZERO_FRONT,
                                                   [FLASH_CUT_ZERO] = TWIN_CUT_ZERO,
                                                   [FLASH_CUT_RISEN] = TWIN_CUT_RISEN,
                                                   [FLASH_CUT_FRONT] = TWIN_CUT_FRONT,
                                                   [FLASH_CUT_BACK] = TWIN_CUT_BACK,
                                                   [FLASH_CUT_HALF] = TWIN_CUT_HALF,
                                                   [FLASH_CUT_STRIPES] = TWIN_CUT_STRIPES,
                                                   [FLASH_CUT_ONE_OLD] = TWIN_CUT_ONE_OLD,
                                                   [FLASH_CUT_ONE_ZERO] = TWIN_CUT_ONE_ZERO};

enum twin_cut cuts_outcome(enum flash_cut outcome)
{
    return OUTCOMES[outcome];
}
