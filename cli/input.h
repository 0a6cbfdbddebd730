/* What a command loads: files, folders and standard input, and how they are read. */
#ifndef HR_CLI_INPUT_H
#define HR_CLI_INPUT_H

#include <stdbool.h>

#include "cli.h"
#include "findings.h"

typedef struct cli_input {
    hr_source *sources; /* borrow their paths */
    size_t n, capacity;
    hr_load_options options;
    bool strict;            /* a warning of the load is an error */
    char *standard;         /* the text of standard input, or NULL */
    cli_findings *findings; /* receives what is printed, for another format; NULL: none does */
    hr_diagnostics **kept;  /* receives the findings of a load, which the caller frees; or NULL */
} cli_input;

/* What standard input is called in messages. */
#define CLI_STDIN_NAME "<stdin>"

/* An input without sources: lenient, so that files which are not resources are passed over, while a
 * load without any resource is an error. */
void cli_input_init(cli_input *input, bool recursive, bool strict);
/* Evaluates the VirtualServices that Argo Rollouts or Flagger would write (--expand,
 * --rollout-step). */
void cli_input_expand(cli_input *input, bool rollouts, int step);
/* An input with the sources and the options of another one, which must outlive it. */
void cli_input_extend(cli_input *input, const cli_input *from);
/* Adds a path; "-" is standard input, which is read now. CLI_OK, or a line on stderr and CLI_USAGE
 * or CLI_FAILED. */
int cli_input_add(cli_input *input, const char *command, const char *path);
int cli_input_add_all(cli_input *input, const char *command, const cli_list *paths);
/* Adds a text, which must outlive the input. */
void cli_input_add_text(cli_input *input, const char *name, hr_str text);
void cli_input_free(cli_input *input);

/* Reads standard input into malloc'ed memory, up to one byte more than the limit of a file. Returns
 * NULL after a line on stderr. */
char *cli_read_stdin(const char *command, size_t *len);

/* Prints findings, one a line, and adds them to `findings`. */
void cli_input_report(const cli_input *input, FILE *to, const hr_diagnostics *d);

/* Loads the input, with findings on stderr. Returns NULL if they contain an error. */
hr_table *cli_input_load(const char *command, const cli_input *input);

#endif
