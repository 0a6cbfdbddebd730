/* The index finds what a plain first-match walk finds, whatever the rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "decision.h"
#include "harness.h"
#include "index_find.h"
#include "regex.h"
#include "regex_prefix.h"

static uint32_t state = 1;
static uint32_t draw(uint32_t n) { /* xorshift32 */
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

static const char *const paths[] = {
    "/", "/a", "/a/b", "/a/b/c", "/ab", "/A", "/b", "/b/", "/long/path/here", "/a.b", "/c-1"};
static const char *const values[] = {"a",        "b",        "ab",         "",  "A",
                                     "tenant-1", "tenant-2", "tenant-1-x", "t", "tab"};
static const char *const names[] = {"x",  "w",  "x-tenant", "accept", "cookie", "z1",
                                    "z2", "z3", "z4",       "z5",     "z6",     "z7"};
static const char *const value_regexes[] = {
    "tenant-[12](-x)?", "tenant-1.*", "t|a",     "ta?",       "t",
    "tenant-1|b",       ".*x",        "(?i)TAB", "(tenant)-1"};
static const char *const methods[] = {"GET", "POST", "PUT"};
static const char *const regexes[] = {"/a.*",          "/a|/b",    "/a/[bc]+", "(/a|/b)/c",
                                      "/long/path/.*", "/c-\\\\d", ".*",       "/A?b"};

#define PICK(list) (list)[draw(sizeof(list) / sizeof((list)[0]))]

static void put_string_match(FILE *out) {
    switch (draw(6)) {
    case 3:
        fprintf(out, "{regex: \"%s\"}", PICK(value_regexes));
        break;
    case 4:
        fprintf(out, "{prefix: \"%s\"}", draw(2) ? "tenant" : "tenant-1");
        break;
    case 0:
        fprintf(out, "{prefix: \"t%s\"}", PICK(values));
        break;
    case 1:
        fprintf(out, "{regex: \"(%s)+\"}", PICK(values));
        break;
    case 2:
        fprintf(out, "{}");
        break;
    default:
        fprintf(out, "{exact: \"%s\"}", PICK(values));
        break;
    }
}

static void put_uri(FILE *out) {
    switch (draw(4)) {
    case 0:
        fprintf(out, "uri: {regex: \"%s\"}, ", PICK(regexes));
        break;
    case 1:
        fprintf(out, "uri: {prefix: \"%s\"}, ", PICK(paths));
        break;
    default:
        fprintf(out, "uri: {exact: \"%s\"}, ", PICK(paths));
        break;
    }
    if (draw(4) == 0)
        fprintf(out, "ignoreUriCase: true, ");
}

static void put_match(FILE *out) {
    fprintf(out, "{");
    if (draw(2))
        put_uri(out);
    if (draw(2)) {
        fprintf(out, "headers: {%s: ", PICK(names));
        put_string_match(out);
        fprintf(out, "}, ");
    }
    if (draw(5) == 0) {
        fprintf(out, "withoutHeaders: {%s: ", PICK(names));
        put_string_match(out);
        fprintf(out, "}, ");
    }
    if (draw(5) == 0)
        fprintf(out, "queryParams: {%s: {exact: \"%s\"}}, ", PICK(names), PICK(values));
    if (draw(6) == 0)
        fprintf(out, "method: {exact: %s}, ", PICK(methods));
    fprintf(out, draw(20) ? "scheme: {prefix: http}}"
                          : "name: all}"); /* the latter may take every request */
}

static char *random_rules(size_t n) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    char *mesh = hrt_mesh();
    fprintf(
        out,
        "%s\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
        "spec:\n  hosts: [reviews]\n  http:\n",
        mesh);
    free(mesh);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "  - match: [");
        put_match(out);
        fprintf(out, "]\n    route: [{destination: {host: reviews}}]\n");
    }
    fclose(out);
    return text;
}

typedef struct sample {
    hr_request request;
    hr_pair headers[4];
    char path[128];
} sample;

static void random_request(sample *s) {
    size_t n = draw(5);
    for (size_t i = 0; i < n; i++)
        s->headers[i] = (hr_pair){hr_str_from(PICK(names)), hr_str_from(PICK(values))};
    snprintf(s->path, sizeof(s->path), draw(3) ? "%s" : "%s?%s=%s&%s=%s", PICK(paths), PICK(names),
             PICK(values), PICK(names), PICK(values));
    s->request = (hr_request){.version = HR_REQUEST_VERSION,
                              .method = hr_str_from(PICK(methods)),
                              .authority = HR_STR("reviews"),
                              .path = hr_str_from(s->path),
                              .headers = s->headers,
                              .n_headers = n};
}

static void compare(const hr_view *view, hr_scratch *scratch, const sample *s) {
    static const hr_route_mode walk = {.plain_walk = true}, indexed = {0};
    hr_decision a = HR_DECISION_INIT, b = HR_DECISION_INIT;
    cr_assert_eq(hr_route_by(&a, view, &s->request, scratch, &walk), HR_OK);
    cr_assert_eq(hr_route_by(&b, view, &s->request, scratch, &indexed), HR_OK);
    cr_assert(a.route_index == b.route_index && a.action == b.action,
              "path %s: the walk finds %d, the index %d", s->path, a.route_index, b.route_index);
}

static void differ_nowhere(hr_repeated_headers repeated) {
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (int round = 0; round < 60; round++) {
        char *yaml = random_rules(6 + draw(60));
        hr_table *table = hrt_load(yaml);
        hr_view *view;
        hr_view_options options = HR_VIEW_OPTIONS_INIT;
        options.repeated_headers = repeated;
        cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
        for (int i = 0; i < 2000; i++) {
            sample s;
            random_request(&s);
            compare(view, scratch, &s);
        }
        hr_view_unref(view);
        hr_table_unref(table);
        free(yaml);
    }
    hr_scratch_free(scratch);
}

Test(index, agrees_with_the_walk) {
    differ_nowhere(HR_REPEATED_JOINED);
}

Test(index, agrees_with_the_walk_where_repeated_headers_are_matched_one_by_one) {
    differ_nowhere(HR_REPEATED_EACH);
}

static void prefix_is(const char *pattern, const char *expected) {
    char buf[64];
    hr_str prefix = hr_regex_literal_prefix(hr_str_from(pattern), buf, NULL);
    cr_expect(hr_str_eq_c(prefix, expected), "%s: '%.*s', not '%s'", pattern, (int)prefix.len,
              prefix.p, expected);
}

/* A thousand routes of one header each, some values just too long to be kept beside their slot,
 * some paths and prefixes among them, and repeated headers: what a slot settles alone is what the
 * walk finds. */
Test(index, settles_one_exact_key_as_the_walk_does) {
    char *yaml = NULL;
    size_t size;
    FILE *out = open_memstream(&yaml, &size);
    cr_assert_not_null(out);
    char *mesh = hrt_mesh();
    fprintf(
        out,
        "%s\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
        "spec:\n  hosts: [reviews]\n  http:\n",
        mesh);
    free(mesh);
    for (int i = 0; i < 1000; i++) {
        static const char *const forms[] = {"headers: {x-tenant: {exact: \"%0*d\"}}",
                                            "uri: {exact: \"/%0*d\"}", "uri: {prefix: \"/%0*d\"}",
                                            "headers: {x-other: {exact: \"%0*d\"}}"};
        fputs("  - match: [{", out);
        fprintf(out, forms[i % 4], 17 + i % 7, i);
        fputs("}]\n    directResponse: {status: 200}\n", out);
    }
    fputs("  - directResponse: {status: 404}\n", out);
    fclose(out);
    hr_table *table = hrt_load(yaml);
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    free(yaml);
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    size_t found = 0;
    for (int i = 0; i < 4000; i++) {
        char value[40], path[40], other[40];
        snprintf(value, sizeof(value), "%0*u", (int)(17 + draw(7)), draw(1000));
        int n = (int)draw(1000);
        snprintf(path, sizeof(path), "/%0*d%s", 17 + n % 7, n, draw(2) ? "" : "/x");
        n = (int)draw(1000);
        snprintf(other, sizeof(other), "%0*d", 17 + n % 7, n);
        hr_pair headers[] = {{HR_STR("x-other"), hr_str_from(other)},
                             {HR_STR("X-Tenant"), hr_str_from(value)},
                             {HR_STR("x-other"), hr_str_from(value)}};
        hr_request request = {.version = HR_REQUEST_VERSION,
                              .method = HR_STR("GET"),
                              .scheme = HR_STR("http"),
                              .authority = HR_STR("reviews"),
                              .path = hr_str_from(path),
                              .headers = headers,
                              .n_headers = 1 + draw(3)};
        hr_route_mode walk = {.plain_walk = true};
        hr_decision a = HR_DECISION_INIT, b = HR_DECISION_INIT;
        cr_assert_eq(hr_route(&a, view, &request, scratch), HR_OK);
        cr_assert_eq(hr_route_by(&b, view, &request, scratch, &walk), HR_OK);
        cr_assert_eq(a.route_index, b.route_index, "%s %s %s: %d, but the walk finds %d", path,
                     value, other, a.route_index, b.route_index);
        found += a.direct_response_status == 200;
    }
    cr_assert_gt(found, 1000);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* Patterns are compiled once, when they are read: a rule whose pattern were missing there would
 * never hold. */
Test(index, every_pattern_of_a_view_is_compiled) {
    for (int round = 0; round < 20; round++) {
        char *yaml = random_rules(60);
        hr_table *table = hrt_load(yaml);
        hr_view *view;
        cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
        for (size_t v = 0; v < view->tables[0].n_vhosts; v++) {
            const hr_route_list *routes = view->tables[0].vhosts[v].routes;
            for (size_t i = 0; i < routes->n; i++) {
                const hr_view_route *route = &routes->v[i];
                cr_assert(route->path_kind != HR_SM_REGEX || route->path.matcher->regex != NULL);
                for (size_t c = 0; c < route->n_conds; c++)
                    cr_assert((route->conds[c].match == HR_SM_REGEX) ==
                              (route->conds[c].regex != NULL));
            }
        }
        hr_view_unref(view);
        hr_table_unref(table);
        free(yaml);
    }
}

Test(index, takes_a_regexs_certain_beginning) {
    prefix_is("/api/v1/.*", "/api/v1/");
    prefix_is("/api/v1", "/api/v1");
    prefix_is("/a?b", "/");
    prefix_is("/ab*", "/a");
    prefix_is("/ab+", "/ab");
    prefix_is("/a{2}", "/");
    prefix_is("/a\\.b", "/a.b");
    prefix_is("/a\\.*", "/a");
    prefix_is("/a|/b", "");
    prefix_is("/a(b|c)", "/a");
    prefix_is("/a[(|]b", "/a");
    prefix_is("/a[]|]b", "/a");
    prefix_is("/a[[:alpha:]|]|/b", "");
    prefix_is("/a[[:]|/b", "");
    prefix_is("/a[[:a]x|b", "");
    prefix_is("/aé*", "/a");
    prefix_is("/a(?i)b", "/");
    prefix_is("/a(?i)?b", "/");
    prefix_is("/a(?s)(?U)*", "/");
    prefix_is("/ab+?(?i){0}", "/a");
    prefix_is("/a\\Q|\\E", "");
    prefix_is("(?i)/a", "");
    prefix_is("^/a", "/a");
    prefix_is("^*/a", "");
    prefix_is("^/a|/b", "");
    prefix_is("a^b", "a");
    prefix_is("", "");
}
