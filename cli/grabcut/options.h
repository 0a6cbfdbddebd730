/* The command line of `grabcut`. */
#ifndef GRABCUT_CLI_OPTIONS_H
#define GRABCUT_CLI_OPTIONS_H

#include <stdbool.h>

#include <grabcut/grabcut.h>

/* Exit codes: 0 all images were cut, 1 at least one was not, 2 the command line is wrong. */
enum { CUT_OK = 0, CUT_FAILED = 1, CUT_USAGE = 2 };

typedef struct cut_options {
    const char *rect_text; /* NULL: auto */
    grabcut_rect rect;     /* if rect_text is set */
    const char *mask;      /* path; NULL: start from the rect */
    int32_t iterations;
    uint64_t seed;
    grabcut_cutout_kind kind;
    bool respect_alpha, allow_truncated;
    int threads;        /* for one image; 0: by the number of processors */
    int jobs;           /* images at the same time; 0: by the number of processors */
    const char *output; /* NULL: standard output */
    bool progress;      /* draw a bar if standard error is a terminal */
    char **inputs;      /* part of argv */
    int n_inputs;
} cut_options;

/* Parses argv, which it reorders. Returns -1 to go on, or the exit code after it printed help, the
 * version, or what is wrong. */
int cut_options_parse(cut_options *out, int argc, char **argv);

/* Prints "grabcut: MESSAGE" and a hint on standard error. Returns CUT_USAGE. */
int cut_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
