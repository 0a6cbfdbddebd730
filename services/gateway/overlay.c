/* Replaces resources of loaded texts by those of a candidate. */
#include "overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static char *key_of_resource(const hr_resource_name *name) {
    char *key = NULL;
    int len = asprintf(&key, "%.*s\n%.*s\n%.*s\n%.*s", (int)name->group.len, name->group.p,
                       (int)name->kind.len, name->kind.p, (int)name->namespace_.len,
                       name->namespace_.p, (int)name->name.len, name->name.p);
    return len < 0 ? NULL : key;
}

static char *words_of_resource(const hr_resource_name *name) {
    char *words = NULL;
    int len = asprintf(&words, "%.*s %.*s%s%.*s", (int)name->kind.len, name->kind.p,
                       (int)name->namespace_.len, name->namespace_.p,
                       name->namespace_.len > 0 ? "/" : "", (int)name->name.len, name->name.p);
    return len < 0 ? NULL : words;
}

static void pasted_free(gw_pasted *p) {
    free(p->key);
    free(p->words);
}

static int by_pasted_key(const void *a, const void *b) {
    return strcmp(((const gw_pasted *)a)->key, ((const gw_pasted *)b)->key);
}

/* ---- the candidate ---- */

/* Adds it, and has it left out: only the names are of interest. */
static int add_pasted(void *ctx, const hr_resource_name *name) {
    gw_overlay *out = ctx;
    gw_pasted *v = realloc(out->v, (out->n + 1) * sizeof(*v));
    if (v == NULL) {
        out->failed = true;
        return 1;
    }
    out->v = v;
    v[out->n] = (gw_pasted){key_of_resource(name), words_of_resource(name), false};
    if (v[out->n].key == NULL || v[out->n].words == NULL) {
        pasted_free(&v[out->n]);
        out->failed = true;
        return 1;
    }
    out->n++;
    return 1;
}

/* In order, without those of a name that was before. */
static void sort_pasted(gw_overlay *out) {
    size_t kept = 0;
    if (out->n > 0)
        qsort(out->v, out->n, sizeof(*out->v), by_pasted_key);
    for (size_t i = 0; i < out->n; i++)
        if (kept > 0 && by_pasted_key(&out->v[kept - 1], &out->v[i]) == 0)
            pasted_free(&out->v[i]);
        else
            out->v[kept++] = out->v[i];
    out->n = kept;
}

static int accept_document(void *ctx, const hr_document *document) {
    (void)ctx;
    (void)document;
    return HR_OK;
}

/* HR_ECONFIG: it is not YAML, or has no resource with a name. Other mistakes are found when the
 * whole is loaded. */
static int read_candidate(gw_overlay *out, hr_diagnostics **found, const hr_source *candidate) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    hr_table *table = NULL;
    options.leave_out = add_pasted;
    options.leave_out_ctx = out;
    int error = hr_documents_read(found, candidate, 1, NULL, accept_document, NULL);
    if (error != HR_OK)
        return error;
    hr_diagnostics_free(*found);
    *found = NULL;
    error = hr_table_load(&table, found, candidate, 1, &options);
    hr_table_unref(table);
    if (out->failed)
        error = HR_ENOMEM;
    if (error != HR_OK && error != HR_ECONFIG)
        return error;
    sort_pasted(out);
    if (out->n > 0)
        return HR_OK;
    out->why = "no Kubernetes resource with a name was pasted";
    return HR_ECONFIG;
}

int gw_overlay_make(gw_overlay *out, hr_diagnostics **found, const gw_mapped *loaded,
                    const hr_source *candidate) {
    *out = (gw_overlay){0};
    int error = read_candidate(out, found, candidate);
    if (error != HR_OK)
        return error;
    out->sources = calloc(loaded->n + 1, sizeof(*out->sources));
    if (out->sources == NULL)
        return HR_ENOMEM;
    if (loaded->n > 0)
        memcpy(out->sources, loaded->v, loaded->n * sizeof(*out->sources));
    out->sources[loaded->n] = *candidate;
    out->n_sources = loaded->n + 1;
    return HR_OK;
}

/* ---- what is loaded ---- */

static int leave_out_replaced(void *ctx, const hr_resource_name *name) {
    gw_overlay *overlay = ctx;
    if (name->source + 1 == overlay->n_sources)
        return 0;
    gw_pasted wanted = {.key = key_of_resource(name)};
    if (wanted.key == NULL) {
        overlay->failed = true;
        return 0;
    }
    gw_pasted *same = bsearch(&wanted, overlay->v, overlay->n, sizeof(wanted), by_pasted_key);
    free(wanted.key);
    if (same == NULL)
        return 0;
    same->replaced = true;
    return 1;
}

void gw_overlay_apply(gw_overlay *overlay, hr_load_options *options) {
    options->leave_out = leave_out_replaced;
    options->leave_out_ctx = overlay;
}

void gw_overlay_free(gw_overlay *overlay) {
    for (size_t i = 0; i < overlay->n; i++)
        pasted_free(&overlay->v[i]);
    free(overlay->v);
    free(overlay->sources);
    *overlay = (gw_overlay){0};
}
