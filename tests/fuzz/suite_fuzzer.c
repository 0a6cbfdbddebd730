/*
 * Files of `headerroute test` on any bytes: each line goes to the cases or to the resources, in its
 * place, and the cases run against the resources where those are accepted.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* Every combination of a request's lists is tried: longer texts are slow rather than wrong. */
#define LONGEST 700

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A byte is in one of the two texts, and a blank in the other; line ends and markers are in both.
 */
static void check_separation(const cli_case_file *file, const char *text) {
    bool resources = false;
    for (size_t i = 0; i < file->len; i++) {
        char c = file->cases[i], r = file->resources[i];
        if ((c != text[i] && c != ' ') || (r != text[i] && r != ' ') ||
            (c != text[i] && r != text[i]))
            abort();
        if (text[i] == '\n' && (c != '\n' || r != '\n'))
            abort();
        resources = resources || (c == ' ' && text[i] != ' ');
    }
    if (resources && !file->has_resources)
        abort();
}

static void run_cases(const cli_case_file *file, hr_table *table, const cli_input *input) {
    cli_suite suite = {
        .table = table, .rules = cli_rules_read(input), .views = {.table = table}, .input = input};
    cli_case_results results = {0};
    if (suite.rules == NULL || hr_scratch_new(&suite.scratch) != HR_OK)
        abort();
    cli_cases_run(&results, &suite, file);
    for (size_t i = 0; i < results.n; i++)
        if (results.v[i].description == NULL ||
            (results.v[i].failure != NULL && *results.v[i].failure == '\0'))
            abort();
    cli_case_results_free(&results);
    cli_suite_close(&suite);
    cli_rules_free((cli_rules *)suite.rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = stderr = fopen("/dev/null", "w"); /* what is wrong with a file is printed there */
    if (size > LONGEST)
        return 0;
    cli_case_file file;
    hr_table *table = NULL;
    cli_case_file_set(&file, HR_STR("cases.yaml"), (hr_str){(const char *)data, size});
    check_separation(&file, (const char *)data);
    cli_input input;
    cli_input_init(&input, false, false);
    cli_input_add_text(&input, "cases.yaml", (hr_str){file.resources, file.len});
    if (hr_table_load(&table, NULL, input.sources, input.n, &input.options) == HR_OK)
        run_cases(&file, table, &input);
    cli_input_free(&input);
    hr_table_unref(table);
    cli_case_file_clear(&file);
    return 0;
}
