/* hr_scratch_limit_regexes: the bytes that one request may have regexes run on. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"
#include "large_requests.h"

enum { SHORT = 1024, RUN = 64 };

/* What one regex costs on one value: the first KiB counts half. */
static size_t cost_of(size_t len) {
    size_t cost = len + RUN, half = cost < SHORT + RUN ? cost : SHORT + RUN;
    return cost - half + half / 2;
}

static char *filled(size_t len) {
    static char text[4096];
    memset(text, 'a', len);
    text[len] = '\0';
    return text;
}

/* Valid until the second next call. */
static hr_request with_header(const char *value) {
    static hr_pair headers[2];
    static size_t n;
    hr_request request = small_request("/");
    hr_pair *header = &headers[n++ % 2];
    *header = (hr_pair){HR_STR("x"), hr_str_from(value)};
    request.headers = header;
    request.n_headers = 1;
    return request;
}

static int route_within(size_t limit, const hr_view *view, const hr_request *request) {
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_scratch_limit_regexes(scratch, limit);
    int error = hr_route(&d, view, request, scratch);
    hr_scratch_free(scratch);
    return error;
}

/* The smallest limit with which the request is routed is what its regexes cost. */
static void costs(size_t bytes, const hr_view *view, hr_request request) {
    cr_expect_eq(route_within(SIZE_MAX, view, &request), HR_OK);
    cr_expect_eq(route_within(bytes, view, &request), HR_OK, "%zu bytes", bytes);
    if (bytes > 0)
        cr_expect_eq(route_within(bytes - 1, view, &request), HR_ELIMIT, "%zu bytes", bytes);
}

Test(regex_limit, each_regex_that_runs_counts) {
    hr_view *view = large_view("headers: {x: {regex: '[a-z]*#'}}", HR_REPEATED_JOINED);
    costs(0, view, with_header(filled(4000))); /* none of the texts */
    hr_view_unref(view);
    view = large_view("headers: {x: {regex: '(?i)[a-z]*#'}}", HR_REPEATED_JOINED);
    costs(0, view, small_request("/"));
    costs(RULES * cost_of(0), view, with_header(""));
    costs(RULES * cost_of(SHORT), view, with_header(filled(SHORT)));
    costs(RULES * cost_of(SHORT + 1), view, with_header(filled(SHORT + 1)));
    costs(RULES * cost_of(4000), view, with_header(filled(4000)));
    hr_view_unref(view);
}

Test(regex_limit, a_regex_that_rules_share_counts_once) {
    hr_view *view = large_view("headers: {x: {regex: '(?i)[a-z]*1'}}, method: {exact: '#'}",
                               HR_REPEATED_JOINED);
    hr_request request = with_header(filled(1300));
    request.method = HR_STR("GET");
    costs(0, view, request);
    hr_view_unref(view);
    view = large_view("headers: {x: {regex: '(?i)[a-z]*1'}, z: {exact: '#'}}", HR_REPEATED_JOINED);
    hr_pair both[] = {{HR_STR("z"), HR_STR("1007")}, {HR_STR("x"), hr_str_from(filled(1300))}};
    request.headers = both;
    request.n_headers = 2;
    costs(cost_of(1300), view, request);
    hr_view_unref(view);
}

/* The values count together. */
Test(regex_limit, values_that_are_matched_one_by_one) {
    hr_view *view = large_view("headers: {x: {regex: '(?i)[a-z]*1'}}", HR_REPEATED_EACH);
    hr_request request = large_headers("x", "v", LINES);
    size_t bytes = 0, half = SHORT + RUN;
    for (size_t i = 0; i < request.n_headers; i++) {
        size_t cost = RUN + request.headers[i].value.len, reduced = cost < half ? cost : half;
        bytes += cost - reduced + reduced / 2;
        half -= reduced;
    }
    costs(bytes, view, request);
    hr_view_unref(view);
}

/* A rule beyond the limit is not run: the rule after it does not get the request by mistake. */
Test(regex_limit, no_other_rule_gets_the_request) {
    hr_view *view = large_view("headers: {x: {regex: '(?i)[a-z]*#'}}", HR_REPEATED_JOINED);
    hr_request request = with_header(strcat(filled(1500), "1999"));
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_scratch_limit_regexes(scratch, 10000);
    hr_request other = with_header("a1005");
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(hr_route(&d, view, &request, scratch), HR_ELIMIT);
        cr_expect_eq(d.virtual_service.p, NULL, "there is no decision");
        cr_expect_eq(hr_route(&d, view, &other, scratch), HR_OK, "the next request is routed");
        cr_expect_eq(d.route_index, 5);
    }
    hr_scratch_limit_regexes(scratch, SIZE_MAX);
    cr_expect_eq(hr_route(&d, view, &request, scratch), HR_OK);
    cr_expect_eq(d.route_index, 999);
    hr_scratch_limit_regexes(NULL, 0);
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

static void ignore(void *ctx, const hr_trace_event *event) {
    (void)ctx, (void)event;
}

Test(regex_limit, an_explanation_has_the_same_limit) {
    hr_view *view = large_view("headers: {x: {regex: '(?i)[a-z]*#'}}", HR_REPEATED_JOINED);
    hr_request request = with_header(strcat(filled(1500), "1999"));
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_scratch_limit_regexes(scratch, 10000);
    cr_expect_eq(hr_explain(&d, view, &request, scratch, ignore, NULL), HR_ELIMIT);
    hr_scratch_limit_regexes(scratch, SIZE_MAX);
    cr_expect_eq(hr_explain(&d, view, &request, scratch, ignore, NULL), HR_OK);
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

/* The rule that takes the request is the last one: its CORS policy has `#` regexes of origins. */
Test(regex_limit, origins_count) {
    char *yaml, *mesh = hrt_mesh();
    size_t size;
    FILE *f = open_memstream(&yaml, &size);
    fputs("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
          "  hosts: [reviews]\n  http:\n  - route: [{destination: {host: reviews}}]\n"
          "    corsPolicy:\n      allowOrigins:\n",
          f);
    for (int i = 0; i < 100; i++)
        fprintf(f, "      - regex: '(?i)[a-z]+%d'\n", i);
    fprintf(f, "---\n%s", mesh);
    fclose(f);
    hr_table *table = hrt_load(yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    hr_pair origin = {HR_STR("origin"), hr_str_from(filled(2000))};
    hr_request request = small_request("/");
    request.headers = &origin;
    request.n_headers = 1;
    size_t star = 1 + RUN, left = SHORT + RUN - star;
    costs(100 * (star / 2 + left / 2 + 2000 + RUN - left), view, request); /* "*", and the origin */
    hr_view_unref(view);
    hr_table_unref(table);
    free(yaml);
    free(mesh);
}
