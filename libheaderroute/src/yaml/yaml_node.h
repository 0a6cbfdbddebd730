/* YAML as a tree of nodes with line and column. */
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

/* The kind of a node for messages: "a string", "a list", ... */
const char *hr_node_kind_name(hr_node_kind kind);
/* The value of a key; NULL if the map does not have it, or the node is not a map. */
const hr_node *hr_node_get(const hr_node *map, hr_str key);

#endif
