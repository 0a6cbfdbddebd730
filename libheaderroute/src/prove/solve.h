/* Values for which conditions on one attribute hold. */
#ifndef HR_SOLVE_H
#define HR_SOLVE_H

#include "universe.h"

/* Finds values for which all literals, which are of one attribute, hold. HR_MAYBE: not decided,
 * and *why says what stopped it. */
hr_truth hr_solve(hr_universe *u, uint32_t attr, const hr_literal *literals, size_t n,
                  hr_values *out, const char **why);

#endif
