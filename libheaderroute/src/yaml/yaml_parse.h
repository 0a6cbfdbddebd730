/*
 * Parses YAML text into trees of nodes with line and column. Scalars are resolved as Kubernetes'
 * tools resolve them (sigs.k8s.io/yaml: YAML 1.1 booleans, Go's integers), so that a file has the
 * same meaning here as for kubectl. JSON text is YAML. Repeated keys are errors; aliases and merge
 * keys (<<) are followed, within limits.
 */
#ifndef HR_YAML_PARSE_H
#define HR_YAML_PARSE_H

#include "yaml_node.h"

/* The rest of the limits of a load, which all documents share, and whether it passes over texts
 * that are evidently not Kubernetes resources. */
typedef struct hr_yaml_budget {
    size_t max_depth, nodes;
    int lenient;
} hr_yaml_budget;

typedef struct hr_yaml hr_yaml;

/* `text` and `file` must outlive the parser; nodes and their text live in the arena given to each
 * call of hr_yaml_next. Returns NULL if an allocation fails. */
hr_yaml *hr_yaml_open(hr_str file, hr_str text, hr_yaml_budget *budget, hr_diagnostics *d);
/* Reads the next document; *out is NULL after the last, and after a syntax error, which is reported
 * to the diagnostics. Returns HR_OK or HR_ENOMEM. */
int hr_yaml_next(const hr_node **out, hr_yaml *yaml, hr_arena *arena);
void hr_yaml_close(hr_yaml *yaml);

#endif
