/* Hosts, ports, subsets, Gateways and delegates that lead nowhere. */
#ifndef HR_LINT_NAMES_H
#define HR_LINT_NAMES_H

#include "linter.h"

void hr_lint_names(hr_linter *l);

#endif
