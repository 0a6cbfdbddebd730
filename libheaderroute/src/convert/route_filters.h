/* What a rule does to requests and answers, as filters of an HTTPRoute. */
#ifndef HR_ROUTE_FILTERS_H
#define HR_ROUTE_FILTERS_H

#include "route_writer.h"

/* Writes `filters`, with the heading if there is one. */
void hr_route_put_filters(hr_route_writer *w, hr_yaml_text *t, hr_path_form form);
/* Writes header modifiers as items of a list of filters, one a line behind `indent`, or in flow
 * style if `indent` is NULL. */
void hr_route_put_headers(hr_route_writer *w, hr_yaml_text *t, const hr_spec_headers *headers,
                          const char *indent);

#endif
