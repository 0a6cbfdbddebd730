/* Header values with formatter commands. The values are those of Envoy 1.40.0 for the same facts.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

static const hr_pair format_facts[] = {
    {{"HOSTNAME", 8}, {"gw-1", 4}},
    {{"DOWNSTREAM_TLS_VERSION", 22}, {"TLSv1.3", 7}},
    {{"ENVIRONMENT(POD)", 16}, {"pod-7", 5}},
    {{"UPSTREAM_LOCAL_ADDRESS", 22}, {"10.0.0.9:4711", 13}},
};

static const hr_pair format_headers[] = {
    {{"x-a", 3}, {"abcdef", 6}},
    {{"X-B", 3}, {"bb", 2}},
    {{"x-request-id", 12}, {"id-1", 4}},
};

/* A value, and what a request's and a response's header is; NULL: the header is not set. */
typedef struct format_case {
    const char *format, *request, *response;
} format_case;

static const format_case format_cases[] = {
    {"%REQ(x-a?x-b)%", "abcdef", "abcdef"},
    {"%REQ(nope?x-b)%", "bb", "bb"},
    {"[%REQ(nope)%]", "[]", "[]"},
    {"%REQ(nope)%", NULL, NULL},
    {"100%%", "100%", "100%"},
    {"%REQ(:method)% %REQ(:scheme)% %REQ(:authority)% %REQ(host)%", "GET http reviews reviews",
     "GET http reviews reviews"},
    {"%REQ(:path)%", "/old/x?a=1%20b&a=2", "/new/x?a=1%20b&a=2"}, /* after the rewrite */
    {"%RESP(x-up)%", NULL, "u"},
    {"%RESP(:status)%", NULL, "201"},
    {"%TRAILER(a)%", NULL, NULL},
    {"%REQ(x-set)%", NULL, "by the route"},
    {"%STREAM_INFO_REQ(x-a)%", "abcdef", "abcdef"},
    {"%QUERY_PARAM(a)%", "1 b", "1 b"},
    {"%QUERY_PARAM(b)%", NULL, NULL},
    {"%QUERY_PARAMS%", "a=1%20b&a=2", "a=1%20b&a=2"},
    {"%QUERY_PARAMS(DECODED)%", "a=1 b&a=2", "a=1 b&a=2"},
    {"%PATH(NQ)%", "/old/x", "/new/x"},
    {"%PATH(WQ:PATH)%", "/old/x?a=1%20b&a=2", "/new/x?a=1%20b&a=2"},
    {"%PROTOCOL%", "HTTP/1.1", "HTTP/1.1"},
    {"%RESPONSE_CODE%", "0", "201"},
    {"%RESPONSE_CODE_DETAILS%", NULL, "via_upstream"},
    {"%RESPONSE_FLAGS%", "-", "-"},
    {"%UPSTREAM_HOST%", NULL, "10.1.0.1:8080"},
    {"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", " ", "10.1.0.1 8080"},
    {"%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%", "10.0.0.9 4711",
     "10.0.0.9 4711"},
    {"%UPSTREAM_CLUSTER%", "outbound|80|v1|reviews.default.svc.cluster.local",
     "outbound|80|v1|reviews.default.svc.cluster.local"},
    {"%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "1", "2"},
    {"%ROUTE_NAME%", "rt", "rt"},
    {"%DOWNSTREAM_REMOTE_ADDRESS%", "192.0.2.2:58815", "192.0.2.2:58815"},
    {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "192.0.2.2", "192.0.2.2"},
    {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%", "192.0.0.0/16", "192.0.0.0/16"},
    {"%DOWNSTREAM_REMOTE_PORT%", "58815", "58815"},
    {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "192.0.2.2", "192.0.2.2"},
    {"%DOWNSTREAM_LOCAL_ADDRESS%", "[2001:db8::1]:80", "[2001:db8::1]:80"},
    {"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "2001:db8::1", "2001:db8::1"},
    {"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(17)%", "2001::/17", "2001::/17"},
    {"%DOWNSTREAM_DIRECT_LOCAL_PORT%", "80", "80"},
    {"%DURATION%", "0", "7"},
    {"%START_TIME%", "2026-11-30T20:25:09.659Z", "2026-11-30T20:25:09.659Z"},
    {"%EMIT_TIME%", "2026-11-30T20:25:09.659Z", "2026-11-30T20:25:09.666Z"},
    {"%START_TIME_LOCAL%", "2026-11-30T20:25:09.659+0000", "2026-11-30T20:25:09.659+0000"},
    {"%START_TIME(%s)%", "1796070309", "1796070309"},
    {"%START_TIME(%s.%3f)%", "1796070309.659", "1796070309.659"},
    {"%START_TIME(%Y/%m/%d %H:%M:%S.%f %3f %9f %1f)%",
     "2026/11/30 20:25:09.659379000 659 659379000 6",
     "2026/11/30 20:25:09.659379000 659 659379000 6"},
    {"%START_TIME(%3s %6s)%", "1796070309 1796070309", "1796070309 1796070309"},
    {"%START_TIME(%E4Y %E3S %Ez %Z %a %%)%", "2026 09.659 +00:00 UTC Mon %",
     "2026 09.659 +00:00 UTC Mon %"},
    {"%START_TIME(%Q%L)%", "%Q%L", "%Q%L"},
    {"%START_TIME(%E*f|%E2f|%k|%e|%j|%U|%G|%V|%P|%p|%I|%l|%D|%T|%R|%c|%x|%X)%",
     "659379|65|20|30|334|48|2026|49|pm|PM|08| 8|11/30/26|20:25:09|20:25|Mon Nov 30 20:25:09 "
     "2026|11/30/26|20:25:09",
     "659379|65|20|30|334|48|2026|49|pm|PM|08| 8|11/30/26|20:25:09|20:25|Mon Nov 30 20:25:09 "
     "2026|11/30/26|20:25:09"},
    {"%START_TIME(%f%%f%%%f)%", "659379000%659379000%659379000", "659379000%659379000%659379000"},
    {"%HOSTNAME%", "gw-1", "gw-1"},
    {"%DOWNSTREAM_TLS_VERSION%", "TLSv1.3", "TLSv1.3"},
    {"%DOWNSTREAM_TLS_CIPHER%", NULL, NULL},
    {"%DOWNSTREAM_PEER_SUBJECT%", NULL, NULL},
    {"%REQUESTED_SERVER_NAME%", NULL, NULL},
    {"%REQUESTED_SERVER_NAME(SNI_FIRST)%", "reviews", "reviews"},
    {"%ENVIRONMENT(POD)%", "pod-7", "pod-7"},
    {"%ENVIRONMENT(NONE)%", "-", "-"},
    {"%VIRTUAL_CLUSTER_NAME%", NULL, NULL},
    {"%BYTES_RECEIVED%", "0", "0"},
    {"%CONNECTION_ID%", "0", "0"},
    {"%STREAM_ID%", "id-1", "id-1"},
    {"%ACCESS_LOG_TYPE%", "NotSet", "NotSet"},
    {"%RESPONSE_HEADERS_BYTES%", "0", "15"},
    {"%REQ(x%y)%", NULL, NULL},
    {"%REQ(X-A)%abc%RESP(y?x-up)%", "abcdefabc", "abcdefabcu"},
};
#define N_FORMAT_CASES (sizeof(format_cases) / sizeof(format_cases[0]))

/* A header f for every case, in both directions. */
static hr_table *format_table(size_t i) {
    char yaml[8192];
    char *mesh = hrt_mesh();
    const char *f = format_cases[i].format;
    snprintf(
        yaml, sizeof(yaml),
        "%s---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
        "spec:\n  hosts: [reviews]\n  http:\n"
        "  - name: rt\n    match: [{uri: {prefix: /old}}]\n    rewrite: {uri: /new}\n"
        "    route: [{destination: {host: reviews, subset: v1}}]\n"
        "    headers: {request: {set: {f: '%s', x-set: by the route}}, response: {set: {f: "
        "'%s'}}}\n",
        mesh, f, f);
    free(mesh);
    return hrt_load(yaml);
}

static void format_expect(const char *format, const char *what, const hr_pair *v, size_t n,
                          const char *wanted) {
    hr_str got = {0};
    for (size_t i = 0; i < n; i++)
        if (v[i].name.len == 1 && v[i].name.p[0] == 'f')
            got = v[i].value;
    bool same = wanted == NULL ? got.p == NULL
                               : got.p != NULL && got.len == strlen(wanted) &&
                                     memcmp(got.p, wanted, got.len) == 0;
    cr_expect(same, "%s of a %s: '%.*s', expected '%s'", format, what, (int)got.len,
              got.p == NULL ? "" : got.p, wanted == NULL ? "nothing" : wanted);
}

static void format_check(size_t i, hr_scratch *scratch) {
    hr_table *table = format_table(i);
    hr_view *view;
    hr_decision d = HR_DECISION_INIT;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    const hr_pair *headers, up = {HR_STR("x-up"), HR_STR("u")};
    size_t n;
    hr_connection connection = HR_CONNECTION_INIT;
    hr_request request = HR_REQUEST_INIT;
    hr_response response = HR_RESPONSE_INIT;
    connection.peer_address = HR_STR("192.0.2.2");
    connection.peer_port = 58815;
    connection.local_address = HR_STR("2001:db8::1");
    connection.local_port = 80;
    connection.start_time_us = 1796070309659379;
    connection.facts = format_facts;
    connection.n_facts = sizeof(format_facts) / sizeof(format_facts[0]);
    request.authority = HR_STR("reviews");
    request.path = HR_STR("/old/x?a=1%20b&a=2");
    request.headers = format_headers;
    request.n_headers = sizeof(format_headers) / sizeof(format_headers[0]);
    request.connection = &connection;
    response.status = 201;
    response.headers = &up;
    response.n_headers = 1;
    response.upstream_address = HR_STR("10.1.0.1:8080");
    response.details = HR_STR("via_upstream");
    response.attempts = 2;
    response.time_us = 1796070309666400;
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    cr_assert_eq(hr_route(&d, view, &request, scratch), HR_OK);
    cr_assert_eq(hr_upstream_request(&upstream, &d, &request, scratch), HR_OK);
    format_expect(format_cases[i].format, "request", upstream.headers, upstream.n_headers,
                  format_cases[i].request);
    cr_assert_eq(hr_response_headers(&headers, &n, &d, &request, &response, scratch), HR_OK);
    format_expect(format_cases[i].format, "response", headers, n, format_cases[i].response);
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(format, values_are_those_of_envoy) {
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (size_t i = 0; i < N_FORMAT_CASES; i++)
        format_check(i, scratch);
    hr_scratch_free(scratch);
}

#define FORMAT_VS(value)                                                                           \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"        \
    "spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}}], "                   \
    "headers: {response: {add: {f: '" value "'}}}}]}\n"

static void format_refused(const char *yaml, const char *fragment) {
    hr_table *table;
    hr_diagnostics *d;
    char line[512] = "";
    hr_source source = {.name = "test.yaml", .text = hr_str_from(yaml)};
    cr_assert_eq(hr_table_load(&table, &d, &source, 1, NULL), HR_ECONFIG, "accepted: %s", yaml);
    cr_assert_eq(hr_diagnostics_errors(d), 1);
    hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, 0));
    cr_expect(strstr(line, fragment) != NULL, "no '%s' in %s", fragment, line);
    hr_diagnostics_free(d);
}

/* What Envoy 1.40.0 refuses with --mode validate. */
Test(format, what_envoy_refuses_is_an_error) {
    format_refused(FORMAT_VS("%REQ(x):3%"), "lacks a '%' after"); /* so does Istio */
    format_refused(FORMAT_VS("%INVALID%"), "\"%INVALID%\" is not a command that Envoy has");
    format_refused(FORMAT_VS("%req(x)%"), "is not a command such as %REQ(NAME)%");
    format_refused(FORMAT_VS("%REQ%"), "needs an argument");
    format_refused(FORMAT_VS("%REQ(x?y?z)%"), "more than one alternative header");
    format_refused(FORMAT_VS("%REQ(a b)%"), "characters that header names do not have");
    format_refused(FORMAT_VS("%PROTOCOL(x)%"), "takes no argument");
    format_refused(FORMAT_VS("%START_TIME(%n)%"), "line break");
    format_refused(FORMAT_VS("%START_TIME(%-n)%"), "line break");
    format_refused(FORMAT_VS("%EMIT_TIME(%En)%"), "line break");
    format_refused(FORMAT_VS("%COMMON_DURATION(a)%"), "two points in time");
    format_refused(FORMAT_VS("%COMMON_DURATION(a:b:s)%"), "ms, us or ns");
    format_refused(FORMAT_VS("%REQUESTED_SERVER_NAME(a)%"), "SNI_ONLY");
    format_refused(FORMAT_VS("%PATH(NQ:X)%"), "ORIG_OR_PATH");
    format_refused(FORMAT_VS("%QUERY_PARAMS(a)%"), "ORIG or DECODED");
    format_refused(FORMAT_VS("%GRPC_STATUS(a)%"), "CAMEL_STRING");
    format_refused(FORMAT_VS("%FILTER_STATE(a:X)%"), "PLAIN");
    format_refused(FORMAT_VS("%METADATA(A:b)%"), "metadata that Envoy does not have");
}

/* Authority and Host are no format strings. */
Test(format, an_authority_is_literal) {
    hr_table *table =
        hrt_load("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"
                 "spec: {hosts: [a.b], http: [{route: [{destination: {host: a.b}}], "
                 "headers: {request: {set: {Host: '%INVALID%'}}}}]}\n");
    hr_table_unref(table);
}
