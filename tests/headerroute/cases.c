/* Reads case files and compares what is found in their YAML. */
#include "cases.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "documents.h"
#include "kinds.h"
#include "lint.h"
#include "table_build.h"

static const char begin_mark[] = "=== ";

static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    cr_assert(f != NULL, "%s is missing", path);
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    cr_assert(n > 0 && n < (1 << 20) - 1, "%s is empty or too large", path);
    return text;
}

/* Cuts `*rest` behind its first line and returns that line. */
static char *cut_line(char **rest) {
    char *line = *rest, *end = strchr(line, '\n');
    *rest = end == NULL ? line + strlen(line) : end + 1;
    if (end != NULL)
        *end = '\0';
    return line;
}

case_file cases_read(const char *name, const char *mark) {
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/headerroute/fixtures/%s.txt", HR_SOURCE_DIR, name);
    case_file file = {.text = read_file(path)};
    file.cases = calloc(1000, sizeof(*file.cases));
    for (char *at = strstr(file.text, begin_mark), *next; at != NULL; at = next) {
        cr_assert(file.n < 1000);
        char *rest = at + strlen(begin_mark);
        next = strstr(rest, "\n=== ");
        if (next != NULL)
            *++next = '\0'; /* in the place of the first '=' */
        test_case *c = &file.cases[file.n++];
        c->name = cut_line(&rest);
        c->yaml = rest;
        char *end = strstr(rest, mark);
        cr_assert(end != NULL, "%s: the case \"%s\" has no line %s", path, c->name, mark);
        c->expected = end + strlen(mark);
        *end = '\0';
    }
    cr_assert(file.n > 0, "%s has no case", path);
    return file;
}

void cases_free(case_file *file) {
    free(file->cases);
    free(file->text);
}

char *cases_findings(const hr_diagnostics *d) {
    size_t size = 1, used = 0;
    for (size_t i = 0; i < hr_diagnostics_count(d); i++)
        size += hr_diagnostic_format(NULL, 0, hr_diagnostics_get(d, i)) + 1;
    char *text = calloc(1, size), *line = calloc(1, size);
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(d, i);
        hr_diagnostic_format(line, size, f);
        used += (size_t)snprintf(text + used, size - used, "%s\n", line + f->file.len + 1);
    }
    free(line);
    return text;
}

static void check(const char *file, const test_case *c, int lint) {
    hr_arena *arena = hr_arena_new();
    hr_diagnostics *d = hr_diagnostics_new();
    hr_resources *resources = NULL;
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = lint;
    hr_source source = {.name = "case", .text = {c->yaml, strlen(c->yaml)}};
    cr_assert(eq(int, hr_resources_read(&resources, arena, d, &source, 1, &options), HR_OK));
    cr_assert(eq(int, hr_resources_validate(resources, d), HR_OK));
    if (lint) {
        hr_table *table = NULL;
        cr_assert(eq(int, hr_table_build(&table, arena, resources, &options), HR_OK));
        cr_assert(eq(int, hr_table_lint(table, d), HR_OK));
        arena = NULL;
        hr_table_unref(table);
    }
    char *found = cases_findings(d);
    cr_expect(strcmp(found, c->expected) == 0, "%s: %s\nexpected:\n%s\nfound:\n%s", file, c->name,
              c->expected, found);
    free(found);
    hr_diagnostics_free(d);
    if (arena != NULL)
        hr_arena_free(arena);
}

size_t cases_check(const char *name, int lint) {
    case_file file = cases_read(name, "--- findings\n");
    size_t n = file.n;
    for (size_t i = 0; i < file.n; i++)
        check(name, &file.cases[i], lint);
    cases_free(&file);
    return n;
}
