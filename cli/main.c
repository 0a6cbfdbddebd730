/* Finds the command that argv names and runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"validate", cli_validate, "check YAML files as Istio's admission does"},
    {"route", cli_route, "show what happens to a request, or to a batch of them"},
    {"explain", cli_explain, "show every rule tried for a request, and why it matched or not"},
    {"test", cli_test, "run routing tests in the format of istio-config-validator"},
    {"diff", cli_diff, "report what a change to the rules changes, for all requests"},
    {"convert", cli_convert, "write the rules in the other language, and compare the two"},
    {"replay", cli_replay, "report which routes the requests of an access log take"},
};

static void help(FILE *to) {
    fputs("usage: headerroute COMMAND [FLAGS]\n"
          "\n"
          "Istio's VirtualService and DestinationRule, evaluated on the spot.\n"
          "\n",
          to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nheaderroute COMMAND --help describes a command. headerroute --version prints the "
          "version.\n",
          to);
}

/* A descriptor of the standard streams that is closed is not to become that of a file which is
 * opened later: it is one that refuses what the stream does. */
static void hold_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return;
}

static int run_command(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("headerroute %s\n", hr_version());
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "headerroute: there is no command '%s' (see: headerroute --help)\n", argv[1]);
    return CLI_USAGE;
}

/* Where the output cannot be written, the exit code must not be one that the command uses as its
 * answer: 1 says of several commands that something differs. */
int main(int argc, char **argv) {
    hold_streams();
    int code = run_command(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("headerroute: cannot write the output\n", stderr);
    return CLI_USAGE;
}
