/*
 * Reads Secrets of Kubernetes. Their values are in no message, and the copies made here are
 * overwritten when they are freed; the buffers of the YAML parser are not.
 */
#include "secret.h"

#include <stdio.h>
#include <string.h>

#include "decode_base64.h"
#include "resources.h"
#include "template_text.h"
#include "text.h"

/* ---- memory ---- */

typedef struct wiped {
    char *p;
    size_t n;
} wiped;

static void wipe(void *what) {
    const wiped *w = what;
    explicit_bzero(w->p, w->n);
}

/* Overwrites the bytes when the arena is freed. */
static void wipe_with(hr_arena *arena, char *p, size_t n) {
    wiped *w = HR_NEW(arena, wiped);
    if (n == 0 || hr_arena_failed(arena))
        return;
    *w = (wiped){p, n};
    if (hr_arena_on_free(arena, wipe, w) != 0)
        hr_arena_fail(arena);
}

static char *room_for_secret(hr_reader *r, size_t size) {
    char *p = hr_arena_alloc(r->arena, size);
    if (p != NULL)
        wipe_with(r->arena, p, size);
    return p;
}

/* Overwrites the text of a node of the document. */
static void wipe_text_of(hr_reader *r, const hr_node *node) {
    wipe_with(r->document, (char *)(uintptr_t)node->u.text.p, node->u.text.len);
}

/* `kubectl apply` keeps the whole Secret in an annotation. */
static void wipe_annotations(hr_reader *r, const hr_node *resource) {
    const hr_node *metadata = hr_node_get(resource, HR_STR("metadata"));
    const hr_node *map = hr_node_get(metadata, HR_STR("annotations"));
    if (map == NULL || map->kind != HR_NODE_MAP)
        return;
    for (const hr_node *k = map->u.children.first; k != NULL; k = k->next)
        if (k->value->kind == HR_NODE_STRING)
            wipe_text_of(r, k->value);
}

/* ---- values ---- */

/* hr_reader_error quotes variables of the text; a text that is to be kept secret is not quoted. */
static void report_secret(hr_reader *r, const hr_node *node, const char *expected,
                          const char *rest) {
    char path[HR_READER_PATH];
    hr_reader_path(path, r);
    hr_diag_error(r->d, hr_reader_pos(r, node), path, "expected %s%s", expected, rest);
}

static bool is_of_kind(hr_reader *r, const hr_node *node, hr_node_kind kind, const char *expected) {
    char got[64];
    if (node->kind == kind)
        return true;
    snprintf(got, sizeof(got), ", got %s", hr_node_kind_name(node->kind));
    report_secret(r, node, expected, got);
    return false;
}

static hr_str encoded_value(hr_reader *r, const hr_node *node) {
    size_t n;
    char *p = room_for_secret(r, node->u.text.len / 4 * 3 + 4);
    if (p == NULL)
        return (hr_str){0};
    if (hr_decode_base64(p, &n, node->u.text))
        return (hr_str){p, n};
    report_secret(r, node, "base64",
                  hr_template_find(node->u.text).p == NULL
                      ? ""
                      : "; a variable or template action in it was not replaced");
    return (hr_str){0};
}

static hr_str plain_value(hr_reader *r, const hr_node *node) {
    char *p = room_for_secret(r, node->u.text.len + 1);
    if (p == NULL)
        return (hr_str){0};
    if (node->u.text.len > 0)
        memcpy(p, node->u.text.p, node->u.text.len);
    return (hr_str){p, node->u.text.len};
}

/* What Istio reads of a Secret. */
typedef struct secret_values {
    hr_str generic[3]; /* cert, key, cacert */
    hr_str tls[3];     /* tls.crt, tls.key, ca.crt */
} secret_values;

static hr_str *place_in_secret(secret_values *values, hr_str key) {
    static const char *const generic[] = {"cert", "key", "cacert"};
    static const char *const tls[] = {"tls.crt", "tls.key", "ca.crt"};
    for (size_t i = 0; i < 3; i++) {
        if (hr_str_eq_c(key, generic[i]))
            return &values->generic[i];
        if (hr_str_eq_c(key, tls[i]))
            return &values->tls[i];
    }
    return NULL;
}

/* stringData comes second: it overrides data, as the API server merges them. */
static void read_secret_values(hr_reader *r, secret_values *out, const hr_node *resource,
                               const char *field,
                               hr_str (*value_of)(hr_reader *r, const hr_node *node)) {
    hr_path in_map = {.up = r->path, .name = hr_str_from(field)};
    hr_path in_key = {.up = &in_map, .is_key = 1};
    const hr_node *map = hr_node_get(resource, hr_str_from(field));
    const hr_path *before = r->path;
    if (map == NULL || map->kind == HR_NODE_NULL)
        return;
    r->path = &in_map;
    bool is_map = is_of_kind(r, map, HR_NODE_MAP, "a map");
    r->path = &in_key;
    for (const hr_node *k = is_map ? map->u.children.first : NULL; k != NULL; k = k->next) {
        in_key.name = k->u.text;
        if (k->value->kind == HR_NODE_NULL || !is_of_kind(r, k->value, HR_NODE_STRING, "a string"))
            continue;
        wipe_text_of(r, k->value);
        hr_str *place = place_in_secret(out, k->u.text);
        if (place != NULL)
            *place = value_of(r, k->value);
    }
    r->path = before;
}

static bool has_text(hr_str s) {
    return s.len > 0;
}

void hr_read_secret(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_secret *secret = HR_APPEND(r, secrets);
    const hr_node *type = hr_node_get(resource, HR_STR("type"));
    secret_values values = {0};
    if (secret == NULL)
        return;
    secret->pos = hr_reader_pos(r, resource);
    wipe_annotations(r, resource);
    read_secret_values(r, &values, resource, "data", encoded_value);
    read_secret_values(r, &values, resource, "stringData", plain_value);
    bool generic = has_text(values.generic[0]) && has_text(values.generic[1]);
    const hr_str *pair = generic ? values.generic : values.tls;
    secret->out = (hr_secret){
        .name = hr_arena_printf(r->arena, "%.*s/%.*s", (int)meta->namespace_.len,
                                meta->namespace_.p, (int)meta->name.len, meta->name.p),
        .type = type != NULL && type->kind == HR_NODE_STRING ? hr_reader_copy(r, type->u.text)
                                                             : (hr_str){0},
        .certificate = pair[0],
        .private_key = pair[1],
        .ca_certificates = has_text(values.generic[2]) ? values.generic[2] : values.tls[2],
        .source_file = secret->pos.file,
        .source_line = secret->pos.line,
    };
}
