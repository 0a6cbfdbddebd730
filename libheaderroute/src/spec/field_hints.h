/* What to write instead of a field that Istio does not have. */
#ifndef HR_FIELD_HINTS_H
#define HR_FIELD_HINTS_H

#include "reader.h"

/* Names the field that is meant (those of Envoy, of the Gateway API and of older versions of Istio
 * among them), or the regular expression that does what a missing kind of match would do. */
void hr_field_hint(char hint[HR_HINT], const hr_reader *r, const hr_schema *schema,
                   const hr_node *map, const hr_node *key);

#endif
