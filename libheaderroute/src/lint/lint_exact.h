/* Rules that several earlier rules together leave nothing to. */
#ifndef HR_LINT_EXACT_H
#define HR_LINT_EXACT_H

#include "linter.h"

/* HR_OK, or HR_ENOMEM if memory of its own could not be had. */
int hr_lint_exact(hr_linter *l);

#endif
