/* The look-up of a request's route in an index. */
#ifndef HR_INDEX_FIND_H
#define HR_INDEX_FIND_H

#include "index.h"
#include "match.h"

/* The same route that hr_walk finds. NULL: none matches. */
const hr_view_route *hr_index_find(const hr_index *index, const hr_route_list *routes,
                                   hr_subject *subject);

#endif
