/*
 * Rules told apart without trying them: each route is filed under one thing that a request must have for it
 * (an exact path, a path prefix, a header's value or how it begins, a query value, a method), the rarest it has.
 * A regex is filed under the literal that its matches begin with. A request
 * looks up what it has, and the first route in order among what it finds wins. Routes that have nothing of
 * the kind are tried as a walk would.
 */
#ifndef HR_INDEX_H
#define HR_INDEX_H

#include "match.h"

/* NULL where a walk is as good. */
const hr_index *hr_index_build(hr_arena *arena, const hr_route_list *routes, size_t n_names);

/* The same route that hr_walk finds. */
const hr_croute *hr_index_find(const hr_index *index, const hr_route_list *routes, hr_subject *subject);

#endif
