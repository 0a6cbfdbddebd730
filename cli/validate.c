/* The command `headerroute validate`: loads files and prints every finding. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "color.h"
#include "findings_report.h"
#include "flags.h"
#include "input.h"

static void print_validate_help(FILE *to) {
    fputs(
        "usage: headerroute validate [-R] [--strict] [--no-lint] [--format FORMAT] [--color WHEN] "
        "[-f] PATH...\n"
        "\n"
        "Loads YAML and JSON files as Istio's admission does and prints what it finds, one "
        "finding a line:\n"
        "\n"
        "  file:line:column: error|warning: field.path: message\n"
        "\n"
        "PATH is a file, a folder, or - for standard input: kubectl get vs,svc -A -o yaml | "
        "headerroute validate -\n"
        "\n"
        "Warnings are about what Istio accepts but is probably a mistake: rules that can never "
        "match because an earlier\n"
        "one covers them, subsets no DestinationRule defines or that select no pod, hosts no "
        "Service backs, weights\n"
        "that do not add up to 100, rules that outside clients pass by, deprecated and ignored "
        "fields. Files that are not\n"
        "Kubernetes resources, such as values.yaml, get a warning and are passed over.\n"
        "\n"
        "  -f, --file PATH          the same as PATH (repeatable)\n"
        "  -R, --recursive          read the subfolders of folders, too\n"
        "  --strict                 warnings fail, too\n"
        "  --no-lint                only what admission itself says\n"
        "  --format text|json|github|sarif\n"
        "                           lines as above, JSON, workflow commands of GitHub Actions, or "
        "SARIF 2.1.0\n"
        "                           (default: text)\n" CLI_HELP_END "\n"
        "Exit 0 if all is well, 1 on an error, 2 if the command line is wrong.\n",
        to);
}

/* One line on stderr, so that stdout has findings only. */
static void sum_up(const hr_diagnostics *d, const hr_table *table) {
    size_t errors = hr_diagnostics_errors(d), warnings = 0;
    for (size_t i = 0; i < hr_diagnostics_count(d);
         i++) /* errors beyond the limit are counted only */
        warnings += hr_diagnostics_get(d, i)->severity == HR_WARNING;
    fprintf(stderr, "%zu error%s, %zu warning%s", errors, errors == 1 ? "" : "s", warnings,
            warnings == 1 ? "" : "s");
    if (table != NULL) {
        hr_stats s = HR_STATS_INIT;
        hr_table_stats(&s, table);
        fprintf(stderr,
                " in %zu VirtualServices, %zu DestinationRules, %zu Gateways, %zu Services, %zu "
                "ServiceEntries",
                s.virtual_services, s.destination_rules, s.gateways, s.services, s.service_entries);
        if (s.gateway_api_routes > 0)
            fprintf(stderr, ", %zu HTTPRoutes and GRPCRoutes", s.gateway_api_routes);
    }
    fputc('\n', stderr);
}

typedef struct validate_flags {
    cli_list paths;
    bool recursive, strict, no_lint, help;
    cli_format format;
} validate_flags;

/* Takes the value of a flag that is written --flag VALUE, --flag=VALUE or -f VALUE. Returns false
 * for another flag. *value is NULL if the flag has none. */
static bool takes_value(const char **value, char **argv, int *i, const char *flag) {
    size_t n = strlen(flag);
    if (strncmp(argv[*i], flag, n) != 0 || (argv[*i][n] != '\0' && argv[*i][n] != '='))
        return false;
    *value = argv[*i][n] == '=' ? argv[*i] + n + 1 : argv[++*i];
    return true;
}

/* CLI_OK, or CLI_USAGE after a line on stderr. */
static int parse_one(validate_flags *out, char **argv, int *i) {
    const char *given = argv[*i], *value = NULL;
    if (strcmp(given, "--strict") == 0)
        out->strict = true;
    else if (strcmp(given, "--no-lint") == 0)
        out->no_lint = true;
    else if (strcmp(given, "-R") == 0 || strcmp(given, "--recursive") == 0)
        out->recursive = true;
    else if (strcmp(given, "--help") == 0 || strcmp(given, "-h") == 0)
        out->help = true;
    else if (takes_value(&value, argv, i, "-f") || takes_value(&value, argv, i, "--file")) {
        if (value == NULL)
            return cli_usage_error("validate", "%s needs a value", given);
        cli_push(&out->paths, value);
    } else if (takes_value(&value, argv, i, "--color")) {
        if (value == NULL || !cli_color_set(value))
            return cli_usage_error("validate", "--color is auto, always or never");
    } else if (takes_value(&value, argv, i, "--format")) {
        return cli_format_parse(&out->format, "validate", value == NULL ? "" : value);
    } else {
        return cli_usage_error("validate", "unknown flag '%s'", given);
    }
    return CLI_OK;
}

static int parse_validate_flags(validate_flags *out, int argc, char **argv) {
    bool flags = true;
    int code = CLI_OK;
    for (int i = 1; i < argc && code == CLI_OK; i++) {
        if (!flags || argv[i][0] != '-' || argv[i][1] == '\0')
            cli_push(&out->paths, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            flags = false;
        else
            code = parse_one(out, argv, &i);
    }
    if (code == CLI_OK && !out->help && out->paths.n == 0)
        code = cli_usage_error("validate", "no file and no folder given");
    return code;
}

/* A tool such as pre-commit names the files that changed, one by one, and some of them are no
 * resources; a folder or a pipe without any resource is a mistake. */
static hr_severity without_resources(const cli_list *paths) {
    for (size_t i = 0; i < paths->n; i++) {
        struct stat st;
        if (strcmp(paths->v[i], "-") == 0 || (stat(paths->v[i], &st) == 0 && S_ISDIR(st.st_mode)))
            return HR_SEVERITY_ERROR;
    }
    return HR_WARNING;
}

static void print_findings_json(const cli_findings *findings, const hr_diagnostics *d) {
    json_t *out = json_pack("{s:I,s:I,s:o}", "errors", (json_int_t)hr_diagnostics_errors(d),
                            "warnings", (json_int_t)cli_findings_count(findings, CLI_LEVEL_WARNING),
                            "findings", cli_findings_json(findings));
    json_dumpf(out, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(out);
}

static void print_findings(cli_format format, const hr_diagnostics *d) {
    cli_findings findings = {0};
    if (format == CLI_TEXT) {
        cli_print_diagnostics(stdout, d);
        return;
    }
    cli_findings_add_diagnostics(&findings, d);
    if (format == CLI_JSON)
        print_findings_json(&findings, d);
    else if (format == CLI_GITHUB)
        cli_findings_github(stdout, &findings);
    else
        cli_findings_sarif(stdout, &findings);
    cli_findings_free(&findings);
}

static int validate(const validate_flags *flags) {
    cli_input input;
    cli_input_init(&input, flags->recursive, flags->strict);
    input.options.lint = !flags->no_lint;
    input.options.no_resources = without_resources(&flags->paths);
    int code = cli_input_add_all(&input, "validate", &flags->paths);
    if (code == CLI_OK) {
        hr_table *table = NULL;
        hr_diagnostics *d = NULL;
        int error = hr_table_load(&table, &d, input.sources, input.n, &input.options);
        print_findings(flags->format, d);
        if (error != HR_OK && hr_diagnostics_errors(d) == 0)
            fprintf(stderr, "headerroute validate: %s\n", hr_strerror(error));
        sum_up(d, table);
        bool failed = error != HR_OK || (flags->strict && hr_diagnostics_count(d) > 0);
        code = failed ? CLI_FAILED : CLI_OK;
        hr_diagnostics_free(d);
        hr_table_unref(table);
    }
    cli_input_free(&input);
    return code;
}

int cli_validate(int argc, char **argv) {
    validate_flags flags = {.help = false};
    int code = parse_validate_flags(&flags, argc, argv);
    if (code == CLI_OK && flags.help)
        print_validate_help(stdout);
    else if (code == CLI_OK)
        code = validate(&flags);
    free(flags.paths.v);
    return code;
}
