/*
 * Command lines from a table: one row a flag gives parsing, the environment twin, --help and the
 * message for a bad value. Every flag --some-name has the twin SV_SOME_NAME; a row may name one
 * more variable (`also_env`) that users already know. Order: the struct's initial value, then
 * `also_env`, then the twin, then the command line.
 */
#ifndef SV_FLAGS_H
#define SV_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sv_flag_kind {
    SV_FLAG_SWITCH, /* bool; takes no value on the command line, 0/1/true/false in the environment
                     */
    SV_FLAG_TEXT,   /* const char * */
    SV_FLAG_LIST,   /* sv_text_list; repeatable; separated by commas or blanks in the environment */
    SV_FLAG_INT,    /* int64_t within [min, max] */
    SV_FLAG_BYTES,  /* int64_t within [min, max]; takes the suffixes K, M, G (1024) */
    SV_FLAG_SECONDS, /* int64_t milliseconds within [min, max]; written in seconds, "1.5" */
    SV_FLAG_CHOICE,  /* int: index into `choices` */
    SV_FLAG_CUSTOM   /* whatever `parse` fills */
} sv_flag_kind;

typedef struct sv_text_list {
    const char **v;
    size_t n;
} sv_text_list;

typedef struct sv_flag {
    const char *name; /* without the dashes */
    char letter;      /* short form, or 0 */
    sv_flag_kind kind;
    const char *value_name;   /* in --help: "ADDR:PORT" */
    const char *help;         /* one sentence or two; wrapped by --help */
    size_t offset;            /* of the field in the options struct */
    const char *also_env;     /* another environment variable, or NULL */
    const char *default_text; /* default shown by --help; NULL shows the initial value */
    int64_t min, max;
    const char *const *choices; /* NULL-terminated */
    /* CUSTOM: 0, or -1 with a sentence in `why` */
    int (*parse)(void *field, const char *text, char *why, size_t why_size);
} sv_flag;

/* A table and the struct that it fills. */
typedef struct sv_flag_set {
    const sv_flag *flags;
    size_t n;
    void *options;
} sv_flag_set;

#define SV_FLAGS_RUN (-1) /* all is well: go on */

/* Fills the options of all sets. Returns SV_FLAGS_RUN, or the exit code to leave with: 0 after
 * --help or --version (printed on stdout), 2 after a bad flag or value (one line on stderr). Texts
 * point into argv and the environment; lists are allocated and live as long as the program. */
int sv_flags_parse(const sv_flag_set *sets, size_t n_sets, int argc, char **argv,
                   const char *program, const char *summary);

/* The parsers by themselves, for other users and for tests. 0, or -1 with a sentence in `why`. */
int sv_flag_parse_int(int64_t *out, const char *text, int64_t min, int64_t max, char *why,
                      size_t why_size);
int sv_flag_parse_bytes(int64_t *out, const char *text, int64_t min, int64_t max, char *why,
                        size_t why_size);
int sv_flag_parse_seconds(int64_t *out_ms, const char *text, int64_t min, int64_t max, char *why,
                          size_t why_size);

#endif
