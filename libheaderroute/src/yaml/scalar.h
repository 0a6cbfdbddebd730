/* The kind and the value of a plain YAML scalar by go-yaml v2's rules, which kubectl and Istio
 * follow. */
#ifndef HR_SCALAR_H
#define HR_SCALAR_H

#include "yaml_node.h"

/* The kind of an untagged plain scalar. For BOOL *truth is set. */
hr_node_kind hr_scalar_resolve(hr_str text, int *truth);
/* Go's strconv.ParseInt(text, 0, 64) after removing underscores. Returns 0 if the text is not an
 * integer of 64 bits. */
int hr_scalar_int(int64_t *out, hr_str text);
/* The value of a text that hr_scalar_resolve calls INT or FLOAT. */
double hr_scalar_double(hr_str text);

/* The value of an INT. Returns 0 if it is outside of int64. */
int hr_node_int(int64_t *out, const hr_node *node);
/* The value of an INT or FLOAT. */
double hr_node_double(const hr_node *node);

#endif
