/* Parses the flags of `route`, `explain` and `test` with getopt_long. */
#include "flags.h"
#include "claims.h"

#include "color.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    OPT_RANDOM = 256,
    OPT_SCHEME,
    OPT_PEER_ADDRESS,
    OPT_TRUSTED_PROXIES,
    OPT_REQUEST_ID,
    OPT_FACT,
    OPT_CLAIM,
    OPT_BODY,
    OPT_BODY_HEADER,
    OPT_JSON,
    OPT_BATCH,
    OPT_JUNIT,
    OPT_COVERAGE,
    OPT_FAIL_UNDER,
    OPT_LCOV,
    OPT_GENERATE,
    OPT_OLD,
    OPT_NEW,
    OPT_ONLY,
    OPT_FORMAT,
    OPT_LOCATE,
    OPT_AGAINST,
    OPT_AUTHORITY,
    OPT_ORDER,
    OPT_TO,
    OPT_COLOR,
    OPT_STRICT,
    OPT_EXPAND,
    OPT_ROLLOUT_STEP,
    OPT_VIEW /* and more: the rows of cli_view_flags */
};

static const struct option other_options[] = {
    {"file", required_argument, NULL, 'f'},
    {"recursive", no_argument, NULL, 'R'},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"expand", required_argument, NULL, OPT_EXPAND},
    {"rollout-step", required_argument, NULL, OPT_ROLLOUT_STEP},
    {"request", required_argument, NULL, 'X'},
    {"header", required_argument, NULL, 'H'},
    {"scheme", required_argument, NULL, OPT_SCHEME},
    {"peer-address", required_argument, NULL, OPT_PEER_ADDRESS},
    {"trusted-proxies", required_argument, NULL, OPT_TRUSTED_PROXIES},
    {"request-id", required_argument, NULL, OPT_REQUEST_ID},
    {"fact", required_argument, NULL, OPT_FACT},
    {"claim", required_argument, NULL, OPT_CLAIM},
    {"body", required_argument, NULL, OPT_BODY},
    {"body-header", required_argument, NULL, OPT_BODY_HEADER},
    {"random", required_argument, NULL, OPT_RANDOM},
    {"json", no_argument, NULL, OPT_JSON},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"junit", required_argument, NULL, OPT_JUNIT},
    {"coverage", no_argument, NULL, OPT_COVERAGE},
    {"fail-under", required_argument, NULL, OPT_FAIL_UNDER},
    {"lcov", required_argument, NULL, OPT_LCOV},
    {"generate", no_argument, NULL, OPT_GENERATE},
    {"old", required_argument, NULL, OPT_OLD},
    {"new", required_argument, NULL, OPT_NEW},
    {"only", required_argument, NULL, OPT_ONLY},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"locate", required_argument, NULL, OPT_LOCATE},
    {"against", required_argument, NULL, OPT_AGAINST},
    {"authority", required_argument, NULL, OPT_AUTHORITY},
    {"order", no_argument, NULL, OPT_ORDER},
    {"to", required_argument, NULL, OPT_TO},
    {"output", required_argument, NULL, 'o'},
    {"color", required_argument, NULL, OPT_COLOR},
    {"help", no_argument, NULL, 'h'},
};
enum { OTHER_OPTIONS = sizeof(other_options) / sizeof(other_options[0]) };

/* All options, for getopt_long: `out` has room for OTHER_OPTIONS + CLI_VIEW_FLAGS + 1. */
static void list_options(struct option *out) {
    for (int i = 0; i < OTHER_OPTIONS; i++)
        *out++ = other_options[i];
    for (int i = 0; i < CLI_VIEW_FLAGS; i++)
        *out++ = (struct option){cli_view_flags[i].flag, required_argument, NULL, OPT_VIEW + i};
    *out = (struct option){NULL, 0, NULL, 0};
}

/* The letter of `accepted` that stands for an option. */
static char group_of(int option) {
    switch (option) {
    case 'f':
        return 'f';
    case 'R':
    case OPT_STRICT:
    case OPT_EXPAND:
    case OPT_ROLLOUT_STEP:
        return 'l';
    case 'X':
    case 'H':
    case OPT_RANDOM:
    case OPT_SCHEME:
    case OPT_REQUEST_ID:
    case OPT_FACT:
    case OPT_CLAIM:
    case OPT_BODY:
    case OPT_BODY_HEADER:
        return 'r';
    case OPT_JSON:
        return 'j';
    case OPT_BATCH:
        return 'b';
    case OPT_JUNIT:
    case OPT_COVERAGE:
    case OPT_FAIL_UNDER:
    case OPT_LCOV:
    case OPT_GENERATE:
        return 'u';
    case OPT_OLD:
    case OPT_NEW:
    case OPT_ONLY:
    case OPT_LOCATE:
        return 'd';
    case OPT_FORMAT:
        return 'o';
    case OPT_TO:
    case 'o':
        return 'w';
    case OPT_AGAINST:
    case OPT_AUTHORITY:
        return 'y';
    case OPT_ORDER:
        return 'e';
    case OPT_COLOR: /* every command has it */
    case 'h':
        return 'h';
    default:
        return 'v';
    }
}

static const char *set_trusted_proxies(cli_request *request, const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > 1000)
        return "--trusted-proxies is a number from 0 to 1000";
    request->connection.trusted_proxies = (unsigned)n;
    return NULL;
}

static const char *set_random(cli_request *request, const char *text) {
    double draw;
    if (!cli_parse_draw(&draw, text))
        return "--random is a number in [0, 1)";
    request->request.draws = (hr_draws){draw, draw, draw, draw};
    return NULL;
}

static void set_diff_flag(cli_flags *out, int option, const char *value) {
    if (option == OPT_OLD || option == OPT_NEW)
        cli_push(option == OPT_OLD ? &out->old : &out->new_, value);
    else if (option == OPT_ONLY)
        out->only = value;
    else
        out->locate = value;
}

/* NULL, or what is wrong with the value. */
static const char *set_test_flag(cli_flags *out, int option, const char *value) {
    char *end;
    if (option == OPT_GENERATE)
        out->generate = true;
    else if (option == OPT_JUNIT)
        out->junit = value;
    else
        out->coverage = true;
    if (option == OPT_LCOV)
        out->lcov = value;
    if (option != OPT_FAIL_UNDER)
        return NULL;
    out->fail_under = strtod(value, &end);
    bool percent = end != value && *end == '\0' && out->fail_under >= 0 && out->fail_under <= 100;
    return percent ? NULL : "--fail-under is a number from 0 to 100";
}

/* NULL, or what is wrong with the value. */
static const char *set_request_flag(cli_flags *out, int option, const char *value) {
    switch (option) {
    case 'X':
        out->request.request.method = hr_str_from(value);
        return value[0] == '\0' ? "-X needs a method" : NULL;
    case 'H':
        return cli_parse_header(&out->request, value);
    case OPT_SCHEME:
        out->scheme = value;
        return strcasecmp(value, "http") == 0 || strcasecmp(value, "https") == 0
                   ? NULL
                   : "--scheme is http or https";
    case OPT_PEER_ADDRESS:
        return cli_set_peer(&out->request, hr_str_from(value))
                   ? NULL
                   : "--peer-address is ADDRESS or ADDRESS:PORT";
    case OPT_TRUSTED_PROXIES:
        return set_trusted_proxies(&out->request, value);
    case OPT_REQUEST_ID:
        out->request.connection.request_id = hr_str_from(value);
        return value[0] == '\0' ? "--request-id needs an id" : NULL;
    case OPT_FACT:
        return cli_add_fact(&out->request, hr_str_from(value)) ? NULL
                                                               : "--fact is written COMMAND=VALUE";
    case OPT_CLAIM:
        return cli_add_claim(&out->request, hr_str_from(value)) ? NULL
                                                                : "--claim is written NAME=VALUE";
    default: /* OPT_RANDOM */
        return set_random(&out->request, value);
    }
}

static const char *set_rollout_step(cli_flags *out, const char *value) {
    char *end;
    long step = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || step < 1 || step > 10000)
        return "--rollout-step is a number from 1 to 10000";
    out->rollout_step = (int)step;
    return NULL;
}

/* What is loaded, and how. NULL, or what is wrong with the value. */
static const char *set_load_flag(cli_flags *out, int option, const char *value) {
    switch (option) {
    case 'f':
        cli_push(&out->files, value);
        return NULL;
    case 'R':
        out->recursive = true;
        return NULL;
    case OPT_STRICT:
        out->strict = true;
        return NULL;
    case OPT_EXPAND:
        out->expand_rollouts = strcmp(value, "rollouts") == 0;
        return out->expand_rollouts ? NULL : "--expand is rollouts";
    default: /* OPT_ROLLOUT_STEP */
        return set_rollout_step(out, value);
    }
}

/* NULL, or what is wrong with the value. */
static const char *apply(cli_flags *out, int option, const char *value) {
    switch (option) {
    case 'f':
    case 'R':
    case OPT_STRICT:
    case OPT_EXPAND:
    case OPT_ROLLOUT_STEP:
        return set_load_flag(out, option, value);
    case OPT_BODY:
        out->body.file = value;
        return NULL;
    case OPT_BODY_HEADER:
        cli_push(&out->body.texts, value);
        return NULL;
    case OPT_JSON:
        out->json = true;
        return NULL;
    case OPT_BATCH:
        out->batch = value;
        return NULL;
    case OPT_JUNIT:
    case OPT_COVERAGE:
    case OPT_FAIL_UNDER:
    case OPT_LCOV:
    case OPT_GENERATE:
        return set_test_flag(out, option, value);
    case OPT_AGAINST:
        cli_push(&out->against, value);
        return NULL;
    case OPT_FORMAT:
        out->format = value;
        return NULL;
    case OPT_ORDER:
        out->order = true;
        return NULL;
    case OPT_AUTHORITY:
        out->authority = value;
        return value[0] == '\0' ? "--authority needs a host" : NULL;
    case OPT_TO:
        out->to = value;
        return NULL;
    case 'o':
        out->output = value;
        return value[0] == '\0' ? "-o needs a folder" : NULL;
    case OPT_COLOR:
        return cli_color_set(value) ? NULL : "--color is auto, always or never";
    case 'h':
        out->help = true;
        return NULL;
    case OPT_OLD:
    case OPT_NEW:
    case OPT_ONLY:
    case OPT_LOCATE:
        set_diff_flag(out, option, value);
        return NULL;
    default:
        return set_request_flag(out, option, value);
    }
}

/* CLI_OK, or CLI_USAGE after a line on stderr. */
static int apply_view_flag(cli_view *view, const cli_view_flag *row, const char *command,
                           const char *value) {
    const char *expected = "";
    if (cli_view_set(view, row->option, hr_str_from(value), &expected) == HR_OK)
        return CLI_OK;
    return cli_usage_error(command, "--%s: expected %s, not '%s'", row->flag, expected, value);
}

int cli_parse_flags(cli_flags *out, int argc, char **argv, const char *accepted) {
    *out = (cli_flags){.help = false};
    cli_request_init(&out->request);
    opterr = 0;
    optind = 1;
    struct option long_options[OTHER_OPTIONS + CLI_VIEW_FLAGS + 1];
    list_options(long_options);
    int option;
    while ((option = getopt_long(argc, argv, ":f:RX:H:ho:", long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (option == ':')
            return cli_usage_error(argv[0], "%s needs a value", given);
        if (option == '?' || (option != 'h' && strchr(accepted, group_of(option)) == NULL))
            return cli_usage_error(argv[0], "there is no flag %s",
                                   option == '?' || optarg == NULL ? given : argv[optind - 2]);
        if (option >= OPT_VIEW) {
            if (apply_view_flag(&out->view, &cli_view_flags[option - OPT_VIEW], argv[0], optarg) !=
                CLI_OK)
                return CLI_USAGE;
            continue;
        }
        const char *wrong = apply(out, option, optarg);
        if (wrong != NULL)
            return cli_usage_error(argv[0], "%s, not '%s'", wrong, optarg);
    }
    for (int i = optind; i < argc; i++)
        cli_push(&out->rest, argv[i]);
    return CLI_OK;
}

int cli_refuse_proxies(const char *command, const cli_flags *flags, const char *what) {
    const hr_connection *c = &flags->request.connection;
    const char *flag = c->trusted_proxies > 0    ? "--trusted-proxies"
                       : c->peer_address.len > 0 ? "--peer-address"
                                                 : NULL;
    if (flag == NULL)
        return CLI_OK;
    return cli_usage_error(command,
                           "%s takes no %s: %s. Leave the flag out, and ask about single requests "
                           "with 'headerroute route' and the flag",
                           what, flag,
                           strcmp(what, "replay") == 0
                               ? "it reads what a proxy received from the access log"
                               : "what it proves is about proxies that trust none in front of "
                                 "them, and about clients of any address");
}

void cli_flags_free(cli_flags *flags) {
    free(flags->files.v);
    free(flags->old.v);
    free(flags->new_.v);
    free(flags->against.v);
    free(flags->rest.v);
    free(flags->view.labels);
    cli_body_free(&flags->body);
    cli_request_free(&flags->request);
}
