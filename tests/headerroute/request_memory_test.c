/* What memory one request may take, and how long a trace of it may be, whatever a client puts into
 * it. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"
#include "large_requests.h"

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
    hr_request empty = small_request("/");
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

Test(request_memory, memory_grows_with_the_bytes_of_a_request) {
    hr_view *view =
        large_view("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    little_memory("one header", view, large_headers("x", "v", 1));
    little_memory("92 lines of accept", view, large_headers("accept", "v", 92));
    little_memory("92 lines of x-forwarded-for", view, large_headers("x-forwarded-for", "v", 92));
    little_memory("92 lines that rules ask for", view, large_headers("x", "v", 92));
    little_memory("many short lines of accept", view, large_headers("ACCEPT", "v", BYTES / 8));
    little_memory("many short lines", view, large_headers("X-Y", "v", BYTES / 8));
    little_memory("a query", view, large_query("a&"));
    little_memory("a path to normalise", view, large_path("%41/../<"));
    hr_view_unref(view);
}

Test(request_memory, scratches_are_trimmed) {
    hr_view *view =
        large_view("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    hr_request large = large_headers("accept", "v", 92), small = small_request("/%41");
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
        snprintf(h->last, sizeof(h->last), "%.*s", (int)e->actual.len,
                 e->actual.p == NULL ? "" : e->actual.p);
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

Test(request_memory, values_in_a_trace_are_cut) {
    hr_view *view =
        large_view("headers: {x: {regex: '.*[0-9]x'}}, uri: {regex: '/.*#'}", HR_REPEATED_JOINED);
    heard h = explained(view, large_headers("x", "v", LINES));
    cr_expect_leq(h.longest, HR_TRACE_MAX_TEXT + 32);
    cr_expect_leq(h.bytes, h.events * (HR_TRACE_MAX_TEXT + 128));
    char expected[2 * HR_TRACE_MAX_TEXT], beginning[HR_TRACE_MAX_TEXT];
    memset(beginning, 'v', sizeof(beginning));
    hr_view_unref(view);

    view = large_view("headers: {x: {exact: '#'}}", HR_REPEATED_JOINED);
    h = explained(view, large_headers("x", "v", 1));
    snprintf(expected, sizeof(expected), "%.*s[... %d bytes]", HR_TRACE_MAX_TEXT, beginning, BYTES);
    cr_expect_str_eq(h.last, expected);
    h = explained(view,
                  large_headers("x", "vvvvv\xE2\x82\xAC", 1)); /* byte 256 is inside a character */
    cr_expect_eq(strstr(h.last, "[... 57000 bytes]") - h.last, 256);
    h = explained(view, large_headers("x", "vvv\xE2\x82\xAC", 1));
    cr_expect_eq(strstr(h.last, "[... 57000 bytes]") - h.last, 255);
    hr_view_unref(view);

    view = large_view("uri: {prefix: '/x#'}", HR_REPEATED_JOINED);
    h = explained(view, large_path("v"));
    cr_expect_leq(h.longest, HR_TRACE_MAX_TEXT + 32);
    hr_view_unref(view);
}
