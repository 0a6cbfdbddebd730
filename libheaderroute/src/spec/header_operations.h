/* Headers of networking.istio.io: what a route sets, adds and removes, read and checked. */
#ifndef HR_HEADER_OPERATIONS_H
#define HR_HEADER_OPERATIONS_H

#include "reader.h"

typedef struct hr_spec_header_operations { /* Headers.HeaderOperations */
    hr_pair *set, *add;
    size_t n_set, n_add;
    hr_str *remove;
    size_t n_remove;
    hr_pos pos;
} hr_spec_header_operations;

typedef struct hr_spec_headers {
    bool present;
    hr_spec_header_operations request, response;
    hr_pos pos;
} hr_spec_headers;

extern const hr_schema hr_headers_schema; /* hr_spec_headers */

/* Reads a list of names into `remove` of an hr_spec_header_operations. */
void hr_read_header_removals(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

/* Checks a value (a string) as Envoy's header format, which a route sets or adds. */
void hr_check_header_format(hr_reader *r, const hr_node *value);

#endif
