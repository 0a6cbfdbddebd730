/* What two rules do differently. */
#ifndef HR_DIFFERENCE_H
#define HR_DIFFERENCE_H

#include "comparison.h"

/* Sets the bits that differ, and for rewritten paths the window in which they do not. */
void hr_difference(hr_comparison *c, hr_pair_of_rules *pair);
/* Whether c->request shows it: the place redirected to, or what the upstream sees. */
bool hr_difference_shows(hr_comparison *c, const hr_pair_of_rules *pair);

#endif
