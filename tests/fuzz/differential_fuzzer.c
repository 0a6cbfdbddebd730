/*
 * The compiled, indexed table against the plain first-match walk: rules and requests are made of
 * the bytes, and every decision, with its final forms, must be the same by the index, by the walk
 * and by the walk with a trace; and again, when it is asked for a second time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decision.h"
#include "maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_REQUESTS 12

typedef struct answer {
    int error;
    char *json; /* NULL: none */
    const void *chosen;
} answer;

static answer keep(int error, const hr_decision *d, const hr_request *request,
                   hr_scratch *scratch) {
    answer a = {.error = error};
    hr_str json;
    if (error == HR_EREQUEST && hr_scratch_error(scratch).len == 0)
        abort();
    if (error != HR_OK)
        return a;
    if (hr_decision_json(&json, d, request, scratch) != HR_OK)
        abort();
    a.json = strdup(json.p);
    a.chosen = d->cluster;
    return a;
}

static void tell(const char *which, const hr_request *r, const answer *expected,
                 const answer *got) {
    fprintf(stderr, "the walk and %s differ: %.*s %.*s%.*s\n", which, (int)r->method.len,
            r->method.p, (int)r->authority.len, r->authority.p, (int)r->path.len, r->path.p);
    for (size_t i = 0; i < r->n_headers; i++)
        fprintf(stderr, "  %.*s: %.*s\n", (int)r->headers[i].name.len, r->headers[i].name.p,
                (int)r->headers[i].value.len, r->headers[i].value.p);
    fprintf(stderr, "walk: %s\n%s: %s\n", expected->json == NULL ? "none" : expected->json, which,
            got->json == NULL ? "none" : got->json);
}

static void same(const char *which, const hr_request *r, const answer *expected, answer got) {
    bool equal =
        expected->error == got.error && expected->chosen == got.chosen &&
        (expected->json == NULL ? got.json == NULL
                                : got.json != NULL && strcmp(expected->json, got.json) == 0);
    if (!equal) {
        tell(which, r, expected, &got);
        abort();
    }
    free(got.json);
}

static void count(void *ctx, const hr_trace_event *event) {
    size_t *octets = ctx; /* so that every string of the event is read */
    const hr_str all[] = {event->virtual_service, event->file,   event->field,
                          event->expected,        event->actual, event->detail};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        for (size_t k = 0; k < all[i].len; k++)
            *octets += (unsigned char)all[i].p[k];
}

static void balance(const hr_decision *d, const hr_request *request, hr_scratch *scratch) {
    hr_cursor cursor = {0};
    hr_pick pick = {.version = HR_PICK_VERSION, .random = request->path.len};
    size_t chosen;
    if (d->cluster == NULL)
        return;
    pick.has_hash = hr_request_hash(&pick.hash, d, request, HR_STR("127.0.0.1"), scratch) == HR_OK;
    int error = hr_balance(&chosen, d->cluster, &cursor, &pick);
    if (error == HR_OK ? chosen >= d->cluster->n_endpoints : error != HR_ENOENT)
        abort();
}

static void ask(const hr_view *view, const hr_request *request, hr_scratch *scratch) {
    static const hr_route_mode walk = {.plain_walk = true};
    hr_decision d = HR_DECISION_INIT;
    size_t octets = 0;
    answer expected = keep(hr_route_by(&d, view, request, scratch, &walk), &d, request, scratch);
    same("the index", request, &expected,
         keep(hr_route(&d, view, request, scratch), &d, request, scratch));
    same("the trace", request, &expected,
         keep(hr_explain(&d, view, request, scratch, count, &octets), &d, request, scratch));
    int error = hr_route(&d, view, request, scratch);
    if (error == HR_OK)
        balance(&d, request, scratch);
    same("the second time", request, &expected, keep(error, &d, request, scratch));
    free(expected.json);
}

static hr_view *view_of(hr_table *table, unsigned choice) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.repeated_headers = choice & 1 ? HR_REPEATED_EACH : HR_REPEATED_JOINED;
    options.outbound_policy = choice & 2 ? HR_REGISTRY_ONLY : HR_ALLOW_ANY;
    if (choice & 4)
        options.gateway = HR_STR("default/gw");
    hr_view *view = NULL;
    if (hr_view_new(&view, table, &options) != HR_OK)
        abort();
    return view;
}

static hr_table *load(maker *m) {
    char *yaml = maker_rules(m);
    hr_source source = {.name = "made", .text = hr_str_from(yaml)};
    hr_table *table;
    hr_diagnostics *d;
    /* Some of what is made is refused, rightly: a path that only a regex may have, the same prefix
     * twice. */
    int error = hr_table_load(&table, &d, &source, 1, NULL);
    if (error != HR_OK && (error != HR_ECONFIG || hr_diagnostics_errors(d) == 0))
        abort();
    if (error != HR_OK && getenv("MAKER_SHOW") != NULL) {
        char line[256];
        for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
            hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
            fprintf(stderr, "%s\n", line);
        }
    }
    hr_diagnostics_free(d);
    free(yaml);
    return table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || size > 4096)
        return 0;
    /* Requests have a share of their own, so that a change of one rule does not change them. */
    size_t half = size / 2;
    maker rules = {data + 1, half}, requests = {data + 1 + half, size - 1 - half};
    hr_table *table = load(&rules);
    hr_scratch *scratch;
    if (table == NULL)
        return 0;
    if (hr_scratch_new(&scratch) != HR_OK)
        abort();
    hr_view *view = view_of(table, data[0]);
    for (int i = 0; i < MAX_REQUESTS && requests.n > 0; i++) {
        made_request r;
        maker_request(&r, &requests);
        ask(view, &r.request, scratch);
    }
    hr_view_unref(view);
    hr_table_unref(table);
    hr_scratch_free(scratch);
    return 0;
}
