/*
 * Case files: documents and what is found in them.
 *
 *     === name of the case
 *     YAML
 *     --- findings
 *     line:column: error: field: message
 *
 * Every finding is named, word for word and in order; a case without any is accepted.
 */
#ifndef CASES_H
#define CASES_H

#include <stddef.h>

#include <headerroute/headerroute.h>

typedef struct test_case {
    char *name, *yaml, *expected; /* zero-terminated, in `text` */
} test_case;

typedef struct case_file {
    char *text;
    test_case *cases;
    size_t n;
} case_file;

/* Reads tests/headerroute/fixtures/NAME.txt, where the line `mark` ends the YAML of a case. Fails
 * the test if there is no case in it. */
case_file cases_read(const char *name, const char *mark);
void cases_free(case_file *file);

/* The findings as a case file has them, malloc'ed. */
char *cases_findings(const hr_diagnostics *d);

/* Loads the YAML of each case of tests/headerroute/fixtures/NAME.txt (with the linter, if `lint`)
 * and compares the findings. Returns the number of cases. */
size_t cases_check(const char *name, int lint);

#endif
