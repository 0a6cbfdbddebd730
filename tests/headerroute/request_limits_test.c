/*
 * What one request may cost, whatever a client puts into it: work grows with its bytes and with the number of rules, not
 * with the product of the two, and memory with its bytes. Work is counted, not timed: basic blocks of the code that
 * handles requests (compiled with -fsanitize-coverage=trace-pc), bytes that it hands to the C library's functions on
 * memory, and bytes that a regex is matched against.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"
#include "regex.h"

/* ---- the counters ---- */

static bool counting;
static uint64_t work, regexes;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    work += counting;
}

static void count(size_t bytes) {
    work += counting ? bytes : 0;
}

/* Of the linker's --wrap. */
int __real_hr_regex_match(const hr_regex *regex, hr_str subject);
int __wrap_hr_regex_match(const hr_regex *regex, hr_str subject);
int __wrap_hr_regex_match(const hr_regex *regex, hr_str subject) {
    regexes += counting;
    count(subject.len);
    return __real_hr_regex_match(regex, subject);
}

void *__real_memchr(const void *p, int c, size_t n);
void *__wrap_memchr(const void *p, int c, size_t n);
void *__wrap_memchr(const void *p, int c, size_t n) {
    char *found = __real_memchr(p, c, n);
    count(found == NULL ? n : (size_t)(found - (const char *)p) + 1);
    return found;
}

void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n) {
    count(n);
    return __real_memcpy(to, from, n);
}

int __real_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n) {
    count(n);
    return __real_memcmp(a, b, n);
}

/* ---- rules ---- */

enum { RULES = 1000, BYTES = 57000, LINES = 90 };

/* RULES rules, each with `match` printed with its number; then one that takes every request. */
static hr_view *view_of(const char *match, hr_repeated_headers repeated) {
    char *yaml;
    size_t size;
    FILE *f = open_memstream(&yaml, &size);
    fputs("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
          "  hosts: [reviews]\n  http:\n", f);
    for (int i = 0; i < RULES; i++) {
        fputs("  - match: [{", f);
        for (const char *p = match; *p != '\0'; p++) {
            if (*p == '#')
                fprintf(f, "%d", i + 1000);
            else
                fputc(*p, f);
        }
        fputs("}]\n    route: [{destination: {host: reviews}}]\n", f);
    }
    fputs("  - route: [{destination: {host: reviews}}]\n", f);
    fputs("    headers: {request: {set: {x-set: a}}}\n---\n", f);
    char *mesh = hrt_mesh();
    fputs(mesh, f);
    free(mesh);
    fclose(f);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.repeated_headers = repeated;
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    hr_table_unref(table);
    return view;
}

/* ---- requests of BYTES bytes ---- */

static char text[BYTES];
static hr_pair headers[BYTES / 8];

/* `part` again and again. */
static hr_str filled(const char *part, size_t len) {
    for (size_t i = 0; i < len; i++)
        text[i] = part[i % strlen(part)];
    return (hr_str){text, len};
}

static hr_request with_path(hr_str path) {
    return (hr_request){.version = HR_REQUEST_VERSION, .authority = HR_STR("reviews"), .path = path};
}

/* The bytes in `lines` headers of that name. */
static hr_request with_header(const char *name, const char *part, size_t lines) {
    hr_str value = filled(part, BYTES / lines);
    for (size_t i = 0; i < lines; i++)
        headers[i] = (hr_pair){hr_str_from(name), value};
    hr_request request = with_path(HR_STR("/"));
    request.headers = headers;
    request.n_headers = lines;
    return request;
}

static hr_request with_query(const char *part) {
    hr_str path = filled(part, BYTES);
    memcpy(text, "/?", 2);
    return with_path(path);
}

static hr_request with_long_path(const char *part) {
    hr_str path = filled(part, BYTES);
    text[0] = '/';
    return with_path(path);
}

/* ---- work ---- */

static uint64_t work_of(const hr_view *view, const hr_request *request) {
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    cr_assert_eq(hr_route(&d, view, request, scratch), HR_OK);
    work = regexes = 0;
    counting = true;
    int error = hr_route(&d, view, request, scratch);
    counting = false;
    cr_assert_eq(error, HR_OK);
    cr_expect_eq(d.route_index, RULES, "rule %d takes the request", d.route_index);
    hr_scratch_free(scratch);
    return work;
}

/* A byte may be looked at some times and a rule may ask some things; nothing may be multiplied. */
static void linear(const char *name, const hr_view *view, hr_request request) {
    uint64_t most = 13 * (uint64_t)BYTES + 60 * (uint64_t)RULES, found = work_of(view, &request);
    cr_expect_leq(found, most, "%s: %llu units of work, more than %llu", name, (unsigned long long)found,
                  (unsigned long long)most);
}

Test(request_limits, counters_count) {
    hr_view *view = view_of("uri: {regex: '/.*x#'}", HR_REPEATED_JOINED);
    hr_request request = with_path(HR_STR("/abc"));
    cr_expect_gt(work_of(view, &request), 10 * RULES);
    cr_expect_eq(regexes, RULES);
    hr_view_unref(view);
}

static void repeats(hr_repeated_headers repeated) {
    hr_view *view = view_of("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", repeated);
    linear("a regex that many rules share", view, with_header("x", "v", 1));
    linear("of a header that repeats", view, with_header("x", "v", LINES));
    linear("of many short ones", view, with_header("X", "v", BYTES / 8));
    hr_view_unref(view);
    view = view_of("headers: {x: {exact: 'v#'}}", repeated);
    linear("exact values", view, with_header("x", "v", 1));
    linear("exact values, repeated", view, with_header("x", "v", LINES));
    linear("exact values, many", view, with_header("x", "v", BYTES / 8));
    hr_view_unref(view);
    view = view_of("headers: {x: {prefix: 'v'}, y: {exact: '#'}}, uri: {regex: '/[a-z]*#'}", repeated);
    linear("one prefix, repeated", view, with_header("x", "v", LINES));
    hr_view_unref(view);
    view = view_of("headers: {te: {exact: trailers}}, uri: {regex: '/[a-z]*#'}", repeated);
    linear("te", view, with_header("te", "v", BYTES / 8));
    linear("te is asked for, others come", view, with_header("tf", "v", BYTES / 8));
    hr_view_unref(view);
    view = view_of("headers: {accept: {regex: 'v.*-x'}}, uri: {prefix: '/x#'}", repeated);
    linear("a header that is joined", view, with_header("accept", "v", LINES));
    hr_view_unref(view);
}

Test(request_limits, repeated_headers_joined) {
    repeats(HR_REPEATED_JOINED);
}

Test(request_limits, repeated_headers_one_by_one) {
    repeats(HR_REPEATED_EACH);
}

/* All rules are filed under one key, which each of the values has. */
Test(request_limits, values_that_share_a_key) {
    hr_view *view = view_of("headers: {x: {regex: 'v.*[0-9]x'}}", HR_REPEATED_EACH);
    linear("one by one", view, with_header("x", "v", LINES));
    hr_view_unref(view);
}

Test(request_limits, the_query_is_read_once) {
    hr_view *view = view_of("queryParams: {p#: {exact: '1'}}", HR_REPEATED_JOINED);
    linear("many names", view, with_query("a&"));
    linear("of the length that rules ask for", view, with_query("q1234&"));
    linear("one that rules ask for", view, with_query("p1000&"));
    linear("one long value", view, with_query("v"));
    hr_view_unref(view);
    view = view_of("queryParams: {p#: {regex: '[0-9]+'}}", HR_REPEATED_JOINED);
    linear("regexes of many names", view, with_query("a&"));
    linear("regexes, one long value", view, with_query("v"));
    hr_view_unref(view);
    view = view_of("queryParams: {p: {exact: '1'}}, headers: {y: {regex: '.*#'}}", HR_REPEATED_JOINED);
    linear("one value that all rules share", view, with_query("p=1&"));
    hr_view_unref(view);
}

Test(request_limits, paths) {
    hr_view *view = view_of("uri: {regex: '/.*/x'}, headers: {y: {exact: '#'}}", HR_REPEATED_JOINED);
    linear("a regex that many rules share", view, with_long_path("v"));
    linear("to normalise", view, with_long_path("%41/../"));
    hr_view_unref(view);
    view = view_of("uri: {prefix: '/v#'}, ignoreUriCase: true", HR_REPEATED_JOINED);
    linear("without letter case", view, with_long_path("V"));
    hr_view_unref(view);
}

/* ---- memory ---- */

static size_t bytes_of(const hr_request *request) {
    size_t sum = request->path.len;
    for (size_t i = 0; i < request->n_headers; i++)
        sum += request->headers[i].name.len + request->headers[i].value.len + sizeof(hr_pair);
    return sum;
}

/* What the public header says of a scratch. */
static void little_memory(const char *name, const hr_view *view, hr_request request) {
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_request empty = with_path(HR_STR("/"));
    cr_assert_eq(hr_route(&d, view, &empty, scratch), HR_OK);
    size_t before = hr_scratch_bytes(scratch);
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(hr_route(&d, view, &request, scratch), HR_OK);
        cr_assert_eq(hr_upstream_request(&upstream, &d, &request, scratch), HR_OK);
    }
    size_t held = hr_scratch_bytes(scratch), most = before + 2 * 4 * bytes_of(&request);
    cr_expect_leq(held, most, "%s: %zu bytes, more than %zu", name, held, most);
    hr_scratch_free(scratch);
}

Test(request_limits, memory_grows_with_the_bytes_of_a_request) {
    hr_view *view = view_of("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    little_memory("one header", view, with_header("x", "v", 1));
    little_memory("92 lines of accept", view, with_header("accept", "v", 92));
    little_memory("92 lines of x-forwarded-for", view, with_header("x-forwarded-for", "v", 92));
    little_memory("92 lines that rules ask for", view, with_header("x", "v", 92));
    little_memory("many short lines of accept", view, with_header("ACCEPT", "v", BYTES / 8));
    little_memory("many short lines", view, with_header("X-Y", "v", BYTES / 8));
    little_memory("a query", view, with_query("a&"));
    little_memory("a path to normalise", view, with_long_path("%41/../<"));
    hr_view_unref(view);
}

Test(request_limits, scratches_are_trimmed) {
    hr_view *view = view_of("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    hr_request large = with_header("accept", "v", 92), small = with_path(HR_STR("/%41"));
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    size_t fresh = hr_scratch_bytes(scratch);
    cr_assert_eq(hr_route(&d, view, &small, scratch), HR_OK);
    size_t least = hr_scratch_bytes(scratch); /* with what the rules take */
    for (size_t limit = 0; limit < 64 << 10; limit = limit * 2 + 4096) {
        cr_assert_eq(hr_route(&d, view, &large, scratch), HR_OK);
        cr_assert_eq(hr_upstream_request(&upstream, &d, &large, scratch), HR_OK);
        cr_assert_gt(hr_scratch_bytes(scratch), BYTES);
        hr_scratch_trim(scratch, limit);
        cr_expect_leq(hr_scratch_bytes(scratch), limit > least ? limit : least);
        cr_assert_eq(hr_route(&d, view, &small, scratch), HR_OK);
        cr_expect_eq(d.route_index, RULES);
        cr_assert_eq(hr_upstream_request(&upstream, &d, &small, scratch), HR_OK);
        cr_expect(upstream.path.len == 2 && memcmp(upstream.path.p, "/A", 2) == 0);
    }
    cr_assert_eq(hr_route(&d, view, &large, scratch), HR_OK);
    size_t held = hr_scratch_bytes(scratch);
    hr_scratch_trim(scratch, held);
    cr_expect_eq(hr_scratch_bytes(scratch), held, "what fits is kept");
    cr_expect_geq(least, fresh);
    hr_scratch_trim(NULL, 0);
    cr_expect_eq(hr_scratch_bytes(NULL), 0);
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

/* ---- traces ---- */

typedef struct heard {
    size_t events, bytes, longest;
    char last[2 * HR_TRACE_MAX_TEXT];
} heard;

static void listen(void *ctx, const hr_trace_event *e) {
    heard *h = ctx;
    h->events++;
    h->bytes += e->field.len + e->expected.len + e->actual.len + e->detail.len;
    h->longest = e->actual.len > h->longest ? e->actual.len : h->longest;
    if (e->kind == HR_TRACE_CONDITION)
        snprintf(h->last, sizeof(h->last), "%.*s", (int)e->actual.len, e->actual.p == NULL ? "" : e->actual.p);
}

static heard explained(const hr_view *view, hr_request request) {
    heard h = {0};
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    size_t before = hr_scratch_bytes(scratch);
    cr_assert_eq(hr_explain(&d, view, &request, scratch, listen, &h), HR_OK);
    cr_expect_eq(d.route_index, RULES);
    cr_expect_leq(hr_scratch_bytes(scratch), before + 64 * RULES + 8 * bytes_of(&request));
    hr_scratch_free(scratch);
    return h;
}

Test(request_limits, values_in_a_trace_are_cut) {
    hr_view *view = view_of("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    heard h = explained(view, with_header("x", "v", LINES));
    cr_expect_leq(h.longest, HR_TRACE_MAX_TEXT + 32);
    cr_expect_leq(h.bytes, h.events * (HR_TRACE_MAX_TEXT + 128));
    char expected[2 * HR_TRACE_MAX_TEXT], beginning[HR_TRACE_MAX_TEXT];
    memset(beginning, 'v', sizeof(beginning));
    hr_view_unref(view);

    view = view_of("headers: {x: {exact: '#'}}", HR_REPEATED_JOINED);
    h = explained(view, with_header("x", "v", 1));
    snprintf(expected, sizeof(expected), "%.*s[... %d bytes]", HR_TRACE_MAX_TEXT, beginning, BYTES);
    cr_expect_str_eq(h.last, expected);
    h = explained(view, with_header("x", "vvvvv\xE2\x82\xAC", 1)); /* byte 256 is inside a character */
    cr_expect_eq(strstr(h.last, "[... 57000 bytes]") - h.last, 256);
    h = explained(view, with_header("x", "vvv\xE2\x82\xAC", 1));
    cr_expect_eq(strstr(h.last, "[... 57000 bytes]") - h.last, 255);
    hr_view_unref(view);

    view = view_of("uri: {prefix: '/x#'}", HR_REPEATED_JOINED);
    h = explained(view, with_long_path("v"));
    cr_expect_leq(h.longest, HR_TRACE_MAX_TEXT + 32);
    hr_view_unref(view);
}
