/* Warnings about resources of the Gateway API: what the status of a resource in a cluster would
 * say. */
#ifndef HR_LINT_GWAPI_H
#define HR_LINT_GWAPI_H

#include "linter.h"

void hr_lint_gwapi(hr_linter *l);

#endif
