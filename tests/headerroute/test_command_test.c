/* `headerroute test`: the cases of istio-config-validator, and what is added to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "suite.h"

static const char rules_yaml[] =
    "apiVersion: networking.istio.io/v1alpha3\n"
    "kind: VirtualService\n"
    "metadata: {name: example}\n"
    "spec:\n"
    "  hosts: [www.example.com, example.com]\n"
    "  http:\n"
    "  - match:\n"
    "    - uri: {regex: \"/users(/.*)?\"}\n"
    "      headers: {x-user-id: {exact: abc123}}\n"
    "    route: [{destination: {host: users.users.svc.cluster.local, port: {number: 80}}}]\n"
    "  - match: [{uri: {prefix: /home}}]\n"
    "    rewrite: {uri: /}\n"
    "    route: [{destination: {host: home.home.svc.cluster.local}}]\n"
    "  - match: [{uri: {prefix: /old}}]\n"
    "    redirect: {uri: /new}\n";

static char *write_file(const char *text) {
    static char path[64];
    strcpy(path, "/tmp/headerroute-test-XXXXXX.yaml");
    int fd = mkstemps(path, 5);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return strdup(path);
}

/* The failure of the one case; "" where it passes. */
static char *run(const char *case_yaml) {
    char *rules_path = write_file(rules_yaml), *cases_path = write_file(case_yaml);
    const char *paths[] = {rules_path};
    cli_suite suite = {.table = cli_load("test", paths, 1), .rules = cli_rules_read(paths, 1)};
    cr_assert(suite.table != NULL && suite.rules != NULL);
    suite.views.table = suite.table;
    cr_assert_eq(hr_scratch_new(&suite.scratch), HR_OK);
    cli_case_results results = {0};
    cr_assert_eq(cli_cases_run(&results, &suite, cases_path), CLI_OK);
    cr_assert_eq(results.n, 1);
    char *failure = strdup(results.v[0].failure == NULL ? "" : results.v[0].failure);
    cli_case_results_free(&results);
    cli_views_free(&suite.views);
    hr_scratch_free(suite.scratch);
    cli_rules_free((cli_rules *)suite.rules);
    hr_table_unref(suite.table);
    unlink(rules_path);
    unlink(cases_path);
    free(rules_path);
    free(cases_path);
    return failure;
}

#define CASE(text) "testCases:\n- description: d\n  " text "\n"
#define USERS                                                                                      \
    "request: {authority: [www.example.com, example.com], method: [GET, OPTIONS], uri: [/users, /users/1], headers: "   \
    "{x-user-id: abc123}}\n  "

static void passes(const char *text) {
    char *failure = run(text);
    cr_expect_str_eq(failure, "");
    free(failure);
}

static void fails_with(const char *text, const char *fragment) {
    char *failure = run(text);
    cr_expect(strstr(failure, fragment) != NULL, "'%s' is not in '%s'", fragment, failure);
    free(failure);
}

Test(test_command, compares_the_selected_route) {
    passes(CASE("wantMatch: true\n  " USERS
                "route: [{destination: {host: users.users.svc.cluster.local, port: {number: 80}}}]"));
    fails_with(CASE("wantMatch: true\n  " USERS "route: [{destination: {host: other}}]"), "route is [{");
}

Test(test_command, want_match_false_turns_it_round) {
    passes(CASE("wantMatch: false\n  " USERS "route: [{destination: {host: monolith}}]"));
    fails_with(CASE("wantMatch: false\n  " USERS
                    "route: [{destination: {host: users.users.svc.cluster.local, port: {number: 80}}}]"),
               "anything but");
}

Test(test_command, tries_every_combination) {
    fails_with(CASE("wantMatch: true\n  request: {authority: [example.com], uri: [/home, /users]}\n  rewrite: {uri: /}"),
               "example.com/users");
}

Test(test_command, compares_other_blocks) {
    passes(CASE("wantMatch: true\n  request: {authority: [example.com], uri: [/home/x]}\n  rewrite: {uri: /}"));
    passes(CASE("wantMatch: true\n  request: {authority: [example.com], uri: [/old]}\n  redirect: {uri: /new}"));
}

Test(test_command, compares_decisions) {
    passes(CASE("request: {authority: [example.com], uri: [/old?a=b]}\n  decision: {action: redirect, redirect: {code: 301, "
                "location: \"http://example.com/new?a=b\"}}"));
    fails_with(CASE("request: {authority: [example.com], uri: [/old]}\n  decision: {redirect: {code: 302}}"),
               "decision.redirect.code differs");
}

Test(test_command, without_blocks_it_asks_for_any_rule) {
    passes(CASE("wantMatch: false\n  request: {authority: [example.com], uri: [/nowhere]}"));
    passes(CASE("wantMatch: true\n  request: {authority: [example.com], uri: [/home]}"));
}

Test(test_command, tells_a_mistake_in_a_case) {
    fails_with(CASE("wantmatch: true\n  request: {authority: [example.com]}"), "wantmatch is no key");
    fails_with(CASE("request: {uri: [/]}"), "authority is needed");
    fails_with(CASE("request: {authority: [example.com]}\n  view: {gateway: a/b}"), "no Gateway a/b");
}
