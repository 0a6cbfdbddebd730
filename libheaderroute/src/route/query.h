/* Query parameters of a request, each by its first value. */
#ifndef HR_QUERY_H
#define HR_QUERY_H

#include "subject.h"

/* The first value of a query parameter; absent where there is none. Looks at the whole query. */
hr_str hr_query_value(hr_str full_path, size_t path_len, hr_str name);
/* The same for the number of its name in the view. The query is read once a request. */
hr_str hr_param_value(hr_subject *subject, uint32_t number);
/* Reads the query, if that has not been done: touched_params then has the parameters that rules ask
 * for. */
void hr_query_read(hr_subject *subject);

#endif
