/* The actions of routes as numbered parts. */
#ifndef HR_OUTCOME_H
#define HR_OUTCOME_H

#include "rules_of_view.h"

const hr_outcome *hr_outcome_of(hr_rule_reader *r, const hr_view_action *plan);
/* Of a request that no route takes. */
const hr_outcome *hr_outcome_no_route(hr_rule_reader *r);

#endif
