/*
 * diff-check [--random N] [--boundary N] [--pairs N]: reads the pairs that pairs.py writes and
 * compares hr_diff with hr_route. For each pair, N random and N boundary requests are routed on
 * both sides; where the decisions differ, the request must lie in a region. The witness of each
 * region must be decided differently.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/headerroute.h>

#include "where.h"
#include "words.h"

typedef struct check {
    unsigned long random, boundary, pairs; /* asked for */
    unsigned long done, refused, regions, views, undecided, requests, differing, located;
    bool failed;
    unsigned long seed;
    hr_scratch *scratch[2];
    where_reader where;
} check;

static void fail(check *c, const char *what, const hr_request *r) {
    c->failed = true;
    printf("pair %lu: %s\n", c->seed, what);
    if (r == NULL)
        return;
    printf("  %.*s %.*s://%.*s%.*s", (int)r->method.len, r->method.p, (int)r->scheme.len,
           r->scheme.p, (int)r->authority.len, r->authority.p, (int)r->path.len, r->path.p);
    for (size_t i = 0; i < r->n_headers; i++)
        printf(" | %.*s: %.*s", (int)r->headers[i].name.len, r->headers[i].name.p,
               (int)r->headers[i].value.len, r->headers[i].value.p);
    printf(" | draws %g %g %g %g\n", r->draws.weight, r->draws.delay, r->draws.abort,
           r->draws.mirror);
}

/* ---- decisions ---- */

/* All of a decision but which rule it came from, and the sentences on what was not loaded: they
 * come first and last. */
static hr_str without_names(hr_str json) {
    static const char last[] = ",\"caveats\":[";
    const char *from = strstr(json.p, ",\"cluster\":"), *end = NULL;
    for (const char *p = from; p != NULL && (p = strstr(p, last)) != NULL; p++)
        end = p;
    if (end == NULL)
        abort();
    return (hr_str){from, (size_t)(end - from)};
}

static hr_str outcome_of(check *c, size_t side, const hr_view *view, const hr_request *request,
                         hr_action *action) {
    static char room[2][16384];
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    hr_str json = {0};
    size_t size = sizeof(room[side]);
    *action = HR_ACTION_ROUTE;
    if (hr_edge_request(&edge, view, request, room[side], &size) != HR_OK)
        abort();
    if (hr_route(&d, view, &edge, c->scratch[side]) != HR_OK)
        return json;
    *action = d.action;
    if (hr_decision_json(&json, &d, &edge, c->scratch[side]) != HR_OK)
        abort();
    return without_names(json);
}

/* -1: the request is malformed. */
static int decided_alike(check *c, const hr_view *const views[2], const hr_request *request) {
    hr_action action[2];
    hr_str before = outcome_of(c, 0, views[0], request, &action[0]);
    hr_str after = outcome_of(c, 1, views[1], request, &action[1]);
    if (before.p == NULL || after.p == NULL)
        return -1;
    return action[0] == action[1] && before.len == after.len &&
           memcmp(before.p, after.p, before.len) == 0;
}

/* ---- one pair ---- */

typedef struct both_views {
    hr_view *v[2];
} both_views;

/* Pairs take turns with what the flags of a view can say. */
static hr_view_options base_options(const check *c) {
    hr_view_options o = HR_VIEW_OPTIONS_INIT;
    o.repeated_headers = c->seed % 2 == 0 ? HR_REPEATED_JOINED : HR_REPEATED_EACH;
    o.path_normalization = (hr_path_normalization)(c->seed / 2 % 4);
    o.outbound_policy = c->seed / 8 % 4 == 0 ? HR_REGISTRY_ONLY : HR_ALLOW_ANY;
    return o;
}

static both_views open_both(const check *c, hr_table *const tables[2], const hr_diff_view *info) {
    hr_view_options o = base_options(c);
    both_views out = {{NULL, NULL}};
    o.gateway = info->gateway;
    o.port = info->port;
    o.namespace_ = info->namespace_;
    o.source_labels = info->source_labels;
    o.n_source_labels = info->n_source_labels;
    for (size_t side = 0; side < 2; side++)
        if (hr_view_new(&out.v[side], tables[side], &o) == HR_ENOMEM)
            abort();
    return out;
}

/* A region's conditions say of each request what hr_diff_locate says. */
static void check_conditions(check *c, const hr_diff *diff, size_t view, const both_views *both,
                             const hr_request *request, size_t located) {
    char room[16384];
    hr_request edge;
    hr_diff_region region = HR_DIFF_REGION_INIT;
    size_t size = sizeof(room);
    if (hr_edge_request(&edge, both->v[0], request, room, &size) != HR_OK)
        abort();
    for (size_t i = 0; hr_diff_region_get(&region, diff, i) == HR_OK && !c->failed; i++)
        if (region.view == view && where_has(&c->where, &region, &edge) != (i == located))
            fail(c,
                 i == located ? "a region whose conditions do not hold"
                              : "a region whose conditions hold elsewhere",
                 request);
}

static void check_request(check *c, const hr_diff *diff, size_t view, const both_views *both,
                          const hr_request *request) {
    size_t region;
    const hr_view *views[2] = {both->v[0], both->v[1]};
    int error = hr_diff_locate(&region, diff, view, request, c->scratch[0]);
    c->requests++;
    c->located += error == HR_OK;
    if (error == HR_OK && region >= hr_diff_region_count(diff))
        fail(c, "a region that there is not", request);
    if (views[0] == NULL || views[1] == NULL) {
        if (error != HR_OK)
            fail(c, "a view that one side lacks is not reported as a region", request);
        return;
    }
    int alike = decided_alike(c, views, request);
    if (alike >= 0)
        check_conditions(c, diff, view, both, request, error == HR_OK ? region : SIZE_MAX);
    if (alike != 0)
        return;
    c->differing++;
    if (error != HR_OK && hr_diff_complete(diff)) {
        fail(c, "a difference outside of the regions", request);
        hr_diff_view info = HR_DIFF_VIEW_INIT;
        hr_diff_view_get(&info, diff, view);
        printf("  view %.*s port %u namespace %.*s labels %zu\n", (int)info.gateway.len,
               info.gateway.p, info.port, (int)info.namespace_.len, info.namespace_.p,
               info.n_source_labels);
    }
}

static void check_regions(check *c, const hr_diff *diff, const both_views *views) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    for (size_t i = 0; hr_diff_region_get(&region, diff, i) == HR_OK; i++) {
        size_t found;
        c->regions++;
        if (hr_diff_locate(&found, diff, region.view, region.witness, c->scratch[0]) != HR_OK ||
            found != i)
            fail(c, "a witness that does not lie in its region", region.witness);
        const hr_view *both[2] = {views[region.view].v[0], views[region.view].v[1]};
        if (both[0] != NULL && both[1] != NULL && decided_alike(c, both, region.witness) != 0)
            fail(c, "a witness that is decided alike", region.witness);
    }
}

static void check_requests(check *c, const hr_diff *diff, const both_views *views, const words *w) {
    word_request request;
    uint64_t state = c->seed;
    unsigned n = (unsigned)hr_diff_view_count(diff);
    for (unsigned long i = 0; i < c->random + c->boundary && !c->failed; i++) {
        if (i < c->random)
            words_random(&request, w, &state);
        else
            words_boundary(&request, w, &state);
        size_t view = word_number(&state, n);
        check_request(c, diff, view, &views[view], &request.request);
    }
}

static void check_tables(check *c, hr_table *const tables[2], const words *w) {
    hr_diff *diff;
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    hr_view_options base = base_options(c);
    options.base = &base;
    if (hr_diff_new(&diff, tables[0], tables[1], &options) != HR_OK)
        abort();
    c->where = (where_reader){.normalization = base.path_normalization,
                              .each = base.repeated_headers == HR_REPEATED_EACH,
                              .scratch = c->scratch[1]};
    size_t n = hr_diff_view_count(diff);
    both_views *views = calloc(n, sizeof(*views));
    if (views == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        hr_diff_view info = HR_DIFF_VIEW_INIT;
        hr_diff_view_get(&info, diff, i);
        views[i] = open_both(c, tables, &info);
    }
    c->views += n;
    c->undecided += hr_diff_undecided_count(diff);
    check_regions(c, diff, views);
    check_requests(c, diff, views, w);
    for (size_t i = 0; i < n; i++) {
        hr_view_unref(views[i].v[0]);
        hr_view_unref(views[i].v[1]);
    }
    free(views);
    where_free(&c->where);
    hr_diff_free(diff);
}

/* ---- reading ---- */

static char *read_part(const char *name, size_t *len) {
    char got[16];
    if (scanf("%15s %zu", got, len) != 2 || strcmp(got, name) != 0 || getchar() != '\n')
        abort();
    char *text = malloc(*len + 1);
    if (text == NULL || fread(text, 1, *len, stdin) != *len)
        abort();
    text[*len] = '\0';
    return text;
}

static hr_table *load(const char *name, const char *text, size_t len) {
    hr_source source = {.name = name, .text = {text, len}};
    hr_table *table = NULL;
    hr_table_load(&table, NULL, &source, 1, NULL);
    return table;
}

static void check_pair(check *c) {
    size_t n[3];
    char *old = read_part("old", &n[0]), *new = read_part("new", &n[1]),
         *text = read_part("words", &n[2]);
    words w;
    hr_table *tables[2] = {load("old", old, n[0]), load("new", new, n[1])};
    words_read(&w, text);
    if (tables[0] == NULL || tables[1] == NULL) {
        c->refused++;
    } else {
        c->done++;
        check_tables(c, tables, &w);
    }
    hr_table_unref(tables[0]);
    hr_table_unref(tables[1]);
    words_free(&w);
    free(old);
    free(new);
    free(text);
}

static unsigned long number_of(const char *text) {
    return text == NULL ? 0 : strtoul(text, NULL, 10);
}

int main(int argc, char **argv) {
    check c = {.random = 20000, .boundary = 2000, .pairs = 2000};
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned long *value = strcmp(argv[i], "--random") == 0     ? &c.random
                               : strcmp(argv[i], "--boundary") == 0 ? &c.boundary
                                                                    : &c.pairs;
        *value = number_of(argv[i + 1]);
    }
    if (hr_scratch_new(&c.scratch[0]) != HR_OK || hr_scratch_new(&c.scratch[1]) != HR_OK)
        abort();
    while (!c.failed && c.done < c.pairs && scanf("pair %lu\n", &c.seed) == 1)
        check_pair(&c);
    printf("%lu pairs (%lu more were refused), %lu views, %lu regions, %lu undecided; %lu "
           "requests, %lu decided differently, "
           "%lu in a region: %s\n",
           c.done, c.refused, c.views, c.regions, c.undecided, c.requests, c.differing, c.located,
           c.failed           ? "FAILED"
           : c.done < c.pairs ? "too few pairs"
                              : "ok");
    hr_scratch_free(c.scratch[0]);
    hr_scratch_free(c.scratch[1]);
    return c.failed || c.done < c.pairs;
}
