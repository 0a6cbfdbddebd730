/* Which views there are, and what a view reports about the Gateway server it was made for. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness.h"

static int open_view(hr_view **view, const char *gateway, uint16_t port) {
    hr_table *table = hrt_load_file("gateway-servers.yaml");
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.gateway = hr_str_from(gateway);
    options.port = port;
    int code = hr_view_new(view, table, &options);
    hr_table_unref(table);
    return code;
}

static bool is(hr_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool ends_in(hr_str s, const char *text) {
    size_t n = strlen(text);
    return s.len > n && memcmp(s.p + s.len - n, text, n) == 0;
}

static hr_gateway_server server_on(uint16_t port) {
    hr_gateway_server server = HR_GATEWAY_SERVER_INIT;
    hr_view *view;
    cr_assert_eq(open_view(&view, "front/edge", port), HR_OK);
    cr_assert_eq(hr_view_gateway_server(&server, view), HR_OK);
    /* Its strings are the view's; what is compared here stays with the caller. */
    cr_expect(ends_in(server.source_file, "/gateway-servers.yaml"));
    server.protocol = hr_str_from(is(server.protocol, "HTTPS") ? "HTTPS" : is(server.protocol, "http2") ? "http2" : "other");
    server.tls_mode = server.tls_mode.p == NULL ? (hr_str){0} : hr_str_from(is(server.tls_mode, "MUTUAL") ? "MUTUAL" : "other");
    hr_view_unref(view);
    return server;
}

Test(view, reports_a_plain_server) {
    hr_gateway_server server = server_on(8080);
    cr_expect(server.port == 8080 && is(server.protocol, "http2") && server.tls_mode.p == NULL && !server.terminates_tls);
    cr_expect_eq(server.source_line, 8);
}

Test(view, reports_a_server_that_terminates_tls) {
    hr_gateway_server server = server_on(443);
    cr_expect(server.port == 443 && is(server.protocol, "HTTPS") && is(server.tls_mode, "MUTUAL") && server.terminates_tls);
    cr_expect_eq(server.source_line, 10);
}

Test(view, port_0_is_the_first_server_that_speaks_http) {
    cr_expect_eq(server_on(0).port, 8080);
}

Test(view, no_http_server_on_a_port_that_passes_through_or_is_tcp_or_absent) {
    static const uint16_t ports[] = {8443, 9000, 80};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        hr_view *view;
        cr_expect_eq(open_view(&view, "front/edge", ports[i]), HR_ENOENT);
        cr_expect_null(view);
    }
}

Test(view, a_gateway_that_is_not_loaded_has_none) {
    static const char *const names[] = {"front/none", "edge", "other/edge"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        hr_view *view;
        cr_expect_eq(open_view(&view, names[i], 0), HR_ENOENT, "%s", names[i]);
        cr_expect_null(view);
    }
}

Test(view, the_view_of_the_mesh_has_no_server) {
    hr_gateway_server server = HR_GATEWAY_SERVER_INIT;
    hr_view *view;
    cr_assert_eq(open_view(&view, "mesh", 80), HR_OK);
    cr_expect_eq(hr_view_gateway_server(&server, view), HR_ENOENT);
    cr_expect_eq(hr_view_gateway_server(NULL, view), HR_EINVAL);
    cr_expect_eq(hr_view_gateway_server(&server, NULL), HR_EINVAL);
    hr_view_unref(view);
}
