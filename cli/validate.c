/* The command `headerroute validate`: loads files and prints every finding. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "color.h"

static void help(FILE *to) {
    fputs("usage: headerroute validate [--strict] [--no-lint] [--color WHEN] PATH...\n"
          "\n"
          "Loads YAML files and folders as Istio's admission does and prints what it finds, one "
          "finding a line:\n"
          "\n"
          "  file:line:column: error|warning: field.path: message\n"
          "\n"
          "Warnings are about what Istio accepts but is probably a mistake: rules that can never "
          "match because an earlier\n"
          "one covers them, subsets no DestinationRule defines or that select no pod, hosts no "
          "Service backs, weights\n"
          "that do not add up to 100, rules that outside clients pass by, deprecated and ignored "
          "fields.\n"
          "\n"
          "  --strict                 warnings fail, too\n"
          "  --no-lint                only what admission itself says\n"
          "  --color auto|always|never\n"
          "                           default: auto, colour on a terminal unless NO_COLOR is set\n"
          "  -h, --help               this text\n"
          "\n"
          "Exit 0 if all is well, 1 on an error, 2 if the command line is wrong.\n",
          to);
}

/* One line on stderr, so that stdout has findings only. */
static void sum_up(const hr_diagnostics *d, const hr_table *table) {
    size_t errors = hr_diagnostics_errors(d), warnings = hr_diagnostics_count(d) - errors;
    fprintf(stderr, "%zu error%s, %zu warning%s", errors, errors == 1 ? "" : "s", warnings,
            warnings == 1 ? "" : "s");
    if (table != NULL) {
        hr_stats s = HR_STATS_INIT;
        hr_table_stats(&s, table);
        fprintf(stderr,
                " in %zu VirtualServices, %zu DestinationRules, %zu Gateways, %zu Services, %zu "
                "ServiceEntries",
                s.virtual_services, s.destination_rules, s.gateways, s.services, s.service_entries);
    }
    fputc('\n', stderr);
}

int cli_validate(int argc, char **argv) {
    cli_list paths = {0};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    int strict = 0, flags = 1;
    options.lint = 1;
    for (int i = 1; i < argc; i++) {
        if (!flags || argv[i][0] != '-' || argv[i][1] == '\0') {
            cli_push(&paths, argv[i]);
        } else if (strcmp(argv[i], "--") == 0) {
            flags = 0;
        } else if (strcmp(argv[i], "--strict") == 0) {
            strict = 1;
        } else if (strcmp(argv[i], "--no-lint") == 0) {
            options.lint = 0;
        } else if (strcmp(argv[i], "--color") == 0 || strncmp(argv[i], "--color=", 8) == 0) {
            const char *when = argv[i][7] == '=' ? argv[i] + 8 : argv[++i];
            if (when == NULL || !cli_color_set(when)) {
                free(paths.v);
                return cli_usage_error("validate", "--color is auto, always or never");
            }
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help(stdout);
            free(paths.v);
            return CLI_OK;
        } else {
            free(paths.v);
            return cli_usage_error("validate", "unknown flag '%s'", argv[i]);
        }
    }
    if (paths.n == 0)
        return cli_usage_error("validate", "no file and no folder given");
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    int error = hr_table_load_paths(&table, &d, paths.v, paths.n, &options);
    cli_print_diagnostics(stdout, d);
    if (error != HR_OK && hr_diagnostics_errors(d) == 0)
        fprintf(stderr, "headerroute validate: %s\n", hr_strerror(error));
    sum_up(d, table);
    int failed = error != HR_OK || (strict && hr_diagnostics_count(d) > 0);
    hr_diagnostics_free(d);
    hr_table_unref(table);
    free(paths.v);
    return failed ? CLI_FAILED : CLI_OK;
}
