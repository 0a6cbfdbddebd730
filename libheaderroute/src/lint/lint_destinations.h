/* Destinations that a caller's look-up does not find. */
#ifndef HR_LINT_DESTINATIONS_H
#define HR_LINT_DESTINATIONS_H

#include "linter.h"

void hr_lint_destinations(hr_linter *l);

#endif
