/* The command `headerroute test`: runs test cases and reports which of them pass. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "generate.h"
#include "suite.h"
#include "test_report.h"

static const char test_help[] =
    "usage: headerroute test [-f PATH]... [VIEW] [FLAGS] CASES...\n"
    "       headerroute test -f PATH [-f PATH]... [VIEW] --generate\n"
    "\n"
    "Runs routing tests in the format of istio-config-validator (and a superset of it) against\n"
    "the rules of the files; prints TAP. A file of cases may hold resources as well, which are\n"
    "loaded for its own cases, in addition to those of -f. Of a folder, the *.yaml, *.yml and\n"
    "*.json files are read; - reads standard input. If no file defines a Gateway that a\n"
    "VirtualService names, one with any host on port 80 is added. Exit 0 if all cases pass, 1 if\n"
    "not, 2 if the command line is wrong.\n"
    "The format of the cases, and how to run them in CI: docs/testing-rules.md\n"
    "\n" CLI_HELP_FILE CLI_HELP_LOAD "  --format text|json|github|sarif\n"
    "                           TAP, JSON, workflow commands of GitHub Actions beside TAP, or "
    "SARIF "
    "2.1.0\n"
    "                           (default: text)\n"
    "  --junit FILE             write the results as JUnit XML, too\n"
    "  --coverage               print which rules, matches, conditions and defaults of -f and of "
    "the\n"
    "                           case files no case reaches, and the share that is reached\n"
    "  --fail-under N           exit 1 if less than N percent of them are reached; implies "
    "--coverage\n"
    "  --lcov FILE              write the coverage as an LCOV tracefile; implies --coverage\n"
    "  --generate               print a case for each rule, with what the rules decide "
    "today\n" CLI_HELP_END "\n";

/* ---- Gateways that are not there ---- */

static bool is_known_gateway(const hr_table *table, hr_str id) {
    hr_gateway_info info = HR_GATEWAY_INFO_INIT;
    for (size_t i = 0; hr_table_gateway(&info, table, i) == HR_OK; i++)
        if (info.name.len == id.len && memcmp(info.name.p, id.p, id.len) == 0)
            return true;
    return id.len == 4 && memcmp(id.p, "mesh", 4) == 0;
}

/* The YAML of one Gateway. Returns its length; 0 if the name is too long. */
static size_t write_gateway(char *out, size_t size, hr_str id) {
    const char *slash = memchr(id.p, '/', id.len);
    if (slash == NULL)
        return 0;
    int namespace_len = (int)(slash - id.p), name_len = (int)id.len - namespace_len - 1;
    int n = snprintf(
        out, size,
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: \"%.*s\", "
        "namespace: "
        "\"%.*s\"}\nspec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: "
        "[\"*/*\"]}], selector: {headerroute-test: \"%.*s.%.*s\"}}\n",
        name_len, slash + 1, namespace_len, id.p, namespace_len, id.p, name_len, slash + 1);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

/* YAML of the Gateways that are named but not loaded; NULL: all are there. */
static char *missing_gateways(const hr_table *table) {
    hr_virtual_service_info v = HR_VIRTUAL_SERVICE_INFO_INIT;
    char *yaml = NULL;
    size_t len = 0;
    for (size_t i = 0; hr_table_virtual_service(&v, table, i) == HR_OK; i++)
        for (size_t g = 0; g < v.n_gateways; g++) {
            char one[512];
            size_t n = is_known_gateway(table, v.gateways[g])
                           ? 0
                           : write_gateway(one, sizeof(one), v.gateways[g]);
            if (n == 0 || (yaml != NULL && strstr(yaml, one) != NULL))
                continue;
            yaml = cli_realloc(yaml, len + n + 1);
            memcpy(yaml + len, one, n + 1);
            len += n;
        }
    return yaml;
}

/* What the cases of a file are for: the resources, and the Gateways that they only name. */
typedef struct test_rules {
    cli_suite suite;
    cli_rules *written;
    cli_input input;
    char *gateways; /* YAML; NULL: none is missing */
} test_rules;

static hr_table *load_with_gateways(test_rules *r) {
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    cli_input_add_text(&r->input, "(Gateways that no file has)", hr_str_from(r->gateways));
    if (hr_table_load(&table, &d, r->input.sources, r->input.n, &r->input.options) != HR_OK)
        cli_input_report(&r->input, stderr, d);
    hr_diagnostics_free(d);
    return table;
}

static hr_table *load(test_rules *r) {
    hr_table *table = cli_input_load("test", &r->input);
    r->gateways = table == NULL ? NULL : missing_gateways(table);
    if (r->gateways == NULL)
        return table;
    hr_table_unref(table);
    return load_with_gateways(r);
}

/* ---- the command ---- */

static bool open_rules(test_rules *r) {
    cli_suite *suite = &r->suite;
    suite->table = load(r);
    suite->input = &r->input;
    if (suite->table != NULL && suite->coverage != NULL &&
        !cli_coverage_add(suite->coverage, &r->input))
        return false;
    if (suite->table != NULL)
        suite->rules = r->written = cli_rules_read(&r->input);
    suite->views = (cli_views){.table = suite->table};
    return r->written != NULL && hr_scratch_new(&suite->scratch) == HR_OK;
}

static void close_rules(test_rules *r) {
    cli_suite_close(&r->suite);
    cli_rules_free(r->written);
    hr_table_unref(r->suite.table);
    cli_input_free(&r->input);
    free(r->gateways);
}

/* A file with resources of its own has a table of its own; the others share that of -f, which
 * `shared` keeps. */
static int run_file(cli_case_results *results, test_rules *shared, const cli_input *input,
                    const cli_case_file *file) {
    if (!file->has_resources && input->n == 0) {
        static const char wrong[] = "it holds no resource to test, and there is no -f PATH";
        fprintf(stderr, "headerroute test: %s: %s\n", file->path, wrong);
        cli_findings_add(input->findings, &(cli_finding){.level = CLI_LEVEL_ERROR,
                                                         .rule = CLI_RULE_TEST_INVALID,
                                                         .file = hr_str_from(file->path),
                                                         .message = hr_str_from(wrong)});
        return CLI_FAILED;
    }
    if (!file->has_resources) {
        if (shared->suite.table == NULL) {
            cli_input_extend(&shared->input, input);
            if (!open_rules(shared))
                return CLI_FAILED;
        }
        return cli_cases_run(results, &shared->suite, file);
    }
    test_rules own = {.suite = {.defaults = shared->suite.defaults,
                                .connection = shared->suite.connection,
                                .coverage = shared->suite.coverage}};
    cli_input_extend(&own.input, input);
    cli_input_add_text(&own.input, file->path, (hr_str){file->resources, file->len});
    int code = open_rules(&own) ? cli_cases_run(results, &own.suite, file) : CLI_FAILED;
    close_rules(&own);
    return code;
}

static int write_lcov(const char *path, const cli_coverage *coverage) {
    FILE *out = fopen(path, "w");
    bool failed = out == NULL;
    if (out != NULL) {
        cli_coverage_lcov(out, coverage);
        failed = ferror(out) != 0;
        failed = fclose(out) != 0 || failed;
    }
    if (failed)
        fprintf(stderr, "headerroute test: %s: %s\n", path, strerror(errno));
    return failed ? CLI_FAILED : CLI_OK;
}

/* CLI_OK, or CLI_FAILED after a line on stderr: too little is reached. */
static int check_coverage(const cli_flags *flags, const cli_coverage *coverage,
                          cli_findings *findings) {
    char message[128];
    if (cli_coverage_percent(coverage) >= flags->fail_under)
        return CLI_OK;
    snprintf(message, sizeof(message), "the coverage is %.1f %%, less than --fail-under %g",
             cli_coverage_percent(coverage), flags->fail_under);
    fprintf(stderr, "headerroute test: %s\n", message);
    cli_finding finding = {
        .level = CLI_LEVEL_ERROR, .rule = CLI_RULE_COVERAGE_LOW, .message = hr_str_from(message)};
    cli_findings_add(findings, &finding);
    return CLI_FAILED;
}

/* The cases that ran, although `code` may say that not all files could be used. */
static int report(const cli_flags *flags, cli_format format, int code,
                  const cli_case_results *results, const cli_coverage *coverage,
                  cli_findings *findings) {
    if (code == CLI_OK && coverage != NULL)
        code = check_coverage(flags, coverage, findings);
    if (format == CLI_TEXT)
        cli_test_text(stdout, results, coverage);
    else
        cli_test_report(stdout, format, results, coverage, findings);
    if (flags->junit != NULL && cli_test_junit(flags->junit, results) != CLI_OK)
        code = CLI_FAILED;
    if (flags->lcov != NULL && write_lcov(flags->lcov, coverage) != CLI_OK)
        code = CLI_FAILED;
    return results->failed > 0 ? CLI_FAILED : code;
}

static int read_case_files(cli_case_files *out, const cli_flags *flags, const cli_input *input) {
    bool standard = input->standard != NULL;
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < flags->rest.n; i++) {
        const char *path = flags->rest.v[i];
        if (strcmp(path, "-") == 0 && standard)
            return cli_usage_error("test", "standard input (-) can be read only once");
        standard = standard || strcmp(path, "-") == 0;
        code = cli_case_files_read(out, path, input);
    }
    return code;
}

static int run_all(cli_flags *flags, cli_format format) {
    cli_case_files files = {0};
    cli_case_results results = {0};
    cli_findings findings = {0};
    cli_input input;
    test_rules shared = {.suite = {.defaults = flags->view,
                                   .connection = &flags->request.connection,
                                   .coverage = flags->coverage ? cli_coverage_new() : NULL}};
    cli_input_init(&input, flags->recursive, flags->strict);
    cli_input_expand(&input, flags->expand_rollouts, flags->rollout_step);
    input.findings = format == CLI_TEXT ? NULL : &findings;
    int code = cli_input_add_all(&input, "test", &flags->files);
    if (code == CLI_OK)
        code = read_case_files(&files, flags, &input);
    for (size_t i = 0; code == CLI_OK && i < files.n; i++)
        code = run_file(&results, &shared, &input, &files.v[i]);
    /* Programs that read the output need a document even so. */
    if (code == CLI_OK || (code == CLI_FAILED && format != CLI_TEXT))
        code = report(flags, format, code, &results, shared.suite.coverage, &findings);
    cli_coverage_free(shared.suite.coverage);
    close_rules(&shared);
    cli_case_results_free(&results);
    cli_findings_free(&findings);
    cli_case_files_free(&files);
    cli_input_free(&input);
    return code;
}

int cli_test(int argc, char **argv) {
    cli_flags flags;
    cli_format format;
    int code = cli_parse_flags(&flags, argc, argv, "flvuoh");
    if (code == CLI_OK)
        code = cli_format_parse(&format, argv[0], flags.format);
    if (code == CLI_OK && flags.help) {
        fputs(test_help, stdout);
        cli_print_view_help(stdout);
        cli_print_connection_help(stdout);
    } else if (code == CLI_OK && flags.generate)
        code = cli_generate(&flags);
    else if (code == CLI_OK && flags.rest.n == 0)
        code = cli_usage_error(argv[0], "no file of test cases");
    else if (code == CLI_OK)
        code = run_all(&flags, format);
    cli_flags_free(&flags);
    return code;
}
