/*
 * Reads files of `headerroute test` and separates their test cases from the resources they hold.
 *
 * A file may hold the VirtualServices that it tests as further YAML documents. A document is a
 * resource if one of its lines begins with the key `kind:` and none begins with `testCases:`.
 */
#ifndef HR_CLI_CASE_FILE_H
#define HR_CLI_CASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

#include "input.h"

typedef struct cli_case_file {
    char *path;
    /* The text of the file twice. In each, the other's documents are blank, so that line numbers
     * stay those of the file. */
    char *cases, *resources;
    size_t len;
    bool has_resources;
} cli_case_file;

typedef struct cli_case_files {
    cli_case_file *v;
    size_t n, capacity;
} cli_case_files;

/* Copies and separates a text; the second frees it. */
void cli_case_file_set(cli_case_file *file, hr_str path, hr_str text);
void cli_case_file_clear(cli_case_file *file);

/* Reads a file, each *.yaml, *.yml and *.json file of a folder in order of name, or standard input
 * ("-"), with the options of `input`, and appends to `out`. Returns CLI_OK, or CLI_FAILED after a
 * line on stderr. */
int cli_case_files_read(cli_case_files *out, const char *path, const cli_input *input);
void cli_case_files_free(cli_case_files *files);

#endif
