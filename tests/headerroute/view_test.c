/* Which views exist, what a view reports about its Gateway server, and the options of a view by
 * name. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness.h"
#include "view_options.h"

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
    server.protocol = hr_str_from(is(server.protocol, "HTTPS")   ? "HTTPS"
                                  : is(server.protocol, "http2") ? "http2"
                                                                 : "other");
    server.tls_mode = server.tls_mode.p == NULL
                          ? (hr_str){0}
                          : hr_str_from(is(server.tls_mode, "MUTUAL") ? "MUTUAL" : "other");
    hr_view_unref(view);
    return server;
}

Test(view, reports_a_plain_server) {
    hr_gateway_server server = server_on(8080);
    cr_expect(server.port == 8080 && is(server.protocol, "http2") && server.tls_mode.p == NULL &&
              !server.terminates_tls);
    cr_expect_eq(server.source_line, 8);
}

Test(view, reports_a_server_that_terminates_tls) {
    hr_gateway_server server = server_on(443);
    cr_expect(server.port == 443 && is(server.protocol, "HTTPS") && is(server.tls_mode, "MUTUAL") &&
              server.terminates_tls);
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

Test(view, a_name_of_two_gateways_is_ambiguous) {
    static const char text[] =
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
        "spec: {gatewayClassName: istio, listeners: [{name: a, port: 80, protocol: HTTP}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
        "spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, "
        "hosts: ['*']}]}\n";
    hr_table *table = hrt_load(text);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    hr_view *view;
    options.gateway = HR_STR("default/g");
    cr_expect_eq(hr_view_new(&view, table, &options), HR_EAMBIGUOUS);
    cr_expect_null(view);
    options.gateway = HR_STR("Gateway.gateway.networking.k8s.io/default/g");
    cr_expect_eq(hr_view_new(&view, table, &options), HR_OK);
    hr_view_unref(view);
    hr_table_unref(table);
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

/* ---- options by name ---- */

static bool has_flag(const char *option) {
    for (size_t i = 0; i < CLI_VIEW_FLAGS; i++)
        if (strcmp(cli_view_flags[i].option, option) == 0)
            return true;
    return false;
}

Test(view_options, each_has_a_flag) {
    size_t n = 0;
    for (; hr_view_option_name(n) != NULL; n++)
        cr_assert(has_flag(hr_view_option_name(n)), "%s", hr_view_option_name(n));
    cr_assert_eq(n + 1, CLI_VIEW_FLAGS); /* source_labels is set from pairs, not from text */
}

Test(view_options, are_set_from_text) {
    hr_view_options o = HR_VIEW_OPTIONS_INIT;
    cr_assert_eq(hr_view_options_set(&o, HR_STR("gateway"), HR_STR("front/edge"), NULL), HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("port"), HR_STR("65535"), NULL), HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("namespace"), HR_STR("shop"), NULL), HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("locality"), HR_STR("a/b/c"), NULL), HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("outbound_policy"), HR_STR("registry-only"), NULL),
                 HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("repeated_headers"), HR_STR("each"), NULL), HR_OK);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("path_normalization"), HR_STR("none"), NULL),
                 HR_OK);
    cr_assert(is(o.gateway, "front/edge") && is(o.namespace_, "shop") && is(o.locality, "a/b/c"));
    cr_assert_eq(o.port, 65535);
    cr_assert_eq(o.outbound_policy, HR_REGISTRY_ONLY);
    cr_assert_eq(o.repeated_headers, HR_REPEATED_EACH);
    cr_assert_eq(o.path_normalization, HR_PATH_NORMALIZATION_NONE);
}

Test(view_options, are_read_back_as_they_were_set) {
    static const char *const values[][2] = {{"gateway", "front/edge"},
                                            {"port", "65535"},
                                            {"namespace", "shop"},
                                            {"locality", "a/b/c"},
                                            {"outbound_policy", "registry-only"},
                                            {"repeated_headers", "each"},
                                            {"path_normalization", "merge-slashes"}};
    char number[HR_VIEW_OPTION_NUMBER];
    hr_view_options o = HR_VIEW_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        hr_str name = hr_str_from(values[i][0]);
        cr_assert_str_eq(values[i][0], hr_view_option_name(i));
        cr_assert_null(hr_view_options_get(&o, name, number).p, "%s", values[i][0]);
        cr_assert_eq(hr_view_options_set(&o, name, hr_str_from(values[i][1]), NULL), HR_OK);
        cr_assert(is(hr_view_options_get(&o, name, number), values[i][1]), "%s", values[i][0]);
    }
    cr_assert_null(hr_view_option_name(sizeof(values) / sizeof(values[0])));
    o.version = 1;
    cr_assert_null(hr_view_options_get(&o, HR_STR("locality"), number).p);
    cr_assert_null(hr_view_options_get(&o, HR_STR("ports"), number).p);
    cr_assert_null(hr_view_options_get(NULL, HR_STR("port"), number).p);
}

Test(view_options, a_value_that_is_not_allowed_changes_nothing) {
    static const char *const wrong[][2] = {{"gateway", "edge"},
                                           {"gateway", ""},
                                           {"port", "0"},
                                           {"port", "65536"},
                                           {"port", "4294967376"},
                                           {"port", "80x"},
                                           {"port", ""},
                                           {"namespace", ""},
                                           {"locality", ""},
                                           {"outbound_policy", "deny"},
                                           {"outbound_policy", ""},
                                           {"repeated_headers", "EACH"},
                                           {"path_normalization", "merge"}};
    hr_view_options defaults = HR_VIEW_OPTIONS_INIT, o = defaults;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *expected = NULL;
        int code =
            hr_view_options_set(&o, hr_str_from(wrong[i][0]), hr_str_from(wrong[i][1]), &expected);
        cr_assert_eq(code, HR_EINVAL, "%s=%s", wrong[i][0], wrong[i][1]);
        cr_assert_not_null(expected);
        cr_assert_eq(memcmp(&o, &defaults, sizeof(o)), 0, "%s=%s", wrong[i][0], wrong[i][1]);
    }
    cr_assert_eq(hr_view_options_set(&o, HR_STR("namespace"), (hr_str){"a\0b", 3}, NULL),
                 HR_EINVAL);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("ports"), HR_STR("80"), NULL), HR_ENOENT);
    cr_assert_eq(hr_view_options_set(NULL, HR_STR("port"), HR_STR("80"), NULL), HR_EINVAL);
}

Test(view_options, of_a_later_version_are_not_set) {
    hr_view_options o = {.version = 1};
    cr_assert_eq(hr_view_options_set(&o, HR_STR("locality"), HR_STR("a"), NULL), HR_ENOENT);
    cr_assert_eq(hr_view_options_set(&o, HR_STR("port"), HR_STR("80"), NULL), HR_OK);
}
