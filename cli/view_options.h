/* Whose data plane decides: the options of a view, as flags, lines of --batch and test cases give
 * them. */
#ifndef HR_CLI_VIEW_OPTIONS_H
#define HR_CLI_VIEW_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <headerroute/headerroute.h>

/* Zeroed, it has every default. */
typedef struct cli_view {
    hr_view_options options; /* without labels; strings are borrowed */
    hr_pair *labels;         /* source_labels; freed by the owner of the struct */
    size_t n_labels, labels_capacity;
} cli_view;

/* A flag that sets an option. The name of the option is that of hr_view_options_set, or
 * source_labels. */
typedef struct cli_view_flag {
    const char *flag, *option;
    const char *value; /* in --help */
    const char *help;  /* lines, separated by '\n' */
} cli_view_flag;

enum { CLI_VIEW_FLAGS = 8 };
extern const cli_view_flag cli_view_flags[CLI_VIEW_FLAGS];

/* Both set an option. HR_OK; HR_ENOENT for an unknown option; HR_EINVAL with a phrase in
 * *expected if the value is not allowed. The text of source_labels is KEY=VALUE and adds a label;
 * its JSON is an object. */
int cli_view_set(cli_view *view, const char *option, hr_str value, const char **expected);
int cli_view_set_json(cli_view *view, const char *option, const json_t *value,
                      const char **expected);

/* Whether two views have the same value of an option. */
bool cli_same_option(const hr_view_options *a, const hr_view_options *b, const char *option);
/* An option that a view of `diff` does not have for itself: all views of a comparison share it. */
bool cli_is_shared_option(const char *option);

void cli_add_label(cli_view *view, hr_str name, hr_str value);
/* The options that hr_view_new takes: those of the view, with its labels, on a port. */
hr_view_options cli_view_on_port(const cli_view *view, uint16_t port);
/* Whether one view is asked for, not options that all views share. */
bool cli_names_view(const cli_view *view);
/* The part of --help about the view. */
void cli_print_view_help(FILE *to);
/* Behind it, where single requests are decided: --peer-address and --trusted-proxies. */
void cli_print_connection_help(FILE *to);

#endif
