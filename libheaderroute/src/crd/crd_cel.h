/* Evaluates the rules of CustomResourceDefinitions, which are expressions of CEL, on nodes. */
#ifndef HR_CRD_CEL_H
#define HR_CRD_CEL_H

#include <stdbool.h>

#include "crd_patterns.h"
#include "yaml_node.h"

/* Returns whether the rule holds for `self`, which is valid by its schema in all else. An error of
 * an expression, for example duration("x"), counts as a rule that fails, as it does in the API
 * server. */
bool hr_cel_holds(hr_crd_patterns *patterns, const hr_crd_rule *rule, const hr_node *self);

#endif
