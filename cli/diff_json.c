/* Differences as one JSON object. */
#include "diff_json.h"

#include <stdlib.h>
#include <string.h>

#include "claims_json.h"
#include "diff_words.h"
#include "document_json.h"
#include "request.h"

static json_t *text_or_null(hr_str s) {
    return s.p == NULL ? json_null() : cli_json_text(s);
}

/* ---- views and requests: the keys of a line of --batch ---- */

static void set_view(json_t *out, words_report *r, const hr_diff_view *view) {
    bool mesh = view->gateway.len == 4 && memcmp(view->gateway.p, "mesh", 4) == 0;
    json_object_set_new(out, "gateway", cli_json_text(view->gateway));
    json_object_set_new(out, "port", json_integer(view->port));
    if (mesh)
        json_object_set_new(out, "namespace", cli_json_text(view->namespace_));
    if (view->n_source_labels > 0) {
        json_t *labels = json_object();
        for (size_t i = 0; i < view->n_source_labels; i++)
            json_object_setn_new(labels, view->source_labels[i].name.p,
                                 view->source_labels[i].name.len,
                                 cli_json_text(view->source_labels[i].value));
        json_object_set_new(out, "source_labels", labels);
    }
    const cli_view *common = r->ctx; /* its options are those of every view */
    const char *option;
    for (size_t i = 0; (option = hr_view_option_name(i)) != NULL; i++) {
        char number[HR_VIEW_OPTION_NUMBER];
        hr_str value = hr_view_options_get(&common->options, hr_str_from(option), number);
        if (cli_is_shared_option(option) && value.p != NULL)
            json_object_set_new(out, option, cli_json_text(value));
    }
}

static void set_draws(json_t *out, const hr_draws *d) {
    json_t *draws = json_object();
    const struct {
        const char *name;
        double value;
    } all[] = {
        {"weight", d->weight}, {"delay", d->delay}, {"abort", d->abort}, {"mirror", d->mirror}};
    for (size_t i = 0; i < 4; i++)
        if (all[i].value > 0)
            json_object_set_new(draws, all[i].name, json_real(all[i].value));
    if (json_object_size(draws) > 0)
        json_object_set(out, "draws", draws);
    json_decref(draws);
}

static json_t *witness_json(words_report *r, const hr_diff_view *view, const hr_request *request) {
    json_t *out = json_object(), *headers = json_array();
    json_object_set_new(out, "method", cli_json_text(request->method));
    json_object_set_new(out, "scheme", cli_json_text(request->scheme));
    json_object_set_new(out, "authority", cli_json_text(request->authority));
    json_object_set_new(out, "path", cli_json_text(request->path));
    for (size_t i = 0; i < request->n_headers; i++) {
        json_t *pair = json_array();
        json_array_append_new(pair, cli_json_text(request->headers[i].name));
        json_array_append_new(pair, cli_json_text(request->headers[i].value));
        json_array_append_new(headers, pair);
    }
    json_object_set_new(out, "headers", headers);
    cli_set_claims(out, request);
    set_view(out, r, view);
    set_draws(out, &request->draws);
    return out;
}

/* ---- regions ---- */

static json_t *where_json(const hr_where_list *list) {
    json_t *out = json_array();
    for (size_t i = 0; i < list->n; i++) {
        const hr_where *c = &list->v[i];
        json_t *where = json_object();
        json_object_set_new(where, "field", cli_json_text(c->field));
        json_object_set_new(where, "op", json_string(hr_where_op_name(c->op)));
        json_object_set_new(where, "value", text_or_null(c->value));
        json_object_set_new(where, "not", json_boolean(c->negated));
        json_array_append_new(out, where);
    }
    return out;
}

static json_t *decision_json(words_report *r, const hr_view *view, const hr_request *request) {
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    hr_str text;
    if (view == NULL || words_report_route(&d, &edge, r, view, request) != HR_OK ||
        hr_decision_json(&text, &d, &edge, r->scratch) != HR_OK)
        return json_null();
    json_t *out = json_loadb(text.p, text.len, 0, NULL);
    return out == NULL ? json_null() : out;
}

static json_t *changed_json(unsigned changed) {
    json_t *out = json_array();
    for (size_t bit = 0; bit < HR_CHANGE_COUNT; bit++)
        if ((changed >> bit & 1) != 0)
            json_array_append_new(out, json_string(hr_change_name(bit)));
    return out;
}

static json_t *view_json(words_report *r, const hr_diff_view *view) {
    json_t *out = json_object();
    set_view(out, r, view);
    return out;
}

json_t *cli_region_json(words_report *r, const hr_diff_region *region) {
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, r->diff, region->view);
    json_t *out = json_object(), *except = json_array();
    json_object_set_new(out, "view", view_json(r, &view));
    json_object_set_new(out, "where", where_json(&region->where));
    for (size_t i = 0; i < region->n_except; i++)
        json_array_append_new(except, where_json(&region->except[i]));
    json_object_set_new(out, "except", except);
    json_object_set_new(out, "witness", witness_json(r, &view, region->witness));
    json_object_set_new(out, "changed", changed_json(region->changed));
    json_object_set_new(out, "before", decision_json(r, view.before, region->witness));
    json_object_set_new(out, "after", decision_json(r, view.after, region->witness));
    return out;
}

static json_t *undecided_json(const hr_diff_undecided *u) {
    json_t *out = json_object();
    const hr_diff_rule *rule = u->after.file.p != NULL ? &u->after : &u->before;
    json_object_set_new(out, "reason", cli_json_text(u->reason));
    json_object_set_new(out, "place",
                        rule->file.p == NULL ? json_null()
                                             : json_sprintf("%.*s:%d", (int)rule->file.len,
                                                            rule->file.p, rule->line));
    return out;
}

static json_t *compared_json(words_report *r, const hr_diff_view *view) {
    json_t *out = view_json(r, view);
    json_object_set_new(out, "regions", json_integer((json_int_t)view->regions));
    json_object_set_new(out, "changed", json_integer((json_int_t)view->changed));
    json_object_set_new(out, "undecided", json_integer((json_int_t)view->undecided));
    return out;
}

void cli_report_json(words_report *r) {
    json_t *out = json_object(), *regions = json_array(), *undecided = json_array(),
           *views = json_array();
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    for (size_t i = 0; hr_diff_region_get(&region, r->diff, i) == HR_OK; i++)
        json_array_append_new(regions, cli_region_json(r, &region));
    for (size_t i = 0; hr_diff_undecided_get(&u, r->diff, i) == HR_OK; i++)
        json_array_append_new(undecided, undecided_json(&u));
    for (size_t i = 0; hr_diff_view_get(&view, r->diff, i) == HR_OK; i++)
        json_array_append_new(views, compared_json(r, &view));
    json_object_set_new(out, "complete", json_boolean(hr_diff_complete(r->diff)));
    json_object_set_new(out, "regions", regions);
    json_object_set_new(out, "undecided", undecided);
    json_object_set_new(out, "views", views);
    json_dumpf(out, r->out, JSON_COMPACT);
    fputc('\n', r->out);
    json_decref(out);
}
