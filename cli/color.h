/* Colour for people who read the output on a terminal. */
#ifndef HR_CLI_COLOR_H
#define HR_CLI_COLOR_H

#include <stdio.h>

typedef enum cli_color { CLI_GREEN, CLI_RED, CLI_YELLOW, CLI_FAINT } cli_color;

/* The escape sequences that begin and end a colour on `to`; "" if `to` is not to be coloured. */
const char *cli_color_on(FILE *to, cli_color color);
const char *cli_color_off(FILE *to);

/* --color auto|always|never. Returns false if `when` is none of these. */
int cli_color_set(const char *when);

#endif
