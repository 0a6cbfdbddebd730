/* A table in which two neighbouring rules of a VirtualService stand in the other order. */
#ifndef HR_SWAPPED_RULES_H
#define HR_SWAPPED_RULES_H

#include "table.h"

/*
 * The entries `index` and `index` + 1 of spec.http of the VirtualService `id` ("namespace/name"),
 * which may be a delegate, change places. All else is `table`'s, to which *out holds a reference.
 *
 * *out is NULL if no list of rules has both: one of them delegates to nothing, say. Returns HR_OK
 * or HR_ENOMEM.
 */
int hr_table_swap_rules(hr_table **out, hr_table *table, hr_str id, int32_t index);

#endif
