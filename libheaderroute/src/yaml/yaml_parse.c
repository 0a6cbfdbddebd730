/* Builds nodes from libyaml's events, with limits on depth, aliases and size. */
#define _GNU_SOURCE /* memmem */
#include "yaml_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "diag.h"
#include "map.h"
#include "scalar.h"
#include "template_text.h"
#include "text.h"
#include "textpool.h"
#include "yaml_colon.h"

/* One collection under construction. */
typedef struct frame {
    hr_node *node;
    hr_node **tail;       /* where the next item or key goes */
    hr_node *key;         /* MAP: the key that waits for its value */
    const hr_node *merge; /* MAP: the value of its << key */
    int is_merge_key;     /* MAP: `key` is << */
} frame;

#define KEYS_COMPARED 8 /* up to this many keys are compared with one another; more are hashed */
/* go-yaml's limit against "billion laughs": from this many nodes on, most of them must be written
 * out. */
#define ALIAS_FREE 1000
#define ALIAS_RATIO_LOW 400000.0
#define ALIAS_RATIO_HIGH 4000000.0

struct hr_yaml {
    yaml_parser_t parser;
    hr_str file;
    hr_yaml_budget *budget;
    hr_diagnostics *d;
    hr_str source;     /* as the caller gave it */
    hr_colon colon;    /* what is parsed instead, once libyaml has refused a ':' */
    uint64_t n_events; /* that were taken from the stream */
    int done;
    /* of the document being read */
    hr_arena *arena;
    hr_map anchors;
    frame *frames;
    size_t depth, capacity;
    hr_node *free_nodes; /* a block of nodes not yet given out */
    size_t n_free_nodes;
    hr_textpool text;
    uint64_t n_nodes, n_aliased;
    hr_node *root;
};

#define NODE_BLOCK 64

hr_yaml *hr_yaml_open(hr_str file, hr_str text, hr_yaml_budget *budget, hr_diagnostics *d) {
    hr_yaml *y = calloc(1, sizeof(*y));
    if (y == NULL)
        return NULL;
    if (!yaml_parser_initialize(&y->parser)) {
        free(y);
        return NULL;
    }
    yaml_parser_set_input_string(&y->parser, (const unsigned char *)(text.p == NULL ? "" : text.p),
                                 text.len);
    y->file = file;
    y->source = text;
    y->budget = budget;
    y->d = d;
    return y;
}

static int refused_colon(const hr_yaml *y) {
    return y->colon.text == NULL && y->parser.error == YAML_SCANNER_ERROR &&
           y->parser.encoding == YAML_UTF8_ENCODING && y->parser.problem != NULL &&
           strcmp(y->parser.problem, "found unexpected ':'") == 0;
}

/* Starts over with a text in which libyaml accepts what go-yaml accepts, and passes over the events
 * that were taken already. HR_ENOENT: it is refused for another reason. */
static int accept_colons(hr_yaml *y) {
    int error = refused_colon(y) ? hr_colon_replace(&y->colon, y->source) : HR_ENOENT;
    if (error != HR_OK)
        return error;
    yaml_parser_delete(&y->parser);
    if (!yaml_parser_initialize(&y->parser)) {
        memset(&y->parser, 0, sizeof(y->parser));
        return HR_ENOMEM;
    }
    yaml_parser_set_input_string(&y->parser, (const unsigned char *)y->colon.text, y->colon.len);
    for (uint64_t i = 0; i < y->n_events; i++) {
        yaml_event_t event;
        if (!yaml_parser_parse(&y->parser, &event))
            return HR_ENOMEM; /* the beginning was accepted before */
        yaml_event_delete(&event);
    }
    return HR_OK;
}

void hr_yaml_close(hr_yaml *y) {
    if (y == NULL)
        return;
    yaml_parser_delete(&y->parser);
    free(y->frames);
    free(y->colon.text);
    free(y);
}

/* ---- mistakes: each stops the file, since what follows cannot be trusted ---- */

static hr_pos at(const hr_yaml *y, yaml_mark_t mark) {
    return (hr_pos){y->file, (int)mark.line + 1, (int)mark.column + 1};
}

static hr_pos at_node(const hr_yaml *y, const hr_node *node) {
    return (hr_pos){y->file, node->line, node->column};
}

/* A limit is exceeded. */
#define FAIL_LIMIT(y, pos, ...) (hr_diag_error((y)->d, (pos), "", __VA_ARGS__), HR_ECONFIG)

static bool mentions_api_version(const hr_yaml *y) {
    return y->source.p != NULL &&
           memmem(y->source.p, y->source.len, "apiVersion", strlen("apiVersion")) != NULL;
}

/* The line of the text, without its line break. */
static hr_str line_at(hr_str text, int line) {
    size_t from = 0;
    for (; line > 1 && from < text.len; line--)
        from = hr_str_find(text, '\n', from) + 1;
    return from >= text.len ? HR_STR("")
                            : hr_str_from_to(text, from, hr_str_find(text, '\n', from));
}

/* Reports why the text is not YAML, or what it is instead. */
static void report_failure(hr_yaml *y, hr_pos pos, const char *why) {
    if (hr_text_is_template(y->source)) {
        static const char sentence[] =
            "this is a Helm template: render it with `helm template` first";
        if (y->budget->lenient)
            hr_diag_left_out(y->d, pos, "%s; it is not read", sentence);
        else
            hr_diag_error(y->d, pos, "", "%s (%s)", sentence, why);
        return;
    }
    if (y->budget->lenient && !mentions_api_version(y)) {
        hr_diag_left_out(y->d, pos, "not a Kubernetes resource, not read: %s", why);
        return;
    }
    hr_str found = hr_template_find(line_at(y->source, pos.line));
    if (found.p == NULL)
        hr_diag_error(y->d, pos, "", "%s", why);
    else
        hr_diag_error(y->d, pos, "", "%s; " HR_TEMPLATE_HINT, why, (int)found.len, found.p);
}

static int fail_text(hr_yaml *y, hr_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail_text(hr_yaml *y, hr_pos pos, const char *format, ...) {
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    report_failure(y, pos, why);
    return HR_ECONFIG;
}

/* The parser reports only an offset: counts the lines and characters up to it, after a byte order
 * mark. */
static hr_pos at_offset(const hr_yaml *y, size_t offset) {
    const yaml_parser_t *p = &y->parser;
    const unsigned char *text = p->input.string.start;
    size_t size = (size_t)(p->input.string.end - text),
           unit = p->encoding == YAML_UTF8_ENCODING ? 1 : 2;
    size_t low = p->encoding == YAML_UTF16BE_ENCODING ? 1 : 0;
    size_t i = unit == 2 ? 2 : size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    hr_pos pos = {y->file, 1, 1};
    for (; i < offset && i + unit <= size; i += unit) {
        unsigned high = unit == 2 ? text[i + 1 - low] : 0;
        int continues = unit == 2 ? (high & 0xFC) == 0xDC : (text[i] & 0xC0) == 0x80;
        int line_end = text[i + low] == '\n' && high == 0;
        pos.column = line_end ? 1 : pos.column + !continues;
        pos.line += line_end;
    }
    return pos;
}

static int fail_syntax(hr_yaml *y) {
    const yaml_parser_t *p = &y->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return HR_ENOMEM;
    const char *problem = p->problem == NULL ? "it cannot be read" : p->problem;
    if (p->error == YAML_READER_ERROR)
        return fail_text(y, at_offset(y, p->problem_offset), "not valid YAML: %s", problem);
    if (p->context != NULL)
        return fail_text(y, at(y, p->problem_mark), "not valid YAML: %s (%s, line %zu)", problem,
                         p->context, p->context_mark.line + 1);
    return fail_text(y, at(y, p->problem_mark), "not valid YAML: %s", problem);
}

/* ---- nodes ---- */

/* Takes `n` nodes from the budget of the load and checks the share of them that came through
 * aliases. */
static int spend(hr_yaml *y, yaml_mark_t mark, uint64_t n, int aliased) {
    if (n > y->budget->nodes)
        return FAIL_LIMIT(y, at(y, mark),
                          "the configuration has too many YAML nodes (option max_nodes)");
    y->budget->nodes -= (size_t)n;
    y->n_nodes += n;
    if (!aliased)
        return HR_OK;
    y->n_nodes++; /* the alias itself */
    y->n_aliased += n;
    double total = (double)y->n_nodes, allowed = 0.99;
    if (total > ALIAS_RATIO_LOW)
        allowed -= 0.89 * (total - ALIAS_RATIO_LOW) / (ALIAS_RATIO_HIGH - ALIAS_RATIO_LOW);
    if (allowed < 0.1)
        allowed = 0.1;
    if (y->n_nodes > ALIAS_FREE && (double)y->n_aliased > allowed * total)
        return FAIL_LIMIT(y, at(y, mark), "the document grows too large through its aliases");
    return HR_OK;
}

static hr_node *new_node(hr_yaml *y, hr_node_kind kind, int line, int column) {
    if (y->n_free_nodes == 0) {
        y->free_nodes = hr_arena_array(y->arena, NODE_BLOCK, sizeof(hr_node));
        if (y->free_nodes == NULL)
            return NULL;
        y->n_free_nodes = NODE_BLOCK;
    }
    hr_node *node = y->free_nodes++;
    y->n_free_nodes--;
    node->kind = kind;
    node->line = line;
    node->column = column;
    return node;
}

/* An explicit tag decides the kind, if Kubernetes' tools know the tag. */
static int apply_tag(hr_yaml *y, hr_node *node, hr_str text, int quoted, const char *tag,
                     yaml_mark_t mark) {
    int truth = 0;
    hr_node_kind plain = hr_scalar_resolve(text, &truth);
    if (tag == NULL) {
        node->kind = quoted ? HR_NODE_STRING : plain;
        goto text;
    }
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *name =
        strncmp(tag, prefix, sizeof(prefix) - 1) == 0 ? tag + sizeof(prefix) - 1 : NULL;
    int fits;
    if (strcmp(tag, "!") == 0 || (name != NULL && strcmp(name, "str") == 0)) {
        node->kind = HR_NODE_STRING;
        goto text;
    }
    if (name == NULL)
        return fail_text(y, at(y, mark), "unknown tag %s", tag);
    if (strcmp(name, "int") == 0)
        fits = plain == HR_NODE_INT;
    else if (strcmp(name, "float") == 0)
        fits = plain == HR_NODE_INT || plain == HR_NODE_FLOAT;
    else if (strcmp(name, "bool") == 0)
        fits = plain == HR_NODE_BOOL;
    else if (strcmp(name, "null") == 0)
        fits = plain == HR_NODE_NULL;
    else
        return fail_text(y, at(y, mark), "unknown tag !!%s", name);
    if (!fits)
        return fail_text(y, at(y, mark), "not a valid !!%s", name);
    node->kind = plain;
text:
    if (node->kind == HR_NODE_BOOL)
        node->u.text = truth ? HR_STR("true") : HR_STR("false");
    else
        node->u.text = hr_textpool_copy(&y->text, text);
    return node->u.text.p == NULL ? HR_ENOMEM : HR_OK;
}

/* ---- collections ---- */

static int same_text_key(const hr_yaml *y, const hr_node *key, const hr_node *earlier) {
    if (y->budget->lenient && !mentions_api_version(y))
        return HR_OK; /* the document will be passed over */
    hr_diag_error(y->d, at_node(y, key), "", "the key \"%.*s\" is given twice (first on line %d)",
                  (int)key->u.text.len, key->u.text.p, earlier->line);
    return HR_OK;
}

/* Reports repeated keys. They are not fatal: the first one is used. */
static void check_keys(hr_yaml *y, const hr_node *map) {
    if (map->u.children.n <= KEYS_COMPARED) {
        for (const hr_node *k = map->u.children.first; k != NULL; k = k->next)
            for (const hr_node *e = map->u.children.first; e != k; e = e->next)
                if (hr_str_eq(k->u.text, e->u.text)) {
                    same_text_key(y, k, e);
                    break;
                }
        return;
    }
    hr_map seen = {0};
    for (hr_node *k = map->u.children.first; k != NULL && !hr_arena_failed(y->arena); k = k->next) {
        void **place = hr_map_at(y->arena, &seen, k->u.text);
        if (*place != NULL)
            same_text_key(y, k, *place);
        else
            *place = k;
    }
}

/* The entries of `from` whose keys are not in `taken`. */
static int merge_map(hr_yaml *y, frame *f, hr_map *taken, const hr_node *from, yaml_mark_t mark) {
    if (from->kind != HR_NODE_MAP)
        return fail_text(y, at(y, mark),
                         "expected a map or a list of maps for the merge key (<<), got %s",
                         hr_node_kind_name(from->kind));
    for (const hr_node *k = from->u.children.first; k != NULL; k = k->next) {
        if (hr_map_get(taken, k->u.text) != NULL)
            continue;
        hr_node *key = new_node(y, HR_NODE_STRING, k->line, k->column);
        if (key == NULL)
            return HR_ENOMEM;
        int rc = spend(y, mark, 1 + (uint64_t)k->value->size, 1);
        if (rc != HR_OK)
            return rc;
        key->size = 1;
        key->u.text = k->u.text;
        key->value = k->value;
        hr_map_add(y->arena, taken, key->u.text, key);
        *f->tail = key;
        f->tail = &key->next;
        f->node->u.children.n++;
    }
    return HR_OK;
}

/* A map's own keys win over merged ones, an earlier merged map over a later one. */
static int merge_all(hr_yaml *y, frame *f, yaml_mark_t mark) {
    hr_map taken = {0};
    int rc = HR_OK;
    for (hr_node *k = f->node->u.children.first; k != NULL; k = k->next)
        hr_map_add(y->arena, &taken, k->u.text, k);
    if (f->merge->kind != HR_NODE_LIST)
        rc = merge_map(y, f, &taken, f->merge, mark);
    else
        for (const hr_node *m = f->merge->u.children.first; m != NULL && rc == HR_OK; m = m->next)
            rc = merge_map(y, f, &taken, m, mark);
    return rc;
}

/* JSON allows only strings as keys: a boolean or a number becomes its text. */
static int turn_into_key(hr_yaml *y, hr_node *node, yaml_mark_t mark) {
    int64_t v;
    switch (node->kind) {
    case HR_NODE_STRING:
        return HR_OK;
    case HR_NODE_BOOL:
        hr_diag_warn(y->d, at(y, mark), "",
                     "YAML reads this key as the boolean %s; quote it if it is a word",
                     node->u.text.p);
        break;
    case HR_NODE_INT:
        if (!hr_node_int(&v, node))
            return fail_text(y, at(y, mark), "the number %s is too large for a key; quote it",
                             node->u.text.p);
        node->u.text = hr_arena_printf(y->arena, "%lld", (long long)v);
        break;
    default:
        return fail_text(y, at(y, mark), "expected a string as the key, got %s",
                         hr_node_kind_name(node->kind));
    }
    node->kind = HR_NODE_STRING;
    return node->u.text.p == NULL ? HR_ENOMEM : HR_OK;
}

/* Adds a node to its parent: as the root, the next item, a key or the value of a key. `plain`
 * distinguishes a merge key (<<) from the string "<<". */
static int place(hr_yaml *y, hr_node *node, int plain, yaml_mark_t mark) {
    if (y->depth == 0) {
        y->root = node;
        return HR_OK;
    }
    frame *f = &y->frames[y->depth - 1];
    if (f->node->kind == HR_NODE_MAP && f->key == NULL) {
        f->is_merge_key = plain && hr_str_eq(node->u.text, HR_STR("<<"));
        f->key = node;
        return f->is_merge_key ? HR_OK : turn_into_key(y, node, mark);
    }
    if (f->node->kind == HR_NODE_MAP) {
        hr_node *key = f->key;
        f->key = NULL;
        key->value = node;
        if (f->is_merge_key && f->merge != NULL)
            return fail_text(y, at(y, mark), "a map allows only one merge key (<<); use a list");
        if (f->is_merge_key) {
            f->merge = node;
            return HR_OK;
        }
        node = key;
    }
    *f->tail = node;
    f->tail = &node->next;
    f->node->u.children.n++;
    return HR_OK;
}

static int remember_anchor(hr_yaml *y, const yaml_char_t *anchor, hr_node *node) {
    if (anchor == NULL)
        return HR_OK;
    hr_str name = hr_textpool_copy(&y->text, hr_str_from((const char *)anchor));
    if (name.p == NULL)
        return HR_ENOMEM;
    *hr_map_at(y->arena, &y->anchors, name) =
        node; /* a later anchor of the same name replaces the earlier one (YAML 1.2.2, 7.1) */
    return HR_OK;
}

static int key_expected(const hr_yaml *y) {
    return y->depth > 0 && y->frames[y->depth - 1].node->kind == HR_NODE_MAP &&
           y->frames[y->depth - 1].key == NULL;
}

static int open_collection(hr_yaml *y, hr_node_kind kind, const yaml_char_t *anchor,
                           yaml_mark_t mark) {
    if (key_expected(y))
        return fail_text(y, at(y, mark), "expected a string as the key, got %s",
                         hr_node_kind_name(kind));
    if (y->depth >= y->budget->max_depth)
        return FAIL_LIMIT(y, at(y, mark),
                          "the YAML is nested deeper than %zu levels (option max_depth)",
                          y->budget->max_depth);
    int rc = spend(y, mark, 1, 0);
    if (rc != HR_OK)
        return rc;
    hr_node *node = new_node(y, kind, (int)mark.line + 1, (int)mark.column + 1);
    if (node == NULL)
        return HR_ENOMEM;
    if ((rc = remember_anchor(y, anchor, node)) != HR_OK || (rc = place(y, node, 0, mark)) != HR_OK)
        return rc;
    if (y->depth == y->capacity) {
        size_t capacity = y->capacity == 0 ? 32 : y->capacity * 2;
        frame *frames = realloc(y->frames, capacity * sizeof(*frames));
        if (frames == NULL)
            return HR_ENOMEM;
        y->frames = frames;
        y->capacity = capacity;
    }
    y->frames[y->depth++] = (frame){.node = node, .tail = &node->u.children.first};
    return HR_OK;
}

static int close_collection(hr_yaml *y, yaml_mark_t mark) {
    frame *f = &y->frames[y->depth - 1];
    int rc = HR_OK;
    if (f->node->kind == HR_NODE_MAP) {
        check_keys(y, f->node);
        if (f->merge != NULL)
            rc = merge_all(y, f, mark);
    }
    uint64_t size = 1;
    for (const hr_node *c = f->node->u.children.first; c != NULL; c = c->next)
        size += c->size + (c->value == NULL ? 0 : c->value->size);
    f->node->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    y->depth--;
    return rc;
}

static int add_scalar(hr_yaml *y, const yaml_event_t *event) {
    yaml_mark_t mark = event->start_mark;
    int rc = spend(y, mark, 1, 0);
    if (rc != HR_OK)
        return rc;
    hr_node *node = new_node(y, HR_NODE_STRING, (int)mark.line + 1, (int)mark.column + 1);
    if (node == NULL)
        return HR_ENOMEM;
    int plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    char *value = (char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    hr_str text = {value,
                   y->colon.text == NULL ? length : hr_colon_restore(&y->colon, value, length)};
    rc = apply_tag(y, node, text, !plain, (const char *)event->data.scalar.tag, mark);
    if (rc != HR_OK || (rc = remember_anchor(y, event->data.scalar.anchor, node)) != HR_OK)
        return rc;
    node->size = 1;
    return place(y, node, plain && event->data.scalar.tag == NULL, mark);
}

/* A shallow copy: it has its own place in its list, and shares its children. */
static int follow_alias(hr_yaml *y, const yaml_event_t *event) {
    yaml_mark_t mark = event->start_mark;
    const char *name = (const char *)event->data.alias.anchor;
    const hr_node *target = hr_map_get(&y->anchors, hr_str_from(name));
    if (target == NULL)
        return fail_text(y, at(y, mark), "the alias refers to the unknown anchor &%s", name);
    if (target->size == 0)
        return fail_text(y, at(y, mark), "the anchor &%s contains itself", name);
    if (key_expected(y) && (target->kind == HR_NODE_LIST || target->kind == HR_NODE_MAP))
        return fail_text(y, at(y, mark), "expected a string as the key, got %s",
                         hr_node_kind_name(target->kind));
    int rc = spend(y, mark, target->size, 1);
    if (rc != HR_OK)
        return rc;
    hr_node *node = new_node(y, target->kind, (int)mark.line + 1, (int)mark.column + 1);
    if (node == NULL)
        return HR_ENOMEM;
    node->size = target->size;
    node->u = target->u;
    return place(y, node, 0, mark);
}

static int check_collection_tag(hr_yaml *y, const yaml_char_t *tag, const char *own,
                                yaml_mark_t mark) {
    if (tag == NULL || strcmp((const char *)tag, "!") == 0 || strcmp((const char *)tag, own) == 0)
        return HR_OK;
    return fail_text(y, at(y, mark), "unknown tag %s", (const char *)tag);
}

static int take(hr_yaml *y, const yaml_event_t *event) {
    int rc;
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(y, event);
    case YAML_ALIAS_EVENT:
        return follow_alias(y, event);
    case YAML_SEQUENCE_START_EVENT:
        rc = check_collection_tag(y, event->data.sequence_start.tag, YAML_SEQ_TAG,
                                  event->start_mark);
        if (rc != HR_OK)
            return rc;
        return open_collection(y, HR_NODE_LIST, event->data.sequence_start.anchor,
                               event->start_mark);
    case YAML_MAPPING_START_EVENT:
        rc =
            check_collection_tag(y, event->data.mapping_start.tag, YAML_MAP_TAG, event->start_mark);
        if (rc != HR_OK)
            return rc;
        return open_collection(y, HR_NODE_MAP, event->data.mapping_start.anchor, event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_collection(y, event->start_mark);
    default:
        return HR_OK;
    }
}

int hr_yaml_next(const hr_node **out, hr_yaml *y, hr_arena *arena) {
    *out = NULL;
    y->arena = arena;
    y->root = NULL;
    y->depth = 0;
    y->n_free_nodes = 0;
    y->text = (hr_textpool){.arena = arena};
    y->n_nodes = y->n_aliased = 0;
    y->anchors = (hr_map){0};
    while (!y->done) {
        yaml_event_t event;
        int rc, end = 0;
        if (!yaml_parser_parse(&y->parser, &event)) {
            rc = accept_colons(y);
            if (rc == HR_OK)
                continue;
            rc = rc == HR_ENOENT ? fail_syntax(y) : rc;
        } else {
            y->n_events++;
            rc = take(y, &event);
            end = event.type == YAML_DOCUMENT_END_EVENT;
            y->done = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
        if (hr_arena_failed(arena))
            rc = HR_ENOMEM;
        if (rc != HR_OK) {
            y->done = 1;
            return rc == HR_ENOMEM ? HR_ENOMEM : HR_OK;
        }
        if (end) {
            *out = y->root;
            return HR_OK;
        }
    }
    return HR_OK;
}
