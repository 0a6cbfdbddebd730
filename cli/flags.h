/* The flags of `route`, `explain` and `test`. */
#ifndef HR_CLI_FLAGS_H
#define HR_CLI_FLAGS_H

#include "body.h"
#include "request.h"

typedef struct cli_flags {
    cli_list files; /* -f */
    cli_view view;
    cli_request request;
    const char *scheme; /* NULL: the URL's */
    cli_body body;
    bool json;
    const char *batch; /* NULL: none; "-": stdin */
    const char *junit;
    bool coverage, generate;
    double fail_under; /* percent of the parts that must be reached */
    const char *lcov;
    cli_list old, new_;    /* --old, --new */
    const char *only;      /* NULL: everything */
    const char *format;    /* NULL: text */
    const char *locate;    /* a file of requests; "-": stdin */
    cli_list against;      /* --against of `replay` */
    const char *authority; /* of lines without one; NULL: none */
    cli_list rest;         /* the positional arguments */
    bool recursive;        /* -R */
    bool strict;
    bool help;
} cli_flags;

/* Parses argv. `accepted` lists the flags of the command by letter: f (files), l (-R, --strict), v
 * (view), r (request), j (--json), b (--batch), u (the flags of `test`), d (the flags of `diff`), y
 * (those of `replay`). Returns
 * CLI_OK, or prints a line on stderr and returns CLI_USAGE. */
int cli_parse_flags(cli_flags *out, int argc, char **argv, const char *accepted);
void cli_flags_free(cli_flags *flags);

#endif
