/*
 * Parses YAML text into trees of nodes with line and column. Scalars are resolved as Kubernetes'
 * tools resolve them (sigs.k8s.io/yaml: YAML 1.1 booleans, Go's integers), so that a file has the
 * same meaning here as for kubectl. JSON text is YAML. Repeated keys are errors; aliases and merge
 * keys (<<) are followed, within limits.
 */
#ifndef HR_YAML_NODE_H
#define HR_YAML_NODE_H

#include <stdint.h>

#include "arena.h"

typedef enum hr_node_kind {
    HR_NODE_NULL,
    HR_NODE_BOOL,
    HR_NODE_INT,
    HR_NODE_FLOAT,
    HR_NODE_STRING,
    HR_NODE_LIST,
    HR_NODE_MAP
} hr_node_kind;

typedef struct hr_node hr_node;
struct hr_node {
    hr_node_kind kind;
    int line, column; /* from 1 */
    uint32_t size;    /* nodes of this subtree, aliases followed; 0 while it is being read */
    union {
        hr_str text; /* scalars: a string's value; else as written. A BOOL's is "true" or "false" */
        struct {
            hr_node *first; /* LIST: the first item; MAP: the first key, always a STRING */
            size_t n;
        } children;
    } u;
    hr_node *next;  /* the next item or key */
    hr_node *value; /* of a key */
};

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

/* The kind of a node for messages: "a string", "a list", ... */
const char *hr_node_kind_name(hr_node_kind kind);
/* The value of a key; NULL if the map does not have it, or the node is not a map. */
const hr_node *hr_node_get(const hr_node *map, hr_str key);
/* The value of an INT. Returns 0 if it is outside of int64. */
int hr_node_int(int64_t *out, const hr_node *node);
/* The value of an INT or FLOAT. */
double hr_node_double(const hr_node *node);

#endif
