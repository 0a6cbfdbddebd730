/* Checks a custom resource as the Kubernetes API server does, by the schema of its kind. */
#ifndef HR_CRD_CHECK_H
#define HR_CRD_CHECK_H

#include "crd_patterns.h"
#include "reader.h"

/* The index of the kind in the table; table->n_kinds if it has none. `variant` is the channel of
 * the Gateway API, else 0. */
size_t hr_crd_find(const hr_crd_table *table, hr_str group, hr_str kind, int variant);

/* Fills in defaults, then reports what the API server refuses (errors), and which members it drops
 * because they are null (warnings). The resource itself is not changed. `kind` is an index of
 * hr_crd_find. A fault that is among the errors of r->d from index `mark` on, by the path of its
 * field, is not reported again. Returns the number of faults, with those not reported again. */
size_t hr_crd_check(hr_reader *r, hr_crd_patterns *patterns, size_t kind, const hr_node *resource,
                    size_t mark);

#endif
