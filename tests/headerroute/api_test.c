/* The small print of the public header: wrong arguments, errors, and what a table reports of
 * itself. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

Test(api, every_error_has_a_phrase_of_its_own) {
    for (int a = HR_OK; a >= HR_EAMBIGUOUS; a--) {
        cr_expect_gt(strlen(hr_strerror(a)), 3, "%d", a);
        for (int b = a - 1; b >= HR_EAMBIGUOUS; b--)
            cr_expect_str_neq(hr_strerror(a), hr_strerror(b));
    }
    cr_expect_not_null(hr_strerror(12345));
    cr_expect_not_null(strchr(hr_version(), '.'));
}

Test(api, wrong_arguments_are_refused) {
    hr_table *table = NULL, *good = hrt_load_file("batch.yaml");
    hr_view *view = NULL;
    hr_scratch *scratch = NULL;
    hr_decision d = HR_DECISION_INIT;
    hr_request request = {
        .version = HR_REQUEST_VERSION, .authority = HR_STR("a"), .path = HR_STR("/")};
    hr_load_options later = HR_LOAD_OPTIONS_INIT;
    hr_view_options later_view = HR_VIEW_OPTIONS_INIT;
    hr_source nothing = {0};
    later.version = later_view.version = 99;
    cr_expect_eq(hr_table_load(NULL, NULL, NULL, 0, NULL), HR_EINVAL);
    cr_expect_eq(hr_table_load(&table, NULL, NULL, 1, NULL), HR_EINVAL);
    cr_expect_eq(hr_table_load(&table, NULL, &nothing, 1, NULL), HR_EINVAL);
    cr_expect_eq(hr_table_load(&table, NULL, NULL, 0, &later), HR_EINVAL);
    cr_expect_eq(hr_table_load_paths(&table, NULL, NULL, 1, NULL), HR_EINVAL);
    cr_expect_eq(hr_view_new(NULL, good, NULL), HR_EINVAL);
    cr_expect_eq(hr_view_new(&view, NULL, NULL), HR_EINVAL);
    cr_expect_eq(hr_view_new(&view, good, &later_view), HR_EINVAL);
    cr_expect_eq(hr_scratch_new(NULL), HR_EINVAL);
    cr_assert_eq(hr_view_new(&view, good, NULL), HR_OK);
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    cr_expect_eq(hr_route(NULL, view, &request, scratch), HR_EINVAL);
    cr_expect_eq(hr_route(&d, NULL, &request, scratch), HR_EINVAL);
    cr_expect_eq(hr_route(&d, view, NULL, scratch), HR_EINVAL);
    cr_expect_eq(hr_route(&d, view, &request, NULL), HR_EINVAL);
    cr_expect_null(hr_scratch_error(NULL).p);
    cr_expect_eq(hr_view_table(view), good);
    hr_scratch_free(scratch);
    hr_scratch_free(NULL);
    hr_view_unref(view);
    hr_view_unref(NULL);
    hr_table_unref(good);
    hr_table_unref(NULL);
}

Test(api, stats_and_gateways_count_what_was_loaded) {
    hr_table *table = hrt_load_file("batch.yaml");
    hr_stats s = HR_STATS_INIT;
    hr_table_stats(&s, table);
    cr_expect(s.virtual_services == 2 && s.destination_rules == 1 && s.gateways == 2 &&
              s.services == 2);
    cr_expect(s.service_entries == 1 && s.workloads == 2 && s.bytes > 1000);
    cr_assert_eq(hr_table_gateway_count(table), 2);
    hr_gateway_info web = HR_GATEWAY_INFO_INIT, other = HR_GATEWAY_INFO_INIT,
                    none = HR_GATEWAY_INFO_INIT;
    cr_assert_eq(hr_table_gateway(&web, table, 0), HR_OK);
    cr_assert_eq(hr_table_gateway(&other, table, 1), HR_OK);
    cr_expect(web.n_ports == 2 || other.n_ports == 2);
    cr_expect_eq(hr_table_gateway(&none, table, 2), HR_ENOENT);
    hr_table_unref(table);
}

Test(api, diagnostics_of_nothing_are_none) {
    cr_expect_eq(hr_diagnostics_count(NULL), 0);
    cr_expect_eq(hr_diagnostics_errors(NULL), 0);
    cr_expect_null(hr_diagnostics_get(NULL, 0));
    hr_diagnostics_free(NULL);
    cr_expect_null(hr_str_from(NULL).p);
}

Test(api, files_that_cannot_be_read_are_reported) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/no-such-file.yaml"};
    hr_table *table;
    hr_diagnostics *d;
    char line[512];
    cr_assert_eq(hr_table_load_paths(&table, &d, paths, 1, NULL), HR_EIO);
    cr_assert_eq(hr_diagnostics_errors(d), 1);
    size_t n = hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, 0));
    cr_expect(n < sizeof(line) &&
                  strstr(line, "no-such-file.yaml: error: cannot be read: No such file") != NULL,
              "%s", line);
    cr_expect_eq(hr_diagnostic_format(line, 4, hr_diagnostics_get(d, 0)), n,
                 "the length is that of the whole");
    hr_diagnostics_free(d);
}

/* The name of each value from `first` on is not empty; the one before and the one beyond have none.
 */
#define HAS_NAMES(function, type, first, last)                                                     \
    do {                                                                                           \
        for (int value = (first); value <= (last); value++) {                                      \
            const char *name = function((type)value);                                              \
            cr_expect(name != NULL && *name != '\0', "%s(%d)", #function, value);                  \
        }                                                                                          \
        cr_expect_null(function((type)((last) + 1)), "%s", #function);                             \
        cr_expect_null(function((type)((first)-1)), "%s", #function);                              \
    } while (0)

Test(api, every_value_of_an_enum_has_a_name) {
    HAS_NAMES(hr_error_name, int, HR_EAMBIGUOUS, HR_OK);
    HAS_NAMES(hr_severity_name, hr_severity, HR_WARNING, HR_SEVERITY_ERROR);
    HAS_NAMES(hr_outbound_policy_name, hr_outbound_policy, HR_ALLOW_ANY, HR_REGISTRY_ONLY);
    HAS_NAMES(hr_repeated_headers_name, hr_repeated_headers, HR_REPEATED_JOINED, HR_REPEATED_EACH);
    HAS_NAMES(hr_path_normalization_name, hr_path_normalization, HR_PATH_NORMALIZATION_BASE,
              HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES);
    HAS_NAMES(hr_lb_name, hr_lb, HR_LB_LEAST_REQUEST, HR_LB_MAGLEV);
    HAS_NAMES(hr_cluster_kind_name, hr_cluster_kind, HR_CLUSTER_EDS, HR_CLUSTER_ORIGINAL_DST);
    HAS_NAMES(hr_upstream_protocol_name, hr_upstream_protocol, HR_UPSTREAM_HTTP1,
              HR_UPSTREAM_AS_CLIENT);
    HAS_NAMES(hr_tls_mode_name, hr_tls_mode, HR_TLS_DISABLE, HR_TLS_ISTIO_MUTUAL);
    HAS_NAMES(hr_action_name, hr_action, HR_ACTION_ROUTE, HR_ACTION_PASSTHROUGH);
    HAS_NAMES(hr_string_match_kind_name, hr_string_match_kind, HR_MATCH_EXACT, HR_MATCH_REGEX);
    HAS_NAMES(hr_hash_kind_name, hr_hash_kind, HR_HASH_HEADER, HR_HASH_QUERY_PARAMETER);
    HAS_NAMES(hr_trace_kind_name, hr_trace_kind, HR_TRACE_VIRTUAL_HOST, HR_TRACE_OMITTED);
}

Test(api, names_are_those_of_istio_and_envoy) {
    cr_expect_str_eq(hr_error_name(HR_ENOMEM), "HR_ENOMEM");
    cr_expect_str_eq(hr_lb_name(HR_LB_RING_HASH), "RING_HASH");
    cr_expect_str_eq(hr_tls_mode_name(HR_TLS_ISTIO_MUTUAL), "ISTIO_MUTUAL");
    cr_expect_str_eq(hr_cluster_kind_name(HR_CLUSTER_LOGICAL_DNS), "LOGICAL_DNS");
    cr_expect_str_eq(hr_action_name(HR_ACTION_DIRECT_RESPONSE), "direct_response");
}

Test(api, a_struct_of_an_unknown_version_is_refused) {
    hr_table *table = hrt_load_file("batch.yaml");
    hr_view *view;
    hr_scratch *scratch;
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    hr_request request = HR_REQUEST_INIT;
    request.authority = HR_STR("reviews");
    request.path = HR_STR("/");
    hr_decision decision = HR_DECISION_INIT;
    cr_assert_eq(hr_route(&decision, view, &request, scratch), HR_OK);
    cr_expect_eq(decision.version, HR_DECISION_VERSION);

    hr_decision no_decision = {.version = HR_DECISION_VERSION + 1, .source_line = 7};
    cr_expect_eq(hr_route(&no_decision, view, &request, scratch), HR_EINVAL);
    cr_expect_eq(no_decision.source_line, 7, "nothing is written to it");
    hr_upstream upstream = {.version = 0};
    cr_expect_eq(hr_upstream_request(&upstream, &decision, &request, scratch), HR_EINVAL);
    hr_stats stats = {.version = HR_STATS_VERSION + 1};
    cr_expect_eq(hr_table_stats(&stats, table), HR_EINVAL);
    hr_gateway_info gateway = {.version = 0};
    cr_expect_eq(hr_table_gateway(&gateway, table, 0), HR_EINVAL);
    hr_gateway_server server = {.version = 0};
    cr_expect_eq(hr_view_gateway_server(&server, view), HR_EINVAL);
    hr_service_info service = {.version = 0};
    cr_expect_eq(hr_table_service(&service, table, 0), HR_EINVAL);
    hr_virtual_service_info virtual_service = {.version = 0};
    cr_expect_eq(hr_table_virtual_service(&virtual_service, table, 0), HR_EINVAL);
    hr_load_options options = {.version = HR_LOAD_OPTIONS_VERSION + 1};
    hr_table *none;
    cr_expect_eq(hr_table_load(&none, NULL, NULL, 0, &options), HR_EINVAL);
    hr_pick pick = {.version = 0};
    hr_cursor cursor = {0};
    size_t chosen;
    cr_assert_neq(hr_view_cluster_count(view), 0);
    cr_expect_eq(hr_balance(&chosen, hr_view_cluster(view, 0), &cursor, &pick), HR_EINVAL);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

static bool is(hr_str s, const char *text) {
    return s.p != NULL && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

Test(api, services_and_virtual_services_are_listed) {
    hr_table *table =
        hrt_load("apiVersion: v1\nkind: Service\nmetadata: {name: shop, namespace: prod}\n"
                 "spec: {ports: [{name: http, port: 80}, {name: http-admin, port: 8080}]}\n"
                 "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
                 "metadata: {name: v, namespace: prod}\n"
                 "spec: {hosts: [shop], gateways: [mesh, front, other/back], http: [{route: "
                 "[{destination: {host: shop}}]}]}\n");
    hr_service_info service = HR_SERVICE_INFO_INIT;
    cr_assert_eq(hr_table_service_count(table), 1);
    cr_assert_eq(hr_table_service(&service, table, 0), HR_OK);
    cr_expect(is(service.host, "shop.prod.svc.cluster.local"));
    cr_assert_eq(service.n_ports, 2);
    cr_expect(service.ports[0] == 80 && service.ports[1] == 8080);
    cr_expect_eq(hr_table_service(&service, table, 1), HR_ENOENT);
    cr_expect_eq(service.n_ports, 0);

    hr_virtual_service_info v = HR_VIRTUAL_SERVICE_INFO_INIT;
    cr_assert_eq(hr_table_virtual_service_count(table), 1);
    cr_assert_eq(hr_table_virtual_service(&v, table, 0), HR_OK);
    cr_expect(is(v.name, "prod/v"));
    cr_assert(v.n_hosts == 1 && v.n_gateways == 3);
    cr_expect(is(v.hosts[0], "shop.prod.svc.cluster.local"));
    cr_expect(is(v.gateways[0], "mesh") && is(v.gateways[1], "prod/front") &&
              is(v.gateways[2], "other/back"));
    cr_expect(v.n_routes == 1 && v.routes[0] == 0);
    cr_expect_eq(hr_table_virtual_service(&v, table, 1), HR_ENOENT);
    hr_table_unref(table);
}
