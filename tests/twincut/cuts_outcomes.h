/** Outcomes of replay ids, as the twin calls them. */
#ifndef TWINCUT_CUTS_OUTCOMES_H
#define TWINCUT_CUTS_OUTCOMES_H

#include "flash_model/flash_model.h"
#include "twin/twin.h"

enum twin_cut cuts_outcome(enum flash_cut outcome);

#endif
