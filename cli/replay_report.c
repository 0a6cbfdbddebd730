/* What was found in access logs, as text and as JSON. */
#include "replay_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff_words.h"
#include "document_json.h"

/* ---- text ---- */

static void print_share(FILE *out, uint64_t n, uint64_t all, const char *what) {
    fprintf(out, ", %" PRIu64 " %s", n, what);
    if (n > 0 && all > 0)
        fprintf(out, " (%.3g %%)", 100.0 * (double)n / (double)all);
}

static int by_count(const void *a, const void *b) {
    const replay_route *const *x = a, *const *y = b;
    uint64_t m = (*x)->count[0] > (*x)->count[1] ? (*x)->count[0] : (*x)->count[1];
    uint64_t n = (*y)->count[0] > (*y)->count[1] ? (*y)->count[0] : (*y)->count[1];
    return m == n ? strcmp((*x)->label, (*y)->label) : m < n ? 1 : -1;
}

/* The routes, most used first; to be freed. */
static const replay_route **sorted_routes(const replay *r) {
    const replay_route **v = cli_realloc(NULL, (r->n_routes + 1) * sizeof(const replay_route *));
    for (size_t i = 0; i < r->n_routes; i++)
        v[i] = &r->routes[i];
    qsort(v, r->n_routes, sizeof(const replay_route *), by_count);
    return v;
}

static void print_routes(FILE *out, const replay *r) {
    const replay_route **v = sorted_routes(r);
    bool both = r->tables[0] != NULL;
    if (r->n_routes > 0)
        fprintf(out, "\n%s%12s  route\n", both ? "      before" : "", both ? "after" : "requests");
    for (size_t i = 0; i < r->n_routes; i++) {
        if (both)
            fprintf(out, "%12" PRIu64, v[i]->count[0]);
        fprintf(out, "%12" PRIu64 "  %s\n", v[i]->count[1], v[i]->label);
    }
    free(v);
}

static void print_examples(FILE *out, const replay_examples *e) {
    for (size_t i = 0; i < e->n; i++)
        fprintf(out, "     %s    %s\n", i == 0 ? "e.g." : "    ", e->text[i]);
}

static void print_side(FILE *out, words_report *report, const char *name, const hr_view *view,
                       const hr_diff_rule *rule, const hr_request *witness) {
    char *words = words_of_outcome(report, view, rule, witness);
    fprintf(out, "     %-7s %s", name, words);
    if (rule->file.p != NULL)
        fprintf(out, "  %.*s:%d", (int)rule->file.len, rule->file.p, rule->line);
    fputc('\n', out);
    free(words);
}

static void print_region_lines(FILE *out, const replay *r, const replay_view *v, size_t index) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    words_report report = {.diff = v->diff, .scratch = r->scratch, .out = out};
    hr_diff_region_get(&region, v->diff, index);
    hr_diff_view_get(&view, v->diff, region.view);
    char *where = words_of_region(&region), *names = words_of_changed(region.changed);
    fprintf(out, "  %" PRIu64 " %s: %s (%s)\n", v->lines[index],
            v->lines[index] == 1 ? "line" : "lines", where, names);
    print_side(out, &report, "before", view.before, &region.before, region.witness);
    print_side(out, &report, "after", view.after, &region.after, region.witness);
    print_examples(out, &v->examples[index]);
    free(where);
    free(names);
    free(report.memory);
}

static void print_changes(FILE *out, const replay *r) {
    bool first = true;
    for (const replay_view *v = r->views; v != NULL; v = v->next)
        for (size_t i = 0; i < hr_diff_region_count(v->diff); i++) {
            if (v->lines[i] == 0)
                continue;
            fputs(first ? "\nwhat changes\n" : "", out);
            first = false;
            print_region_lines(out, r, v, i);
        }
}

static void print_unknown(FILE *out, const replay *r) {
    const char *name;
    json_t *lines;
    if (r->unknown == 0)
        return;
    fputs(
        "\nunknown: a rule reads a header that the line does not have. Add it to the log format:\n",
        out);
    json_object_foreach(r->unknown_headers, name, lines) {
        fprintf(out, "  %" JSON_INTEGER_FORMAT " %s", json_integer_value(lines),
                json_integer_value(lines) == 1 ? "line" : "lines");
        if (r->of_others)
            fprintf(out, "  \"%s\": \"%%REQ(%s)%%\"", name, name);
        if (r->of_gateway)
            fprintf(out, "  headerroute-gateway --access-log-header %s", name);
        fputc('\n', out);
    }
    print_examples(out, &r->unknown_lines);
}

void replay_print_text(FILE *out, const replay *r) {
    fprintf(out, "%" PRIu64 " lines", r->lines);
    if (r->tables[0] != NULL)
        print_share(out, r->changed, r->lines, "change");
    print_share(out, r->unknown, r->lines, "unknown");
    print_share(out, r->unread, r->lines, "not read");
    fputc('\n', out);
    print_routes(out, r);
    print_changes(out, r);
    print_unknown(out, r);
    if (r->unread > 0)
        fputs("\nnot read\n", out);
    print_examples(out, &r->unread_lines);
}

/* ---- JSON ---- */

static json_t *examples_json(const replay_examples *e) {
    json_t *list = json_array();
    for (size_t i = 0; i < e->n; i++)
        json_array_append_new(list, cli_json_text(hr_str_from(e->text[i])));
    return list;
}

static json_t *routes_json(const replay *r) {
    const replay_route **v = sorted_routes(r);
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_routes; i++) {
        json_t *route = json_pack("{s:s}", "route", v[i]->label);
        if (r->tables[0] != NULL)
            json_object_set_new(route, "before", json_integer((json_int_t)v[i]->count[0]));
        json_object_set_new(route, "after", json_integer((json_int_t)v[i]->count[1]));
        json_array_append_new(list, route);
    }
    free(v);
    return list;
}

static json_t *changes_json(const replay *r) {
    json_t *list = json_array();
    for (const replay_view *v = r->views; v != NULL; v = v->next)
        for (size_t i = 0; i < hr_diff_region_count(v->diff); i++) {
            hr_diff_region region = HR_DIFF_REGION_INIT;
            if (v->lines[i] == 0)
                continue;
            hr_diff_region_get(&region, v->diff, i);
            char *where = words_of_region(&region), *names = words_of_changed(region.changed);
            json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:I, s:o}", "port", (int)v->port,
                                                  "where", where, "changed", names, "lines",
                                                  (json_int_t)v->lines[i], "examples",
                                                  examples_json(&v->examples[i])));
            free(where);
            free(names);
        }
    return list;
}

void replay_print_json(FILE *out, const replay *r) {
    json_t *all = json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:O, s:o, s:o}", "lines", (json_int_t)r->lines, "requests",
        (json_int_t)r->requests, "unknown", (json_int_t)r->unknown, "unread", (json_int_t)r->unread,
        "routes", routes_json(r), "unknown_headers", r->unknown_headers, "unknown_examples",
        examples_json(&r->unknown_lines), "unread_examples", examples_json(&r->unread_lines));
    if (r->tables[0] != NULL) {
        json_object_set_new(all, "changed", json_integer((json_int_t)r->changed));
        json_object_set_new(all, "changes", changes_json(r));
    }
    json_dumpf(all, out, JSON_INDENT(1));
    fputc('\n', out);
    json_decref(all);
}
