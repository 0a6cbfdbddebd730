/* What a proxy sets before it looks at routes. The values are those of Envoy 1.40.0 for the same
 * headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

#define GATEWAY                                                                                    \
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\n"                    \
    "spec: {selector: {istio: ingress}, servers: [{port: {number: 80, name: http, protocol: "      \
    "HTTP}, hosts: ['*']}]}\n"

typedef struct edge_case {
    const char *what;
    bool mesh;
    unsigned trusted;
    const char *scheme, *headers; /* lines */
    const char *wanted;           /* lines: those that begin with the names below */
} edge_case;

static const edge_case edge_cases[] = {
    {"nothing is sent", false, 0, "http", "",
     "x-forwarded-for: 192.0.2.2\nx-envoy-external-address: 192.0.2.2\nx-forwarded-proto: "
     "http\nx-request-id: fresh\n"},
    {"lines of x-forwarded-for are joined before the peer is appended", false, 0, "http",
     "x-forwarded-for: 1.1.1.1\nx-forwarded-for: 6.6.6.6\n",
     "x-forwarded-for: 1.1.1.1,6.6.6.6,192.0.2.2\nx-envoy-external-address: "
     "192.0.2.2\nx-forwarded-proto: http\n"
     "x-request-id: fresh\n"},
    {"a client is not believed", false, 0, "https",
     "X-Forwarded-For: 1.1.1.1, 2.2.2.2 , 3.3.3.3\nX-Forwarded-Proto: http\nX-Request-Id: abc\n"
     "x-forwarded-client-cert: By=x\nx-envoy-external-address: 9.9.9.9\nx-envoy-internal: true\n",
     "x-forwarded-for: 1.1.1.1, 2.2.2.2 , 3.3.3.3,192.0.2.2\nx-envoy-external-address: 192.0.2.2\n"
     "x-forwarded-proto: https\nx-request-id: fresh\n"},
    {"one proxy is", false, 1, "http",
     "x-forwarded-for: 1.1.1.1, 2.2.2.2 , 3.3.3.3\nx-forwarded-proto: https\n",
     "x-forwarded-proto: https\nx-forwarded-for: 1.1.1.1, 2.2.2.2 , 3.3.3.3,192.0.2.2\n"
     "x-envoy-external-address: 3.3.3.3\nx-request-id: fresh\n"},
    {"two are", false, 2, "http", "x-forwarded-for: 1.1.1.1\nx-forwarded-for: 6.6.6.6\n",
     "x-forwarded-for: 1.1.1.1,6.6.6.6,192.0.2.2\nx-envoy-external-address: "
     "1.1.1.1\nx-forwarded-proto: http\n"
     "x-request-id: fresh\n"},
    {"with fewer entries than proxies the peer is the client", false, 2, "http",
     "x-forwarded-for: 10.0.0.1\n",
     "x-forwarded-for: 10.0.0.1,192.0.2.2\nx-envoy-external-address: 192.0.2.2\nx-forwarded-proto: "
     "http\n"
     "x-request-id: fresh\n"},
    {"an entry that is not an address is passed over", false, 2, "http",
     "x-forwarded-for: 1.2.3.4:80, [::1]:3, ::2\n",
     "x-forwarded-for: 1.2.3.4:80, [::1]:3, ::2,192.0.2.2\nx-envoy-external-address: 192.0.2.2\n"
     "x-forwarded-proto: http\nx-request-id: fresh\n"},
    {"an IPv6 address is one", false, 1, "http",
     "x-forwarded-for: 1.2.3.4:80, [::1]:3, ::2\nx-forwarded-proto: ftp\n",
     "x-forwarded-proto: ftp\nx-forwarded-for: 1.2.3.4:80, [::1]:3, "
     "::2,192.0.2.2\nx-envoy-external-address: ::2\n"
     "x-request-id: fresh\n"},
    {"empty lines leave no comma", false, 0, "http", "x-forwarded-for:\nx-request-id:\n",
     "x-forwarded-for: 192.0.2.2\nx-envoy-external-address: 192.0.2.2\nx-forwarded-proto: "
     "http\nx-request-id: fresh\n"},
    {"controls of Envoy at the edge", false, 0, "http",
     "x-envoy-decorator-operation: 1\nx-envoy-downstream-service-cluster: "
     "1\nx-envoy-downstream-service-node: 1\n"
     "x-envoy-retry-on: 1\nx-envoy-max-retries: 1\nx-envoy-upstream-rq-timeout-ms: "
     "1\nx-envoy-original-path: 1\n"
     "x-envoy-hedge-on-per-try-timeout: 1\nx-envoy-original-url: 1\nX-Envoy-Force-Trace: "
     "1\nx-envoy-peer: 1\n",
     "x-envoy-peer: 1\nx-forwarded-for: 192.0.2.2\nx-envoy-external-address: "
     "192.0.2.2\nx-forwarded-proto: http\n"
     "x-request-id: fresh\n"},
    {"a sidecar believes its application", true, 0, "http",
     "x-forwarded-for: 1.1.1.1, 2.2.2.2\nx-forwarded-proto: https\nx-request-id: "
     "abc\nx-forwarded-client-cert: By=x\n"
     "x-envoy-external-address: 9.9.9.9\nx-envoy-internal: true\n",
     "x-forwarded-for: 1.1.1.1, 2.2.2.2\nx-forwarded-proto: https\nx-request-id: "
     "abc\nx-envoy-external-address: 9.9.9.9\n"},
    {"a sidecar adds what is missing", true, 0, "http", "x-request-id:\n",
     "x-forwarded-proto: http\nx-request-id: fresh\n"},
    {"controls of Envoy in a sidecar", true, 0, "http",
     "x-envoy-decorator-operation: 1\nx-envoy-original-host: 1\nx-envoy-retry-on: "
     "1\nx-envoy-ip-tags: 1\nx-request-id: a\n",
     "x-envoy-decorator-operation: 1\nx-envoy-original-host: 1\nx-request-id: "
     "a\nx-forwarded-proto: http\n"},
    {"te keeps trailers alone", true, 0, "http", "te: gzip, trailers\nx-request-id: a\n",
     "x-request-id: a\nte: trailers\nx-forwarded-proto: http\n"},
    {"te in two lines", true, 0, "http", "te: gzip\nTE: trailers\nx-request-id: a\n",
     "x-request-id: a\nte: trailers\nx-forwarded-proto: http\n"},
    {"te without trailers", true, 0, "http", "te: gzip\nx-request-id: a\n",
     "x-request-id: a\nx-forwarded-proto: http\n"},
    {"te with other letters", true, 0, "http", "te: Trailers\nx-request-id: a\n",
     "x-request-id: a\nx-forwarded-proto: http\n"},
    {"te with a weight", true, 0, "http", "te: trailers;q=0.5\nx-request-id: a\n",
     "x-request-id: a\nx-forwarded-proto: http\n"},
    {"an empty te", true, 0, "http", "te:\nx-request-id: a\n",
     "x-request-id: a\nte: \nx-forwarded-proto: http\n"},
};

static size_t edge_read_headers(hr_pair *out, const char *lines) {
    size_t n = 0;
    for (const char *line = lines; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *colon = strchr(line, ':'), *end = strchr(line, '\n');
        out[n].name = (hr_str){line, (size_t)(colon - line)};
        out[n++].value = hr_trim_blanks((hr_str){colon + 1, (size_t)(end - colon - 1)});
    }
    return n;
}

static void edge_write_headers(char *out, size_t size, const hr_request *request) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < request->n_headers; i++) {
        const hr_pair *h = &request->headers[i];
        len += (size_t)snprintf(out + len, size - len, "%.*s: %.*s\n", (int)h->name.len, h->name.p,
                                (int)h->value.len, h->value.p);
    }
}

static hr_view *edge_view(hr_table *table, bool mesh) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    hr_view *view;
    options.gateway = mesh ? HR_STR("mesh") : HR_STR("default/gw");
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    return view;
}

Test(edge, headers_are_those_of_envoy) {
    hr_table *table = hrt_load(GATEWAY);
    hr_view *views[] = {edge_view(table, false), edge_view(table, true)};
    for (size_t i = 0; i < sizeof(edge_cases) / sizeof(edge_cases[0]); i++) {
        const edge_case *t = &edge_cases[i];
        hr_pair headers[16];
        hr_connection connection = HR_CONNECTION_INIT;
        hr_request request = HR_REQUEST_INIT, edge;
        size_t size = 0;
        char text[2048];
        connection.peer_address = HR_STR("192.0.2.2");
        connection.trusted_proxies = t->trusted;
        connection.request_id = HR_STR("fresh");
        request.scheme = hr_str_from(t->scheme);
        request.headers = headers;
        request.n_headers = edge_read_headers(headers, t->headers);
        request.connection = &connection;
        cr_assert_eq(hr_edge_request(&edge, views[t->mesh], &request, NULL, &size), HR_ENOSPC);
        void *memory = malloc(size); /* to the byte: a tool for memory errors sees more */
        cr_assert_eq(hr_edge_request(&edge, views[t->mesh], &request, memory, &size), HR_OK);
        edge_write_headers(text, sizeof(text), &edge);
        cr_expect_str_eq(text, t->wanted, "%s:\n%s", t->what, text);
        free(memory);
    }
    hr_view_unref(views[0]);
    hr_view_unref(views[1]);
    hr_table_unref(table);
}

Test(edge, the_scheme_follows_a_trusted_proxy) {
    hr_table *table = hrt_load(GATEWAY);
    hr_view *view = edge_view(table, false);
    static const struct {
        unsigned trusted;
        const char *proto, *scheme;
    } cases[] = {
        {0, "https", "http"}, {1, "https", "https"}, {1, "HTTPS", "https"}, {1, "ftp", "http"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hr_pair header = {HR_STR("x-forwarded-proto"), hr_str_from(cases[i].proto)};
        hr_connection connection = HR_CONNECTION_INIT;
        hr_request request = HR_REQUEST_INIT, edge;
        char memory[4096];
        size_t size = sizeof(memory);
        connection.trusted_proxies = cases[i].trusted;
        request.headers = &header;
        request.n_headers = 1;
        request.connection = &connection;
        cr_assert_eq(hr_edge_request(&edge, view, &request, memory, &size), HR_OK);
        cr_expect_eq(edge.scheme.len, strlen(cases[i].scheme), "%s", cases[i].proto);
        cr_expect_eq(memcmp(edge.scheme.p, cases[i].scheme, edge.scheme.len), 0, "%s",
                     cases[i].proto);
    }
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(edge, wrong_arguments_are_refused) {
    hr_table *table = hrt_load(GATEWAY);
    hr_view *view = edge_view(table, true);
    hr_request request = HR_REQUEST_INIT, edge;
    hr_connection old = {0};
    size_t size = 0;
    cr_expect_eq(hr_edge_request(NULL, view, &request, NULL, &size), HR_EINVAL);
    cr_expect_eq(hr_edge_request(&edge, NULL, &request, NULL, &size), HR_EINVAL);
    cr_expect_eq(hr_edge_request(&edge, view, NULL, NULL, &size), HR_EINVAL);
    cr_expect_eq(hr_edge_request(&edge, view, &request, NULL, NULL), HR_EINVAL);
    request.connection = &old;
    cr_expect_eq(hr_edge_request(&edge, view, &request, NULL, &size), HR_EINVAL);
    request = (hr_request){.authority = HR_STR("a"), .path = HR_STR("/")};
    cr_expect_eq(hr_edge_request(&edge, view, &request, NULL, &size), HR_EINVAL);
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(edge, blanks_around_a_value_are_dropped) {
    static const char *const cases[][2] = {
        {"a", "a"}, {" a\t ", "a"}, {"\ta b ", "a b"}, {" \t", ""}, {"", ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hr_str got = hr_trim_blanks(hr_str_from(cases[i][0]));
        cr_expect_eq(got.len, strlen(cases[i][1]), "'%s'", cases[i][0]);
        cr_expect_eq(strncmp(got.p, cases[i][1], got.len), 0, "'%s'", cases[i][0]);
    }
    cr_expect_null(hr_trim_blanks((hr_str){0}).p);
}
