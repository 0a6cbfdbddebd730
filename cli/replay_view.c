/* The views that requests of a log are asked in, which headers their rules read, and what differs
 * between the two sides. */
#include "replay_view.h"

#include <stdlib.h>
#include <string.h>

/* ---- headers that rules read ---- */

/* Set by the proxy itself, so that no log needs to have them. */
static bool is_set_by_proxies(const char *name) {
    static const char *const names[] = {"x-forwarded-proto", "x-request-id", NULL};
    for (const char *const *n = names; *n != NULL; n++)
        if (strcmp(name, *n) == 0)
            return true;
    return name[0] == ':' || strcmp(name, "host") == 0;
}

static void note_conditions(json_t *headers, const json_t *matches) {
    json_t *match;
    size_t i;
    json_array_foreach(matches, i, match) {
        const char *field = json_string_value(json_object_get(match, "field")),
                   *name = json_string_value(json_object_get(match, "name")),
                   *how = json_string_value(json_object_get(match, "match"));
        if (field != NULL && name != NULL && how != NULL && strstr(field, "eaders") != NULL &&
            strcmp(how, "never") != 0 && !is_set_by_proxies(name))
            json_object_set_new(headers, name, json_true());
    }
}

static void note_headers(json_t *headers, const json_t *view) {
    json_t *table, *host, *route;
    size_t t, h, i;
    json_array_foreach(json_object_get(view, "route_tables"), t, table) {
        json_array_foreach(json_object_get(table, "virtual_hosts"), h, host) {
            json_array_foreach(json_object_get(host, "routes"), i, route)
                note_conditions(headers, json_object_get(route, "match"));
        }
    }
}

static int read_headers(replay *r, replay_view *v) {
    v->headers = json_object();
    for (size_t side = 0; side < 2; side++) {
        hr_str text;
        int error =
            v->views[side] == NULL ? HR_OK : hr_view_json(&text, v->views[side], r->scratch);
        if (error != HR_OK)
            return error;
        if (v->views[side] == NULL)
            continue;
        json_t *view = json_loadb(text.p, text.len, 0, NULL);
        note_headers(v->headers, view);
        json_decref(view);
    }
    return HR_OK;
}

/* ---- views ---- */

static int compare_sides(replay *r, replay_view *v, const hr_view_options *options) {
    hr_diff_options diff = HR_DIFF_OPTIONS_INIT;
    if (v->views[0] == NULL || v->views[1] == NULL)
        return HR_OK;
    diff.view = options;
    int error = hr_diff_new(&v->diff, r->tables[0], r->tables[1], &diff);
    size_t n = hr_diff_region_count(v->diff);
    v->lines = cli_realloc(NULL, (n + 1) * sizeof(*v->lines));
    v->examples = cli_realloc(NULL, (n + 1) * sizeof(*v->examples));
    for (size_t i = 0; i < n; i++) {
        atomic_init(&v->lines[i], 0);
        v->examples[i] = (replay_examples){.n = 0};
    }
    return error;
}

static replay_view *open_port(replay *r, uint16_t port, int *error) {
    hr_view_options options = cli_view_on_port(&r->flags->view, port);
    replay_view *v = cli_realloc(NULL, sizeof(*v));
    *v = (replay_view){.port = port, .next = r->views};
    r->views = v; /* also if it fails: replay_views_free looks after it */
    for (size_t side = 0; side < 2; side++) {
        *error = r->tables[side] == NULL ? HR_ENOENT
                                         : hr_view_new(&v->views[side], r->tables[side], &options);
        if (*error != HR_OK && *error != HR_ENOENT)
            return NULL;
    }
    if (v->views[0] == NULL && v->views[1] == NULL) {
        *error = HR_ENOENT;
        return NULL;
    }
    *error = read_headers(r, v);
    if (*error == HR_OK)
        *error = compare_sides(r, v, &options);
    return *error == HR_OK ? v : NULL;
}

static replay_view *on_port(replay *r, uint16_t port, int *error) {
    for (replay_view *v = r->views; v != NULL; v = v->next)
        if (v->port == port) {
            *error = v->views[0] == NULL && v->views[1] == NULL ? HR_ENOENT : HR_OK;
            return *error == HR_OK ? v : NULL;
        }
    return open_port(r, port, error);
}

/* The port is that of the flags; else the authority's; else 80, or the Gateway's first one. */
replay_view *replay_view_of(replay *r, hr_str authority, bool https, int *error) {
    const hr_view_options *o = &r->flags->view.options;
    bool mesh =
        o->gateway.len == 0 || (o->gateway.len == 4 && memcmp(o->gateway.p, "mesh", 4) == 0);
    if (o->port != 0)
        return on_port(r, o->port, error);
    uint16_t port = cli_authority_port(authority);
    if (mesh)
        return on_port(r, port == 0 ? 80 : port, error);
    replay_view *v = port == 0 ? NULL : on_port(r, port, error);
    if (v == NULL && https)
        v = on_port(r, 443, error);
    return v != NULL ? v : on_port(r, 0, error);
}

static void free_examples(replay_examples *e) {
    for (size_t i = 0; i < e->n; i++)
        free(e->text[i]);
}

void replay_views_free(replay *r) {
    for (replay_view *v = r->views, *next; v != NULL; v = next) {
        next = v->next;
        for (size_t i = 0; i < hr_diff_region_count(v->diff) && v->examples != NULL; i++)
            free_examples(&v->examples[i]);
        free(v->examples);
        free((void *)v->lines);
        hr_diff_free(v->diff);
        hr_view_unref(v->views[0]);
        hr_view_unref(v->views[1]);
        json_decref(v->headers);
        free(v);
    }
    free_examples(&r->unread_lines);
    free_examples(&r->unknown_lines);
}
