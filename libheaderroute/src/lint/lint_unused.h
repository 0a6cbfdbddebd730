/* Rules that no proxy applies, and ports that no Service leads to. */
#ifndef HR_LINT_UNUSED_H
#define HR_LINT_UNUSED_H

#include "linter.h"

void hr_lint_unused(hr_linter *l);

#endif
