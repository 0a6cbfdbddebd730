/* The small print of the public header: wrong arguments, errors, and what a table reports of
 * itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

Test(api, every_error_has_a_phrase_of_its_own) {
    for (int a = HR_OK; a >= HR_ENOSPC; a--) {
        cr_expect_gt(strlen(hr_strerror(a)), 3, "%d", a);
        for (int b = a - 1; b >= HR_ENOSPC; b--)
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
    hr_request request = {.version = HR_REQUEST_VERSION, .authority = HR_STR("a"), .path = HR_STR("/")};
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
    hr_gateway_info web = HR_GATEWAY_INFO_INIT, other = HR_GATEWAY_INFO_INIT, none = HR_GATEWAY_INFO_INIT;
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
                  strstr(line, "no-such-file.yaml:0:0: error: cannot be read: No such file") !=
                      NULL,
              "%s", line);
    cr_expect_eq(hr_diagnostic_format(line, 4, hr_diagnostics_get(d, 0)), n,
                 "the length is that of the whole");
    hr_diagnostics_free(d);
}
