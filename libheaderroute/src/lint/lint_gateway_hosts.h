/* Hosts of VirtualServices and Gateways that do not meet. */
#ifndef HR_LINT_GATEWAY_HOSTS_H
#define HR_LINT_GATEWAY_HOSTS_H

#include "linter.h"

void hr_lint_gateway_hosts(hr_linter *l);

#endif
