/* Helpers that the commands share: loading, diagnostics, memory, number parsing. */
#include "cli.h"
#include "color.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int cli_usage_error(const char *command, const char *format, ...) {
    va_list args;
    fprintf(stderr, "headerroute %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (see: headerroute %s --help)\n", command);
    return CLI_USAGE;
}

/* With the word that gives the severity in colour. */
static void print_diagnostic(FILE *to, const hr_diagnostic *d) {
    char line[2048];
    hr_diagnostic_format(line, sizeof(line), d);
    bool error = d->severity == HR_SEVERITY_ERROR;
    const char *word = strstr(line, error ? " error: " : " warning: ");
    if (word == NULL) {
        fprintf(to, "%s\n", line);
        return;
    }
    int length = (int)strcspn(word + 1, ":");
    fprintf(to, "%.*s %s%.*s%s%s\n", (int)(word - line), line,
            cli_color_on(to, error ? CLI_RED : CLI_YELLOW), length, word + 1, cli_color_off(to),
            word + 1 + length);
}

void cli_print_diagnostics(FILE *to, const hr_diagnostics *d) {
    for (size_t i = 0; i < hr_diagnostics_count(d); i++)
        print_diagnostic(to, hr_diagnostics_get(d, i));
}

/* Prints the findings about a path itself, such as a folder without YAML files. They have no line.
 */
static void print_of_paths(const hr_diagnostics *d) {
    for (size_t i = 0; i < hr_diagnostics_count(d); i++)
        if (hr_diagnostics_get(d, i)->line == 0)
            print_diagnostic(stderr, hr_diagnostics_get(d, i));
}

hr_table *cli_load(const char *command, const char *const *paths, size_t n) {
    hr_source *sources = cli_realloc(NULL, n * sizeof(*sources));
    for (size_t i = 0; i < n; i++)
        sources[i] = (hr_source){.path = paths[i]};
    hr_table *table = cli_load_sources(command, sources, n);
    free(sources);
    return table;
}

hr_table *cli_load_sources(const char *command, const hr_source *sources, size_t n) {
    hr_diagnostics *d = NULL;
    hr_table *table = NULL;
    int error = hr_table_load(&table, &d, sources, n, NULL);
    if (error != HR_OK) {
        cli_print_diagnostics(stderr, d);
        if (hr_diagnostics_errors(d) == 0)
            fprintf(stderr, "headerroute %s: %s\n", command, hr_strerror(error));
    } else {
        print_of_paths(d);
    }
    hr_diagnostics_free(d);
    return table;
}

void *cli_realloc(void *p, size_t size) {
    void *grown = realloc(p, size == 0 ? 1 : size);
    if (grown == NULL) {
        fputs("headerroute: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    return grown;
}

char *cli_strdup(const char *s, size_t len) {
    char *copy = cli_realloc(NULL, len + 1);
    if (len > 0)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void cli_push(cli_list *list, const char *s) {
    if (list->n == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        list->v = cli_realloc(list->v, list->capacity * sizeof(*list->v));
    }
    list->v[list->n++] = s;
}

int cli_parse_draw(double *out, const char *text) {
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && *out >= 0 && *out < 1;
}

int cli_parse_port(uint16_t *out, const char *text) {
    char *end;
    errno = 0;
    long port = strtol(text, &end, 10);
    *out = (uint16_t)port;
    return errno == 0 && end != text && *end == '\0' && port >= 1 && port <= 65535;
}
