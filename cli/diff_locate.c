/* --locate: which region each request of a file lies in. */
#define _GNU_SOURCE
#include "diff_locate.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "document_json.h"

/* A view that the report does not have, compared because a request asks for it. */
typedef struct extra_view {
    hr_view_options options;
    hr_diff *diff; /* NULL: neither side has it */
    struct extra_view *next;
} extra_view;

typedef struct locator {
    words_report *r;
    const hr_connection *connection; /* of requests that say nothing else */
    hr_table *const *tables;
    extra_view *extra;
} locator;

static bool same_str(hr_str a, hr_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ---- which view ---- */

static bool has_label(const hr_view_options *o, const hr_pair *label) {
    for (size_t i = 0; i < o->n_source_labels; i++)
        if (same_str(o->source_labels[i].name, label->name) &&
            same_str(o->source_labels[i].value, label->value))
            return true;
    return false;
}

/* Labels that no rule names make no difference, so that the view with most of the request's labels
 * is its own. */
static bool has_labels_of(const hr_view_options *o, const hr_diff_view *view) {
    for (size_t i = 0; i < view->n_source_labels; i++)
        if (!has_label(o, &view->source_labels[i]))
            return false;
    return true;
}

static bool find_view(size_t *out, const hr_diff *diff, const hr_view_options *o) {
    hr_diff_view view = HR_DIFF_VIEW_INIT, best = HR_DIFF_VIEW_INIT;
    bool mesh = o->gateway.len == 0 || same_str(o->gateway, HR_STR("mesh")), found = false;
    hr_str gateway = mesh ? HR_STR("mesh") : o->gateway;
    hr_str namespace_ = o->namespace_.len > 0 ? o->namespace_ : HR_STR("default");
    for (size_t i = 0; hr_diff_view_get(&view, diff, i) == HR_OK; i++) {
        if (!same_str(view.gateway, gateway) || view.port != o->port ||
            (mesh && !same_str(view.namespace_, namespace_)) || (mesh && !has_labels_of(o, &view)))
            continue;
        if (found && view.n_source_labels <= best.n_source_labels)
            continue;
        best = view;
        *out = i;
        found = true;
    }
    return found;
}

/* What all views of the report share. */
static bool same_base(const cli_view *a, const cli_view *b) {
    const char *option;
    for (size_t i = 0; (option = hr_view_option_name(i)) != NULL; i++)
        if (cli_is_shared_option(option) && !cli_same_option(&a->options, &b->options, option))
            return false;
    return true;
}

static bool same_options(const hr_view_options *a, const hr_view_options *b) {
    const char *option;
    for (size_t i = 0; (option = hr_view_option_name(i)) != NULL; i++)
        if (!cli_same_option(a, b, option))
            return false;
    if (a->n_source_labels != b->n_source_labels)
        return false;
    for (size_t i = 0; i < a->n_source_labels; i++)
        if (!has_label(b, &a->source_labels[i]))
            return false;
    return true;
}

/* The strings of options live as long as the line they came from. */
static hr_str kept(hr_str s) {
    return s.p == NULL ? s : (hr_str){cli_strdup(s.p, s.len), s.len};
}

static extra_view *extra_of(locator *l, const hr_view_options *o) {
    for (extra_view *e = l->extra; e != NULL; e = e->next)
        if (same_options(&e->options, o))
            return e;
    extra_view *e = cli_realloc(NULL, sizeof(*e));
    *e = (extra_view){*o, NULL, l->extra};
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    options.view = o;
    hr_diff_new(&e->diff, l->tables[0], l->tables[1], &options);
    e->options.gateway = kept(o->gateway);
    e->options.namespace_ = kept(o->namespace_);
    hr_pair *labels = cli_realloc(NULL, o->n_source_labels * sizeof(*labels));
    for (size_t i = 0; i < o->n_source_labels; i++)
        labels[i] = (hr_pair){kept(o->source_labels[i].name), kept(o->source_labels[i].value)};
    e->options.source_labels = labels;
    l->extra = e;
    return e;
}

static void free_extra(locator *l) {
    for (extra_view *e = l->extra, *next; e != NULL; e = next) {
        next = e->next;
        hr_diff_free(e->diff);
        free((void *)(uintptr_t)e->options.gateway.p);
        free((void *)(uintptr_t)e->options.namespace_.p);
        for (size_t i = 0; i < e->options.n_source_labels; i++) {
            free((void *)(uintptr_t)e->options.source_labels[i].name.p);
            free((void *)(uintptr_t)e->options.source_labels[i].value.p);
        }
        free((void *)(uintptr_t)e->options.source_labels);
        free(e);
    }
}

/* ---- one request ---- */

static void print_error(const locator *l, hr_str message) {
    json_t *out = json_pack("{s:o}", "error", cli_json_text(message));
    json_dumpf(out, l->r->out, JSON_COMPACT);
    fputc('\n', l->r->out);
    json_decref(out);
}

static void print_region_of(const locator *l, const hr_diff *diff, size_t view,
                            const hr_request *request) {
    size_t region;
    int error = hr_diff_locate(&region, diff, view, request, l->r->scratch);
    if (error == HR_OK && diff != l->r->diff)
        print_error(l,
                    HR_STR("the request lies in a region of a view that the report does not have"));
    else if (error == HR_OK)
        fprintf(l->r->out, "%zu\n", region);
    else if (error == HR_ENOENT)
        fputs("null\n", l->r->out);
    else
        print_error(l, error == HR_EREQUEST ? hr_scratch_error(l->r->scratch)
                                            : hr_str_from(hr_strerror(error)));
}

/* False if that port has no view. */
static bool locate_on_port(locator *l, const cli_batch_request *line, uint16_t port) {
    hr_view_options o = cli_view_on_port(&line->view, port);
    hr_diff_view actual = HR_DIFF_VIEW_INIT;
    size_t view;
    bool ordinary = same_base(l->r->ctx, &line->view);
    if (ordinary && port != 0 && find_view(&view, l->r->diff, &o)) {
        print_region_of(l, l->r->diff, view, &line->request.request);
        return true;
    }
    extra_view *e = extra_of(l, &o);
    if (e->diff == NULL)
        return false;
    hr_diff_view_get(&actual, e->diff, 0);
    o.port = actual.port;
    if (ordinary && find_view(&view, l->r->diff, &o))
        print_region_of(l, l->r->diff, view, &line->request.request);
    else
        print_region_of(l, e->diff, 0, &line->request.request);
    return true;
}

/* The port of cli_views_get. */
static void locate_request(locator *l, const cli_batch_request *line) {
    const hr_view_options *v = &line->view.options;
    bool mesh =
        v->gateway.len == 0 || (v->gateway.len == 4 && memcmp(v->gateway.p, "mesh", 4) == 0);
    uint16_t port = v->port != 0 ? v->port : cli_authority_port(line->request.request.authority);
    if (mesh && port == 0)
        port = 80;
    bool found = port != 0 && locate_on_port(l, line, port);
    bool stated = mesh || v->port != 0;
    if (!found && !stated && cli_is_https(&line->request.request))
        found = locate_on_port(l, line, 443);
    if (!found && !stated)
        found = locate_on_port(l, line, 0);
    if (!found)
        print_error(l, HR_STR("neither side has this view"));
}

static void locate_line(locator *l, const char *text, size_t len) {
    cli_batch_request line;
    const char *wrong = cli_batch_parse(&line, l->r->ctx, l->connection, text, len);
    if (wrong == NULL && line.request.request.connect_to.p != NULL)
        wrong = "connect_to: not supported by --locate";
    if (wrong != NULL)
        print_error(l, hr_str_from(wrong));
    else
        locate_request(l, &line);
    cli_batch_request_free(&line);
}

int cli_report_locate(words_report *r, hr_table *const tables[2], const char *path) {
    static const hr_connection unknown = HR_CONNECTION_INIT;
    locator l = {r, &unknown, tables, NULL};
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (in == NULL)
        return cli_usage_error("diff", "cannot read %s", path);
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    while ((len = getline(&text, &capacity, in)) >= 0) {
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
            len--;
        locate_line(&l, text, (size_t)len);
    }
    bool failed = ferror(in);
    free(text);
    free_extra(&l);
    if (in != stdin)
        fclose(in);
    return failed ? cli_usage_error("diff", "cannot read %s", path) : CLI_OK;
}
