/* The regions in which two views differ, with a witness each. */
#ifndef HR_REGION_H
#define HR_REGION_H

#include "comparison.h"

/* The draws that show it best. */
hr_draws hr_draws_of(const hr_pair_of_rules *pair);
/* The request that was found, with those draws. */
hr_request *hr_copy_witness(hr_comparison *c, const hr_pair_of_rules *pair);
/* Keeps what a search found, once for each cluster of the group's classes that `only` (NULL: all)
 * admits. */
void hr_keep_region(hr_comparison *c, const hr_pair_of_rules *pair, const hr_host_group *group,
                    const hr_host_class *only);

#endif
