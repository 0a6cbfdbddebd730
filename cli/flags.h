/* The flags of `route`, `explain` and `test`. */
#ifndef HR_CLI_FLAGS_H
#define HR_CLI_FLAGS_H

#include "body.h"
#include "request.h"

/* Lines of --help that several commands print. */
#define CLI_HELP_FILE                                                                              \
    "  -f, --file PATH          YAML or JSON file, folder of them, or - for standard input "       \
    "(repeatable)\n"
#define CLI_HELP_LOAD                                                                              \
    "  -R, --recursive          read the subfolders of folders, too\n"                             \
    "  --strict                 a warning of the load, such as a kind that is not evaluated, is "  \
    "an "                                                                                          \
    "error\n"                                                                                      \
    "  --expand rollouts        evaluate the VirtualServices that Argo or Flagger would write\n"   \
    "  --rollout-step N         the step that is under way, from 1; beyond the last one the "      \
    "rollout is\n"                                                                                 \
    "                           complete (default: that of the status, else the last)\n"
#define CLI_HELP_REQUEST                                                                           \
    "  -X, --request METHOD     default: GET, with --body POST\n"                                  \
    "  -H, --header 'N: V'      request header (repeatable); Host sets the authority\n"            \
    "  --random R               number in [0, 1) that settles weights, faults and mirrors "        \
    "(default: 0)\n"                                                                               \
    "  --scheme http|https      how the connection is made (default: the URL's)\n"                 \
    "  --request-id ID          the fresh x-request-id of a request that gets one\n"               \
    "                           (default: 00000000-0000-4000-8000-000000000000)\n"                 \
    "  --fact COMMAND=VALUE     the value of a formatter command in header values, such as\n"      \
    "                           HOSTNAME=gw-1 or DOWNSTREAM_TLS_VERSION=TLSv1.3 (repeatable)\n"    \
    "  --claim NAME=VALUE       a claim of the request's validated token, such as role=admin, "    \
    "user.role=admin or\n"                                                                         \
    "                           [example.com/role]=admin; a list has one for each item "           \
    "(repeatable)\n"                                                                               \
    "  --body FILE|-            the request's body, for --body-header\n"                           \
    "  --body-header NAME=PATH  set this header from the body, as the gateway does: PATH is\n"     \
    "                           $.MEMBER[.MEMBER]... of a JSON object, or model_name for the "     \
    "model\n"                                                                                      \
    "                           in an Open Inference Protocol path (repeatable)\n"
#define CLI_HELP_END                                                                               \
    "  --color auto|always|never\n"                                                                \
    "                           default: auto, colour on a terminal unless NO_COLOR is set\n"      \
    "  -h, --help               this text\n"

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
    const char *to;        /* --to of `convert` */
    const char *output;    /* -o of `convert`: a folder; NULL: standard output */
    cli_list against;      /* --against of `replay` */
    const char *authority; /* of lines without one; NULL: none */
    bool order;            /* --order of `explain` */
    cli_list rest;         /* the positional arguments */
    bool recursive;        /* -R */
    bool strict;
    bool expand_rollouts; /* --expand rollouts */
    int rollout_step;     /* from 1; 0: as the Rollout says */
    bool help;
} cli_flags;

/* Parses argv. `accepted` lists the flags of the command by letter: f (files), l (-R, --strict), v
 * (view), r (request), j (--json), b (--batch), u (the flags of `test`), d (the flags of `diff`), o
 * (--format), y (those of `replay`), e (--order), w (those of `convert`). Returns CLI_OK, or prints
 * a line on stderr and returns CLI_USAGE. */
int cli_parse_flags(cli_flags *out, int argc, char **argv, const char *accepted);
/* CLI_OK, or CLI_USAGE after a sentence: what is proven holds for proxies that trust none in front
 * of them, and for any client. */
int cli_refuse_proxies(const char *command, const cli_flags *flags, const char *what);
void cli_flags_free(cli_flags *flags);

#endif
