/* The command `headerroute`: sub-commands and what they share. */
#ifndef HR_CLI_H
#define HR_CLI_H

#include <stdio.h>

#include <headerroute/headerroute.h>

/* Exit codes: 0 fine, 1 the configuration (or a test) has errors, 2 the command line is wrong, or
 * the output cannot be written. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Each gets its own name as argv[0]. */
int cli_validate(int argc, char **argv);
int cli_route(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_convert(int argc, char **argv);

/* "headerroute COMMAND: message" on stderr, and CLI_USAGE. */
int cli_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes a finding to `to` as one line, with the word that gives the severity in colour. */
void cli_print_diagnostic(FILE *to, const hr_diagnostic *d);
/* Writes all findings to `to`, one a line. */
void cli_print_diagnostics(FILE *to, const hr_diagnostics *d);

/* Growing list of strings that are borrowed. */
typedef struct cli_list {
    const char **v;
    size_t n, capacity;
} cli_list;
void cli_push(cli_list *list, const char *s); /* exits if out of memory */
/* The same for a growing list of pairs. */
void cli_push_pair(hr_pair **v, size_t *n, size_t *capacity, hr_str name, hr_str value);

/* realloc that exits with a message. */
void *cli_realloc(void *p, size_t size);
char *cli_strdup(const char *s, size_t len);

/* "0.25" -> a number in [0, 1). 0: it is none. */
int cli_parse_draw(double *out, const char *text);
/* 1 to 65535. 0: it is none. */
int cli_parse_port(uint16_t *out, const char *text);

#endif
