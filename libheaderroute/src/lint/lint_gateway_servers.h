/* Servers that Istio drops, because another one has their port. */
#ifndef HR_LINT_GATEWAY_SERVERS_H
#define HR_LINT_GATEWAY_SERVERS_H

#include "linter.h"

void hr_lint_gateway_servers(hr_linter *l);

#endif
