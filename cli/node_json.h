/* YAML documents as JSON values, for comparing. */
#ifndef HR_CLI_NODE_JSON_H
#define HR_CLI_NODE_JSON_H

#include <jansson.h>

#include <stdbool.h>

#include "yaml_node.h"

/* Both return a new reference. The first leaves out keys without value, which mean nothing in a
 * resource. */
json_t *cli_node_json(const hr_node *node);
json_t *cli_node_json_with_nulls(const hr_node *node);

/* The first difference of two values. */
typedef struct cli_json_difference {
    char where[256];    /* its path, for example ".redirect.code"; cut if it is longer */
    const json_t *have; /* in the values that were compared; NULL if the key is missing */
    const json_t *want;
} cli_json_difference;

/* Returns whether `actual` has everything that `expected` has: objects may have more keys, lists
 * not more items. Returns false with the first difference otherwise. */
bool cli_json_covers(const json_t *actual, const json_t *expected, cli_json_difference *first);

#endif
