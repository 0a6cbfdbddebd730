/* Reads what a command loads: files, folders and standard input. */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_TEXT ((size_t)64 << 20) /* the library's limit of one text */

void cli_input_init(cli_input *input, bool recursive, bool strict) {
    *input = (cli_input){.options = HR_LOAD_OPTIONS_INIT, .strict = strict};
    input->options.recursive = recursive;
    input->options.lenient = 1;
    input->options.no_resources = HR_SEVERITY_ERROR;
}

void cli_input_expand(cli_input *input, bool rollouts, int step) {
    input->options.expand_rollouts = rollouts;
    input->options.rollout_step = step;
}

static void add_source(cli_input *input, hr_source source) {
    if (input->n == input->capacity) {
        input->capacity = input->capacity == 0 ? 8 : input->capacity * 2;
        input->sources = cli_realloc(input->sources, input->capacity * sizeof(*input->sources));
    }
    input->sources[input->n++] = source;
}

void cli_input_extend(cli_input *input, const cli_input *from) {
    *input =
        (cli_input){.options = from->options, .strict = from->strict, .findings = from->findings};
    for (size_t i = 0; i < from->n; i++)
        add_source(input, from->sources[i]);
}

char *cli_read_stdin(const char *command, size_t *len) {
    size_t capacity = 65536, size = 0, n;
    char *text = cli_realloc(NULL, capacity);
    while ((n = fread(text + size, 1, capacity - size, stdin)) > 0) {
        size += n;
        if (size > LARGEST_TEXT)
            break; /* the load refuses it */
        if (size == capacity)
            text = cli_realloc(text, capacity *= 2);
    }
    if (ferror(stdin)) {
        fprintf(stderr, "headerroute %s: standard input: %s\n", command, strerror(errno));
        free(text);
        return NULL;
    }
    *len = size;
    return text;
}

int cli_input_add(cli_input *input, const char *command, const char *path) {
    if (strcmp(path, "-") != 0) {
        add_source(input, (hr_source){.path = path});
        return CLI_OK;
    }
    if (input->standard != NULL)
        return cli_usage_error(command, "standard input (-) can be read only once");
    size_t len;
    input->standard = cli_read_stdin(command, &len);
    if (input->standard == NULL)
        return CLI_FAILED;
    cli_input_add_text(input, CLI_STDIN_NAME, (hr_str){input->standard, len});
    return CLI_OK;
}

int cli_input_add_all(cli_input *input, const char *command, const cli_list *paths) {
    int code = CLI_OK;
    for (size_t i = 0; i < paths->n && code == CLI_OK; i++)
        code = cli_input_add(input, command, paths->v[i]);
    return code;
}

void cli_input_add_text(cli_input *input, const char *name, hr_str text) {
    add_source(input, (hr_source){.name = name, .text = text});
}

void cli_input_free(cli_input *input) {
    free(input->sources);
    free(input->standard);
}

void cli_input_report(const cli_input *input, FILE *to, const hr_diagnostics *d) {
    cli_print_diagnostics(to, d);
    cli_findings_add_diagnostics(input->findings, d);
}

/* What a load leaves out, and findings about a path itself, such as a folder without YAML files. */
static void report_what_is_left_out(const cli_input *input, const hr_diagnostics *d) {
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        const hr_diagnostic *finding = hr_diagnostics_get(d, i);
        if (finding->code.len > 0 || (finding->line != 0 && !finding->left_out))
            continue;
        cli_print_diagnostic(stderr, finding);
        cli_findings_add_diagnostic(input->findings, finding);
    }
}

/* How many findings are not of the linter. */
static size_t n_not_linted(const hr_diagnostics *d) {
    size_t n = 0;
    for (size_t i = 0; i < hr_diagnostics_count(d); i++)
        n += hr_diagnostics_get(d, i)->code.len == 0;
    return n;
}

hr_table *cli_input_load(const char *command, const cli_input *input) {
    hr_diagnostics *d = NULL;
    hr_table *table = NULL;
    int error = hr_table_load(&table, &d, input->sources, input->n, &input->options);
    bool refused = error == HR_OK && input->strict && n_not_linted(d) > 0;
    if (error != HR_OK || refused)
        cli_input_report(input, stderr, d);
    else
        report_what_is_left_out(input, d);
    if (error != HR_OK && hr_diagnostics_errors(d) == 0)
        fprintf(stderr, "headerroute %s: %s\n", command, hr_strerror(error));
    if (refused) {
        fprintf(stderr, "headerroute %s: with --strict these warnings are errors\n", command);
        hr_table_unref(table);
        table = NULL;
    }
    if (input->kept != NULL)
        *input->kept = d;
    else
        hr_diagnostics_free(d);
    return table;
}
