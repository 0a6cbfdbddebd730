/* Which namespaces of callers can see the mesh otherwise than all that no resource names. */
#ifndef HR_CALLERS_H
#define HR_CALLERS_H

#include "table.h"
#include "text.h"

/*
 * false: on each port and with each set of labels, what decides for callers of `namespace_` also
 * decides for callers of a namespace in which nothing lies and which nothing names; only the short
 * names of services in `namespace_` come on top, and lead where their full names do. true: it may
 * be otherwise. The arena is for temporary texts.
 */
bool hr_callers_differ(hr_arena *arena, const hr_table *table, hr_str namespace_);

#endif
