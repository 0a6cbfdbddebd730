/* The values of nodes. */
#include "yaml_node.h"

#include "text.h"

const char *hr_node_kind_name(hr_node_kind kind) {
    switch (kind) {
    case HR_NODE_NULL:
        return "nothing";
    case HR_NODE_BOOL:
        return "a boolean";
    case HR_NODE_INT:
        return "an integer";
    case HR_NODE_FLOAT:
        return "a number";
    case HR_NODE_STRING:
        return "a string";
    case HR_NODE_LIST:
        return "a list";
    case HR_NODE_MAP:
        return "a map";
    }
    return "something else";
}

const hr_node *hr_node_get(const hr_node *map, hr_str key) {
    if (map == NULL || map->kind != HR_NODE_MAP)
        return NULL;
    for (const hr_node *k = map->u.children.first; k != NULL; k = k->next)
        if (hr_str_eq(k->u.text, key))
            return k->value;
    return NULL;
}
