/* What surprises users of Istio, one test a surprise. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "harness.h"

#define VS(spec)                                                                                   \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: VirtualService\n"                                                                       \
    "metadata: {name: vs}\n"                                                                       \
    "spec: " spec "\n"
#define VS2(name, time, spec)                                                                      \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: VirtualService\n"                                                                       \
    "metadata: {name: " name ", creationTimestamp: \"" time "\"}\n"                                \
    "spec: " spec "\n"
#define GATEWAY(hosts)                                                                             \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: Gateway\n"                                                                              \
    "metadata: {name: gw}\n"                                                                       \
    "spec: {selector: {istio: ingress}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [" hosts   \
    "]}]}\n"
#define TO(subset) "route: [{destination: {host: reviews, subset: " subset "}}]"
#define TO_GW(subset) "route: [{destination: {host: reviews, subset: " subset ", port: {number: 80}}}]"
#define GET(path) "{\"authority\":\"reviews\",\"path\":\"" path "\"}"
#define WITH(headers) "{\"authority\":\"reviews\",\"path\":\"/\",\"headers\":[" headers "]}"
#define SUBSET(s) "{\"action\":\"route\",\"destination\":{\"subset\":\"" s "\"}}"
#define NO_ROUTE "{\"action\":\"no_route\",\"local_reply\":{\"status\":404,\"flag\":\"NR\",\"body\":\"\"}}"

Test(surprises, row_01_a_missing_header_never_matches_a_regex) {
    cr_expect_not(hrt_matches("{headers: {x: {regex: '.*'}}}", GET("/")));
    cr_expect(hrt_matches("{headers: {x: {regex: '.*'}}}", WITH("[\"x\",\"\"]")));
}

Test(surprises, row_02_without_headers_takes_a_missing_header_for_empty) {
    cr_expect_not(hrt_matches("{withoutHeaders: {x: {regex: '.*'}}}", GET("/")));
}

Test(surprises, row_03_without_headers_exact_matches_where_the_header_is_missing) {
    cr_expect(hrt_matches("{withoutHeaders: {x: {exact: jason}}}", GET("/")));
    cr_expect_not(hrt_matches("{withoutHeaders: {x: {exact: jason}}}", WITH("[\"x\",\"jason\"]")));
    cr_expect_not(hrt_matches("{withoutHeaders: {x: {exact: ''}}}", GET("/")));
}

Test(surprises, row_04_presence_holds_for_an_empty_header) {
    cr_expect(hrt_matches("{headers: {x: {}}}", WITH("[\"x\",\"\"]")));
    cr_expect_not(hrt_matches("{headers: {x: {}}}", GET("/")));
}

Test(surprises, row_05_regex_star_is_refused_outside_of_without_headers) {
    hrt_refused(VS("{hosts: [reviews], http: [{match: [{headers: {x: {regex: '*'}}}], " TO("v1") "}]}"), "regex");
    cr_expect(hrt_matches("{withoutHeaders: {x: {regex: '*'}}}", GET("/")));
    cr_expect_not(hrt_matches("{withoutHeaders: {x: {regex: '*'}}}", WITH("[\"x\",\"1\"]")));
}

Test(surprises, row_06_repeated_headers_are_joined) {
    cr_expect_not(hrt_matches("{headers: {x: {exact: a}}}", WITH("[\"x\",\"a\"],[\"x\",\"b\"]")));
    cr_expect(hrt_matches("{headers: {x: {exact: 'a,b'}}}", WITH("[\"x\",\"a\"],[\"X\",\"b\"]")));
}

Test(surprises, row_06_repeated_headers_one_by_one_where_the_view_says_so) {
    const char *line = "{\"authority\":\"reviews\",\"path\":\"/\",\"headers\":[[\"x\",\"a\"],[\"x\",\"b\"]],"
                       "\"repeated_headers\":\"each\"}";
    cr_expect(hrt_matches("{headers: {x: {exact: b}}}", line));
    cr_expect_not(hrt_matches("{headers: {x: {exact: 'a,b'}}}", line));
    cr_expect_not(hrt_matches("{withoutHeaders: {x: {exact: b}}}", line));
    cr_expect(hrt_matches("{withoutHeaders: {x: {exact: c}}}", line));
}

Test(surprises, row_07_a_regex_matches_the_whole_value) {
    cr_expect_not(hrt_matches("{headers: {x: {regex: 'a|b'}}}", WITH("[\"x\",\"ab\"]")));
    cr_expect(hrt_matches("{headers: {x: {regex: 'a|b'}}}", WITH("[\"x\",\"b\"]")));
}

Test(surprises, row_08_header_names_have_no_letter_case) {
    cr_expect(hrt_matches("{headers: {X-Foo: {exact: a}}}", WITH("[\"x-foo\",\"a\"]")));
    cr_expect(hrt_matches("{headers: {x-foo: {exact: a}}}", WITH("[\"X-FOO\",\"a\"]")));
}

Test(surprises, row_09_a_prefix_knows_no_segments) {
    cr_expect(hrt_matches("{uri: {prefix: /foo}}", GET("/foobar")));
}

Test(surprises, row_10_the_query_is_no_part_of_the_path) {
    cr_expect(hrt_matches("{uri: {exact: /foo}}", GET("/foo?a=1")));
    cr_expect_not(hrt_matches("{uri: {exact: /foo}}", GET("/foo/")));
}

Test(surprises, row_11_a_regex_with_a_query_never_matches) {
    cr_expect_not(hrt_matches("{uri: {regex: '/foo\\?a=.*'}}", GET("/foo?a=1")));
}

Test(surprises, row_12_paths_are_normalised) {
    cr_expect(hrt_matches("{uri: {exact: /b}}", GET("/a/../b")));
}

Test(surprises, row_13_slashes_are_not_merged) {
    cr_expect_not(hrt_matches("{uri: {prefix: /a/b}}", GET("/a//b")));
}

Test(surprises, row_14_a_regex_keeps_letter_case) {
    cr_expect_not(hrt_matches("{ignoreUriCase: true, uri: {regex: /foo}}", GET("/FOO")));
    cr_expect(hrt_matches("{ignoreUriCase: true, uri: {exact: /foo}}", GET("/FOO")));
    cr_expect(hrt_matches("{ignoreUriCase: true, uri: {prefix: /foo}}", GET("/FOObar")));
}

Test(surprises, row_15_a_fragment_is_cut_off) {
    cr_expect(hrt_matches("{uri: {exact: /a}}", GET("/a#x")));
}

Test(surprises, row_16_query_values_are_not_decoded) {
    cr_expect_not(hrt_matches("{queryParams: {k: {exact: 'a b'}}}", GET("/?k=a%20b")));
    cr_expect(hrt_matches("{queryParams: {k: {exact: 'a%20b'}}}", GET("/?k=a%20b")));
}

Test(surprises, row_17_the_port_counts_in_an_authority_match_alone) {
    const char *line = "{\"authority\":\"foo.com:8080\",\"path\":\"/\",\"port\":80}";
    cr_expect_not(hrt_matches("{authority: {exact: foo.com}}", line));
    cr_expect(hrt_matches("{authority: {exact: 'foo.com:8080'}}", line));
}

Test(surprises, row_18_a_wildcard_needs_a_character) {
    const char *yaml = GATEWAY("'*'") VS2("vs", "2024-01-01T00:00:00Z",
                                          "{hosts: ['*.foo.com'], gateways: [gw], http: [{" TO_GW("v1") "}]}");
    hrt_expect_in_mesh(yaml, "{\"authority\":\"foo.com\",\"path\":\"/\",\"gateway\":\"default/gw\"}", NO_ROUTE);
    hrt_expect_in_mesh(yaml, "{\"authority\":\"a.b.foo.com\",\"path\":\"/\",\"gateway\":\"default/gw\"}", SUBSET("v1"));
}

#define TWO_ON_GATEWAY                                                                             \
    VS2("all", "2024-01-01T00:00:00Z", "{hosts: ['*.foo.com'], gateways: [gw], http: [{" TO_GW("v1") "}]}")           \
    VS2("one", "2024-01-02T00:00:00Z",                                                             \
        "{hosts: [a.foo.com], gateways: [gw], http: [{match: [{uri: {prefix: /x}}], " TO_GW("v2") "}]}")

Test(surprises, row_19_virtual_hosts_do_not_fall_back) {
    const char *line = "{\"authority\":\"a.foo.com\",\"path\":\"/y\",\"gateway\":\"default/gw\"}";
    hrt_expect_in_mesh(GATEWAY("'*.foo.com'") TWO_ON_GATEWAY, line, NO_ROUTE);
    hrt_expect_in_mesh(GATEWAY("'*'") TWO_ON_GATEWAY, line, NO_ROUTE);
    hrt_expect_in_mesh(GATEWAY("a.foo.com") TWO_ON_GATEWAY, line, SUBSET("v1"));
}

#define SAME_HOST(gateways)                                                                        \
    VS2("older", "2024-01-01T00:00:00Z",                                                           \
        "{hosts: [reviews.default.svc.cluster.local], gateways: [" gateways                        \
        "], http: [{match: [{uri: {prefix: /a}}], " TO_GW("v1") "}]}")                             \
    VS2("newer", "2024-01-02T00:00:00Z",                                                           \
        "{hosts: [reviews.default.svc.cluster.local], gateways: [" gateways                        \
        "], http: [{match: [{uri: {prefix: /b}}], " TO_GW("v2") "}]}")

Test(surprises, row_20_in_the_mesh_the_older_virtual_service_has_the_host_alone) {
    hrt_expect_in_mesh(SAME_HOST("mesh"), GET("/a"), SUBSET("v1"));
    hrt_expect_in_mesh(SAME_HOST("mesh"), GET("/b"), NO_ROUTE);
}

Test(surprises, row_21_at_a_gateway_both_have_it) {
    hrt_expect_in_mesh(
        GATEWAY("'*'") SAME_HOST("gw"),
        "{\"authority\":\"reviews.default.svc.cluster.local\",\"path\":\"/b\",\"gateway\":\"default/gw\"}", SUBSET("v2"));
}

Test(surprises, row_22_private_before_public) {
    const char *yaml = VS2("public", "2024-01-01T00:00:00Z", "{hosts: [reviews], http: [{" TO("v1") "}]}")
        VS2("private", "2024-01-02T00:00:00Z", "{hosts: [reviews], exportTo: ['.'], http: [{" TO("v2") "}]}");
    hrt_expect_in_mesh(yaml, GET("/"), SUBSET("v2"));
}

Test(surprises, row_23_rules_for_other_ports_leave_the_default_route) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{match: [{port: 8080}], " TO("v1") "}]}"), GET("/"),
                       "{\"action\":\"route\",\"virtual_service\":null,"
                       "\"cluster\":\"outbound|80||reviews.default.svc.cluster.local\"}");
}

Test(surprises, row_24_rules_that_do_not_match_give_404) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{match: [{headers: {x: {exact: a}}}], " TO("v1") "}]}"), GET("/"),
                       NO_ROUTE);
}

Test(surprises, row_25_a_port_match_becomes_a_catch_all) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{match: [{port: 80}], " TO("v1")
                          "}, {match: [{headers: {x: {exact: a}}}], " TO("v2") "}]}"),
                       WITH("[\"x\",\"a\"]"), SUBSET("v1"));
}

Test(surprises, row_26_gateways_switch_source_labels_off) {
    const char *line = "{\"authority\":\"reviews\",\"path\":\"/\",\"source_labels\":{\"app\":\"b\"}}";
    cr_expect(hrt_matches("{gateways: [mesh], sourceLabels: {app: a}}", line));
    cr_expect_not(hrt_matches("{sourceLabels: {app: a}}", line));
}

Test(surprises, row_27_match_gateways_cannot_widen) {
    const char *yaml = GATEWAY("'*'")
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: Gateway\n"
        "metadata: {name: g2}\n"
        "spec: {selector: {istio: ingress2}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n"
        VS2("vs", "2024-01-01T00:00:00Z",
            "{hosts: ['*'], gateways: [gw], http: [{match: [{gateways: [g2]}], " TO_GW("v1") "}]}");
    hrt_expect_in_mesh(yaml, "{\"authority\":\"a\",\"path\":\"/\",\"gateway\":\"default/g2\"}", NO_ROUTE);
}

Test(surprises, row_28_a_missing_weight_is_zero) {
    const char *yaml = VS("{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}}, "
                          "{destination: {host: reviews, subset: v2}, weight: 100}]}]}");
    hrt_expect_in_mesh(yaml, "{\"authority\":\"reviews\",\"path\":\"/\",\"random\":0}", SUBSET("v2"));
    hrt_expect_in_mesh(yaml, "{\"authority\":\"reviews\",\"path\":\"/\",\"random\":0.99}", SUBSET("v2"));
}

Test(surprises, row_29_the_weight_of_a_single_destination_does_not_count) {
    hrt_expect_in_mesh(
        VS("{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}, weight: 0}]}]}"), GET("/"),
        SUBSET("v1"));
}

Test(surprises, row_30_a_sidecar_defaults_to_the_port_called) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{route: [{destination: {host: ratings}}]}]}"), GET("/"),
                       "{\"action\":\"route\",\"cluster\":\"outbound|80||ratings.default.svc.cluster.local\","
                       "\"local_reply\":{\"status\":503,\"flag\":\"NC\"}}");
    hrt_expect_in_mesh(GATEWAY("'*'") VS2("vs", "2024-01-01T00:00:00Z",
                                          "{hosts: ['*'], gateways: [gw], http: [{route: [{destination: {host: ratings}}]}]}"),
                       "{\"authority\":\"a\",\"path\":\"/\",\"gateway\":\"default/gw\"}",
                       "{\"cluster\":\"outbound|9080||ratings.default.svc.cluster.local\",\"local_reply\":null}");
}

Test(surprises, row_31_a_missing_subset_is_a_missing_cluster) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" TO("v7") "}]}"), GET("/"),
                       "{\"endpoints\":[],\"local_reply\":{\"status\":503,\"flag\":\"NC\",\"body\":\"\"}}");
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" TO("nobody") "}]}"), GET("/"),
                       "{\"endpoints\":[],\"local_reply\":{\"status\":503,\"flag\":\"UH\",\"body\":\"no healthy upstream\"}}");
}

Test(surprises, row_32_the_clients_rule_hides_the_owners) {
    const char *yaml =
        "apiVersion: networking.istio.io/v1\n"
        "kind: DestinationRule\n"
        "metadata: {name: all, namespace: default}\n"
        "spec: {host: '*.local', trafficPolicy: {loadBalancer: {simple: RANDOM}}}\n"
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: DestinationRule\n"
        "metadata: {name: shop, namespace: prod}\n"
        "spec: {host: shop, subsets: [{name: v1, labels: {version: v1}}]}\n"
        "---\n"
        "apiVersion: networking.istio.io/v1\n"
        "kind: VirtualService\n"
        "metadata: {name: shop, namespace: prod}\n"
        "spec: {hosts: [shop], http: [{route: [{destination: {host: shop, subset: v1}}]}]}\n";
    hrt_expect_in_mesh(yaml, "{\"authority\":\"shop.prod\",\"path\":\"/\"}",
                       "{\"local_reply\":{\"status\":503,\"flag\":\"NC\"}}");
    hrt_expect_in_mesh(yaml, "{\"authority\":\"shop.prod\",\"path\":\"/\",\"namespace\":\"other\"}",
                       "{\"local_reply\":null,\"endpoints\":[{\"address\":\"10.1.0.6\"}]}");
}

Test(surprises, row_33_a_rewrite_without_uri_match_replaces_the_slash) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{rewrite: {uri: /v2}, " TO("v1") "}]}"), GET("/users"),
                       "{\"upstream\":{\"path\":\"/v2users\"}}");
}

Test(surprises, row_34_a_rewrite_is_plain_substitution) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{match: [{uri: {prefix: /api}}], rewrite: {uri: /}, " TO("v1") "}]}"),
                       GET("/api/x"), "{\"upstream\":{\"path\":\"//x\"}}");
}

Test(surprises, row_35_an_abort_without_percentage_never_fires) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{fault: {abort: {httpStatus: 500}}, " TO("v1") "}]}"), GET("/"),
                       "{\"fault\":{\"abort_status\":500,\"abort_fires\":false},\"local_reply\":null}");
}

Test(surprises, row_36_a_timeout_of_zero_is_refused) {
    hrt_refused(VS("{hosts: [reviews], http: [{timeout: 0s, " TO("v1") "}]}"), "timeout");
}

Test(surprises, row_37_empty_retries_switch_retries_off) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{retries: {}, " TO("v1") "}]}"), GET("/"), "{\"retries\":null}");
}

Test(surprises, row_38_the_default_retries_have_no_status) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" TO("v1") "}]}"), GET("/"),
                       "{\"retries\":{\"attempts\":2,\"status_codes\":[],\"retry_on\":[\"connect-failure\","
                       "\"refused-stream\",\"unavailable\",\"cancelled\",\"retriable-status-codes\"]}}");
}

#define SET_X(value) "headers: {request: {set: {x: " value "}}}"

Test(surprises, row_39_who_sets_last_depends_on_the_number_of_destinations) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" SET_X("route") ", route: [{destination: {host: reviews, subset: v1}, " SET_X("own") "}]}]}"),
                       GET("/"), "{\"upstream\":{\"headers\":[[\"x\",\"own\"]]}}");
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" SET_X("route") ", route: [{destination: {host: reviews, subset: v1}, weight: 1, " SET_X("own")
                          "}, {destination: {host: reviews, subset: v2}, weight: 1}]}]}"),
                       GET("/"), "{\"upstream\":{\"headers\":[[\"x\",\"route\"]]}}");
}

Test(surprises, row_40_setting_an_empty_value_does_nothing) {
    hrt_expect_in_mesh(VS("{hosts: [reviews], http: [{" SET_X("''") ", " TO("v1") "}]}"), WITH("[\"x\",\"1\"]"),
                       "{\"upstream\":{\"headers\":[[\"x\",\"1\"]]}}");
}

static hr_traffic_policy policy_of(const char *rule, uint16_t port) {
    char yaml[4096];
    snprintf(yaml, sizeof(yaml),
             "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: s}, ports: [{name: http, port: 80}, "
             "{name: http-2, port: 81}]}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
             "metadata: {name: s}\nspec: {host: s, trafficPolicy: %s}\n",
             rule);
    hr_table *table = hrt_load(yaml);
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = port;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    cr_assert_eq(hr_view_cluster_count(view), 1);
    hr_traffic_policy policy = hr_view_cluster(view, 0)->policy;
    hr_view_unref(view);
    hr_table_unref(table);
    return policy;
}

Test(surprises, row_41_consecutive_errors_is_ignored) {
    hr_traffic_policy policy = policy_of("{outlierDetection: {consecutiveErrors: 100}}", 80);
    cr_expect_eq(policy.outlier, 1);
    cr_expect_eq(policy.consecutive_5xx, 5);
}

Test(surprises, row_42_port_level_settings_inherit_nothing) {
    const char *rule = "{connectionPool: {tcp: {maxConnections: 7}}, loadBalancer: {simple: RANDOM}, "
                       "portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: ROUND_ROBIN}}]}";
    cr_expect_eq(policy_of(rule, 80).max_connections, 7);
    cr_expect_eq(policy_of(rule, 80).lb, HR_LB_RANDOM);
    cr_expect_eq(policy_of(rule, 81).max_connections, -1);
    cr_expect_eq(policy_of(rule, 81).lb, HR_LB_ROUND_ROBIN);
}

Test(surprises, row_43_port_80_is_suppressed_for_http_alone) {
    const char *line = "{\"authority\":\"h\",\"path\":\"/a\",\"gateway\":\"default/gw\"}";
    hrt_expect_in_mesh(GATEWAY("'*'") VS2("vs", "2024-01-01T00:00:00Z",
                                          "{hosts: ['*'], gateways: [gw], http: [{redirect: {derivePort: FROM_REQUEST_PORT, scheme: https}}]}"),
                       line, "{\"action\":\"redirect\",\"redirect\":{\"code\":301,\"location\":\"https://h:80/a\"}}");
    hrt_expect_in_mesh(GATEWAY("'*'") VS2("vs", "2024-01-01T00:00:00Z",
                                          "{hosts: ['*'], gateways: [gw], http: [{redirect: {derivePort: FROM_REQUEST_PORT}}]}"),
                       line, "{\"redirect\":{\"location\":\"http://h/a\"}}");
}

Test(surprises, row_44_a_host_with_a_dot_is_not_expanded) {
    const char *yaml = VS("{hosts: [reviews.default], http: [{" TO("v1") "}]}");
    hrt_expect_in_mesh(yaml, GET("/"), "{\"virtual_service\":null,\"destination\":{\"subset\":null}}");
    hrt_expect_in_mesh(yaml, "{\"authority\":\"reviews.default\",\"path\":\"/\"}", SUBSET("v1"));
}

#define PORT_NAMED(name, extra)                                                                    \
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {" extra "selector: {app: s}, ports: [{" name "port: 80}]}\n" \
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: s-1, labels: {app: s, version: v1}}\nstatus: {podIP: 10.0.0.1}\n"      \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\n"        \
    "spec: {hosts: [s], http: [{timeout: 3s, route: [{destination: {host: s}}]}]}\n"

Test(surprises, row_45_http_rules_do_not_apply_to_declared_tcp) {
    hrt_expect(PORT_NAMED("name: tcp-web, ", ""), "{\"authority\":\"s\",\"path\":\"/\"}",
               "{\"virtual_service\":null,\"timeout_ms\":null,\"cluster\":\"outbound|80||s.default.svc.cluster.local\"}");
}

Test(surprises, row_46_on_a_sniffed_port_host_does_not_count) {
    hrt_expect(PORT_NAMED("", "clusterIP: 10.96.0.9, "), "{\"authority\":\"whatever.example.com\",\"path\":\"/\",\"port\":80}",
               "{\"virtual_service\":\"default/vs\",\"timeout_ms\":3000}");
    hrt_expect(PORT_NAMED("name: http, ", "clusterIP: 10.96.0.9, "),
               "{\"authority\":\"whatever.example.com\",\"path\":\"/\",\"port\":80}", "{\"action\":\"passthrough\"}");
}
