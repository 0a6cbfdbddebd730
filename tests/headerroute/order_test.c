/* The search for neighbouring rules that can be swapped: what its callers can rely on. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include <headerroute/headerroute.h>

#include "harness.h"

static hr_table *three_rules(void) {
    static const char rules[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{name: http, port: "
        "80}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"
        "spec:\n  hosts: [shop]\n  http:\n"
        "  - {match: [{uri: {prefix: /a}}], redirect: {uri: /x}}\n"
        "  - {match: [{uri: {prefix: /b}}], redirect: {uri: /y}}\n"
        "  - {redirect: {uri: /z}}\n";
    return hrt_load(rules);
}

typedef struct seen_pairs {
    int32_t first[4];
    hr_order_state state[4];
    size_t regions[4], n;
    int error; /* what the callback returns */
} seen_pairs;

static int keep_pair(void *ctx, const hr_neighbours *pair) {
    seen_pairs *seen = ctx;
    cr_assert_lt(seen->n, 4);
    cr_expect_eq(pair->second.route_index, pair->first.route_index + 1);
    cr_expect_eq(pair->first.match_index, -1);
    cr_expect_eq(pair->diff != NULL, pair->state == HR_ORDER_MATTERS);
    seen->first[seen->n] = pair->first.route_index;
    seen->state[seen->n] = pair->state;
    seen->regions[seen->n++] = hr_diff_region_count(pair->diff);
    return seen->error;
}

Test(order, each_pair_is_reported_once) {
    hr_table *table = three_rules();
    seen_pairs seen = {.error = HR_OK};
    cr_assert_eq(hr_order_find(table, NULL, keep_pair, &seen), HR_OK);
    cr_assert_eq(seen.n, 2);
    cr_expect_eq(seen.state[0], HR_ORDER_FREE);
    cr_expect_eq(seen.regions[0], 0);
    cr_expect_eq(seen.first[1], 1);
    cr_expect_eq(seen.state[1], HR_ORDER_MATTERS);
    cr_expect_gt(seen.regions[1], 0);
    hr_table_unref(table);
}

Test(order, the_callback_ends_the_search) {
    hr_table *table = three_rules();
    seen_pairs seen = {.error = HR_EIO};
    cr_expect_eq(hr_order_find(table, NULL, keep_pair, &seen), HR_EIO);
    cr_expect_eq(seen.n, 1);
    hr_table_unref(table);
}

Test(order, what_options_name_has_to_exist) {
    hr_table *table = three_rules();
    seen_pairs seen = {.error = HR_OK};
    hr_order_options options = HR_ORDER_OPTIONS_INIT;
    hr_view_options view = HR_VIEW_OPTIONS_INIT;
    options.virtual_service = HR_STR("default/other");
    cr_expect_eq(hr_order_find(table, &options, keep_pair, &seen), HR_ENOENT);
    options.virtual_service = HR_STR("default/shop");
    cr_expect_eq(hr_order_find(table, &options, keep_pair, &seen), HR_OK);
    cr_expect_eq(seen.n, 2);
    view.gateway = HR_STR("no/such");
    options.view = &view;
    cr_expect_eq(hr_order_find(table, &options, keep_pair, &seen), HR_ENOENT);
    cr_expect_eq(seen.n, 2);
    hr_table_unref(table);
}

Test(order, one_part_of_decisions) {
    hr_table *table = three_rules();
    seen_pairs seen = {.error = HR_OK};
    hr_order_options options = HR_ORDER_OPTIONS_INIT;
    options.only = HR_CHANGE_TIMEOUT;
    cr_expect_eq(hr_order_find(table, &options, keep_pair, &seen), HR_OK);
    cr_expect_eq(seen.state[1], HR_ORDER_FREE);
    hr_table_unref(table);
}

Test(order, wrong_arguments) {
    hr_table *table = three_rules();
    hr_order_options options = HR_ORDER_OPTIONS_INIT;
    cr_expect_eq(hr_order_find(NULL, NULL, keep_pair, NULL), HR_EINVAL);
    cr_expect_eq(hr_order_find(table, NULL, NULL, NULL), HR_EINVAL);
    options.version = HR_ORDER_OPTIONS_VERSION + 1;
    cr_expect_eq(hr_order_find(table, &options, keep_pair, NULL), HR_EINVAL);
    options.version = HR_ORDER_OPTIONS_VERSION;
    options.only = 1u << HR_CHANGE_COUNT;
    cr_expect_eq(hr_order_find(table, &options, keep_pair, NULL), HR_EINVAL);
    hr_table_unref(table);
}

Test(order, names) {
    cr_expect_str_eq(hr_order_state_name(HR_ORDER_FREE), "free");
    cr_expect_str_eq(hr_order_state_name(HR_ORDER_MATTERS), "matters");
    cr_expect_str_eq(hr_order_state_name(HR_ORDER_UNDECIDED), "undecided");
    cr_expect_null(hr_order_state_name((hr_order_state)99));
}
