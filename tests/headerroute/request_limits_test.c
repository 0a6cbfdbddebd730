/*
 * What work one request may cause, whatever a client puts into it: it grows with the bytes and with
 * the number of rules, not with the product of the two. Work is counted, not timed: basic blocks of
 * the code that handles requests (compiled with -fsanitize-coverage=trace-pc), bytes that it hands
 * to the C library's functions on memory, and bytes that a regex is matched against.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "large_requests.h"
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

int __real_hr_regex_run(const hr_regex *regex, hr_str subject);
int __wrap_hr_regex_run(const hr_regex *regex, hr_str subject);
int __wrap_hr_regex_run(const hr_regex *regex, hr_str subject) {
    regexes += counting;
    count(subject.len);
    return __real_hr_regex_run(regex, subject);
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
    cr_expect_leq(found, most, "%s: %llu units of work, more than %llu", name,
                  (unsigned long long)found, (unsigned long long)most);
}

Test(request_limits, counters_count) {
    hr_view *view = large_view("uri: {regex: '/.*(x#|y)'}", HR_REPEATED_JOINED);
    hr_request request = small_request("/abc");
    cr_expect_gt(work_of(view, &request), 10 * RULES);
    cr_expect_eq(regexes, RULES);
    hr_view_unref(view);
}

static void repeats(hr_repeated_headers repeated) {
    hr_view *view = large_view("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", repeated);
    linear("a regex that many rules share", view, large_headers("x", "v", 1));
    linear("of a header that repeats", view, large_headers("x", "v", LINES));
    linear("of many short ones", view, large_headers("X", "v", BYTES / 8));
    hr_view_unref(view);
    view = large_view("headers: {x: {exact: 'v#'}}", repeated);
    linear("exact values", view, large_headers("x", "v", 1));
    linear("exact values, repeated", view, large_headers("x", "v", LINES));
    linear("exact values, many", view, large_headers("x", "v", BYTES / 8));
    hr_view_unref(view);
    view = large_view("headers: {x: {prefix: 'v'}, y: {exact: '#'}}, uri: {regex: '/[a-z]*#'}",
                      repeated);
    linear("one prefix, repeated", view, large_headers("x", "v", LINES));
    hr_view_unref(view);
    view = large_view("headers: {te: {exact: trailers}}, uri: {regex: '/[a-z]*#'}", repeated);
    linear("te", view, large_headers("te", "v", BYTES / 8));
    linear("te is asked for, others come", view, large_headers("tf", "v", BYTES / 8));
    hr_view_unref(view);
    view = large_view("headers: {accept: {regex: 'v.*-x'}}, uri: {prefix: '/x#'}", repeated);
    linear("a header that is joined", view, large_headers("accept", "v", LINES));
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
    hr_view *view = large_view("headers: {x: {regex: 'v.*[0-9]x'}}", HR_REPEATED_EACH);
    linear("one by one", view, large_headers("x", "v", LINES));
    hr_view_unref(view);
}

/* NAME1000NAME1001 and so on: the text of every rule. */
static const char *all_texts(const char *name) {
    static char part[RULES * 16];
    size_t n = 0;
    for (int i = 0; i < RULES; i++)
        n += (size_t)snprintf(part + n, sizeof(part) - n, "%s%d", name, i + 1000);
    return part;
}

/* Different regexes on one subject: those are run whose texts the subject has. */
Test(request_limits, different_regexes_on_one_subject) {
    hr_view *view = large_view("headers: {x: {regex: '.*[;,]user=u#[;,].*'}}", HR_REPEATED_JOINED);
    linear("none of the texts", view, large_headers("x", "v", 1));
    cr_expect_leq(regexes, 2);
    linear("one of the texts, again and again", view, large_headers("x", "ser=u1007", 1));
    cr_expect_leq(regexes, 3);
    hr_view_unref(view);
    view = large_view("headers: {x: {regex: '^(.*?;)?(user=u#)(;.*)?$'}}", HR_REPEATED_JOINED);
    linear("none of the texts, in a group", view, large_headers("x", "v", 1));
    hr_view_unref(view);
    view = large_view("headers: {x: {regex: '.*[a-z]x#'}}", HR_REPEATED_JOINED);
    linear("all texts, which are required at the end", view, large_headers("x", all_texts("x"), 1));
    cr_expect_leq(regexes, 3);
    hr_view_unref(view);
    view = large_view("queryParams: {q: {regex: '.*-a#-.*'}}", HR_REPEATED_JOINED);
    linear("of a parameter", view, large_query("q=v"));
    hr_view_unref(view);
    view = large_view("uri: {regex: '/.*-a#-.*'}", HR_REPEATED_JOINED);
    linear("of the path", view, large_path("v"));
    hr_view_unref(view);
}

/* A client that knows the rules sends the texts of all, without a match: the limit of the scratch
 * bounds what is run. */
Test(request_limits, a_limit_of_regexes) {
    hr_view *view = large_view("headers: {x: {regex: '.*x#[a-w].*'}}", HR_REPEATED_JOINED);
    hr_request request = large_headers("x", all_texts("x"), 1);
    cr_expect_gt(work_of(view, &request), (uint64_t)RULES * BYTES);
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_scratch_limit_regexes(scratch, (size_t)10 * BYTES);
    cr_assert_eq(hr_route(&d, view, &request, scratch), HR_ELIMIT);
    work = regexes = 0;
    counting = true;
    int error = hr_route(&d, view, &request, scratch);
    counting = false;
    cr_expect_eq(error, HR_ELIMIT);
    cr_expect_eq(regexes, 10);
    cr_expect_leq(work, (uint64_t)(13 + 10) * BYTES + (uint64_t)60 * RULES);
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

Test(request_limits, the_query_is_read_once) {
    hr_view *view = large_view("queryParams: {p#: {exact: '1'}}", HR_REPEATED_JOINED);
    linear("many names", view, large_query("a&"));
    linear("of the length that rules ask for", view, large_query("q1234&"));
    linear("one that rules ask for", view, large_query("p1000&"));
    linear("one long value", view, large_query("v"));
    hr_view_unref(view);
    view = large_view("queryParams: {p#: {regex: '[0-9]+'}}", HR_REPEATED_JOINED);
    linear("regexes of many names", view, large_query("a&"));
    linear("regexes, one long value", view, large_query("v"));
    hr_view_unref(view);
    view = large_view("queryParams: {p: {exact: '1'}}, headers: {y: {regex: '.*#'}}",
                      HR_REPEATED_JOINED);
    linear("one value that all rules share", view, large_query("p=1&"));
    hr_view_unref(view);
}

Test(request_limits, paths) {
    hr_view *view =
        large_view("uri: {regex: '/.*/x'}, headers: {y: {exact: '#'}}", HR_REPEATED_JOINED);
    linear("a regex that many rules share", view, large_path("v"));
    linear("to normalise", view, large_path("%41/../"));
    hr_view_unref(view);
    view = large_view("uri: {prefix: '/v#'}, ignoreUriCase: true", HR_REPEATED_JOINED);
    linear("without letter case", view, large_path("V"));
    hr_view_unref(view);
}
