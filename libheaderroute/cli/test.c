/* headerroute test */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "color.h"
#include "suite.h"
#include "flags.h"
#include "table.h"
#include "text.h"

static const char test_help[] =
    "usage: headerroute test -f PATH [-f PATH]... [VIEW] [--junit FILE] CASES.yaml...\n"
    "\n"
    "Runs routing tests in the format of istio-config-validator (and a superset of it) against the rules of\n"
    "the files; TAP on stdout. A Gateway that VirtualServices name but no file has is taken for one with any\n"
    "host on port 80. Exit 0 if all cases pass, 1 if not, 2 if the command line is wrong.\n"
    "\n"
    "  -f, --file PATH          YAML file, or folder of them (repeatable)\n"
    "  --junit FILE             write the results as JUnit XML, too\n"
    "  --color auto|always|never\n"
    "                           default: auto, colour on a terminal unless NO_COLOR is set\n"
    "  -h, --help               this text\n"
    "\n";

/* ---- Gateways that are not there ---- */

static bool known_gateway(const hr_table *table, hr_str id) {
    return hr_str_eq_c(id, "mesh") || hr_table_find_gateway(table, id) != NULL;
}

/* YAML of the Gateways that are named but not loaded; NULL: all are there. */
static char *missing_gateways(const hr_table *table) {
    char *yaml = NULL;
    size_t len = 0;
    for (size_t s = 0; s < table->n_virtual_services; s++)
        for (size_t g = 0; g < table->virtual_services[s].n_gateways; g++) {
            hr_str id = table->virtual_services[s].gateways[g];
            size_t slash = hr_str_find(id, '/', 0);
            char one[512];
            int n = snprintf(one, sizeof(one),
                             "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: \"%.*s\", namespace: "
                             "\"%.*s\"}\nspec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: "
                             "[\"*/*\"]}], selector: {headerroute-test: \"%.*s.%.*s\"}}\n",
                             (int)(id.len - slash - 1), id.p + slash + 1, (int)slash, id.p, (int)slash, id.p,
                             (int)(id.len - slash - 1), id.p + slash + 1);
            if (known_gateway(table, id) || n < 0 || (size_t)n >= sizeof(one) || (yaml != NULL && strstr(yaml, one) != NULL))
                continue;
            yaml = cli_realloc(yaml, len + (size_t)n + 1);
            memcpy(yaml + len, one, (size_t)n + 1);
            len += (size_t)n;
        }
    return yaml;
}

static hr_table *load(const char *command, const cli_list *files) {
    hr_table *table = cli_load(command, files->v, files->n);
    char *yaml = table == NULL ? NULL : missing_gateways(table);
    if (yaml == NULL)
        return table;
    hr_source *sources = cli_realloc(NULL, (files->n + 1) * sizeof(*sources));
    for (size_t i = 0; i < files->n; i++)
        sources[i] = (hr_source){.path = files->v[i]};
    sources[files->n] = (hr_source){.name = "(Gateways that no file has)", .text = hr_str_from(yaml)};
    hr_table *with = NULL;
    hr_diagnostics *d = NULL;
    if (hr_table_load(&with, &d, sources, files->n + 1, NULL) != HR_OK)
        cli_print_diagnostics(stderr, d);
    hr_diagnostics_free(d);
    hr_table_unref(table);
    free(sources);
    free(yaml);
    return with;
}

/* ---- reports ---- */

/* On one line, with a backslash before those of `escaped`. */
static void put_line(const char *text, const char *escaped) {
    for (; *text != '\0'; text++) {
        if (strchr(escaped, *text) != NULL)
            putchar('\\');
        putchar(*text == '\n' || *text == '\r' ? ' ' : *text);
    }
    putchar('\n');
}

static void print_tap(const cli_case_results *results) {
    printf("TAP version 13\n1..%zu\n", results->n);
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        printf("%s%s%s %zu - ", cli_color_on(stdout, r->failure == NULL ? CLI_GREEN : CLI_RED),
               r->failure == NULL ? "ok" : "not ok", cli_color_off(stdout), i + 1);
        put_line(r->description, "#\\"); /* a '#' would begin a directive */
        if (r->failure != NULL) {
            printf("# %s:%d: ", r->file, r->line);
            put_line(r->failure, "");
        }
    }
    printf("# %s%zu passed, %zu failed%s\n", cli_color_on(stdout, results->failed == 0 ? CLI_GREEN : CLI_RED),
           results->n - results->failed, results->failed, cli_color_off(stdout));
}

static void put_xml(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            if ((unsigned char)*text >= 0x20 || *text == '\t' || *text == '\n')
                fputc(*text, out);
            else
                fputc('?', out);
            break;
        }
    }
}

static int write_junit(const char *path, const cli_case_results *results) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(stderr, "headerroute test: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"headerroute\" tests=\"%zu\" failures=\"%zu\">\n",
            results->n, results->failed);
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        fputs("<testcase classname=\"", out);
        put_xml(out, r->file);
        fputs("\" name=\"", out);
        put_xml(out, r->description);
        fputs("\">", out);
        if (r->failure != NULL) {
            fputs("<failure message=\"", out);
            put_xml(out, r->failure);
            fprintf(out, "\">%s:%d</failure>", r->file, r->line);
        }
        fputs("</testcase>\n", out);
    }
    fputs("</testsuite>\n</testsuites>\n", out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        fprintf(stderr, "headerroute test: %s: cannot be written\n", path);
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* ---- the command ---- */

static int run_all(cli_flags *flags, hr_table *table, const cli_rules *rules) {
    cli_suite suite = {.table = table, .rules = rules, .views = {.table = table}, .defaults = flags->view};
    cli_case_results results = {0};
    int code = hr_scratch_new(&suite.scratch) == HR_OK ? CLI_OK : CLI_FAILED;
    for (size_t i = 0; code == CLI_OK && i < flags->rest.n; i++)
        code = cli_cases_run(&results, &suite, flags->rest.v[i]);
    if (code == CLI_OK) {
        print_tap(&results);
        if (flags->junit != NULL)
            code = write_junit(flags->junit, &results);
        if (results.failed > 0)
            code = CLI_FAILED;
    }
    cli_case_results_free(&results);
    hr_scratch_free(suite.scratch);
    cli_views_free(&suite.views);
    return code;
}

int cli_test(int argc, char **argv) {
    cli_flags flags;
    int code = cli_parse_flags(&flags, argc, argv, "fvuh");
    if (code == CLI_OK && flags.help)
        printf("%s%s", test_help, cli_view_help);
    else if (code == CLI_OK && flags.files.n == 0)
        code = cli_usage_error(argv[0], "no configuration: give -f PATH");
    else if (code == CLI_OK && flags.rest.n == 0)
        code = cli_usage_error(argv[0], "no file of test cases");
    else if (code == CLI_OK) {
        hr_table *table = load(argv[0], &flags.files);
        cli_rules *rules = table == NULL ? NULL : cli_rules_read(flags.files.v, flags.files.n);
        code = rules == NULL ? CLI_FAILED : run_all(&flags, table, rules);
        cli_rules_free(rules);
        hr_table_unref(table);
    }
    cli_flags_free(&flags);
    return code;
}
