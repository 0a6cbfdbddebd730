/* Which rules decide requests: rules that others cover together, what narrows requests down, and
 * the draws of a witness. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/headerroute.h>

#include "harness.h"

#define TO(subset) "route: [{destination: {host: reviews, subset: " subset "}}]"
#define RULE(match, action) "  - {match: [" match "], " action "}\n"
#define REST(action) "  - {" action "}\n"

/* The view of a sidecar in the harness's mesh with one VirtualService for reviews. */
static hr_view *view_of(const char *rules) {
    char *mesh = hrt_mesh();
    size_t size = strlen(mesh) + strlen(rules) + 256;
    char *yaml = malloc(size);
    hr_view *view;
    cr_assert_not_null(yaml);
    snprintf(yaml, size,
             "%s\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
             "metadata: {name: vs}\nspec:\n  hosts: [reviews]\n  http:\n%s",
             mesh, rules);
    hr_table *table = hrt_load(yaml);
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    hr_table_unref(table);
    free(yaml);
    free(mesh);
    return view;
}

static hr_reach *reach_of(hr_view *view, const hr_where *within, size_t n) {
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    hr_reach *reach;
    options.within = within;
    options.n_within = n;
    cr_assert_eq(hr_reach_new(&reach, view, &options), HR_OK);
    return reach;
}

/* The entry of http[route].match[match] of the VirtualService. */
static hr_reached entry_of(const hr_reach *reach, int route, int match) {
    hr_reached r = HR_REACHED_INIT, best = HR_REACHED_INIT;
    bool found = false;
    for (size_t i = 0; hr_reach_get(&r, reach, i) == HR_OK; i++) {
        if (r.place.virtual_service.p == NULL || r.place.route_index != route ||
            r.place.match_index != match)
            continue;
        if (!found || r.state == HR_REACH_SOME)
            best = r;
        found = true;
    }
    cr_assert(found, "http[%d].match[%d] is in no virtual host", route, match);
    return best;
}

static void expect_never(const char *rules, int route, size_t n_earlier) {
    hr_view *view = view_of(rules);
    hr_reach *reach = reach_of(view, NULL, 0);
    hr_reached r = entry_of(reach, route, 0);
    cr_expect_eq(r.state, HR_REACH_NEVER, "%s", rules);
    cr_expect_eq(r.n_earlier, n_earlier, "%s%zu earlier rules", rules, r.n_earlier);
    cr_expect_null(r.witness);
    hr_reach_free(reach);
    hr_view_unref(view);
}

Test(reach, a_rule_that_several_earlier_ones_cover_together_is_never_reached) {
    expect_never(RULE("{headers: {x: {exact: '1'}}}", TO("v1"))
                     RULE("{withoutHeaders: {x: {exact: '1'}}}", TO("v2"))
                         RULE("{uri: {prefix: /a}}", TO("v3")),
                 2, 2);
    expect_never(RULE("{method: {exact: GET}}", TO("v1"))
                     RULE("{uri: {regex: '/[a-m].*'}}", TO("v1"))
                         RULE("{uri: {regex: '/[n-z].*'}}", TO("v2"))
                             RULE("{uri: {regex: '/[a-z]x?y*'}}", TO("v2")),
                 3, 3);
}

Test(reach, the_rules_that_cover_are_named) {
    hr_view *view = view_of(RULE("{uri: {prefix: /a}}", TO("v1")) RULE(
        "{uri: {prefix: /b}}", TO("v2")) RULE("{uri: {exact: /b/c}}", TO("v3")));
    hr_reach *reach = reach_of(view, NULL, 0);
    hr_reached r = entry_of(reach, 2, 0);
    cr_assert_eq(r.state, HR_REACH_NEVER);
    cr_assert_eq(r.n_earlier, 1u);
    cr_expect_eq(r.earlier[0].route_index, 1);
    hr_reach_free(reach);
    hr_view_unref(view);
}

Test(reach, a_rule_whose_conditions_exclude_each_other_has_no_earlier_rule) {
    expect_never(
        RULE("{headers: {x: {regex: '[0-9]+'}}, withoutHeaders: {x: {regex: '\\d*'}}}", TO("v1")),
        0, 0);
}

/* Decides the witness with one of its draws. */
static hr_decision decide(const hr_view *view, const hr_reached *r, size_t draw,
                          hr_scratch *scratch, char *memory, size_t size) {
    hr_decision d = HR_DECISION_INIT;
    hr_request request = *r->witness, edge;
    request.draws = r->draws[draw];
    cr_assert_eq(hr_edge_request(&edge, view, &request, memory, &size), HR_OK);
    cr_assert_eq(hr_route(&d, view, &edge, scratch), HR_OK);
    return d;
}

Test(reach, a_witness_is_decided_by_its_rule) {
    hr_view *view = view_of(RULE("{uri: {regex: '/v[12]/.+'}, headers: {x: {prefix: a}}, "
                                 "queryParams: {q: {exact: '1'}}, method: {exact: PUT}}",
                                 TO("v1")) RULE("{uri: {exact: /a}}, {uri: {prefix: /b}}", TO("v2"))
                                REST(TO("v3")));
    hr_reach *reach = reach_of(view, NULL, 0);
    hr_scratch *scratch;
    hr_reached r = HR_REACHED_INIT;
    size_t checked = 0;
    char memory[4096];
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (size_t i = 0; hr_reach_get(&r, reach, i) == HR_OK; i++) {
        if (r.place.virtual_service.p == NULL)
            continue;
        cr_assert_eq(r.state, HR_REACH_SOME);
        hr_decision d = decide(view, &r, 0, scratch, memory, sizeof(memory));
        cr_expect_eq(d.route_index, r.place.route_index);
        cr_expect_eq(d.match_index, r.place.match_index);
        checked++;
    }
    cr_expect_eq(checked, 4u);
    hr_scratch_free(scratch);
    hr_reach_free(reach);
    hr_view_unref(view);
}

Test(reach, draws_show_each_destination_and_each_way_of_a_fault) {
    hr_view *view =
        view_of("  - route:\n    - {destination: {host: reviews, subset: v1}, weight: 1}\n"
                "    - {destination: {host: reviews, subset: v2}, weight: 2}\n"
                "    - {destination: {host: reviews, subset: v3}, weight: 97}\n"
                "    fault: {abort: {httpStatus: 418, percentage: {value: 1}}}\n");
    hr_reach *reach = reach_of(view, NULL, 0);
    hr_reached r = entry_of(reach, 0, -1);
    hr_scratch *scratch;
    char memory[4096];
    bool seen[3][2] = {{false}};
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    cr_assert_eq(r.n_draws, 6u);
    for (size_t i = 0; i < r.n_draws; i++) {
        hr_decision d = decide(view, &r, i, scratch, memory, sizeof(memory));
        cr_assert_eq(d.destination_subset.len, 2u);
        seen[d.destination_subset.p[1] - '1'][d.abort_fires] = true;
    }
    for (size_t i = 0; i < 3; i++)
        cr_expect(seen[i][0] && seen[i][1], "v%zu", i + 1);
    hr_scratch_free(scratch);
    hr_reach_free(reach);
    hr_view_unref(view);
}

#define WHERE(field_, op_, value_, negated_)                                                       \
    ((hr_where){.field = {field_, sizeof(field_) - 1},                                             \
                .op = (op_),                                                                       \
                .value = {value_, sizeof(value_) - 1},                                             \
                .negated = (negated_)})

/* The states of http[0], http[1] and http[2] among requests that meet the condition. */
static void expect_within(hr_where where, const char *states) {
    static const char letters[] = {
        [HR_REACH_NEVER] = 'n', [HR_REACH_SOME] = 's', [HR_REACH_UNDECIDED] = 'u'};
    hr_view *view = view_of(RULE("{uri: {prefix: /a}, headers: {x: {exact: '1'}}}", TO("v1")) RULE(
        "{headers: {x: {regex: '[0-9]+'}}}", TO("v2")) RULE("{uri: {prefix: /}}", TO("v3")));
    hr_reach *reach = reach_of(view, &where, 1);
    char got[4] = {0};
    for (int i = 0; i < 3; i++)
        got[i] = letters[entry_of(reach, i, 0).state];
    cr_expect_str_eq(got, states, "%.*s", (int)where.field.len, where.field.p);
    hr_reach_free(reach);
    hr_view_unref(view);
}

Test(reach, conditions_narrow_down_which_requests_are_looked_at) {
    expect_within(WHERE("path", HR_WHERE_PREFIX, "/a", 0), "sss");
    expect_within(WHERE("path", HR_WHERE_PREFIX, "/b", 0), "nss");
    expect_within(WHERE("path", HR_WHERE_EXACT, "/b", 1), "sss");
    expect_within(WHERE("headers[X]", HR_WHERE_EXACT, "1", 0), "ssn");
    expect_within(WHERE("headers[x]", HR_WHERE_PRESENT, "", 1), "nns");
    expect_within(WHERE("headers[x]", HR_WHERE_REGEX, "[2-9]", 0), "nsn");
    expect_within(WHERE("queryParams[q]", HR_WHERE_EXACT, "1", 0), "sss");
    expect_within(WHERE("method", HR_WHERE_EXACT, "PUT", 0), "sss");
    expect_within(WHERE("authority", HR_WHERE_EXACT, "reviews", 0), "sss");
    expect_within(WHERE("authority", HR_WHERE_EXACT, "ratings", 0), "nnn");
    expect_within(WHERE("authority", HR_WHERE_SUFFIX, ".local", 0), "sss");
}

Test(reach, unknown_conditions_are_refused) {
    hr_view *view = view_of(REST(TO("v1")));
    const hr_where wrong[] = {
        WHERE("paths", HR_WHERE_EXACT, "/", 0),     WHERE("headers[]", HR_WHERE_EXACT, "/", 0),
        WHERE("headers[x", HR_WHERE_EXACT, "/", 0), WHERE("headers[:path]", HR_WHERE_EXACT, "/", 0),
        WHERE("path", HR_WHERE_SUFFIX, "/", 0),     WHERE("path", HR_WHERE_REGEX, "(", 0),
        WHERE("path", (hr_where_op)9, "/", 0)};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hr_reach_options options = HR_REACH_OPTIONS_INIT;
        hr_reach *reach;
        options.within = &wrong[i];
        options.n_within = 1;
        cr_expect_eq(hr_reach_new(&reach, view, &options), HR_EINVAL, "%zu", i);
        cr_expect_null(reach);
    }
    hr_view_unref(view);
}

Test(reach, limits_are_reported_as_undecided) {
    hr_view *view = view_of(RULE("{uri: {regex: '/(a|b)*a(a|b){12}'}}", TO("v1"))
                                RULE("{uri: {regex: '/(a|b)*b(a|b){11}c?'}}", TO("v2")));
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    hr_reach *reach;
    options.max_work = 1;
    cr_assert_eq(hr_reach_new(&reach, view, &options), HR_OK);
    hr_reached r = entry_of(reach, 1, 0);
    cr_expect_eq(r.state, HR_REACH_UNDECIDED);
    cr_expect_gt(r.reason.len, 0u);
    hr_reach_free(reach);
    hr_view_unref(view);
}

Test(reach, names_of_states) {
    cr_expect_str_eq(hr_reach_state_name(HR_REACH_NEVER), "never");
    cr_expect_str_eq(hr_reach_state_name(HR_REACH_SOME), "some");
    cr_expect_str_eq(hr_reach_state_name(HR_REACH_UNDECIDED), "undecided");
    cr_expect_null(hr_reach_state_name((hr_reach_state)3));
}
