/* Rules of delegates, as they are merged. */
#ifndef HR_LINT_DELEGATES_H
#define HR_LINT_DELEGATES_H

#include "linter.h"

void hr_lint_delegates(hr_linter *l);

#endif
