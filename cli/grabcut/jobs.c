/* Expands files and folders to jobs and finds results in conflict. */
#define _GNU_SOURCE /* asprintf */
#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static void *must(void *p) {
    if (p == NULL) {
        fputs("grabcut: out of memory\n", stderr);
        exit(CUT_FAILED);
    }
    return p;
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *pattern, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, pattern);
    int n = vasprintf(&text, pattern, args);
    va_end(args);
    return must(n < 0 ? NULL : text);
}

static void add_job(cut_jobs *jobs, char *in, char *why) {
    if (jobs->n == jobs->capacity) {
        jobs->capacity = jobs->capacity == 0 ? 16 : jobs->capacity * 2;
        jobs->v = must(realloc(jobs->v, jobs->capacity * sizeof(*jobs->v)));
    }
    jobs->v[jobs->n++] = (cut_job){.in = in, .why = why};
}

/* ---- inputs ---- */

static bool is_folder(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static int is_image_name(const struct dirent *entry) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp"};
    const char *dot = strrchr(entry->d_name, '.');
    if (dot == NULL || entry->d_name[0] == '.')
        return 0;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return 1;
    return 0;
}

/* By bytes, so that the order does not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_folder(cut_jobs *jobs, const char *path) {
    struct dirent **entries;
    int n = scandir(path, &entries, is_image_name, by_name);
    if (n < 0) {
        add_job(jobs, format("%s", path), format("%s", strerror(errno)));
        return;
    }
    if (n == 0)
        add_job(jobs, format("%s", path), format("the folder has no JPEG, PNG, WebP or BMP file"));
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
    for (int i = 0; i < n; i++) {
        add_job(jobs, format("%s%s%s", path, slash, entries[i]->d_name), NULL);
        free(entries[i]);
    }
    free(entries);
}

/* ---- results ---- */

/* FOLDER/NAME.png for any/where/NAME.jpg */
static char *result_in(const char *folder, const char *in) {
    const char *name = strrchr(in, '/') == NULL ? in : strrchr(in, '/') + 1;
    const char *dot = strrchr(name, '.');
    size_t stem = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    return format("%s%s%.*s.png", folder, slash, (int)stem, name);
}

static bool goes_to_a_folder(const cut_options *o) {
    return o->n_inputs > 1 || is_folder(o->inputs[0]) || is_folder(o->output) ||
           o->output[strlen(o->output) - 1] == '/';
}

static int choose_results(cut_jobs *jobs, const cut_options *o) {
    bool from_folder = o->n_inputs > 1 || is_folder(o->inputs[0]);
    if (o->output == NULL) {
        if (from_folder)
            return cut_usage_error("-o DIR is required for more than one image");
        if (isatty(STDOUT_FILENO))
            return cut_usage_error("standard output is a terminal: -o FILE is required");
        return -1;
    }
    if (!goes_to_a_folder(o)) {
        jobs->v[0].out = format("%s", o->output);
        return -1;
    }
    if (strcmp(o->inputs[0], "-") == 0)
        return cut_usage_error("'-' needs a file for its result, '%s' is a folder", o->output);
    int error = cut_make_folder(o->output);
    if (error != 0) {
        fprintf(stderr, "grabcut: %s: %s\n", o->output, strerror(error));
        return CUT_FAILED;
    }
    for (size_t i = 0; i < jobs->n; i++)
        if (jobs->v[i].why == NULL)
            jobs->v[i].out = result_in(o->output, jobs->v[i].in);
    return -1;
}

/* ---- conflicts ---- */

/* By result; jobs without one come first. */
static int by_result(const void *a, const void *b) {
    const cut_job *x = *(cut_job *const *)a, *y = *(cut_job *const *)b;
    int order = strcmp(x->out == NULL ? "" : x->out, y->out == NULL ? "" : y->out);
    return order != 0 ? order : (x > y) - (x < y);
}

static void find_equal_results(cut_jobs *jobs) {
    cut_job **sorted = must(malloc((jobs->n + 1) * sizeof(cut_job *)));
    for (size_t i = 0; i < jobs->n; i++)
        sorted[i] = &jobs->v[i];
    qsort(sorted, jobs->n, sizeof(cut_job *), by_result);
    cut_job *first = NULL;
    for (size_t i = 0; i < jobs->n; i++) {
        if (sorted[i]->out == NULL)
            continue;
        if (first != NULL && strcmp(first->out, sorted[i]->out) == 0)
            sorted[i]->why = format("%s is the result of %s already", first->out, first->in);
        else
            first = sorted[i];
    }
    free(sorted);
}

typedef struct file_id {
    dev_t device;
    ino_t inode;
} file_id;

static int by_id(const void *a, const void *b) {
    const file_id *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static bool id_of(file_id *out, const char *path) {
    struct stat found;
    if (path == NULL || stat(path, &found) != 0 || !S_ISREG(found.st_mode))
        return false;
    *out = (file_id){found.st_dev, found.st_ino};
    return true;
}

static void find_overwritten_inputs(cut_jobs *jobs) {
    file_id *inputs = must(malloc((jobs->n + 1) * sizeof(*inputs))), id;
    size_t n = 0;
    for (size_t i = 0; i < jobs->n; i++)
        n += id_of(&inputs[n], jobs->v[i].in);
    qsort(inputs, n, sizeof(*inputs), by_id);
    for (size_t i = 0; i < jobs->n; i++)
        if (jobs->v[i].why == NULL && id_of(&id, jobs->v[i].out) &&
            bsearch(&id, inputs, n, sizeof(id), by_id) != NULL)
            jobs->v[i].why = format("the result would overwrite the input %s", jobs->v[i].out);
    free(inputs);
}

int cut_jobs_collect(cut_jobs *out, const cut_options *options) {
    *out = (cut_jobs){NULL, 0, 0};
    for (int i = 0; i < options->n_inputs; i++) {
        const char *input = options->inputs[i];
        if (*input == '\0')
            return cut_usage_error("an input is empty");
        if (is_folder(input))
            add_folder(out, input);
        else
            add_job(out, format("%s", input), NULL);
    }
    int code = choose_results(out, options);
    if (code != -1)
        return code;
    find_equal_results(out);
    find_overwritten_inputs(out);
    return -1;
}

void cut_jobs_free(cut_jobs *jobs) {
    for (size_t i = 0; i < jobs->n; i++) {
        free(jobs->v[i].in);
        free(jobs->v[i].out);
        free(jobs->v[i].why);
    }
    free(jobs->v);
}
