/* Rules that an earlier rule leaves nothing to. */
#ifndef HR_LINT_COVER_H
#define HR_LINT_COVER_H

#include "linter.h"

typedef struct hr_cover_rules hr_cover_rules;

void hr_lint_unreachable(hr_linter *l, const hr_spec_virtual_service *vs);
/* Returns 1 if every request that matches `later` matches `earlier`, too. NULL: no conditions. */
int hr_match_covers(hr_linter *l, const hr_match_request *earlier, const hr_match_request *later);
hr_cover_rules *hr_cover_rules_new(hr_linter *l);
/* Adds a rule; `match` may be NULL: no conditions. `what` comes back when it covers another. */
void hr_cover_rules_add(hr_cover_rules *rules, const hr_match_request *match, size_t order,
                        const void *what);
/* The `what` of the first rule that covers `later`, or NULL. */
const void *hr_cover_rules_find(hr_cover_rules *rules, const hr_match_request *later);

#endif
