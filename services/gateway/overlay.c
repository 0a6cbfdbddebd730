/* Replaces resources of loaded texts by those of a candidate. */
#include "overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct overlaying {
    gw_overlay *out;
    hr_scratch *scratch;
    size_t at;           /* the loaded text that is read */
    size_t line, offset; /* a line of it, from 1, and where it begins; the resources are in order */
    const gw_mapped *loaded;
} overlaying;

/* ---- names ---- */

/* A part of a resource as JSON, malloc'ed; `otherwise` if it has none. NULL: no memory. */
static char *part(overlaying *o, const hr_document *document, const char *prefix, const char *name,
                  const char *otherwise) {
    char path[96];
    hr_str json;
    snprintf(path, sizeof(path), "%s%s", prefix, name);
    int error = hr_document_json(&json, document, hr_str_from(path), o->scratch);
    if (error != HR_OK && error != HR_ENOENT)
        return NULL;
    bool given = error == HR_OK && strcmp(json.p, "null") != 0;
    return strdup(given ? json.p : otherwise);
}

static bool is_cluster_wide_kind(const char *kind) {
    return strcmp(kind, "\"Namespace\"") == 0 || strcmp(kind, "\"Node\"") == 0 ||
           strcmp(kind, "\"GatewayClass\"") == 0;
}

/* JSON text without its quotes; escapes stay. */
static hr_str bare(const char *json) {
    size_t len = strlen(json);
    return len >= 2 && json[0] == '"' ? (hr_str){json + 1, len - 2} : (hr_str){json, len};
}

static int name_it(gw_pasted *out, const char *version, const char *kind, const char *ns,
                   const char *name) {
    bool wide = is_cluster_wide_kind(kind);
    const char *slash = strrchr(version, '/');
    int group = slash != NULL ? (int)(slash - version) : 1; /* "v1": the core group */
    hr_str k = bare(kind), n = bare(ns), m = bare(name);
    *out = (gw_pasted){0};
    if (asprintf(&out->key, "%.*s\n%s\n%s\n%s", group, version, kind, wide ? "" : ns, name) < 0 ||
        asprintf(&out->words, "%.*s %.*s%s%.*s", (int)k.len, k.p, wide ? 0 : (int)n.len, n.p,
                 wide ? "" : "/", (int)m.len, m.p) < 0)
        return HR_ENOMEM;
    return HR_OK;
}

static void pasted_free(gw_pasted *p) {
    free(p->key);
    free(p->words);
}

/* HR_ENOENT: it is not a resource with a name. The items of a list may leave the list's out. */
static int name_resource(gw_pasted *out, overlaying *o, const hr_document *document,
                         const char *prefix) {
    char *version = part(o, document, prefix, "apiVersion", "");
    char *kind = part(o, document, prefix, "kind", "");
    char *ns = part(o, document, prefix, "metadata.namespace", "\"default\"");
    char *name = part(o, document, prefix, "metadata.name", "");
    *out = (gw_pasted){0};
    int error = HR_OK;
    if (version == NULL || kind == NULL || ns == NULL || name == NULL)
        error = HR_ENOMEM;
    else if (kind[0] != '"' || name[0] != '"' || version[0] != '"')
        error = HR_ENOENT;
    else
        error = name_it(out, version, kind, ns, name);
    free(version);
    free(kind);
    free(ns);
    free(name);
    return error;
}

/* ---- each resource of a text ---- */

typedef int (*resource_fn)(overlaying *o, const hr_document *document, const char *prefix,
                           const gw_pasted *name);

static int visit(overlaying *o, const hr_document *document, const char *prefix, resource_fn fn) {
    gw_pasted name;
    int error = name_resource(&name, o, document, prefix);
    if (error == HR_OK)
        error = fn(o, document, prefix, &name);
    pasted_free(&name);
    return error == HR_ENOENT ? HR_OK : error;
}

/* The document, or the items of a list. */
static int visit_all(overlaying *o, const hr_document *document, resource_fn fn) {
    hr_place place = HR_PLACE_INIT;
    if (hr_document_place(&place, document, HR_STR("items[0]")) != HR_OK)
        return visit(o, document, "", fn);
    int error = HR_OK;
    for (size_t i = 0; error == HR_OK; i++) {
        char item[32], prefix[40];
        snprintf(item, sizeof(item), "items[%zu]", i);
        snprintf(prefix, sizeof(prefix), "%s.", item);
        if (hr_document_place(&place, document, hr_str_from(item)) != HR_OK)
            break;
        error = visit(o, document, prefix, fn);
    }
    return error;
}

/* ---- the candidate ---- */

static int add_pasted(overlaying *o, const hr_document *document, const char *prefix,
                      const gw_pasted *name) {
    (void)document;
    (void)prefix;
    gw_overlay *out = o->out;
    gw_pasted *v = realloc(out->v, (out->n + 1) * sizeof(*v));
    if (v == NULL)
        return HR_ENOMEM;
    out->v = v;
    v[out->n] = (gw_pasted){strdup(name->key), strdup(name->words), false};
    out->n++;
    return v[out->n - 1].key != NULL && v[out->n - 1].words != NULL ? HR_OK : HR_ENOMEM;
}

static int on_pasted(void *ctx, const hr_document *document) {
    return visit_all(ctx, document, add_pasted);
}

/* ---- what is loaded ---- */

static int by_key(const void *a, const void *b) {
    return strcmp(((const gw_pasted *)a)->key, ((const gw_pasted *)b)->key);
}

/* Where a line begins, from 1; the text's end if it has fewer. */
static size_t line_at(overlaying *o, const char *text, size_t len, int line) {
    if ((size_t)line < o->line) {
        o->line = 1;
        o->offset = 0;
    }
    while (o->line < (size_t)line && o->offset < len) {
        const char *end = memchr(text + o->offset, '\n', len - o->offset);
        o->offset = end != NULL ? (size_t)(end - text) + 1 : len;
        o->line++;
    }
    return o->offset;
}

/* Whether an item of a list has its lines for itself: it begins behind a dash. */
static bool has_own_lines(const char *line, const char *end) {
    while (line < end && *line == ' ')
        line++;
    return line < end && *line == '-';
}

static void blank(char *from, const char *to) {
    for (; from < to; from++)
        if (*from != '\n' && *from != '\r')
            *from = ' ';
}

static int drop(overlaying *o, const hr_document *document, const char *prefix) {
    hr_source *source = &o->out->sources[o->at];
    char **copy = &o->out->copies[o->at], item[40];
    size_t len = source->text.len;
    hr_place place = HR_PLACE_INIT;
    if (*copy == NULL) {
        *copy = malloc(len + 1);
        if (*copy == NULL)
            return HR_ENOMEM;
        memcpy(*copy, o->loaded->v[o->at].text.p, len);
        source->text.p = *copy;
    }
    snprintf(item, sizeof(item), "%.*s", prefix[0] != '\0' ? (int)strlen(prefix) - 1 : 0, prefix);
    int error = hr_document_place(&place, document, hr_str_from(item));
    if (error != HR_OK)
        return error;
    char *from = *copy + line_at(o, *copy, len, place.line);
    char *to = *copy + line_at(o, *copy, len, place.last_line + 1);
    if (prefix[0] != '\0' && !has_own_lines(from, to)) {
        o->out->why = "a loaded resource that would be replaced is an item of a JSON list: paste "
                      "rules that replace others, or load documents of their own";
        return HR_ECONFIG;
    }
    blank(from, to);
    return HR_OK;
}

static int drop_replaced(overlaying *o, const hr_document *document, const char *prefix,
                         const gw_pasted *name) {
    gw_pasted *found = bsearch(name, o->out->v, o->out->n, sizeof(*name), by_key);
    if (found == NULL)
        return HR_OK;
    found->replaced = true;
    return drop(o, document, prefix);
}

static int on_loaded(void *ctx, const hr_document *document) {
    return visit_all(ctx, document, drop_replaced);
}

/* ---- all ---- */

static int overlay_loaded(overlaying *o, const hr_source *candidate) {
    gw_overlay *out = o->out;
    out->sources = calloc(o->loaded->n + 1, sizeof(*out->sources));
    out->copies = calloc(o->loaded->n + 1, sizeof(*out->copies));
    if (out->sources == NULL || out->copies == NULL)
        return HR_ENOMEM;
    int error = HR_OK;
    for (o->at = 0; o->at < o->loaded->n && error == HR_OK; o->at++) {
        out->sources[o->at] = o->loaded->v[o->at];
        o->line = 1;
        o->offset = 0;
        error = hr_documents_read(NULL, &o->loaded->v[o->at], 1, NULL, on_loaded, o);
    }
    out->sources[o->loaded->n] = *candidate;
    out->n_sources = o->loaded->n + 1;
    return error;
}

int gw_overlay_make(gw_overlay *out, hr_diagnostics **found, const gw_mapped *loaded,
                    const hr_source *candidate) {
    *out = (gw_overlay){0};
    overlaying o = {.out = out, .loaded = loaded};
    int error = hr_scratch_new(&o.scratch);
    if (error == HR_OK)
        error = hr_documents_read(found, candidate, 1, NULL, on_pasted, &o);
    if (error == HR_OK && out->n == 0) {
        out->why = "no Kubernetes resource with a name was pasted";
        error = HR_ECONFIG;
    }
    if (error == HR_OK) {
        qsort(out->v, out->n, sizeof(*out->v), by_key);
        error = overlay_loaded(&o, candidate);
    }
    hr_scratch_free(o.scratch);
    return error;
}

void gw_overlay_free(gw_overlay *overlay) {
    for (size_t i = 0; i < overlay->n; i++)
        pasted_free(&overlay->v[i]);
    for (size_t i = 0; overlay->copies != NULL && i < overlay->n_sources; i++)
        free(overlay->copies[i]);
    free(overlay->v);
    free(overlay->copies);
    free(overlay->sources);
    *overlay = (gw_overlay){0};
}
