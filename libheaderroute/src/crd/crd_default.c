/* Copies the parts of a resource that a default changes: nodes may be shared by aliases of YAML,
 * and belong to fields of other schemas then. */
#include "crd_default.h"

#include <string.h>

#include "text.h"

typedef struct fill {
    hr_arena *arena;
    const hr_crd_table *t;
} fill;

/* ---- the value of a default ---- */

static hr_node *default_node(const fill *f, hr_node_kind kind, const hr_node *place) {
    hr_node *node = HR_NEW(f->arena, hr_node);
    *node = (hr_node){.kind = kind, .line = place->line, .column = place->column, .size = 1};
    return node;
}

static hr_node *new_key(const fill *f, hr_str name, const hr_node *place, const hr_node *value) {
    hr_node *key = default_node(f, HR_NODE_STRING, place);
    key->u.text = name;
    key->value = (hr_node *)(uintptr_t)value;
    return key;
}

static hr_node *fallback_node(const fill *f, size_t index, const hr_node *place) {
    static const hr_node_kind kinds[] = {[HR_CRD_FALLBACK_STRING] = HR_NODE_STRING,
                                         [HR_CRD_FALLBACK_INT] = HR_NODE_INT,
                                         [HR_CRD_FALLBACK_LIST] = HR_NODE_LIST,
                                         [HR_CRD_FALLBACK_MAP] = HR_NODE_MAP};
    const hr_crd_fallback *fallback = &f->t->fallbacks[index];
    hr_node *node = default_node(f, kinds[fallback->kind], place);
    if (fallback->kind < HR_CRD_FALLBACK_LIST) {
        node->u.text = hr_str_of(f->t->text[fallback->first], fallback->n);
        return node;
    }
    bool map = fallback->kind == HR_CRD_FALLBACK_MAP;
    const uint16_t *cells = f->t->fallback_items + fallback->first;
    hr_node **link = &node->u.children.first;
    for (size_t i = 0; i < fallback->n && !hr_arena_failed(f->arena); i++) {
        hr_node *item = fallback_node(f, cells[map ? 2 * i + 1 : i], place);
        *link = map ? new_key(f, hr_str_from(f->t->text[cells[2 * i]]), place, item) : item;
        link = &(*link)->next;
        node->u.children.n++;
    }
    return node;
}

/* ---- a resource ---- */

static const hr_node *filled(const fill *f, const hr_node *value, const hr_crd_node *schema);

static const hr_crd_node *property_of(const fill *f, const hr_crd_node *schema, hr_str name) {
    for (size_t i = 0; i < schema->n_fields; i++) {
        const hr_crd_field *field = &f->t->fields[schema->fields + i];
        if (hr_str_eq(name, hr_str_of(f->t->text[field->name], field->len)))
            return &f->t->nodes[field->node];
    }
    return schema->item == 0 ? NULL : &f->t->nodes[schema->item];
}

static bool is_without(const hr_node *value, const hr_crd_node *schema) {
    return value == NULL || (value->kind == HR_NODE_NULL && !(schema->flags & HR_CRD_NULLABLE));
}

static const hr_node *filled_member(const fill *f, const hr_node *map, const hr_node *value,
                                    const hr_crd_node *schema) {
    if (schema == NULL)
        return value;
    if (schema->fallback != 0 && is_without(value, schema))
        value = fallback_node(f, schema->fallback, map);
    return filled(f, value, schema);
}

static const hr_node *filled_map(const fill *f, const hr_node *map, const hr_crd_node *schema) {
    hr_node *copy = default_node(f, HR_NODE_MAP, map), **link = &copy->u.children.first;
    for (const hr_node *key = map->u.children.first; key != NULL && !hr_arena_failed(f->arena);
         key = key->next) {
        const hr_crd_node *property = property_of(f, schema, key->u.text);
        *link = new_key(f, key->u.text, key, filled_member(f, map, key->value, property));
        link = &(*link)->next;
        copy->u.children.n++;
    }
    for (size_t i = 0; i < schema->n_fields && !hr_arena_failed(f->arena); i++) {
        const hr_crd_field *field = &f->t->fields[schema->fields + i];
        const hr_crd_node *property = &f->t->nodes[field->node];
        hr_str name = hr_str_of(f->t->text[field->name], field->len);
        if (property->fallback == 0 || hr_node_get(map, name) != NULL)
            continue;
        *link = new_key(f, name, map, filled_member(f, map, NULL, property));
        link = &(*link)->next;
        copy->u.children.n++;
    }
    return copy;
}

static const hr_node *filled_list(const fill *f, const hr_node *list, const hr_crd_node *schema) {
    hr_node *copy = default_node(f, HR_NODE_LIST, list), **link = &copy->u.children.first;
    for (const hr_node *item = list->u.children.first; item != NULL && !hr_arena_failed(f->arena);
         item = item->next) {
        *link = default_node(f, item->kind, item);
        **link = *filled(f, item, &f->t->nodes[schema->item]);
        (*link)->next = NULL;
        link = &(*link)->next;
        copy->u.children.n++;
    }
    return copy;
}

/* Recursion is as deep as the schema. */
static const hr_node *filled(const fill *f, const hr_node *value, const hr_crd_node *schema) {
    if (!(schema->flags & HR_CRD_FALLBACKS))
        return value;
    if (value->kind == HR_NODE_MAP && schema->type == HR_CRD_OBJECT)
        return filled_map(f, value, schema);
    if (value->kind == HR_NODE_LIST && schema->type == HR_CRD_ARRAY)
        return filled_list(f, value, schema);
    return value;
}

const hr_node *hr_crd_with_defaults(hr_arena *arena, const hr_crd_table *table,
                                    const hr_node *value, const hr_crd_node *schema) {
    fill f = {arena, table};
    return filled(&f, value, schema);
}
