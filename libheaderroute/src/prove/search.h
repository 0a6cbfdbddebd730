/* The search for a request that two rules decide differently. */
#ifndef HR_SEARCH_H
#define HR_SEARCH_H

#include "comparison.h"

void hr_box_reset(hr_comparison *c);
/* Adds a literal. HR_NO: nothing is left; HR_MAYBE: that was not decided. */
hr_truth hr_box_add(hr_comparison *c, hr_literal l, const char **why);
/* Looks for a request in the box that the pair's rules decide, with `authority` unless the box says
 * which. HR_YES: c->request is one. */
hr_truth hr_search(hr_comparison *c, const hr_pair_of_rules *pair, hr_str authority,
                   const char **why);
/* The rules that decide c->request. HR_OK or a code of hr_route. */
int hr_ask_both(hr_comparison *c, const hr_rule_list *const lists[2], size_t index[2]);
/* The box of what both rules ask for, and of the authorities of a class (NULL: any). */
hr_truth hr_box_fill(hr_comparison *c, const hr_host_class *only, const hr_pair_of_rules *pair,
                     const char **why);

#endif
