/* Conditions of a match as those of an HTTPRoute. */
#ifndef HR_ROUTE_MATCH_H
#define HR_ROUTE_MATCH_H

#include "route_writer.h"

/* Writes one of `matches`. Returns false if it has a condition that HTTPRoutes lack: it is not
 * written then. */
bool hr_route_put_match(hr_route_writer *w, hr_yaml_text *t, const hr_match_request *match,
                        size_t index, hr_path_form *form);

#endif
