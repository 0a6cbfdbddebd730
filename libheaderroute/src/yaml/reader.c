/*
 * Reads nodes into structs by tables of fields, and reports unknown fields and wrong types with
 * their place.
 */
#include "reader.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scalar.h"
#include "template_text.h"
#include "text.h"

/* ---- findings ---- */

hr_pos hr_reader_pos(const hr_reader *r, const hr_node *node) {
    return (hr_pos){r->file, node->line, node->column};
}

static size_t print_path(char *buf, size_t size, const hr_path *path) {
    if (path == NULL)
        return 0;
    size_t used = print_path(buf, size, path->up);
    if (used >= size)
        return used;
    int n;
    if (path->name.p == NULL)
        n = snprintf(buf + used, size - used, "[%zu]", path->index);
    else if (path->is_key)
        n = snprintf(buf + used, size - used, "[%.*s]", (int)path->name.len, path->name.p);
    else
        n = snprintf(buf + used, size - used, "%s%.*s", used == 0 ? "" : ".", (int)path->name.len,
                     path->name.p);
    return n < 0 ? used : used + (size_t)n;
}

size_t hr_reader_path(char buf[HR_READER_PATH], const hr_reader *r) {
    buf[0] = '\0';
    size_t used = print_path(buf, HR_READER_PATH, r->path);
    return used < HR_READER_PATH ? used : HR_READER_PATH - 1;
}

/* A value that is wrong because of a variable in it gets a sentence on that as well. */
static bool report_template(hr_reader *r, const hr_node *node, const char *path, const char *format,
                            va_list args) {
    char why[1024];
    hr_str found = node->kind == HR_NODE_STRING ? hr_template_find(node->u.text) : (hr_str){0};
    if (found.p == NULL)
        return false;
    vsnprintf(why, sizeof(why), format, args);
    if (hr_template_is_helm(found))
        hr_diag_error(r->d, hr_reader_pos(r, node), path,
                      "%s; %.*s is a Helm template: render it with `helm template` first", why,
                      (int)found.len, found.p);
    else
        hr_diag_error(r->d, hr_reader_pos(r, node), path, "%s; " HR_TEMPLATE_HINT, why,
                      (int)found.len, found.p);
    return true;
}

static void report_at(hr_reader *r, hr_severity severity, const hr_node *node, const char *format,
                      va_list args) {
    char path[HR_READER_PATH];
    hr_reader_path(path, r);
    if (severity != HR_SEVERITY_ERROR || !report_template(r, node, path, format, args))
        hr_diag_add(r->d, severity, hr_reader_pos(r, node), path, format, args);
}

void hr_reader_error(hr_reader *r, const hr_node *node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report_at(r, HR_SEVERITY_ERROR, node, format, args);
    va_end(args);
}

void hr_reader_warn(hr_reader *r, const hr_node *node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report_at(r, HR_WARNING, node, format, args);
    va_end(args);
}

static const hr_node *field_key(const hr_node *map, const char *field);

static void report_field(hr_reader *r, hr_severity severity, const hr_node *map, const char *field,
                         const char *format, va_list args) {
    const hr_node *key = field_key(map, field), *place = map;
    if (key != NULL)
        place =
            key->value->kind == HR_NODE_LIST || key->value->kind == HR_NODE_MAP ? key : key->value;
    hr_path step = {.up = r->path, .name = hr_str_from(field)};
    r->path = &step;
    report_at(r, severity, place, format, args);
    r->path = step.up;
}

void hr_field_error(hr_reader *r, const hr_node *map, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report_field(r, HR_SEVERITY_ERROR, map, field, format, args);
    va_end(args);
}

void hr_field_warn(hr_reader *r, const hr_node *map, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report_field(r, HR_WARNING, map, field, format, args);
    va_end(args);
}

/* What quotes have to do with a wrong kind of scalar. */
static const char *remedy(const hr_node *node, hr_node_kind expected) {
    int truth, scalar = node->kind == HR_NODE_BOOL || node->kind == HR_NODE_INT ||
                        node->kind == HR_NODE_FLOAT;
    if (expected == HR_NODE_STRING && scalar)
        return "; quote it";
    if (node->kind != HR_NODE_STRING || expected == HR_NODE_STRING)
        return "";
    hr_node_kind bare = hr_scalar_resolve(node->u.text, &truth);
    int fits = bare == expected || (bare == HR_NODE_INT && expected == HR_NODE_FLOAT);
    return fits && bare != HR_NODE_NULL ? "; remove the quotes" : "";
}

int hr_reader_expect(hr_reader *r, const hr_node *node, hr_node_kind kind) {
    if (node->kind == kind)
        return 1;
    r->misread++;
    hr_reader_error(r, node, "expected %s, got %s%s", hr_node_kind_name(kind),
                    hr_node_kind_name(node->kind), remedy(node, kind));
    return 0;
}

/* ---- memory ---- */

void *hr_reader_alloc(hr_reader *r, size_t n, size_t size) {
    return hr_arena_array(r->arena, n, size);
}

hr_str hr_reader_copy(hr_reader *r, hr_str s) {
    return hr_textpool_copy(&r->text, s);
}

void *hr_reader_append(hr_reader *r, void *list, size_t *n, size_t size) {
    char *items;
    memcpy(&items, list, sizeof(items));
    if ((*n & (*n - 1)) == 0) { /* full at 0, 1, 2, 4, ... */
        char *larger = hr_reader_alloc(r, *n == 0 ? 1 : *n * 2, size);
        if (larger == NULL)
            return NULL;
        if (*n > 0)
            memcpy(larger, items, *n * size);
        items = larger;
        memcpy(list, &items, sizeof(items));
    }
    return items + size * (*n)++;
}

/* ---- fields ---- */

static const hr_node *field_key(const hr_node *map, const char *field) {
    if (map == NULL || map->kind != HR_NODE_MAP)
        return NULL;
    for (const hr_node *k = map->u.children.first; k != NULL; k = k->next)
        if (k->value->kind != HR_NODE_NULL && hr_str_eq_c(k->u.text, field))
            return k;
    return NULL;
}

const hr_node *hr_field_get(const hr_node *map, const char *field) {
    const hr_node *key = field_key(map, field);
    return key == NULL ? NULL : key->value;
}

bool hr_field_is_kind(const hr_node *map, const char *field, hr_node_kind kind) {
    const hr_node *value = hr_field_get(map, field);
    return value == NULL || value->kind == kind;
}

static size_t find_field(const hr_schema *schema, hr_str name) {
    for (size_t i = 0; i < schema->n; i++)
        if (hr_str_eq_c(name, schema->fields[i].name))
            return i;
    return schema->n;
}

static char letter(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* The number of edits (insert, delete, replace) between two names, ignoring case and underscores.
 * */
static size_t edit_distance(hr_str a, const char *name) {
    size_t row[65];
    size_t n = strlen(name);
    if (n > 64 || a.len > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        if (a.p[i] == '_' || a.p[i] == '-')
            continue;
        size_t corner = row[0]++;
        for (size_t j = 0; j < n; j++) {
            size_t replaced = corner + (letter(a.p[i]) != letter(name[j]));
            corner = row[j + 1];
            size_t best = replaced < corner + 1 ? replaced : corner + 1;
            row[j + 1] = best < row[j] + 1 ? best : row[j] + 1;
        }
    }
    return row[n];
}

/* Whether two names differ in letter case, '_' and '-' only: snake_case, for example. */
static int same_letters(hr_str given, const char *name) {
    size_t i = 0;
    for (;; i++, name++) {
        while (i < given.len && (given.p[i] == '_' || given.p[i] == '-'))
            i++;
        while (*name == '_')
            name++;
        if (i == given.len || *name == '\0')
            return i == given.len && *name == '\0';
        if (hr_lower(given.p[i]) != hr_lower(*name))
            return 0;
    }
}

static const char *nearest_field(hr_str given, const hr_schema *schema) {
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < schema->n; i++) {
        if (same_letters(given, schema->fields[i].name))
            return schema->fields[i].name;
        size_t d = edit_distance(given, schema->fields[i].name);
        size_t len = strlen(schema->fields[i].name);
        int swapped = d == 2 && len == given.len && len > 2; /* two letters are swapped */
        if (d < best && (d * 3 <= len || swapped)) {
            best = d;
            nearest = schema->fields[i].name;
        }
    }
    return nearest;
}

/* kubectl refuses an unknown field, and the API server drops it if another client sends it. */
static void unknown_field(hr_reader *r, const hr_node *map, const hr_node *key,
                          const hr_schema *schema) {
    char hint[HR_HINT] = "";
    if (r->hint != NULL)
        r->hint(hint, r, schema, map, key);
    const char *nearest = hint[0] != '\0' ? NULL : nearest_field(key->u.text, schema);
    r->misread += nearest != NULL || hint[0] != '\0'; /* it is a known field, misspelled */
    if (nearest != NULL)
        hr_reader_error(r, key, "unknown field of %s, which Kubernetes drops; did you mean \"%s\"?",
                        schema->what, nearest);
    else
        hr_reader_error(r, key, "unknown field of %s, which Kubernetes drops%s%s", schema->what,
                        hint[0] == '\0' ? "" : "; ", hint);
}

/* Returns 0 if this field cannot be combined with one that was given before. */
static int check_oneof(hr_reader *r, const hr_node *key, const hr_schema *schema, size_t index,
                       uint64_t seen) {
    const hr_field *f = &schema->fields[index];
    if (seen & (UINT64_C(1) << index))
        return 0; /* the YAML parser has reported it */
    for (size_t i = 0; f->oneof != 0 && i < schema->n; i++)
        if (schema->fields[i].oneof == f->oneof && (seen & (UINT64_C(1) << i))) {
            hr_reader_error(r, key, "cannot be combined with \"%s\"", schema->fields[i].name);
            return 0;
        }
    return 1;
}

/* A scalar in place of a message, with an example if there is one. */
static void report_not_map(hr_reader *r, const hr_node *node, const hr_schema *schema) {
    char hint[HR_HINT] = "";
    r->misread++;
    if (r->hint != NULL)
        r->hint(hint, r, schema, node, NULL);
    hr_reader_error(r, node, "expected a map, got %s%s%s", hr_node_kind_name(node->kind),
                    hint[0] == '\0' ? "" : "; ", hint);
}

void hr_read_fields(hr_reader *r, const hr_node *map, void *out, const hr_schema *schema) {
    if (schema->init != NULL)
        schema->init(out);
    if (schema->pos >= 0) {
        hr_pos pos = hr_reader_pos(r, map);
        memcpy((char *)out + schema->pos, &pos, sizeof(pos));
    }
    if (schema->present >= 0)
        *(bool *)((char *)out + schema->present) = true;
    if (map->kind != HR_NODE_MAP) {
        report_not_map(r, map, schema);
        return;
    }
    uint64_t seen = 0;
    size_t misread = r->misread;
    r->misread = 0;
    hr_path step = {.up = r->path};
    r->path = &step;
    for (const hr_node *key = map->u.children.first; key != NULL; key = key->next) {
        step.name = key->u.text;
        size_t i = find_field(schema, key->u.text);
        if (i == schema->n) {
            if (!schema->lax)
                unknown_field(r, map, key, schema);
            continue;
        }
        if (key->value->kind == HR_NODE_NULL)
            continue; /* protobuf's JSON treats null as absent */
        const hr_field *field = &schema->fields[i];
        step.name = hr_str_from(field->name);
        if (!check_oneof(r, key, schema, i, seen))
            continue;
        seen |= UINT64_C(1) << i;
        field->read(r, key->value, out, field);
    }
    r->path = step.up;
    /* The check would report the absent value of a field that could not be read. */
    if (schema->check != NULL && r->misread == 0)
        schema->check(r, map, out);
    r->misread = misread;
}

void hr_read_spec(hr_reader *r, const hr_node *resource, void *out, const hr_schema *schema) {
    const hr_node *spec = hr_node_get(resource, HR_STR("spec"));
    hr_path step = {.up = NULL, .name = HR_STR("spec")};
    r->path = &step;
    if (spec == NULL || spec->kind == HR_NODE_NULL)
        hr_reader_error(r, resource, "is missing");
    else
        hr_read_fields(r, spec, out, schema);
    r->path = NULL;
}

#define MEMBER(type, base, offset) ((type *)(void *)((char *)(base) + (offset)))

void hr_read_string(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (hr_reader_expect(r, node, HR_NODE_STRING))
        *MEMBER(hr_str, base, field->offset) = hr_reader_copy(r, node->u.text);
}

void hr_read_strings(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_str_list *out = MEMBER(hr_str_list, base, field->offset);
    out->pos = hr_reader_pos(r, node);
    if (!hr_reader_expect(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    out->v = hr_reader_alloc(r, node->u.children.n, sizeof(*out->v));
    if (out->v == NULL)
        return;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item))
        if (hr_reader_expect(r, item, HR_NODE_STRING))
            out->v[out->n++] = hr_reader_copy(r, item->u.text);
}

void hr_read_bool(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (hr_reader_expect(r, node, HR_NODE_BOOL))
        *MEMBER(bool, base, field->offset) = node->u.text.p[0] == 't';
}

void hr_read_bool_value(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (hr_reader_expect(r, node, HR_NODE_BOOL))
        *MEMBER(int, base, field->offset) = node->u.text.p[0] == 't';
}

static int read_integer(hr_reader *r, const hr_node *node, int64_t *out, int64_t min, int64_t max) {
    int64_t v;
    if (!hr_reader_expect(r, node, HR_NODE_INT))
        return 0;
    if (hr_node_int(&v, node) && v >= min && v <= max) {
        *out = v;
        return 1;
    }
    r->misread++;
    hr_reader_error(r, node, "%.*s is out of range; expected %" PRId64 " to %" PRId64,
                    (int)node->u.text.len, node->u.text.p, min, max);
    return 0;
}

void hr_read_uint32(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int64_t v;
    if (read_integer(r, node, &v, 0, UINT32_MAX))
        *MEMBER(uint32_t, base, field->offset) = (uint32_t)v;
}

void hr_read_int32(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int64_t v;
    if (read_integer(r, node, &v, INT32_MIN, INT32_MAX))
        *MEMBER(int32_t, base, field->offset) = (int32_t)v;
}

void hr_read_int64(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    read_integer(r, node, MEMBER(int64_t, base, field->offset), INT32_MIN, INT32_MAX);
}

void hr_read_uint32_value(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    read_integer(r, node, MEMBER(int64_t, base, field->offset), 0, UINT32_MAX);
}

void hr_read_uint64(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    read_integer(r, node, MEMBER(int64_t, base, field->offset), 0, INT64_MAX);
}

void hr_read_double(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (node->kind != HR_NODE_INT && !hr_reader_expect(r, node, HR_NODE_FLOAT))
        return;
    double v = hr_node_double(node);
    if (!(v - v == 0))
        hr_reader_error(r, node, "expected a finite number");
    else
        *MEMBER(double, base, field->offset) = v;
}

void hr_read_duration(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (node->kind != HR_NODE_STRING) {
        r->misread++;
        hr_reader_error(
            r, node,
            "expected a duration such as \"10s\", \"1.5s\", \"300ms\" or \"1m30s\", got %s",
            hr_node_kind_name(node->kind));
        return;
    }
    if (hr_parse_duration(MEMBER(int64_t, base, field->offset), node->u.text))
        return;
    r->misread++;
    hr_reader_error(r, node,
                    "\"%.*s\" is not a valid duration; expected one such as \"10s\", \"1.5s\", "
                    "\"300ms\" or \"1m30s\"",
                    (int)node->u.text.len, node->u.text.p);
}

void hr_read_enum(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    const hr_enum *values = field->arg;
    char known[256];
    size_t used = 0;
    known[0] = '\0';
    for (const hr_enum *e = values; e->name != NULL; e++) {
        if (node->kind == HR_NODE_STRING && hr_str_eq_c(node->u.text, e->name)) {
            *MEMBER(int, base, field->offset) = e->value;
            return;
        }
        int n =
            snprintf(known + used, sizeof(known) - used, "%s%s", used == 0 ? "" : ", ", e->name);
        used += n > 0 && used + (size_t)n < sizeof(known) ? (size_t)n : 0;
    }
    r->misread++;
    if (node->kind == HR_NODE_STRING)
        hr_reader_error(r, node, "\"%.*s\" is not one of %s", (int)node->u.text.len, node->u.text.p,
                        known);
    else
        hr_reader_error(r, node, "expected one of %s, got %s", known,
                        hr_node_kind_name(node->kind));
}

void hr_read_message(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_fields(r, node, (char *)base + field->offset, field->arg);
}

void hr_read_pointer(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    const hr_schema *schema = field->arg;
    void *message = hr_reader_alloc(r, 1, schema->size);
    if (message == NULL)
        return;
    memcpy((char *)base + field->offset, &message, sizeof(message));
    hr_read_fields(r, node, message, schema);
}

void hr_read_list(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    const hr_schema *schema = field->arg;
    if (!hr_reader_expect(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    char *items = hr_reader_alloc(r, node->u.children.n, schema->size);
    if (items == NULL)
        return;
    memcpy((char *)base + field->offset, &items, sizeof(items));
    *MEMBER(size_t, base, field->count) = node->u.children.n;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item))
        hr_read_fields(r, item, items + step.index * schema->size, schema);
}

void hr_read_pairs(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (!hr_reader_expect(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    hr_pair *pairs = hr_reader_alloc(r, node->u.children.n, sizeof(*pairs));
    if (pairs == NULL)
        return;
    size_t n = 0;
    const hr_path *above = r->path;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key))
        if (hr_reader_expect(r, key->value, HR_NODE_STRING))
            pairs[n++] =
                (hr_pair){hr_reader_copy(r, key->u.text), hr_reader_copy(r, key->value->u.text)};
    r->path = above; /* as it is by now, which GCC 14 does not see when it inlines the loop */
    *MEMBER(hr_pair *, base, field->offset) = pairs;
    *MEMBER(size_t, base, field->count) = n;
}

void hr_read_refused(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)base;
    hr_reader_error(r, node, "%s", (const char *)field->arg);
}

void hr_read_nothing(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)r, (void)node, (void)base, (void)field;
}

/* ---- walking ---- */

const hr_node *hr_items_begin(hr_reader *r, hr_path *step, const hr_node *list) {
    if (list == NULL || list->kind != HR_NODE_LIST || list->u.children.first == NULL)
        return NULL;
    *step = (hr_path){.up = r->path};
    r->path = step;
    return list->u.children.first;
}

const hr_node *hr_items_next(hr_reader *r, hr_path *step, const hr_node *item) {
    step->index++;
    if (item->next == NULL)
        r->path = step->up;
    return item->next;
}

/* The API server drops the members of a map that are null. */
static const hr_node *skip_null(const hr_node *key) {
    while (key != NULL && key->value->kind == HR_NODE_NULL)
        key = key->next;
    return key;
}

const hr_node *hr_keys_begin(hr_reader *r, hr_path *step, const hr_node *map) {
    if (map == NULL || map->kind != HR_NODE_MAP)
        return NULL;
    const hr_node *first = skip_null(map->u.children.first);
    if (first == NULL)
        return NULL;
    *step = (hr_path){.up = r->path, .name = first->u.text, .is_key = 1};
    r->path = step;
    return first;
}

const hr_node *hr_keys_next(hr_reader *r, hr_path *step, const hr_node *key) {
    const hr_node *next = skip_null(key->next);
    if (next == NULL)
        r->path = step->up;
    else
        step->name = next->u.text;
    return next;
}

/* ---- durations ---- */

/* The unit of a Go duration at `s`, in nanoseconds, and its length; 0 if there is none. */
static uint64_t unit_at(const char *s, const char *end, size_t *len) {
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"\xC2\xB5s", 1000},
                 {"\xCE\xBCs", 1000},
                 {"ms", 1000000},
                 {"s", 1000000000},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)}};
    size_t n = 0; /* up to the next digit or point */
    while (s + n < end && s[n] != '.' && (s[n] < '0' || s[n] > '9'))
        n++;
    *len = n;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strlen(units[i].name) == n && memcmp(units[i].name, s, n) == 0)
            return units[i].ns;
    return 0;
}

int hr_parse_duration(int64_t *out_ns, hr_str text) {
    if (text.len == 0) /* also an absent one */
        return 0;
    const char *s = text.p, *end = text.p + text.len;
    int negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    if (end - s == 1 && *s == '0') {
        *out_ns = 0;
        return 1;
    }
    if (s == end)
        return 0;
    uint64_t total = 0;
    while (s < end) {
        uint64_t whole = 0, fraction = 0, scale = 1;
        size_t digits = 0, len;
        for (; s < end && *s >= '0' && *s <= '9'; s++, digits++) {
            if (whole > (UINT64_C(1) << 63) / 10)
                return 0;
            whole = whole * 10 + (uint64_t)(*s - '0');
        }
        if (s < end && *s == '.')
            for (s++; s < end && *s >= '0' && *s <= '9'; s++, digits++)
                if (scale < UINT64_C(1000000000000000)) { /* finer than any unit can show */
                    fraction = fraction * 10 + (uint64_t)(*s - '0');
                    scale *= 10;
                }
        uint64_t unit = digits == 0 ? 0 : unit_at(s, end, &len);
        if (unit == 0 || whole > (UINT64_C(1) << 63) / unit)
            return 0;
        total += whole * unit + (uint64_t)((double)fraction * ((double)unit / (double)scale));
        if (total > (UINT64_C(1) << 63) - (negative ? 0 : 1))
            return 0;
        s += len;
    }
    *out_ns = (int64_t)(negative ? 0 - total : total);
    return 1;
}
