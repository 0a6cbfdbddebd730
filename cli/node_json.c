#include "node_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static json_t *node_json(const hr_node *node, bool nulls);

static json_t *map_json(const hr_node *node, bool nulls) {
    json_t *object = json_object();
    for (const hr_node *key = node->u.children.first; key != NULL; key = key->next) {
        if (key->value->kind == HR_NODE_NULL && !nulls)
            continue;
        json_object_setn_new_nocheck(object, key->u.text.p, key->u.text.len,
                                     node_json(key->value, nulls));
    }
    return object;
}

static json_t *list_json(const hr_node *node, bool nulls) {
    json_t *array = json_array();
    for (const hr_node *item = node->u.children.first; item != NULL; item = item->next)
        json_array_append_new(array, node_json(item, nulls));
    return array;
}

static json_t *node_json(const hr_node *node, bool nulls) {
    int64_t integer;
    switch (node->kind) {
    case HR_NODE_MAP:
        return map_json(node, nulls);
    case HR_NODE_LIST:
        return list_json(node, nulls);
    case HR_NODE_BOOL:
        return json_boolean(node->u.text.p[0] == 't');
    case HR_NODE_INT:
        return hr_node_int(&integer, node) ? json_integer(integer) : json_real(hr_node_double(node));
    case HR_NODE_FLOAT:
        return json_real(hr_node_double(node));
    case HR_NODE_STRING:
        return json_stringn_nocheck(node->u.text.p == NULL ? "" : node->u.text.p, node->u.text.len);
    default:
        return json_null();
    }
}

json_t *cli_node_json(const hr_node *node) {
    return node_json(node, false);
}

json_t *cli_node_json_with_nulls(const hr_node *node) {
    return node_json(node, true);
}

/* ---- comparing ---- */

/* Appends a key or an index to the path; returns what to cut it back to. */
static size_t enter(cli_json_difference *at, const char *key, size_t index) {
    size_t before = strlen(at->where), left = sizeof(at->where) - before;
    if (key != NULL)
        snprintf(at->where + before, left, ".%s", key);
    else
        snprintf(at->where + before, left, "[%zu]", index);
    return before;
}

static bool differs(cli_json_difference *at, const json_t *have, const json_t *want) {
    at->have = have;
    at->want = want;
    return false;
}

static bool covers(const json_t *actual, const json_t *expected, cli_json_difference *at);

static bool object_covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    const char *key;
    json_t *value;
    if (!json_is_object(actual))
        return differs(at, actual, expected);
    json_object_foreach((json_t *)expected, key, value) {
        size_t before = enter(at, key, 0);
        const json_t *have = json_object_get(actual, key);
        if (have == NULL)
            return differs(at, have, value);
        if (!covers(have, value, at))
            return false;
        at->where[before] = '\0';
    }
    return true;
}

static bool array_covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    if (!json_is_array(actual) || json_array_size(actual) != json_array_size(expected))
        return differs(at, actual, expected);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        size_t before = enter(at, NULL, i);
        if (!covers(json_array_get(actual, i), json_array_get(expected, i), at))
            return false;
        at->where[before] = '\0';
    }
    return true;
}

static bool covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    if (json_is_object(expected))
        return object_covers(actual, expected, at);
    if (json_is_array(expected))
        return array_covers(actual, expected, at);
    bool equal = json_is_number(expected)
                     ? json_is_number(actual) &&
                           fabs(json_number_value(actual) - json_number_value(expected)) < 1e-9
                     : json_equal(actual, expected);
    return equal || differs(at, actual, expected);
}

bool cli_json_covers(const json_t *actual, const json_t *expected, cli_json_difference *first) {
    *first = (cli_json_difference){0};
    return covers(actual, expected, first);
}
