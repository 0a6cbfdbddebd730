/* Colour for people who read the output on a terminal. */
#include "color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_set(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

/* NO_COLOR: https://no-color.org; CLICOLOR_FORCE: https://bixense.com/clicolors */
static int has_color(FILE *to) {
    if (is_set("NO_COLOR"))
        return 0;
    if (is_set("CLICOLOR_FORCE"))
        return 1;
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "dumb") != 0 && isatty(fileno(to));
}

const char *cli_color_on(FILE *to, cli_color color) {
    static const char *const codes[] = {[CLI_GREEN] = "\033[32m",
                                        [CLI_RED] = "\033[31m",
                                        [CLI_YELLOW] = "\033[33m",
                                        [CLI_FAINT] = "\033[2m"};
    return has_color(to) ? codes[color] : "";
}

const char *cli_color_off(FILE *to) {
    return has_color(to) ? "\033[0m" : "";
}

/* The flag overrides the environment: it is written there, so that has_color is the only place that
 * decides. */
int cli_color_set(const char *when) {
    if (strcmp(when, "auto") == 0)
        return 1;
    if (strcmp(when, "always") != 0 && strcmp(when, "never") != 0)
        return 0;
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    setenv(when[0] == 'a' ? "CLICOLOR_FORCE" : "NO_COLOR", "1", 1);
    return 1;
}
