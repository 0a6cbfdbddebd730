/* Fills in the defaults of a schema, as the Kubernetes API server does before it validates. */
#ifndef HR_CRD_DEFAULT_H
#define HR_CRD_DEFAULT_H

#include "crd_schema.h"
#include "yaml_node.h"

/* Returns `value`, or a copy in the arena with the defaults of its schema's fields, at every depth.
 * A field has its default if it is absent, or is null where null is not a value. Nodes are shared
 * with `value` where nothing changes; a default has the place of the map that it is filled into.
 * If an allocation fails, the arena is marked as failed. */
const hr_node *hr_crd_with_defaults(hr_arena *arena, const hr_crd_table *table,
                                    const hr_node *value, const hr_crd_node *schema);

#endif
