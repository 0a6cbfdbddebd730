/* Policies that do not go together. */
#ifndef HR_LINT_POLICIES_H
#define HR_LINT_POLICIES_H

#include "linter.h"

void hr_lint_policies(hr_linter *l);

#endif
