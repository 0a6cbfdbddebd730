/* Rules that a rule of another VirtualService leaves nothing to. */
#ifndef HR_LINT_GATEWAY_ORDER_H
#define HR_LINT_GATEWAY_ORDER_H

#include "linter.h"

void hr_lint_gateway_order(hr_linter *l);

#endif
