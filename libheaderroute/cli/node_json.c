#include "node_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static json_t *map_json(const hr_node *node) {
    json_t *object = json_object();
    for (const hr_node *key = node->u.children.first; key != NULL; key = key->next) {
        if (key->value->kind == HR_NODE_NULL)
            continue;
        json_object_setn_new_nocheck(object, key->u.text.p, key->u.text.len, cli_node_json(key->value));
    }
    return object;
}

static json_t *list_json(const hr_node *node) {
    json_t *array = json_array();
    for (const hr_node *item = node->u.children.first; item != NULL; item = item->next)
        json_array_append_new(array, cli_node_json(item));
    return array;
}

json_t *cli_node_json(const hr_node *node) {
    int64_t integer;
    switch (node->kind) {
    case HR_NODE_MAP:
        return map_json(node);
    case HR_NODE_LIST:
        return list_json(node);
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

/* ---- comparing ---- */

typedef struct place {
    char *text;
    size_t size, len;
} place;

static size_t enter(place *p, const char *key, size_t index) {
    size_t before = p->len, room = p->size - p->len;
    int n = key != NULL ? snprintf(p->text + p->len, room, ".%s", key) : snprintf(p->text + p->len, room, "[%zu]", index);
    p->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

static void leave(place *p, size_t before) {
    p->len = before;
    p->text[before] = '\0';
}

static bool covers(const json_t *actual, const json_t *expected, place *at) {
    const char *key;
    json_t *value;
    if (json_is_number(expected))
        return json_is_number(actual) && fabs(json_number_value(actual) - json_number_value(expected)) < 1e-9;
    if (json_is_object(expected)) {
        json_object_foreach((json_t *)expected, key, value) {
            size_t before = enter(at, key, 0);
            const json_t *have = json_object_get(actual, key);
            if (have == NULL || !covers(have, value, at))
                return false;
            leave(at, before);
        }
        return json_is_object(actual);
    }
    if (!json_is_array(expected))
        return json_equal(actual, expected);
    if (!json_is_array(actual) || json_array_size(actual) != json_array_size(expected))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        size_t before = enter(at, NULL, i);
        if (!covers(json_array_get(actual, i), json_array_get(expected, i), at))
            return false;
        leave(at, before);
    }
    return true;
}

bool cli_json_covers(const json_t *actual, const json_t *expected, char *where, size_t size) {
    place at = {where, size, 0};
    where[0] = '\0';
    return covers(actual, expected, &at);
}
