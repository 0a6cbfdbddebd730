/* Prints which neighbouring rules can be swapped, and for the others a request that shows why not.
 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#include "diff_json.h"
#include "diff_text.h"
#include "diff_words.h"
#include "document_json.h"

enum { ORDER_UNDECIDED = 3 };

typedef struct order_report {
    words_report report;
    json_t *pairs;   /* NULL: text */
    size_t count[3]; /* by hr_order_state */
} order_report;

int cli_order_check(const cli_flags *flags) {
    const hr_request *request = &flags->request.request;
    if (flags->rest.n > 1)
        return cli_usage_error("explain", "--order takes one NAMESPACE/NAME, got %zu",
                               flags->rest.n);
    if (flags->rest.n == 1 &&
        (strchr(flags->rest.v[0], '/') == NULL || strstr(flags->rest.v[0], "://") != NULL))
        return cli_usage_error("explain",
                               "--order is about all requests: expected NAMESPACE/NAME of a "
                               "VirtualService, not '%s'",
                               flags->rest.v[0]);
    if (request->method.p != NULL || request->n_headers > 0 || flags->scheme != NULL ||
        flags->body.file != NULL || flags->body.texts.n > 0)
        return cli_usage_error("explain",
                               "--order is about all requests: it takes no -X, no -H, no --scheme "
                               "and no --body");
    return cli_refuse_proxies("explain", flags, "--order");
}

/* ---- one pair ---- */

static json_t *rule_json(const hr_diff_rule *rule) {
    json_t *out = json_object();
    json_object_set_new(out, "route_index", json_integer(rule->route_index));
    json_object_set_new(out, "file",
                        rule->file.p == NULL ? json_null() : cli_json_text(rule->file));
    json_object_set_new(out, "line", json_integer(rule->line));
    return out;
}

static void add_pair_json(order_report *o, const hr_neighbours *pair) {
    json_t *out = json_object(), *regions = json_array();
    hr_diff_region region = HR_DIFF_REGION_INIT;
    json_object_set_new(out, "virtual_service", cli_json_text(pair->first.virtual_service));
    json_object_set_new(out, "first", rule_json(&pair->first));
    json_object_set_new(out, "second", rule_json(&pair->second));
    json_object_set_new(out, "order", json_string(hr_order_state_name(pair->state)));
    json_object_set_new(out, "reason",
                        pair->reason.p == NULL ? json_null() : cli_json_text(pair->reason));
    for (size_t i = 0; hr_diff_region_get(&region, pair->diff, i) == HR_OK; i++)
        json_array_append_new(regions, cli_region_json(&o->report, &region));
    json_object_set_new(out, "regions", regions);
    json_array_append_new(o->pairs, out);
}

static void print_pair_place(const hr_diff_rule *rule) {
    if (rule->file.p != NULL)
        printf("  %.*s:%d", (int)rule->file.len, rule->file.p, rule->line);
}

static void print_why_it_matters(order_report *o) {
    static const char *const sides[2] = {"now", "swapped"};
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    size_t n = hr_diff_region_count(o->report.diff);
    hr_diff_view_get(&view, o->report.diff, 0);
    char *words = words_of_view(&view);
    printf(": the order matters: %s\n", words);
    free(words);
    if (hr_diff_region_get(&region, o->report.diff, 0) == HR_OK)
        cli_region_text(&o->report, &region, " ", sides);
    if (n > 1)
        printf("     and %zu more %s of requests\n", n - 1, n == 2 ? "region" : "regions");
}

static void print_pair(order_report *o, const hr_neighbours *pair) {
    printf("%.*s http[%d] and http[%d]", (int)pair->first.virtual_service.len,
           pair->first.virtual_service.p, (int)pair->first.route_index,
           (int)pair->second.route_index);
    if (pair->state == HR_ORDER_MATTERS) {
        print_why_it_matters(o);
        return;
    }
    if (pair->state == HR_ORDER_FREE)
        fputs(": can be swapped; no request changes", stdout);
    else
        printf(": not decided: %.*s", (int)pair->reason.len, pair->reason.p);
    print_pair_place(&pair->first);
    print_pair_place(&pair->second);
    fputc('\n', stdout);
}

static int report_pair(void *ctx, const hr_neighbours *pair) {
    order_report *o = ctx;
    o->report.diff = pair->diff;
    o->count[pair->state]++;
    if (o->pairs != NULL) {
        add_pair_json(o, pair);
        return HR_OK;
    }
    print_pair(o, pair);
    fflush(stdout);
    return HR_OK;
}

/* ---- all pairs ---- */

static void print_end(const order_report *o) {
    size_t n = o->count[HR_ORDER_FREE] + o->count[HR_ORDER_MATTERS] + o->count[HR_ORDER_UNDECIDED];
    if (o->pairs == NULL) {
        printf("%zu %s of neighbouring rules: %zu can be swapped", n, n == 1 ? "pair" : "pairs",
               o->count[HR_ORDER_FREE]);
        if (o->count[HR_ORDER_UNDECIDED] > 0)
            printf(", %zu not decided", o->count[HR_ORDER_UNDECIDED]);
        fputc('\n', stdout);
        return;
    }
    json_t *out = json_object();
    json_object_set_new(out, "complete", json_boolean(o->count[HR_ORDER_UNDECIDED] == 0));
    json_object_set(out, "pairs", o->pairs);
    json_dumpf(out, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(out);
}

static int order_failure(const cli_flags *flags, int error, const hr_order_options *options) {
    char why[256];
    if (error == HR_ENOENT && options->virtual_service.p != NULL)
        fprintf(stderr, "headerroute explain: the VirtualService %s or the view does not exist\n",
                flags->rest.v[0]);
    else if (error == HR_ENOENT) {
        cli_views_missing(why, sizeof(why), &flags->view);
        fprintf(stderr, "headerroute explain: %s\n", why);
    } else {
        fprintf(stderr, "headerroute explain: %s\n", hr_strerror(error));
    }
    return CLI_FAILED;
}

int cli_order_run(const cli_flags *flags, hr_table *table) {
    hr_view_options view = cli_view_on_port(&flags->view, flags->view.options.port);
    hr_order_options options = HR_ORDER_OPTIONS_INIT;
    order_report o = {.report = {.ctx = &flags->view, .out = stdout}};
    options.view = cli_names_view(&flags->view) ? &view : NULL;
    options.base = &view;
    if (flags->rest.n > 0)
        options.virtual_service = hr_str_from(flags->rest.v[0]);
    int error = hr_scratch_new(&o.report.scratch);
    o.pairs = flags->json ? json_array() : NULL;
    if (error == HR_OK)
        error = hr_order_find(table, &options, report_pair, &o);
    if (error == HR_OK)
        print_end(&o);
    json_decref(o.pairs);
    hr_scratch_free(o.report.scratch);
    free(o.report.memory);
    if (error != HR_OK)
        return order_failure(flags, error, &options);
    return o.count[HR_ORDER_UNDECIDED] > 0 ? ORDER_UNDECIDED : CLI_OK;
}
