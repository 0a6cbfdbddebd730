/* Walks a resource and the schema of its kind side by side: types, fields, limits, rules. */
#include "crd_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crd_cel.h"
#include "crd_default.h"
#include "decode_base64.h"
#include "host_names.h"
#include "scalar.h"
#include "text.h"

typedef struct crd_checker {
    hr_reader *r;
    hr_crd_patterns *patterns;
    const hr_crd_table *t;
    hr_map errors, parts; /* paths of the errors reported before; of these and what contains them */
    size_t faults;        /* reported here or before */
} crd_checker;

static void check_value(crd_checker *c, const hr_node *value, const hr_crd_node *schema);

static const char *text_at(const crd_checker *c, size_t index) {
    return c->t->text[index];
}

/* The member of a map as the API server keeps it: NULL if it is absent or null. */
static const hr_node *kept_member(const hr_node *map, const char *name) {
    const hr_node *value = hr_node_get(map, hr_str_from(name));
    return value == NULL || value->kind == HR_NODE_NULL ? NULL : value;
}

/* ---- findings, each once ---- */

/* Notes the path of an error and the paths of what it is a part of. */
static void note_error(crd_checker *c, hr_str path) {
    hr_map_add(c->r->document, &c->errors, path, c);
    for (size_t i = path.len; i > 0; i--)
        if (i == path.len || path.p[i] == '.' || path.p[i] == '[')
            hr_map_add(c->r->document, &c->parts, hr_str_from_to(path, 0, i), c);
}

static void note_errors(crd_checker *c, size_t mark) {
    for (size_t i = mark; i < hr_diagnostics_count(c->r->d); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(c->r->d, i);
        if (f->severity == HR_SEVERITY_ERROR)
            note_error(c, f->field);
    }
}

/* Whether an error has been reported about the place of the reader, with its parts or without. */
static bool is_known(const crd_checker *c, bool with_parts) {
    char buf[HR_READER_PATH];
    if (c->errors.n == 0)
        return false;
    hr_str raw = {buf, hr_reader_path(buf, c->r)};
    hr_str path = hr_diag_printable(c->r->document, raw);
    return hr_map_get(with_parts ? &c->parts : &c->errors, path) != NULL;
}

/* The same for a field of the map at the place of the reader. */
static bool is_field_known(const crd_checker *c, const char *field) {
    hr_path step = {.up = c->r->path, .name = hr_str_from(field)};
    c->r->path = &step;
    bool known = is_known(c, true);
    c->r->path = step.up;
    return known;
}

#define CRD_FAULT(c, node, ...)                                                                    \
    do {                                                                                           \
        (c)->faults++;                                                                             \
        if (!is_known((c), false))                                                                 \
            hr_reader_error((c)->r, (node), __VA_ARGS__);                                          \
    } while (0)

/* ---- scalars ---- */

static bool has_type(const hr_node *value, hr_crd_type type) {
    switch (type) {
    case HR_CRD_ANY:
        return true;
    case HR_CRD_OBJECT:
        return value->kind == HR_NODE_MAP;
    case HR_CRD_ARRAY:
        return value->kind == HR_NODE_LIST;
    case HR_CRD_STRING:
        return value->kind == HR_NODE_STRING;
    case HR_CRD_INTEGER:
        return value->kind == HR_NODE_INT;
    case HR_CRD_NUMBER:
        return value->kind == HR_NODE_INT || value->kind == HR_NODE_FLOAT;
    case HR_CRD_BOOLEAN:
        return value->kind == HR_NODE_BOOL;
    case HR_CRD_INT_OR_STRING:
        return value->kind == HR_NODE_INT || value->kind == HR_NODE_STRING;
    }
    return false;
}

static void report_type(crd_checker *c, const hr_node *value, hr_crd_type type) {
    static const hr_node_kind kinds[] = {
        [HR_CRD_OBJECT] = HR_NODE_MAP,    [HR_CRD_ARRAY] = HR_NODE_LIST,
        [HR_CRD_STRING] = HR_NODE_STRING, [HR_CRD_INTEGER] = HR_NODE_INT,
        [HR_CRD_NUMBER] = HR_NODE_FLOAT,  [HR_CRD_BOOLEAN] = HR_NODE_BOOL,
    };
    c->faults++;
    if (is_known(c, true))
        return;
    if (type == HR_CRD_INT_OR_STRING)
        hr_reader_error(c->r, value, "expected an integer or a string, got %s",
                        hr_node_kind_name(value->kind));
    else
        hr_reader_expect(c->r, value, kinds[type]);
}

static void check_number(crd_checker *c, const hr_node *value, const hr_crd_limits *limits) {
    double number = hr_node_double(value);
    int len = (int)value->u.text.len;
    if (!isfinite(number))
        CRD_FAULT(c, value, "expected a finite number");
    else if ((limits->flags & HR_CRD_MINIMUM) && number < limits->minimum)
        CRD_FAULT(c, value, "%.*s is too small; expected %.15g or more", len, value->u.text.p,
                  limits->minimum);
    else if ((limits->flags & HR_CRD_MAXIMUM) && number > limits->maximum)
        CRD_FAULT(c, value, "%.*s is too large; expected %.15g or less", len, value->u.text.p,
                  limits->maximum);
}

/* At most 63 bits: the API server reads a larger number as a floating point number. */
static void check_integer(crd_checker *c, const hr_node *value, const hr_crd_limits *limits) {
    int64_t integer;
    int fits = hr_node_int(&integer, value);
    if (fits && (limits->flags & HR_CRD_INT32))
        fits = integer >= INT32_MIN && integer <= INT32_MAX;
    if (fits)
        check_number(c, value, limits);
    else
        CRD_FAULT(c, value, "%.*s is out of range", (int)value->u.text.len, value->u.text.p);
}

static size_t count_runes(hr_str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return n;
}

/* The size of a string, list or map against the limits of its schema. */
static void check_size(crd_checker *c, const hr_node *value, const hr_crd_limits *limits, size_t n,
                       const char *unit) {
    if (n < limits->least)
        CRD_FAULT(c, value, "expected %" PRIu32 " or more %s, got %zu", limits->least, unit, n);
    else if ((limits->flags & HR_CRD_MOST) && n > limits->most)
        CRD_FAULT(c, value, "expected %" PRIu32 " or fewer %s, got %zu", limits->most, unit, n);
}

/* The API server's format "byte": not empty, without line breaks. */
static bool is_base64(crd_checker *c, hr_str text) {
    size_t n;
    char *out = hr_arena_alloc(c->r->document, text.len / 4 * 3 + 4);
    if (out == NULL)
        return true;
    return text.len > 0 && !hr_str_has(text, '\n') && !hr_str_has(text, '\r') &&
           hr_decode_base64(out, &n, text);
}

/* The pattern as the CustomResourceDefinition has it: the tables have it for a match of the whole
 * text (scripts/crd_tables.py). */
static const char *written_pattern(crd_checker *c, const char *whole) {
    static const char anywhere[] = "(?s:.*)", group[] = "(?:";
    const size_t n = sizeof(anywhere) - 1, opening = sizeof(group) - 1, len = strlen(whole);
    bool within = strncmp(whole, anywhere, n) == 0;
    size_t begin = (within ? n : 0) + opening, end = len - (within ? n : 0) - 1;
    hr_str text = hr_arena_printf(c->r->document, within ? "%.*s" : "^%.*s$", (int)(end - begin),
                                  whole + begin);
    return text.p == NULL ? "" : text.p;
}

static void check_string(crd_checker *c, const hr_node *value, const hr_crd_limits *limits) {
    check_size(c, value, limits, count_runes(value->u.text), "characters");
    if ((limits->flags & HR_CRD_PATTERN) &&
        !hr_crd_matches(c->patterns, limits->pattern, value->u.text))
        CRD_FAULT(c, value, "\"%.*s\" does not match %s", (int)value->u.text.len, value->u.text.p,
                  written_pattern(c, text_at(c, c->t->patterns[limits->pattern])));
    if ((limits->flags & HR_CRD_BYTE) && !is_base64(c, value->u.text))
        CRD_FAULT(c, value, "expected base64, at least four characters without line breaks");
}

static bool is_enum_value(const hr_node *value, const char *name) {
    int64_t integer;
    if (value->kind == HR_NODE_INT)
        return hr_node_int(&integer, value) && integer == strtoll(name, NULL, 10);
    return hr_str_eq_c(value->u.text, name);
}

static void check_enum(crd_checker *c, const hr_node *value, const hr_crd_node *schema) {
    char known[512];
    size_t used = 0;
    known[0] = '\0';
    for (size_t i = 0; i < schema->n_enums; i++) {
        const char *name = text_at(c, c->t->names[schema->enums + i]);
        if (is_enum_value(value, name))
            return;
        int n = snprintf(known + used, sizeof(known) - used, "%s%s", used == 0 ? "" : ", ", name);
        used += n > 0 && used + (size_t)n < sizeof(known) ? (size_t)n : 0;
    }
    CRD_FAULT(c, value, "\"%.*s\" is not one of %s", (int)value->u.text.len, value->u.text.p,
              known);
}

/* ---- lists ---- */

/* Whether two items of a list have the same keys. Items that lack a key have others to report. */
static bool same_keys(const crd_checker *c, const hr_node *a, const hr_node *b,
                      const hr_crd_node *schema) {
    for (size_t i = 0; i < schema->n_keys; i++) {
        const char *name = text_at(c, c->t->names[schema->keys + i]);
        const hr_node *x = kept_member(a, name), *y = kept_member(b, name);
        if (x == NULL || y == NULL || x->kind != y->kind || x->kind >= HR_NODE_LIST ||
            !hr_str_eq(x->u.text, y->u.text))
            return false;
    }
    return true;
}

static bool same_items(const crd_checker *c, const hr_node *a, const hr_node *b,
                       const hr_crd_node *schema) {
    if (schema->n_keys > 0)
        return same_keys(c, a, b, schema);
    return a->kind == b->kind && a->kind < HR_NODE_LIST && hr_str_eq(a->u.text, b->u.text);
}

static void check_differ(crd_checker *c, const hr_node *list, const hr_crd_node *schema) {
    hr_path step;
    for (const hr_node *item = hr_items_begin(c->r, &step, list); item != NULL;
         item = hr_items_next(c->r, &step, item))
        for (const hr_node *other = list->u.children.first; other != item; other = other->next)
            if (same_items(c, item, other, schema)) {
                c->faults++;
                if (!is_known(c, true))
                    hr_reader_error(c->r, item, "is given twice: first in line %d", other->line);
                break;
            }
}

static void check_list(crd_checker *c, const hr_node *list, const hr_crd_node *schema) {
    const hr_crd_limits *limits = &c->t->limits[schema->limits];
    check_size(c, list, limits, list->u.children.n, "items");
    if ((limits->flags & HR_CRD_MOST) && list->u.children.n > limits->most)
        return; /* the rest is quadratic in part */
    hr_path step;
    for (const hr_node *item = hr_items_begin(c->r, &step, list); item != NULL;
         item = hr_items_next(c->r, &step, item))
        check_value(c, item, &c->t->nodes[schema->item]);
    if (schema->n_keys > 0 || (schema->flags & HR_CRD_SET))
        check_differ(c, list, schema);
}

/* ---- maps ---- */

static const hr_crd_field *find_property(const crd_checker *c, const hr_crd_node *schema,
                                         hr_str name) {
    const hr_crd_field *fields = c->t->fields + schema->fields;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (fields[i].len == name.len && memcmp(text_at(c, fields[i].name), name.p, name.len) == 0)
            return &fields[i];
    return NULL;
}

/* A member that is null is dropped before all other checks unless its schema says otherwise. */
static void check_member(crd_checker *c, const hr_node *key, const hr_crd_node *schema) {
    if (key->value->kind != HR_NODE_NULL)
        check_value(c, key->value, schema);
    else if (!(schema->flags & HR_CRD_NULLABLE))
        hr_reader_warn(c->r, key->value,
                       "Kubernetes drops null, as if the field were absent; remove it");
}

/* A field that is missing beside an unknown one is most likely that one, misspelled. */
static void check_required(crd_checker *c, const hr_node *map, const hr_crd_node *schema,
                           bool has_unknown) {
    for (size_t i = 0; i < schema->n_required; i++) {
        const char *name = text_at(c, c->t->names[schema->required + i]);
        if (kept_member(map, name) != NULL)
            continue;
        c->faults++;
        if (!has_unknown && !is_field_known(c, name) && !is_known(c, false))
            hr_field_error(c->r, map, name, "is required");
    }
}

static void check_group(crd_checker *c, const hr_node *map, const hr_crd_range *group) {
    const char *first = NULL;
    for (size_t i = 0; i < group->n; i++) {
        const char *name = text_at(c, c->t->names[group->first + i]);
        if (kept_member(map, name) == NULL)
            continue;
        if (first == NULL) {
            first = name;
            continue;
        }
        c->faults++;
        if (!is_field_known(c, name) && !is_field_known(c, first))
            hr_field_error(c->r, map, name, "cannot be combined with \"%s\"", first);
    }
}

static void check_map(crd_checker *c, const hr_node *map, const hr_crd_node *schema) {
    const hr_crd_limits *limits = &c->t->limits[schema->limits];
    check_size(c, map, limits, map->u.children.n, "members");
    if ((limits->flags & HR_CRD_MOST) && map->u.children.n > limits->most)
        return;
    hr_path step = {.up = c->r->path, .is_key = schema->item != 0};
    bool has_unknown = false;
    c->r->path = &step;
    for (const hr_node *key = map->u.children.first; key != NULL; key = key->next) {
        step.name = key->u.text;
        const hr_crd_field *field = find_property(c, schema, key->u.text);
        if (field != NULL)
            check_member(c, key, &c->t->nodes[field->node]);
        else if (schema->item != 0)
            check_member(c, key, &c->t->nodes[schema->item]);
        else if (!(schema->flags & HR_CRD_PRESERVE)) {
            has_unknown = true;
            if (!is_known(c, false))
                hr_reader_error(c->r, key, "unknown field, which Kubernetes drops");
        }
    }
    c->r->path = step.up;
    check_required(c, map, schema, has_unknown);
    for (size_t i = 0; i < schema->n_groups; i++)
        check_group(c, map, &c->t->groups[schema->groups + i]);
}

/* ---- rules ---- */

/* By kube-openapi's formats ipv4 and ipv6. */
static void check_address(crd_checker *c, const hr_node *map) {
    const hr_node *type = kept_member(map, "type"), *value = kept_member(map, "value");
    if (type == NULL || type->kind != HR_NODE_STRING || !hr_str_eq_c(type->u.text, "IPAddress") ||
        value == NULL || value->kind != HR_NODE_STRING || hr_is_ip(value->u.text))
        return;
    c->faults++;
    if (!is_field_known(c, "value"))
        hr_field_error(c->r, map, "value", "\"%.*s\" is not an IP address", (int)value->u.text.len,
                       value->u.text.p);
}

/* Whether an error names one of the fields of self that the expression reads. */
static bool reads_known_field(const crd_checker *c, size_t index) {
    const hr_cel_op *op = &c->t->cel[index];
    if (op->op == HR_CEL_SELECT || op->op == HR_CEL_HAS)
        return is_field_known(c, text_at(c, op->b));
    if (op->op < HR_CEL_NOT || op->op == HR_CEL_PATTERN)
        return false;
    return reads_known_field(c, op->a) || reads_known_field(c, op->b) ||
           (op->op < HR_CEL_ALL && reads_known_field(c, op->c));
}

static void check_rules(crd_checker *c, const hr_node *value, const hr_crd_node *schema) {
    for (size_t i = 0; i < schema->n_rules; i++) {
        const hr_crd_rule *rule = &c->t->rules[schema->rules + i];
        if (hr_cel_holds(c->patterns, rule, value))
            continue;
        c->faults++;
        bool known = value->kind == HR_NODE_MAP && schema->item == 0
                         ? is_known(c, false) || reads_known_field(c, rule->expression)
                         : is_known(c, true);
        if (!known)
            hr_reader_error(c->r, value, "%s", text_at(c, rule->message));
    }
}

/* ---- a value ---- */

static void check_value(crd_checker *c, const hr_node *value, const hr_crd_node *schema) {
    if (value->kind == HR_NODE_NULL && (schema->flags & HR_CRD_NULLABLE))
        return;
    if (!has_type(value, schema->type)) {
        report_type(c, value, schema->type);
        return;
    }
    size_t before = c->faults;
    if (value->kind == HR_NODE_MAP)
        check_map(c, value, schema);
    else if (value->kind == HR_NODE_LIST)
        check_list(c, value, schema);
    else if (schema->limits != 0 && value->kind == HR_NODE_STRING)
        check_string(c, value, &c->t->limits[schema->limits]);
    else if (schema->type == HR_CRD_INTEGER)
        check_integer(c, value, &c->t->limits[schema->limits]);
    else if (schema->type == HR_CRD_NUMBER)
        check_number(c, value, &c->t->limits[schema->limits]);
    if (schema->n_enums > 0)
        check_enum(c, value, schema);
    if (schema->flags & HR_CRD_ADDRESS)
        check_address(c, value);
    if (c->faults == before && schema->n_rules > 0)
        check_rules(c, value, schema);
}

size_t hr_crd_find(const hr_crd_table *table, hr_str group, hr_str kind, int variant) {
    size_t i = 0;
    for (; i < table->n_kinds; i++)
        if (table->kinds[i].variant == variant &&
            hr_str_eq_c(group, table->text[table->kinds[i].group]) &&
            hr_str_eq_c(kind, table->text[table->kinds[i].kind]))
            break;
    return i;
}

/* Whether each resource has this field. Those are not in the schemas: the reader checks them. */
static bool is_field_of_all(hr_str name) {
    static const char *const names[] = {"apiVersion", "kind", "metadata", "status"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_c(name, names[i]))
            return true;
    return false;
}

size_t hr_crd_check(hr_reader *r, hr_crd_patterns *patterns, size_t kind, const hr_node *resource,
                    size_t mark) {
    crd_checker c = {.r = r, .patterns = patterns, .t = hr_crd_patterns_table(patterns)};
    note_errors(&c, mark);
    const hr_crd_node *root = &c.t->nodes[c.t->kinds[kind].node];
    hr_path step = {.up = NULL};
    resource = hr_crd_with_defaults(r->document, c.t, resource, root);
    if (hr_arena_failed(r->document))
        return 0;
    r->path = &step;
    for (const hr_node *key = resource->u.children.first; key != NULL; key = key->next) {
        const hr_crd_field *field = find_property(&c, root, key->u.text);
        step.name = key->u.text;
        if (field != NULL)
            check_member(&c, key, &c.t->nodes[field->node]);
        else if (!is_field_of_all(key->u.text))
            CRD_FAULT(&c, key, "unknown field, which Kubernetes drops");
    }
    r->path = NULL;
    check_required(&c, resource, root, false);
    return c.faults;
}
