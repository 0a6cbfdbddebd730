/* Separates the test cases of a file from the resources that it holds besides. */
#define _GNU_SOURCE
#include "case_file.h"

#include <stdlib.h>
#include <string.h>

/* ---- documents of a text ---- */

static size_t line_length(const char *line, const char *end) {
    const char *line_feed = memchr(line, '\n', (size_t)(end - line));
    return (size_t)((line_feed == NULL ? end : line_feed + 1) - line);
}

static bool begins_with(const char *line, size_t len, const char *word) {
    size_t n = strlen(word);
    return len >= n && memcmp(line, word, n) == 0;
}

/* "---" at the start of a line ends a document wherever it stands, also in a block scalar
 * (YAML 1.2, 9.1.2). */
static bool is_marker(const char *line, size_t len) {
    return begins_with(line, len, "---") && (len == 3 || strchr(" \t\r\n", line[3]) != NULL);
}

/* The length of the document at `text`: up to the next marker, its own marker included. */
static size_t document_length(const char *text, const char *end) {
    size_t n = line_length(text, end);
    while (text + n < end && !is_marker(text + n, line_length(text + n, end)))
        n += line_length(text + n, end);
    return n;
}

static bool is_resource(const char *text, size_t len) {
    bool kind = false;
    for (size_t at = 0, n; at < len; at += n) {
        n = line_length(text + at, text + len);
        if (begins_with(text + at, n, "testCases:"))
            return false;
        kind = kind || begins_with(text + at, n, "kind:");
    }
    return kind;
}

/* Markers stay, so that the documents before and after do not become one. */
static void make_blank(char *text, size_t len) {
    size_t at = is_marker(text, line_length(text, text + len)) ? 3 : 0;
    for (; at < len; at++)
        if (text[at] != '\n')
            text[at] = ' ';
}

void cli_case_file_set(cli_case_file *file, hr_str path, hr_str text) {
    *file = (cli_case_file){
        .path = cli_strdup(path.p, path.len),
        .cases = cli_strdup(text.p, text.len),
        .resources = cli_strdup(text.p, text.len),
        .len = text.len,
    };
    for (size_t at = 0, n; at < text.len; at += n) {
        n = document_length(text.p + at, text.p + text.len);
        bool resource = is_resource(text.p + at, n);
        make_blank((resource ? file->cases : file->resources) + at, n);
        file->has_resources = file->has_resources || resource;
    }
}

void cli_case_file_clear(cli_case_file *file) {
    free(file->path);
    free(file->cases);
    free(file->resources);
}

/* ---- reading ---- */

static int add_file(void *ctx, hr_str path, hr_str text) {
    cli_case_files *files = ctx;
    if (files->n == files->capacity) {
        files->capacity = files->capacity == 0 ? 16 : files->capacity * 2;
        files->v = cli_realloc(files->v, files->capacity * sizeof(*files->v));
    }
    cli_case_file_set(&files->v[files->n++], path, text);
    return HR_OK;
}

static int add_stdin(cli_case_files *out) {
    size_t len;
    char *text = cli_read_stdin("test", &len);
    if (text == NULL)
        return CLI_FAILED;
    add_file(out, HR_STR(CLI_STDIN_NAME), (hr_str){text, len});
    free(text);
    return CLI_OK;
}

int cli_case_files_read(cli_case_files *out, const char *path, const cli_input *input) {
    if (strcmp(path, "-") == 0)
        return add_stdin(out);
    hr_source source = {.path = path};
    hr_diagnostics *d = NULL;
    int error = hr_sources_read(&d, &source, 1, &input->options, add_file, out);
    cli_input_report(input, stderr, d);
    if (error != HR_OK && hr_diagnostics_count(d) == 0)
        fprintf(stderr, "headerroute test: %s: %s\n", path, hr_strerror(error));
    hr_diagnostics_free(d);
    return error != HR_OK ? CLI_FAILED : CLI_OK;
}

void cli_case_files_free(cli_case_files *files) {
    for (size_t i = 0; i < files->n; i++)
        cli_case_file_clear(&files->v[i]);
    free(files->v);
}
