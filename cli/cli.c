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

void cli_print_diagnostic(FILE *to, const hr_diagnostic *d) {
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
        cli_print_diagnostic(to, hr_diagnostics_get(d, i));
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

void cli_push_pair(hr_pair **v, size_t *n, size_t *capacity, hr_str name, hr_str value) {
    if (*n == *capacity) {
        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        *v = cli_realloc(*v, *capacity * sizeof(**v));
    }
    (*v)[(*n)++] = (hr_pair){name, value};
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
