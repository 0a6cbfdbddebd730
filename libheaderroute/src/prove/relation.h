/* What one literal says about another without a search: cheap answers, of which "open" is always
 * right. */
#ifndef HR_RELATION_H
#define HR_RELATION_H

#include "universe.h"

typedef enum hr_relation {
    HR_REL_OPEN = 0,
    HR_REL_IMPLIED, /* the target holds wherever the known literal does */
    HR_REL_DISJOINT /* they never hold together */
} hr_relation;

hr_relation hr_relate(const hr_universe *u, hr_literal known, hr_literal target);

/* The same for a conjunction of known literals. */
hr_relation hr_relate_all(const hr_universe *u, const hr_literal *known, size_t n,
                          hr_literal target);

#endif
