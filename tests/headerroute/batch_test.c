/* Lines of --batch that are wrong, views by the dozen, and the small print of the public header. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "batch.h"
#include "harness.h"

static hr_table *mesh(void) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml"};
    hr_table *table;
    cr_assert_eq(hr_table_load_paths(&table, NULL, paths, 1, NULL), HR_OK);
    return table;
}

Test(batch, mistakes_answer_on_their_line) {
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"", "no JSON: '[' or '{' expected near end of file"},
        {"[]", "the line is not a JSON object"},
        {"{\"path\":\"/\"}", "authority: is missing"},
        {"{\"authority\":\"a\"}", "path: is missing"},
        {"{\"authority\":1,\"path\":\"/\"}", "authority: is not a string"},
        {"{\"authority\":\"\",\"path\":\"/\"}", "the authority is empty"},
        {"{\"authority\":\"a b\",\"path\":\"/\"}", "the authority has a space or a control character"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"method\":\"\"}", "the method is empty or has a space or a control character"},
        {"{\"authority\":\"a\",\"path\":\"b\"}", "the path does not begin with '/'"},
        {"{\"authority\":\"a\",\"path\":\"/ \"}", "the path has a space or a control character"},
        {"{\"authority\":\"a\",\"path\":\"/%00\"}", "the path has the escape %00"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"what\":1}", "what: is no key of a request"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"random\":1}", "random: is not in [0, 1)"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"random\":\"x\"}", "random: is not a number"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"draws\":1}", "draws: is not an object"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"draws\":{\"luck\":0}}", "draws: has weight, delay, abort and mirror"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"port\":0}", "port: is not a number from 1 to 65535"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"gateway\":\"x/y\"}", "there is no Gateway x/y with an HTTP server"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"gateway\":\"\"}", "gateway: is not a name"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"gateway\":\"x\\u0000y\"}", "gateway: is not a name"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"outbound_policy\":\"x\"}", "outbound_policy: is neither allow-any nor registry-only"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"repeated_headers\":1}", "repeated_headers: is neither joined nor each"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"source_labels\":[]}", "source_labels: is not an object"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"headers\":{}}", "headers: is not a list of [name, value]"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"headers\":[[\"x\"]]}", "headers: an item is not [name, value]"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"headers\":[[\"\",\"x\"]]}", "a header's name is empty or has a space or a control character"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"headers\":[[\"x\",\"a\\nb\"]]}", "a header's value has a control character"},
        {"{\"authority\":\"a\",\"path\":\"/\",\"headers\":[[\"x\",\"a\\u007fb\"]]}", "a header's value has a control character"},
    };
    hr_table *table = mesh();
    cli_view defaults = {0};
    cli_batch *batch = cli_batch_new(table, &defaults);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[256];
        hr_str answer = cli_batch_line(batch, rows[i].line, strlen(rows[i].line));
        snprintf(expected, sizeof(expected), "{\"error\":\"%s\"}", rows[i].error);
        cr_expect(answer.len == strlen(expected) && memcmp(answer.p, expected, answer.len) == 0, "%s\n%.*s\n%s", rows[i].line,
                  (int)answer.len, answer.p, expected);
    }
    cli_batch_free(batch);
    hr_table_unref(table);
}

/* More namespaces than views are kept: the oldest goes, and comes again when it is asked for. */
Test(batch, a_view_of_its_own_for_every_line) {
    hr_table *table = mesh();
    cli_view defaults = {0};
    cli_batch *batch = cli_batch_new(table, &defaults);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 100; i++) {
            char line[128];
            int n = snprintf(line, sizeof(line), "{\"authority\":\"cart\",\"path\":\"/\",\"namespace\":\"%s%d\"}",
                             i == 50 ? "prod\",\"method\":\"M" : "n", i);
            hr_str answer = cli_batch_line(batch, line, (size_t)n);
            const char *wanted = i == 50 ? "cart.prod.svc.cluster.local" : "PassthroughCluster";
            cr_expect(memmem(answer.p, answer.len, wanted, strlen(wanted)) != NULL, "%s: %.*s", line, (int)answer.len, answer.p);
        }
    cli_batch_free(batch);
    hr_table_unref(table);
}

/* ---- the public header's small print ---- */

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
    hr_table *table = NULL, *good = mesh();
    hr_view *view = NULL;
    hr_scratch *scratch = NULL;
    hr_decision d;
    hr_request request = {.authority = HR_STR("a"), .path = HR_STR("/")};
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
    hr_table *table = mesh();
    hr_stats s;
    hr_table_stats(&s, table);
    cr_expect(s.virtual_services == 2 && s.destination_rules == 1 && s.gateways == 2 && s.services == 2);
    cr_expect(s.service_entries == 1 && s.workloads == 2 && s.bytes > 1000);
    cr_assert_eq(hr_table_gateway_count(table), 2);
    hr_gateway_info web, other, none;
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

Test(api, files_that_cannot_be_read_are_told) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/no-such-file.yaml"};
    hr_table *table;
    hr_diagnostics *d;
    char line[512];
    cr_assert_eq(hr_table_load_paths(&table, &d, paths, 1, NULL), HR_EIO);
    cr_assert_eq(hr_diagnostics_errors(d), 1);
    size_t n = hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, 0));
    cr_expect(n < sizeof(line) && strstr(line, "no-such-file.yaml:0:0: error: cannot be read: No such file") != NULL, "%s", line);
    cr_expect_eq(hr_diagnostic_format(line, 4, hr_diagnostics_get(d, 0)), n, "the length is that of the whole");
    hr_diagnostics_free(d);
}

/* ---- header values ---- */

Test(api, header_values_are_formats) {
    static const char yaml[] =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\nspec:\n  hosts: [reviews]\n  http:\n"
        "  - route: [{destination: {host: reviews}}]\n"
        "    headers:\n      request:\n        set:\n"
        "          a: \"100%%\"\n          b: \"%REQ(x-in)%-%REQ(:METHOD)%\"\n          c: \"%REQ(none?x-in)%\"\n"
        "          d: \"%PROTOCOL%\"\n          e: \"[%REQ(none)%]\"\n          f: \"%REQ(:PATH)%\"\n          g: \"%REQ(:AUTHORITY)%\"\n";
    hrt_expect_in_mesh(yaml, "{\"authority\":\"reviews\",\"path\":\"/p?q\",\"headers\":[[\"X-In\",\"v\"]]}",
                       "{\"upstream\":{\"headers\":[[\"x-in\",\"v\"],[\"a\",\"100%\"],[\"b\",\"v-GET\"],[\"c\",\"v\"],"
                       "[\"d\",\"HTTP/1.1\"],[\"e\",\"[]\"],[\"f\",\"/p?q\"],[\"g\",\"reviews\"]]}}");
}
