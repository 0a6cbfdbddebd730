/* The traffic policy of a cluster, where it surprises: fields of a DestinationRule that no decision
 * shows. */
#include <criterion/criterion.h>

#include "harness.h"

/* The policy of the only cluster of tests/headerroute/fixtures/NAME on `port`. */
static hr_traffic_policy policy_of(const char *name, uint16_t port) {
    hr_table *table = hrt_load_file(name);
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = port;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    cr_assert_eq(hr_view_cluster_count(view), 1);
    hr_traffic_policy policy = *hr_view_cluster(view, 0)->policy;
    hr_view_unref(view);
    hr_table_unref(table);
    return policy;
}

/* Istio has deprecated the field and does not read it: Envoy's default of five stays. */
Test(cluster_policy, consecutive_errors_is_ignored) {
    hr_traffic_policy policy = policy_of("consecutive-errors.yaml", 80);
    cr_expect_eq(policy.outlier, 1);
    cr_expect_eq(policy.consecutive_5xx, 5);
}

/* An entry of portLevelSettings replaces the whole policy on its port
 * (selectTrafficPolicyComponents). */
Test(cluster_policy, port_level_settings_inherit_nothing) {
    cr_expect_eq(policy_of("port-level-settings.yaml", 80).max_connections, 7);
    cr_expect_eq(policy_of("port-level-settings.yaml", 80).lb, HR_LB_RANDOM);
    cr_expect_eq(policy_of("port-level-settings.yaml", 81).max_connections, -1);
    cr_expect_eq(policy_of("port-level-settings.yaml", 81).lb, HR_LB_ROUND_ROBIN);
}
