/* YAML documents as JSON values, for comparing. */
#ifndef HR_CLI_NODE_JSON_H
#define HR_CLI_NODE_JSON_H

#include <jansson.h>

#include <stdbool.h>

#include "yaml_node.h"

/* A new reference. Keys without value are left out. */
json_t *cli_node_json(const hr_node *node);

/* Everything that `expected` has is in `actual`: objects may have more keys, lists not more items. On a
 * difference its path is written to `where`. */
bool cli_json_covers(const json_t *actual, const json_t *expected, char *where, size_t size);

#endif
