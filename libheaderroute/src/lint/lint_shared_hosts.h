/* VirtualServices whose host sidecars take from another one. */
#ifndef HR_LINT_SHARED_HOSTS_H
#define HR_LINT_SHARED_HOSTS_H

#include "linter.h"

void hr_lint_shared_hosts(hr_linter *l);

#endif
