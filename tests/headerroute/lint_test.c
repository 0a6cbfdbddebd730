/* Warnings about rules that Istio accepts but that are probably a mistake. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/headerroute.h>

#include "cases.h"

Test(lint, warns_about_what_is_accepted_but_probably_a_mistake) {
    cr_assert(ge(sz, cases_check("cases/lint", 1), 55));
}

Test(lint, warns_about_resources_that_do_not_go_together) {
    cr_assert(ge(sz, cases_check("cases/lint_across", 1), 40));
}

Test(lint, resources_of_the_gateway_api) {
    cr_assert(ge(sz, cases_check("cases/lint_gateway_api", 1), 18));
}

/* A table of many rules is looked through by index: every covered rule is found, nothing else. */
Test(lint, finds_every_covered_rule_of_thousands_and_no_other) {
    enum { RULES = 4000 };
    char *yaml = malloc(RULES * 160 + 1000);
    int n = sprintf(
        yaml, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n"
              "spec:\n  hosts: [a.com]\n  gateways: [g]\n  http:\n");
    for (int i = 0; i < RULES; i++) /* every tenth repeats the header of the rule before it */
        n += sprintf(yaml + n,
                     "  - {match: [{headers: {x: {exact: v%d}}, uri: {prefix: /a%s}}], redirect: "
                     "{uri: /}}\n",
                     i % 10 == 9 ? i - 1 : i, i % 10 == 9 ? "/b" : "");
    hr_source source = {.name = "many", .text = {yaml, (size_t)n}};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = 1;
    hr_table *table;
    hr_diagnostics *d;
    cr_assert(eq(int, hr_table_load(&table, &d, &source, 1, &options), HR_OK));
    size_t covered = 0;
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(d, i);
        if (strstr(f->message.p, "can never match") == NULL)
            continue;
        covered++;
        cr_expect(eq(int, (f->line - 8) % 10, 9)); /* the first rule stands on line 8 */
    }
    cr_expect(eq(sz, covered, RULES / 10));
    hr_diagnostics_free(d);
    hr_table_unref(table);
    free(yaml);
}
