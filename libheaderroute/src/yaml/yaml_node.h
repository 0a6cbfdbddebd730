/*
 * YAML text into trees of nodes with line and column. Scalars are resolved as Kubernetes' tools
 * resolve them (sigs.k8s.io/yaml: YAML 1.1 booleans, Go's integers), so that a file means here what
 * it means to kubectl. JSON text is YAML. Repeated keys are errors; aliases and merge keys (<<) are
 * followed, within limits.
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

/* What is left of a load's limits; taken from by every document. */
typedef struct hr_yaml_budget {
    size_t max_depth, nodes;
} hr_yaml_budget;

typedef struct hr_yaml hr_yaml;

/* `text` and `file` must outlive the parser; nodes and their text live in an arena given to each
 * call of hr_yaml_next. NULL: no memory. */
hr_yaml *hr_yaml_open(hr_str file, hr_str text, hr_yaml_budget *budget, hr_diagnostics *d);
/* The next document; *out is NULL after the last, and after a mistake of syntax, which is told to
 * the diagnostics. HR_OK or HR_ENOMEM. */
int hr_yaml_next(const hr_node **out, hr_yaml *yaml, hr_arena *arena);
void hr_yaml_close(hr_yaml *yaml);

/* What a person would call the node: "a string", "a list", ... */
const char *hr_node_kind_name(hr_node_kind kind);
/* The value of a key, NULL where the map has none (or the node is no map). */
const hr_node *hr_node_get(const hr_node *map, hr_str key);
/* An INT's value. 0 if it lies outside of int64. */
int hr_node_int(int64_t *out, const hr_node *node);
/* An INT's or FLOAT's value. */
double hr_node_double(const hr_node *node);

#endif
