/* Warnings about resources that Istio accepts but that are probably mistakes. */
#ifndef HR_LINT_H
#define HR_LINT_H

#include <headerroute/headerroute.h>

/* Adds the warnings about the resources of `table` to `d`. HR_OK or HR_ENOMEM. */
int hr_table_lint(hr_table *table, hr_diagnostics *d);

#endif
