/* Where a rule leads, as backends of an HTTPRoute. */
#ifndef HR_ROUTE_BACKENDS_H
#define HR_ROUTE_BACKENDS_H

#include "route_writer.h"

/* Writes the members of a reference to a backend in flow style, without braces. */
void hr_route_put_backend(hr_route_writer *w, hr_yaml_text *t, const hr_spec_destination *to,
                          const char *part);

#endif
