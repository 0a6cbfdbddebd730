/* YAML documents for callers: each with its places and as JSON, without a look at what it means. */
#include <math.h>

#include "diag.h"
#include "json_writer.h"
#include "load_limits.h"
#include "read_sources.h"
#include "scalar.h"
#include "yaml_parse.h"

struct hr_document {
    hr_str file;
    const hr_node *root;
};

/* ---- reading ---- */

typedef struct document_reading {
    hr_document_fn fn;
    void *ctx;
    hr_yaml_budget budget;
    hr_diagnostics *d;
} document_reading;

static int pass_document(document_reading *r, hr_str name, const hr_node *root) {
    hr_document document = {.file = name, .root = root};
    return root == NULL || root->kind == HR_NODE_NULL ? HR_OK : r->fn(r->ctx, &document);
}

/* Each document has an arena of its own, so that memory does not grow with their number. */
static int read_next_document(document_reading *r, hr_yaml *yaml, hr_str name, bool *more) {
    const hr_node *root = NULL;
    hr_arena *arena = hr_arena_new();
    *more = false;
    if (arena == NULL)
        return HR_ENOMEM;
    int error = hr_yaml_next(&root, yaml, arena);
    if (error == HR_OK && (hr_arena_failed(arena) || hr_diagnostics_oom(r->d)))
        error = HR_ENOMEM;
    if (error == HR_OK) {
        *more = root != NULL;
        error = pass_document(r, name, root);
    }
    hr_arena_free(arena);
    return error;
}

static int read_documents_of(void *ctx, hr_str name, hr_str text) {
    document_reading *r = ctx;
    hr_yaml *yaml = hr_yaml_open(name, text, &r->budget, r->d);
    int error = yaml == NULL ? HR_ENOMEM : HR_OK;
    for (bool more = true; more && error == HR_OK;)
        error = read_next_document(r, yaml, name, &more);
    hr_yaml_close(yaml);
    return error;
}

/* Reads the sources with `fn`; the findings become the caller's. */
static int read_sources(hr_diagnostics **diagnostics, hr_diagnostics *d, const hr_source *sources,
                        size_t n, const hr_load_options *options, hr_text_fn fn, void *ctx) {
    int error = hr_sources_each(sources, n, options, d, fn, ctx);
    if (error == HR_OK && hr_diagnostics_oom(d))
        error = HR_ENOMEM;
    if (error == HR_OK && hr_diagnostics_errors(d) > 0)
        error = HR_ECONFIG;
    hr_diagnostics_sort(d);
    if (diagnostics != NULL)
        *diagnostics = d;
    else
        hr_diagnostics_free(d);
    return error;
}

static bool may_read(const hr_source *sources, size_t n, const hr_load_options *options) {
    return (sources != NULL || n == 0) && hr_load_options_known(options);
}

int hr_sources_read(hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                    const hr_load_options *options, hr_text_fn fn, void *ctx) {
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (fn == NULL || !may_read(sources, n, options))
        return HR_EINVAL;
    hr_diagnostics *d = hr_diagnostics_new();
    return d == NULL ? HR_ENOMEM : read_sources(diagnostics, d, sources, n, options, fn, ctx);
}

int hr_documents_read(hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                      const hr_load_options *options, hr_document_fn fn, void *ctx) {
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (fn == NULL || !may_read(sources, n, options))
        return HR_EINVAL;
    hr_diagnostics *d = hr_diagnostics_new();
    if (d == NULL)
        return HR_ENOMEM;
    document_reading r = {.fn = fn, .ctx = ctx, .budget = hr_limit_yaml(options), .d = d};
    return read_sources(diagnostics, d, sources, n, options, read_documents_of, &r);
}

hr_str hr_document_file(const hr_document *document) {
    return document == NULL ? (hr_str){0} : document->file;
}

/* ---- paths ---- */

/* Reads "[12]" at `*at`; false if it is not an index. */
static bool read_index(size_t *index, hr_str path, size_t *at) {
    size_t i = *at + 1, n = 0;
    for (; i < path.len && path.p[i] >= '0' && path.p[i] <= '9' && n < 100000000; i++)
        n = n * 10 + (size_t)(path.p[i] - '0');
    if (i == *at + 1 || i >= path.len || path.p[i] != ']')
        return false;
    *index = n;
    *at = i + 1;
    return true;
}

static const hr_node *item_at(const hr_node *list, size_t index) {
    if (list->kind != HR_NODE_LIST || index >= list->u.children.n)
        return NULL;
    const hr_node *item = list->u.children.first;
    for (; item != NULL && index > 0; index--)
        item = item->next;
    return item;
}

static const hr_node *key_of(const hr_node *map, hr_str name) {
    const hr_node *key = map->kind == HR_NODE_MAP ? map->u.children.first : NULL;
    while (key != NULL && !hr_str_eq(key->u.text, name))
        key = key->next;
    return key;
}

/* A part of a document: its value, and where it begins. */
typedef struct document_part {
    const hr_node *value, *begin;
} document_part;

static document_part step(const hr_node *node, hr_str path, size_t *at) {
    size_t index;
    if (path.p[*at] == '[') {
        const hr_node *item = read_index(&index, path, at) ? item_at(node, index) : NULL;
        return (document_part){item, item};
    }
    if (path.p[*at] == '.' && *at > 0)
        ++*at;
    size_t from = *at;
    while (*at < path.len && path.p[*at] != '.' && path.p[*at] != '[')
        ++*at;
    const hr_node *key = *at == from ? NULL : key_of(node, hr_str_from_to(path, from, *at));
    return (document_part){key == NULL ? NULL : key->value, key};
}

/* The value is NULL if the document has no such part. */
static document_part find_part(const hr_document *document, hr_str path) {
    document_part part = {document->root, document->root};
    for (size_t at = 0; part.value != NULL && at < path.len;)
        part = step(part.value, path, &at);
    return part;
}

static int last_line_of(const hr_node *node) {
    int last = node->line;
    if (node->kind != HR_NODE_LIST && node->kind != HR_NODE_MAP)
        return last;
    for (const hr_node *child = node->u.children.first; child != NULL; child = child->next) {
        int line = last_line_of(child->value != NULL ? child->value : child);
        last = line > last ? line : last;
        last = child->line > last ? child->line : last;
    }
    return last;
}

int hr_document_place(hr_place *out, const hr_document *document, hr_str path) {
    if (out == NULL || out->version != HR_PLACE_VERSION)
        return HR_EINVAL;
    *out = (hr_place)HR_PLACE_INIT;
    if (document == NULL)
        return HR_EINVAL;
    document_part part = find_part(document, path);
    if (part.value == NULL)
        return HR_ENOENT;
    out->line = part.begin->line;
    out->column = part.begin->column;
    out->last_line = last_line_of(part.value);
    return HR_OK;
}

/* ---- JSON ---- */

static void put_node(hr_json_writer *w, const hr_node *node);

static void put_map_node(hr_json_writer *w, const hr_node *node) {
    hr_json_open(w, '{');
    for (const hr_node *key = node->u.children.first; key != NULL; key = key->next) {
        hr_json_comma(w);
        hr_json_text(w, key->u.text);
        hr_json_raw(w, ":");
        put_node(w, key->value);
    }
    hr_json_close(w, '}');
}

static void put_list_node(hr_json_writer *w, const hr_node *node) {
    hr_json_open(w, '[');
    for (const hr_node *item = node->u.children.first; item != NULL; item = item->next) {
        hr_json_comma(w);
        put_node(w, item);
    }
    hr_json_close(w, ']');
}

static void put_number_node(hr_json_writer *w, const hr_node *node) {
    int64_t integer;
    double real = hr_node_double(node);
    if (node->kind == HR_NODE_INT && hr_node_int(&integer, node))
        hr_sbuf_put_int(&w->s, integer);
    else if (isfinite(real))
        hr_json_value_number(w, real);
    else
        hr_json_raw(w, "null");
}

static void put_node(hr_json_writer *w, const hr_node *node) {
    switch (node->kind) {
    case HR_NODE_MAP:
        put_map_node(w, node);
        return;
    case HR_NODE_LIST:
        put_list_node(w, node);
        return;
    case HR_NODE_INT:
    case HR_NODE_FLOAT:
        put_number_node(w, node);
        return;
    case HR_NODE_BOOL:
        hr_sbuf_put(&w->s, node->u.text);
        return;
    case HR_NODE_STRING:
        hr_json_text(w, node->u.text);
        return;
    case HR_NODE_NULL:
        hr_json_raw(w, "null");
        return;
    }
}

int hr_document_json(hr_str *out, const hr_document *document, hr_str path, hr_scratch *scratch) {
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || document == NULL || scratch == NULL)
        return HR_EINVAL;
    document_part part = find_part(document, path);
    if (part.value == NULL)
        return HR_ENOENT;
    if (hr_scratch_reset(scratch) != HR_OK)
        return HR_ENOMEM;
    hr_json_writer w = {.s = hr_sbuf_begin(scratch, 2048), .first = true};
    put_node(&w, part.value);
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
