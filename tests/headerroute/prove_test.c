/* What a change to rules changes: single changes, what is not decided, limits, and the attributes'
 * domains. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/diff.h>

#include "domain.h"
#include "harness.h"
#include "path.h"

/* ---- diffs of one VirtualService in the harness's mesh ---- */

/* The harness's mesh and more YAML. */
static hr_table *mesh_with(const char *more) {
    char *mesh = hrt_mesh();
    size_t size = strlen(mesh) + strlen(more) + 16;
    char *yaml = malloc(size);
    cr_assert_not_null(yaml);
    snprintf(yaml, size, "%s\n---\n%s", mesh, more);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    free(mesh);
    return table;
}

static hr_table *table_of(const char *rules) {
    static const char head[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
        "spec:\n  hosts: [reviews]\n  http:\n";
    char yaml[4096];
    cr_assert_lt(snprintf(yaml, sizeof(yaml), "%s%s", head, rules), (int)sizeof(yaml));
    return mesh_with(yaml);
}

static hr_diff *diff_of(const char *before, const char *after, const hr_diff_options *given) {
    hr_view_options view = HR_VIEW_OPTIONS_INIT;
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    hr_table *tables[2] = {table_of(before), table_of(after)};
    hr_diff *diff;
    if (given != NULL)
        options = *given;
    options.view = &view;
    cr_assert_eq(hr_diff_new(&diff, tables[0], tables[1], &options), HR_OK);
    hr_table_unref(tables[0]);
    hr_table_unref(tables[1]);
    return diff;
}

#define TO(subset) "route: [{destination: {host: reviews, subset: " subset "}}]"
#define RULE(match, action) "  - {match: [" match "], " action "}\n"
#define REST(action) "  - {" action "}\n"

/* The bits of all regions of a change, and how many there are. */
static void expect_change(const char *before, const char *after, size_t regions, unsigned changed) {
    hr_diff *diff = diff_of(before, after, NULL);
    hr_diff_region region;
    unsigned bits = 0;
    for (size_t i = 0; hr_diff_region_get(&region, diff, i) == HR_OK; i++)
        bits |= region.changed;
    cr_expect_eq(hr_diff_region_count(diff), regions, "%s=> %s%zu regions", before, after,
                 hr_diff_region_count(diff));
    cr_expect_eq(bits, changed, "%s=> %schanges %#x", before, after, bits);
    cr_expect(hr_diff_complete(diff), "%s=> %s", before, after);
    hr_diff_free(diff);
}

static void expect_same(const char *before, const char *after) {
    expect_change(before, after, 0, 0);
}

Test(prove, a_rule_that_others_cover_changes_nothing) {
    expect_same(REST(TO("v1")), RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v1")));
    expect_same(RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v2")),
                RULE("{uri: {prefix: /a}}", TO("v1")) RULE("{uri: {exact: /a/b}}", TO("v3"))
                    REST(TO("v2")));
    /* Two rules cover a third together. */
    expect_same(RULE("{headers: {x: {exact: '1'}}}", TO("v1"))
                    RULE("{withoutHeaders: {x: {exact: '1'}}}", TO("v2")),
                RULE("{headers: {x: {exact: '1'}}}", TO("v1"))
                    RULE("{withoutHeaders: {x: {exact: '1'}}}", TO("v2"))
                        RULE("{uri: {prefix: /a}}", TO("v3")));
    expect_same(RULE("{uri: {regex: '/[a-m].*'}}", TO("v1"))
                    RULE("{uri: {regex: '/[n-z].*'}}", TO("v2")) REST(TO("v3")),
                RULE("{uri: {regex: '/[a-m].*'}}", TO("v1"))
                    RULE("{uri: {regex: '/[n-z].*'}}", TO("v2"))
                        RULE("{uri: {regex: '/[a-z]x?y*'}}", TO("v2")) REST(TO("v3")));
}

Test(prove, the_same_in_other_words_changes_nothing) {
    expect_same(RULE("{uri: {exact: /a}}", TO("v1")) RULE("{uri: {exact: /b}}", TO("v1"))
                    REST(TO("v2")),
                RULE("{uri: {regex: '/(a|b)'}}", TO("v1")) REST(TO("v2")));
    expect_same(RULE("{uri: {prefix: /a}}, {uri: {prefix: /b}}", TO("v1")) REST(TO("v2")),
                RULE("{uri: {prefix: /b}}, {uri: {prefix: /a}}", TO("v1")) REST(TO("v2")));
    expect_same(RULE("{headers: {x: {regex: '[0-9]+'}}}", TO("v1")) REST(TO("v2")),
                RULE("{headers: {x: {regex: '\\d\\d*'}}}", TO("v1")) REST(TO("v2")));
    expect_same(RULE("{uri: {regex: '(?i)/api'}}", TO("v1")) REST(TO("v2")),
                RULE("{uri: {exact: /API}, ignoreUriCase: true}", TO("v1")) REST(TO("v2")));
    /* No normalised path has a dot segment. */
    expect_same(REST(TO("v1")), RULE("{uri: {regex: '.*/\\.\\./.*'}}", TO("v2")) REST(TO("v1")));
}

Test(prove, a_narrower_and_a_wider_condition_change_what_is_between) {
    expect_change(RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v2")),
                  RULE("{uri: {prefix: /a/}}", TO("v1")) REST(TO("v2")), 1, HR_CHANGE_DESTINATION);
    expect_change(RULE("{headers: {x: {exact: a}}}", TO("v1")) REST(TO("v2")),
                  RULE("{headers: {x: {exact: b}}}", TO("v1")) REST(TO("v2")), 2,
                  HR_CHANGE_DESTINATION);
    /* A Kelvin sign is the one header value that only the first takes. */
    expect_change(RULE("{headers: {x: {regex: '(?i)k'}}}", TO("v1")) REST(TO("v2")),
                  RULE("{headers: {x: {regex: '[kK]'}}}", TO("v1")) REST(TO("v2")), 1,
                  HR_CHANGE_DESTINATION);
}

Test(prove, order_counts_where_rules_overlap) {
    expect_change(
        RULE("{uri: {prefix: /a}}", TO("v1")) RULE("{headers: {x: {}}}", TO("v2")) REST(TO("v3")),
        RULE("{headers: {x: {}}}", TO("v2")) RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v3")),
        1, HR_CHANGE_DESTINATION);
    expect_same(
        RULE("{uri: {prefix: /a}}", TO("v1")) RULE("{uri: {prefix: /b}}", TO("v2")) REST(TO("v3")),
        RULE("{uri: {prefix: /b}}", TO("v2")) RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v3")));
}

Test(prove, each_part_of_a_decision_counts) {
    expect_change(REST(TO("v1")), REST(TO("v1") ", timeout: 2s"), 1, HR_CHANGE_TIMEOUT);
    expect_change(REST(TO("v1")), REST(TO("v1") ", retries: {attempts: 5}"), 1, HR_CHANGE_RETRIES);
    expect_change(REST(TO("v1")), REST(TO("v1") ", mirror: {host: ratings}"), 1, HR_CHANGE_MIRRORS);
    expect_change(REST(TO("v1")), REST(TO("v1") ", headers: {request: {set: {a: b}}}"), 1,
                  HR_CHANGE_HEADERS);
    expect_change(REST(TO("v1")),
                  REST(TO("v1") ", corsPolicy: {allowOrigins: [{exact: 'https://a.com'}]}"), 1,
                  HR_CHANGE_CORS);
    expect_change(REST(TO("v1")),
                  REST(TO("v1") ", fault: {abort: {httpStatus: 500, percentage: {value: 10}}}"), 1,
                  HR_CHANGE_FAULT);
    expect_change(REST(TO("v1")), REST(TO("v1") ", rewrite: {authority: a.com}"), 1,
                  HR_CHANGE_REWRITE);
    expect_change(REST("redirect: {uri: /a}"), REST("redirect: {uri: /b}"), 1, HR_CHANGE_REDIRECT);
    expect_change(REST("directResponse: {status: 403}"), REST("directResponse: {status: 404}"), 1,
                  HR_CHANGE_DIRECT_RESPONSE);
}

#define SPLIT(a, b)                                                                                \
    "route: [{destination: {host: reviews, subset: v1}, weight: " a                                \
    "}, {destination: {host: reviews, subset: v2}, weight: " b "}]"

Test(prove, weights_count_as_shares) {
    expect_same(REST(SPLIT("50", "50")), REST(SPLIT("1", "1")));
    expect_change(REST(SPLIT("50", "50")), REST(SPLIT("90", "10")), 1, HR_CHANGE_WEIGHTS);
    expect_change(REST(SPLIT("100", "0")), REST(SPLIT("90", "10")), 1,
                  HR_CHANGE_DESTINATION | HR_CHANGE_WEIGHTS);
}

#define REWRITE(text) TO("v1") ", rewrite: {uri: " text "}"

Test(prove, rewrites_count_by_what_they_do_to_paths) {
    /* A rewrite to the same is none. */
    expect_same(RULE("{uri: {prefix: /a}}", REWRITE("/a")) REST(TO("v2")),
                RULE("{uri: {prefix: /a}}", TO("v1")) REST(TO("v2")));
    /* /a/ becomes /b/ either way; /a alone is another matter. */
    expect_same(RULE("{uri: {prefix: /a/}}", REWRITE("/b/")) REST(TO("v2")),
                RULE("{uri: {prefix: /a/}}", REWRITE("/b/"))
                    RULE("{uri: {prefix: /a/c}}", REWRITE("/b/c")) REST(TO("v2")));
    expect_change(RULE("{uri: {prefix: /a/}}", REWRITE("/b")) REST(TO("v2")),
                  RULE("{uri: {prefix: /a/}}", REWRITE("/c")) REST(TO("v2")), 1, HR_CHANGE_REWRITE);
    /* The one path of a regex that is no longer than the prefix is rewritten alike. */
    expect_change(RULE("{uri: {prefix: /a}}", REWRITE("/b")) REST(TO("v2")),
                  RULE("{uri: {regex: '/a.*'}}", REWRITE("/b")) REST(TO("v2")), 1,
                  HR_CHANGE_REWRITE);
    /* A regex that is found in no path of the rule does nothing. */
    expect_same(RULE("{uri: {regex: '/[0-9]+'}}", TO("v1")) REST(TO("v2")),
                RULE("{uri: {regex: '/[0-9]+'}}",
                     TO("v1") ", rewrite: {uriRegexRewrite: {match: '[a-z]', rewrite: x}}")
                    REST(TO("v2")));
    expect_change(RULE("{uri: {prefix: /}}", TO("v1")),
                  RULE("{uri: {prefix: /}}",
                       TO("v1") ", rewrite: {uriRegexRewrite: {match: '[0-9]+$', rewrite: x}}"),
                  1, HR_CHANGE_REWRITE);
}

Test(prove, only_narrows) {
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    options.only = HR_CHANGE_DESTINATION;
    hr_diff *diff = diff_of(REST(TO("v1")), REST(TO("v1") ", timeout: 2s"), &options);
    cr_expect_eq(hr_diff_region_count(diff), 0);
    hr_diff_free(diff);
    options.only = HR_CHANGE_TIMEOUT | HR_CHANGE_RETRIES;
    diff = diff_of(REST(TO("v1")), REST(TO("v2") ", timeout: 2s"), &options);
    hr_diff_region region;
    cr_assert_eq(hr_diff_region_get(&region, diff, 0), HR_OK);
    cr_expect_eq(region.changed, HR_CHANGE_TIMEOUT);
    hr_diff_free(diff);
}

/* ---- what is not decided ---- */

static void expect_undecided(const char *before, const char *after, const char *reason) {
    hr_diff *diff = diff_of(before, after, NULL);
    hr_diff_undecided u;
    cr_expect(!hr_diff_complete(diff), "%s=> %s", before, after);
    cr_assert_eq(hr_diff_undecided_get(&u, diff, 0), HR_OK);
    cr_expect_not_null(strstr(u.reason.p, reason), "%s: %.*s", before, (int)u.reason.len,
                       u.reason.p);
    cr_expect_gt(u.after.line, 0);
    hr_diff_free(diff);
}

Test(prove, a_regex_that_is_not_covered_is_undecided) {
    /* Whether anything meets both is not known. */
    expect_undecided(RULE("{uri: {regex: '/\\bq\\B1'}}", TO("v1")) REST(TO("v2")),
                     RULE("{uri: {regex: '/\\bq\\B1'}}", TO("v1"))
                         RULE("{uri: {regex: '/q\\pN\\b'}}", TO("v3")) REST(TO("v2")),
                     "");
}

Test(prove, a_witness_is_found_for_a_regex_that_is_not_covered) {
    hr_diff *diff = diff_of(RULE("{headers: {x: {regex: '\\bx'}}}", TO("v1")) REST(TO("v2")),
                            RULE("{headers: {x: {regex: '\\bx'}}}", TO("v3")) REST(TO("v2")), NULL);
    cr_expect_eq(hr_diff_region_count(diff), 1);
    hr_diff_free(diff);
}

/* Each doubles its states with every character that it looks back. */
Test(prove, adversarial_regexes_reach_a_limit) {
    expect_undecided(RULE("{headers: {x: {regex: '[ab]*a[ab]{24}'}}}", TO("v1")) REST(TO("v2")),
                     RULE("{headers: {x: {regex: '[ab]*a[ab]{24}'}}}", TO("v1"))
                         RULE("{headers: {x: {regex: '[ab]*a[ab]{12}a[ab]{11}'}}}", TO("v3"))
                             REST(TO("v2")),
                     "");
}

/* ---- the interface ---- */

Test(prove, a_view_that_one_side_lacks_is_a_region) {
    static const char gateway[] =
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\n"
        "spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, "
        "hosts: ['*']}]}\n";
    hr_table *before = mesh_with(""), *after = mesh_with(gateway);
    hr_diff *diff;
    hr_diff_region region;
    hr_diff_view view;
    size_t found;
    hr_scratch *scratch;
    cr_assert_eq(hr_diff_new(&diff, before, after, NULL), HR_OK);
    cr_assert_eq(hr_diff_region_count(diff), 1);
    cr_assert_eq(hr_diff_region_get(&region, diff, 0), HR_OK);
    cr_assert_eq(hr_diff_view_get(&view, diff, region.view), HR_OK);
    cr_expect_eq(region.changed, HR_CHANGE_VIEW);
    cr_expect_null(view.before);
    cr_expect_not_null(view.after);
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    cr_expect_eq(hr_diff_locate(&found, diff, region.view, region.witness, scratch), HR_OK);
    cr_expect_eq(found, 0);
    hr_scratch_free(scratch);
    hr_diff_free(diff);
    hr_table_unref(before);
    hr_table_unref(after);
}

Test(prove, wrong_arguments_are_refused) {
    hr_table *table = mesh_with("");
    hr_diff *diff;
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    hr_view_options view = HR_VIEW_OPTIONS_INIT;
    hr_diff_region region;
    cr_expect_eq(hr_diff_new(NULL, table, table, NULL), HR_EINVAL);
    cr_expect_eq(hr_diff_new(&diff, NULL, table, NULL), HR_EINVAL);
    options.version = 9;
    cr_expect_eq(hr_diff_new(&diff, table, table, &options), HR_EINVAL);
    options.version = HR_DIFF_OPTIONS_VERSION;
    options.only = 1u << HR_CHANGE_COUNT;
    cr_expect_eq(hr_diff_new(&diff, table, table, &options), HR_EINVAL);
    options.only = 0;
    view.gateway = HR_STR("no/such");
    options.view = &view;
    cr_expect_eq(hr_diff_new(&diff, table, table, &options), HR_ENOENT);
    cr_expect_null(diff);
    cr_assert_eq(hr_diff_new(&diff, table, table, NULL), HR_OK);
    cr_expect_eq(hr_diff_region_count(diff), 0);
    cr_expect(hr_diff_complete(diff));
    cr_expect_eq(hr_diff_region_get(&region, diff, 0), HR_ENOENT);
    cr_expect_eq(hr_diff_region_get(NULL, diff, 0), HR_EINVAL);
    cr_expect_null(hr_change_name(HR_CHANGE_COUNT));
    hr_diff_free(diff);
    hr_diff_free(NULL);
    hr_table_unref(table);
}

/* ---- domains ---- */

static unsigned next_number(uint64_t *state, unsigned below) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % below;
}

/* What normalisation makes of a path in the domain, as it is written for that. */
static bool makes(hr_str path, hr_domain_kind kind, hr_path_normalization option,
                  hr_scratch *scratch) {
    char written[512];
    hr_str out;
    size_t len, n = hr_domain_write_path(written, kind, path);
    return hr_path_normalize(&out, &len, scratch, (hr_str){written, n}, option) == HR_PATH_OK &&
           len == path.len && memcmp(out.p, path.p, len) == 0;
}

/* The paths of a domain are those that normalisation makes of some path, and it makes no others. */
Test(prove, the_domain_of_paths_is_what_normalisation_makes) {
    static const char *const pieces[] = {
        "/", "/", "a", ".", "..", "%2F", "%2e", "%41", "%", "%4", "%zz", "%00", "%5C", "\\", "//",
        "^", "~", "é", "<", "b",  "%C3", "%25", "%7e", ";", "'",  "|",   "%%",  "30",  "2f"};
    uint64_t state = 42;
    hr_scratch *scratch;
    size_t unchanged = 0, changed = 0;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (int i = 0; i < 200000; i++) {
        char raw[128] = "/";
        for (unsigned n = next_number(&state, 7); n > 0; n--)
            strcat(raw, pieces[next_number(&state, sizeof(pieces) / sizeof(pieces[0]))]);
        hr_path_normalization option = (hr_path_normalization)next_number(&state, 4);
        hr_domain_kind kind = hr_domain_of_path(option);
        hr_str out;
        size_t len;
        cr_assert_eq(hr_scratch_reset(scratch), HR_OK);
        if (hr_path_normalize(&out, &len, scratch, hr_str_from(raw), option) != HR_PATH_OK) {
            cr_assert(!hr_domain_has(kind, hr_str_from(raw)),
                      "%s is refused and yet in the domain %d", raw, (int)kind);
            continue;
        }
        out.len = len;
        bool same = len == strlen(raw) && memcmp(out.p, raw, len) == 0,
             has = hr_domain_has(kind, hr_str_from(raw));
        unchanged += same;
        changed += !same;
        cr_assert(hr_domain_has(kind, out), "%s becomes %.*s, which is not in the domain %d", raw,
                  (int)len, out.p, (int)kind);
        cr_assert(has || !same, "%s is left unchanged and not in the domain %d", raw, (int)kind);
        cr_assert(!has || makes(hr_str_from(raw), kind, option, scratch),
                  "%s is in the domain %d, and no path becomes it", raw, (int)kind);
    }
    cr_expect_gt(unchanged, 1000);
    cr_expect_gt(changed, 1000);
    hr_scratch_free(scratch);
}
